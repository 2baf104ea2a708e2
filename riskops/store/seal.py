"""The seal: once a mail of a session is leaving, its limits no longer change by themselves.

A session is frozen from the moment a sender hands a mail to the server (it may have been
accepted) and sealed when the first recipient's copy is known to be accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from riskops.errors import RevisionError
from riskops.store.tables import (
    applied_limits,
    decisions,
    outbox,
    publications,
    published_limits,
    seals,
)
from riskops.store.upsert import insert_missing

LIMITS_MAIL = "limits"


def is_frozen(connection: sa.Connection, session: date, revision: int) -> bool:
    """Say whether the limits of a session may no longer change; ask inside the writing transaction."""
    return sealed_at(connection, session, revision) is not None or _is_leaving(connection, session, revision)


def sealed_at(connection: sa.Connection, session: date, revision: int) -> datetime | None:
    """Return when the session was sealed, or ``None``."""
    query = sa.select(seals.c.sealed_at).where(seals.c.session == session, seals.c.revision == revision)
    return connection.execute(query).scalar_one_or_none()


def newest_sealed(connection: sa.Connection, session: date, below: int | None = None) -> int | None:
    """Return the newest revision of a session whose mail is out, `below` another where given."""
    query = sa.select(sa.func.max(seals.c.revision)).where(seals.c.session == session)
    if below is not None:
        query = query.where(seals.c.revision < below)
    return connection.execute(query).scalar_one()


def overtaken_by(connection: sa.Connection, session: date, revision: int) -> int | None:
    """Return the correction that has limits and goes to everybody in the place of a revision."""
    query = sa.select(sa.func.max(publications.c.revision)).where(
        publications.c.session == session, publications.c.revision > revision
    )
    return connection.execute(query).scalar_one()


def refuse_overtaken(connection: sa.Connection, session: date, revision: int) -> None:
    """Refuse limits, or a mail, that would come after a newer correction; ask inside the writing transaction.

    Raises
    ------
    RevisionError
        If a correction of a higher number has limits.
    """
    newer = overtaken_by(connection, session, revision)
    if newer is not None:
        raise RevisionError(f"Correction {newer} of {session} takes the place of revision {revision}.")


def seal(connection: sa.Connection, session: date, revision: int, moment: datetime) -> None:
    """Seal a session and keep the limits that left; a second call changes nothing."""
    if sealed_at(connection, session, revision) is not None:
        return
    insert_missing(connection, seals, [{"session": session, "revision": revision, "sealed_at": moment}])
    copied = [column.name for column in published_limits.columns]
    of_session = sa.and_(decisions.c.session == session, decisions.c.revision == revision)
    left = connection.execute(sa.select(*[decisions.c[name] for name in copied]).where(of_session)).mappings()
    rows = [dict(row) for row in left]
    insert_missing(connection, published_limits, rows)
    _apply(connection, session, rows)


def _apply(connection: sa.Connection, session: date, rows: Sequence[dict]) -> None:
    """Take what left as in force, a correction included; what was read back stands."""
    earlier = sa.and_(
        applied_limits.c.session == session, applied_limits.c.origin.in_(("published", "override"))
    )
    connection.execute(sa.delete(applied_limits).where(earlier))
    insert_missing(
        connection,
        applied_limits,
        [
            {
                "session": session,
                "trader_id": row["trader_id"],
                "limit_cents": row["limit_cents"],
                "origin": "published" if row["limit_cents"] == row["decided_limit_cents"] else "override",
            }
            for row in rows
        ],
    )


def _is_leaving(connection: sa.Connection, session: date, revision: int) -> bool:
    query = sa.select(sa.func.count()).where(
        outbox.c.session == session,
        outbox.c.revision == revision,
        outbox.c.kind == LIMITS_MAIL,
        outbox.c.state.in_(("sending", "sent")),
    )
    return connection.execute(query).scalar_one() > 0
