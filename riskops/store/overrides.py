"""The overrides that people have recorded: appended to, never changed."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from riskops.overrides import holds
from riskops.records import AskedOverride, Override, TakenBack
from riskops.store.database import Database
from riskops.store.tables import overrides, overrides_taken_back
from riskops.store.upsert import insert_missing


class Overrides:
    """Reads the overrides, and records new ones and their end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, asked: AskedOverride, moment: datetime) -> Override:
        """Record an override and return it with its number."""
        row = {
            "trader_id": asked.trader_id,
            "first_session": asked.first_session,
            "last_session": asked.last_session,
            "reduction": asked.reduction,
            "recorded_at": moment,
            "recorded_by": asked.by,
            "reason": asked.why,
        }
        with self._database.writing() as connection:
            recorded = sa.insert(overrides).values(row).returning(overrides.c.number)
            number = connection.execute(recorded).scalar_one()
        return Override(number, asked, moment)

    def take_back(self, number: int, taken_back: TakenBack) -> None:
        """Record the end of an override before its time; one that was ended before stays as it was."""
        row = {
            "number": number,
            "recorded_at": taken_back.recorded_at,
            "recorded_by": taken_back.by,
            "reason": taken_back.why,
        }
        with self._database.writing() as connection:
            insert_missing(connection, overrides_taken_back, [row])

    def all(self) -> tuple[Override, ...]:
        """Return every override on record, by number."""
        ended = overrides_taken_back.alias()
        query = (
            sa.select(
                overrides,
                ended.c.recorded_at.label("ended_at"),
                ended.c.recorded_by.label("ended_by"),
                ended.c.reason.label("ended_why"),
            )
            .outerjoin(ended, ended.c.number == overrides.c.number)
            .order_by(overrides.c.number)
        )
        with self._database.reading() as connection:
            return tuple(_override(row) for row in connection.execute(query))

    def known(self, session: date, cut_off: datetime) -> tuple[Override, ...]:
        """Return the overrides for a session that were on record at `cut_off` and not ended, by number."""
        return tuple(o for o in self.all() if holds(o, session, cut_off))


def _override(row: sa.Row) -> Override:
    asked = AskedOverride(
        trader_id=row.trader_id,
        first_session=row.first_session,
        last_session=row.last_session,
        reduction=row.reduction,
        by=row.recorded_by,
        why=row.reason,
    )
    ended = None if row.ended_at is None else TakenBack(row.ended_at, row.ended_by, row.ended_why)
    return Override(row.number, asked, row.recorded_at, ended)
