"""What other numbers of the rules would have been worth, and which of them are worth a proposal.

Every tier of every rule is tried over a grid: when it fires, and how much it cuts. Each cell is
the complete set of rules with these two numbers changed, against today's. A change is proposed
only where it beats today's beyond chance although so many cells were tried, and whatever treated
days may hide. With a year of data that is rare. A proposal is a text for people: it is never
applied by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from riskops import config, what_if
from riskops.history import DeskHistory, TradePaths
from riskops.money import whole_dollars
from riskops.policies import Figures
from riskops.records import Rule
from riskops.thresholds import TODAY, Thresholds, config_name
from riskops.what_if import Ground

Number = int | Decimal

REDEFINES = "It also changes what counts as a large loss, and with it the model's specification."
LEVELS = tuple(range(0, config.MAX_REDUCTION + 1, 10))


@dataclass(frozen=True, slots=True)
class Tier:
    """A rule's tier: its two numbers by name, and the values of the first that are tried.

    `steps` say how far from today's value, in units of `step`.
    """

    rule: Rule
    when: str
    level: str
    step: Decimal
    steps: tuple[int, ...]


TIERS = (
    Tier(Rule.BREACH, "breach_of_base", "breach_level", Decimal("0.10"), (-3, -2, -1, 0)),
    Tier(Rule.STREAK, "streak_days", "streak_level", Decimal(1), (-1, 0, 1, 2)),
    Tier(Rule.STREAK, "long_streak_days", "long_streak_level", Decimal(1), (-1, 0, 1, 2, 3)),
    Tier(Rule.DRAWDOWN, "drawdown_percent", "drawdown_level", Decimal("2.5"), (-2, -1, 0, 1, 2)),
    Tier(Rule.DRAWDOWN, "deep_drawdown_percent", "deep_drawdown_level", Decimal(5), (-1, 0, 1, 2)),
    Tier(Rule.VOLATILITY, "volatility_ratio", "volatility_level", Decimal("0.5"), (-1, 0, 1, 2)),
    Tier(Rule.LARGE_LOSS, "large_loss_of_base", "large_loss_level", Decimal("0.10"), (-1, 0, 1, 2)),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The rules with one tier at other numbers: what that was worth against today's, in USD.

    `when` is the value from which the tier fires, `level` its cut in percent (0: the tier is off).
    `figures` hold the money and the restricted shares that would have resulted.
    """

    when: float
    level: int
    is_today: bool
    figures: Figures

    @property
    def pays(self) -> bool:
        """Whether it beats today's beyond chance, among all that were tried, whatever is unknown."""
        ends = (self.figures.get("benefit_surely_low_usd", 0.0), self.figures["benefit_least_usd"])
        return min(ends) > 0


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of one tier; `when_name` and `level_name` are its numbers of `riskops.config`."""

    rule: Rule
    when_name: str
    level_name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of numbers that a person may decide on: names of `riskops.config` to values."""

    text: str
    changes: dict[str, float]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Review:
    """The grids over the history known on the morning of `session`, and what they propose."""

    session: date
    sessions: int
    trader_days: int
    cells: int
    today: Figures
    grids: tuple[Grid, ...]
    proposals: tuple[Proposal, ...]


def review(desk: DeskHistory, paths: TradePaths) -> Review:
    """Try every tier of every rule over its grid and propose what pays beyond chance."""
    on = what_if.ground(desk, paths)
    tried = [(tier, *setting) for tier in TIERS for setting in _settings(tier)]
    played = [what_if.play(desk, thresholds) for _, _, _, thresholds in tried]
    found = what_if.figures(what_if.worths(on, played))
    cells = [
        (tier, Cell(float(when), level, thresholds == TODAY, money | what_if.shares(on.days.rows, own)))
        for (tier, when, level, thresholds), money, own in zip(tried, found, played, strict=True)
    ]
    grids = tuple(_grid(tier, [cell for owner, cell in cells if owner is tier]) for tier in TIERS)
    return Review(
        session=desk.session,
        sessions=len(on.days.sessions),
        trader_days=int(on.days.rows.sum()),
        cells=sum(not cell.is_today for _, cell in cells),
        today=what_if.shares(on.days.rows, on.today),
        grids=grids,
        proposals=tuple(_proposals(grids, on)),
    )


def _settings(tier: Tier) -> Iterator[tuple[Number, int, Thresholds]]:
    """Yield the value, the level and the thresholds of every cell that makes sense, today's among them.

    A tier that is off is the same whenever it would fire: it is tried once.
    """
    own = getattr(TODAY, tier.level)
    for steps in tier.steps:
        when = _value(tier, steps)
        for level in sorted({*LEVELS, own}):
            if level == 0 and steps:
                continue
            try:
                yield when, level, replace(TODAY, **{tier.when: when, tier.level: level})
            except ValueError:  # the harder tier would come first, or cut less
                continue


def _value(tier: Tier, steps: int) -> Number:
    own = getattr(TODAY, tier.when)
    value = own + steps * tier.step
    return int(value) if isinstance(own, int) else value


def _grid(tier: Tier, cells: list[Cell]) -> Grid:
    return Grid(tier.rule, config_name(tier.when), config_name(tier.level), tuple(cells))


def _proposals(grids: tuple[Grid, ...], on: Ground) -> Iterator[Proposal]:
    """Yield the best cell of every tier that pays."""
    for grid in grids:
        paying = [cell for cell in grid.cells if cell.pays]
        if paying:
            best = max(paying, key=lambda cell: cell.figures["benefit_usd"])
            changes = {grid.when_name: best.when, grid.level_name: float(best.level)}
            yield Proposal(_in_words(grid, best, on), _changed(changes), best.figures)


def _changed(changes: dict[str, float]) -> dict[str, float]:
    """Return the numbers that differ from today's."""
    return {name: value for name, value in changes.items() if value != float(getattr(config, name))}


def _in_words(grid: Grid, cell: Cell, on: Ground) -> str:
    changed = _changed({grid.when_name: cell.when, grid.level_name: float(cell.level)})
    changes = " and ".join(f"{name} from {getattr(config, name)} to {to:g}" for name, to in changed.items())
    f, today = cell.figures, what_if.shares(on.days.rows, on.today)
    further = f" {REDEFINES}" if "LARGE_LOSS_OF_BASE" in changed else ""
    return (
        f"{changes}: worth {_usd(f['benefit_usd'])} more than today's rules on {int(on.days.rows.sum()):,} "
        f"trader-days (among all that was tried: {_usd(f['benefit_surely_low_usd'])} to "
        f"{_usd(f['benefit_surely_high_usd'])}), restricting {100 * f['restricted_share']:.0f} % of them "
        f"instead of {100 * today['restricted_share']:.0f} %.{further}"
    )


def _usd(value: float) -> str:
    return whole_dollars(100 * value)


def best_in_hindsight(found: Review) -> tuple[Grid, Cell] | None:
    """Return the cell that would have been worth most, whether by luck or not."""
    every = [(grid, cell) for grid in found.grids for cell in grid.cells if not cell.is_today]
    return max(every, key=lambda pair: pair[1].figures["benefit_usd"]) if every else None
