"""What another limit would have done: past days replayed trade by trade.

`S_k` is the running net result of a trader-day by close time of its trades, `L` a limit and
`tau` the first `k` with ``S_k <= -L``. The outcome under `L` is ``Y(L) = S_tau`` where the limit
was hit, else the day's result; the breaching trade is kept whole, so overshoot counts against
us. The benefit of `L` is ``Y(L) - Y(base limit)``: 0 for no restriction, and positive only where
going on would have cost more.

Three kinds of day need more than a replay. A day *censored* by the limit that was in force says
nothing of looser limits: it is bounded from both sides. A day of which only a *daily figure* is
known is estimated by a Brownian bridge and labelled. And the *size-scaling scenario* is kept as
a labelled curiosity that decides nothing.

All amounts are in cents; outcomes are floats because estimates need not be whole.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from riskops import config, limits, windows
from riskops.history import TradePaths
from riskops.rules import is_large_loss

LEVELS = np.arange(0, config.MAX_REDUCTION + 1, config.REDUCTION_STEP)
_FAR = 1 << 32  # more than any calendar position


@dataclass(frozen=True, eq=False)
class TraderDays:
    """The trader-days to replay, ordered by (trader, day); every array has shape (n,).

    `reference_cents` is the base limit benefits are measured against, `volatility_cents` the
    volatility known before the day, used where only a daily figure is known.
    """

    trader: np.ndarray
    day: np.ndarray
    net_cents: np.ndarray
    reference_cents: np.ndarray
    applied_cents: np.ndarray
    volatility_cents: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: np.ndarray) -> TraderDays:
        """Return the trader-days at `rows`."""
        return TraderDays(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Bounds:
    """Outcomes in cents known only up to an interval; `censored` says where it has a width."""

    low: np.ndarray
    high: np.ndarray
    censored: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of the interval: what a model learns from."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, eq=False)
class Replay:
    """Trader-days with their running results, ready to be asked for any limit.

    `row` is the trader-day of each trade, `running_cents` the result of the day so far.
    """

    days: TraderDays
    row: np.ndarray
    running_cents: np.ndarray

    @cached_property
    def estimated(self) -> np.ndarray:
        """Days of which only a daily figure is known, shape (n,)."""
        return np.bincount(self.row, minlength=len(self.days)) == 0

    @cached_property
    def lowest_cents(self) -> np.ndarray:
        """The lowest running result known of each day, its result included."""
        lowest = self.days.net_cents.copy()
        row, low = self._lows
        last = np.flatnonzero(np.diff(row, append=-1))
        lowest[row[last]] = np.minimum(lowest[row[last]], low[last])
        return lowest

    @cached_property
    def _lows(self) -> tuple[np.ndarray, np.ndarray]:
        """The trades that took a day below all before: row and running result, falling within a day.

        The first trade at or below a limit is one of them.
        """
        span = int(np.ptp(self.running_cents)) + 1 if len(self.row) else 1
        falling = self.running_cents - self.row * span  # each day lies below all earlier ones
        lowest = np.minimum.accumulate(falling)
        new = np.append(True, falling[1:] < lowest[:-1])[: len(falling)]
        return self.row[new], self.running_cents[new]

    @cached_property
    def stopped(self) -> np.ndarray:
        """Days that hit a limit tighter than the base limit: censored for looser ones."""
        tighter = self.days.applied_cents < self.days.reference_cents
        return tighter & (self.lowest_cents <= -self.days.applied_cents)

    @cached_property
    def recovery_cents(self) -> np.ndarray:
        """The upper bound of the result a stopped day might have had, shape (n,).

        What was observed plus a high quantile of how earlier uncensored days went on after they
        had gone as deep (in multiples of the base limit). Too few such days: a full recovery.
        """
        return _recovery(self)

    def outcome(self, limit_cents: np.ndarray) -> np.ndarray:
        """Return ``Y(L)`` for one limit a day, shape (n,), as if nothing were censored."""
        outcome = self.days.net_cents.astype(float)
        row, low = self._lows
        hits = np.flatnonzero(low <= -limit_cents[row])
        first = hits[np.flatnonzero(np.diff(row[hits], prepend=-1))]
        outcome[row[first]] = low[first]
        daily = np.flatnonzero(self.estimated)
        outcome[daily] = bridge(
            outcome[daily],
            limit_cents[daily],
            self.days.volatility_cents[daily],
            config.BRIDGE_FREEDOM,
        ).estimate
        return outcome

    @cached_property
    def uncut(self) -> Bounds:
        """The interval of the day under its base limit, which every cut is compared with."""
        return self.bounds(self.days.reference_cents)

    def bounds(self, limit_cents: np.ndarray) -> Bounds:
        """Return the interval ``Y(L)`` lies in; a point where the day is not censored for L."""
        known = self.outcome(limit_cents)
        censored = self.stopped & (limit_cents > self.days.applied_cents)
        floor = np.minimum(-limit_cents, self.days.net_cents)
        low = np.where(censored, floor, known)
        high = np.where(censored, self.recovery_cents, known)
        return Bounds(low, np.maximum(low, high), censored)


@dataclass(frozen=True, eq=False)
class BridgeEstimate:
    """An estimated outcome in cents, between `low` and `high`."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


