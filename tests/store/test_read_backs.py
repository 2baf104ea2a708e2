"""What the trading platform reads back: versions, of which the newest known counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from riskops.records import ReadBack
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off
LATER = NOW + timedelta(minutes=1)
FIRST = ReadBack(SESSION, "3942", 500_000, NOW, "first")
SECOND = ReadBack(SESSION, "3942", 250_000, LATER, "second")
OTHER = ReadBack(SESSION, "3951", 500_000, NOW, "first")


@pytest.fixture
def read_backs(folder):
    with opened(folder) as desk:
        desk.store.read_backs.record(SESSION, "first", "applied.csv", NOW, [FIRST, OTHER])
        desk.store.read_backs.record(SESSION, "second", "applied.csv", LATER, [SECOND])
        yield desk.store.read_backs


def test_the_newest_limit_known_of_each_trader_counts(read_backs):
    assert read_backs.known(SESSION, LATER) == (SECOND, OTHER)
    assert read_backs.known(SESSION, NOW) == (FIRST, OTHER)


def test_another_session_has_none(read_backs):
    assert read_backs.known(CALENDAR.shift(SESSION, 1), LATER) == ()


def test_a_file_that_is_there_stays_as_it_is(read_backs):
    read_backs.record(SESSION, "first", "renamed.csv", NOW, [FIRST, OTHER])
    assert read_backs.known(SESSION, NOW) == (FIRST, OTHER)
