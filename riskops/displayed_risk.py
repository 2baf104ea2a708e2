"""How good the displayed risk is: whether its numbers come true, and whether it ranks days.

*Calibrated* means that of the days shown 12 % about 12 of a hundred bring a large loss. *Ranking*
(the area under the curve) means that days with a large loss had been shown a higher number. A risk
that only ranks as well as plain volatility has learned volatility, not behaviour.

Only days whose outcome is known enter. Days of one session hang together, so every interval takes
whole sessions together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from riskops import config, fixed_sample

Z_95 = 1.959964
_MOST_STEPS = 50
_STEEPEST = 50.0  # a slope beyond this is separation, not calibration


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Days with about the same displayed risk, and how many of them brought a large loss.

    Risks and the rate (with its 95 % Wilson interval) are probabilities from 0 to 1.
    """

    risk_from: float
    risk_to: float
    mean_risk: float
    days: int
    large_losses: int
    rate: float
    rate_low: float
    rate_high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The reliability table, and the slope of what happened on what was shown.

    `slope` is 1 where the risk is calibrated, below 1 where it exaggerates differences between days.
    Its 95 % interval clusters by session. It is ``None`` where it cannot be told. `expected` is the
    number of large losses the risks add up to, `large_losses` how many there were.
    """

    bins: tuple[ReliabilityBin, ...]
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    days: int
    large_losses: int
    expected: float


@dataclass(frozen=True, slots=True)
class Area:
    """The area under the curve of one score, with a 95 % day-block bootstrap interval."""

    value: float
    low: float | None
    high: float | None
    large_losses: int
    other_days: int


def calibration(risk: np.ndarray, large_loss: np.ndarray, day: np.ndarray) -> Calibration | None:
    """Return the calibration of displayed risks, shape (n,) each; ``None`` without a day."""
    if not len(risk):
        return None
    slope = _slope(_log_odds(risk), large_loss.astype(float), day)
    return Calibration(
        bins=_reliability(risk, large_loss),
        slope=None if slope is None else slope[0],
        slope_low=None if slope is None else slope[0] - Z_95 * slope[1],
        slope_high=None if slope is None else slope[0] + Z_95 * slope[1],
        days=len(risk),
        large_losses=int(large_loss.sum()),
        expected=float(risk.sum()),
    )


def areas(scores: Mapping[str, np.ndarray], large_loss: np.ndarray, day: np.ndarray) -> dict[str, Area]:
    """Return the area under the curve of each score, and of the difference of the first two.

    Empty where there are no two kinds of days. The difference is called ``<first> - <second>``; its
    interval rests on the same resampled sessions as theirs.
    """
    if large_loss.all() or not large_loss.any():
        return {}
    sessions, at = np.unique(day, return_inverse=True)
    pairs = {name: _pairs_won(score, large_loss, at, len(sessions)) for name, score in scores.items()}
    first, second = list(pairs)[:2]
    pairs[f"{first} - {second}"] = pairs[first] - pairs[second]
    every = _pairs_of(large_loss, at, len(sessions))
    return {name: _area(won, every, large_loss) for name, won in pairs.items()}


def _log_odds(risk: np.ndarray) -> np.ndarray:
    inside = np.clip(risk, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))


def _reliability(risk: np.ndarray, large_loss: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Cut the days into bins of about equal size, lowest risk first."""
    order = np.argsort(risk, kind="stable")
    parts = np.array_split(order, min(config.RELIABILITY_BINS, len(risk)))
    return tuple(_bin(risk[part], large_loss[part]) for part in parts)


def _bin(risk: np.ndarray, large_loss: np.ndarray) -> ReliabilityBin:
    hits, days = int(large_loss.sum()), len(risk)
    interval = fixed_sample.wilson_interval(hits, days) or (0.0, 1.0)
    return ReliabilityBin(
        float(risk.min()), float(risk.max()), float(risk.mean()), days, hits, hits / days, *interval
    )


def _slope(odds: np.ndarray, label: np.ndarray, day: np.ndarray) -> tuple[float, float] | None:
    """Return slope and day-clustered standard error of a logistic regression on the log-odds."""
    sessions = np.unique(day, return_inverse=True)[1]
    if label.min() == label.max() or np.ptp(odds) < 1e-9 or sessions.max() == 0:
        return None
    rows, weights = np.column_stack([np.ones(len(odds)), odds]), np.array([0.0, 1.0])
    for _ in range(_MOST_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -500, 500)))
        curvature = (rows.T * (chance * (1 - chance))) @ rows
        if np.linalg.cond(curvature) > 1e12 or abs(weights[1]) > _STEEPEST:
            return None
        step = np.linalg.solve(curvature, rows.T @ (label - chance))
        weights = weights + step
        if np.abs(step).max() < 1e-10:
            return float(weights[1]), _clustered_error(rows, label - chance, curvature, sessions)
    return None


def _clustered_error(
    rows: np.ndarray, residual: np.ndarray, curvature: np.ndarray, session: np.ndarray
) -> float:
    count = int(session.max()) + 1
    scores = np.column_stack([np.bincount(session, column * residual, count) for column in rows.T])
    inverse = np.linalg.inv(curvature)
    return float(np.sqrt((inverse @ (scores.T @ scores) @ inverse)[1, 1] * count / (count - 1)))


def _pairs_won(score: np.ndarray, large_loss: np.ndarray, at: np.ndarray, sessions: int) -> np.ndarray:
    """Return in how many pairs of days the one with a large loss scored higher; ties count half.

    Shape (sessions, sessions): the session of the day with a large loss, that of the one without.
    """
    won = np.zeros((sessions, sessions))
    losses, others = np.flatnonzero(large_loss), np.flatnonzero(~large_loss)
    for row in losses:
        beaten = (score[row] > score[others]) + 0.5 * (score[row] == score[others])
        won[at[row]] += np.bincount(at[others], beaten, sessions)
    return won


def _pairs_of(large_loss: np.ndarray, at: np.ndarray, sessions: int) -> np.ndarray:
    losses = np.bincount(at[large_loss], minlength=sessions)
    return np.outer(losses, np.bincount(at[~large_loss], minlength=sessions)).astype(float)


def _area(won: np.ndarray, every: np.ndarray, large_loss: np.ndarray) -> Area:
    low, high = _resampled(won, every) if len(won) > config.BOOTSTRAP_BLOCK_DAYS else (None, None)
    losses = int(large_loss.sum())
    return Area(float(won.sum() / every.sum()), low, high, losses, len(large_loss) - losses)


def _resampled(won: np.ndarray, every: np.ndarray) -> tuple[float | None, float | None]:
    drawn = fixed_sample.resampled_sessions(len(won))
    pairs = ((drawn @ every) * drawn).sum(axis=1)
    some = pairs > 0
    if not some.any():
        return None, None
    areas = ((drawn @ won) * drawn).sum(axis=1)[some] / pairs[some]
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
