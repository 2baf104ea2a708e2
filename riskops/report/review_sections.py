"""The part of a review that proposes: texts first, then the grids they come from."""

from __future__ import annotations

from riskops.proposals import Cell, Grid, Review, best_in_hindsight
from riskops.report.evaluation_page import Section, Table, usd
from riskops.report.wording import counted, short_dollars

TODAY = "today"
PAYS = " ✓"


def sections(found: Review) -> list[Section]:
    """Return the sections of the proposals and of everything that was tried."""
    return [_proposals(found), _tried(found)]


def _proposals(found: Review) -> Section:
    days = f"{counted(found.trader_days, 'trader-day')} of {counted(found.sessions, 'session')}"
    tried = (
        f"{counted(found.cells, 'other setting')} of the rules' numbers were tried on {days}, each as the "
        "complete set of rules with easing, caps and rounding, against today's."
    )
    if found.proposals:
        says = (tried, *(f"Proposed: {proposal.text}" for proposal in found.proposals), DECIDES)
    else:
        says = (tried, f"None is proposed: none beats today's beyond chance.{_tempting(found)}", DECIDES)
    return Section("Proposals for the rules' numbers", says)


DECIDES = (
    "A proposal is never applied by itself. Where it is taken, a person changes the number in "
    "riskops/config.py; from the next morning on the rules, and the model on top of them, go by it."
)


def _tempting(found: Review) -> str:
    """Return the best setting in hindsight, and why it is not proposed."""
    best = best_in_hindsight(found)
    if best is None or best[1].figures["benefit_usd"] <= 0 or "benefit_surely_low_usd" not in best[1].figures:
        return ""
    grid, cell = best
    low, high = (usd(cell.figures[f"benefit_surely_{end}_usd"]) for end in ("low", "high"))
    numbers = f"{grid.when_name} {cell.when:g} with {grid.level_name} {cell.level}"
    return (
        f" The best in hindsight, {numbers}, would have been worth {usd(cell.figures['benefit_usd'])} more; "
        f"the best of so many is that good by luck alone ({low} to {high})."
    )


def _tried(found: Review) -> Section:
    return Section(
        "What was tried",
        (
            "Each cell is what the rules would have been worth against today's with these two numbers, with "
            "its 95 % interval by chance where it is looked at alone, and the share of trader-days it would "
            f"have restricted. A tick{PAYS} marks a cell that beats today's beyond chance among all that was "
            "tried. Level 0: the tier is off.",
        ),
        tables=tuple(_table(grid) for grid in found.grids),
    )


def _table(grid: Grid) -> Table:
    values = sorted({cell.when for cell in grid.cells})
    levels = sorted({cell.level for cell in grid.cells})
    cells = {(cell.when, cell.level): cell for cell in grid.cells}
    rows = tuple((f"{level}", *(_cell(cells.get((value, level))) for value in values)) for level in levels)
    return Table(
        f"{grid.rule.replace('_', ' ').capitalize()}: {grid.level_name} down, {grid.when_name} across",
        ("", *(f"{value:g}" for value in values)),
        rows,
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    share = f"{100 * cell.figures['restricted_share']:.0f}\u00a0% cut"
    if cell.is_today:
        return f"{TODAY}; {share}"
    worth = short_dollars(cell.figures["benefit_usd"])
    if "benefit_low_usd" not in cell.figures:
        return f"{worth}; {share}"
    low, high = (short_dollars(cell.figures[f"benefit_{end}_usd"]) for end in ("low", "high"))
    return f"{worth} ({low} to {high}); {share}{PAYS if cell.pays else ''}"
