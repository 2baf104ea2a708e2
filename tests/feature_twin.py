"""The features once more, row by row from earlier rows only: what `riskops.features` has to equal.

Both are the same bits. Money is in whole cents, so sums, counts, medians and quartiles are exact; a
quotient, a product, a square root is the one nearest to the exact one whoever computes it; and the few
sums of floats (the decaying variance, the desk's mean and spread) go in the same order. Only a
logarithm is not exactly rounded, so both ask numpy for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

import numpy as np

from riskops.history import DeskHistory, TradePaths

PRIOR_SCALE = 0.28 * 500_000
DECAY = 0.5 ** (1 / 10)


@dataclass(frozen=True)
class Day:
    """What is known of an active day."""

    position: int
    net: int
    base: int
    trades: int
    volume: int
    closed: tuple[tuple[int, int], ...]  # result and size of each trade, in order


class Twin:
    """A desk that is asked what was known of a trader before the session at a position."""

    def __init__(self, desk: DeskHistory, paths: TradePaths) -> None:
        self.desk = desk
        self.days = [_days(index, history, paths) for index, history in enumerate(desk.traders)]

    def rows(self) -> list[tuple[int, int]]:
        """Return trader and position of every active day and of the session to be scored."""
        return [
            (trader, position)
            for trader, days in enumerate(self.days)
            for position in [*(day.position for day in days), self.desk.position]
        ]

    def before(self, trader: int, position: int) -> list[Day]:
        return [day for day in self.days[trader] if day.position < position]

    @cached_property
    def _scales(self) -> dict[tuple[int, int], float]:
        return {row: self._scale(*row) for row in self.rows()}

    def _scale(self, trader: int, position: int) -> float:
        own = [day.net for day in self.before(trader, position)]
        everybody = [day.net for index in range(len(self.days)) for day in self.before(index, position)]
        pool = robust_scale(everybody) or PRIOR_SCALE
        shrunk = (len(own) * robust_scale(own) + 20 * pool) / (len(own) + 20)
        return max(shrunk, 0.01 * self._base(trader, position))

    def _base(self, trader: int, position: int) -> int:
        today = self.desk.base_cents(self.desk.traders[trader].trader_id, position)
        return next((day.base for day in self.days[trader] if day.position == position), today)

    def scale(self, trader: int, position: int) -> float:
        return self._scales[trader, position]

    def volatilities(self, trader: int, position: int) -> list[float]:
        """Return the volatility before every active day so far, and before the position."""
        past = self.before(trader, position)
        found, variance = [], 0.0
        for index, now in enumerate([*(day.position for day in past), position]):
            if index == 0 or now - past[index - 1].position - 1 > 10:
                variance = self.scale(trader, now) * self.scale(trader, now)
            else:
                last = float(past[index - 1].net)
                variance = DECAY * variance + (1 - DECAY) * (last * last)
            found.append(max(math.sqrt(variance), 1.0))
        return found

    def features(self, trader: int, position: int) -> list[float]:
        past, scale = self.before(trader, position), self.scale(trader, position)
        volatility = self.volatilities(trader, position)
        net = [day.net for day in past]
        own = [
            sum(net[-1:]) / scale,
            sum(net[-5:]) / scale,
            streak(past),
            drawdown(past),
            np.log(volatility[-1] / median(volatility[-61:-1] or volatility)),
            downside_ratio(net),
            sum(100 * day.net < -day.base for day in past[-20:]) / max(len(past[-20:]), 1),
            sum(5 * day.net <= -2 * day.base for day in past[-5:]),
            against_usual([day.trades for day in past]),
            against_usual([day.volume / 100 for day in past]),
            tilt(past[-20:]),
            np.log1p(position - past[-1].position - 1) if past else 0.0,
        ]
        return [min(max(float(value), -8.0), 8.0) for value in [*own, *self.last_session(position)]]

    def last_session(self, position: int) -> list[float]:
        """Return share of losers, mean result and spread of the desk's session before a position."""
        ago = max(
            (day.position for days in self.days for day in days if day.position < position), default=None
        )
        active = [(t, day) for t, days in enumerate(self.days) for day in days if day.position == ago]
        if not active:
            return [0.0, 0.0, 0.0]
        units = [min(max(day.net / self.scale(t, day.position), -8.0), 8.0) for t, day in active]
        mean = in_order(units) / len(units)
        spread = math.sqrt(in_order([(u - mean) * (u - mean) for u in units]) / len(units))
        return [sum(100 * day.net < -day.base for _, day in active) / len(active), mean, spread]

    def desk_size(self, position: int) -> int:
        return sum(any(position - 20 <= day.position < position for day in days) for days in self.days)


def _days(index: int, history, paths: TradePaths) -> list[Day]:
    columns = (history.day, history.net_cents, history.base_cents, history.trades, history.volume_cents)
    trades = list(zip(*(column.tolist() for column in vars(paths).values()), strict=True))
    return [
        Day(*row, closed=tuple((net, size) for t, day, net, size in trades if (t, day) == (index, row[0])))
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def in_order(values: list[float]) -> float:
    """Return the sum from the first to the last: the built-in one compensates its rounding."""
    total = 0.0
    for value in values:
        total += value
    return total


def robust_scale(net: list[int]) -> float:
    return (quartile(net, 3) - quartile(net, 1)) / 1.349 if net else 0.0


def quartile(net: list[int], number: int) -> float:
    whole, quarters = divmod(number * (len(net) - 1), 4)
    lower, *upper = sorted(net)[whole : whole + 2]
    return lower + quarters * ((upper or [lower])[0] - lower) / 4


def streak(past: list[Day]) -> int:
    days = 0
    for day in past:
        days = 0 if 100 * day.net > day.base else days + (100 * day.net < -day.base)
    return days


def drawdown(past: list[Day]) -> float:
    if not past:
        return 0.0
    net = [day.net for day in past[-20:]]
    peak = max(0, *(sum(net[:end]) for end in range(1, len(net) + 1)))
    return (peak - sum(net)) / (20 * past[-1].base + peak)


def downside_ratio(net: list[int]) -> float:
    recent, baseline = net[-5:], net[-65:-5]
    if len(baseline) < 20 or not any(cents < 0 for cents in baseline):
        return 1.0
    lost = [sum(max(0, -cents) for cents in days) / len(days) for days in (recent, baseline)]
    return lost[0] / lost[1]


def against_usual(values: list[float]) -> float:
    return np.log((values[-1] + 1) / (median(values[-20:]) + 1)) if values else 0.0


def tilt(past: list[Day]) -> float:
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for day in past:
        for (net, _), (_, size) in pairwise(day.closed):
            if net:
                sizes[net < 0].append(size)
    if any(len(after) < 10 or not sum(after) for after in sizes.values()):
        return 0.0
    losing, winning = (sum(after) / len(after) for after in sizes.values())
    return np.log(losing / winning)
