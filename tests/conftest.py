"""Fixtures every test may use; what is slow to build is built once for all workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from tests.desks import build_small_desk, copied


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def small_desk_template(shared_folder: Path) -> Path:
    """Return the folder of a small demo desk; never written to, only copied."""
    folder = shared_folder / "small_desk"
    with FileLock(shared_folder / "small_desk.lock"):
        if not (folder / "ready").exists():
            folder.mkdir(exist_ok=True)
            build_small_desk(folder)
            (folder / "ready").touch()
    return folder


@pytest.fixture
def small_desk(small_desk_template: Path, tmp_path: Path) -> Path:
    """Return the folder of a small demo desk of this test's own."""
    return copied(small_desk_template, tmp_path / "desk")
