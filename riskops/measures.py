"""The numbers the rules look at, for every active day of one trader at once.

Row i is the state *after* active day i: what the morning of any later session, up to the next
active day, may know. Sums are integer cents and medians multiples of a quarter cent, so every
comparison of the rules is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from riskops import config
from riskops.history import TraderHistory


@dataclass(frozen=True, eq=False)
class Measures:
    """One entry a row: what is known after an active day.

    `day` is its calendar position, `net_cents`, `base_cents` and `applied_cents` its result and
    its limits. `active_days` counts from the start, `days_since_gap` from the last return after
    more than 10 idle sessions. `streak` counts losing days. `peak_cents` (at least 0) and
    `cum_cents` belong to the running result over the drawdown window, which starts at 0.
    `recent_downside_cents` and `baseline_downside_cents` are sums of max(0, -net) over
    `recent_days` and `baseline_days` active days; `baseline_median_cents` and
    `baseline_mad_cents` (raw, not scaled) describe the baseline's results.
    """

    day: np.ndarray
    net_cents: np.ndarray
    base_cents: np.ndarray
    applied_cents: np.ndarray
    active_days: np.ndarray
    days_since_gap: np.ndarray
    streak: np.ndarray
    peak_cents: np.ndarray
    cum_cents: np.ndarray
    recent_downside_cents: np.ndarray
    recent_days: np.ndarray
    baseline_downside_cents: np.ndarray
    baseline_days: np.ndarray
    baseline_median_cents: np.ndarray
    baseline_mad_cents: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def at(self, rows: np.ndarray | int) -> Measures:
        """Return the given rows; a single number gives scalars."""
        return Measures(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def measure(history: TraderHistory, last: int | None = None) -> Measures:
    """Measure a trader after every active day, or only after the `last` ones.

    Parameters
    ----------
    history
        The active days of one trader, ascending.
    last
        How many of the newest rows to compute; all of them by default.
    """
    count = len(history)
    rows = slice(0 if last is None else max(0, count - last), count)
    drawdown = _drawdown(history.net_cents, rows)
    recent, baseline = _downside(history.net_cents, rows)
    median, mad = _spread(history.net_cents, rows)
    return Measures(
        day=history.day[rows],
        net_cents=history.net_cents[rows],
        base_cents=history.base_cents[rows],
        applied_cents=history.applied_cents[rows],
        active_days=_active_days(history, rows),
        days_since_gap=_days_since_gap(history.day)[rows],
        streak=_streak(history.net_cents, history.base_cents)[rows],
        peak_cents=drawdown.max(axis=1, initial=0),
        cum_cents=drawdown[:, -1],
        recent_downside_cents=recent,
        recent_days=np.minimum(_active_days(history, rows), config.VOLATILITY_RECENT_DAYS),
        baseline_downside_cents=baseline,
        baseline_days=_baseline_days(count)[rows],
        baseline_median_cents=median,
        baseline_mad_cents=mad,
    )


def _active_days(history: TraderHistory, rows: slice) -> np.ndarray:
    return np.arange(1, len(history) + 1)[rows]


def _days_since_gap(day: np.ndarray) -> np.ndarray:
    index = np.arange(len(day))
    idle = np.diff(day) - 1
    returned = np.append(True, idle > config.GAP_SESSIONS)[: len(day)]
    return index - np.maximum.accumulate(np.where(returned, index, 0)) + 1


def _streak(net: np.ndarray, base: np.ndarray) -> np.ndarray:
    numerator, denominator = config.NOISE_SHARE_OF_BASE.as_integer_ratio()
    losses = np.cumsum(net * denominator < -numerator * base)
    breaks = net * denominator > numerator * base
    return losses - np.maximum.accumulate(np.where(breaks, losses, 0))


def _drawdown(net: np.ndarray, rows: slice) -> np.ndarray:
    """Return the running results of every window; days before the first are zeros."""
    return np.cumsum(_windows(net, config.DRAWDOWN_WINDOW_DAYS, 0, 0)[rows], axis=1)


def _downside(net: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    loss = np.maximum(-net, 0)
    skip = config.VOLATILITY_RECENT_DAYS
    recent = _windows(loss, skip, 0, 0)[rows]
    baseline = _windows(loss, config.BASELINE_DAYS, skip, 0)[rows]
    return recent.sum(axis=1), baseline.sum(axis=1)


def _baseline_days(count: int) -> np.ndarray:
    before_recent = np.arange(1, count + 1) - config.VOLATILITY_RECENT_DAYS
    return np.clip(before_recent, 0, config.BASELINE_DAYS)


def _spread(net: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return median and raw MAD of the baseline, 0 where it is empty."""
    days = _baseline_days(len(net))[rows]
    results = net.astype(float)
    windows = _windows(results, config.BASELINE_DAYS, config.VOLATILITY_RECENT_DAYS, np.inf)[rows]
    median = _median(windows, days)
    mad = _median(np.abs(windows - median[:, None]), days)
    return median, mad


def _median(windows: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the median of the finite entries (`days` of them) of each row, 0 without any."""
    ordered = np.sort(windows, axis=1)
    middle = np.stack([np.maximum(days - 1, 0) // 2, days // 2], axis=1)
    medians = np.take_along_axis(ordered, middle, axis=1).mean(axis=1)
    return np.where(days > 0, medians, 0.0)


def _windows(values: np.ndarray, size: int, skip: int, fill: float) -> np.ndarray:
    """Return for each row the `size` values that end `skip` days before it, filled up in front."""
    padded = np.concatenate([np.full(size + skip, fill, dtype=values.dtype), values])
    return sliding_window_view(padded, size)[1 : len(values) + 1]
