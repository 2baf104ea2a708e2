"""The ledger of the challenger's specifications: appended to, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from riskops.records import LedgerEntry, LedgerKind
from riskops.store.database import Database
from riskops.store.seal import is_frozen
from riskops.store.tables import ledger, seals
from riskops.store.upsert import insert_missing


class Ledger:
    """Reads the entries, and appends those of a morning that is being lived."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return every entry, by session."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(ledger).order_by(ledger.c.session, ledger.c.number)).all()
        return tuple(_entry(row) for row in rows)

    def append(self, session: date, news: Sequence[LedgerEntry], moment: datetime) -> bool:
        """Append what a morning adds, unless that would change who was champion on mornings lived.

        An entry that is there already stands.

        Returns
        -------
        bool
            Whether the entries are in the ledger. They are not where the mail of `session` is leaving
            or out, a later session was lived, or the ledger goes on beyond it.
        """
        with self._database.writing() as connection:
            if _is_past(connection, session):
                return False
            insert_missing(connection, ledger, [_row(entry, moment) for entry in news])
        return True


def _is_past(connection: sa.Connection, session: date) -> bool:
    later = [sa.select(sa.literal(1)).where(t.c.session > session).limit(1) for t in (ledger, seals)]
    gone_on = any(connection.execute(query).first() is not None for query in later)
    return gone_on or is_frozen(connection, session, 0)


def _entry(row: sa.Row) -> LedgerEntry:
    return LedgerEntry(
        session=row.session,
        kind=LedgerKind(row.kind),
        specification=row.specification,
        number=row.number,
        why=row.why,
        evidence=row.evidence,
    )


def _row(entry: LedgerEntry, moment: datetime) -> dict:
    return {
        "session": entry.session,
        "kind": entry.kind.value,
        "specification": entry.specification,
        "number": entry.number,
        "why": entry.why,
        "evidence": entry.evidence,
        "recorded_at": moment,
    }
