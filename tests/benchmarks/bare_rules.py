"""The arithmetic of one morning's rules in bare numpy: no records, no words, no base limit that changes.

It says the same numbers as `riskops.champion` on a desk whose base limits never changed, and is
what its overhead is measured against.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from riskops.history import DeskHistory, TraderHistory

HELD = 3  # the rung from which a lived reduction gives way to what the rules ask for


def morning(desk: DeskHistory) -> list[tuple]:
    """Return what the rules say, trader by trader.

    That is: raw and relaxed reduction, the fired levels, the smallest extra loss that raises the cut,
    how often a large loss followed each rule, and the walk over the active days.
    """
    return [_trader(desk, history) for history in desk.traders]


def _trader(desk: DeskHistory, history: TraderHistory) -> tuple:
    net, day, base = history.net_cents, history.day, history.base_cents
    index = np.arange(len(net))
    running = np.cumsum(_trailing(net, 20, 0, 0), axis=1)
    peak, cum = running.max(axis=1, initial=0), running[:, -1]
    total = np.concatenate([[0], np.cumsum(np.maximum(-net, 0))])
    recent_from = np.maximum(index + 1 - 5, 0)
    recent, baseline = (
        total[1:] - total[recent_from],
        total[recent_from] - total[np.maximum(recent_from - 60, 0)],
    )
    days = np.clip(index + 1 - 5, 0, 60)
    window = _trailing(net.astype(float), 60, 5, np.inf)
    median = _median(window, days)
    mad = _median(np.abs(window - median[:, None]), days)
    losses = np.cumsum(net * 100 < -base)
    streak = losses - np.maximum.accumulate(np.where(net * 100 > base, losses, 0))
    returned = np.append(True, np.diff(day) - 1 > 10)
    since_gap = index - np.maximum.accumulate(np.where(returned, index, 0)) + 1
    state = (day, net, base, history.applied_cents, index + 1, since_gap, streak, peak, cum)
    state += (recent, np.minimum(index + 1, 5), baseline, days, median, mad)

    position = np.arange(day[0] - 4, desk.position + 1)
    active = np.searchsorted(day, position)
    limit = base[-1]
    known = tuple(column[np.maximum(active - 1, 0)] for column in state)
    levels = np.where(active[:, None] < 1, 0, _levels(known, position, limit))
    raw = _combined(levels, active)
    asked = _asked(raw, position, desk.lived.get(history.trader_id, {}))
    reduction, alone = _relaxed(asked), _relaxed(raw)

    fired = levels[day - position[0]] > 0
    large = net * 5 <= -2 * base
    followed = [(int((fired[:, rule] & large).sum()), int(fired[:, rule].sum())) for rule in range(5)]
    flip = _flip(desk, history, state, raw, position, active, limit)
    at = day - position[0]
    walk = raw[at], alone[at], levels[at].any(axis=1)
    return int(raw[-1]), int(reduction[-1]), levels[-1], flip, followed, walk


def _flip(desk, history, state, raw, position, active, limit) -> int | None:
    net, base = history.net_cents, history.base_cents
    lived = {p: r for p, r in desk.lived.get(history.trader_id, {}).items() if p >= position[-5]}
    last = np.flatnonzero(active[-5:] == len(net))
    before = np.cumsum(net[-20:])[:-1].max(initial=0)
    streak = state[6][-2] if len(net) > 1 else 0

    def cuts(extra: np.ndarray) -> np.ndarray:
        known = [np.full(len(extra), column[-1]) for column in state]
        known[1] = net[-1] - extra
        known[6] = np.where(known[1] * 100 > base[-1], 0, streak + (known[1] * 100 < -base[-1]))
        known[8] = state[8][-1] - extra
        known[7] = np.maximum(before, known[8])
        known[9] = state[9][-1] - max(-net[-1], 0) + np.maximum(-known[1], 0)
        known = [np.tile(column, len(last)) for column in known]
        levels = _levels(known, np.repeat(position[-5:][last], len(extra)), limit)
        asked = np.tile(raw[-5:, None], len(extra))
        asked[last] = _combined(levels, np.full(len(levels), len(net))).reshape(len(last), -1)
        return _relaxed(_asked(asked, position[-5:], lived))[-1]

    low, high = 0, 1_000 * int(np.abs(net).sum() + limit)
    today, worst = cuts(np.array([0, high]))
    if today >= 80 or worst <= today:
        return None
    while high - low > 1:
        count = min(255, high - low - 1)
        tried = low + (high - low) * np.arange(1, count + 1) // (count + 1)
        at = int((cuts(tried) <= today).sum())
        low, high = int(tried[at - 1]) if at else low, int(tried[at]) if at < count else high
    return high


def _levels(known, position: np.ndarray, limit: int) -> np.ndarray:
    day, net, base, applied, active, since_gap, streak, peak, cum, recent, recent_days = known[:11]
    baseline, days, median, mad = known[11:]
    ago = position - day
    soon = ago <= 5
    comparable = (since_gap >= 5) & (ago - 1 <= 10) & (active >= 10)
    levels = np.zeros((len(position), 5), dtype=np.int64)
    levels[:, 0] = np.where(((net <= -base) | (net * 10 < -11 * applied)) & soon, 40, 0)
    levels[:, 1] = np.where(streak >= 5, 50, np.where(streak >= 3, 30, 0))
    lost, capital = peak - cum, 20 * limit + peak
    levels[:, 2] = np.where(4 * lost > capital, 60, np.where(100 * lost > 15 * capital, 40, 0))
    wild = (recent * days > 2 * baseline * recent_days) & (days >= 20)
    levels[:, 3] = np.where(wild & comparable, 25, 0)
    large = (net * 5 <= -2 * base) & (net < median - 3 * mad) & (days >= 15)
    levels[:, 4] = np.where(large & soon & comparable, 20, 0)
    return levels


def _combined(levels: np.ndarray, active: np.ndarray) -> np.ndarray:
    fired, highest = (levels > 0).sum(axis=1), levels.max(axis=1)
    capped = np.where((fired == 1) & (levels[:, 2] < 60), np.minimum(highest, 40), highest)
    combined = np.minimum(capped + 10 * np.maximum(fired - 2, 0), 80)
    return np.maximum(combined, np.where(active < 10, np.minimum(np.maximum(highest, 20), 80), 0))


def _asked(raw: np.ndarray, position: np.ndarray, lived) -> np.ndarray:
    asked = raw.copy()
    for session, record in lived.items():
        if record.rung < HELD:
            asked[session - position[0]] = record.reduction
    return asked


def _relaxed(asked: np.ndarray) -> np.ndarray:
    relaxed = asked.copy()
    for back in (1, 2, 3, 4):
        relaxed[back:] = np.maximum(relaxed[back:], asked[:-back] - 20 * back)
    return relaxed


def _trailing(values: np.ndarray, size: int, skip: int, fill: float) -> np.ndarray:
    padded = np.concatenate([np.full(size + skip, fill, dtype=values.dtype), values])
    return sliding_window_view(padded, size)[1 : len(values) + 1]


def _median(window: np.ndarray, days: np.ndarray) -> np.ndarray:
    ordered, row = np.sort(window, axis=1), np.arange(len(window))
    middle = (ordered[row, np.maximum(days - 1, 0) // 2] + ordered[row, days // 2]) / 2
    return np.where(days > 0, middle, 0.0)
