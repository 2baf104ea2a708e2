"""What the pooled model looks at on the morning of a trader-day, and nothing known later.

Every active day of every trader is one row, and so is the session to be scored. The features of
a row come from that trader's earlier active days and from earlier sessions of the desk. Dollars
are divided by the trader's shrunk robust scale, so that one model serves traders of all sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from riskops import config, measures, rules, windows
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import RuleScore

if TYPE_CHECKING:
    from riskops.champion import RulesWalk

_IQR_OF_NORMAL = 1.349
_PRIOR_SCALE_CENTS = config.PRIOR_SD_SHARE * config.DEFAULT_BASE_LIMIT_CENTS
_DECAY = 0.5 ** (1 / config.EWMA_HALF_LIFE_DAYS)
_OWN = 12  # features of the trader alone; those of the desk follow


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
        return Mornings(*(getattr(self, name)[rows] for name in _COLUMNS))


_COLUMNS = tuple(field.name for field in fields(Mornings))


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
    lengths = [len(history) + 1 for history in desk.traders]
    ends = np.cumsum([0, *lengths])
    day = _joined((np.append(t.day, desk.position) for t in desk.traders), np.int64)
    features = np.empty((len(day), len(FEATURES) - 1))
    scale, volatility = np.empty(len(day)), np.empty(len(day))
    pool = _pool_scale(desk)
    stretches = [slice(first, end) for first, end in pairwise(ends.tolist())]
    for history, tilt, rows in zip(desk.traders, _tilts(desk, paths), stretches, strict=True):
        scale[rows] = _scale(desk, history, pool(day[rows]))
        volatility[rows] = _volatility(history, day[rows], scale[rows])
        _fill_own(features[rows, :_OWN], history, day[rows], scale[rows], volatility[rows], tilt)
    features[:, _OWN:] = _desk_features(desk, scale, stretches, day)
    today = np.zeros(len(day), dtype=bool)
    today[ends[1:] - 1] = True
    return Observed(
        desk=desk,
        trader=np.repeat(np.arange(len(lengths)), lengths),
        day=day,
        today=today,
        features=np.clip(features, -config.FEATURE_CLIP, config.FEATURE_CLIP, out=features),
        scale_cents=scale,
        volatility_cents=volatility,
        desk_size=_desk_size(desk, day),
    )


def volatilities_cents(desk: DeskHistory) -> np.ndarray:
    """Return the EWMA volatility in cents known before every active day, in the order (trader, day)."""
    pool = _pool_scale(desk)
    rows = [np.append(history.day, desk.position) for history in desk.traders]
    return _joined(
        (
            _volatility(history, days, _scale(desk, history, pool(days)))[:-1]
            for history, days in zip(desk.traders, rows, strict=True)
        ),
        float,
    )


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
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype, copy=False)


# --- scales -------------------------------------------------------------------------------
def _pool_scale(desk: DeskHistory) -> Callable[[np.ndarray], np.ndarray]:
    """Return the desk's robust scale as a function of the calendar position it is known at."""
    day = _joined((h.day for h in desk.traders), np.int64)
    order = np.argsort(day, kind="stable")
    sessions, first = np.unique(day[order], return_index=True)
    known = np.append(first, len(day))
    net = _joined((h.net_cents for h in desk.traders), np.int64)[order]
    before = windows.interquartile_range(net, known) / _IQR_OF_NORMAL
    before = np.where(before > 0, before, _PRIOR_SCALE_CENTS)
    return lambda position: before[np.searchsorted(sessions, position)]


def _scale(desk: DeskHistory, history: TraderHistory, pool: np.ndarray) -> np.ndarray:
    """Return the trader's shrunk robust scale before every row, in cents."""
    k = config.SCALE_SHRINKAGE_DAYS
    count = np.arange(len(pool))
    own = windows.interquartile_range(history.net_cents, count) / _IQR_OF_NORMAL
    base = np.append(history.base_cents, desk.base_cents(history.trader_id, desk.position))
    return np.maximum((count * own + k * pool) / (count + k), float(config.NOISE_SHARE_OF_BASE) * base)


# --- the trader's own features ------------------------------------------------------------
def _fill_own(
    columns: np.ndarray,
    history: TraderHistory,
    rows: np.ndarray,
    scale: np.ndarray,
    volatility: np.ndarray,
    tilt: np.ndarray,
) -> None:
    """Write the 12 features of a trader before every row into `columns`, shape (n + 1, 12)."""
    net, base = history.net_cents, history.base_cents
    usual = windows.trailing_median(volatility[:-1], config.BASELINE_DAYS)
    values = (
        _last(net) / scale,
        _trailing_sum(net, config.RECENT_SESSIONS) / scale,
        _last(measures.streak(net, base)),
        _last(_drawdown(net, base)),
        np.log(volatility / np.append(volatility[:1], usual)),
        _downside_ratio(net),
        _trailing_mean(measures.is_loss(net, base), config.DRAWDOWN_WINDOW_DAYS),
        _trailing_sum(rules.is_large_loss(net, base), config.RECENT_SESSIONS),
        _against_usual(history.trades),
        _against_usual(history.volume_cents / 100),
        tilt,
        np.log1p(_idle(history, rows)),
    )
    for column, value in enumerate(values):
        columns[:, column] = value


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


