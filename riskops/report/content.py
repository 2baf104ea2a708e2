"""The view model of the mail: everything the text and HTML twins print, ready to print.

Both templates only arrange what stands here, so the twins cannot say different things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from riskops import config
from riskops.money import at_least, dollars
from riskops.records import (
    CheckResult,
    Comparison,
    Decision,
    ModelScore,
    Publication,
    Rung,
    Signal,
    Verdict,
)
from riskops.report.changes import Changes, Earlier, change_of, changes
from riskops.report.charts import BenefitChart, Chart, Day, ResultsChart, benefit_chart, results_chart
from riskops.report.evidence_meter import Difference, SaidOfTheModel, evidence_lines, said_of_the_model
from riskops.report.health import failures, health_lines, is_critical
from riskops.report.signal_words import signal_lines
from riskops.report.wording import (
    SYSTEMS,
    TIGHTENED,
    VERDICTS,
    because,
    confidence,
    counted,
    desk_moment,
    flip_distance,
    large_loss_risk,
    listing,
    long_date,
    notes,
    one_line,
    printable,
    reasons,
    share,
    standing,
    trader_label,
    way_back,
)

MOST_NAMES = 8
MOST_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Background:
    """What the mail tells beside the decisions: earlier limits, fired rules, recent active days."""

    earlier: Earlier = field(default_factory=Earlier)
    signals: Mapping[str, Sequence[Signal]] = field(default_factory=dict)
    recent: Mapping[str, Sequence[Day]] = field(default_factory=dict)


NO_BACKGROUND = Background()


@dataclass(frozen=True, slots=True)
class Detail:
    """One labelled remark: a text, or several texts with a line each."""

    label: str
    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One trader as the mail prints him; `standing` says held or quarantined."""

    trader: str
    order: str
    percent: str
    limit: str
    base: str
    change: str
    reasons: str
    confidence: str
    standing: str
    details: tuple[Detail, ...]
    chart: ResultsChart | None


