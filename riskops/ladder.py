"""The fall-back ladder: from what the verbs left to the rung, and from scores to decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from riskops import limits
from riskops.records import (
    Confidence,
    Decision,
    Engine,
    LivedReduction,
    ModelScore,
    RuleScore,
    Rung,
    Verb,
    Verdict,
)

Decide = Callable[[RuleScore, str, ModelScore | None], Decision]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the morning's verbs left behind, reduced to what the choice needs.

    `model_silent` says why a model that did not fail gave no scores: it had too little data.
    `own_models` says that the traders' own models stand in for a promoted model that failed.
    """

    ingested: bool
    validated: bool
    desk_critical: bool
    rules_scored: bool
    model_scored: bool
    verdict: Verdict | None
    problems: Mapping[str, str]
    model_silent: str = ""
    own_models: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rung gives the limits, and why in words a risk manager reads."""

    rung: Rung
    verdict: Verdict
    why: str


def choose(left: Evidence, comparison_reason: str = "") -> Choice:
    """Choose the rung: the model's only if it is promoted and in time, a hold if data or rules failed."""
    verdict = left.verdict or _uncompared(left)
    for failed, why, culprit in (
        (not left.ingested, "the ingest failed", Verb.INGEST),
        (not left.validated, "the data checks did not finish", Verb.VALIDATE),
        (left.desk_critical, "a critical data check failed", None),
        (not left.rules_scored, "the rules failed", Verb.SCORE_RULES),
    ):
        if failed:
            return Choice(Rung.HOLD, verdict, _with_problem(why, left.problems, culprit))
    if verdict is Verdict.MODEL_WINS:
        return _promoted(left, comparison_reason)
    if left.verdict is None:
        return Choice(Rung.RULES, Verdict.MODEL_FAILED, _compare_failed(left))
    return Choice(Rung.RULES, verdict, _with_own_models(left, comparison_reason))


def _with_own_models(left: Evidence, why: str) -> str:
    if not left.own_models:
        return why
    return f"{why.rstrip('.')}. It is promoted, so the traders' own models tighten the rules' limits"


def _uncompared(left: Evidence) -> Verdict:
    """Return the verdict of a morning without a comparison: a model with too little data has not failed."""
    sound = left.model_scored or left.model_silent
    return Verdict.NOT_ENOUGH_EVIDENCE if sound else Verdict.MODEL_FAILED


def _promoted(left: Evidence, comparison_reason: str) -> Choice:
    if left.model_scored:
        return Choice(Rung.MODEL, Verdict.MODEL_WINS, comparison_reason or "the model beats the rules")
    if left.model_silent:
        why = f"the pooled model has {left.model_silent}"
        return Choice(Rung.RULES, Verdict.NOT_ENOUGH_EVIDENCE, why)
    why = "the pooled model is promoted and has left no scores"
    return Choice(Rung.RULES, Verdict.MODEL_FAILED, _with_problem(why, left.problems, Verb.SCORE_MODEL))


def _compare_failed(left: Evidence) -> str:
    return _with_problem("the comparison failed", left.problems, Verb.COMPARE)


def _with_problem(why: str, problems: Mapping[str, str], culprit: Verb | None) -> str:
    """Add what the verb that caused the rung says; what followed from it would only mislead."""
    told = "" if culprit is None else problems.get(culprit.value, "").rstrip(".")
    return f"{why} ({told})" if told else why


def by_rules(score: RuleScore, name: str, challenger: ModelScore | None = None) -> Decision:
    """Decide a limit from the rules' score (rung 2)."""
    return Decision(
        trader_id=score.trader_id,
        name=name,
        base_limit_cents=score.base_limit_cents,
        reduction=score.reduction,
        limit_cents=limits.limit_cents(score.base_limit_cents, score.reduction),
        rung=Rung.RULES,
        engine=Engine.RULES,
        reasons=_reasons(score),
        confidence=score.confidence,
        track_record=score.track_record,
        way_back=score.way_back,
        flip_distance_cents=score.flip_distance_cents,
        notes=score.notes,
        large_loss_probability=None if challenger is None else challenger.large_loss_probability,
        challenger_reduction=None if challenger is None else challenger.reduction,
    )


