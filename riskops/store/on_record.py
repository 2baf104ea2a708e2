"""What lies on record of a decided session, row by row, as plain values that can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from riskops.records import Verb
from riskops.store.decision_records import SCORED_BY
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import (
    comparisons,
    decisions,
    ledger,
    outbox,
    publications,
    published_limits,
    quality_results,
    reports,
    scores,
    signals,
)

LEFT_BY = {
    decisions: Verb.PUBLISH,
    publications: Verb.PUBLISH,
    signals: Verb.SCORE_RULES,
    quality_results: Verb.VALIDATE,
    comparisons: Verb.COMPARE,
}
LIMIT = (
    *("reduction", "limit_cents", "base_limit_cents", "rung"),
    *("decided_reduction", "decided_limit_cents"),
)
MAIL = ("subject", "text", "html")
Rows = dict[Any, Any]


def rows_of(connection: sa.Connection, session: date, revision: int, done: Collection[Verb]) -> Rows:
    """Return the rows that the verbs which were `done` left, by table and then by its keys.

    The limits come first. What a verb left that was not done when they were committed did not count.
    """
    tables = [table for table, verb in LEFT_BY.items() if verb in done]
    found = {table.name: _nested(connection, table, session, revision) for table in tables}
    scored = _nested(connection, scores, session, revision)
    engines = [engine.value for engine, verb in SCORED_BY.items() if verb in done]
    return found | {scores.name: {name: scored[name] for name in engines if name in scored}}


def left_limits(connection: sa.Connection, session: date, revision: int) -> Rows:
    """Return the limits that left, by trader; nothing where no mail did."""
    return _limits(connection, published_limits, session, revision)


def decided_limits(connection: sa.Connection, session: date, revision: int) -> Rows:
    """Return the limits that were decided, by trader, as a mail that leaves copies them."""
    return _limits(connection, decisions, session, revision)


def ledger_of(connection: sa.Connection, session: date) -> Rows:
    """Return what a session added to the ledger, by kind and specification."""
    query = sa.select(ledger).where(ledger.c.session == session).order_by(*ledger.primary_key)
    found: Rows = {}
    for row in connection.execute(query).mappings():
        entry = {name: row[name] for name in ("number", "why", "evidence")}
        found.setdefault(row["kind"], {})[row["specification"]] = entry
    return found


def report_of(connection: sa.Connection, session: date, revision: int) -> Rows:
    """Return the report of a session, its texts by line; nothing where none was composed."""
    query = sa.select(reports).where(*_of(reports, session, revision), reports.c.kind == LIMITS_MAIL)
    row = connection.execute(query).mappings().one_or_none()
    return {} if row is None else _by_line(row) | {"digest": row["digest"]}


def mails_of(connection: sa.Connection, session: date, revision: int) -> Rows:
    """Return the mails that left, or may have, by recipient, their texts by line."""
    query = sa.select(outbox).where(
        *_of(outbox, session, revision),
        outbox.c.kind == LIMITS_MAIL,
        outbox.c.state.in_(("sending", "sent")),
    )
    rows = connection.execute(query.order_by(outbox.c.recipient)).mappings()
    return {row["recipient"]: _by_line(row) for row in rows}


def _of(table: sa.Table, session: date, revision: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.session == session, table.c.revision == revision)


def _nested(connection: sa.Connection, table: sa.Table, session: date, revision: int) -> Rows:
    keys = [c.name for c in table.primary_key if c.name not in ("session", "revision")]
    query = sa.select(table).where(*_of(table, session, revision)).order_by(*table.primary_key)
    found: Rows = {}
    for row in connection.execute(query).mappings():
        place = found
        for key in keys:
            place = place.setdefault(row[key], {})
        place.update(_cells(row, keys))
    return found


def _cells(row: Mapping[Any, Any], keys: Collection[str]) -> Rows:
    """Return the cells of a row; beside a document they stand apart, for both say some things."""
    cells = {name: row[name] for name in row if name not in ("session", "revision", "detail", *keys)}
    if "detail" not in row or not isinstance(row["detail"], dict):
        return cells | ({"detail": row["detail"]} if "detail" in row else {})
    return row["detail"] | {"columns": cells}


def _limits(connection: sa.Connection, table: sa.Table, session: date, revision: int) -> Rows:
    query = sa.select(table).where(*_of(table, session, revision)).order_by(table.c.trader_id)
    rows = connection.execute(query).mappings()
    return {row["trader_id"]: {name: row[name] for name in LIMIT} for row in rows}


def _by_line(mail: Mapping[Any, Any]) -> Rows:
    """Return subject, text and HTML of a mail; texts by line, so that a difference names the line."""
    return {name: str(mail[name]).split("\n") for name in MAIL}
