"""`riskops status`: one screen that says how the morning stands, also where little is known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from riskops import config
from riskops.cli import app
from riskops.commands import status
from riskops.commands.status import next_morning
from riskops.desk import open_desk
from riskops.pipeline.backup import back_up
from riskops.sessions import DESK_ZONE, TradingCalendar, desk_time
from tests.builders import CALENDAR, SESSION
from tests.desks import each_verb, environment, is_on_sqlite, opened, run_for
from tests.small_desks import NIGHT, csv_desk, night_file, rows_of, stormy

ON = ("--session", SESSION.isoformat())
RESULTS = stormy()


def shown(folder: Path, *arguments: str, columns: int = 80, **changes: str):
    environ = environment(folder, RISKOPS_SOURCE="csv", **changes) | {"COLUMNS": str(columns)}
    return CliRunner().invoke(app, ["status", *arguments], env=environ)


def said(folder: Path, *arguments: str, **changes: str) -> str:
    """Return what status printed, which has to succeed, with its spaces made one."""
    result = shown(folder, *arguments, columns=250, **changes)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def server(folder: Path) -> str:
    """Return how the server's name and version begin."""
    return r"SQLite 3\." if is_on_sqlite(folder) else r"PostgreSQL 1\d\."


@pytest.fixture(scope="module")
def lived(keeper, tmp_path_factory):
    """Return the folder of a desk that lived its morning by the night's file."""
    folder = keeper(tmp_path_factory.mktemp("lived"))
    night_file(folder, rows_of({trader: usd[-1:] for trader, usd in RESULTS.items()}))
    earlier = {trader: usd[:-1] for trader, usd in RESULTS.items()}
    with csv_desk(folder, earlier, last=CALENDAR.previous(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


@pytest.fixture
def empty(folder):
    opened(folder).store.close()
    return folder


class TestOneScreen:
    def test_it_says_rung_seal_freshness_and_what_it_stands_on(self, lived):
        text = said(lived, *ON)
        assert "rung │ 2 rules" in text
        assert "mail │ out, the session is sealed" in text
        assert "accounts fetched │ 15 of 15" in text
        assert "behind │ nobody" in text
        assert "limits file │ sealed, " in text
        assert re.search(rf"database │ {server(lived)}[\d.]+, [\d.]+ MB, schema \d{{4}}", text)
        assert re.search(r"next run │ \w{3} \d{4}-\d\d-\d\d 06:00 New York, in \d+ \w+", text)
        assert "last backup │ none known here: `riskops backup DESTINATION`" in text

    def test_it_lists_sources_verbs_and_mails(self, lived):
        text = said(lived, *ON)
        assert f"csv │ 15 │ {NIGHT}" in text
        assert f"closed_trades │ 15 │ {CALENDAR.previous(NIGHT)}" in text
        assert "send_report │ done" in text
        assert "files │ sent │ 1" in text

    def test_it_names_who_is_behind_and_since_when(self, lived):
        text = said(lived, "--session", CALENDAR.shift(SESSION, 1).isoformat())
        assert "0 of 15" in text
        assert re.search(rf"behind │ A3937 \({NIGHT}\), .* and 7 more", text)

    @pytest.mark.parametrize("columns", [80, 100])
    def test_it_fits_a_narrow_screen_and_nothing_is_cut_off(self, lived, columns):
        result = shown(lived, *ON, columns=columns)
        assert max(map(len, result.stdout.splitlines())) <= columns
        assert "…" not in result.stdout

    def test_it_knows_the_last_backup_of_its_output_folder(self, empty):
        with open_desk(environment(empty, RISKOPS_SOURCE="csv")) as desk:
            back_up(desk, empty / "desk.zip")
        assert re.search(r"last backup │ [\d-]+ [\d:]+ New York, \d min ago: \S+/desk\.zip", said(empty))


class TestLittleIsKnown:
    def test_a_desk_on_which_nothing_has_run_says_so(self, empty):
        text = said(empty, *ON)
        assert "rung │ not decided" in text
        assert "why │ nothing has been run for this session yet" in text
        assert "0 of 0: nobody is enrolled, see `riskops enrol`" in text
        assert "mail │ not out" in text
        assert "limits file │ none, nothing is decided" in text

    def test_a_desk_that_is_not_migrated_is_told_how(self, folder):
        result = shown(folder)
        assert (result.exit_code, "riskops migrate" in result.stderr) == (11, True)

    @pytest.mark.fault(
        what="the risk database cannot be reached and somebody asks for the status",
        gets="the error with its remedy, and what is known without it: next run, calendar, last backup",
        rung="-",
        label="-",
        told="whoever asked",
    )
    def test_without_its_database_it_tells_the_error_and_the_rest(self, tmp_path):
        result = shown(
            tmp_path,
            columns=200,
            RISKOPS_DATABASE_URL="postgresql+psycopg://u@127.0.0.1:1/risk?connect_timeout=2",
        )
        assert result.exit_code == 22
        assert "Look at its server" in result.stderr
        text = " ".join(result.stdout.split())
        assert "database │ OUT OF REACH" in text
        assert "next run │" in text
        assert "calendar │ XNYS, known through" in text


class TestNextRun:
    @pytest.mark.parametrize(
        ("now", "session"),
        [
            ("2026-03-16 05:59", "2026-03-16"),
            ("2026-03-16 06:00", "2026-03-17"),
            ("2026-03-20 12:00", "2026-03-23"),
            ("2026-04-02 23:59", "2026-04-06"),  # over Good Friday
            ("2026-03-08 01:00", "2026-03-09"),  # the clocks go forward
        ],
    )
    def test_it_is_the_next_session_s_morning(self, now, session):
        moment = datetime.fromisoformat(now).replace(tzinfo=DESK_ZONE).astimezone(UTC)
        assert next_morning(CALENDAR, moment) == desk_time(date.fromisoformat(session), time(6))


class TestHorizon:
    @pytest.mark.parametrize(("days", "is_soon"), [(0, True), (1, False), (-30, True)])
    def test_sessions_that_end_soon_are_told_loudly(self, days, is_soon):
        last = SESSION + timedelta(days=config.CALENDAR_ENDS_SOON_DAYS + days)
        calendar = TradingCalendar("XNYS", CALENDAR.zone, np.array([SESSION, last], dtype="datetime64[D]"))
        assert ("update exchange-calendars" in status._horizon(calendar, SESSION)) is is_soon

    def test_a_calendar_that_has_ended_has_no_next_run_and_status_still_works(self):
        ended = TradingCalendar("XNYS", CALENDAR.zone, np.array([SESSION], dtype="datetime64[D]"))
        moment = desk_time(SESSION, time(12)).astimezone(UTC)
        assert "no session is known" in status._next_run(ended, moment)
