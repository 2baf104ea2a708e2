"""Score every trader by the pooled model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskops import champion, doubt
from riskops.desk import Desk
from riskops.pipeline.faults import force, hang
from riskops.pipeline.score_rules import scored_by_rules
from riskops.pipeline.stage import NO_SCORES, Receipt, cut_off, read_readings, settled, stage
from riskops.records import Run, Verb
from riskops.settings import Fault

if TYPE_CHECKING:
    from riskops.challenger import Scored


def score_pooled_model(desk: Desk, run: Run) -> Receipt:
    """Score every trader by the pooled model, the challenger.

    A desk too young to learn from gets no scores, and its receipt says how much is missing.

    Raises
    ------
    ModelError
        If no score can be given that a desk may rely on; the morning goes on with the rules.
    """
    from riskops import challenger

    if (receipt := settled(desk, run, Verb.SCORE_MODEL)) is not None:
        return receipt
    with stage(desk, run, Verb.SCORE_MODEL):
        force(desk, Fault.MODEL_RAISES)
        hang(desk, Fault.MODEL_HANGS)
        history, otherwise = read_readings(desk, run)
        paths = desk.store.history.paths(history, cut_off(desk, run))
        walks = champion.walk(history)
        rules = scored_by_rules(history, otherwise, walks)
        found = challenger.score(history, paths, walks, rules)
        if otherwise is not None:
            other = challenger.score(otherwise, paths, champion.walk(otherwise), rules)
            found = replace(found, scores=doubt.tighter_model(found.scores, other.scores))
        receipt = _receipt(found)
        desk.store.mornings.record_model_scores(run.session, run.revision, found.scores, receipt)
    return receipt


def _receipt(found: Scored) -> Receipt:
    raised = sum(score.gain_usd > 0 for score in found.scores)
    counts = {"traders": len(found.scores), "raised": raised}
    return counts | {NO_SCORES: found.why_none} if found.why_none else counts
