"""What a page of the desk shows, read by the session, by the trader or over the last sessions, and no more.

A page is looked at while somebody waits: nothing here reads the whole history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
import sqlalchemy as sa

from riskops.records import (
    CheckResult,
    Decision,
    LimitOrigin,
    Picture,
    Rule,
    Rung,
    Signal,
    Verb,
    Verdict,
)
from riskops.store.database import Database, statement
from riskops.store.documents import from_document
from riskops.store.mornings import check_of, pictures_of
from riskops.store.tables import (
    UtcDateTime,
    applied_limits,
    comparisons,
    decisions,
    outbox,
    publications,
    published_limits,
    quality_results,
    run_records,
    seals,
    signals,
    stage_outcomes,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """A session and revision with limits: its rung, verdict and seal (``None``: no mail is out)."""

    session: date
    revision: int
    rung: Rung
    verdict: Verdict
    sealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MailState:
    """How far one mail to one recipient got; `key` finds the mail itself."""

    key: str
    session: date
    revision: int
    kind: str
    recipient: str
    subject: str
    state: str
    attempts: int
    problem: str


@dataclass(frozen=True, slots=True)
class ArchivedMail:
    """A mail as it was handed over, with its pictures; `html` is empty where it is text alone."""

    state: MailState
    text: str
    html: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class DecidedLimit:
    """What was decided of a trader for a session, and the limit that was really in force, in cents.

    `applied_cents` is ``None`` where no mail left and nothing else is known.
    """

    session: date
    revision: int
    rung: Rung
    reduction: int
    limit_cents: int
    base_limit_cents: int
    reasons: tuple[str, ...]
    applied_cents: int | None
    origin: LimitOrigin | None


@dataclass(frozen=True, eq=False)
class TraderResults:
    """The active days of one trader, ascending: the sessions and the results in cents."""

    sessions: tuple[date, ...]
    net_cents: np.ndarray


@dataclass(frozen=True, eq=False)
class TraderTrades:
    """The closed trades of one trader by session and close: the results in cents."""

    sessions: tuple[date, ...]
    net_cents: np.ndarray


@dataclass(frozen=True, slots=True)
class EvidencePoint:
    """The evidence of one morning: the four e-values and the bar they have to reach."""

    session: date
    verdict: Verdict
    e_values: tuple[float, ...]
    bar: float | None
    model_benefit_usd: float
    rules_benefit_usd: float


@dataclass(frozen=True, slots=True)
class HealthOf:
    """The data checks of a session and revision: how many, which failed, and what failed verbs say."""

    session: date
    revision: int
    checks: int
    failed: tuple[CheckResult, ...]
    problems: Mapping[str, str]


class PageReader:
    """Reads for the pages of the desk; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decided(self, most: int, through: date | None = None) -> tuple[Decided, ...]:
        """Return the newest so many sessions and revisions with limits, the newest first."""
        sealed = sa.and_(*(seals.c[key] == publications.c[key] for key in ("session", "revision")))
        query = (
            sa.select(publications, seals.c.sealed_at)
            .outerjoin(seals, sealed)
            .order_by(publications.c.session.desc(), publications.c.revision.desc())
            .limit(most)
        )
        if through is not None:
            query = query.where(publications.c.session <= through)
        with self._database.reading() as connection:
            return tuple(map(_decided, connection.execute(query)))

    def next_decided(self, session: date) -> date | None:
        """Return the first session with limits after `session`."""
        query = sa.select(sa.func.min(publications.c.session)).where(publications.c.session > session)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def signals(
        self, session: date, revision: int, trader_id: str | None = None
    ) -> dict[str, tuple[Signal, ...]]:
        """Return the rules that fired for a session, of one trader or all, in the order of their reasons."""
        query = (
            sa.select(signals)
            .where(signals.c.session == session, signals.c.revision == revision)
            .order_by(signals.c.trader_id, signals.c.position)
        )
        if trader_id is not None:
            query = query.where(signals.c.trader_id == trader_id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {
            trader_id: tuple(Signal(Rule(row.rule), row.level, row.reason, row.numbers) for row in fired)
            for trader_id, fired in groupby(rows, key=attrgetter("trader_id"))
        }

    def applied(self, session: date) -> dict[str, tuple[int, LimitOrigin]]:
        """Return the limits known to be in force on a session (cents), and how that is known, by trader."""
        query = sa.select(applied_limits).where(applied_limits.c.session == session).order_by(*_COUNTS_LAST)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {row.trader_id: (row.limit_cents, LimitOrigin(row.origin)) for row in rows}

    def limits_of(self, trader_id: str, through: date, most: int) -> tuple[DecidedLimit, ...]:
        """Return what was decided of a trader for the newest sessions through a date, the newest first.

        Of every session the newest revision counts.
        """
        newest = decisions.alias()
        of_session = sa.select(sa.func.max(newest.c.revision)).where(newest.c.session == decisions.c.session)
        query = (
            sa.select(*(decisions.c[name] for name in _LIMIT), decisions.c.detail["reasons"].label("reasons"))
            .where(decisions.c.trader_id == trader_id, decisions.c.session <= through)
            .where(decisions.c.revision == of_session.scalar_subquery())
            .order_by(decisions.c.session.desc())
            .limit(most)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            first = rows[-1].session if rows else through
            in_force = connection.execute(_in_force(trader_id, first, through)).all()
        applied = {row.session: (row.limit_cents, LimitOrigin(row.origin)) for row in in_force}
        return tuple(_limit(row, *applied.get(row.session, (None, None))) for row in rows)

    def decision_of(self, trader_id: str, session: date, revision: int) -> Decision | None:
        """Return what was decided of a trader for a session."""
        query = sa.select(decisions.c.detail).where(
            decisions.c.session == session,
            decisions.c.revision == revision,
            decisions.c.trader_id == trader_id,
        )
        with self._database.reading() as connection:
            document = connection.execute(query).scalar_one_or_none()
        return None if document is None else from_document(Decision, document)

    def in_force_of(self, trader_id: str, first: date, session: date) -> dict[date, tuple[int, int]]:
        """Return limit in force and base limit (cents) of a trader's sessions whose mail left.

        Sessions from `first` on and before `session`.
        """
        both = sa.and_(*(applied_limits.c[k] == published_limits.c[k] for k in ("session", "trader_id")))
        columns = (
            published_limits.c.session,
            applied_limits.c.limit_cents,
            published_limits.c.base_limit_cents,
        )
        query = (
            sa.select(*columns)
            .join(applied_limits, both)
            .where(published_limits.c.trader_id == trader_id)
            .where(published_limits.c.session >= first, published_limits.c.session < session)
            .order_by(published_limits.c.revision, *_COUNTS_LAST)
        )
        with self._database.reading() as connection:
            return {of: (limit, base) for of, limit, base in connection.execute(query)}

    def limits_known(self, trader_id: str, first: date, session: date) -> int:
        """Return how much is known of a trader's limits in force: they are only appended to."""
        limits = applied_limits.c
        return self._count(
            applied_limits, limits.trader_id == trader_id, limits.session >= first, limits.session < session
        )

    def results_of(self, trader_id: str, first: date, session: date, cut_off: datetime) -> TraderResults:
        """Return a trader's active days from `first` on and before `session`, as `cut_off` knew them."""
        with self._database.reading() as connection:
            rows = connection.execute(*_of_trader("trader_results_as_of", trader_id, first, session, cut_off))
            found = rows.all()
        return TraderResults(
            tuple(row.session for row in found), np.array([int(row.net_cents) for row in found], np.int64)
        )

    def trades_of(self, trader_id: str, first: date, session: date, cut_off: datetime) -> TraderTrades:
        """Return the closed trades behind them, in the order their results were realised."""
        with self._database.reading() as connection:
            rows = connection.execute(*_of_trader("trader_trades_as_of", trader_id, first, session, cut_off))
            found = rows.all()
        return TraderTrades(tuple([row[0] for row in found]), np.array([row[1] for row in found], np.int64))

    def evidence(self, through: date, most: int) -> tuple[EvidencePoint, ...]:
        """Return the evidence of the newest comparisons through a date, the oldest first."""
        detail = comparisons.c.detail
        columns = [
            *(detail["e_values"][i].as_float().label(f"e_{i}") for i in range(E_VALUES)),
            detail["information"]["bar"].as_float().label("bar"),
            detail["challenger_benefit_usd"].as_float().label("model"),
            detail["rules_benefit_usd"].as_float().label("rules"),
        ]
        query = (
            sa.select(comparisons.c.session, comparisons.c.revision, comparisons.c.verdict, *columns)
            .where(comparisons.c.session <= through)
            .order_by(comparisons.c.session.desc(), comparisons.c.revision)
            .limit(most)
        )
        with self._database.reading() as connection:
            points = {row.session: _point(row) for row in connection.execute(query)}
        return tuple(points[session] for session in sorted(points))

    def runs_ended(self, session: date, revision: int) -> int:
        """Return how many runs of verbs have ended for a session: what they leave may replace what was."""
        runs = run_records.c
        of_it = (runs.session == session, runs.revision == revision)
        return self._count(run_records, *of_it, runs.finished_at.is_not(None))

    def comparisons_ended(self, through: date) -> int:
        """Return how many runs of the comparison have ended through a date, for sessions done again too."""
        runs = run_records.c
        of_them = (runs.verb == Verb.COMPARE.value, runs.session <= through)
        return self._count(run_records, *of_them, runs.finished_at.is_not(None))

    def _count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def mails(self, session: date) -> tuple[MailState, ...]:
        """Return how far the mails of a session got, by revision, kind and recipient."""
        query = sa.select(*_MAIL_STATE).where(outbox.c.session == session)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(outbox.c.revision, outbox.c.kind, outbox.c.recipient))
            return tuple(MailState(**row) for row in rows.mappings())

    def newest_mails(self, most: int) -> tuple[MailState, ...]:
        """Return how far the newest so many mails got, the newest session first."""
        order = (outbox.c.session.desc(), outbox.c.revision.desc(), outbox.c.kind, outbox.c.recipient)
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(*_MAIL_STATE).order_by(*order).limit(most))
            return tuple(MailState(**row) for row in rows.mappings())

    def mail(self, key: str) -> ArchivedMail | None:
        """Return one mail as it was handed over."""
        query = sa.select(*_MAIL_STATE, outbox.c.text, outbox.c.html).where(outbox.c.key == key)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            state = MailState(**{column.name: row[column.name] for column in _MAIL_STATE})
            pictures = pictures_of(connection, state.session, state.revision, state.kind, row["html"])
        return ArchivedMail(state, row["text"], row["html"], pictures)

    def health(self, first: date, through: date) -> tuple[HealthOf, ...]:
        """Return the data checks and failed verbs of the sessions between two dates, the newest first."""
        of = quality_results.c
        between = of.session.between(first, through)
        names = sa.func.count(sa.distinct(of.check))
        counted = sa.select(of.session, of.revision, names.label("checks")).where(between)
        failed = sa.select(quality_results).where(between, sa.not_(of.passed)).order_by(of.position)
        given_up = sa.select(stage_outcomes).where(
            stage_outcomes.c.session.between(first, through), stage_outcomes.c.state == "failed"
        )
        with self._database.reading() as connection:
            counts = connection.execute(counted.group_by(of.session, of.revision)).all()
            checks, stages = connection.execute(failed).all(), connection.execute(given_up).all()
        number = {(row.session, row.revision): row.checks for row in counts}
        keys = sorted({*number, *((row.session, row.revision) for row in stages)}, reverse=True)
        return tuple(_health(key, number.get(key, 0), checks, stages) for key in keys)


