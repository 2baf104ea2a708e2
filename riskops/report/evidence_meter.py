"""The evidence meter of the mail: how far the model has come against the rules, and what it would do.

What is said of the model beside single traders comes from here too, so that the two agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from riskops import config, evidence
from riskops.money import whole_dollars
from riskops.records import Comparison, Decision, ModelScore, Publication, Rung, Verdict
from riskops.report.wording import counted, printable, trader_label


@dataclass(frozen=True, slots=True)
class Difference:
    """A trader whom the model in shadow would cut further, to `asked` percent."""

    decision: Decision
    score: ModelScore
    asked: int


@dataclass(frozen=True, slots=True)
class SaidOfTheModel:
    """What may be said of the pooled model: whether it gave scores, and where it is worth a word.

    `differences` are those whose expected gain is material, the largest first.
    """

    has_scores: bool
    risk_is_known: bool
    differences: tuple[Difference, ...]

    def difference(self, trader_id: str) -> Difference | None:
        """Return a trader's difference if it is among those that are shown."""
        shown = self.differences[: config.SHADOW_DIFFERENCES_SHOWN]
        return next((found for found in shown if found.decision.trader_id == trader_id), None)


def said_of_the_model(
    publication: Publication, comparison: Comparison | None, scores: Sequence[ModelScore]
) -> SaidOfTheModel:
    """Return what may be said of the pooled model this morning."""
    losses = 0 if comparison is None else comparison.large_loss_days
    shadow = () if publication.rung is Rung.MODEL else _differences(publication.decisions, scores)
    return SaidOfTheModel(
        has_scores=bool(scores), risk_is_known=losses >= config.MIN_LARGE_LOSS_DAYS, differences=shadow
    )


def _differences(decisions: Sequence[Decision], scores: Sequence[ModelScore]) -> tuple[Difference, ...]:
    """Return whom the model would cut further, by how much it would; no reason, no word.

    A held limit cannot be compared with a score, and a gain that is not material is no news.
    """
    given = {score.trader_id: score for score in scores if score.reasons and _is_material(score)}
    found = [
        Difference(d, given[d.trader_id], _asked(d, given[d.trader_id]))
        for d in decisions
        if d.trader_id in given and d.engine is not None
    ]
    further = [difference for difference in found if _points(difference) > 0]
    return tuple(sorted(further, key=lambda f: (-_points(f), -f.score.gain_usd)))


def _points(difference: Difference) -> int:
    return difference.asked - difference.decision.decided_reduction


def _is_material(score: ModelScore) -> bool:
    return score.gain_usd > config.MATERIAL_CENTS_PER_ACTIVE_TRADER / 100


def _asked(decision: Decision, score: ModelScore) -> int:
    return score.reduction if decision.challenger_reduction is None else decision.challenger_reduction


# --- the section ------------------------------------------------------------------------------


def evidence_lines(comparison: Comparison | None, model: SaidOfTheModel) -> tuple[str, ...]:
    """Return the section, one sentence a line."""
    if comparison is None:
        return ("No comparison of model and rules was recorded this morning.",)
    too_little = comparison.verdict is Verdict.NOT_ENOUGH_EVIDENCE and not model.has_scores
    if too_little or not comparison.desk_days:
        return (printable(comparison.reason),)
    lines = [_meter(comparison), _reading(comparison.verdict), _benefits(comparison)]
    lines += [*_limits_of_evidence(comparison), _risk_to_come(comparison, model), _shadow(model)]
    return tuple(line for line in lines if line)


def _meter(comparison: Comparison) -> str:
    """Return how far the evidence for the model has come; the weakest of the four tests counts.

    Of a model that is champion it says how far the evidence against it has come.
    """
    if comparison.champion_since is not None:
        against = f"e = {comparison.demotion_e:.1f} of {config.DEMOTION_E_VALUE:.0f}"
        return f"The model is champion since {comparison.champion_since}; evidence to demote it: {against}"
    weakest, bar = min(comparison.e_values), comparison.information.get("bar", config.E_VALUE_BAR)
    way_to_go = "bar reached" if weakest >= bar else evidence.pace(comparison.sessions_to_go)
    return f"Model e = {weakest:,.1f} of {bar:.0f}, {way_to_go}; {_detectable(comparison)}"


def _detectable(comparison: Comparison) -> str:
    usd, days = comparison.smallest_detectable_usd, comparison.desk_days
    if days < config.MIN_DESK_DAYS:
        seen = f"{days:,} of {config.MIN_DESK_DAYS:,} desk-days"
        return f"smallest detectable advantage not known yet ({seen})"
    if usd is None or not math.isfinite(usd):
        return "smallest detectable advantage not known yet"
    return f"smallest detectable advantage {whole_dollars(100 * usd)} a day"


def _risk_to_come(comparison: Comparison, model: SaidOfTheModel) -> str:
    """Say what the displayed risk still waits for."""
    if model.risk_is_known:
        return ""
    seen = f"{comparison.large_loss_days:,} of {config.MIN_LARGE_LOSS_DAYS:,} large-loss days"
    return f"The risk of a large loss is not shown yet ({seen})."


def _reading(verdict: Verdict) -> str:
    if verdict is Verdict.NOT_ENOUGH_EVIDENCE:
        return 'Not promoted means "not proven", it does not mean "no better".'
    if verdict is Verdict.RULES_HOLD:
        return "The evidence favours the rules."
    return ""


def _benefits(comparison: Comparison) -> str:
    model, rules = (
        whole_dollars(100 * usd) for usd in (comparison.challenger_benefit_usd, comparison.rules_benefit_usd)
    )
    days = f"{counted(comparison.desk_days, 'desk-day')}, {counted(comparison.trader_days, 'trader-day')}"
    losses = counted(comparison.large_loss_days, "large-loss day")
    return f"Benefit over no restriction: model {model}, rules {rules} ({days}, {losses})."


def _limits_of_evidence(comparison: Comparison) -> tuple[str, str]:
    """Return what bends the evidence: a veto, and days that do not count in full."""
    vetoed = "One ruinous day of the model vetoes its promotion for now." if comparison.vetoed else ""
    days = counted(comparison.clipped_days, "desk-day")
    clipped = (
        f"On {days} model and rules differed by so much that the test counts only part of it (clipped), "
        "so that no single day decides."
    )
    return vetoed, clipped if comparison.clipped_days else ""


def _shadow(model: SaidOfTheModel) -> str:
    """Return whom the model would have cut further; it tells, it does not decide."""
    shown = model.differences[: config.SHADOW_DIFFERENCES_SHOWN]
    if not shown:
        return ""
    named = ", ".join(f"{_label(d.decision)} {d.asked}% (not {d.decision.decided_reduction}%)" for d in shown)
    of = (
        f" (the {len(shown)} largest of {len(model.differences)})"
        if len(model.differences) > len(shown)
        else ""
    )
    return f"In shadow the model would cut further{of}: {named}."


def _label(decision: Decision) -> str:
    return trader_label(decision.trader_id, decision.name)
