"""`riskops backup` and `riskops restore`: what they say, and how they end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from riskops import limits_file
from riskops.cli import app
from riskops.limits_file import State
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, environment, is_migrated, opened
from tests.small_desks import PUBLICATION, csv_desk, quiet


def run(folder, *arguments, **changes):
    environ = environment(folder, RISKOPS_SOURCE="csv", **changes) | {"COLUMNS": "200"}
    return CliRunner().invoke(app, arguments, env=environ)


@pytest.fixture(scope="module")
def kept(keeper, tmp_path_factory):
    """Return the folder of a desk with history, and its backup."""
    folder = keeper(tmp_path_factory.mktemp("kept"))
    csv_desk(folder, {"3942": quiet(), "3951": quiet()}).store.close()
    result = run(folder, "backup", str(folder / "desk.zip"))
    assert result.exit_code == 0, result.output
    return folder


def test_backup_says_where_it_is_and_its_checksum(kept, tmp_path):
    result = run(kept, "backup", str(tmp_path))
    (file,) = tmp_path.glob(f"riskops-test-{datetime.now(UTC):%Y%m}*Z.zip")
    assert result.exit_code == 0
    assert str(file) in result.stdout
    assert "sha256" in result.stdout


def test_a_backup_is_never_overwritten(kept):
    result = run(kept, "backup", str(kept / "desk.zip"))
    assert (result.exit_code, "is there already" in result.stderr) == (12, True)


def test_restore_brings_the_desk_back_into_a_database_that_is_missing(kept, folder):
    result = run(folder, "restore", str(kept / "desk.zip"))
    assert (result.exit_code, "restored and compared" in result.stdout) == (0, True)
    with opened(kept) as old, opened(folder) as new:
        assert content_of(new) == content_of(old)
    again = run(folder, "restore", str(kept / "desk.zip"))
    assert (again.exit_code, "holds it already" in again.stdout) == (0, True)


def test_check_reads_a_backup_without_settings_or_database(kept, monkeypatch):
    monkeypatch.delenv("RISKOPS_DATABASE_URL", raising=False)
    result = CliRunner().invoke(app, ["restore", "--check", str(kept / "desk.zip")], env={"COLUMNS": "200"})
    assert (result.exit_code, "Checked" in result.stdout) == (0, True)


def test_a_damaged_backup_is_refused_with_the_remedy(kept, folder):
    (folder / "half.zip").write_bytes((kept / "desk.zip").read_bytes()[:2_000])
    for arguments in (("--check",), ()):
        result = run(folder, "restore", *arguments, str(folder / "half.zip"))
        assert (result.exit_code, "take another one" in result.stderr) == (12, True)
    assert not is_migrated(folder)


def test_a_backup_of_another_deployment_is_refused(kept, folder):
    result = run(folder, "restore", str(kept / "desk.zip"), RISKOPS_DEPLOYMENT="demo")
    assert (result.exit_code, "set RISKOPS_DEPLOYMENT" in result.stderr) == (11, True)


def test_take_over_says_that_nothing_is_missing(kept):
    result = run(kept, "take-over")
    assert (result.exit_code, "the risk database knows every mail" in result.stdout) == (0, True)


def test_take_over_lists_what_left_since(kept, own_copy):
    folder = own_copy(kept)
    file = limits_file.limits_file(PUBLICATION, "test", State.SEALED)
    limits_file.write(file, folder / "out")
    limits_file.make_current(file, folder / "out")
    refused = run(folder, "send-report", "--session", str(CALENDAR.shift(SESSION, 1)), "--no-deliver")
    assert (refused.exit_code, "riskops take-over" in refused.stderr) == (25, True)
    result = run(folder, "take-over")
    assert (result.exit_code, f"{SESSION}" in result.stdout) == (0, True)
    assert (
        run(folder, "send-report", "--session", str(CALENDAR.shift(SESSION, 1)), "--no-deliver").exit_code
        == 0
    )
