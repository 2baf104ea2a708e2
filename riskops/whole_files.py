"""Files that are there whole or not at all, and locks that die with their process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

PATIENCE_SECONDS = 30.0  # longer than whoever holds a lock talks to a mail server that answers
LOOK_SECONDS = 0.02
DESK_ONLY = 0o640  # limits are no secret on the desk, and nobody else's business


def put(path: Path, data: bytes, mode: int = DESK_ONLY) -> None:
    """Put a file in place whole, and on the disk; one that says the same already is left alone.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is there still.
    """
    if _says(path, data):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    try:
        _write(draft, data, mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def point(link: Path, name: str) -> None:
    """Let `link` name its neighbour `name`, in one step."""
    if link.is_symlink() and os.readlink(link) == name:
        return
    draft = _draft(link)
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(link)
    _sync(link.parent)


@contextmanager
def locked(path: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold a lock; the kernel lets go of it when the process ends, however it ends.

    Raises
    ------
    BlockingIOError
        If somebody else holds it for longer than our patience: alive, and standing still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", opener=desk_only) as file:
        _take(file, time.monotonic() + patience_seconds)
        yield


def _take(file: TextIO, latest: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= latest:
                raise BlockingIOError(error.errno, "somebody holds it and stands still", file.name) from None
        time.sleep(LOOK_SECONDS)


def desk_only(path: str, flags: int) -> int:
    """Open a file for `open`; a new one is closed to everybody outside the desk."""
    return os.open(path, flags, DESK_ONLY)


def _says(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _write(draft: Path, data: bytes, mode: int) -> None:
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Put the folder's own entries on the disk: a rename is one of them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
