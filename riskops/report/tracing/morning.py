"""The numbers of the whole desk: subject, changes, who is not cut, summary, footer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from riskops import config, limits
from riskops.limits import Tier
from riskops.money import at_least, dollars
from riskops.records import Decision, Publication, Rung
from riskops.report.changes import Standing
from riskops.report.content import MOST_NEAREST
from riskops.report.material import Material
from riskops.report.tracing.limit import before_row, change_numbers, decision_row, since
from riskops.report.tracing.traced import BusinessNumber, Traced, business_number, named, row
from riskops.report.wording import counted, desk_moment, long_date, one_line, standing

SESSION = row("publications", "session")
WHY = row("publications", "why")
REDUCTIONS = row("decisions", "reduction")
HAVE_LIMITS = "who have a limit on this session"


def subject_numbers(material: Material) -> Iterator[Traced]:
    """Yield the numbers of the subject, the title and the headline."""
    publication = material.publication
    session = publication.session
    how = "the trading date the limits are for, by the exchange's calendar"
    yield Traced("Session", f"{session:%a} {session}", how, (SESSION,))
    yield Traced("Session in words", long_date(session), how, (SESSION,))
    yield from _counts(publication.decisions)
    yield rung_number(publication)
    yield from revision_number(publication)
    if quarantined := [d for d in publication.decisions if d.quarantined]:
        how = f"traders whose own data failed a critical check: {_ids(quarantined)}"
        yield Traced(
            "Quarantined", f"{len(quarantined)} quarantined", how, (row("decisions", "detail.quarantined"),)
        )
    yield from _overridden(publication.decisions)


def _overridden(decisions: Sequence[Decision]) -> Iterator[Traced]:
    if made := [d for d in decisions if d.override is not None]:
        at = (row("decisions", "detail.override"),)
        who = _of(made, "whose limit is somebody's word")
        yield Traced("Overridden", f"{len(made)} overridden", who, at)


def tier_numbers(material: Material) -> Iterator[Traced]:
    """Yield where the tiers of the mail begin."""
    yield business_number(
        "Immediate action", f"above {config.IMMEDIATE_ABOVE}%", "IMMEDIATE_ABOVE", "a cut above it"
    )
    yield business_number("Moderate", f"{config.MODERATE_FROM}%", "MODERATE_FROM", "a cut from it on")


BY_CHOICE = "the reason that the choice of the morning gave, with the numbers of the comparison as they were"


def _counts(decisions: Sequence[Decision]) -> Iterator[Traced]:
    """Yield how many traders are cut, by tier; the page counts those without a cut, too."""
    above, from_on = named("IMMEDIATE_ABOVE"), named("MODERATE_FROM")
    tiers = {d.trader_id: limits.tier(d.reduction) for d in decisions}
    told = (
        ("Immediate", "{} immediate", f"cut by more than {above} %", Tier.IMMEDIATE, True),
        ("Moderate", "{} moderate", f"cut by {from_on} to {above} %", Tier.MODERATE, True),
        (f"Below {config.MODERATE_FROM}%", "{}", f"cut by less than {from_on} %", Tier.NORMAL, True),
        ("No cut", "{}", "who are not cut", Tier.NORMAL, False),
    )
    for label, value, who, tier, is_cut in told:
        of = [d for d in decisions if tiers[d.trader_id] is tier and bool(d.reduction) is is_cut]
        yield Traced(label, value.format(len(of)), _of(of, who), (REDUCTIONS,))
    cut = [d for d in decisions if d.reduction]
    yield Traced("Cut", f"{len(cut)}", _of(cut, "cut at all"), (REDUCTIONS,))
    yield Traced("Traders", counted(len(decisions), "trader"), HAVE_LIMITS, (REDUCTIONS,))


def _of(decisions: Sequence[Decision], who: str) -> str:
    return f"traders {who}: {_ids(decisions)}"


def _ids(decisions: Sequence[Decision]) -> str:
    return ", ".join(d.trader_id for d in decisions) or "nobody"


def rung_number(publication: Publication) -> Traced:
    """Return the rung of the morning."""
    how = "the step of the fall-back ladder that gave the limits: 1 model, 2 rules, 3 hold, 4 floor"
    return Traced("Rung", f"rung {publication.rung_label}", how, (row("publications", "rung"),))


def revision_number(publication: Publication) -> Iterator[Traced]:
    """Yield the revision of a correction."""
    if publication.revision:
        how = "0 is the first mail of a session, every correction has the next number"
        yield Traced("Revision", str(publication.revision), how, (row("publications", "revision"),))


# --- changes ----------------------------------------------------------------------------------


def all_changes(material: Material) -> Iterator[Traced]:
    """Yield the changes since the mail before, trader by trader, and how many keep their limit."""
    yield from _asked(material)
    earlier, decisions = material.background.earlier, material.publication.decisions
    yield from since(material, next(iter(earlier.limits), ""))
    before = earlier.limits if earlier.since else {d.trader_id: _full(d) for d in decisions}
    moved = [
        d for d in decisions if d.trader_id not in before or before[d.trader_id].limit_cents != d.limit_cents
    ]
    for decision in moved:
        yield from _moved(material, decision)
    yield from (
        _gone(material, key, then) for key, then in before.items() if material.decision_of(key) is None
    )
    same = [d for d in decisions if d not in moved]
    kept = f"traders whose limit is the one before, to the cent: {_ids(same)}"
    yield Traced("Unchanged", counted(len(same), "trader"), kept, (row("decisions", "limit_cents"),))
    if material.asked is not None:
        yield from _standing(same, moved=len(moved) + len(before.keys() - {d.trader_id for d in decisions}))


def _asked(material: Material) -> Iterator[Traced]:
    """Yield by whose word, when and why a correction was made; nothing of a morning's own mail."""
    if (asked := material.asked) is None:
        return
    how = "as it was said when the correction was asked for"
    yield Traced("Asked for by", one_line(asked.by), how, (row("revisions", "recorded_by"),))
    yield Traced("Why", one_line(asked.why), how, (row("revisions", "reason"),))
    at = "when the correction was asked for"
    yield Traced("When", desk_moment(asked.recorded_at), at, (row("revisions", "recorded_at"),))


