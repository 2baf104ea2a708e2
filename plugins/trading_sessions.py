"""When the morning runs: 06:00 New York on every session of the exchange, and on no other day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime, instance


class TradingSessionTimetable(Timetable):
    """One run a session, at the desk's morning; the logical date is that very moment.

    Parameters
    ----------
    calendar
        Name of the exchange calendar, ``XNYS`` by default.
    """

    description = "06:00 New York on every trading session"

    def __init__(self, calendar: str = "XNYS") -> None:
        self._calendar = calendar

    @property
    def summary(self) -> str:
        """The schedule as the UI shows it."""
        return f"06:00 New York, {self._calendar} sessions"

    def serialize(self) -> dict[str, Any]:
        """Return what Airflow stores of this timetable."""
        return {"calendar": self._calendar}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TradingSessionTimetable:
        """Rebuild the timetable from what Airflow stored."""
        return cls(data["calendar"])

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
        candidate = self._first_morning(now - timedelta(days=14))
        while (following := self._first_morning(candidate + timedelta(microseconds=1))) <= now:
            candidate = following
        return candidate

    def _first_morning(self, moment: datetime) -> DateTime:
        """Return the first 06:00 New York of a session that is not before `moment`."""
        from riskops import config
        from riskops.sessions import desk_date, desk_time, trading_calendar

        calendar = trading_calendar(self._calendar)
        session: date = calendar.roll_forward(desk_date(moment))
        morning = desk_time(session, config.MORNING_AT)
        if morning < moment:
            morning = desk_time(calendar.shift(session, 1), config.MORNING_AT)
        return instance(morning).in_timezone("UTC")


class TradingSessionsPlugin(AirflowPlugin):
    """Registers the timetable."""

    name = "trading_sessions"
    timetables = [TradingSessionTimetable]  # noqa: RUF012 - Airflow reads a plain list
