"""The numbers the rules look at, for every active day of one trader at once.

Row i is the state *after* active day i: what the morning of any later session, up to the next
active day, may know. Sums are integer cents and medians multiples of a quarter cent, so every
comparison of the rules is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from riskops import config, windows
from riskops.history import TraderHistory

_ALL = slice(None)


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
        return Measures(*(getattr(self, name)[rows] for name in _COLUMNS))


_COLUMNS = tuple(field.name for field in fields(Measures))


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
    peak, cum = drawdown(history.net_cents, rows)
    recent, baseline = downside(history.net_cents)
    median, mad = _spread(history.net_cents, rows)
    active_days = np.arange(1, count + 1)[rows]
    return Measures(
        day=history.day[rows],
        net_cents=history.net_cents[rows],
        base_cents=history.base_cents[rows],
        applied_cents=history.applied_cents[rows],
        active_days=active_days,
        days_since_gap=_days_since_gap(history.day)[rows],
        streak=streak(history.net_cents, history.base_cents)[rows],
        peak_cents=peak,
        cum_cents=cum,
        recent_downside_cents=recent[rows],
        recent_days=np.minimum(active_days, config.VOLATILITY_RECENT_DAYS),
        baseline_downside_cents=baseline[rows],
        baseline_days=baseline_days(count)[rows],
        baseline_median_cents=median,
        baseline_mad_cents=mad,
    )


def after_losing_more(known: Measures, extra_cents: np.ndarray) -> Measures:
    """Measure a trader after the last active day had it lost more: one entry for each extra loss.

    `known` are all measures of the trader, of one active day at least.
    """
    last = known.at(np.full(len(extra_cents), -1))
    net, cum = last.net_cents - extra_cents, last.cum_cents - extra_cents
    before = np.cumsum(known.net_cents[-config.DRAWDOWN_WINDOW_DAYS :])[:-1].max(initial=0)
    losses = known.streak[-2:-1].sum() + is_loss(net, last.base_cents)
    return replace(
        last,
        net_cents=net,
        streak=np.where(_is_gain(net, last.base_cents), 0, losses),
        peak_cents=np.maximum(before, cum),
        cum_cents=cum,
        recent_downside_cents=last.recent_downside_cents
        - np.maximum(-last.net_cents, 0)
        + np.maximum(-net, 0),
    )


def streak(net_cents: np.ndarray, base_cents: np.ndarray) -> np.ndarray:
    """Return the losing days in a row after each active day; small results neither count nor break."""
    losses = np.cumsum(is_loss(net_cents, base_cents))
    return losses - np.maximum.accumulate(np.where(_is_gain(net_cents, base_cents), losses, 0))


def is_loss(net_cents: np.ndarray, base_cents: np.ndarray) -> np.ndarray:
    """Say which results are losses beyond the noise, -1 % of the base limit of their day."""
    numerator, denominator = config.NOISE_SHARE_OF_BASE.as_integer_ratio()
    return net_cents * denominator < -numerator * base_cents


def _is_gain(net_cents: np.ndarray, base_cents: np.ndarray) -> np.ndarray:
    return is_loss(-net_cents, base_cents)


def drawdown(net_cents: np.ndarray, rows: slice = _ALL) -> tuple[np.ndarray, np.ndarray]:
    """Return the peak of the running result (at least 0) and where it ends, over 20 active days."""
    running = np.cumsum(windows.trailing(net_cents, config.DRAWDOWN_WINDOW_DAYS, 0, 0)[rows], axis=1)
    return running.max(axis=1, initial=0), running[:, -1]


def downside(net_cents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of max(0, -net) over the last five active days and the sixty before them."""
    total = np.concatenate([[0], np.cumsum(np.maximum(-net_cents, 0))])
    end = np.arange(1, len(total))
    recent = np.maximum(end - config.VOLATILITY_RECENT_DAYS, 0)
    first = np.maximum(recent - config.BASELINE_DAYS, 0)
    return total[end] - total[recent], total[recent] - total[first]


def baseline_days(count: int) -> np.ndarray:
    """Return how many active days the baseline has after each of the first `count`."""
    before_recent = np.arange(1, count + 1) - config.VOLATILITY_RECENT_DAYS
    return np.clip(before_recent, 0, config.BASELINE_DAYS)


def _days_since_gap(day: np.ndarray) -> np.ndarray:
    index = np.arange(len(day))
    idle = np.diff(day) - 1
    returned = np.append(True, idle > config.GAP_SESSIONS)[: len(day)]
    return index - np.maximum.accumulate(np.where(returned, index, 0)) + 1


def _spread(net_cents: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return median and raw MAD of the baseline, 0 where it is empty."""
    days = baseline_days(len(net_cents))[rows]
    results = net_cents.astype(float)
    baseline = windows.trailing(results, config.BASELINE_DAYS, config.VOLATILITY_RECENT_DAYS, np.inf)[rows]
    median = windows.median(baseline, days)
    return median, windows.median(np.abs(baseline - median[:, None]), days)
