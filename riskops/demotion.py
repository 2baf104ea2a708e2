"""When a promoted challenger goes back: cheap and quick, because the rules are safe.

Promotion asks for strong evidence, demotion for little. Two watches follow ``d = b_M - b_R`` on the
desk-days since the promotion, and either is enough:

- a *restarted e-process* of ``-d``: a bet that the challenger has become the worse one, its stake set
  from the last 60 desk-days before, which starts again from 1 whenever it falls below. From 3 on it
  demotes.
- the *trailing sum* of ``d`` over 60 desk-days, below ``-2 sd sqrt(60)``.

Days our own limit cut short enter at their worst for the challenger.

References
----------
Shin, Ramdas and Rinaldo (2024), E-detectors: a nonparametric framework for sequential change detection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskops import config
from riskops.evidence import stake


@dataclass(frozen=True, eq=False)
class Watch:
    """Both watches after every desk-day since the promotion, shape (n,) each.

    `e_values` the restarted e-process, `trailing_usd` the sum of the last 60 desk-days (NaN before
    there are so many), `floor_usd` what that sum must not fall below.
    """

    e_values: np.ndarray
    trailing_usd: np.ndarray
    floor_usd: np.ndarray

    def __len__(self) -> int:
        return len(self.e_values)

    @property
    def latest(self) -> float:
        """The e-value of a demotion after the last day, 1 before the first."""
        return float(self.e_values[-1]) if len(self) else 1.0

    @property
    def fires(self) -> np.ndarray:
        """Say after which days the challenger is demoted, shape (n,)."""
        return (self.e_values >= config.DEMOTION_E_VALUE) | (self.trailing_usd < self.floor_usd)

    @property
    def reason(self) -> str:
        """Why the challenger is demoted after the last day, in words; nothing where it is not."""
        if not len(self) or not self.fires[-1]:
            return ""
        if self.e_values[-1] >= config.DEMOTION_E_VALUE:
            return (
                f"the evidence that it has become worse than the rules reached e = {self.e_values[-1]:.1f} "
                f"of {config.DEMOTION_E_VALUE:.0f}"
            )
        worse, tolerated = -self.trailing_usd[-1], -self.floor_usd[-1]
        return (
            f"over the last {config.DEMOTION_WINDOW_DAYS} desk-days it did ${worse:,.0f} worse than the "
            f"rules (${tolerated:,.0f} is tolerated)"
        )


def watch(advantage_usd: np.ndarray, clip_usd: np.ndarray, promoted: int) -> Watch:
    """Watch a challenger since its promotion.

    Parameters
    ----------
    advantage_usd
        ``b_M - b_R`` of every desk-day, those before the promotion included: they tell its usual
        spread. Shape (n,), at its worst for the challenger.
    clip_usd
        The size from which a day is clipped, shape (n,).
    promoted
        The first day that counts: the one the challenger was promoted for.
    """
    x = np.clip(advantage_usd / clip_usd, -1, 1)
    e_values = _restarted(-x[promoted:], clip_usd[promoted:])
    return Watch(e_values, *_trailing(advantage_usd, promoted))


def _restarted(x: np.ndarray, clip_usd: np.ndarray) -> np.ndarray:
    """Return the e-process of `x` that never falls below 1."""
    before = np.arange(len(x))
    stakes = stake(_sum_of_last(x, before), _sum_of_last(x**2, before), clip_usd)
    growth = np.cumsum(np.log1p(stakes * x))
    return np.exp(growth - np.minimum(np.minimum.accumulate(growth), 0.0))


def _sum_of_last(values: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the sums of the last 60 values before each `end`, of fewer where there are fewer."""
    total = np.append(0.0, np.cumsum(values))
    return total[end] - total[np.maximum(end - config.DEMOTION_WINDOW_DAYS, 0)]


def _trailing(advantage_usd: np.ndarray, promoted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the trailing sums since the promotion and the floor below them, both in USD."""
    days, count = config.DEMOTION_WINDOW_DAYS, len(advantage_usd)
    end = np.arange(promoted + 1, count + 1)
    sums = np.where(end - promoted >= days, _sum_of_last(advantage_usd, end), np.nan)
    mean = np.cumsum(advantage_usd)[promoted:] / end
    squares = np.cumsum(advantage_usd**2)[promoted:] / end
    sd = np.sqrt(np.maximum(squares - mean**2, 0.0))
    return sums, -config.DEMOTION_SDS * sd * np.sqrt(days)
