"""The arithmetic of one morning's pooled model in bare numpy: no records, no reasons, no censoring.

It says the same numbers as `riskops.challenger` on a desk whose base limits never changed, that
was never stopped short of them and of which every trade is known, and is what its overhead is
measured against. Order statistics of growing windows are those of `riskops.windows`.
"""

from __future__ import annotations

import numpy as np

from riskops import windows
from riskops.history import DeskHistory, TradePaths
from tests.benchmarks import bare_rules
from tests.benchmarks.desks import BASE_CENTS

LEVELS = np.arange(10, 81, 10)
DECAY = 0.5 ** (1 / 10)
WEIGHTS = np.column_stack([np.interp(np.arange(81), np.append(0, LEVELS), u) for u in np.eye(9)[1:]])


def morning(desk: DeskHistory, paths: TradePaths) -> list[tuple]:
    """Return for each trader: reduction, risk, gain and its standard error in USD."""
    rules = bare_rules.morning(desk)
    traders = len(desk.traders)
    ends = np.cumsum([len(history) + 1 for history in desk.traders])
    day = np.concatenate([np.append(history.day, desk.position) for history in desk.traders])
    trader = np.repeat(np.arange(traders), np.diff(ends, prepend=0))
    today = np.zeros(len(day), dtype=bool)
    today[ends - 1] = True
    features, scale = _features(desk, paths, day, ends)
    features[~today, 15] = np.concatenate([walk[0] for *_, walk in rules]) / 100
    features[today, 15] = np.array([raw for raw, *_ in rules]) / 100
    cut = np.zeros(len(day), dtype=np.int64)
    cut[~today] = np.concatenate([walk[1] for *_, walk in rules])
    cut[today] = np.array([reduction for _, reduction, *_ in rules])
    confirmed = np.zeros(len(day), dtype=bool)
    confirmed[~today] = np.concatenate([walk[2] for *_, walk in rules])
    confirmed[today] = np.array([bool(levels.any()) for _, _, levels, *_ in rules])
    starts = np.append(0, ends[:-1])
    novice = np.arange(len(day)) - starts[trader] < 20
    sessions, at = np.unique(day, return_inverse=True)
    size = np.zeros(len(sessions), dtype=np.int64)
    for history in desk.traders:
        size += np.searchsorted(history.day, sessions) > np.searchsorted(history.day, sessions - 20)

    past = np.flatnonzero(~today)
    net = np.concatenate([history.net_cents for history in desk.traders])
    benefits = _benefits(paths, trader[past], day[past], net) / scale[past][:, None]
    order = past[np.argsort(day[past], kind="stable")]
    back = np.empty(len(day), dtype=np.int64)
    back[past] = np.arange(len(past))
    x = np.column_stack([np.ones(len(order)), features[order]])
    y = np.clip(benefits[back[order]], -4, 4)
    known_day = day[order]
    large = (net * 5 <= -2 * BASE_CENTS)[back[order]].astype(float)

    ranked = np.concatenate([order, np.flatnonzero(today)])
    week = day[ranked] // 5
    first = np.flatnonzero(np.diff(week, prepend=-1))
    level, gain = np.zeros(len(day), dtype=np.int64), np.zeros(len(day))
    both = np.column_stack([x, y])
    day_first = np.flatnonzero(np.diff(known_day, prepend=-1))
    by_day = np.empty((len(day_first), 17, 25))
    for i, (a, b) in enumerate(zip(day_first, np.append(day_first[1:], len(x)), strict=True)):
        np.matmul(x[a:b].T, both[a:b], out=by_day[i])
    until = np.concatenate([np.zeros((1, 17, 25)), np.cumsum(by_day, axis=0)])
    days_known = known_day[day_first]
    for a, b in zip(first, np.append(first[1:], len(ranked)), strict=True):
        rows = ranked[a:b]
        end = week[a] * 5 - 5
        count = np.searchsorted(days_known, end)
        joint = until[count]
        n = joint[0, 0]
        if count < 60 or n < 250:
            continue
        variance = np.diagonal(joint[1:, 1:17]) / n - (joint[0, 1:17] / n) ** 2
        variance = np.where(variance > 1e-12, variance, 1.0)
        inverse = np.linalg.inv(joint[:, :17] + np.diag(np.append(0.0, 0.1 * n * variance)))
        weights = inverse @ joint[:, 17:]
        off = np.vstack([-weights, np.eye(8)])
        scores = (by_day[:count].reshape(-1, 25) @ off).reshape(count, 136)
        meat = (scores.T @ scores * (count / (count - 1))).reshape(17, 8, 17, 8).transpose(0, 2, 1, 3)
        values = features[rows] @ weights[1:] + weights[0]
        pulls = features[rows] @ inverse[1:] + inverse[0]
        half = (pulls @ meat.reshape(17, 1088)).reshape(-1, 17, 64)
        covariances = np.matmul(pulls[:, None], half).reshape(-1, 8, 8)
        base = WEIGHTS[cut[rows]]
        gains = values - (values * base).sum(axis=1, keepdims=True)
        mixed = np.matmul(covariances, base[:, :, None])[:, :, 0]
        between = (mixed * base).sum(axis=1, keepdims=True)
        errors = np.sqrt(np.maximum(np.diagonal(covariances, axis1=1, axis2=2) + between - 2 * mixed, 0))
        allowed = (cut[rows][:, None] < LEVELS) & (confirmed[rows][:, None] | (LEVELS <= 40))
        allowed &= ~novice[rows][:, None] & (gains - errors > 0)
        gains = np.where(allowed, gains, -np.inf)
        best = gains.argmax(axis=1)
        most = gains[np.arange(len(rows)), best]
        level[rows] = np.where(np.isfinite(most), LEVELS[best], 0)
        gain[rows] = np.where(np.isfinite(most), most, 0) * scale[rows] / 100

    eased_until = np.zeros(traders, dtype=np.int64)
    reduction = cut.copy()
    session_first = np.flatnonzero(np.diff(day[ranked], prepend=-1))
    for a, b in zip(session_first, np.append(session_first[1:], len(ranked)), strict=True):
        rows = ranked[a:b]
        here = trader[rows]
        eased = np.maximum(eased_until - 20 * day[rows[0]], 0)
        asking = np.flatnonzero(level[rows] > 0)
        if not len(asking) and not eased.any():
            continue
        own = eased[here]
        carried = own > cut[rows]
        fresh = asking[~carried[asking]]
        taken = carried.sum() + (eased > 0).sum() - (own > 0).sum()
        free = max(int(0.3 * size[at[rows]].max() + 1e-9) - int(taken), 0)
        chosen = fresh[np.argsort(-gain[rows][fresh], kind="stable")[:free]]
        raised = np.zeros(len(rows), dtype=np.int64)
        raised[chosen] = level[rows][chosen]
        again = asking[carried[asking]]
        raised[again] = level[rows][again]
        reduction[rows] = np.maximum(np.maximum(cut[rows], own), raised)
        up = np.flatnonzero(raised)
        eased_until[here[up]] = np.maximum(eased_until[here[up]], 20 * day[rows[0]] + raised[up])

    rows = ends - 1
    count = np.searchsorted(known_day, desk.position // 5 * 5 - 5)
    risk_weights = _logistic(x[:count], large[:count])
    risk = 1 / (1 + np.exp(-(features[rows] @ risk_weights[1:] + risk_weights[0])))
    contrast = WEIGHTS[reduction[rows]] - WEIGHTS[cut[rows]]
    usd = scale[rows] / 100
    expected = ((features[rows] @ weights[1:] + weights[0]) * contrast).sum(axis=1) * usd
    spread = (
        np.sqrt(np.maximum(np.einsum("nr,nrs,ns->n", contrast, covariances[-traders:], contrast), 0)) * usd
    )
    return list(zip(reduction[rows].tolist(), risk, expected, spread, strict=True))


def _features(desk: DeskHistory, paths: TradePaths, day: np.ndarray, ends: np.ndarray) -> tuple:
    every_day = np.concatenate([history.day for history in desk.traders])
    every_net = np.concatenate([history.net_cents for history in desk.traders])
    order = np.argsort(every_day, kind="stable")
    sessions, first = np.unique(every_day[order], return_index=True)
    pool = windows.interquartile_range(every_net[order], np.append(first, len(order))) / 1.349
    pool = np.where(pool > 0, pool, 140_000.0)
    features, scale = np.zeros((len(day), 16)), np.empty(len(day))
    trades_end = np.searchsorted(paths.trader, np.arange(len(desk.traders) + 1))
    for i, history in enumerate(desk.traders):
        rows = slice(ends[i] - len(history) - 1, ends[i])
        net, base, here = history.net_cents, history.base_cents, day[rows]
        n = np.arange(len(net) + 1)
        own = windows.interquartile_range(net, n) / 1.349
        own = (n * own + 20 * pool[np.searchsorted(sessions, here)]) / (n + 20)
        scale[rows] = own = np.maximum(own, 0.01 * BASE_CENTS)
        variance = [float(own[0] ** 2)]
        for added in ((1 - DECAY) * net.astype(float) ** 2).tolist():
            variance.append(DECAY * variance[-1] + added)
        volatility = np.maximum(np.sqrt(np.array(variance)), 1.0)
        running = np.cumsum(bare_rules._trailing(net, 20, 0, 0), axis=1)
        peak = running.max(axis=1, initial=0)
        lost = net * 100 < -base
        losses = np.cumsum(lost)
        streak = losses - np.maximum.accumulate(np.where(net * 100 > base, losses, 0))
        total = np.concatenate([[0], np.cumsum(np.maximum(-net, 0))])
        recent_from = np.maximum(n[1:] - 5, 0)
        recent = (total[1:] - total[recent_from]) / np.minimum(n[1:], 5)
        days = np.clip(n[1:] - 5, 0, 60)
        usual = (total[recent_from] - total[np.maximum(recent_from - 60, 0)]) / np.maximum(days, 1)
        columns = features[rows]
        columns[1:, 0] = net / own[1:]
        columns[:, 1] = _sums(net, 5) / own
        columns[1:, 2] = streak
        columns[1:, 3] = (peak - running[:, -1]) / (20 * base + peak)
        usual_volatility = np.append(volatility[:1], windows.trailing_median(volatility[:-1], 60))
        columns[:, 4] = np.log(volatility / usual_volatility)
        columns[:, 5] = 1
        np.divide(recent, usual, out=columns[1:, 5], where=(days >= 20) & (usual > 0))
        columns[:, 6] = _sums(lost, 20) / np.clip(n, 1, 20)
        columns[:, 7] = _sums(net * 5 <= -2 * base, 5)
        for column, values in ((8, history.trades), (9, history.volume_cents / 100)):
            columns[1:, column] = np.log((values + 1) / (windows.trailing_median(values, 20) + 1))
        own_trades = slice(trades_end[i], trades_end[i + 1])
        columns[:, 10] = _tilt(
            history.day, paths.day[own_trades], paths.net_cents[own_trades], paths.notional_cents[own_trades]
        )
        columns[1:, 11] = np.log1p(here[1:] - history.day - 1)
    before = np.delete(scale, ends - 1)
    unit = np.clip(every_net / before, -8, 8)
    at = every_day - every_day.min()
    count = np.maximum(np.bincount(at), 1)
    mean = np.bincount(at, unit) / count
    spread = np.sqrt(np.bincount(at, (unit - mean[at]) ** 2) / count)
    losers = np.bincount(at, every_net * 100 < -BASE_CENTS) / count
    table = np.vstack([np.zeros(3), np.column_stack([losers, mean, spread])[sessions - every_day.min()]])
    features[:, 12:15] = table[np.searchsorted(sessions, day)]
    return np.clip(features, -8, 8, out=features), scale


def _sums(values: np.ndarray, window: int) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(values)])
    return total - total[np.maximum(np.arange(len(total)) - window, 0)]


