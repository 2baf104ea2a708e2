"""What the trading platform reads back: whole files as versions, of which the newest known counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from riskops.records import LimitOrigin
from riskops.store.read_backs import Reading
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off
LATER = NOW + timedelta(minutes=1)
NEXT = CALENDAR.shift(SESSION, 1)
FIRST = Reading(SESSION, NOW, "first", "applied.csv", {"3942": 500_000, "3951": 450_000})
SECOND = Reading(SESSION, LATER, "second", "applied.csv", {"3942": 250_000})


@pytest.fixture
def desk(folder):
    with opened(folder) as made:
        assert made.store.read_backs.record(FIRST)
        assert made.store.read_backs.record(SECOND)
        yield made


@pytest.fixture
def read_backs(desk):
    return desk.store.read_backs


def in_force(desk, known_by, session=NEXT):
    found = desk.store.outcomes.limits(session, known_by)
    assert {origin for _, origin in found.values()} <= {LimitOrigin.READ_BACK}
    return {trader: limit for (_, trader), (limit, _) in found.items()}


def test_the_newest_file_known_counts_as_a_whole(read_backs):
    assert read_backs.newest(SESSION) == SECOND
    assert read_backs.newest(SESSION, NOW) == FIRST
    assert read_backs.newest(SESSION, NOW - timedelta(seconds=1)) is None


def test_the_newest_limit_known_of_each_trader_is_in_force(desk):
    assert in_force(desk, NOW) == FIRST.limits
    assert in_force(desk, LATER) == {"3942": 250_000, "3951": 450_000}
    assert in_force(desk, NOW - timedelta(seconds=1)) == {}


def test_a_blocked_trader_keeps_the_limit_that_was_in_force(desk):
    desk.store.read_backs.record(replace(SECOND, digest="third", limits={"3942": 0}))
    assert desk.store.read_backs.newest(SESSION).limits == {"3942": 0}
    assert in_force(desk, LATER + timedelta(minutes=1))["3942"] == 250_000


def test_the_newest_file_again_is_no_version_of_its_own(read_backs):
    assert not read_backs.record(replace(SECOND, known_at=LATER + timedelta(hours=1)))
    assert read_backs.newest(SESSION) == SECOND


def test_an_earlier_file_that_comes_again_after_another_counts_again(read_backs):
    again = replace(FIRST, known_at=LATER + timedelta(hours=1))
    assert read_backs.record(again)
    assert read_backs.newest(SESSION) == again


@pytest.mark.parametrize("set_back", [timedelta(0), timedelta(hours=1)])
def test_a_file_is_newer_than_the_one_before_also_where_the_clock_was_set_back(set_back, read_backs):
    read_backs.record(replace(SECOND, digest="third", known_at=LATER - set_back, limits={"3942": 100_000}))
    assert read_backs.newest(SESSION).limits == {"3942": 100_000}


def test_the_same_file_for_another_session_is_a_reading_of_its_own(read_backs):
    assert read_backs.newest(NEXT) is None
    assert read_backs.record(replace(SECOND, session=NEXT))
    assert read_backs.newest(NEXT).limits == SECOND.limits


def test_reading_back_is_usual_where_an_earlier_session_was_read_back(read_backs):
    assert read_backs.is_usual(SESSION, NEXT, NOW)
    assert not read_backs.is_usual(SESSION, NEXT, NOW - timedelta(seconds=1))
    assert not read_backs.is_usual(CALENDAR.previous(SESSION), SESSION, LATER)


def test_without_a_mail_nothing_was_sent(read_backs):
    assert read_backs.sent(SESSION) == {}
