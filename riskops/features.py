"""What the pooled model looks at on the morning of a trader-day, and nothing known later.

Every active day of every trader is one row, and so is the session to be scored. The features of
a row come from that trader's earlier active days and from earlier sessions of the desk. Dollars
are divided by the trader's shrunk robust scale, so that one model serves traders of all sizes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from riskops import config, rules
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.measures import Measures, measure
from riskops.records import RuleScore

if TYPE_CHECKING:
    from riskops.champion import RulesWalk

_IQR_OF_NORMAL = 1.349
_PRIOR_SCALE_CENTS = config.PRIOR_SD_SHARE * config.DEFAULT_BASE_LIMIT_CENTS
_DECAY = 0.5 ** (1 / config.EWMA_HALF_LIFE_DAYS)
_FAR = 1 << 32  # more than any calendar position


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature and how its value reads in a sentence."""

    name: str
    words: Callable[[float], str]


def _said(text: str, of: Callable[[float], float] = float) -> Callable[[float], str]:
    return lambda value: text.format(of(value))


def _percent(value: float) -> float:
    return 100 * value


FEATURES = (
    Feature("last_result", _said("last result {:+.1f} usual days")),
    Feature("last_5_results", _said("last 5 results together {:+.1f} usual days")),
    Feature("loss_streak", _said("loss streak of {:.0f} days")),
    Feature("drawdown_20", _said("drawdown {:.1f}% over 20 days", _percent)),
    Feature("volatility_level", _said("volatility {:.1f}x its own median", np.exp)),
    Feature("downside_ratio", _said("downside of the last 5 days {:.1f}x that of 60 days")),
    Feature("losing_share_20", _said("{:.0f}% losing days in the last 20", _percent)),
    Feature("large_loss_5", _said("{:.0f} large losses within the last 5 days")),
    Feature("trades", _said("{:.1f}x the usual number of trades on the last day", np.exp)),
    Feature("volume", _said("{:.1f}x the usual traded volume on the last day", np.exp)),
    Feature("tilt", _said("size after losing trades {:.1f}x that after winning trades", np.exp)),
    Feature("idle_sessions", _said("{:.0f} idle sessions", np.expm1)),
    Feature("desk_losers", _said("{:.0f}% of the desk lost in its last session", _percent)),
    Feature("desk_result", _said("desk's last session {:+.1f} usual days a trader")),
    Feature("desk_spread", _said("spread across the desk {:.1f} usual days")),
    Feature("rules_cut", _said("the rules' signals ask for {:.0f}%", _percent)),
)


