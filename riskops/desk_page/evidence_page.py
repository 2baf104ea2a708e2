"""The page of the evidence: how far the model has come against the rules, morning by morning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from riskops import config
from riskops.desk_page import addresses, drawing
from riskops.desk_page.drawing import Drawing
from riskops.desk_page.parts import Cell, Table, table
from riskops.desk_page.reading import EvidenceRecord
from riskops.desk_page.today import Neighbour, neighbours
from riskops.money import whole_dollars
from riskops.records import Comparison, LedgerEntry
from riskops.report.charts import benefit_chart
from riskops.report.evidence_meter import EVIDENCE_NAMES, SaidOfTheModel, evidence_lines
from riskops.report.wording import VERDICTS, one_line
from riskops.store.page_reader import EvidencePoint

SHOWN_ROWS = 40


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The whole page."""

    session: date
    title: str
    neighbours: tuple[Neighbour, ...]
    says: tuple[str, ...]
    lines: Drawing | None
    points: Table
    benefit: Drawing | None
    benefit_table: Table
    reigns: Table


@lru_cache(maxsize=64)
def evidence_page(of: EvidenceRecord) -> EvidencePage:
    """Arrange the evidence for the page."""
    session = of.place.decided.session
    unseen = SaidOfTheModel(has_scores=True, risk_is_known=True, differences=())
    return EvidencePage(
        session=session,
        title=f"Evidence up to {session}",
        neighbours=tuple(
            Neighbour(one.words, f"{addresses.EVIDENCE}{one.href.removeprefix(addresses.TODAY)}")
            for one in neighbours(of.place)
        ),
        says=evidence_lines(of.comparison, unseen),
        lines=_lines(of.points),
        points=_points(of.points),
        benefit=_benefit(of.comparison),
        benefit_table=_benefit_table(of.comparison),
        reigns=_reigns(of.ledger),
    )


def _lines(points: Sequence[EvidencePoint]) -> Drawing | None:
    if not points:
        return None
    courses = [[point.e_values[test] for point in points] for test in range(len(EVIDENCE_NAMES))]
    last = points[-1]
    words = (
        f"{len(points)} mornings, {points[0].session} to {last.session}. The weakest of the four tests "
        f"stands at {min(last.e_values):,.2f}, the bar at {_bar(last):.0f}."
    )
    return drawing.evidence(
        "e-values of the model against the rules",
        words,
        courses,
        [_bar(point) for point in points],
        (str(points[0].session), str(last.session)),
    )


def _bar(point: EvidencePoint) -> float:
    return float(config.E_VALUE_BAR) if point.bar is None else point.bar


def _points(points: Sequence[EvidencePoint]) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(str(point.session), addresses.morning(point.session)),
            VERDICTS[point.verdict],
            *(f"{value:,.2f}" for value in point.e_values),
            f"{_bar(point):.0f}",
            whole_dollars(100 * point.model_benefit_usd),
            whole_dollars(100 * point.rules_benefit_usd),
        )
        for point in reversed(points[-SHOWN_ROWS:])
    ]
    headings = (
        "Session",
        "Verdict",
        *(f"e: {test}" for test in EVIDENCE_NAMES),
        "Bar",
        "Model's benefit",
        "Rules' benefit",
    )
    return table(f"The last {len(rows)} comparisons, newest first", headings, rows)


def _benefit(comparison: Comparison | None) -> Drawing | None:
    chart = benefit_chart(comparison.rules_course) if comparison else None
    if chart is None:
        return None
    return drawing.course(
        "Benefit of the rules over no restriction, cumulated",
        chart.words,
        [usd for _session, usd in chart.course],
        (str(chart.course[0][0]), str(chart.course[-1][0])),
    )


def _benefit_table(comparison: Comparison | None) -> Table:
    """Return the last week of each quarter: the course in few rows."""
    course = comparison.rules_course if comparison else ()
    by_quarter = {(day.year, (day.month - 1) // 3): (day, usd) for day, usd in course}
    rows = [(str(day), whole_dollars(100 * usd)) for day, usd in reversed(by_quarter.values())]
    return table("Rules' benefit to date, by quarter, newest first", ("To", "Benefit"), rows)


def _reigns(ledger: Sequence[LedgerEntry]) -> Table:
    rows = [
        (
            str(entry.session),
            str(entry.kind),
            f"{entry.number}, {entry.specification[:12]}",
            one_line(entry.why),
        )
        for entry in reversed(ledger)
    ]
    return table("The ledger, newest first", ("From", "What", "Specification", "Why"), rows)