@dataclass(frozen=True, slots=True)
class FullLimit:
    """Traders without a cut who share a limit."""

    limit: str
    count: int
    traders: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What the mail of a correction says of itself: who asked, what it does, who keeps which limit."""

    asked: tuple[tuple[str, str], ...]
    told: str
    stands: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """The whole mail, by section, in the order of reading."""

    title: str
    subject: str
    headline: str
    alerts: tuple[str, ...]
    changes: Changes
    immediate_title: str
    immediate: tuple[Entry, ...]
    moderate_title: str
    moderate: tuple[Entry, ...]
    others: tuple[Entry, ...]
    full_limits: tuple[FullLimit, ...]
    nearest: str
    counts: tuple[tuple[str, int], ...]
    summary: tuple[tuple[str, str], ...]
    evidence: tuple[str, ...]
    benefit: BenefitChart | None
    health: tuple[str, ...]
    footer: tuple[tuple[str, str], ...]
    correction: Correction | None = None

    @property
    def charts(self) -> tuple[Chart, ...]:
        """The charts, in the order of reading."""
        entries = (*self.immediate, *self.moderate, *self.others)
        found = [*(entry.chart for entry in entries), self.benefit]
        return tuple(chart for chart in found if chart is not None)


def without_charts(mail: Content, why: str) -> Content:
    """Return a mail that is told in words only, and says why."""

    def bare(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(replace(entry, chart=None) for entry in entries)

    return replace(
        mail,
        immediate=bare(mail.immediate),
        moderate=bare(mail.moderate),
        others=bare(mail.others),
        benefit=None,
        health=(*mail.health, why),
    )


@dataclass(frozen=True, slots=True)
class _Tiers:
    """The decisions of a morning by how much they cut, the largest cut first."""

    immediate: tuple[Decision, ...]
    moderate: tuple[Decision, ...]
    mild: tuple[Decision, ...]
    remarked: tuple[Decision, ...]
    free: tuple[Decision, ...]

    @property
    def restricted(self) -> int:
        return len(self.immediate) + len(self.moderate) + len(self.mild)


def content(
    publication: Publication,
    comparison: Comparison | None,
    checks: Sequence[CheckResult],
    model_scores: Sequence[ModelScore],
    restricted_share: float | None,
    *,
    faults: Sequence[str] = (),
    roster: Sequence[str] = (),
    overrides: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    background: Background = NO_BACKGROUND,
    sealed_at: datetime | None = None,
    what_to_do: str = "",
) -> Content:
    """Arrange one morning for reading.

    Parameters
    ----------
    restricted_share
        Share (0..1) of the trailing trader-days that were restricted, ``None`` without history.
    faults
        What went wrong this morning, in words; printed at the top.
    roster
        How the roster has changed since the last morning; lines of the data health.
    overrides
        What is to be told of overrides beside the decisions; lines of the data health.
    outcomes
        What became of lived days, where that is news; lines of the data health.
    background
        What is told beside the decisions.
    sealed_at
        When the session was sealed, where the mail describes one that is out.
    what_to_do
        Where the runbook says what to do about held limits; told where they are held.
    """
    tiers = _tiers(publication.decisions)
    model = said_of_the_model(publication, comparison, model_scores)
    return Content(
        title=f"Daily loss limits for {long_date(publication.session)}",
        subject=_subject(publication, tiers),
        headline=_headline(publication, tiers),
        alerts=_alerts(publication, comparison, checks, restricted_share, faults),
        changes=changes(publication.decisions, background.earlier),
        immediate_title=f"Immediate action (cut above {config.IMMEDIATE_ABOVE}%)",
        immediate=_entries(tiers.immediate, model, background, "REDUCE LIMIT BY"),
        moderate_title=f"Moderate (cut of {config.MODERATE_FROM}% to {config.IMMEDIATE_ABOVE}%)",
        moderate=_entries(tiers.moderate, model, background, "Reduce by"),
        others=_entries((*tiers.mild, *tiers.remarked), model, background, "Reduce by"),
        full_limits=_full_limits(tiers.free),
        nearest=_nearest(tiers.free),
        counts=_counts(tiers),
        summary=_summary(publication, tiers),
        evidence=evidence_lines(comparison, model),
        benefit=benefit_chart(comparison.rules_course) if comparison else None,
        health=(*_health(publication, checks, restricted_share), *roster, *overrides, *outcomes),
        footer=_footer(publication, comparison, sealed_at, what_to_do),
    )


# --- who is cut -------------------------------------------------------------------------------


def _tiers(decisions: Sequence[Decision]) -> _Tiers:
    by_cut = sorted(decisions, key=lambda decision: -decision.reduction)
    free = [d for d in by_cut if d.reduction == 0]
    return _Tiers(
        immediate=tuple(d for d in by_cut if d.reduction > config.IMMEDIATE_ABOVE),
        moderate=tuple(d for d in by_cut if config.MODERATE_FROM <= d.reduction <= config.IMMEDIATE_ABOVE),
        mild=tuple(d for d in by_cut if 0 < d.reduction < config.MODERATE_FROM),
        remarked=tuple(d for d in free if _is_remarked(d)),
        free=tuple(d for d in free if not _is_remarked(d)),
    )


def _is_remarked(decision: Decision) -> bool:
    return bool(decision.notes or standing(decision))


def _label(decision: Decision) -> str:
    return trader_label(decision.trader_id, decision.name)


def _entries(
    decisions: Sequence[Decision], model: SaidOfTheModel, background: Background, order: str
) -> tuple[Entry, ...]:
    return tuple(_entry(decision, model, background, order) for decision in decisions)


def _entry(decision: Decision, model: SaidOfTheModel, background: Background, order: str) -> Entry:
    percent = f"{decision.reduction}%"
    chart = _chart(decision, background)
    return Entry(
        trader=_label(decision),
        order=f"{order} {percent}" if decision.reduction else "No cut",
        percent=percent,
        limit=dollars(decision.limit_cents),
        base=dollars(decision.base_limit_cents),
        change=change_of(decision, background.earlier),
        reasons=reasons(decision) if decision.override is None else "",
        confidence=confidence(decision) if decision.reduction and decision.override is None else "",
        standing=standing(decision),
        details=_details(decision, model, background, chart),
        chart=chart,
    )


def _chart(decision: Decision, background: Background) -> ResultsChart | None:
    """Return the chart of a restricted trader's results."""
    if not decision.reduction:
        return None
    return results_chart(
        _label(decision), background.recent.get(decision.trader_id, ()), decision.limit_cents
    )


