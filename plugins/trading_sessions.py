"""When the desk runs something: at one New York time of every session, or of a month's first one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime, instance

LONGEST_PAUSE = timedelta(days=45)  # between two runs of any timetable here


class TradingSessionTimetable(Timetable):
    """One run a session, at one time of the desk's day; the logical date is that very moment.

    Parameters
    ----------
    calendar
        Name of the exchange calendar, ``XNYS`` by default.
    at
        New York wall clock, 06:00 by default.
    monthly
        Whether only the first session of each month has a run.
    """

    description = "One New York time on every trading session, or on the first one of each month"

    def __init__(self, calendar: str = "XNYS", at: time = time(6, 0), *, monthly: bool = False) -> None:
        self._calendar = calendar
        self._at = at
        self._monthly = monthly

    @property
    def summary(self) -> str:
        """The schedule as the UI shows it."""
        name = self._calendar
        which = f"first {name} session of each month" if self._monthly else f"{name} sessions"
        return f"{self._at:%H:%M} New York, {which}"

    def serialize(self) -> dict[str, Any]:
        """Return what Airflow stores of this timetable."""
        return {"calendar": self._calendar, "at": self._at.isoformat(), "monthly": self._monthly}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TradingSessionTimetable:
        """Rebuild the timetable from what Airflow stored."""
        monthly = data.get("monthly", False)
        return cls(data["calendar"], time.fromisoformat(data["at"]), monthly=monthly)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Give a manual run the moment it was asked for; its session is resolved by the run."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the first morning after the last one that the restriction allows."""
        earliest = self._earliest(last_automated_data_interval, restriction)
        if earliest is None:
            return None
        morning = self._first_morning(earliest)
        if restriction.latest is not None and morning > restriction.latest:
            return None
        return DagRunInfo.exact(morning)

    def _earliest(self, last: DataInterval | None, restriction: TimeRestriction) -> datetime | None:
        if last is not None:
            wanted: datetime | None = last.end + timedelta(microseconds=1)
        else:
            wanted = restriction.earliest
        if not restriction.catchup:
            wanted = max(filter(None, (wanted, self._newest_begun())), default=None)
        if wanted is not None and restriction.earliest is not None:
            wanted = max(wanted, restriction.earliest)
        return wanted

    def _newest_begun(self) -> datetime:
        """Return the newest morning that has begun: without catch-up nothing older runs."""
        now = DateTime.now("UTC")
        candidate = self._first_morning(now - LONGEST_PAUSE)
        while (following := self._first_morning(candidate + timedelta(microseconds=1))) <= now:
            candidate = following
        return candidate

    def _first_morning(self, moment: datetime) -> DateTime:
        """Return the first morning of a session that is not before `moment`."""
        from riskops.sessions import desk_date, desk_time

        day = desk_date(moment)
        morning = desk_time(self._session_from(day), self._at)
        if morning < moment:
            morning = desk_time(self._session_from(day + timedelta(days=1)), self._at)
        return instance(morning).in_timezone("UTC")

    def _session_from(self, day: date) -> date:
        """Return the first session on or after `day`; where monthly, that is the first of its month."""
        from riskops.sessions import trading_calendar

        calendar = trading_calendar(self._calendar)
        if not self._monthly:
            return calendar.roll_forward(day)
        of_this_month = calendar.roll_forward(day.replace(day=1))
        if of_this_month >= day:
            return of_this_month
        return calendar.roll_forward((day.replace(day=1) + timedelta(days=32)).replace(day=1))


class TradingSessionsPlugin(AirflowPlugin):
    """Registers the timetable."""

    name = "trading_sessions"
    timetables = [TradingSessionTimetable]  # noqa: RUF012 - Airflow reads a plain list
