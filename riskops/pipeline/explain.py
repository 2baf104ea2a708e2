"""Explain a mail: gather again what it was made from, and trace every number of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline.material import material
from riskops.pipeline.past_morning import PastMorning, past_morning
from riskops.records import Decision, Verb
from riskops.report.material import Material, arranged
from riskops.report.render import as_text, fitting
from riskops.report.tracing.explanation import explain_desk, explain_trader
from riskops.report.tracing.traced import Explanation
from riskops.store.mornings import Stage


@dataclass(frozen=True, slots=True)
class Explained:
    """What a session's mail was made from, and whether that still makes the mail on record.

    `remarks` say where it does not: then a number of the mail may be missing here.
    """

    material: Material
    remarks: tuple[str, ...]

    def desk(self) -> Explanation:
        """Trace every number that is of the whole desk."""
        return replace(explain_desk(self.material), remarks=self.remarks)

    def trader(self, trader_id: str) -> Explanation:
        """Trace every number of a trader's entry.

        Raises
        ------
        MissingResultError
            If the trader had no limit on the session; names who had one.
        """
        return replace(explain_trader(self.material, self._decision_of(trader_id)), remarks=self.remarks)

    def _decision_of(self, trader_id: str) -> Decision:
        found = self.material.decision_of(trader_id)
        if found is None:
            publication = self.material.publication
            known = ", ".join(decision.trader_id for decision in publication.decisions)
            raise MissingResultError(
                f"{trader_id!r} had no limit on {publication.session}; traders: {known}."
            )
        return found


def explain(desk: Desk, session: date, revision: int | None = None) -> Explained:
    """Gather what the mail of a session was made from, as it was known then; nothing is written.

    Parameters
    ----------
    session
        A session with limits.
    revision
        By default the newest one.

    Raises
    ------
    MissingResultError
        If no limits were decided for the session, or none in that revision.
    """
    past = past_morning(desk.store, session, _decided(desk, session, revision))
    key = session, past.publication.revision
    stages = _as_composed(past, desk.store.mornings.stages(*key))
    found = material(desk, past.run(Verb.COMPOSE), past.publication, stages, past.fault)
    return Explained(found, _remarks(past, found))


def _decided(desk: Desk, session: date, revision: int | None) -> int:
    """Return the revision that is asked for, by default the newest one."""
    known = [number for _, number in desk.store.mornings.published(session, session)]
    if not known:
        raise MissingResultError(f"No limits were decided for {session}: run `riskops morning`.")
    if revision is None:
        return known[-1]
    if revision not in known:
        there = ", ".join(map(str, known))
        raise MissingResultError(f"{session} was not decided in a revision {revision}, but in {there}.")
    return revision


def _as_composed(past: PastMorning, stages: Mapping[Verb, Stage]) -> dict[Verb, Stage]:
    """Return how far the verbs were when the mail was composed: outcomes may have come later."""
    found = dict(stages)
    recorded = past.outcomes_recorded()
    if not past.is_composed or (recorded is not None and recorded[0] == "done"):
        return found
    found.pop(Verb.RECORD_OUTCOMES, None)
    return found if recorded is None else found | {Verb.RECORD_OUTCOMES: Stage(*recorded)}


def _remarks(past: PastMorning, found: Material) -> tuple[str, ...]:
    """Say where the mail on record is not the one that is explained."""
    if past.report is None:
        return ("No mail was composed of these limits yet: what is explained is the one they would make.",)
    if not past.is_composed:
        return ("The mail that left is one of last resort: it has the limits alone.",)
    if as_text(fitting(arranged(found))) == past.report.text:
        return ()
    replayed = f"`riskops replay {past.publication.session}` names the first difference"
    return (f"The mail on record reads otherwise than what its records make now: {replayed}.",)
