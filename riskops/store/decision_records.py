"""The record of a decision: made of what lies in the tables when the limits are committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from riskops import canonical
from riskops.canonical import RecordOfDecision
from riskops.records import Engine, Verb
from riskops.store.tables import (
    comparisons,
    decision_records,
    decisions,
    ledger,
    publications,
    quality_results,
    scores,
    stage_outcomes,
)
from riskops.store.upsert import upsert

BEFORE_THE_LIMITS = (
    *(Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES, Verb.SCORE_MODEL, Verb.COMPARE, Verb.CHOOSE),
    Verb.PUBLISH,
)
SCORED_BY = {
    Engine.RULES: Verb.SCORE_RULES,
    Engine.POOLED_MODEL: Verb.SCORE_MODEL,
    Engine.OWN_MODELS: Verb.COMPARE,
}


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """The text of a record of decision and the digest it was committed with."""

    document: str
    digest: str

    @property
    def is_whole(self) -> bool:
        """Whether the text is the one that was committed."""
        return canonical.digest(self.document) == self.digest


def keep(connection: sa.Connection, session: date, revision: int) -> None:
    """Keep the record of what was just decided, in the transaction that commits it."""
    made = canonical.as_text(made_of_tables(connection, session, revision).document())
    row = {"session": session, "revision": revision, "document": made, "digest": canonical.digest(made)}
    upsert(connection, decision_records, [row])


def kept(connection: sa.Connection, session: date, revision: int) -> DecisionRecord | None:
    """Return the record of a session; ``None`` where the limits are older than records are."""
    columns = (decision_records.c.document, decision_records.c.digest)
    query = sa.select(*columns).where(*_of(decision_records, session, revision))
    row = connection.execute(query).one_or_none()
    return None if row is None else DecisionRecord(row.document, row.digest)


def made_of_tables(connection: sa.Connection, session: date, revision: int) -> RecordOfDecision:
    """Return the record that what lies in the tables makes."""
    head = connection.execute(sa.select(publications).where(*_of(publications, session, revision))).one()
    stages = _stages(connection, session, revision)
    done = {Verb(verb) for verb, stage in stages.items() if stage["state"] == "done"}
    scored = {
        engine: _by_trader(connection, scores, session, revision, scores.c.engine == engine.value)
        if verb in done
        else {}
        for engine, verb in SCORED_BY.items()
    }
    return RecordOfDecision(
        session=session,
        revision=revision,
        cut_off=head.cut_off_at,
        code_version=head.code_version,
        rung=head.rung,
        verdict=head.verdict,
        why=head.why,
        decisions=_by_trader(connection, decisions, session, revision),
        stages=stages,
        quality=_quality(connection, session, revision),
        rules=scored[Engine.RULES],
        model=scored[Engine.POOLED_MODEL],
        own_models=scored[Engine.OWN_MODELS],
        comparison=_comparison(connection, session, revision),
        ledger=_ledger(connection, session),
    )


def _of(table: sa.Table, session: date, revision: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.session == session, table.c.revision == revision)


def _stages(connection: sa.Connection, session: date, revision: int) -> dict[str, Mapping[str, Any]]:
    query = sa.select(stage_outcomes).where(*_of(stage_outcomes, session, revision))
    rows = {Verb(row.verb): row for row in connection.execute(query)}
    return {
        verb.value: {"state": rows[verb].state, "detail": rows[verb].detail}
        for verb in BEFORE_THE_LIMITS
        if verb in rows
    }


def _by_trader(
    connection: sa.Connection,
    table: sa.Table,
    session: date,
    revision: int,
    *where: sa.ColumnElement[bool],
) -> dict[str, Mapping[str, Any]]:
    query = sa.select(table.c.trader_id, table.c.detail).where(*_of(table, session, revision), *where)
    return {row.trader_id: row.detail for row in connection.execute(query.order_by(table.c.trader_id))}


def _quality(connection: sa.Connection, session: date, revision: int) -> list[Mapping[str, Any]]:
    shown = [c for c in quality_results.c if c.name not in ("session", "revision", "position")]
    query = sa.select(*shown).where(*_of(quality_results, session, revision))
    rows = connection.execute(query.order_by(quality_results.c.position)).mappings()
    return [dict(row) for row in rows]


def _comparison(connection: sa.Connection, session: date, revision: int) -> Mapping[str, Any] | None:
    query = sa.select(comparisons.c.detail).where(*_of(comparisons, session, revision))
    return connection.execute(query).scalar_one_or_none()


def _ledger(connection: sa.Connection, session: date) -> list[Mapping[str, Any]]:
    shown = [c for c in ledger.c if c.name not in ("session", "recorded_at")]
    query = sa.select(*shown).where(ledger.c.session == session)
    return [dict(row) for row in connection.execute(query.order_by(*ledger.primary_key)).mappings()]
