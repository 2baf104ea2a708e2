"""Overrides: recorded with a number, in force for their sessions, ended by a word of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from riskops.pipeline.enrol import enrol
from riskops.records import AskedOverride, TakenBack
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import BASE_CENTS, PUBLICATION, account_of

NOW = PUBLICATION.cut_off
EARLIER, LATER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
LAST = CALENDAR.shift(SESSION, 2)
ASKED = AskedOverride("3942", SESSION, LAST, 60, "anna", "news on the stock")
ENDED = TakenBack(NOW, "bert", "all clear")


@pytest.fixture
def overrides(folder):
    with opened(folder) as desk:
        enrol(desk, "3942", "", account_of("3942"), BASE_CENTS, SESSION)
        yield desk.store.overrides


def test_what_is_recorded_comes_back_under_its_number(overrides):
    first, second = overrides.record(ASKED, EARLIER), overrides.record(ASKED, NOW)
    assert overrides.all() == (first, second)
    assert first.number < second.number
    assert (first.asked, first.recorded_at, first.taken_back) == (ASKED, EARLIER, None)


@pytest.mark.parametrize(("sessions", "is_known"), [(-1, False), (0, True), (2, True), (3, False)])
def test_it_is_known_for_its_sessions_and_reverts_by_itself(overrides, sessions, is_known):
    recorded = overrides.record(ASKED, EARLIER)
    found = overrides.known(CALENDAR.shift(SESSION, sessions), NOW)
    assert found == ((recorded,) if is_known else ())


def test_one_recorded_after_the_cut_off_is_not_known(overrides):
    overrides.record(ASKED, LATER)
    assert overrides.known(SESSION, NOW) == ()


def test_one_taken_back_counts_until_then_and_no_longer(overrides):
    recorded = overrides.record(ASKED, EARLIER)
    overrides.take_back(recorded.number, ENDED)
    assert [o.number for o in overrides.known(SESSION, EARLIER)] == [recorded.number]
    assert overrides.known(SESSION, NOW) == ()


def test_the_first_word_that_takes_it_back_stands(overrides):
    recorded = overrides.record(ASKED, EARLIER)
    overrides.take_back(recorded.number, ENDED)
    overrides.take_back(recorded.number, TakenBack(LATER, "carl", "again"))
    assert overrides.all()[0].taken_back == ENDED


def test_one_of_a_trader_nobody_enrolled_is_refused_by_the_database(overrides):
    with pytest.raises(sa.exc.IntegrityError):
        overrides.record(AskedOverride("9999", SESSION, LAST, 60, "anna", "why"), NOW)
