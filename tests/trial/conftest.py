"""Folders that a database server's account can reach, and what lives below them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder of this test's own that other accounts may pass through, unlike pytest's own."""
    made = Path(mkdtemp(prefix="riskops-trial-"))
    made.chmod(0o711)
    yield made
    for process in living_below(made):
        process.kill()
    shutil.rmtree(made)


def living_below(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder or below it."""
    return [process for process in psutil.process_iter() if _works_below(process, folder)]


def _works_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