def by_own_model(rules: RuleScore, name: str, own: ModelScore | None) -> Decision:
    """Decide a limit from the rules, tightened by the trader's own model where it asks for it (rung 2+T)."""
    decision = by_rules(rules, name)
    if own is None or own.reduction <= rules.reduction:
        return decision
    return _raised(decision, own, Engine.OWN_MODELS)


def by_model(rules: RuleScore, name: str, model: ModelScore | None) -> Decision:
    """Decide a limit from the pooled model (rung 1); without its score the rules' limit stays."""
    decision = by_rules(rules, name, model)
    if model is None:
        return decision
    decision = replace(decision, rung=Rung.MODEL)
    if model.reduction <= rules.reduction:
        return decision
    return _raised(decision, model, Engine.POOLED_MODEL)


def _raised(decision: Decision, model: ModelScore, engine: Engine) -> Decision:
    """Tighten a decision of the rules to what a model asks for; its reasons come first."""
    return replace(
        decision,
        engine=engine,
        reduction=model.reduction,
        limit_cents=limits.limit_cents(decision.base_limit_cents, model.reduction),
        reasons=(*model.reasons, *decision.reasons),
    )


def held(
    trader_id: str,
    name: str,
    position: int,
    scheduled_cents: int,
    lived: Mapping[int, LivedReduction],
    *,
    quarantined: bool = False,
) -> Decision:
    """Hold a limit (rung 3), or give the floor (rung 4) where there is nothing to hold."""
    hold = limits.hold(lived, position, scheduled_cents)
    stands_on = None if hold.held_from is None else lived[hold.held_from]
    return Decision(
        trader_id=trader_id,
        name=name,
        base_limit_cents=hold.base_cents,
        reduction=hold.reduction,
        limit_cents=hold.limit_cents,
        rung=hold.rung,
        engine=None,
        reasons=(_hold_reason(hold, stands_on),),
        confidence=Confidence.LOW,
        track_record=None,
        way_back="Ends on the first morning whose data and rules are sound.",
        flip_distance_cents=None,
        quarantined=quarantined,
        held_from=None if stands_on is None else stands_on.session,
        held_sessions=hold.sessions,
        held_reduction=None if stands_on is None else stands_on.reduction,
        held_limit_cents=None if stands_on is None else stands_on.limit_cents,
    )


def carried_over(decision: Decision, decided_for: date) -> Decision:
    """Let a limit stand on a later session on which nothing could be decided: one more held session.

    It is not tightened: the mail that names it says what it was. The next hold counts on from what was
    decided, whatever override stands on it.
    """
    is_engine_s = decision.rung < Rung.HOLD
    return replace(
        decision,
        rung=Rung.HOLD if is_engine_s else decision.rung,
        engine=None,
        held_sessions=decision.held_sessions + 1,
        held_from=decided_for if is_engine_s else decision.held_from,
        held_reduction=decision.decided_reduction if is_engine_s else decision.held_reduction,
        held_limit_cents=decision.decided_limit_cents if is_engine_s else decision.held_limit_cents,
    )


def _hold_reason(hold: limits.Held, stands_on: LivedReduction | None) -> str:
    if stands_on is None:
        return f"Floor of {hold.reduction}%: there is no earlier limit to hold"
    return f"Held from {stands_on.session} ({stands_on.reduction}% then), held session {hold.sessions}"


def _reasons(score: RuleScore) -> tuple[str, ...]:
    """Say why a reduction is what it is: signals, then easing or probation where they decide."""
    reasons = [signal.reason for signal in score.signals]
    if score.easing_from is not None:
        reduction, session = score.easing_from
        reasons.append(f"Easing from {reduction}% ({session:%a %Y-%m-%d})")
    if score.probation:
        reasons.append(f"Probation ({score.active_days} active days)")
    return tuple(reasons)