def _details(
    decision: Decision, model: SaidOfTheModel, background: Background, chart: ResultsChart | None
) -> tuple[Detail, ...]:
    told = [*_without_override(decision), Detail("Signals", items=_signals(decision, background))]
    told.append(Detail("Risk of a large loss", large_loss_risk(decision) if model.risk_is_known else ""))
    if decision.reduction or decision.decided_reduction:
        told += [
            Detail("Way back", items=way_back(decision)),
            Detail("Flip distance", flip_distance(decision)),
        ]
    told.append(_model_detail(model.difference(decision.trader_id)))
    told += [Detail("Note", note) for note in notes(decision)]
    told.append(Detail("Results", chart.words if chart else ""))
    return tuple(detail for detail in told if detail.text or detail.items)


def _without_override(decision: Decision) -> list[Detail]:
    """Return why the decided cut is what it is, where somebody's word gives the limit instead."""
    if decision.override is None or not decision.decided_reduction:
        return []
    return [
        Detail("Reasons without the override", reasons(decision)),
        Detail("Confidence without it", confidence(decision)),
    ]


def _signals(decision: Decision, background: Background) -> tuple[str, ...]:
    """Return the numbers of the rules that fired; a held limit does not rest on them."""
    fired = background.signals.get(decision.trader_id, ())
    return signal_lines(fired) if decision.decided_reduction and decision.engine is not None else ()


def _model_detail(difference: Difference | None) -> Detail:
    """Return the model's cut and its largest reason."""
    if difference is None:
        return Detail("Pooled model")
    label = f"Pooled model (shadow) would cut by {difference.asked}%"
    return Detail(label, printable(difference.score.reasons[0]))


def _full_limits(free: Sequence[Decision]) -> tuple[FullLimit, ...]:
    limits = sorted({decision.limit_cents for decision in free}, reverse=True)
    groups = [(limit, [_label(d) for d in free if d.limit_cents == limit]) for limit in limits]
    return tuple(FullLimit(dollars(limit), len(names), ", ".join(names)) for limit, names in groups)


def _nearest(free: Sequence[Decision]) -> str:
    """Return the traders without a cut whom the smallest extra loss would have cut."""
    flips = [(d.flip_distance_cents, _label(d)) for d in free if d.flip_distance_cents is not None]
    closest = sorted(flips)[:MOST_NEAREST]
    return ", ".join(f"{label} after {at_least(cents)} more loss" for cents, label in closest)


# --- the whole desk ---------------------------------------------------------------------------


def _counts(tiers: _Tiers) -> tuple[tuple[str, int], ...]:
    return (
        ("Immediate", len(tiers.immediate)),
        ("Moderate", len(tiers.moderate)),
        (f"Below {config.MODERATE_FROM}%", len(tiers.mild)),
        ("No cut", len(tiers.remarked) + len(tiers.free)),
    )


def _headline(publication: Publication, tiers: _Tiers) -> str:
    cuts = f"{len(tiers.immediate)} immediate, {len(tiers.moderate)} moderate"
    return f"{cuts}, {tiers.restricted} of {counted(len(publication.decisions), 'trader')} cut"


def _subject(publication: Publication, tiers: _Tiers) -> str:
    correction = f"CORRECTION {publication.revision}: " if publication.revision else ""
    state = [f"rung {publication.rung_label}"]
    if _model_is_missed(publication):
        state.append("model failed")
    if quarantined := sum(d.quarantined for d in publication.decisions):
        state.append(f"{quarantined} quarantined")
    if overridden := _overridden(publication):
        state.append(f"{overridden} overridden")
    session = f"{publication.session:%a} {publication.session}"
    counts = _headline(publication, tiers)
    return f"{correction}RiskOps loss limits {session}: {counts} [{', '.join(state)}]"


def _overridden(publication: Publication) -> int:
    return sum(decision.override is not None for decision in publication.decisions)


def _summary(publication: Publication, tiers: _Tiers) -> tuple[tuple[str, str], ...]:
    overridden = _overridden(publication)
    return (
        ("Total traders", str(len(publication.decisions))),
        ("Restrictions applied", str(tiers.restricted)),
        ("High risk", str(len(tiers.immediate))),
        *([("Overridden", str(overridden))] if overridden else []),
        ("System", TIGHTENED if publication.own_models else SYSTEMS[publication.rung]),
    )


