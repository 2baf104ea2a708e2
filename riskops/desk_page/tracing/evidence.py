"""The numbers that the page of the evidence adds to the mail's meter: the tests morning by morning."""

from __future__ import annotations

from collections.abc import Iterator

from riskops import config
from riskops.desk_page.evidence_page import SHOWN_ROWS, evidence_page
from riskops.desk_page.reading import EvidenceRecord
from riskops.money import dollars, whole_dollars
from riskops.report.evidence_meter import EVIDENCE_NAMES
from riskops.report.tracing.traced import BusinessNumber, Row, Traced, business_number, named, row
from riskops.report.wording import one_line
from riskops.store.page_reader import EvidencePoint


def evidence_page_numbers(of: EvidenceRecord) -> Iterator[Traced]:
    """Yield every number of the page that the mail's evidence meter does not have."""
    margin, material = f"{100 * config.BEAT_RULES_BY:.0f} %", dollars(config.MATERIAL_CENTS_PER_ACTIVE_TRADER)
    yield business_number("Margin", margin, "BEAT_RULES_BY", "by which the rules have to be beaten")
    how = "a day and active trader; less is no difference that matters"
    yield business_number("Material", material, "MATERIAL_CENTS_PER_ACTIVE_TRADER", how)
    if of.points:
        yield from _span(of)
    for point in of.points[-SHOWN_ROWS:]:
        yield from point_numbers(point)
    yield from _axes(of)
    yield from _quarters(of)
    yield from _reigns(of)


def point_numbers(point: EvidencePoint) -> Iterator[Traced]:
    """Yield the evidence of one morning; its own session explains what it was computed from."""
    label, own = f"Evidence of {point.session}", f"see `riskops explain {point.session}`"
    yield Traced(label, str(point.session), "a session with a comparison", (_at(point, "reason"),))
    for name, value in zip(EVIDENCE_NAMES, point.e_values, strict=True):
        how = f"what 1 has become by betting on every desk-day so far, {value:.6g}; {own}"
        yield Traced(f"{label}: {name}", f"{value:,.2f}", how, (_at(point, "e_values"),))
    how = f"{named('E_VALUE_BAR')} of the first specification, more of each that was tried"
    bar = config.E_VALUE_BAR if point.bar is None else point.bar
    known = () if point.bar is None else (_at(point, "information.bar"),)
    yield Traced(f"{label}: bar", f"{bar:.0f}", how, (*known, BusinessNumber("E_VALUE_BAR")))
    told = (
        ("model's benefit", point.model_benefit_usd, "challenger_benefit_usd"),
        ("rules' benefit", point.rules_benefit_usd, "rules_benefit_usd"),
    )
    for name, usd, column in told:
        how = f"{_exact(usd)} over no restriction up to then; {own}"
        yield Traced(f"{label}: {name}", whole_dollars(100 * usd), how, (_at(point, column),))


def _at(point: EvidencePoint, column: str) -> Row:
    return row("comparisons", f"detail.{column}", session=point.session)


def _span(of: EvidenceRecord) -> Iterator[Traced]:
    first, last = of.points[0], of.points[-1]
    how = "sessions up to this one with a comparison, the newest that are drawn"
    value = f"{len(of.points)} mornings, {first.session} to {last.session}"
    yield Traced("Mornings drawn", value, how, (_at(first, "reason"), _at(last, "reason")))
    rows = f"The last {len(of.points[-SHOWN_ROWS:])} comparisons"
    yield Traced("Mornings in the table", rows, f"{SHOWN_ROWS} at the most", (_at(last, "reason"),))
    weakest = f"{min(last.e_values):,.2f}"
    yield Traced(
        "Weakest test", weakest, "the smallest of the four of the last morning", (_at(last, "e_values"),)
    )


def _axes(of: EvidenceRecord) -> Iterator[Traced]:
    """Yield the marks along the axes of the charts; they are no evidence, but distances to read it by."""
    page = evidence_page(of)
    for name, chart, column in (
        ("tests", page.lines, "detail.e_values"),
        ("rules' benefit", page.benefit, "detail.rules_course"),
    ):
        if chart is not None:
            marks = ", ".join(label.text for label in chart.labels)
            how = "round values within what is drawn, and where it begins and ends"
            yield Traced(f"Axes of the {name}", marks, how, (row("comparisons", column),))


def _quarters(of: EvidenceRecord) -> Iterator[Traced]:
    course = of.comparison.rules_course if of.comparison else ()
    last = {(day.year, (day.month - 1) // 3): (day, usd) for day, usd in course}
    for day, usd in last.values():
        how = f"the rules' benefit summed up to the last week of the quarter: {_exact(usd)}"
        value = f"{day}: {whole_dollars(100 * usd)}"
        yield Traced("Rules' benefit by quarter", value, how, (row("comparisons", "detail.rules_course"),))


def _reigns(of: EvidenceRecord) -> Iterator[Traced]:
    for entry in of.ledger:
        key = {"session": entry.session, "kind": entry.kind.value, "number": entry.number}
        value = f"{entry.session}: {entry.number}, {entry.specification[:12]}"
        how = f"running number and digest of the specification: {entry.kind}"
        yield Traced("Ledger", value, how, (row("ledger", "number", **key),))
        yield Traced("Ledger: why", one_line(entry.why), "as it was entered", (row("ledger", "why", **key),))


def _exact(usd: float) -> str:
    return dollars(round(100 * usd))
