"""Compare champion and challenger, and keep the ledger of who is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from riskops import champion
from riskops.champion import RulesWalk
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.history import DeskHistory, TradePaths
from riskops.pipeline.stage import NO_SCORES, Receipt, cut_off, may_mail, read_history, settled, stage
from riskops.records import Comparison, Engine, LedgerKind, ModelScore, Run, Verb, Verdict
from riskops.settings import Fault
from riskops.standing import Standing, met, settle, standing, turn
from riskops.store.mornings import Stage


def compare(desk: Desk, run: Run) -> Receipt:
    """Compare champion and challenger on the whole history and record the verdict.

    A morning that may mail appends to the ledger what it finds: the registration of a new
    specification, a promotion, a demotion. Every other run only reads it.

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
        walk = champion.walk(history)
        now = _standing(desk, run)
        found = comparison.compare(history, paths, walk, now)
        found = _judge(desk, run, found, now, model)
        own = _standing_in(desk, run, found, history, paths, walk)
        receipt = {"verdict": found.verdict.value, "e_value": min(found.e_values), "own_models": len(own)}
        desk.store.mornings.record_comparison(run.session, run.revision, found, receipt, own)
    return receipt


def _standing_in(
    desk: Desk,
    run: Run,
    found: Comparison,
    history: DeskHistory,
    paths: TradePaths,
    walk: Mapping[str, RulesWalk],
) -> tuple[ModelScore, ...]:
    """Return what the traders' own models say where the promoted model has failed."""
    if found.verdict is not Verdict.MODEL_FAILED or found.champion is Engine.RULES:
        return ()
    from riskops import own_models

    scores = desk.store.mornings.rule_scores(run.session, run.revision)
    return own_models.score(history, paths, walk, scores)


def _standing(desk: Desk, run: Run) -> Standing:
    """Return how the specification of this program stands on the session."""
    from riskops import specification

    by_ledger = standing(desk.store.ledger.entries(), run.session)
    return met(by_ledger, run.session, specification.digest(), specification.text())


def _judge(desk: Desk, run: Run, found: Comparison, now: Standing, model: Stage | None) -> Comparison:
    """Give the verdict: a drill's, a failed or silent model's, else the ledger's with today's news."""
    if desk.settings.fault is Fault.MODEL_LOSES:
        reason = f"Forced by RISKOPS_FAULT={Fault.MODEL_LOSES}."
        return replace(found, verdict=Verdict.RULES_HOLD, reason=reason)
    scored = model is not None and model.is_done and NO_SCORES not in model.detail
    told = settle(found, _with_news(desk, run, found, now, scored), run.session, desk.calendar)
    if model is None or not model.is_done:
        why = "has not finished" if model is None else model.detail.get("problem", "has not finished")
        return replace(told, verdict=Verdict.MODEL_FAILED, reason=f"The pooled model gave no scores: {why}")
    if too_little := model.detail.get(NO_SCORES):
        reason = f"The pooled model has {too_little}."
        return replace(told, verdict=Verdict.NOT_ENOUGH_EVIDENCE, reason=reason)
    return told


def _with_news(desk: Desk, run: Run, found: Comparison, now: Standing, scored: bool) -> Standing:
    """Append today's news to the ledger where this run may, and return the standing that follows."""
    news = [entry for entry in (now.registered, turn(now, run.session, found)) if entry is not None]
    if not scored:
        news = [entry for entry in news if entry.kind is not LedgerKind.PROMOTED]
    if _writes(desk, run) and desk.store.ledger.append(run.session, news, desk.clock()):
        return standing(desk.store.ledger.entries(), run.session)
    return now


def _writes(desk: Desk, run: Run) -> bool:
    return may_mail(desk, run) and run.revision == 0
