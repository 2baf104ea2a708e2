"""The corrections of sessions that people have asked for: appended to, never changed."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from riskops.records import Revision
from riskops.store.database import Database
from riskops.store.tables import revisions


class Revisions:
    """Reads the revisions and opens new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, session: date, run_id: str, *, by: str, why: str, moment: datetime) -> Revision:
        """Open the next revision of a session; the same run gets the one it has opened before."""
        of_session = revisions.c.session == session
        with self._database.writing() as connection:
            rows = connection.execute(
                sa.select(revisions).where(of_session).order_by(revisions.c.revision)
            ).all()
            if mine := [row for row in rows if row.run_id == run_id]:
                return _revision(mine[0])
            opened = Revision(session, len(rows) + 1, by, why, moment, run_id)
            connection.execute(sa.insert(revisions).values(_row(opened)))
        return opened

    def of(self, session: date) -> tuple[Revision, ...]:
        """Return the revisions of a session, by number."""
        query = sa.select(revisions).where(revisions.c.session == session).order_by(revisions.c.revision)
        with self._database.reading() as connection:
            return tuple(_revision(row) for row in connection.execute(query))


def _row(revision: Revision) -> dict:
    return {
        "session": revision.session,
        "revision": revision.revision,
        "recorded_at": revision.recorded_at,
        "recorded_by": revision.by,
        "reason": revision.why,
        "run_id": revision.run_id,
    }


def _revision(row: sa.Row) -> Revision:
    return Revision(row.session, row.revision, row.recorded_by, row.reason, row.recorded_at, row.run_id)
