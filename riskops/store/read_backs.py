"""What the trading platform says it has applied: appended to, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from riskops.records import LimitOrigin
from riskops.store.database import Database
from riskops.store.tables import applied_limits, published_limits, read_back_files, read_backs
from riskops.store.upsert import insert_missing


@dataclass(frozen=True, slots=True)
class Reading:
    """One file that was read back: the limits in it (cents, 0: the trader is blocked), by trader."""

    session: date
    known_at: datetime
    digest: str
    file_name: str
    limits: Mapping[str, int]


class ReadBacks:
    """Reads what was read back, and records a new file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, found: Reading) -> bool:
        """Record a file and the limits it tells, together, and let them be in force from now on.

        A trader who is blocked has no loss limit: what is in force for him stays what it was. A file is
        newer than the one before also where a clock was set back.

        Returns
        -------
        bool
            Whether it was recorded; ``False`` where it says what the newest one of its session says.
        """
        with self._database.writing() as connection:
            newest = _newest(connection, found.session)
            if newest is not None and newest.digest == found.digest:
                return False
            after = found.known_at if newest is None else newest.known_at + timedelta.resolution
            _insert(connection, found, max(found.known_at, after))
        return True

    def newest(self, session: date, cut_off: datetime | None = None) -> Reading | None:
        """Return the newest file of a session, as known at a cut-off where given; ``None`` without any."""
        with self._database.reading() as connection:
            file = _newest(connection, session, cut_off)
            if file is None:
                return None
            query = sa.select(read_backs.c.trader_id, read_backs.c.limit_cents).where(
                read_backs.c.session == session, read_backs.c.known_at == file.known_at
            )
            limits = {row.trader_id: row.limit_cents for row in connection.execute(query)}
        return Reading(session, file.known_at, file.digest, file.file_name, limits)

    def is_usual(self, first: date, session: date, cut_off: datetime) -> bool:
        """Say whether anything was read back for sessions from `first` on and before `session`."""
        query = sa.select(sa.func.count()).where(
            read_back_files.c.session >= first,
            read_back_files.c.session < session,
            read_back_files.c.known_at <= cut_off,
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one() > 0

    def sent(self, session: date) -> dict[str, int]:
        """Return the limits of a session that left last (cents), by trader; nothing where none did."""
        newest = sa.select(sa.func.max(published_limits.c.revision)).where(
            published_limits.c.session == session
        )
        query = sa.select(published_limits.c.trader_id, published_limits.c.limit_cents).where(
            published_limits.c.session == session, published_limits.c.revision == newest.scalar_subquery()
        )
        with self._database.reading() as connection:
            return {row.trader_id: row.limit_cents for row in connection.execute(query)}


def _newest(connection: sa.Connection, session: date, cut_off: datetime | None = None) -> sa.Row | None:
    query = sa.select(read_back_files).where(read_back_files.c.session == session)
    if cut_off is not None:
        query = query.where(read_back_files.c.known_at <= cut_off)
    return connection.execute(query.order_by(read_back_files.c.known_at.desc()).limit(1)).one_or_none()


def _insert(connection: sa.Connection, found: Reading, known_at: datetime) -> None:
    key = {"session": found.session, "known_at": known_at}
    file = key | {"digest": found.digest, "file_name": found.file_name}
    connection.execute(sa.insert(read_back_files), [file])
    limits = [
        key | {"trader_id": trader_id, "limit_cents": limit} for trader_id, limit in found.limits.items()
    ]
    insert_missing(connection, read_backs, [row | {"digest": found.digest} for row in limits])
    in_force = [row | {"origin": LimitOrigin.READ_BACK.value} for row in limits if row["limit_cents"]]
    insert_missing(connection, applied_limits, in_force)
