"""Who says that he has read the mail of a session: appended to, never changed."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from riskops.records import Acknowledgement
from riskops.store.database import Database
from riskops.store.tables import acknowledgements
from riskops.store.upsert import insert_missing


class Acknowledgements:
    """Reads the acknowledgements and records new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, said: Acknowledgement) -> None:
        """Record an acknowledgement; the first one of a person and mail stands."""
        row = {
            "session": said.session,
            "revision": said.revision,
            "recorded_by": said.by,
            "recorded_at": said.recorded_at,
            "note": said.note,
        }
        with self._database.writing() as connection:
            insert_missing(connection, acknowledgements, [row])

    def of(self, session: date, revision: int) -> tuple[Acknowledgement, ...]:
        """Return the acknowledgements of a mail, the first one first."""
        query = (
            sa.select(acknowledgements)
            .where(acknowledgements.c.session == session, acknowledgements.c.revision == revision)
            .order_by(acknowledgements.c.recorded_at, acknowledgements.c.recorded_by)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Acknowledgement(row.session, row.revision, row.recorded_by, row.recorded_at, row.note)
            for row in rows
        )
