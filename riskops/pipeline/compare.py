"""Compare champion and challenger."""

from __future__ import annotations

from dataclasses import replace

from riskops import champion
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline.stage import NO_SCORES, Receipt, cut_off, read_history, settled, stage
from riskops.records import Comparison, Run, Verb, Verdict
from riskops.settings import Fault
from riskops.store.mornings import Stage


def compare(desk: Desk, run: Run) -> Receipt:
    """Compare champion and challenger on the whole history and record the verdict.

    Raises
    ------
    MissingResultError
        If the rules have left no scores: without a champion there is nothing to compare.
    """
    from riskops import comparison

    if (receipt := settled(desk, run, Verb.COMPARE)) is not None:
        return receipt
    with stage(desk, run, Verb.COMPARE):
        stages = desk.store.mornings.stages(run.session, run.revision)
        rules = stages.get(Verb.SCORE_RULES)
        if rules is None or not rules.is_done:
            raise MissingResultError(f"The rules have left no scores for {run.session}: run score-rules.")
        model = stages.get(Verb.SCORE_MODEL)
        history = read_history(desk, run)
        paths = desk.store.history.paths(history, cut_off(desk, run))
        found = _judge(desk, comparison.compare(history, paths, champion.walk(history)), model)
        receipt = {"verdict": found.verdict.value, "e_value": min(found.e_values)}
        desk.store.mornings.record_comparison(run.session, run.revision, found, receipt)
    return receipt


def _judge(desk: Desk, found: Comparison, model: Stage | None) -> Comparison:
    """Let a failed or silent model, or a drill, overrule what the evidence alone would say."""
    if model is None or not model.is_done:
        why = "has not finished" if model is None else model.detail.get("problem", "has not finished")
        return replace(found, verdict=Verdict.MODEL_FAILED, reason=f"The pooled model gave no scores: {why}")
    if desk.settings.fault is Fault.MODEL_LOSES:
        return replace(
            found, verdict=Verdict.RULES_HOLD, reason=f"Forced by RISKOPS_FAULT={Fault.MODEL_LOSES}."
        )
    if too_little := model.detail.get(NO_SCORES):
        reason = f"The pooled model has {too_little}."
        return replace(found, verdict=Verdict.NOT_ENOUGH_EVIDENCE, reason=reason)
    return found
