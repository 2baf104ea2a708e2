"""The slices of a night that the data checks look at, as they were known at a cut-off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from riskops import config
from riskops.sessions import desk_time
from riskops.store.daily_results import BASIS
from riskops.store.database import Database, statement
from riskops.store.tables import UtcDateTime, cut_offs
from riskops.suites import Slices

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = sa.Numeric(24, 8, asdecimal=False)
_COLUMN_TYPES: Mapping[str, Any] = {
    "session": sa.Date,
    "last_covered": sa.Date,
    "last_active": sa.Date,
    "arrived_at": UtcDateTime,
    "opened_at": UtcDateTime,
    "closed_at": UtcDateTime,
    "quantity": _NUMBER,
    "entry_price": _NUMBER,
    "exit_price": _NUMBER,
}
_MOMENTS = ("arrived_at", "opened_at", "closed_at")
_NUMBERS = ("quantity", "entry_price", "exit_price")


class QualityReader:
    """Reads what the data checks need; nothing known after the cut-off enters.

    Of data that came later only the moment they arrived is told, so that they are not called missing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def slices(self, session: date, previous_session: date, cut_off: datetime) -> Slices:
        """Return the slices for the limits of `session`.

        Parameters
        ----------
        session
            The session the limits are for.
        previous_session
            The one before it, whose trades are the night's.
        cut_off
            The moment after which nothing is known.
        """
        known: dict[str, Any] = {"cut_off": cut_off}
        now = known | {"session": session, "previous": previous_session}
        with self._database.reading() as connection:
            counts = _counts(connection, previous_session, cut_off)
            sessions = [*counts["session"], previous_session]
            all_days = known | {"first": sessions[0], "last": previous_session}
            recent = all_days | {"first": sessions[-config.RECONCILED_SESSIONS :][0]}
            return Slices(
                trades=_read(connection, "trades", known | {"previous": previous_session}),
                accounts=_read(connection, "accounts", now),
                session_counts=counts,
                account_days=_read(connection, "account_days", all_days | {"basis": BASIS}),
                trade_totals=_read(connection, "trade_totals", recent),
                coverage_gaps=_read(connection, "coverage_gaps", now | {"first": recent["first"]}),
                loads=_read(connection, "loads", known | {"since": desk_time(previous_session, time())}),
                doubted_days=_read(connection, "doubted_days", recent),
                corrected_days=_read(
                    connection,
                    "corrected_days",
                    known | {"since": _last_morning(connection, previous_session)},
                ),
            )


def _counts(connection: sa.Connection, previous: date, cut_off: datetime) -> pd.DataFrame:
    values = {"previous": previous, "cut_off": cut_off, "sessions": config.ROW_COUNT_SESSIONS}
    return _read(connection, "session_counts", values)


def _last_morning(connection: sa.Connection, previous: date) -> datetime:
    """Return the cut-off of the session before; 06:30 where it was not lived."""
    newest = sa.select(cut_offs.c.cut_off_at).where(cut_offs.c.session == previous)
    recorded = connection.execute(newest.order_by(cut_offs.c.revision.desc()).limit(1)).scalar()
    return recorded or desk_time(previous, config.UNLIVED_CUT_OFF)


def _read(connection: sa.Connection, name: str, values: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of ``quality_<name>.sql``, moments and numbers typed also where there are none."""
    import pandas as pd

    binds = [sa.bindparam(key, type_=_bind_type(value)) for key, value in values.items()]
    query = sa.text(statement(f"quality_{name}")).bindparams(*binds).columns(**_COLUMN_TYPES)
    result = connection.execute(query, values)
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    for column in frame.columns.intersection(_MOMENTS):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame.astype(dict.fromkeys(frame.columns.intersection(_NUMBERS), float))


def _bind_type(value: object) -> Any:
    if isinstance(value, datetime):
        return UtcDateTime
    return sa.Date if isinstance(value, date) else None
