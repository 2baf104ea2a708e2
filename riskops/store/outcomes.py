"""What became of lived days: read as known at a cut-off, written once, never overwritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from riskops import config
from riskops.outcomes import DayEconomics, Ended, Forecast, Key, Method, Outcome, OverriddenDay, Policy
from riskops.records import Engine, LimitOrigin, Verb
from riskops.sessions import desk_time
from riskops.store.database import Database, statement
from riskops.store.tables import (
    UtcDateTime,
    decisions,
    economics,
    outcomes,
    published_limits,
    run_records,
    scores,
    seals,
    stage_outcomes,
)
from riskops.store.upsert import insert_missing

CHUNK = 5_000
TOLD = "told"  # in the receipt of the composed mail: what it told of outcomes, by key
_DAY = tuple(f.name for f in fields(Ended))
_OF_SESSION = ("session", "revision")
SCORED_BY = {Verb.SCORE_RULES: Engine.RULES, Verb.SCORE_MODEL: Engine.POOLED_MODEL}


class Outcomes:
    """Reads lived days and their outcomes, and records new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_lived(self) -> date | None:
        """Return the first session whose limits left, ``None`` before the first morning."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.func.min(published_limits.c.session))).scalar_one()

    def results(
        self, first: date, session: date, cut_off: datetime
    ) -> dict[Key, tuple[int | None, datetime]]:
        """Return result (cents, ``None`` where idle) and moment it was known, of days fetched whole.

        Sessions from `first` on and strictly before `session`; nothing known after `cut_off`.
        """
        query = (
            sa.text(statement("outcome_days_as_of"))
            .bindparams(sa.bindparam("first", type_=sa.Date), sa.bindparam("session", type_=sa.Date))
            .bindparams(sa.bindparam("cut_off", type_=UtcDateTime))
            .columns(session=sa.Date, covered_at=UtcDateTime, result_at=UtcDateTime)
        )
        values = {"first": first, "session": session, "cut_off": cut_off}
        with self._database.reading() as connection:
            rows = connection.execute(query, values).all()
        return {
            (row.session, row.trader_id): (
                None if row.net_cents is None else int(row.net_cents),
                max(row.covered_at, row.result_at or row.covered_at),
            )
            for row in rows
        }

    def limits(self, session: date, cut_off: datetime) -> dict[Key, tuple[int, LimitOrigin]]:
        """Return the limits that `cut_off` knew as in force before `session` (cents), and how it knew."""
        query = (
            sa.text(statement("applied_before"))
            .bindparams(sa.bindparam("session", type_=sa.Date))
            .bindparams(sa.bindparam("cut_off", type_=UtcDateTime))
            .columns(session=sa.Date)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query, {"session": session, "cut_off": cut_off}).all()
        return {(row.session, row.trader_id): (row.limit_cents, LimitOrigin(row.origin)) for row in rows}

    def newest(self, first: date, session: date) -> dict[Key, Ended]:
        """Return the newest version recorded of every day from `first` on and before `session`."""
        query = _recorded(first, session).with_only_columns(*[outcomes.c[name] for name in _DAY])
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {(row.session, row.trader_id): _ended(row) for row in rows}

    def known(self, first: date, session: date, cut_off: datetime) -> dict[Key, Outcome]:
        """Return the newest outcome known at `cut_off` of every day from `first` on and before `session`."""
        query = _recorded(first, session).where(outcomes.c.known_at <= cut_off)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {(row.session, row.trader_id): _outcome(row) for row in rows}

    def forecasts(self, sessions: Collection[date]) -> dict[Key, Forecast]:
        """Return what the engines had stored before the open of lived sessions.

        A correction's scores count where they were in time, else those of the revision before it.
        """
        if not sessions:
            return {}
        between = (min(sessions), max(sessions))
        with self._database.reading() as connection:
            finished = _finished(connection, between)
            rows = connection.execute(_scores(between)).all()
        found: dict[Key, Forecast] = {}
        for row in rows:
            if _is_in_time(finished.get((row.session, row.revision, row.engine)), row.session):
                key = (row.session, row.trader_id)
                found[key] = replace(found.get(key, Forecast()), **_said(row))
        return found

    def overridden(self, first: date, session: date) -> dict[Key, OverriddenDay]:
        """Return the days from `first` on and before `session` whose mail named an override's limit."""
        with self._database.reading() as connection:
            rows = connection.execute(_overridden(first, session)).all()
        return {
            (row.session, row.trader_id): OverriddenDay(row.number, row.limit_cents, row.decided_limit_cents)
            for row in rows
            if row.number is not None
        }

    def worth_of_overrides(self, first: date, session: date, cut_off: datetime) -> tuple[DayEconomics, ...]:
        """Return what overrides were worth from `first` on and before `session`, as `cut_off` knows it."""
        query = (
            sa.select(economics)
            .where(economics.c.session >= first, economics.c.session < session)
            .where(economics.c.policy == Policy.OVERRIDE.value, economics.c.known_at <= cut_off)
            .order_by(economics.c.known_at)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple({(row["session"], row["trader_id"]): _economics(row) for row in rows}.values())

    def told(self, first: date, session: date) -> frozenset[str]:
        """Return the keys of what the mails told that left from `first` on and before `session`."""
        query = (
            sa.select(stage_outcomes.c.detail)
            .join(seals, sa.and_(*(seals.c[name] == stage_outcomes.c[name] for name in _OF_SESSION)))
            .where(stage_outcomes.c.verb == Verb.COMPOSE.value, stage_outcomes.c.state == "done")
            .where(stage_outcomes.c.session >= first, stage_outcomes.c.session < session)
        )
        with self._database.reading() as connection:
            receipts = connection.execute(query).scalars().all()
        return frozenset(key for receipt in receipts for key in receipt.get(TOLD, ()))

    def add(self, judged: Sequence[Outcome], worth: Sequence[DayEconomics]) -> None:
        """Add outcomes with their economics; what is there stays.

        Some thousand days a transaction: on a large desk's first run no other verb has to wait long.
        """
        by_day: dict[Key, list[DayEconomics]] = defaultdict(list)
        for found in worth:
            by_day[found.session, found.trader_id].append(found)
        for start in range(0, len(judged), CHUNK):
            part = judged[start : start + CHUNK]
            with self._database.writing() as connection:
                insert_missing(connection, outcomes, [_outcome_row(outcome) for outcome in part])
                of_part = [_economics_row(e) for o in part for e in by_day[o.day.key]]
                insert_missing(connection, economics, of_part)


# --- rows -------------------------------------------------------------------------------------


def _recorded(first: date, session: date) -> sa.Select:
    """Return the query of all versions between two sessions, the newest of a day last."""
    between = (outcomes.c.session >= first, outcomes.c.session < session)
    return sa.select(outcomes).where(*between).order_by(outcomes.c.known_at)


def _ended(row: sa.Row) -> Ended:
    return Ended(
        session=row.session,
        trader_id=row.trader_id,
        known_at=row.known_at,
        net_cents=row.net_cents,
        limit_cents=row.limit_cents,
        base_limit_cents=row.base_limit_cents,
        limit_origin=LimitOrigin(row.limit_origin),
    )


def _outcome(row: sa.Row) -> Outcome:
    forecast = Forecast(row.rules_reduction, row.model_reduction, row.large_loss_probability)
    return Outcome(_ended(row), forecast, row.large_loss, row.breached)


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    judged = {"large_loss": outcome.large_loss, "breached": outcome.breached}
    return _cells(outcome.day) | _cells(outcome.forecast) | judged


def _economics_row(found: DayEconomics) -> dict[str, Any]:
    return _cells(found)


def _economics(row: Mapping[Any, Any]) -> DayEconomics:
    words = {"policy": Policy(row["policy"]), "method": Method(row["method"])}
    return DayEconomics(**{**row, **words})


def _overridden(first: date, session: date) -> sa.Select:
    """Return the query of the limits that left, each in its newest revision, with an override's number."""
    newest = published_limits.alias()
    of_day = [newest.c[name] == published_limits.c[name] for name in ("session", "trader_id")]
    revision = sa.select(sa.func.max(newest.c.revision)).where(*of_day)
    same = [decisions.c[name] == published_limits.c[name] for name in (*_OF_SESSION, "trader_id")]
    shown = ("session", "trader_id", "limit_cents", "decided_limit_cents")
    return (
        sa.select(
            *[published_limits.c[name] for name in shown],
            decisions.c.detail["override", "number"].as_integer().label("number"),
        )
        .join(decisions, sa.and_(*same))
        .where(published_limits.c.session >= first, published_limits.c.session < session)
        .where(published_limits.c.revision == revision.scalar_subquery())
    )


def _cells(record: Any) -> dict[str, Any]:
    """Return the fields of a flat record as cells, words instead of enumerations."""
    values = ((f.name, getattr(record, f.name)) for f in fields(record))
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in values}


