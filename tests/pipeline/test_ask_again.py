"""A source is asked once more for sessions that are there, and what it corrected is known from then on."""

from __future__ import annotations

from datetime import time

import pytest

from riskops.errors import InputError
from riskops.pipeline.ask_again import ask_again
from riskops.pipeline.ingest import ingest
from riskops.sessions import desk_time
from tests.builders import CALENDAR, SESSION
from tests.desks import on_the_morning, opened, run_for
from tests.small_desks import NIGHT, csv_desk, night_file, quiet, row

TRADERS = ("3942", "3951")
OLD = CALENDAR.shift(NIGHT, -7)
NOON = desk_time(SESSION, time(12))


@pytest.fixture
def desk(folder):
    """Return a desk that the inbox has told of eight sessions."""
    sessions = CALENDAR.between(OLD, NIGHT)
    with csv_desk(folder, dict.fromkeys(TRADERS, quiet()[:40]), last=CALENDAR.previous(OLD)) as made:
        for session in sessions:
            night_file(folder, [row(trader, session, 120.0) for trader in TRADERS], session)
        ingest(made, run_for(SESSION))
        yield made


def result(desk, cut_off, session=OLD):
    trader = desk.store.history.desk(SESSION, cut_off).traders[0]
    return int(trader.net_cents[trader.day.tolist().index(CALENDAR.position(session))])


def test_a_correction_older_than_the_usual_look_back_comes_in_from_now_on(desk, folder):
    morning = desk.clock()
    night_file(folder, [row("3942", OLD, -900.0), row("3951", OLD, 120.0)], OLD)
    object.__setattr__(desk, "clock", lambda: NOON)
    ingest(desk, run_for(SESSION))
    assert result(desk, NOON) == 12_000
    assert ask_again(desk, OLD, SESSION) == {"sessions": 8, "new_trades": 0, "failures": {}}
    assert (result(desk, morning), result(desk, NOON)) == (12_000, -90_000)


def test_a_recent_correction_comes_in_by_itself(desk, folder):
    morning = desk.clock()
    night_file(folder, [row("3942", NIGHT, -900.0), row("3951", NIGHT, 120.0)])
    object.__setattr__(desk, "clock", lambda: NOON)
    ingest(desk, run_for(SESSION))
    assert (result(desk, morning, NIGHT), result(desk, NOON, NIGHT)) == (12_000, -90_000)


def test_a_session_that_is_not_over_is_refused(desk):
    with pytest.raises(InputError, match="not before"):
        ask_again(desk, SESSION, SESSION)


def test_a_source_that_never_corrects_itself_is_not_asked(sqlite_folder):
    with (
        opened(sqlite_folder, on_the_morning(SESSION)) as desk,
        pytest.raises(InputError, match="never corrects"),
    ):
        ask_again(desk, NIGHT, SESSION)
