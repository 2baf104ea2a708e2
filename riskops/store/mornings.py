"""What each verb of a morning found and decided; every method is one transaction.

A verb's results and the word that it is done are committed together, so a process killed at any
point leaves either the state before or the state after, and running again ends in the latter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from riskops.records import (
    CheckResult,
    Comparison,
    Decision,
    Engine,
    ModelScore,
    Picture,
    Publication,
    RuleScore,
    Rung,
    Severity,
    Verb,
    Verdict,
)
from riskops.store import decision_records
from riskops.store.database import Database
from riskops.store.decision_records import DecisionRecord
from riskops.store.documents import from_document, to_document
from riskops.store.seal import is_frozen, newest_sealed, overtaken_by, refuse_overtaken, sealed_at
from riskops.store.tables import (
    comparisons,
    cut_offs,
    decisions,
    outbox,
    publications,
    quality_results,
    report_images,
    reports,
    scores,
    seals,
    signals,
    stage_outcomes,
)
from riskops.store.upsert import insert_missing, upsert


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a verb got for a session: ``started``, ``done`` or ``failed``, and its receipt."""

    state: str
    detail: Mapping[str, Any]

    @property
    def is_done(self) -> bool:
        """Whether the verb has left its results."""
        return self.state == "done"


@dataclass(frozen=True, slots=True)
class Report:
    """A composed mail: subject, text and HTML twins, their digest, and the pictures that the HTML names.

    A picture's name is made of the numbers it shows, so the digest covers them.
    """

    session: date
    revision: int
    kind: str
    subject: str
    text: str
    html: str
    digest: str
    pictures: tuple[Picture, ...] = ()

    @classmethod
    def plain(cls, session: date, revision: int, kind: str, subject: str, text: str) -> Report:
        """Return a mail of last resort: text without a twin."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cls(session, revision, kind, subject, text, "", digest)


class Mornings:
    """Reads and writes the results of the verbs, by session and revision."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- cut-offs and stages ---------------------------------------------------------------

    def record_cut_off(self, session: date, revision: int, moment: datetime) -> None:
        """Record the cut-off of a session; the first one stands."""
        row = {"session": session, "revision": revision, "cut_off_at": moment}
        with self._database.writing() as connection:
            insert_missing(connection, cut_offs, [row])

    def cut_off(self, session: date, revision: int) -> datetime | None:
        """Return the recorded cut-off, or ``None`` for a session never lived."""
        query = sa.select(cut_offs.c.cut_off_at).where(*_of(cut_offs, session, revision))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def lived_stretch(self) -> tuple[date, date] | None:
        """Return the first and the last session with a cut-off or a mail, ``None`` before the first."""
        return self._stretch(cut_offs, seals)

    def decided_stretch(self) -> tuple[date, date] | None:
        """Return the same of sessions with limits as well: a held morning may have neither of the two yet."""
        return self._stretch(cut_offs, seals, publications)

    def _stretch(self, *tables: sa.Table) -> tuple[date, date] | None:
        found = sa.union(*(sa.select(table.c.session) for table in tables)).subquery()
        query = sa.select(sa.func.min(found.c.session), sa.func.max(found.c.session))
        with self._database.reading() as connection:
            first, last = connection.execute(query).one()
        return None if first is None else (first, last)

    def start(self, session: date, revision: int, verb: Verb) -> None:
        """Note that a verb has begun, unless it is done already.

        What an earlier call left from the same cut-off stands until this one ends: a second run
        beside the first takes nothing away from it. Only a failure does.
        """
        with self._database.writing() as connection:
            if _state(connection, session, revision, verb) != "done":
                _mark(connection, session, revision, verb, "started", {})

    def fail(self, session: date, revision: int, verb: Verb, problem: str) -> None:
        """Note that a verb has failed, and why."""
        with self._database.writing() as connection:
            _mark(connection, session, revision, verb, "failed", {"problem": problem})

    def finish(self, session: date, revision: int, verb: Verb, receipt: Mapping[str, Any]) -> None:
        """Note that a verb is done where it leaves nothing else."""
        with self._database.writing() as connection:
            _mark(connection, session, revision, verb, "done", receipt)

    def stages(self, session: date, revision: int) -> dict[Verb, Stage]:
        """Return how far every verb got."""
        query = sa.select(stage_outcomes).where(*_of(stage_outcomes, session, revision))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {Verb(row.verb): Stage(row.state, row.detail) for row in rows}

    # --- what the verbs found --------------------------------------------------------------

    def record_quality(
        self, session: date, revision: int, results: Sequence[CheckResult], receipt: Mapping[str, Any]
    ) -> None:
        """Replace the data-quality results of a session."""
        rows = [to_document(result) | {"position": i} for i, result in enumerate(results)]
        self._replace(quality_results, session, revision, rows, Verb.VALIDATE, receipt)

    def quality(self, session: date, revision: int) -> tuple[CheckResult, ...]:
        """Return the data-quality results of a session, in the order they ran."""
        query = (
            sa.select(quality_results)
            .where(*_of(quality_results, session, revision))
            .order_by(quality_results.c.position)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(map(check_of, rows))

    def record_rule_scores(
        self, session: date, revision: int, found: Sequence[RuleScore], receipt: Mapping[str, Any]
    ) -> None:
        """Replace the rules' scores and signals of a session."""
        fired = [
            {
                "trader_id": score.trader_id,
                "rule": signal.rule.value,
                "position": i,
                "level": signal.level,
                "reason": signal.reason,
                "numbers": signal.numbers,
            }
            for score in found
            for i, signal in enumerate(score.signals)
        ]
        with self._database.writing() as connection:
            _replace(connection, signals, session, revision, fired)
            _replace_scores(connection, session, revision, Engine.RULES, found)
            _mark(connection, session, revision, Verb.SCORE_RULES, "done", receipt)

    def record_model_scores(
        self, session: date, revision: int, found: Sequence[ModelScore], receipt: Mapping[str, Any]
    ) -> None:
        """Replace the pooled model's scores of a session."""
        with self._database.writing() as connection:
            _replace_scores(connection, session, revision, Engine.POOLED_MODEL, found)
            _mark(connection, session, revision, Verb.SCORE_MODEL, "done", receipt)

    def rule_scores(self, session: date, revision: int) -> tuple[RuleScore, ...]:
        """Return the rules' scores of a session, by trader."""
        return tuple(from_document(RuleScore, d) for d in self._scores(session, revision, Engine.RULES))

    def model_scores(self, session: date, revision: int) -> tuple[ModelScore, ...]:
        """Return the pooled model's scores of a session, by trader."""
        return tuple(
            from_document(ModelScore, d) for d in self._scores(session, revision, Engine.POOLED_MODEL)
        )

    def own_model_scores(self, session: date, revision: int) -> tuple[ModelScore, ...]:
        """Return what the traders' own models said, by trader; nothing where they did not stand in."""
        return tuple(from_document(ModelScore, d) for d in self._scores(session, revision, Engine.OWN_MODELS))

    def record_comparison(
        self,
        session: date,
        revision: int,
        comparison: Comparison,
        receipt: Mapping[str, Any],
        own: Sequence[ModelScore] = (),
    ) -> None:
        """Replace the comparison of a session, and what the traders' own models say where they stand in."""
        row = {"verdict": comparison.verdict.value, "detail": to_document(comparison)}
        with self._database.writing() as connection:
            _replace(connection, comparisons, session, revision, [row])
            _replace_scores(connection, session, revision, Engine.OWN_MODELS, own)
            _mark(connection, session, revision, Verb.COMPARE, "done", receipt)

    def comparison(self, session: date, revision: int) -> Comparison | None:
        """Return the comparison of a session."""
        query = sa.select(comparisons.c.detail).where(*_of(comparisons, session, revision))
        with self._database.reading() as connection:
            document = connection.execute(query).scalar_one_or_none()
        return None if document is None else from_document(Comparison, document)

    # --- what was decided and composed -----------------------------------------------------

    def publish(self, publication: Publication, receipt: Mapping[str, Any]) -> bool:
        """Replace the decisions of a session, unless its mail is leaving or out.

        Where they change, a report composed from the earlier ones no longer counts.

        Returns
        -------
        bool
            Whether the decisions were written; ``False`` means the session is frozen.

        Raises
        ------
        RevisionError
            If a newer correction of the session has limits.
        """
        with self._database.writing() as connection:
            if is_frozen(connection, publication.session, publication.revision):
                return False
            refuse_overtaken(connection, publication.session, publication.revision)
            put_publication(connection, publication, receipt)
        return True

    def publication(self, session: date, revision: int) -> Publication | None:
        """Return what was decided for a session."""
        with self._database.reading() as connection:
            return publication_of(connection, session, revision)

    def decision_record(self, session: date, revision: int) -> DecisionRecord | None:
        """Return the canonical record of a session's decisions; older ones than records are have none."""
        with self._database.reading() as connection:
            return decision_records.kept(connection, session, revision)

    def tables_document(self, session: date, revision: int) -> dict[str, Any]:
        """Return the document that a session's tables make now, whatever its record says."""
        with self._database.reading() as connection:
            return decision_records.made_of_tables(connection, session, revision).document()

    def published(self, first: date, last: date) -> tuple[tuple[date, int], ...]:
        """Return the sessions (and revisions) with decisions between two dates, the oldest first."""
        columns = (publications.c.session, publications.c.revision)
        query = sa.select(*columns).where(publications.c.session.between(first, last)).order_by(*columns)
        with self._database.reading() as connection:
            return tuple((row.session, row.revision) for row in connection.execute(query))

    def decided(self, session: date, revision: int) -> tuple[Publication | None, bool]:
        """Return what was decided for a session and whether it is sealed, of one and the same moment."""
        with self._database.reading() as connection:
            is_sealed = sealed_at(connection, session, revision) is not None
            return publication_of(connection, session, revision), is_sealed

    def newest_published(self, through: date | None = None) -> tuple[date, int] | None:
        """Return the newest session (and revision) with decisions, through a date where given.

        A correction counts once its mail is out: until then the limits that it corrects stand.
        """
        columns = (publications.c.session, publications.c.revision)
        left = sa.exists().where(*[seals.c[column.name] == column for column in columns])
        stands = sa.or_(publications.c.revision == 0, left)
        query = sa.select(*columns).where(stands).order_by(*[c.desc() for c in columns]).limit(1)
        if through is not None:
            query = query.where(publications.c.session <= through)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.session, row.revision)

    def archive(self, report: Report, receipt: Mapping[str, Any]) -> bool:
        """Keep a composed report, unless its mail is leaving or out; say whether it was kept."""
        with self._database.writing() as connection:
            if is_frozen(connection, report.session, report.revision):
                return False
            put_report(connection, report, receipt)
        return True

    def report(self, session: date, revision: int, kind: str) -> Report | None:
        """Return the composed report of a session."""
        query = sa.select(reports).where(*_of(reports, session, revision), reports.c.kind == kind)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            return Report(**row, pictures=pictures_of(connection, session, revision, kind, row["html"]))

    def is_frozen(self, session: date, revision: int) -> bool:
        """Say whether the limits of a session may no longer change."""
        with self._database.reading() as connection:
            return is_frozen(connection, session, revision)

    def newest_sealed(self, session: date, below: int | None = None) -> int | None:
        """Return the newest revision of a session whose mail is out, `below` another where given."""
        with self._database.reading() as connection:
            return newest_sealed(connection, session, below)

    def overtaken_by(self, session: date, revision: int) -> int | None:
        """Return the correction that has limits and goes to everybody in the place of a revision."""
        with self._database.reading() as connection:
            return overtaken_by(connection, session, revision)

    def is_out(self, session: date) -> bool:
        """Say whether everybody has a mail with limits for a session: the first one, or a correction."""
        sent = sa.exists().where(
            stage_outcomes.c.session == session,
            stage_outcomes.c.verb == Verb.SEND.value,
            stage_outcomes.c.state == "done",
        )
        with self._database.reading() as connection:
            return bool(connection.execute(sa.select(sent)).scalar_one())

    def _replace(
        self,
        table: sa.Table,
        session: date,
        revision: int,
        rows: Sequence[dict],
        verb: Verb,
        receipt: Mapping[str, Any],
    ) -> None:
        with self._database.writing() as connection:
            _replace(connection, table, session, revision, rows)
            _mark(connection, session, revision, verb, "done", receipt)

    def _scores(self, session: date, revision: int, engine: Engine) -> list[Any]:
        query = (
            sa.select(scores.c.detail)
            .where(*_of(scores, session, revision), scores.c.engine == engine.value)
            .order_by(scores.c.trader_id)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def check_of(row: sa.Row) -> CheckResult:
    """Return the data check of a row."""
    return CheckResult(
        check=row.check,
        severity=Severity(row.severity),
        passed=row.passed,
        trader_id=row.trader_id,
        observed=row.observed,
        unexpected_count=row.unexpected_count,
        detail=row.detail,
        raised=row.raised,
    )


def _of(table: sa.Table, session: date, revision: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.session == session, table.c.revision == revision)


def _state(connection: sa.Connection, session: date, revision: int, verb: Verb) -> str | None:
    query = sa.select(stage_outcomes.c.state).where(
        *_of(stage_outcomes, session, revision), stage_outcomes.c.verb == verb.value
    )
    return connection.execute(query).scalar_one_or_none()


def _outdate_report(connection: sa.Connection, session: date, revision: int) -> None:
    if _state(connection, session, revision, Verb.COMPOSE) == "done":
        problem = {"problem": "the limits changed after the report was composed"}
        _mark(connection, session, revision, Verb.COMPOSE, "started", problem)


def put_publication(connection: sa.Connection, publication: Publication, receipt: Mapping[str, Any]) -> None:
    """Replace the decisions of a session and their record; where they change, its report no longer counts."""
    session, revision = publication.session, publication.revision
    head = {
        "rung": int(publication.rung),
        "verdict": publication.verdict.value,
        "why": publication.why,
        "cut_off_at": publication.cut_off,
        "code_version": publication.code_version,
    }
    if publication_of(connection, session, revision) != publication:
        _outdate_report(connection, session, revision)
    _replace(connection, publications, session, revision, [head])
    _replace(connection, decisions, session, revision, _decision_rows(publication.decisions))
    mark_done(connection, session, revision, Verb.PUBLISH, receipt)
    decision_records.keep(connection, session, revision)


def put_report(connection: sa.Connection, report: Report, receipt: Mapping[str, Any]) -> None:
    """Replace the composed report of a session."""
    key = {"session": report.session, "revision": report.revision, "kind": report.kind}
    content = {"subject": report.subject, "text": report.text, "html": report.html, "digest": report.digest}
    upsert(connection, reports, [key | content])
    drawn = [key | {"content_id": p.content_id, "png": p.png} for p in report.pictures]
    upsert(connection, report_images, drawn)
    _forget_pictures_nobody_names(connection, report)
    mark_done(connection, report.session, report.revision, Verb.COMPOSE, receipt)


def _forget_pictures_nobody_names(connection: sa.Connection, report: Report) -> None:
    """Forget the pictures of an earlier composition, but those of a mail that has begun to leave."""
    where = (*_of(outbox, report.session, report.revision), outbox.c.kind == report.kind)
    mails = connection.execute(sa.select(outbox.c.html).where(*where).distinct()).scalars()
    named = {content_id for html in (report.html, *mails) for content_id in _named_in(html)}
    unnamed = sa.delete(report_images).where(
        *_of(report_images, report.session, report.revision),
        report_images.c.kind == report.kind,
        report_images.c.content_id.not_in(named),
    )
    connection.execute(unnamed)


def _named_in(html: str) -> list[str]:
    """Return the content ids of the pictures that the HTML of a mail names, each once, in reading order."""
    return list(dict.fromkeys(re.findall(r'src="cid:([^"]+)"', html)))


def pictures_of(
    connection: sa.Connection, session: date, revision: int, kind: str, html: str
) -> tuple[Picture, ...]:
    """Return the pictures that the HTML of a mail names, in the order of reading.

    Some may have been drawn for an earlier composition of the mail: whoever has that still gets its own.
    """
    query = sa.select(report_images.c.content_id, report_images.c.png).where(
        *_of(report_images, session, revision), report_images.c.kind == kind
    )
    drawn = {row.content_id: bytes(row.png) for row in connection.execute(query)}
    return tuple(
        Picture(content_id, drawn[content_id]) for content_id in _named_in(html) if content_id in drawn
    )


def take_what_left(
    connection: sa.Connection, publication: Publication, report: Report, marks: Mapping[str, Any]
) -> None:
    """Let what a mail of last resort says be what was decided and composed.

    The same limits in the database tell more, and stay.
    """
    decided = publication_of(connection, publication.session, publication.revision)
    if decided is None or _limits(decided) != _limits(publication):
        receipt = {
            "rung": int(publication.rung),
            "traders": len(publication.decisions),
            "restricted": sum(decision.reduction > 0 for decision in publication.decisions),
        }
        put_publication(connection, publication, {**receipt, **marks})
    put_report(connection, report, {"subject": report.subject, "digest": report.digest})


def _limits(publication: Publication) -> set[tuple[str | int, ...]]:
    return {
        (
            *(d.trader_id, d.base_limit_cents, d.reduction, d.limit_cents, int(d.rung)),
            *(d.decided_reduction, d.decided_limit_cents),
        )
        for d in publication.decisions
    }


def mark_done(
    connection: sa.Connection, session: date, revision: int, verb: Verb, receipt: Mapping[str, Any]
) -> None:
    """Note that a verb is done, in the transaction of what it left."""
    _mark(connection, session, revision, verb, "done", receipt)


def publication_of(connection: sa.Connection, session: date, revision: int) -> Publication | None:
    """Return what was decided for a session; ask inside the writing transaction where that counts."""
    head = connection.execute(
        sa.select(publications).where(*_of(publications, session, revision))
    ).one_or_none()
    if head is None:
        return None
    made = connection.execute(
        sa.select(decisions.c.detail).where(*_of(decisions, session, revision)).order_by(decisions.c.position)
    ).scalars()
    return Publication(
        session=session,
        revision=revision,
        rung=Rung(head.rung),
        verdict=Verdict(head.verdict),
        why=head.why,
        cut_off=head.cut_off_at,
        code_version=head.code_version,
        decisions=tuple(from_document(Decision, document) for document in made),
    )


def _mark(
    connection: sa.Connection,
    session: date,
    revision: int,
    verb: Verb,
    state: str,
    detail: Mapping[str, Any],
) -> None:
    row = {"session": session, "revision": revision, "verb": verb.value}
    upsert(connection, stage_outcomes, [row | {"state": state, "detail": dict(detail)}])


def _replace(
    connection: sa.Connection, table: sa.Table, session: date, revision: int, rows: Iterable[dict]
) -> None:
    connection.execute(sa.delete(table).where(*_of(table, session, revision)))
    keyed = [{"session": session, "revision": revision, **row} for row in rows]
    if keyed:
        connection.execute(sa.insert(table), keyed)


def _replace_scores(
    connection: sa.Connection,
    session: date,
    revision: int,
    engine: Engine,
    found: Sequence[RuleScore] | Sequence[ModelScore],
) -> None:
    mine = sa.delete(scores).where(*_of(scores, session, revision), scores.c.engine == engine.value)
    connection.execute(mine)
    key = {"session": session, "revision": revision, "engine": engine.value}
    rows = [
        key | {"trader_id": s.trader_id, "reduction": s.reduction, "detail": to_document(s)} for s in found
    ]
    if rows:
        connection.execute(sa.insert(scores), rows)


def _decision_rows(made: Sequence[Decision]) -> list[dict]:
    return [
        {
            "trader_id": decision.trader_id,
            "position": i,
            "base_limit_cents": decision.base_limit_cents,
            "reduction": decision.reduction,
            "limit_cents": decision.limit_cents,
            "decided_reduction": decision.decided_reduction,
            "decided_limit_cents": decision.decided_limit_cents,
            "rung": int(decision.rung),
            "detail": to_document(decision),
        }
        for i, decision in enumerate(made)
    ]
