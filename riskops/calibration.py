"""Numbers of the rules that fit the desk: how much they restrict, and what would bring that into its band.

The rules are meant to restrict 26 to 35 % of the trader-days and to cut 3 to 7 % of them by more
than 40. Where base limits do not fit the traders, or the desk is wilder than most, they restrict
so much that nobody listens any more. Every change is replayed as a complete policy on the last
year; the smallest one that brings both shares into their bands is proposed. The benefit is shown
and never chosen by: it would be the best of many by luck. A proposal is printed; a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from math import log
from typing import Any

import numpy as np

from riskops import config, what_if
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.policies import Figures
from riskops.thresholds import TODAY, Thresholds, config_name
from riskops.what_if import Ground, Played

BASE_LIMITS = "base limits"
BANDS = {"restricted_share": config.RESTRICTED_SHARE_BAND, "immediate_share": config.IMMEDIATE_SHARE_BAND}
Number = int | Decimal
_IQR_OF_NORMAL = 1.349
_FACTORS = (Decimal("0.5"), Decimal("0.75"), Decimal("1.25"), Decimal("1.5"), Decimal(2), Decimal(3))


@dataclass(frozen=True, slots=True)
class Change:
    """A number of `riskops.config` (or the base limits), as it is and as it would be."""

    name: str
    today: str
    proposed: str


@dataclass(frozen=True, slots=True)
class Option:
    """Changes made together: the shares they would have led to, and what they would have been worth.

    `recent` are the shares of the trailing 60 sessions; `worth` is against today's rules, in USD.
    """

    changes: tuple[Change, ...]
    shares: Figures
    recent: Figures
    worth: Figures

    @property
    def distance(self) -> float:
        """How far the shares lie outside their bands, in widths of the bands; 0: both are within."""
        return distance(self.shares)


@dataclass(frozen=True, slots=True)
class FittingBase:
    """A trader's base limit, and one of 2.5 robust standard deviations of the daily result."""

    trader_id: str
    name: str
    today_cents: int
    fitting_cents: int
    robust_sd_cents: int
    active_days: int


@dataclass(frozen=True, slots=True)
class DeskCalibration:
    """How much the rules restrict this desk, and what would change that.

    `today` has no changes. `options` are single changes; `proposed` is the smallest one that brings
    both shares into their bands, or several together where no single one does, as near as they
    come; ``None`` where nothing has to change or nothing helps.
    """

    session: date
    sessions: int
    today: Option
    options: tuple[Option, ...]
    proposed: Option | None
    base_limits: tuple[FittingBase, ...]

    @property
    def is_in_bands(self) -> bool:
        """Whether both shares are where they are meant to be."""
        return self.today.distance == 0

    @property
    def is_due(self) -> bool:
        """Whether the trailing 60 sessions are restricted above the warning line."""
        recent = self.today.recent.get("restricted_share", 0.0)
        return recent > float(config.RESTRICTED_SHARE_WARNING)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A complete set of numbers: thresholds, and whether base limits are the fitting ones."""

    thresholds: Thresholds = TODAY
    fits_base: bool = False

    @property
    def size(self) -> float:
        """How large a change from today's this is: a sum of logarithms; base limits count as a doubling."""
        names = Thresholds.__dataclass_fields__
        ratios = (float(getattr(self.thresholds, n)) / float(getattr(TODAY, n)) for n in names)
        return sum(abs(log(ratio)) for ratio in ratios) + self.fits_base * log(2)


def calibrate(desk: DeskHistory, paths: TradePaths) -> DeskCalibration:
    """Replay changes of the rules' numbers on the last year, and propose what brings shares into bands."""
    on = what_if.ground(desk, paths, sessions=config.CALIBRATION_SESSIONS)
    bases = fitting_bases(desk, on)
    bench = _Bench(on, {base.trader_id: base.fitting_cents for base in bases})
    today = bench.option(_Numbers())
    singles = {numbers: bench.option(numbers) for numbers in _next(_Numbers())}
    return DeskCalibration(
        session=desk.session,
        sessions=len(on.days.sessions),
        today=today,
        options=tuple(singles.values()),
        proposed=_proposed(bench, today, singles),
        base_limits=bases,
    )


def distance(shares: Figures) -> float:
    """Return how far shares lie outside their bands, in widths of the bands."""
    return sum(_outside(shares[name], band) for name, band in BANDS.items() if name in shares)


def _outside(share: float, band: tuple[Decimal, Decimal]) -> float:
    low, high = map(float, band)
    return max(low - share, share - high, 0.0) / (high - low)


def fitting_bases(desk: DeskHistory, on: Ground) -> tuple[FittingBase, ...]:
    """Return a fitting base limit for every trader with enough active days on the ground."""
    found = (
        _fitting(desk, trader, int(on.days.sessions[0])) for trader in desk.traders if len(on.days.sessions)
    )
    return tuple(base for base in found if base is not None)


def _fitting(desk: DeskHistory, trader: TraderHistory, first: int) -> FittingBase | None:
    net = trader.net_cents[trader.day >= first]
    if len(net) < config.BASE_LIMIT_MIN_DAYS:
        return None
    low, high = np.quantile(net, [0.25, 0.75])
    spread = (high - low) / _IQR_OF_NORMAL
    steps = max(round(float(config.BASE_LIMIT_ROBUST_SDS) * spread / config.BASE_LIMIT_STEP_CENTS), 1)
    return FittingBase(
        trader_id=trader.trader_id,
        name=desk.names.get(trader.trader_id, trader.trader_id),
        today_cents=desk.base_cents(trader.trader_id, desk.position),
        fitting_cents=steps * config.BASE_LIMIT_STEP_CENTS,
        robust_sd_cents=round(spread),
        active_days=len(net),
    )


