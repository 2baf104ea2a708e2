"""The exchange calendar: which dates are sessions, and how a moment becomes one.

A session is the trading date a limit is *for*. Positions are integers that count sessions of
the calendar, so that "five sessions ago" is a subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from riskops import config
from riskops.errors import ConfigurationError, SessionError

DESK_ZONE = ZoneInfo(config.DESK_TIME_ZONE)
FIRST_DATE = date(2005, 1, 1)
SHOWN_CHARACTERS = 200  # of what a library says


@dataclass(frozen=True, eq=False)
class TradingCalendar:
    """Sessions of one exchange, ascending.

    Parameters
    ----------
    name
        The calendar's name in ``exchange_calendars`` (``XNYS``, ``24/7``).
    zone
        The time zone whose date labels a moment.
    dates
        All sessions known, as ``datetime64[D]``.
    """

    name: str
    zone: ZoneInfo
    dates: np.ndarray

    def is_session(self, day: date) -> bool:
        """Say whether `day` is a session."""
        position = int(np.searchsorted(self.dates, np.datetime64(day)))
        return position < len(self.dates) and self.dates[position] == np.datetime64(day)

    def position(self, session: date) -> int:
        """Return the position of `session`.

        Raises
        ------
        SessionError
            If the date is no session of this calendar.
        """
        if not self.is_session(session):
            raise SessionError(
                f"{session} is no session of {self.name}; "
                f"the next one is {self.roll_forward(session)}. Give a session date."
            )
        return int(np.searchsorted(self.dates, np.datetime64(session)))

    def positions(self, sessions: Sequence[date]) -> np.ndarray:
        """Return the positions of many sessions, as ``int64``."""
        wanted = np.asarray(sessions, dtype="datetime64[D]")
        found = np.searchsorted(self.dates, wanted)
        known = (found < len(self.dates)) & (self.dates[np.minimum(found, len(self.dates) - 1)] == wanted)
        if not known.all():
            offender = wanted[~known][0]
            raise SessionError(
                f"{offender} is no session of {self.name}. Reload the data with this calendar."
            )
        return found.astype(np.int64)

    def session_at(self, position: int) -> date:
        """Return the session at `position`.

        Raises
        ------
        SessionError
            If the calendar does not reach that far.
        """
        if not 0 <= position < len(self.dates):
            raise SessionError(self._out_of_reach)
        return self.dates[position].astype(object)

    @property
    def _out_of_reach(self) -> str:
        return (
            f"The calendar {self.name} begins at {self.dates[0]} and ends at {self.dates[-1]}: "
            "give a session within, or update exchange-calendars."
        )

    def shift(self, session: date, by: int) -> date:
        """Return the session `by` sessions after `session` (before it where negative)."""
        return self.session_at(self.position(session) + by)

    def previous(self, session: date) -> date:
        """Return the session before `session`."""
        return self.shift(session, -1)

    def roll_forward(self, day: date) -> date:
        """Return `day` if it is a session, else the next session."""
        position = int(np.searchsorted(self.dates, np.datetime64(day)))
        return self.session_at(position)

    def roll_back(self, day: date) -> date:
        """Return `day` if it is a session, else the session before it."""
        position = int(np.searchsorted(self.dates, np.datetime64(day), side="right")) - 1
        return self.session_at(position)

    def label(self, moment: datetime) -> date:
        """Return the session a trade closed at `moment` belongs to.

        Closes on dates without a session roll into the next session.
        """
        return self.roll_forward(moment.astimezone(self.zone).date())

    def between(self, first: date, last: date) -> list[date]:
        """Return the sessions from `first` to `last`, both included."""
        low = np.searchsorted(self.dates, np.datetime64(first))
        high = np.searchsorted(self.dates, np.datetime64(last), side="right")
        return [day.astype(object) for day in self.dates[low:high]]

    def history_known_at(self, session: date) -> datetime:
        """Return when bulk history of `session` counts as known: early on the next session."""
        return desk_time(self.shift(session, 1), config.HISTORY_KNOWN_AT)


def desk_time(session: date, at: time) -> datetime:
    """Return the moment `at` (New York wall clock) on `session`, timezone-aware."""
    return datetime.combine(session, at, tzinfo=DESK_ZONE)


def desk_date(moment: datetime) -> date:
    """Return the New York date of an aware moment."""
    return moment.astimezone(DESK_ZONE).date()


@lru_cache(maxsize=4)
def trading_calendar(name: str) -> TradingCalendar:
    """Load a calendar of ``exchange_calendars`` by name.

    Raises
    ------
    ConfigurationError
        If there is no such calendar.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        exchange = exchange_calendars.get_calendar(name, start=FIRST_DATE.isoformat())
    except InvalidCalendarName as error:
        raise ConfigurationError(
            f"RISKOPS_CALENDAR={name[:80]!a} is no calendar of exchange_calendars; use XNYS, XNAS, 24/7, ..."
        ) from error
    except (ValueError, NotImplementedError) as error:  # it begins later, or its holidays cannot be told
        raise ConfigurationError(
            f"RISKOPS_CALENDAR={name!r} cannot be used from {FIRST_DATE} on: {str(error)[:SHOWN_CHARACTERS]}"
        ) from error
    zone = ZoneInfo(str(exchange.tz))
    return TradingCalendar(name, zone, exchange.sessions.values.astype("datetime64[D]"))


def session_for_run(
    calendar: TradingCalendar, asked: str | None, logical_date: datetime | None, now: datetime
) -> date:
    """Resolve the session of a scheduled, backfilled or manual run: the one place that does.

    An explicit `asked` wins, then the New York date of `logical_date`, then the newest session
    that has begun.

    Raises
    ------
    SessionError
        If the date is malformed, no session, or lies ahead of `now`.
    """
    if asked:
        session = parse_session(asked)
    elif logical_date is not None:
        session = desk_date(logical_date)
    else:
        session = calendar.roll_back(desk_date(now))
    if session > desk_date(now):
        raise SessionError(
            f"{session} lies ahead of today, {desk_date(now)}. Limits are decided on their morning."
        )
    calendar.position(session)
    return session


def parse_session(text: str) -> date:
    """Read a date written ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SessionError(f"{text!r} is no date: write YYYY-MM-DD.") from error
