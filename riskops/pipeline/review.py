"""Review the evidence: evaluate the history, propose other numbers where they pay, and keep both."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline import evaluate as evaluating
from riskops.pipeline.evaluate import READING, Told
from riskops.pipeline.stage import Receipt
from riskops.records import Run
from riskops.store.documents import to_document
from riskops.store.evaluations import StoredEvaluation

if TYPE_CHECKING:
    from riskops.evaluation import Evaluation
    from riskops.proposals import Review

FORMAT = "riskops review 1"
PROPOSING, DRAWING = "proposals", "charts"

log = logging.getLogger(__name__)


def review(desk: Desk, run: Run, told: Told = lambda _step: None) -> Receipt:
    """Evaluate all of the history before a run's session and keep it under that session.

    Only what was known at the session's cut-off enters, so a backfilled month is the month it
    would have been; it is kept under its own session and touches no other. What a session has
    already stays as it is. Proposals are texts: no number is changed.

    Raises
    ------
    ModelError
        If the model gives a number that is not finite.
    """
    kept = desk.store.evaluations.of(run.session)
    if kept is not None:
        return _receipt(kept, "was stored before")
    try:
        made = _made(desk, run, told)
    except MissingResultError as young:
        return {"session": run.session.isoformat(), "outcome": f"nothing to review yet: {young}"}
    outcome = "stored" if desk.store.evaluations.keep(made) else "was stored before"
    for proposal in made.document["review"]["proposals"]:
        log.info("Proposed for a person to decide: %s", proposal["text"])
    return _receipt(made, outcome)


def _made(desk: Desk, run: Run, told: Told) -> StoredEvaluation:
    from riskops import evaluation, proposals
    from riskops.report.review_sections import sections

    told(READING)
    history, paths = evaluating.known(desk, run)
    found = evaluation.evaluate(
        history,
        paths,
        evaluation.known_span(history),
        told,
        specification_number=evaluating.number(desk, run),
    )
    told(PROPOSING)
    proposed = proposals.review(history, paths)
    told(DRAWING)
    return StoredEvaluation(
        session=run.session,
        first_session=found.first_session,
        last_session=found.last_session,
        specification=found.specification,
        document=_document(found, proposed),
        html=evaluating.as_html(found, sections(proposed)),
        recorded_at=desk.clock(),
    )


def _document(found: Evaluation, proposed: Review) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "evaluation": evaluating.as_document(found),
        "review": to_document(proposed),
    }


def _receipt(kept: StoredEvaluation, outcome: str) -> Mapping[str, Any]:
    proposed = kept.document["review"]["proposals"]
    return {
        "session": kept.session.isoformat(),
        "outcome": outcome,
        "first_session": kept.first_session.isoformat(),
        "last_session": kept.last_session.isoformat(),
        "settings_tried": kept.document["review"]["cells"],
        "proposals": [proposal["text"] for proposal in proposed],
    }
