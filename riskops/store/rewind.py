"""Take a copy of the risk database back to the moment before a session was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from riskops.records import Verb
from riskops.store.database import Database
from riskops.store.tables import (
    applied_limits,
    comparisons,
    cut_offs,
    decision_records,
    decisions,
    ledger,
    loads,
    metadata,
    outbox,
    publications,
    published_limits,
    quality_results,
    rejected_rows,
    report_images,
    reports,
    run_records,
    scores,
    seals,
    signals,
    stage_outcomes,
)

OF_A_MORNING = (
    *(cut_offs, stage_outcomes, quality_results, signals, scores, comparisons),
    *(publications, decisions, decision_records, reports, report_images, outbox),
)


@dataclass(frozen=True, slots=True)
class Before:
    """Which session is to be decided again, and what there was before.

    `known` is when the first of its verbs read what had come in, `recorded` when its limits were
    committed: what was recorded of other sessions until then had been read, or could have been.
    """

    session: date
    revision: int
    known: datetime
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Inputs:
    """What stands as it was, because doing it again would prove nothing: verbs that did not finish.

    The ingest is always among them, for the source is not asked again. `stages` is state and receipt
    by verb, `quality` and `comparison` are what is kept of those verbs.
    """

    cut_off: datetime
    stages: Mapping[Verb, tuple[str, Mapping[str, Any]]]
    quality: tuple[Mapping[str, Any], ...] = ()
    comparison: Mapping[str, Any] | None = None


def rewind(database: Database, before: Before, inputs: Inputs) -> None:
    """Forget what was not there yet, and all of the session but its `inputs`."""
    with database.writing() as connection:
        _forget_what_came_in(connection, before.known)
        _forget_seals(connection, before)
        _forget_mornings(connection, before)
        _forget_notes(connection, before)
        _put_inputs(connection, before, inputs)


def _forget_what_came_in(connection: sa.Connection, known: datetime) -> None:
    later = sa.select(loads.c.digest).where(loads.c.known_at > known)
    connection.execute(sa.delete(rejected_rows).where(rejected_rows.c.digest.in_(later)))
    for table in reversed(metadata.sorted_tables):
        if "known_at" in table.c:
            connection.execute(sa.delete(table).where(table.c.known_at > known))
        if "superseded_at" in table.c:
            query = sa.update(table).where(table.c.superseded_at > known)
            connection.execute(query.values(superseded_at=None))


def _forget_seals(connection: sa.Connection, before: Before) -> None:
    """Forget the limits of mails that had not left, and let those before them be in force again."""
    gone = sa.or_(seals.c.sealed_at > before.recorded, _is_of_it(seals, before))
    days = connection.execute(sa.select(seals.c.session).where(gone).distinct()).scalars().all()
    connection.execute(sa.delete(seals).where(gone))
    connection.execute(
        sa.delete(published_limits).where(
            sa.tuple_(published_limits.c.session, published_limits.c.revision).not_in(
                sa.select(seals.c.session, seals.c.revision)
            )
        )
    )
    for session in days:
        _apply_what_is_left(connection, session)


def _apply_what_is_left(connection: sa.Connection, session: date) -> None:
    of_session = sa.and_(
        applied_limits.c.session == session, applied_limits.c.origin.in_(("published", "override"))
    )
    connection.execute(sa.delete(applied_limits).where(of_session))
    newest = sa.select(sa.func.max(published_limits.c.revision)).where(published_limits.c.session == session)
    left = sa.select(
        published_limits.c.session,
        published_limits.c.trader_id,
        published_limits.c.limit_cents,
        sa.case(
            (published_limits.c.limit_cents == published_limits.c.decided_limit_cents, "published"),
            else_="override",
        ),
    ).where(
        published_limits.c.session == session,
        published_limits.c.revision == newest.scalar_subquery(),
        published_limits.c.trader_id.not_in(
            sa.select(applied_limits.c.trader_id).where(applied_limits.c.session == session)
        ),
    )
    columns = ["session", "trader_id", "limit_cents", "origin"]
    connection.execute(sa.insert(applied_limits).from_select(columns, left))


def _forget_mornings(connection: sa.Connection, before: Before) -> None:
    for table in OF_A_MORNING:
        later = sa.or_(table.c.session > before.session, _is_of_it(table, before))
        connection.execute(sa.delete(table).where(later))


def _forget_notes(connection: sa.Connection, before: Before) -> None:
    """Forget what was noted later; the ledger's entries of the session are its own news."""
    for table in reversed(metadata.sorted_tables):
        if "recorded_at" in table.c:
            connection.execute(sa.delete(table).where(table.c.recorded_at > before.recorded))
    later = sa.or_(run_records.c.started_at > before.recorded, _is_of_it(run_records, before))
    connection.execute(sa.delete(run_records).where(later))
    if not before.revision:
        connection.execute(sa.delete(ledger).where(ledger.c.session == before.session))


def _is_of_it(table: sa.Table, before: Before) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.session == before.session, table.c.revision >= before.revision)


def _put_inputs(connection: sa.Connection, before: Before, inputs: Inputs) -> None:
    key = {"session": before.session, "revision": before.revision}
    connection.execute(sa.insert(cut_offs), [key | {"cut_off_at": inputs.cut_off}])
    rows = [
        key | {"verb": verb.value, "state": state, "detail": dict(detail)}
        for verb, (state, detail) in inputs.stages.items()
    ]
    if rows:
        connection.execute(sa.insert(stage_outcomes), rows)
    checks = [key | dict(check) | {"position": i} for i, check in enumerate(inputs.quality)]
    if checks:
        connection.execute(sa.insert(quality_results), checks)
    if inputs.comparison is not None:
        found = {"verdict": inputs.comparison["verdict"], "detail": dict(inputs.comparison)}
        connection.execute(sa.insert(comparisons), [key | found])
