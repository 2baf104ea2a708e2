"""The seal: once a mail of a session is leaving, its limits no longer change by themselves.

A session is frozen from the moment a sender hands a mail to the server (it may have been
accepted) and sealed when the first recipient's copy is known to be accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from riskops.errors import RevisionError
from riskops.records import LimitOrigin
from riskops.store.tables import (
    UtcDateTime,
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
    _apply(connection, session, rows, moment)


def _apply(
    connection: sa.Connection, session: date, rows: Sequence[Mapping[str, Any]], moment: datetime
) -> None:
    """Note that what left is in force from now on; what left or was read back before stays on record."""
    known_at = _later_than_applied(connection, session, moment)
    applied = [
        {
            "session": session,
            "trader_id": row["trader_id"],
            "origin": _origin(row).value,
            "known_at": known_at,
            "limit_cents": row["limit_cents"],
        }
        for row in rows
    ]
    insert_missing(connection, applied_limits, applied)


def _origin(row: Mapping[str, Any]) -> LimitOrigin:
    is_as_decided = row["limit_cents"] == row["decided_limit_cents"]
    return LimitOrigin.PUBLISHED if is_as_decided else LimitOrigin.OVERRIDE


def _later_than_applied(connection: sa.Connection, session: date, moment: datetime) -> datetime:
    """Return `moment`, or just after the newest limit of a session where a clock was set back."""
    newest = sa.select(sa.func.max(applied_limits.c.known_at, type_=UtcDateTime)).where(
        applied_limits.c.session == session
    )
    last = connection.execute(newest).scalar_one_or_none()
    return moment if last is None else max(moment, last + timedelta.resolution)


def _is_leaving(connection: sa.Connection, session: date, revision: int) -> bool:
    query = sa.select(sa.func.count()).where(
        outbox.c.session == session,
        outbox.c.revision == revision,
        outbox.c.kind == LIMITS_MAIL,
        outbox.c.state.in_(("sending", "sent")),
    )
    return connection.execute(query).scalar_one() > 0
