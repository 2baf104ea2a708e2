"""What the trading platform says it has applied: appended to, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from riskops.records import ReadBack
from riskops.store.database import Database
from riskops.store.tables import read_back_files, read_backs
from riskops.store.upsert import insert_missing


class ReadBacks:
    """Reads what was read back, and records a new file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, session: date, digest: str, file_name: str, moment: datetime, found: Sequence[ReadBack]
    ) -> None:
        """Record a file and the limits it tells, together; a file that is there stays as it is."""
        file = {"digest": digest, "session": session, "file_name": file_name, "known_at": moment}
        rows = [
            {
                "session": limit.session,
                "trader_id": limit.trader_id,
                "known_at": limit.known_at,
                "limit_cents": limit.limit_cents,
                "digest": limit.digest,
            }
            for limit in found
        ]
        with self._database.writing() as connection:
            insert_missing(connection, read_back_files, [file])
            insert_missing(connection, read_backs, rows)

    def known(self, session: date, cut_off: datetime) -> tuple[ReadBack, ...]:
        """Return the newest limit of each trader that was read back for a session by `cut_off`, by trader."""
        query = (
            sa.select(read_backs)
            .where(read_backs.c.session == session, read_backs.c.known_at <= cut_off)
            .order_by(read_backs.c.trader_id, read_backs.c.known_at)
        )
        with self._database.reading() as connection:
            newest = {row.trader_id: row for row in connection.execute(query)}
        return tuple(
            ReadBack(row.session, row.trader_id, row.limit_cents, row.known_at, row.digest)
            for row in newest.values()
        )
