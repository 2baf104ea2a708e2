"""A morning that was decided: what it was decided from, and which of its verbs can be done again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import ValidationError

from riskops.errors import ReplayError
from riskops.records import Publication, Run, RunType, Verb
from riskops.settings import RUNBOOK, Fault
from riskops.store.decision_records import BEFORE_THE_LIMITS, DecisionRecord
from riskops.store.mornings import Report, Stage
from riskops.store.rewind import Before, Inputs
from riskops.store.risk_store import RiskStore
from riskops.store.seal import LIMITS_MAIL

DRILL = "drill"  # in publish's receipt: the fault that was forced while the limits were committed
DONE_AGAIN = (Verb.VALIDATE, Verb.SCORE_RULES, Verb.SCORE_MODEL, Verb.COMPARE, Verb.CHOOSE)
COUNT = ("done", "failed", "started")
WITHOUT_VERBS = {
    "minimal": "they are those that a minimal mail named",
    "emergency": "they were held from the limits file while the risk database was gone",
    "from": "they were taken over from the limits file",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A verb's call that counted: what kind of run it was of, when it began, and what went wrong."""

    verb: Verb
    number: int
    run_type: RunType
    began_at: datetime
    ended_at: datetime | None
    state: str
    problem: str


@dataclass(frozen=True, slots=True)
class PastMorning:
    """What is on record of a decided session.

    `stages` is how far each verb had got when the limits were committed; `calls` are the journal's,
    in their order; `record` is ``None`` where the limits are older than records are. `runbook` is where
    the runbook was served, which the mail links to.
    """

    publication: Publication
    record: DecisionRecord | None
    stages: Mapping[Verb, Stage]
    quality: tuple[Mapping[str, Any], ...]
    comparison: Mapping[str, Any] | None
    report: Report | None
    calls: tuple[Call, ...]
    wrote_ledger: bool
    runbook: str

    @property
    def without_verbs(self) -> str:
        """Why the limits were not made by the verbs of the morning; empty where they were."""
        receipt = self.stages[Verb.PUBLISH].detail if Verb.PUBLISH in self.stages else {}
        return next((why for mark, why in WITHOUT_VERBS.items() if mark in receipt), "")

    @property
    def again(self) -> tuple[Verb, ...]:
        """The verbs up to the choice that are done again, in order: those that were done then."""
        return tuple(verb for verb in DONE_AGAIN if verb in self.done and not self._is_kept(verb))

    @property
    def done(self) -> frozenset[Verb]:
        """The verbs that were done when the limits were committed."""
        return frozenset(verb for verb, stage in self.stages.items() if stage.is_done)

    @property
    def is_composed(self) -> bool:
        """Whether the report is one of compose's: a mail of last resort has no HTML."""
        return self.report is not None and bool(self.report.html)

    @property
    def fault(self) -> Fault:
        """The fault that was forced that morning."""
        receipt = self.stages[Verb.PUBLISH].detail if Verb.PUBLISH in self.stages else {}
        return Fault(receipt.get(DRILL, Fault.NONE))

    def kept(self) -> list[str]:
        """Say of each verb up to the choice that is not done again why it stands as it was."""
        told = [
            f"{verb.value} had not finished: {stage.detail.get('problem') or 'no word of it'}"
            for verb, stage in self.stages.items()
            if not stage.is_done
        ]
        if self._is_kept(Verb.VALIDATE):
            told.append("validate stands as it was: some of its checks could not be carried out")
        return told

    def call(self, verb: Verb) -> Call | None:
        """Return the call of a verb whose results counted: the last one before what used them."""
        ends = self._last(Verb.PUBLISH if verb in BEFORE_THE_LIMITS else Verb.COMPOSE)
        mine = [call for call in self.calls if call.verb is verb and call.state in COUNT]
        used = [call for call in mine if ends is None or call.number <= ends.number]
        ended = [call for call in used if call.ended_at is not None]
        return next(reversed(ended or used), None)

    def outcomes_recorded(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return how far the recording of outcomes was when the mail was composed; ``None``: not begun."""
        call, composing = self.call(Verb.RECORD_OUTCOMES), self.call(Verb.COMPOSE)
        if call is None or composing is None:
            return None
        if call.ended_at is None or call.ended_at > composing.began_at:
            return "started", {}
        return call.state, {} if call.state == "done" else {"problem": call.problem}

    def run(self, verb: Verb) -> Run:
        """Return the run of a verb; whether it may mail counts for the ledger alone, as it is on record."""
        call = self.call(verb)
        run_type = RunType.BREAK_GLASS if call is None else call.run_type
        session, revision = self.publication.session, self.publication.revision
        return Run(session, run_type, "replay", deliver=self.wrote_ledger, revision=revision)

    def moment(self, verb: Verb) -> datetime:
        """Return when a verb began; the cut-off where the journal does not say."""
        call = self.call(verb)
        return self.publication.cut_off if call is None else call.began_at

    def before(self) -> Before:
        """Return the moment to go back to."""
        return Before(
            self.publication.session,
            self.publication.revision,
            known=min(self.moment(verb) for verb in (*self.again, Verb.PUBLISH)),
            recorded=max(self.moment(verb) for verb in (*self.again, Verb.PUBLISH)),
        )

    def inputs(self) -> Inputs:
        """Return what stands as it was: the ingest, and the verbs that had not finished."""
        stand = {verb: (s.state, s.detail) for verb, s in self.stages.items() if self._stands(verb)}
        recorded = self.outcomes_recorded()
        if recorded is not None and recorded[0] != "done":
            stand[Verb.RECORD_OUTCOMES] = recorded
        return Inputs(
            self.publication.cut_off,
            stand,
            () if Verb.VALIDATE in self.again else self.quality,
            None if Verb.COMPARE in self.again else self.comparison,
        )

    def _stands(self, verb: Verb) -> bool:
        return verb not in self.again and verb is not Verb.PUBLISH

    def _is_kept(self, verb: Verb) -> bool:
        return verb is Verb.VALIDATE and any(check["raised"] for check in self.quality)

    def _last(self, verb: Verb) -> Call | None:
        done = [call for call in self.calls if call.verb is verb and call.state == "done"]
        return done[-1] if done else None


def past_morning(store: RiskStore, session: date, revision: int) -> PastMorning:
    """Read what is on record of a session.

    Raises
    ------
    ReplayError
        If nothing was decided, or what was decided cannot be read.
    """
    mornings = store.mornings
    publication = _publication(store, session, revision)
    record = mornings.decision_record(session, revision)
    document = (
        json.loads(record.document)
        if record is not None and record.is_whole
        else mornings.tables_document(session, revision)
    )
    return PastMorning(
        publication=publication,
        record=record,
        stages={
            Verb(name): Stage(stage["state"], stage["detail"]) for name, stage in document["stages"].items()
        },
        quality=tuple(document["quality"]),
        comparison=document["comparison"],
        report=mornings.report(session, revision, LIMITS_MAIL),
        calls=_calls(store.journal.of_session(session, revision)),
        wrote_ledger=bool(document["ledger"]) and revision == 0,
        runbook=_runbook(store, session, revision),
    )


def _runbook(store: RiskStore, session: date, revision: int) -> str:
    composed = store.mornings.stages(session, revision).get(Verb.COMPOSE)
    return RUNBOOK if composed is None else str(composed.detail.get("runbook", RUNBOOK))


def _publication(store: RiskStore, session: date, revision: int) -> Publication:
    try:
        publication = store.mornings.publication(session, revision)
    except ValidationError as error:
        raise ReplayError(f"The decisions of {session} cannot be read: {error}") from None
    if publication is None:
        raise ReplayError(f"No limits were decided for {session}, revision {revision}.")
    return publication


def _calls(rows: Sequence[Any]) -> tuple[Call, ...]:
    return tuple(
        Call(
            Verb(row.verb),
            row.record_id,
            RunType(row.run_type),
            row.started_at,
            row.finished_at,
            row.state,
            row.problem,
        )
        for row in rows
    )
