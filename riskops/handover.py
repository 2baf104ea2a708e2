"""The fence between the two senders of a mail: the one with the risk database, and the one without.

Both hand the same mail to the same recipient under the same key. What each of them says of it is
kept beside the senders' locks, one line a word, and read by the other before it hands over. The
lock is held while the mail server is talked to and never while a database is waited for, so
whoever hangs on the database cannot keep the other from mailing.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from riskops import whole_files

log = logging.getLogger(__name__)


class Sender(StrEnum):
    """Who hands a mail over: from the outbox of the risk database, or from the one kept in files."""

    OUTBOX = "outbox"
    EMERGENCY = "emergency"


class Word(StrEnum):
    """What a sender said last of a mail: the server may have it, has it, or surely does not."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"


class Handover:
    """One mail while it is being handed over: what was said of it, and a place to say more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def last_word(self, sender: Sender) -> Word | None:
        """Return what a sender said last of the mail, ``None`` where it said nothing."""
        self._file.seek(0)
        return _last_word(self._file.read(), sender)

    def say(self, sender: Sender, word: Word) -> None:
        """Keep a word on the disk; where that is full the mail leaves all the same."""
        try:
            self._file.write(f"{sender} {word}\n".encode())
            os.fsync(self._file.fileno())
        except OSError as error:
            log.warning("No word is kept of a mail that is handed over: %s", error.strerror or error)


@contextmanager
def handing_over(folder: Path, key: str) -> Iterator[Handover]:
    """Hold the fence of a mail, alone; wait for the other sender while it talks to its mail server."""
    with ExitStack() as stack:
        yield Handover(_opened(stack, _path(folder, key)))


def last_word(folder: Path, key: str, sender: Sender) -> Word | None:
    """Return what a sender said last of a mail, without waiting for anybody."""
    path = _path(folder, key)
    return _last_word(path.read_bytes(), sender) if path.exists() else None


def _opened(stack: ExitStack, path: Path) -> BinaryIO:
    try:
        stack.enter_context(whole_files.locked(path))
        return stack.enter_context(open(path, "a+b", buffering=0, opener=whole_files.desk_only))
    except BlockingIOError:
        raise  # the other sender talks to its server, or stands still with the mail in its hands
    except OSError as error:
        log.warning("Nothing keeps two senders apart: %s: %s", path, error.strerror)
        return io.BytesIO()


def _path(folder: Path, key: str) -> Path:
    return folder / f"{key}.handover"


def _last_word(text: bytes, sender: Sender) -> Word | None:
    known = {f"{sender} {word}": word for word in Word}
    said = [known[line] for line in text.decode("ascii", "replace").splitlines() if line in known]
    return said[-1] if said else None