def _standing(same: Sequence[Decision], moved: int) -> Iterator[Traced]:
    """Yield how many limits a correction changes, and each that stands as it was mailed."""
    places = (row("decisions", "limit_cents"), row("published_limits", "limit_cents"))
    how = "limits that differ from those of the mail before, to the cent, new and gone traders included"
    yield Traced("Limits that change", counted(moved, "limit"), how, places)
    yield Traced("Limits that stand", counted(len(same), "limit"), "the others", places)
    for cents in sorted({decision.limit_cents for decision in same}):
        whose = [decision for decision in same if decision.limit_cents == cents]
        yield Traced(f"Stands for {_ids(whose)}", dollars(cents), "the limit of the mail before", places)


def _full(decision: Decision) -> Standing:
    return Standing(decision.base_limit_cents, 0, "")


def _moved(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield one trader's change; each number says whose it is."""
    whose = f"Trader {decision.trader_id}"
    now = f"{dollars(decision.limit_cents)} (cut {decision.reduction}%)"
    how = f"his limit, see `riskops explain {decision.trader_id} {material.publication.session}`"
    yield Traced(f"{whose}: now", now, how, (decision_row(decision, "limit_cents"),))
    for number in change_numbers(material, decision):
        yield Traced(f"{whose}: {number.label.lower()}", number.value, number.how, number.places)


def _gone(material: Material, trader_id: str, then: Standing) -> Traced:
    had = f"{dollars(then.limit_cents)} (cut {then.reduction}%)"
    how = "had a limit in the mail before and has none now: suspended, or gone"
    return Traced(f"Trader {trader_id}: before", had, how, (before_row(material, trader_id, "limit_cents"),))


# --- everybody else, summary, footer ----------------------------------------------------------


def other_numbers(material: Material) -> Iterator[Traced]:
    """Yield the full limits with how many have each, and who is nearest to a cut."""
    free = [d for d in material.publication.decisions if d.reduction == 0]
    for cents in sorted({d.limit_cents for d in free}, reverse=True):
        whose = [d for d in free if d.limit_cents == cents]
        at = (row("decisions", "limit_cents"),)
        yield Traced(
            "Full limit", dollars(cents), "the base limit of traders who are not cut, not rounded", at
        )
        how = f"traders without a cut or a remark who have it, among {_ids(whose)}"
        yield Traced(f"Full limit {dollars(cents)}", f"{_unremarked(whose)}", how, at)
    near = sorted((d.flip_distance_cents, d.trader_id) for d in free if d.flip_distance_cents is not None)
    for cents, trader_id in near[:MOST_NEAREST]:
        how = (
            f"the smallest extra loss on the last active day that brings a cut, {dollars(cents)}, rounded up"
        )
        at = (row("decisions", "detail.flip_distance_cents", trader_id=trader_id),)
        yield Traced(f"Nearest to a cut: trader {trader_id}", at_least(cents), how, at)


def _unremarked(decisions: Sequence[Decision]) -> int:
    return sum(not d.notes and not standing(d) for d in decisions)


def summary_numbers(material: Material) -> Iterator[Traced]:
    """Yield the summary: how many traders, how many are cut, how many by more than 40 %."""
    decisions = material.publication.decisions
    cut = [d for d in decisions if d.reduction]
    high = [d for d in decisions if limits.tier(d.reduction) is Tier.IMMEDIATE]
    yield Traced("Total traders", str(len(decisions)), HAVE_LIMITS, (REDUCTIONS,))
    yield Traced("Restrictions applied", str(len(cut)), _of(cut, "cut at all"), (REDUCTIONS,))
    above = _of(high, f"cut by more than {named('IMMEDIATE_ABOVE')} %")
    yield Traced("High risk", str(len(high)), above, (REDUCTIONS, BusinessNumber("IMMEDIATE_ABOVE")))
    yield from _overridden(decisions)


def footer_numbers(material: Material) -> Iterator[Traced]:
    """Yield the footer: rung and why, verdict, cut-off, version, revision, seal."""
    publication, comparison = material.publication, material.comparison
    yield rung_number(publication)
    yield Traced("Why this rung", one_line(publication.why), BY_CHOICE, (WHY,))
    if comparison is not None:
        how = "what the comparison of model and rules says; the evidence meter has its numbers"
        yield Traced("Verdict", one_line(comparison.reason), how, (row("comparisons", "detail.reason"),))
    how = (
        "when the first ingest of the session was complete; nothing known later enters. At the latest "
        f"{named('LATEST_CUT_OFF')}, of a session never lived {named('UNLIVED_CUT_OFF')} New York time"
    )
    yield Traced("Cut-off", desk_moment(publication.cut_off), how, (row("publications", "cut_off_at"),))
    version = "the version of the program that committed the limits"
    yield Traced(
        "Code version", one_line(publication.code_version), version, (row("publications", "code_version"),)
    )
    yield from revision_number(publication)
    if material.sealed_at is not None:
        sealed = "when the mail left: from then on the limits stand"
        yield Traced("Sealed", desk_moment(material.sealed_at), sealed, (row("seals", "sealed_at"),))
    if material.what_to_do and publication.rung >= Rung.HOLD:
        told = "the runbook's entry, where RISKOPS_RUNBOOK_URL says it is served"
        yield Traced("What to do", material.what_to_do, told, (row("stage_outcomes", "detail"),))
