"""What each reduction from 0 to 80 % would have been worth on one trader's past days.

Every level is played as a constant cut of the base limit on every active day and set against no cut
at all. It is hindsight: it says how much a limit matters for this trader, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskops import config, economics, fixed_sample, limits
from riskops.economics import Replay


@dataclass(frozen=True, slots=True)
class LevelBenefit:
    """The benefit of a constant reduction (percent) over all days, in USD.

    `low_usd` and `high_usd` are the 95 % day-block bootstrap interval, ``None`` on a handful of days;
    `least_usd` and `most_usd` are what days that our own limit stopped leave open.
    """

    reduction: int
    benefit_usd: float
    low_usd: float | None
    high_usd: float | None
    least_usd: float
    most_usd: float


def level_curve(replayed: Replay) -> tuple[LevelBenefit, ...]:
    """Return the benefit of every level on the days of one trader; empty without a day."""
    if not len(replayed.days):
        return ()
    base, levels = replayed.days.reference_cents, economics.LEVELS.tolist()
    worth = [economics.benefit(replayed, limits.limit_cents(base, cut)) for cut in levels]
    intervals = _intervals(np.column_stack([found.middle for found in worth]) / 100)
    return tuple(
        LevelBenefit(
            reduction=cut,
            benefit_usd=float(found.middle.sum()) / 100,
            low_usd=low,
            high_usd=high,
            least_usd=float(found.low.sum()) / 100,
            most_usd=float(found.high.sum()) / 100,
        )
        for cut, found, (low, high) in zip(levels, worth, intervals, strict=True)
    )


def _intervals(daily_usd: np.ndarray) -> list[tuple[float | None, float | None]]:
    """Return the interval of each column's total; none where there are no more days than a block has."""
    days, levels = daily_usd.shape
    if days <= config.BOOTSTRAP_BLOCK_DAYS:
        return [(None, None)] * levels
    totals = fixed_sample.resampled_totals(daily_usd)
    outside = (1 - config.BOOTSTRAP_COVERAGE) / 2
    low, high = np.quantile(totals, [outside, 1 - outside], axis=0)
    return [(float(least), float(most)) for least, most in zip(low, high, strict=True)]
