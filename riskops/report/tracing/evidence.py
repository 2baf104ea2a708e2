"""The numbers of the evidence meter: e-values, what they have to reach, benefits and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator

from riskops import config, evidence
from riskops.money import dollars, whole_dollars
from riskops.records import Comparison
from riskops.report.charts import benefit_chart
from riskops.report.evidence_meter import SaidOfTheModel, said_of_the_model
from riskops.report.material import Material
from riskops.report.tracing.limit import MODEL
from riskops.report.tracing.traced import BusinessNumber, Row, Traced, business_number, named, row
from riskops.report.wording import counted, one_line, short_dollars

E_VALUES = (
    f"beats the rules by more than {named('BEAT_RULES_BY')} of theirs",
    "the same where the rules lose",
    "better than no restriction",
    f"by more than {named('MATERIAL_CENTS_PER_ACTIVE_TRADER')} an active trader",
)


def evidence_numbers(material: Material) -> Iterator[Traced]:
    """Yield every number of the evidence meter."""
    comparison = material.comparison
    if comparison is None:
        return
    yield Traced("In a sentence", one_line(comparison.reason), "the comparison's own words", (_at("reason"),))
    yield from _meter(comparison) if comparison.champion_since is None else _watch(comparison)
    yield from _detectable(comparison)
    yield from _benefits(comparison)
    yield from _amounts(comparison)
    model = said_of_the_model(material.publication, comparison, material.model_scores)
    yield from _shadow(model)
    yield from _course(comparison)


def _at(name: str) -> Row:
    return row("comparisons", f"detail.{name}")


def _meter(found: Comparison) -> Iterator[Traced]:
    """Yield the weakest e-value, the bar, and how long it takes at this pace."""
    each = "; ".join(f"{e:,.1f} {what}" for e, what in zip(found.e_values, E_VALUES, strict=True))
    how = (
        f"the smallest of four ({each}); each is what 1 has become by betting every desk-day on the "
        f"difference, with a stake from earlier days, {named('MAX_BET')} at the most"
    )
    yield Traced("e of the model", f"e = {min(found.e_values):,.1f}", how, (_at("e_values"),))
    bar = found.information.get("bar", config.E_VALUE_BAR)
    how = f"{named('E_VALUE_BAR')} of the first specification, 20 k^2 pi^2 / 6 of the k-th that was tried"
    yield Traced("Bar", f"{bar:.0f}", how, (_at("information.bar"), BusinessNumber("E_VALUE_BAR")))
    if found.sessions_to_go is not None:
        how = (
            "the longest wait of the four e-values, at their mean growth with today's stake, and of what the "
            f"walls count ({named('MIN_SAMPLES_FOR_ML')} trader-days, {named('MIN_DESK_DAYS')} desk-days, "
            f"{named('MIN_LARGE_LOSS_DAYS')} large-loss days); not counted above "
            f"{named('SESSIONS_WORTH_COUNTING')}"
        )
        yield Traced("Sessions to go", evidence.pace(found.sessions_to_go), how, (_at("sessions_to_go"),))


def _watch(found: Comparison) -> Iterator[Traced]:
    """Yield how far the evidence against a promoted model has come."""
    since = "the session from which the ledger has the model as champion"
    yield Traced("Champion since", str(found.champion_since), since, (_at("champion_since"),))
    how = "what 1 has become by betting on the rules every desk-day since the promotion"
    yield Traced("e against the model", f"e = {found.demotion_e:.1f}", how, (_at("demotion_e"),))
    bar = f"{config.DEMOTION_E_VALUE:.0f}"
    yield business_number("Bar of a demotion", bar, "DEMOTION_E_VALUE", "from it on the model is demoted")


def _detectable(found: Comparison) -> Iterator[Traced]:
    usd = found.smallest_detectable_usd
    if usd is not None and math.isfinite(usd):
        how = (
            f"{named('DETECTABLE_SDS')} standard deviations of the daily difference of model and rules, and "
            f"the margin: {named('BEAT_RULES_BY')} of the rules' mean daily benefit or "
            f"{named('MATERIAL_CENTS_PER_ACTIVE_TRADER')} an active trader, whichever is more"
        )
        yield Traced(
            "Smallest detectable advantage", whole_dollars(100 * usd), how, (_at("smallest_detectable_usd"),)
        )
    if found.desk_days < config.MIN_DESK_DAYS:
        needed = f"{config.MIN_DESK_DAYS:,} desk-days"
        yield business_number(
            "Desk-days needed", needed, "MIN_DESK_DAYS", "below it the advantage is not told"
        )
    if found.large_loss_days < config.MIN_LARGE_LOSS_DAYS:
        needed = f"{config.MIN_LARGE_LOSS_DAYS:,} large-loss days"
        how = "below it the risk of a large loss is not shown"
        yield business_number("Large-loss days needed", needed, "MIN_LARGE_LOSS_DAYS", how)


def _benefits(found: Comparison) -> Iterator[Traced]:
    each = (
        "summed over the compared trader-days: the result under this policy's limit, the day's trades "
        "replayed to where it stops them, less the result under the base limit; the middle of what it may be "
        "where a limit in force hid the rest"
    )
    told = (
        ("Benefit of the model", found.challenger_benefit_usd, "challenger_benefit_usd"),
        ("Benefit of the rules", found.rules_benefit_usd, "rules_benefit_usd"),
    )
    for label, usd, name in told:
        yield Traced(label, whole_dollars(100 * usd), f"{_exact(usd)} {each}", (_at(name),))


def _exact(usd: float) -> str:
    return dollars(round(100 * usd))


def _amounts(found: Comparison) -> Iterator[Traced]:
    loss = f"-{named('LARGE_LOSS_OF_BASE')} x the base limit"
    told = (
        (
            "desk_days",
            counted(found.desk_days, "desk-day"),
            "sessions with a trader-day the model had scored before it",
        ),
        (
            "trader_days",
            counted(found.trader_days, "trader-day"),
            "active days of all traders in the history, also those before the model's first score",
        ),
        (
            "large_loss_days",
            counted(found.large_loss_days, "large-loss day"),
            f"compared trader-days with a result at or below {loss}",
        ),
    )
    for name, value, how in told:
        yield Traced(name.replace("_", "-").capitalize(), value, how, (_at(name),))
    if found.clipped_days:
        how = (
            f"desk-days beyond {named('CLIP_BASE_LIMITS')} x {named('DEFAULT_BASE_LIMIT_CENTS')} x "
            f"sqrt(traders / {named('CLIP_REFERENCE_TRADERS')})"
        )
        yield Traced("Clipped", counted(found.clipped_days, "desk-day"), how, (_at("clipped_days"),))


def _shadow(model: SaidOfTheModel) -> Iterator[Traced]:
    """Yield whom the model in shadow would cut further, and how many they are."""
    shown = model.differences[: config.SHADOW_DIFFERENCES_SHOWN]
    for d in shown:
        key = {"engine": MODEL, "trader_id": d.decision.trader_id}
        gain = whole_dollars(100 * d.score.gain_usd)
        how = f"expected gain over the rules {gain}, more than {named('MATERIAL_CENTS_PER_ACTIVE_TRADER')}"
        label = f"In shadow: trader {d.decision.trader_id}"
        yield Traced(
            label,
            f"{d.asked}% (not {d.decision.decided_reduction}%)",
            how,
            (row("scores", "reduction", **key),),
        )
    if len(model.differences) > len(shown):
        how = f"traders whom the model would cut further; {named('SHADOW_DIFFERENCES_SHOWN')} are told"
        at = (row("scores", "reduction", engine=MODEL),)
        yield Traced("In shadow: told", f"the {len(shown)} largest", how, at)
        yield Traced("In shadow: all", f"of {len(model.differences)}", how, at)


def _course(found: Comparison) -> Iterator[Traced]:
    """Yield what the chart of the rules' benefit says in words."""
    if benefit_chart(found.rules_course) is None:
        return
    ends = {
        "First": found.rules_course[0],
        "Last": found.rules_course[-1],
        "Highest": max(found.rules_course, key=lambda point: point[1]),
        "Lowest": min(found.rules_course, key=lambda point: point[1]),
    }
    for label, (day, usd) in ends.items():
        how = f"the rules' benefit summed up to {day}: {_exact(usd)}, one point a week"
        value = f"{whole_dollars(100 * usd)} in {day:%b %Y}"
        yield Traced(f"Rules' benefit: {label.lower()}", value, how, (_at("rules_course"),))
        how = f"{_exact(usd)} as the axis has room for it"
        yield Traced(f"On the chart: {label.lower()}", short_dollars(usd), how, (_at("rules_course"),))
    middle = found.rules_course[(len(found.rules_course) - 1) // 2][0]
    how = f"the week of {middle}, halfway along the axis"
    yield Traced("On the chart: middle", f"{middle:%b %Y}", how, (_at("rules_course"),))
    yield Traced("On the chart: line", short_dollars(0), "as good as no restriction", (_at("rules_course"),))
