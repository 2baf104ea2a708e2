"""What was read or worked out for a page before, and is the same as long as its key is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Found = TypeVar("Found")


class Kept:
    """Keeps what keys stand for, the last used ones, for all threads of a process.

    A key names everything that what it stands for is made of: nothing that is kept can be out of date.
    """

    def __init__(self, most: int = 256) -> None:
        self._most, self._lock = most, threading.Lock()
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    def of(self, key: Hashable, work: Callable[[], Found]) -> Found:
        """Return what `key` stands for; `work` finds it where it is not kept."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = work()
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return found
