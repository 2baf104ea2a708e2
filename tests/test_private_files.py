"""What RiskOps writes is the desk's own: nobody else on the machine may read it."""

from __future__ import annotations

import os
import stat

import pytest

from riskops.pipeline.backup import back_up
from tests.builders import SESSION
from tests.desks import each_verb, run_for
from tests.small_desks import csv_desk, quiet


@pytest.fixture
def careless():
    """Let the process hide nothing by itself, as a badly set up service does."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_database_mails_limits_locks_and_backups_are_closed_to_others(careless, sqlite_folder):
    with csv_desk(sqlite_folder, {"3942": quiet(), "3951": quiet()}) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
        back_up(desk, sqlite_folder / "out")
    left = (path for path in (sqlite_folder / "out").rglob("*") if path.is_file())
    files = [sqlite_folder / "risk.db", *left]
    assert {".db", ".eml", ".html", ".txt", ".json", ".csv", ".lock", ".zip"} <= {
        file.suffix for file in files
    }
    open_to_others = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o007]
    assert open_to_others == []
    writable_by_group = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & stat.S_IWGRP]
    assert writable_by_group == []
