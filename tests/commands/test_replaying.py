"""`riskops replay`: what it says, and how it ends."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from riskops.cli import app
from riskops.errors import ReplayError
from riskops.store.tables import reports
from tests.builders import SESSION
from tests.desks import each_verb, environment, opened, run_for
from tests.small_desks import csv_desk, quiet


def run(folder, *arguments):
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "200"}
    return CliRunner().invoke(app, ("replay", *arguments), env=environ)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Return the folder of a desk that lived a morning."""
    from tests.desks import keep_on_sqlite

    folder = keep_on_sqlite(tmp_path_factory.mktemp("lived"))
    with csv_desk(folder, {"3942": quiet(), "3951": quiet()}) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


def test_an_equal_session_ends_well_and_its_record_is_written_with_the_printed_digest(lived, tmp_path):
    result = run(lived, str(SESSION), "--json", str(tmp_path / "decision.json"))
    assert result.exit_code == 0, result.output
    assert "EQUAL" in result.stdout
    assert "2 limits" in result.stdout
    written = (tmp_path / "decision.json").read_bytes()
    assert hashlib.sha256(written).hexdigest() in result.stdout


def test_a_span_is_told_by_session(lived):
    result = run(lived, "2026-03-02", "--through", str(SESSION))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [f"{SESSION} revision 0: EQUAL"]


def test_one_document_is_written_for_one_session_only(lived, tmp_path):
    result = run(lived, "2026-03-02", "--through", str(SESSION), "--json", str(tmp_path / "x"))
    assert result.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_a_session_that_was_never_decided_ends_with_the_replay_s_code(lived):
    result = run(lived, "2026-03-02")
    assert result.exit_code == ReplayError.exit_code
    assert "No limits were decided for 2026-03-02" in result.stderr


def test_a_difference_is_named_and_ends_with_the_replay_s_code(lived):
    with opened(lived, RISKOPS_SOURCE="csv") as desk, desk.store.database.writing() as connection:
        connection.execute(sa.update(reports).values(subject="Trade as you like"))
    result = run(lived, str(SESSION))
    assert result.exit_code == ReplayError.exit_code
    assert "DIFFERENT: report.subject[0]: recorded 'Trade as you like', replayed 'RiskOps" in result.stdout
