"""Replay past sessions: decide them again from what was known, and compare with what is on record.

The same verbs run on a private copy of the risk database, taken back to the moment before. Nothing is
written to the original, the source is not asked, no limits file is written and nothing is mailed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from riskops import canonical
from riskops.canonical import Difference, first_difference
from riskops.desk import Desk
from riskops.errors import ReplayError, RiskOpsError
from riskops.pipeline.choose import ROUTES, choose
from riskops.pipeline.compare import compare
from riskops.pipeline.compose import compose
from riskops.pipeline.past_morning import past_morning
from riskops.pipeline.publish import commit
from riskops.pipeline.record_outcomes import record_outcomes
from riskops.pipeline.score_model import score_pooled_model
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.stage import Receipt
from riskops.pipeline.validate import validate
from riskops.records import Run, Verb
from riskops.settings import Secret
from riskops.store import on_record, private_copy
from riskops.store.database import Database
from riskops.store.rewind import rewind
from riskops.store.risk_store import RiskStore

AGAIN: Mapping[Verb, Callable[[Desk, Run], Receipt]] = {
    Verb.VALIDATE: validate,
    Verb.SCORE_RULES: score_rules,
    Verb.SCORE_MODEL: score_pooled_model,
    Verb.COMPARE: compare,
    Verb.CHOOSE: choose,
    Verb.RECORD_OUTCOMES: record_outcomes,
    Verb.COMPOSE: compose,
}
RUNGS = {route: rung for rung, route in ROUTES.items()}
Told = Callable[["Replayed"], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay of one session found.

    `difference` is the first one, ``None`` where everything is equal; `impossible` says why the limits
    cannot be made again, where they cannot. `digest` is that of the canonical record as it was
    committed (empty where there is none), `document` its text as it was made now.
    """

    session: date
    revision: int
    cut_off: datetime
    decided_by: str
    replayed_by: str
    rung: str
    compared: Mapping[str, int]
    digest: str
    report_digest: str
    document: str
    remarks: tuple[str, ...]
    difference: Difference | None = None
    impossible: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether the session is proven: made again, and the same in everything that was compared."""
        return self.difference is None and not self.impossible


def replay(desk: Desk, asked: Sequence[tuple[date, int]], told: Told = lambda _found: None) -> list[Replayed]:
    """Replay sessions (and revisions), each from the record as it is, and tell of each as it ends.

    Raises
    ------
    ReplayError
        If nothing is on record of one of them.
    """
    found = []
    with TemporaryDirectory(prefix="riskops-replay-") as name:
        folder = Path(name)
        private_copy.copy(desk.store.database, folder / "whole.db")
        for session, revision in asked:
            shutil.copyfile(folder / "whole.db", folder / "one.db")
            with private_copy.opened(folder / "one.db") as database:
                found.append(_Again(desk, database, folder, session, revision).found())
            told(found[-1])
            for file in folder.glob("one.db*"):
                file.unlink()
    return found


def asked_sessions(
    desk: Desk, first: date, last: date | None, revision: int | None
) -> tuple[tuple[date, int], ...]:
    """Return the decided sessions (and revisions) to replay: one in its newest revision, or all of a span.

    Raises
    ------
    ReplayError
        If nothing was decided for the session, or for any of the span.
    """
    decided = desk.store.mornings.published(first, last or first)
    if revision is not None:
        decided = tuple(key for key in decided if key[1] == revision)
    if not decided:
        span = f"{first} to {last}" if last else str(first)
        of = "" if revision is None else f" in revision {revision}"
        raise ReplayError(f"No limits were decided for {span}{of}: there is nothing to replay.")
    return decided if last else decided[-1:]


def verdict(found: Sequence[Replayed]) -> None:
    """End quietly where every session is proven.

    Raises
    ------
    ReplayError
        If one is not; names the first of them.
    """
    wrong = [one for one in found if not one.is_equal]
    if wrong:
        first = wrong[0]
        why = first.difference or f"it cannot be decided again: {first.impossible}"
        raise ReplayError(f"{len(wrong)} of {len(found)} sessions not proven; {first.session}: {why}.")


class _Again:
    """One session on its way: read what is on record, go back, decide again, compare."""

    def __init__(self, desk: Desk, database: Database, folder: Path, session: date, revision: int) -> None:
        self._database, self._session, self._revision = database, session, revision
        store = RiskStore(database, desk.calendar)
        self._past = past_morning(store, session, revision)
        settings = replace(
            desk.settings,
            database_url=Secret(""),
            output=folder / "no output",
            on_call_webhook=Secret(""),
            heartbeat=Secret(""),
            fault=self._past.fault,
            runbook=self._past.runbook,
        )
        self._desk = replace(
            desk, settings=settings, store=store, version=self._past.publication.code_version
        )
        self._version = desk.version

    def found(self) -> Replayed:
        """Decide again and compare."""
        past, recorded = self._past, self._on_record()
        difference = self._damage() or (
            self._difference_from_archive(recorded) if past.without_verbs else self._decide_again(recorded)
        )
        return Replayed(
            session=self._session,
            revision=self._revision,
            cut_off=past.publication.cut_off,
            decided_by=past.publication.code_version,
            replayed_by=self._version,
            rung=past.publication.rung_label,
            compared=_counted(recorded),
            digest=past.record.digest if past.record else "",
            report_digest=past.report.digest if past.report else "",
            document=self._document(),
            remarks=tuple(self._remarks()),
            difference=difference,
            impossible=past.without_verbs,
        )

    # --- deciding again -----------------------------------------------------------------------

    def _decide_again(self, recorded: Mapping[str, Any]) -> Difference | None:
        rewind(self._database, self._past.before(), self._past.inputs())
        if (failed := self._performed()) is not None:
            return failed
        made = self._on_record()
        if not self._past.is_composed:
            made["report"] = recorded["report"]
        return first_difference(recorded, _as_left(made, recorded))

    def _difference_from_archive(self, recorded: Mapping[str, Any]) -> Difference | None:
        """Return where what is on record, and what left, contradict each other."""
        tables = self._desk.store.mornings.tables_document(self._session, self._revision)
        made = _as_left({**recorded, "record": tables if recorded["record"] else {}}, recorded)
        found = first_difference(_without_stages(recorded), _without_stages(made))
        return None if found is None else replace(found, now="in the tables")

    def _performed(self) -> Difference | None:
        """Run the verbs that were done then; where one fails now, say so."""
        for verb in (*self._past.again, Verb.PUBLISH, *self._reporting()):
            try:
                self._perform(verb)
            except RiskOpsError as error:
                return Difference(f"stages.{verb.value}", "done", f"failed: {error}")
        return None

    def _perform(self, verb: Verb) -> None:
        moment, run = self._past.moment(verb), self._past.run(verb)
        desk = replace(self._desk, clock=lambda: moment)
        if verb is Verb.PUBLISH:
            chosen = desk.store.mornings.stages(run.session, run.revision)[Verb.CHOOSE]
            commit(desk, run, RUNGS[chosen.detail["route"]])
        else:
            AGAIN[verb](desk, run)

    def _reporting(self) -> tuple[Verb, ...]:
        if not self._past.is_composed:
            return ()
        recorded = self._past.outcomes_recorded()
        told = recorded is not None and recorded[0] == "done"
        return (Verb.RECORD_OUTCOMES, Verb.COMPOSE) if told else (Verb.COMPOSE,)

    # --- what is compared ---------------------------------------------------------------------

    def _on_record(self) -> dict[str, Any]:
        """Return what lies in the database of the session, the limits first, what left last."""
        key = self._session, self._revision
        with self._database.reading() as connection:
            return on_record.rows_of(connection, *key, self._past.done) | {
                "ledger": on_record.ledger_of(connection, self._session),
                "record": self._record(),
                "report": on_record.report_of(connection, *key),
                "published_limits": on_record.left_limits(connection, *key),
                "mails": on_record.mails_of(connection, *key),
            }

    def _record(self) -> Any:
        """Return the canonical record as plain values; nothing where there is none to compare with."""
        kept = self._desk.store.mornings.decision_record(self._session, self._revision)
        return json.loads(kept.document) if kept and self._past.record and kept.is_whole else {}

    def _document(self) -> str:
        kept = self._desk.store.mornings.decision_record(self._session, self._revision)
        return "" if kept is None else kept.document

    def _damage(self) -> Difference | None:
        """Return where the record is not the one that was committed."""
        record = self._past.record
        if record is None or record.is_whole:
            return None
        return Difference(
            "record (SHA-256)", record.digest, canonical.digest(record.document), "its text has"
        )

    # --- what is told -------------------------------------------------------------------------

    def _remarks(self) -> Iterator[str]:
        past = self._past
        yield from past.kept()
        if past.record is None:
            yield "decided before records were kept: there is no canonical record to compare"
        if past.publication.code_version != self._version:
            yield f"decided by version {past.publication.code_version}, replayed by {self._version}"
        if not past.is_composed:
            yield "no composed report: what left is a mail of last resort, compared with the archive only"


def _as_left(made: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was made with what would have left: its limits, and its report to whoever had a mail."""
    limits = {
        trader_id: {name: of["columns"][name] for name in on_record.LIMIT}
        for trader_id, of in made["decisions"].items()
    }
    mail = {name: made["report"].get(name) for name in on_record.MAIL}
    left = {"published_limits": limits if recorded["published_limits"] else {}}
    return {**made, **left, "mails": dict.fromkeys(recorded["mails"], mail)}


def _without_stages(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is on record without how far the verbs got: one that was late may have gone on since."""
    record = {name: value for name, value in found["record"].items() if name != "stages"}
    return {**found, "record": record}


def _counted(recorded: Mapping[str, Any]) -> dict[str, int]:
    """Return how much was compared: limits with their reasons, signals, checks."""
    decided = recorded["decisions"]
    return {
        "limits": len(decided),
        "reasons": sum(len(of.get("reasons", ())) for of in decided.values()),
        "signals": sum(len(of) for of in recorded.get("signals", {}).values()),
        "scores": sum(len(of) for of in recorded["scores"].values()),
        "checks": len(recorded.get("quality_results", ())),
        "mails": len(recorded["mails"]),
    }