def _alerts(
    publication: Publication,
    comparison: Comparison | None,
    checks: Sequence[CheckResult],
    restricted_share: float | None,
    faults: Sequence[str],
) -> tuple[str, ...]:
    lines = [_correction_alert(publication), _rung_alert(publication)]
    lines += [_model_alert(publication, comparison), _quarantine_alert(publication)]
    lines += [f"FAULT: {one_line(fault)}" for fault in faults]
    lines += [_checks_alert(checks), _share_alert(restricted_share)]
    return tuple(line for line in lines if line)


def _correction_alert(publication: Publication) -> str:
    if not publication.revision:
        return ""
    return f"CORRECTION, revision {publication.revision}: it replaces the limits mailed before."


def _rung_alert(publication: Publication) -> str:
    if not _is_emergency(publication):
        return ""
    system = SYSTEMS[publication.rung].upper()
    return because(f"{system} (rung {int(publication.rung)})", publication.why)


def _is_emergency(publication: Publication) -> bool:
    return publication.rung in (Rung.HOLD, Rung.FLOOR)


def _model_is_missed(publication: Publication) -> bool:
    """Tell whether the model failed where it could have decided: not below the rules."""
    return publication.verdict is Verdict.MODEL_FAILED and not _is_emergency(publication)


def _model_alert(publication: Publication, comparison: Comparison | None) -> str:
    if _model_is_missed(publication):
        why = comparison.reason if comparison else publication.why
        return because("MODEL FAILED, the limits do not rest on it", why)
    if publication.verdict is Verdict.MODEL_WINS and publication.rung is Rung.RULES:
        return "MODEL NOT USED: it is promoted but left no scores in time; the rules give the limits."
    return ""


def _quarantine_alert(publication: Publication) -> str:
    names = [_label(d) for d in publication.decisions if d.quarantined]
    if not names:
        return ""
    return f"QUARANTINED, their data failed: {listing(names, MOST_NAMES)}."


def _checks_alert(checks: Sequence[CheckResult]) -> str:
    if not checks:
        return "NO DATA CHECK was carried out this morning."
    critical = [check for check in failures(checks) if is_critical(check)]
    return f"CRITICAL: {counted(len(critical), 'data problem')}, see data health." if critical else ""


def _share_alert(restricted_share: float | None) -> str:
    bar = float(config.RESTRICTED_SHARE_WARNING)
    if restricted_share is None or restricted_share <= bar:
        return ""
    days = f"trader-days of the last {counted(config.RESTRICTED_SHARE_WINDOW, 'session')}"
    return (
        f"OFTEN RESTRICTED: {100 * restricted_share:.1f} % of the {days}, more than {share(bar)}. "
        "The thresholds want calibrating to this desk: riskops calibrate proposes, a person decides."
    )


# --- data health, footer ----------------------------------------------------------------------


def _health(
    publication: Publication, checks: Sequence[CheckResult], restricted_share: float | None
) -> tuple[str, ...]:
    names = {decision.trader_id: decision.name for decision in publication.decisions}
    lines = health_lines(checks, names)
    if restricted_share is not None:
        window = counted(config.RESTRICTED_SHARE_WINDOW, "session")
        often = f"{share(restricted_share)} of the trader-days of the last {window}"
        lines.append(f"The rules restrict {often} (a cut of {config.MODERATE_FROM}% or more)")
    return tuple(lines)


def _footer(
    publication: Publication, comparison: Comparison | None, sealed_at: datetime | None, what_to_do: str
) -> tuple[tuple[str, str], ...]:
    known = "" if comparison is None or comparison.reason == publication.why else comparison.reason
    lines = [
        ("Rung", _with_why(publication.rung_label, publication.why)),
        ("Verdict", _with_why(_verdict(publication, comparison), known)),
        ("Cut-off", desk_moment(publication.cut_off)),
        ("Code version", one_line(publication.code_version)),
        ("Revision", str(publication.revision) if publication.revision else ""),
        ("Sealed", desk_moment(sealed_at) if sealed_at else ""),
        ("What to do", what_to_do if _is_emergency(publication) else ""),
    ]
    return tuple((label, value) for label, value in lines if value)


def _verdict(publication: Publication, comparison: Comparison | None) -> str:
    if comparison is None and _is_emergency(publication):
        return "model and rules were not compared this morning"
    return VERDICTS[publication.verdict]


def _with_why(state: str, why: str) -> str:
    return f"{state} - {one_line(why)}" if why else state