def with_base_limits(desk: DeskHistory, base_cents: Mapping[str, int]) -> DeskHistory:
    """Return the desk as if traders had always had other base limits; others keep theirs.

    What limits were really in force stays known where it was on record.
    """
    return replace(
        desk,
        traders=tuple(_with_base(trader, base_cents.get(trader.trader_id)) for trader in desk.traders),
        base_limits={
            trader_id: ((0, base_cents[trader_id]),) if trader_id in base_cents else schedule
            for trader_id, schedule in desk.base_limits.items()
        },
        lived={
            trader_id: records for trader_id, records in desk.lived.items() if trader_id not in base_cents
        },
    )


def _with_base(trader: TraderHistory, base_cents: int | None) -> TraderHistory:
    if base_cents is None:
        return trader
    base = np.full(len(trader), base_cents, dtype=np.int64)
    return replace(
        trader, base_cents=base, applied_cents=np.where(trader.assumed, base, trader.applied_cents)
    )


@dataclass(frozen=True, eq=False)
class _Bench:
    """Where sets of numbers are replayed."""

    on: Ground
    fitting_cents: Mapping[str, int]

    def option(self, numbers: _Numbers) -> Option:
        """Replay a set of numbers."""
        played = self._played(numbers)
        on = self.on
        recent = on.day >= on.desk.position - config.RESTRICTED_SHARE_WINDOW
        return Option(
            changes=tuple(self._changes(numbers)),
            shares=what_if.shares(on.days.rows, played),
            recent=what_if.shares(recent, played),
            worth=_alone(what_if.figures(what_if.worths(on, [played]))[0]),
        )

    def _played(self, numbers: _Numbers) -> Played:
        desk = with_base_limits(self.on.desk, self.fitting_cents) if numbers.fits_base else self.on.desk
        return what_if.play(desk, numbers.thresholds)

    def _changes(self, numbers: _Numbers) -> Iterator[Change]:
        for name in Thresholds.__dataclass_fields__:
            now, then = getattr(TODAY, name), getattr(numbers.thresholds, name)
            if now != then:
                yield Change(config_name(name), _shown(now), _shown(then))
        if numbers.fits_base:
            sds = config.BASE_LIMIT_ROBUST_SDS
            yield Change(BASE_LIMITS, "as enrolled", f"{sds} robust sd of each trader's results")


def _shown(number: Number) -> str:
    return f"{number.normalize():f}" if isinstance(number, Decimal) else str(number)


def _alone(figures: Figures) -> Figures:
    """Leave out the interval among many: no option is chosen by its benefit."""
    return {name: value for name, value in figures.items() if "_surely_" not in name}


def _proposed(bench: _Bench, today: Option, singles: Mapping[_Numbers, Option]) -> Option | None:
    """Return the smallest change that reaches both bands, or the nearest few together."""
    if today.distance == 0:
        return None
    reached = [numbers for numbers, option in singles.items() if option.distance == 0]
    if reached:
        return singles[min(reached, key=lambda numbers: numbers.size)]
    return _together(bench, today, singles)


def _together(bench: _Bench, today: Option, singles: Mapping[_Numbers, Option]) -> Option | None:
    """Return changes made one after the other, each the one that comes nearest; ``None`` if none helps."""
    best, found, tried = _Numbers(), today, singles
    for _ in range(config.CALIBRATION_MOST_CHANGES):
        if not tried:
            break
        nearest = min(tried, key=lambda numbers: (tried[numbers].distance, numbers.size))
        if tried[nearest].distance >= found.distance:
            break
        best, found = nearest, tried[nearest]
        if found.distance == 0:
            break
        tried = {numbers: bench.option(numbers) for numbers in _next(best)}
    return found if found is not today else None


def _next(numbers: _Numbers) -> Iterator[_Numbers]:
    """Yield the sets with one more thing changed, from what is not changed yet."""
    for change in _changes_of_one_thing():
        if all(getattr(numbers.thresholds, name) == getattr(TODAY, name) for name in change):
            try:
                yield replace(numbers, thresholds=replace(numbers.thresholds, **change))
            except ValueError:  # the harder tier would come first
                continue
    if not numbers.fits_base:
        yield replace(numbers, fits_base=True)


def _changes_of_one_thing() -> Iterator[dict[str, Any]]:
    """Yield what is tried: the drawdown's capital or its percents, streaks, spikes, the large loss."""
    for factor in _FACTORS:
        yield {"drawdown_capital_multiple": int(TODAY.drawdown_capital_multiple * factor)}
    for factor in _FACTORS:
        yield {name: getattr(TODAY, name) * factor for name in ("drawdown_percent", "deep_drawdown_percent")}
    for days in (-1, 1, 2):
        yield {name: getattr(TODAY, name) + days for name in ("streak_days", "long_streak_days")}
    for ratio in ("-0.5", "0.5", "1", "2"):
        yield {"volatility_ratio": TODAY.volatility_ratio + Decimal(ratio)}
    for share in ("-0.10", "0.10", "0.20", "0.40"):
        yield {"large_loss_of_base": TODAY.large_loss_of_base + Decimal(share)}