# --- what was stored before the open ----------------------------------------------------------


def _finished(connection: sa.Connection, between: tuple[date, date]) -> dict[tuple[date, int, str], datetime]:
    """Return when each engine's scores of a session and revision were stored for good."""
    newest = sa.func.max(run_records.c.finished_at, type_=UtcDateTime)
    of = (run_records.c.session, run_records.c.revision, run_records.c.verb)
    query = (
        sa.select(*of, newest.label("finished_at"))
        .where(run_records.c.state == "done", run_records.c.verb.in_([verb.value for verb in SCORED_BY]))
        .where(run_records.c.session.between(*between))
        .group_by(*of)
    )
    rows = connection.execute(query).all()
    return {(row.session, row.revision, SCORED_BY[Verb(row.verb)]): row.finished_at for row in rows}


def _scores(between: tuple[date, date]) -> sa.Select:
    """Return the query of the scores of lived sessions, of every revision that left, the newest last."""
    lived = sa.exists().where(*[published_limits.c[name] == scores.c[name] for name in _OF_SESSION])
    probability = scores.c.detail["large_loss_probability"].as_float().label("probability")
    columns = (scores.c.session, scores.c.revision, scores.c.engine, scores.c.trader_id, scores.c.reduction)
    return (
        sa.select(*columns, probability)
        .where(scores.c.session.between(*between))
        .where(lived)
        .order_by(scores.c.revision)
    )


def _is_in_time(finished_at: datetime | None, session: date) -> bool:
    return finished_at is not None and finished_at <= desk_time(session, config.NUMBERS_COUNT_UNTIL)


def _said(row: sa.Row) -> dict[str, Any]:
    if row.engine == Engine.RULES:
        return {"rules_reduction": row.reduction}
    return {"model_reduction": row.reduction, "large_loss_probability": row.probability}