def replay(days: TraderDays, paths: TradePaths) -> Replay:
    """Return the replay of `days` along the trades in `paths`; other trades are left out."""
    keys = days.trader.astype(np.int64) * _FAR + days.day
    wanted = paths.trader.astype(np.int64) * _FAR + paths.day
    row = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    known = keys[row] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)
    row, net = row[known], paths.net_cents[known]
    return Replay(days, row, _running(row, net))


def bridge(
    net_cents: np.ndarray,
    limit_cents: np.ndarray,
    volatility_cents: np.ndarray,
    freedom: float | None = None,
) -> BridgeEstimate:
    """Estimate the outcome under a limit from the day's result alone.

    At or below the limit the loss beyond it is prevented. Otherwise the running result is taken
    for a Brownian bridge from 0 to the result `y`, which touches ``-L`` with probability
    ``exp(-2 L (L + y) / sigma^2)`` and then costs ``y + L``.

    Parameters
    ----------
    net_cents, limit_cents, volatility_cents
        The result, the limit and the volatility known before the day.
    freedom
        How sure the volatility is: that of the day makes its result Student t with so many degrees
        of freedom, and a small result speaks for a calm day. ``None`` takes it for known.
    """
    above = net_cents + limit_cents
    variance = np.maximum(np.asarray(volatility_cents, dtype=float) ** 2, 1.0)
    depth = 2.0 * limit_cents * np.maximum(above, 0)
    with np.errstate(under="ignore"):
        if freedom is None:
            touched = np.exp(-depth / variance)
        else:
            seen = freedom * config.BRIDGE_SCALE_SHARE * variance + np.square(net_cents, dtype=float)
            touched = (1 + 2 * depth / seen) ** (-(freedom + 1) / 2)
    beyond = above <= 0
    estimate = np.where(beyond, -limit_cents, net_cents - above * touched)
    high = np.where(beyond, -limit_cents, net_cents)
    return BridgeEstimate(estimate, np.broadcast_to(-1.0 * limit_cents, high.shape), high)


def grid(replayed: Replay, base_cents: np.ndarray, levels: np.ndarray = LEVELS) -> np.ndarray:
    """Return the outcome under every reduction of `levels`, shape (n, levels).

    Censored days take the middle of their bounds.
    """
    return np.column_stack(
        [replayed.bounds(limits.limit_cents(base_cents, int(cut))).middle for cut in levels]
    )