def _tilt(days: np.ndarray, day: np.ndarray, net: np.ndarray, size: np.ndarray) -> np.ndarray:
    again = day[1:] == day[:-1]
    first, end = np.searchsorted(day[1:], [days, days + 1])
    means = []
    for chosen in (again & (net[:-1] < 0), again & (net[:-1] > 0)):
        count = np.concatenate([[0], np.cumsum(chosen)])
        total = np.concatenate([[0], np.cumsum(np.where(chosen, size[1:], 0))])
        counts, totals = _sums(count[end] - count[first], 20), _sums(total[end] - total[first], 20)
        means.append(np.divide(totals, counts, out=np.zeros(len(counts)), where=counts >= 10))
    known = (means[0] > 0) & (means[1] > 0)
    return np.log(np.divide(means[0], means[1], out=np.ones(len(known)), where=known))


def _benefits(paths: TradePaths, trader: np.ndarray, day: np.ndarray, net: np.ndarray) -> np.ndarray:
    row = np.searchsorted(trader * (1 << 32) + day, paths.trader * (1 << 32) + paths.day)
    total = np.cumsum(paths.net_cents)
    first = np.flatnonzero(np.diff(row, prepend=-1))
    running = total - np.repeat((total - paths.net_cents)[first], np.diff(first, append=len(row)))
    falling = running - row * (int(np.ptp(running)) + 1)
    new = np.append(True, falling[1:] < np.minimum.accumulate(falling)[:-1])
    row, low = row[new], running[new]
    outcomes = []
    for cut in (0, *LEVELS.tolist()):
        limit = BASE_CENTS if cut == 0 else max(BASE_CENTS * (100 - cut) // 500_000 * 5_000, BASE_CENTS // 5)
        hits = np.flatnonzero(low <= -limit)
        hits = hits[np.flatnonzero(np.diff(row[hits], prepend=-1))]
        outcome = net.astype(float)
        outcome[row[hits]] = low[hits]
        outcomes.append(outcome)
    return np.column_stack(outcomes[1:]) - outcomes[0][:, None]


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    weights, penalty = np.zeros(17), np.append(0.0, x[:, 1:].var(axis=0) / 0.02)
    for _ in range(50):
        chance = (1 + np.tanh(x @ weights / 2)) / 2
        gradient = (chance - y) @ x + penalty * weights
        if np.abs(gradient).max() <= 1e-11 * len(y):
            break
        halves = x * np.sqrt(chance * (1 - chance))[:, None]
        weights = weights - np.linalg.solve(halves.T @ halves + np.diag(penalty), gradient)
    return weights