@dataclass(frozen=True, eq=False)
class Mornings:
    """What is known on the mornings of n trader-days, ordered by (trader, day).

    `trader` index into the desk's traders, `day` calendar position, `features` shape (n, 16),
    `scale_cents` the shrunk robust scale and `volatility_cents` the EWMA volatility known
    before the day, `base_cents` the base limit in force, `rules_reduction` in percent of it,
    `confirmed` whether at least one rule fired, `rules_only` whether the model must not raise,
    `desk_size` how many traders were active lately.
    """

    trader: np.ndarray
    day: np.ndarray
    features: np.ndarray
    scale_cents: np.ndarray
    volatility_cents: np.ndarray
    base_cents: np.ndarray
    rules_reduction: np.ndarray
    confirmed: np.ndarray
    rules_only: np.ndarray
    desk_size: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: np.ndarray) -> Mornings:
        """Return the mornings at `rows`."""
        return Mornings(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Panel:
    """The active days of a desk: their mornings and how the days went, shape (n,) each.

    `reference_cents` is the base limit of the day, `applied_cents` the limit really in force.
    """

    trader_ids: tuple[str, ...]
    mornings: Mornings
    net_cents: np.ndarray
    reference_cents: np.ndarray
    applied_cents: np.ndarray

    def __len__(self) -> int:
        return len(self.net_cents)


@dataclass(frozen=True, eq=False)
class Observed:
    """The state of every trader before each active day and before the session to be scored.

    One row an active day plus one a trader, ordered by (trader, day); `today` marks the latter.
    `features` lacks the last column, which is the rules' own.
    """

    desk: DeskHistory
    trader: np.ndarray
    day: np.ndarray
    today: np.ndarray
    features: np.ndarray
    scale_cents: np.ndarray
    volatility_cents: np.ndarray
    desk_size: np.ndarray


def observe(desk: DeskHistory, paths: TradePaths) -> Observed:
    """Compute the features of every row of the desk, point in time."""
    days = [np.append(t.day, desk.position) for t in desk.traders]
    scales = _scales(desk, days)
    tilts = _tilts(desk, paths)
    states = [
        _own_features(history, day, scale, tilt)
        for history, day, scale, tilt in zip(desk.traders, days, scales, tilts, strict=True)
    ]
    day = np.concatenate([*days, np.empty(0, dtype=np.int64)]).astype(np.int64)
    own = np.concatenate([f for f, _ in states] or [np.empty((0, 12))])
    features = np.column_stack([own, _desk_features(desk, scales, day)])
    return Observed(
        desk=desk,
        trader=np.repeat(np.arange(len(days)), [len(d) for d in days]),
        day=day,
        today=np.concatenate([np.arange(len(d)) == len(d) - 1 for d in days] or [np.empty(0, bool)]),
        features=np.clip(features, -config.FEATURE_CLIP, config.FEATURE_CLIP),
        scale_cents=np.concatenate([*scales, np.empty(0)]),
        volatility_cents=np.concatenate([*(v for _, v in states), np.empty(0)]),
        desk_size=_desk_size(desk, day),
    )


def volatilities_cents(desk: DeskHistory) -> np.ndarray:
    """Return the EWMA volatility in cents known before every active day, in the order (trader, day)."""
    days = [np.append(t.day, desk.position) for t in desk.traders]
    scales = _scales(desk, days)
    known = (_volatility(*of)[:-1] for of in zip(desk.traders, days, scales, strict=True))
    return _joined(known, float)


def panel(observed: Observed, walk: Mapping[str, RulesWalk]) -> Panel:
    """Return the active days with the rules' decisions of their mornings."""
    histories = observed.desk.traders
    walks = [walk[h.trader_id] for h in histories if len(h)]
    raw = _joined((w.raw_reduction for w in walks), np.int64)
    mornings = _mornings(
        observed,
        ~observed.today,
        raw_reduction=raw,
        base_cents=_joined((w.base_cents for w in walks), np.int64),
        rules_reduction=_joined((w.reduction for w in walks), np.int64),
        confirmed=_joined((np.asarray(w.fired.any(axis=1)) for w in walks), bool),
        rules_only=_joined((w.rules_only for w in walks), bool),
    )
    return Panel(
        trader_ids=tuple(h.trader_id for h in histories),
        mornings=mornings,
        net_cents=_joined((h.net_cents for h in histories), np.int64),
        reference_cents=_joined((h.base_cents for h in histories), np.int64),
        applied_cents=_joined((h.applied_cents for h in histories), np.int64),
    )


def this_morning(observed: Observed, scores: Sequence[RuleScore]) -> Mornings:
    """Return the rows of the session to be scored, one a score, in the desk's order."""
    by_id = {score.trader_id: score for score in scores}
    ids = [h.trader_id for h in observed.desk.traders]
    wanted = np.array([trader_id in by_id for trader_id in ids], dtype=bool)
    chosen = [by_id[trader_id] for trader_id in ids if trader_id in by_id]
    return _mornings(
        observed,
        observed.today & wanted[observed.trader],
        raw_reduction=np.array([s.raw_reduction for s in chosen], dtype=np.int64),
        base_cents=np.array([s.base_limit_cents for s in chosen], dtype=np.int64),
        rules_reduction=np.array([s.reduction for s in chosen], dtype=np.int64),
        confirmed=np.array([bool(s.signals) for s in chosen], dtype=bool),
        rules_only=np.array([s.rules_only or s.probation for s in chosen], dtype=bool),
    )


def _mornings(
    observed: Observed, rows: np.ndarray, *, raw_reduction: np.ndarray, **rules: np.ndarray
) -> Mornings:
    return Mornings(
        trader=observed.trader[rows],
        day=observed.day[rows],
        features=np.column_stack([observed.features[rows], raw_reduction / 100.0]),
        scale_cents=observed.scale_cents[rows],
        volatility_cents=observed.volatility_cents[rows],
        desk_size=observed.desk_size[rows],
        **rules,
    )


def _joined(arrays: Iterable[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype)


# --- scales -------------------------------------------------------------------------------
def _scales(desk: DeskHistory, days: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each trader's shrunk robust scale before every row, in cents."""
    pool = _pool_scale(desk)
    k = config.SCALE_SHRINKAGE_DAYS
    scales = []
    for history, rows in zip(desk.traders, days, strict=True):
        count = np.arange(len(rows))
        shrunk = (count * _expanding_scale(history.net_cents) + k * pool(rows)) / (count + k)
        base = np.append(history.base_cents, desk.base_cents(history.trader_id, desk.position))
        scales.append(np.maximum(shrunk, float(config.NOISE_SHARE_OF_BASE) * base))
    return scales


def _pool_scale(desk: DeskHistory) -> Callable[[np.ndarray], np.ndarray]:
    """Return the desk's robust scale as a function of the calendar position it is known at."""
    day = _joined((h.day for h in desk.traders), np.int64)
    net = _joined((h.net_cents for h in desk.traders), np.int64)
    order = np.lexsort((net, day))
    after = _expanding_scale(net[order])
    after = np.where(after > 0, after, _PRIOR_SCALE_CENTS)
    sorted_days = day[order]
    return lambda position: after[np.searchsorted(sorted_days, position)]


def _expanding_scale(net_cents: np.ndarray) -> np.ndarray:
    """Return ``IQR / 1.349`` of the first 0, 1, ..., n results, shape (n + 1,)."""
    seen: list[int] = []
    scale = np.zeros(len(net_cents) + 1)
    for i, value in enumerate(net_cents.tolist(), start=1):
        insort(seen, value)
        scale[i] = (_quantile(seen, 0.75) - _quantile(seen, 0.25)) / _IQR_OF_NORMAL
    return scale


def _quantile(ordered: list[int], q: float) -> float:
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


# --- the trader's own features ------------------------------------------------------------
def _own_features(
    history: TraderHistory, rows: np.ndarray, scale: np.ndarray, tilt: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return 12 features before every row, shape (n + 1, 12), and the volatility in cents."""
    net, known = history.net_cents, measure(history)
    large = rules.is_large_loss(net, history.base_cents)
    volatility = _volatility(history, rows, scale)
    columns = [
        _last(net) / scale,
        _trailing_sum(net, config.RECENT_SESSIONS) / scale,
        _last(known.streak),
        _last(_drawdown(known)),
        np.log(volatility / _trailing_median(volatility[:-1], config.BASELINE_DAYS, volatility)),
        _downside_ratio(known),
        _trailing_mean(_losses(history), config.DRAWDOWN_WINDOW_DAYS),
        _trailing_sum(large, config.RECENT_SESSIONS),
        _against_usual(history.trades),
        _against_usual(history.volume_cents / 100),
        tilt,
        np.log1p(_idle(history, rows)),
    ]
    return np.column_stack(columns), volatility


def _losses(history: TraderHistory) -> np.ndarray:
    return history.net_cents < -float(config.NOISE_SHARE_OF_BASE) * history.base_cents


def _last(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], values])


def _trailing_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Return the sum of the last `window` of the first 0, 1, ..., n values, shape (n + 1,)."""
    total = np.concatenate([[0], np.cumsum(values)])
    first = np.maximum(np.arange(len(total)) - window, 0)
    return total - total[first]


def _trailing_mean(values: np.ndarray, window: int) -> np.ndarray:
    count = np.clip(np.arange(len(values) + 1), 1, window)
    return _trailing_sum(values, window) / count


def _trailing_median(values: np.ndarray, window: int, empty: np.ndarray) -> np.ndarray:
    """Return the median of the last `window` of the first 0, ..., n values, shape (n + 1,)."""
    medians = np.array(empty[: len(values) + 1], dtype=float)
    for i in range(1, min(window, len(values) + 1)):
        medians[i] = np.median(values[:i])
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        medians[window:] = np.median(windows, axis=1)
    return medians


def _against_usual(values: np.ndarray) -> np.ndarray:
    """Return the log ratio of the last value to its trailing 20-day median."""
    usual = _trailing_median(values, config.DRAWDOWN_WINDOW_DAYS, np.zeros(len(values) + 1))
    return np.log((_last(values) + 1) / (usual + 1))


def _drawdown(known: Measures) -> np.ndarray:
    capital = config.DRAWDOWN_CAPITAL_MULTIPLE * known.base_cents + known.peak_cents
    return (known.peak_cents - known.cum_cents) / capital


def _downside_ratio(known: Measures) -> np.ndarray:
    """Return the volatility rule's ratio before every row, shape (n + 1,); 1 where unknown."""
    recent = known.recent_downside_cents / known.recent_days
    usual = known.baseline_downside_cents / np.maximum(known.baseline_days, 1)
    ratio = np.ones(len(known) + 1)
    clear = (known.baseline_days >= config.VOLATILITY_MIN_BASELINE_DAYS) & (usual > 0)
    np.divide(recent, usual, out=ratio[1:], where=clear)
    return ratio


def _volatility(history: TraderHistory, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the EWMA volatility before every row, in cents.

    It starts from the shrunk scale, and falls back to it after a long gap.
    """
    variance = float(scale[0]) ** 2
    gap = rules.is_gap(np.diff(rows, prepend=rows[0]))
    volatility = np.empty(len(rows))
    for i in range(len(rows)):
        if gap[i]:
            variance = float(scale[i]) ** 2
        volatility[i] = variance**0.5
        if i < len(history):
            variance = _DECAY * variance + (1 - _DECAY) * float(history.net_cents[i]) ** 2
    return np.maximum(volatility, 1.0)


def _idle(history: TraderHistory, rows: np.ndarray) -> np.ndarray:
    idle = np.zeros(len(rows))
    idle[1:] = rows[1:] - history.day - 1
    return idle


def _tilts(desk: DeskHistory, paths: TradePaths) -> list[np.ndarray]:
    """Return the log of size after losing over size after winning trades, trailing 20 days."""
    again = (np.diff(paths.trader) == 0) & (np.diff(paths.day) == 0)
    previous, size = paths.net_cents[:-1], paths.notional_cents[1:].astype(float)
    key = paths.trader[1:].astype(np.int64) * _FAR + paths.day[1:]
    tilts = []
    for index, history in enumerate(desk.traders):
        low, high = np.searchsorted(key, [index * _FAR, (index + 1) * _FAR])
        part = slice(low, high)
        mean = [
            _mean_size(history, paths.day[1:][part], size[part], (again & sign)[part])
            for sign in (previous < 0, previous > 0)
        ]
        known = (mean[0] > 0) & (mean[1] > 0)
        ratio = np.divide(mean[0], mean[1], out=np.ones(len(history) + 1), where=known)
        tilts.append(np.log(ratio))
    return tilts


def _mean_size(history: TraderHistory, day: np.ndarray, size: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the trailing mean size of the `chosen` trades; 0 where there are too few."""
    row = np.searchsorted(history.day, day)
    chosen = chosen & (row < len(history))
    chosen[chosen] &= history.day[row[chosen]] == day[chosen]
    count = np.bincount(row[chosen], minlength=len(history))[: len(history)]
    total = np.bincount(row[chosen], weights=size[chosen], minlength=len(history))[: len(history)]
    counts = _trailing_sum(count, config.TILT_WINDOW_DAYS)
    totals = _trailing_sum(np.round(total).astype(np.int64), config.TILT_WINDOW_DAYS)
    known = counts >= config.TILT_MIN_TRADES
    return np.divide(totals, counts, out=np.zeros(len(history) + 1), where=known)


# --- the desk -----------------------------------------------------------------------------
def _desk_features(desk: DeskHistory, scales: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return losers, result and spread of the desk's last session before each row, (n, 3)."""
    day = _joined((h.day for h in desk.traders), np.int64)
    loss = _joined((_losses(h) for h in desk.traders), np.int64)
    units = [h.net_cents / s[:-1] for h, s in zip(desk.traders, scales, strict=True)]
    unit = np.clip(_joined(units, float), -config.FEATURE_CLIP, config.FEATURE_CLIP)
    sessions, at = np.unique(day, return_inverse=True)
    count = np.maximum(np.bincount(at, minlength=len(sessions)), 1)
    mean = np.bincount(at, unit) / count if len(at) else np.empty(0)
    spread = np.sqrt(np.bincount(at, (unit - mean[at]) ** 2) / count) if len(at) else np.empty(0)
    losers = np.bincount(at, loss) / count if len(at) else np.empty(0)
    table = np.vstack([np.zeros(3), np.column_stack([losers, mean, spread])])
    return table[np.searchsorted(sessions, rows)]


def _desk_size(desk: DeskHistory, rows: np.ndarray) -> np.ndarray:
    """Return how many traders were active in the sessions just before each row."""
    sessions, at = np.unique(rows, return_inverse=True)
    size = np.zeros(len(sessions), dtype=np.int64)
    for history in desk.traders:
        first = np.searchsorted(history.day, sessions - config.DESK_SIZE_SESSIONS)
        size += np.searchsorted(history.day, sessions) > first
    return size[at]
