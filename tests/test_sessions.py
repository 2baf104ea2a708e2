"""The calendar: which dates are sessions, and how a moment becomes one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.errors import ConfigurationError, SessionError
from riskops.sessions import desk_date, desk_time, parse_session, session_for_run, trading_calendar
from tests.builders import CALENDAR, SESSION

ROUND_THE_CLOCK = trading_calendar("24/7")
NOW = desk_time(SESSION, time(6, 5))
SATURDAY, GOOD_FRIDAY = date(2026, 3, 14), date(2026, 4, 3)


class TestSessions:
    def test_weekends_and_holidays_are_no_sessions(self):
        assert CALENDAR.is_session(SESSION)
        assert not CALENDAR.is_session(SATURDAY)
        assert not CALENDAR.is_session(GOOD_FRIDAY)

    def test_the_session_before_a_monday_is_the_friday(self):
        assert CALENDAR.previous(SESSION) == date(2026, 3, 13)

    def test_every_date_is_a_session_round_the_clock(self):
        assert ROUND_THE_CLOCK.previous(SESSION) == date(2026, 3, 15)

    def test_a_date_that_is_no_session_is_refused_with_the_next_one(self):
        with pytest.raises(
            SessionError, match=r"2026-03-14 is no session of XNYS; the next one is 2026-03-16"
        ):
            CALENDAR.position(SATURDAY)

    def test_results_on_a_date_that_is_no_session_are_refused_by_that_date(self):
        with pytest.raises(SessionError, match="2026-04-03 is no session"):
            CALENDAR.positions([SESSION, GOOD_FRIDAY])

    def test_an_unknown_calendar_is_refused_by_name(self):
        with pytest.raises(ConfigurationError, match="RISKOPS_CALENDAR='XMOON'"):
            trading_calendar("XMOON")

    def test_a_date_beyond_the_calendar_asks_for_its_update(self):
        with pytest.raises(SessionError, match="update exchange-calendars"):
            CALENDAR.roll_forward(date(2999, 1, 1))

    def test_between_includes_both_ends(self):
        assert CALENDAR.between(date(2026, 3, 13), SESSION) == [date(2026, 3, 13), SESSION]

    @given(st.dates(date(2006, 1, 1), date(2026, 1, 1)))
    @settings(max_examples=100, deadline=None)
    def test_rolling_forward_and_back_enclose_a_date_without_a_session_between(self, day):
        ahead, behind = CALENDAR.roll_forward(day), CALENDAR.roll_back(day)
        assert behind <= day <= ahead
        assert CALENDAR.position(ahead) - CALENDAR.position(behind) == (0 if CALENDAR.is_session(day) else 1)

    @given(st.integers(100, 4_000), st.integers(-90, 90))
    @settings(max_examples=100, deadline=None)
    def test_shifting_there_and_back_ends_where_it_began(self, position, by):
        session = CALENDAR.session_at(position)
        assert CALENDAR.shift(CALENDAR.shift(session, by), -by) == session


class TestLabels:
    def test_a_close_belongs_to_the_exchange_s_date(self):
        late_evening = datetime(2026, 3, 17, 1, 30, tzinfo=UTC)  # 21:30 in New York the day before
        assert CALENDAR.label(late_evening) == SESSION

    def test_a_close_on_a_weekend_rolls_into_the_next_session(self):
        assert CALENDAR.label(datetime(2026, 3, 14, 15, tzinfo=UTC)) == SESSION

    def test_history_is_known_early_on_the_next_session(self):
        assert CALENDAR.history_known_at(date(2026, 3, 13)) == desk_time(SESSION, time(5))

    def test_desk_time_follows_daylight_saving(self):
        assert desk_time(date(2026, 3, 6), time(6)).astimezone(UTC).hour == 11
        assert desk_time(SESSION, time(6)).astimezone(UTC).hour == 10

    def test_the_desk_s_date_is_new_york_s(self):
        assert desk_date(datetime(2026, 3, 17, 3, 59, tzinfo=UTC)) == SESSION


class TestSessionForRun:
    def test_an_explicit_session_wins(self):
        assert session_for_run(CALENDAR, "2026-03-12", NOW, NOW) == date(2026, 3, 12)

    def test_a_scheduled_run_is_for_the_new_york_date_of_its_logical_date(self):
        logical = datetime(2026, 3, 13, 10, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
        assert session_for_run(CALENDAR, None, logical, NOW) == date(2026, 3, 13)

    def test_without_either_it_is_the_newest_session_that_has_begun(self):
        assert session_for_run(CALENDAR, None, None, NOW) == SESSION
        assert session_for_run(CALENDAR, "", None, desk_time(date(2026, 3, 15), time(12))) == date(
            2026, 3, 13
        )

    @pytest.mark.parametrize(
        ("asked", "why"),
        [("2026-03-17", "lies ahead"), ("2026-03-14", "no session"), ("16.03.2026", "write YYYY-MM-DD")],
    )
    def test_what_cannot_be_decided_is_refused(self, asked, why):
        with pytest.raises(SessionError, match=why):
            session_for_run(CALENDAR, asked, None, NOW)

    def test_a_logical_date_on_a_weekend_is_refused(self):
        with pytest.raises(SessionError, match="no session"):
            session_for_run(CALENDAR, None, datetime(2026, 3, 14, 12, tzinfo=UTC), NOW)


def test_a_date_is_read_as_written():
    assert parse_session("2026-03-16") == SESSION
