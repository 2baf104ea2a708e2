"""When the morning runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given, settings
from hypothesis import strategies as st
from pendulum import DateTime, instance

import trading_sessions
from tests.builders import CALENDAR
from trading_sessions import TradingSessionTimetable

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

NEW_YORK = ZoneInfo("America/New_York")
TIMETABLE = TradingSessionTimetable()
LONG_AGO = instance(datetime(2020, 1, 1, tzinfo=UTC))
MICROSECOND = timedelta(microseconds=1)


def six(year: int, month: int, day: int) -> DateTime:
    """Return 06:00 New York of a date, in UTC."""
    return instance(datetime(year, month, day, 6, tzinfo=NEW_YORK)).in_timezone("UTC")


def restriction(
    earliest: DateTime | None = LONG_AGO, latest: DateTime | None = None, *, catchup: bool = True
) -> TimeRestriction:
    return TimeRestriction(earliest=earliest, latest=latest, catchup=catchup)


def following(last: DateTime | None, allowed: TimeRestriction | None = None) -> DateTime | None:
    """Return the logical date of the run after the one at `last`."""
    interval = None if last is None else DataInterval.exact(last)
    info = TIMETABLE.next_dagrun_info(
        last_automated_data_interval=interval, restriction=allowed or restriction()
    )
    return None if info is None else info.logical_date


def mornings(first: date, last: date) -> list[DateTime]:
    """Return every run from the day `first` through the day `last`, found one after the other."""
    moment = instance(datetime.combine(first, time(), tzinfo=NEW_YORK))
    end = datetime.combine(last, time(23, 59), tzinfo=NEW_YORK)
    found, found_next = [], following(None, restriction(moment))
    while found_next is not None and found_next <= end:
        found.append(found_next)
        found_next = following(found_next)
    return found


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):
    """Return what stops the clock at a moment."""

    def stop(moment: DateTime) -> None:
        class StoppedClock(DateTime):
            @classmethod
            def now(cls, tz=None):
                return moment.in_timezone(tz)

        monkeypatch.setattr(trading_sessions, "DateTime", StoppedClock)

    return stop


def test_a_run_is_due_at_six_and_is_its_own_moment():
    info = TIMETABLE.next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(six(2026, 3, 16)), restriction=restriction()
    )
    assert info.logical_date == info.run_after == six(2026, 3, 17)
    assert info.data_interval == DataInterval.exact(six(2026, 3, 17))


@pytest.mark.parametrize(
    ("friday", "monday", "hours"),
    [
        ((2026, 3, 6), (2026, 3, 9), 71),
        ((2026, 10, 30), (2026, 11, 2), 73),
        ((2026, 3, 13), (2026, 3, 16), 72),
    ],
    ids=["clocks go forward", "clocks go back", "an ordinary weekend"],
)
def test_six_stays_six_in_new_york_when_the_clocks_change(friday, monday, hours):
    found = following(six(*friday))
    assert found == six(*monday)
    assert found - six(*friday) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("last", "after_the_holiday"),
    [
        ((2026, 4, 2), (2026, 4, 6)),
        ((2026, 11, 25), (2026, 11, 27)),
        ((2025, 12, 31), (2026, 1, 2)),
        ((2025, 1, 8), (2025, 1, 10)),
    ],
    ids=["Good Friday", "Thanksgiving", "New Year's Day", "a day of mourning"],
)
def test_holidays_are_skipped(last, after_the_holiday):
    assert following(six(*last)) == six(*after_the_holiday)


@pytest.mark.parametrize(
    "half_day", [date(2026, 11, 27), date(2026, 12, 24)], ids=["after Thanksgiving", "Christmas Eve"]
)
def test_half_days_run_like_any_other(half_day: date):
    day_before = CALENDAR.previous(half_day)
    found = following(six(day_before.year, day_before.month, day_before.day))
    assert found == six(half_day.year, half_day.month, half_day.day)


@pytest.mark.parametrize("first", [date(2024, 1, 1), date(2025, 1, 1)])
def test_a_year_runs_exactly_its_sessions_at_six(first: date):
    last = date(first.year, 12, 31)
    found = [moment.astimezone(NEW_YORK) for moment in mornings(first, last)]
    assert [moment.date() for moment in found] == CALENDAR.between(first, last)
    assert {moment.time() for moment in found} == {time(6)}
    assert all(earlier < later for earlier, later in pairwise(found))


@given(st.integers(0, 2_000 * 24 * 60).map(lambda minutes: LONG_AGO + timedelta(minutes=minutes)))
@settings(max_examples=60, deadline=None)
def test_the_next_run_is_the_first_morning_of_a_session_after_any_moment(moment: DateTime):
    day = moment.astimezone(NEW_YORK).date()
    while not CALENDAR.is_session(day) or six(day.year, day.month, day.day) <= moment:
        day += timedelta(days=1)
    assert following(moment) == six(day.year, day.month, day.day)


def test_nothing_runs_before_the_dag_starts():
    assert following(None, restriction(six(2026, 3, 16))) == six(2026, 3, 16)
    assert following(None, restriction(six(2026, 3, 16) + MICROSECOND)) == six(2026, 3, 17)
    assert following(six(2025, 6, 2), restriction(six(2026, 3, 16))) == six(2026, 3, 16)


def test_nothing_runs_after_the_dag_ends():
    assert following(six(2026, 3, 16), restriction(latest=six(2026, 3, 17))) == six(2026, 3, 17)
    assert following(six(2026, 3, 16), restriction(latest=six(2026, 3, 17) - MICROSECOND)) is None


def test_without_any_date_to_start_from_nothing_is_caught_up():
    assert following(None, restriction(earliest=None)) is None


def test_catching_up_begins_at_the_start():
    assert following(None, restriction(six(2026, 3, 2))) == six(2026, 3, 2)


def test_without_catching_up_only_the_newest_morning_that_has_begun_runs(at):
    at(six(2026, 3, 16) + timedelta(minutes=1))
    assert following(None, restriction(catchup=False)) == six(2026, 3, 16)
    assert following(six(2026, 3, 2), restriction(catchup=False)) == six(2026, 3, 16)


def test_without_catching_up_a_morning_that_has_not_begun_does_not_run_early(at):
    at(six(2026, 3, 16) - MICROSECOND)
    assert following(None, restriction(catchup=False)) == six(2026, 3, 13)


def test_without_catching_up_a_morning_that_ran_does_not_run_again(at):
    at(six(2026, 3, 16) + timedelta(hours=3))
    assert following(six(2026, 3, 16), restriction(catchup=False)) == six(2026, 3, 17)


def test_without_catching_up_the_start_is_kept_all_the_same(at):
    at(six(2026, 3, 16))
    assert following(None, restriction(six(2026, 4, 1), catchup=False)) == six(2026, 4, 1)
    assert following(None, restriction(None, catchup=False)) == six(2026, 3, 16)


def test_a_manual_run_is_for_the_moment_it_was_asked_for():
    moment = instance(datetime(2026, 3, 15, 18, 30, tzinfo=UTC))
    assert TIMETABLE.infer_manual_data_interval(run_after=moment) == DataInterval.exact(moment)


def test_another_calendar_has_its_own_days():
    weekend = DataInterval.exact(six(2026, 3, 13))
    every_day = TradingSessionTimetable("24/7")
    info = every_day.next_dagrun_info(last_automated_data_interval=weekend, restriction=restriction())
    assert info.logical_date == six(2026, 3, 14)


def test_what_airflow_stores_gives_the_same_timetable_back():
    stored = TradingSessionTimetable("24/7", time(7, 30)).serialize()
    again = TradingSessionTimetable.deserialize(stored)
    assert again.serialize() == stored == {"calendar": "24/7", "at": "07:30:00", "monthly": False}
    assert again.summary == "07:30 New York, 24/7 sessions"


# --- the first session of each month --------------------------------------------------------
MONTHLY = TradingSessionTimetable(at=time(18), monthly=True)


def evening(year: int, month: int, day: int) -> DateTime:
    """Return 18:00 New York of a date, in UTC."""
    return instance(datetime(year, month, day, 18, tzinfo=NEW_YORK)).in_timezone("UTC")


def next_month(last: DateTime | None, allowed: TimeRestriction | None = None) -> DateTime:
    interval = None if last is None else DataInterval.exact(last)
    return MONTHLY.next_dagrun_info(
        last_automated_data_interval=interval, restriction=allowed or restriction()
    ).logical_date


def test_a_monthly_timetable_runs_on_the_first_session_of_each_month_and_on_no_other_day():
    found = [next_month(evening(2025, 12, 1))]
    while len(found) < 12:
        found.append(next_month(found[-1]))
    dates = [moment.astimezone(NEW_YORK).date() for moment in found]
    sessions = CALENDAR.between(date(2026, 1, 1), date(2026, 12, 31))
    firsts = [min(s for s in sessions if s.month == month) for month in range(1, 13)]
    assert dates == firsts
    assert {moment.astimezone(NEW_YORK).time() for moment in found} == {time(18)}


def test_a_monthly_timetable_waits_for_next_month_once_this_month_s_run_is_over():
    assert next_month(None, restriction(evening(2026, 10, 1))) == evening(2026, 10, 1)
    assert next_month(None, restriction(evening(2026, 10, 1) + MICROSECOND)) == evening(2026, 11, 2)
    assert next_month(None, restriction(evening(2026, 10, 30))) == evening(2026, 11, 2)


def test_without_catching_up_the_newest_month_that_has_begun_runs(at):
    at(evening(2026, 10, 30))
    assert next_month(None, restriction(catchup=False)) == evening(2026, 10, 1)
    at(evening(2026, 11, 2) - MICROSECOND)
    assert next_month(None, restriction(catchup=False)) == evening(2026, 10, 1)
    at(evening(2026, 11, 2))
    assert next_month(None, restriction(catchup=False)) == evening(2026, 11, 2)


def test_what_airflow_stores_of_a_monthly_timetable_gives_it_back():
    again = TradingSessionTimetable.deserialize(MONTHLY.serialize())
    assert again.serialize() == MONTHLY.serialize()
    assert again.summary == "18:00 New York, first XNYS session of each month"


def test_airflow_knows_the_timetable_as_a_plugin():
    from airflow import plugins_manager

    assert "trading_sessions.TradingSessionTimetable" in plugins_manager.get_timetables_plugins()
    assert plugins_manager.get_import_errors() == {}