E_VALUES = 4
_COUNTS_LAST = (  # what was read back goes before what left, the newest version before older ones
    sa.case((applied_limits.c.origin == LimitOrigin.READ_BACK.value, 1), else_=0),
    applied_limits.c.known_at,
)
_LIMIT = ("session", "revision", "rung", "reduction", "limit_cents", "base_limit_cents")
_MAIL_STATE = tuple(outbox.c[name] for name in MailState.__dataclass_fields__)


def _of_trader(
    name: str, trader_id: str, first: date, session: date, cut_off: datetime
) -> tuple[sa.TextualSelect, dict[str, Any]]:
    query = (
        sa.text(statement(name))
        .bindparams(sa.bindparam("first", type_=sa.Date), sa.bindparam("session", type_=sa.Date))
        .bindparams(sa.bindparam("cut_off", type_=UtcDateTime))
        .columns(session=sa.Date)
    )
    return query, {"trader_id": trader_id, "first": first, "session": session, "cut_off": cut_off}


def _decided(row: sa.Row) -> Decided:
    return Decided(row.session, row.revision, Rung(row.rung), Verdict(row.verdict), row.sealed_at)


def _in_force(trader_id: str, first: date, through: date) -> sa.Select:
    """Return the query of a trader's limits in force, what counts of a session last."""
    of = applied_limits.c
    asked = (of.trader_id == trader_id, of.session.between(first, through))
    return sa.select(applied_limits).where(*asked).order_by(of.session, *_COUNTS_LAST)


def _limit(row: sa.Row, applied_cents: int | None, origin: LimitOrigin | None) -> DecidedLimit:
    return DecidedLimit(
        session=row.session,
        revision=row.revision,
        rung=Rung(row.rung),
        reduction=row.reduction,
        limit_cents=row.limit_cents,
        base_limit_cents=row.base_limit_cents,
        reasons=tuple(row.reasons),
        applied_cents=applied_cents,
        origin=origin,
    )


def _point(row: sa.Row) -> EvidencePoint:
    found = row._mapping
    e_values = tuple(float(found[f"e_{i}"]) for i in range(E_VALUES))
    bar = None if row.bar is None else float(row.bar)
    return EvidencePoint(row.session, Verdict(row.verdict), e_values, bar, float(row.model), float(row.rules))


def _health(
    key: tuple[date, int], checks: int, failed: Sequence[sa.Row], stages: Sequence[sa.Row]
) -> HealthOf:
    def mine(rows: Sequence[sa.Row]) -> list[sa.Row]:
        return [row for row in rows if (row.session, row.revision) == key]

    problems = {row.verb: str(row.detail.get("problem", "")) for row in mine(stages)}
    return HealthOf(*key, checks, tuple(map(check_of, mine(failed))), problems)