def _against_usual(values: np.ndarray) -> np.ndarray:
    """Return the log ratio of the last value to its trailing 20-day median."""
    usual = windows.trailing_median(values, config.DRAWDOWN_WINDOW_DAYS)
    return np.log((_last(values) + 1) / (_last(usual) + 1))


def _drawdown(net: np.ndarray, base: np.ndarray) -> np.ndarray:
    peak, cum = measures.drawdown(net)
    return (peak - cum) / (config.DRAWDOWN_CAPITAL_MULTIPLE * base + peak)


def _downside_ratio(net: np.ndarray) -> np.ndarray:
    """Return the volatility rule's ratio before every row, shape (n + 1,); 1 where unknown."""
    recent, baseline = measures.downside(net)
    days = measures.baseline_days(len(net))
    recent = recent / np.minimum(np.arange(1, len(net) + 1), config.VOLATILITY_RECENT_DAYS)
    usual = baseline / np.maximum(days, 1)
    clear = (days >= config.VOLATILITY_MIN_BASELINE_DAYS) & (usual > 0)
    ratio = np.ones(len(net) + 1)
    np.divide(recent, usual, out=ratio[1:], where=clear)
    return ratio


def _volatility(history: TraderHistory, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the EWMA volatility before every row, in cents.

    It starts from the shrunk scale, and falls back to it after a long gap.
    """
    gaps = np.flatnonzero(rules.is_gap(np.diff(rows)))
    ends = [0, *(gaps + 1).tolist(), len(rows)]
    added = (1 - _DECAY) * history.net_cents.astype(float) ** 2
    starts = scale * scale
    variance = np.concatenate(
        [_decayed(starts[first], added[first : end - 1]) for first, end in pairwise(ends)]
    )
    return np.maximum(np.sqrt(variance), 1.0)


def _decayed(start: float, added: np.ndarray) -> list[float]:
    """Return `start` and what it becomes as it decays by a day's share before each sum."""
    return list(accumulate(added.tolist(), lambda before, new: _DECAY * before + new, initial=float(start)))


def _idle(history: TraderHistory, rows: np.ndarray) -> np.ndarray:
    idle = np.zeros(len(rows))
    idle[1:] = rows[1:] - history.day - 1
    return idle


def _tilts(desk: DeskHistory, paths: TradePaths) -> Iterator[np.ndarray]:
    """Yield each trader's log of size after losing over size after winning trades, trailing 20 days."""
    ends = np.searchsorted(paths.trader, np.arange(len(desk.traders) + 1))
    for history, (first, end) in zip(desk.traders, pairwise(ends.tolist()), strict=True):
        yield _tilt(
            history, paths.day[first:end], paths.net_cents[first:end], paths.notional_cents[first:end]
        )


def _tilt(history: TraderHistory, day: np.ndarray, net: np.ndarray, size: np.ndarray) -> np.ndarray:
    again = day[1:] == day[:-1]
    bounds = np.searchsorted(day[1:], [history.day, history.day + 1])
    after = [_mean_size(size[1:], again & sign, bounds) for sign in (net[:-1] < 0, net[:-1] > 0)]
    known = (after[0] > 0) & (after[1] > 0)
    return np.log(np.divide(after[0], after[1], out=np.ones(len(history) + 1), where=known))


def _mean_size(size: np.ndarray, chosen: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the trailing mean size of the `chosen` trades; 0 where there are too few.

    `bounds` are the first trades of each active day and those after its last.
    """
    counts, totals = (
        _trailing_sum(_between(values, bounds), config.TILT_WINDOW_DAYS)
        for values in (chosen, np.where(chosen, size, 0))
    )
    known = counts >= config.TILT_MIN_TRADES
    return np.divide(totals, counts, out=np.zeros(len(counts)), where=known)


def _between(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    first, end = np.concatenate([[0], np.cumsum(values)])[bounds]
    return end - first


# --- the desk -----------------------------------------------------------------------------
def _desk_features(
    desk: DeskHistory, scale: np.ndarray, stretches: Sequence[slice], rows: np.ndarray
) -> np.ndarray:
    """Return losers, result and spread of the desk's last session before each row, (n, 3)."""
    day = _joined((h.day for h in desk.traders), np.int64)
    loss = _joined((measures.is_loss(h.net_cents, h.base_cents) for h in desk.traders), bool)
    units = (h.net_cents / scale[s][:-1] for h, s in zip(desk.traders, stretches, strict=True))
    unit = np.clip(_joined(units, float), -config.FEATURE_CLIP, config.FEATURE_CLIP)
    at = day - day.min(initial=desk.position)
    count = np.maximum(np.bincount(at), 1)
    mean = np.bincount(at, unit) / count
    spread = np.sqrt(np.bincount(at, (unit - mean[at]) ** 2) / count)
    losers = np.bincount(at, loss) / count
    sessions = np.unique(day)
    table = np.column_stack([losers, mean, spread])[sessions - day.min(initial=desk.position)]
    return np.vstack([np.zeros(3), table])[np.searchsorted(sessions, rows)]


def _desk_size(desk: DeskHistory, rows: np.ndarray) -> np.ndarray:
    """Return how many traders were active in the sessions just before each row."""
    sessions = np.unique(rows)
    size = np.zeros(len(sessions), dtype=np.int64)
    for history in desk.traders:
        first = np.searchsorted(history.day, sessions - config.DESK_SIZE_SESSIONS)
        size += np.searchsorted(history.day, sessions) > first
    return size[np.searchsorted(sessions, rows)]