def benefit(replayed: Replay, limit_cents: np.ndarray, against_cents: np.ndarray | None = None) -> Bounds:
    """Return what a limit is worth against another one, in cents, as the interval it lies in.

    Both limits meet the same unknown rest of a stopped day, so the ends come from how deep that
    rest may have gone: not at all, to one limit and not the other, or beyond both.

    Parameters
    ----------
    replayed
        The trader-days.
    limit_cents
        One limit a day, shape (n,).
    against_cents
        The limit it is compared with, the day's base limit by default.
    """
    against = replayed.days.reference_cents if against_cents is None else against_cents
    ours = replayed.bounds(limit_cents)
    theirs = replayed.uncut if against_cents is None else replayed.bounds(against)
    worths = [
        difference_if(ours, theirs, limit_cents <= deepest, against <= deepest)
        for deepest in (np.zeros_like(limit_cents), limit_cents, against)
    ]
    low, high = np.min(worths, axis=0), np.max(worths, axis=0)
    return Bounds(low, high, low < high)


def difference_if(ours: Bounds, theirs: Bounds, hit_ours: np.ndarray, hit_theirs: np.ndarray) -> np.ndarray:
    """Return the difference of two outcomes had the unknown rest of a day hit the limits or not."""
    return np.where(hit_ours, ours.low, ours.high) - np.where(hit_theirs, theirs.low, theirs.high)


def prevented_and_cost(benefit: np.ndarray) -> tuple[float, float]:
    """Split benefits into what was prevented and what it cost, both at least 0."""
    return float(benefit[benefit > 0].sum()), float(np.abs(benefit[benefit < 0]).sum())


def large_loss_known(replayed: Replay) -> np.ndarray:
    """Say of which days it is known whether they brought a large loss.

    A day our own limit stopped before it could become one is unknown, not harmless.
    """
    return ~replayed.stopped | is_large_loss(replayed.days.net_cents, replayed.days.reference_cents)


def size_scaling_cents(net_cents: np.ndarray, reduction: np.ndarray) -> np.ndarray:
    """Return the benefit of the *size-scaling scenario*: every result scaled by the limit.

    A loss limit is no position size: the scenario charges far too much on good days. It is
    shown, labelled, and never used to decide.
    """
    return -net_cents * reduction / 100.0


def _running(row: np.ndarray, net: np.ndarray) -> np.ndarray:
    total = np.cumsum(net)
    first = np.flatnonzero(np.diff(row, prepend=-1))
    before = np.repeat((total - net)[first], np.diff(first, append=len(row)))
    return total - before


def _recovery(replayed: Replay) -> np.ndarray:
    days = replayed.days
    highest = np.maximum(days.net_cents, 0).astype(float)
    share = np.zeros(len(days))
    np.divide(days.applied_cents, days.reference_cents, out=share, where=days.reference_cents > 0)
    step = config.REDUCTION_STEP
    depth = np.round(share * 100 / step).astype(int) * step
    for level in np.unique(depth[replayed.stopped]):
        rows = np.flatnonzero(replayed.stopped & (depth == level))
        highest[rows] = _recovered(replayed, rows, int(level))
    return highest


def _recovered(replayed: Replay, rows: np.ndarray, depth: int) -> np.ndarray:
    """Return the upper bounds of stopped `rows` whose limit was `depth` percent of the base."""
    days = replayed.days
    limit = days.reference_cents * depth // 100
    alike = np.flatnonzero(~replayed.stopped & (replayed.lowest_cents <= -limit))
    after = replayed.outcome(days.reference_cents)[alike] - replayed.outcome(limit)[alike]
    rise = after / days.reference_cents[alike]
    order = np.argsort(days.day[alike], kind="stable")
    earlier = np.searchsorted(days.day[alike][order], days.day[rows])
    (rises,) = windows.quantiles(rise[order], earlier, config.RECOVERY_QUANTILE)
    net = days.net_cents[rows]
    recovered = net + np.maximum(rises, 0.0) * days.reference_cents[rows]
    return np.where(earlier >= config.RECOVERY_MIN_DAYS, recovered, np.maximum(net, 0))
