"""Small seeded desks, simulated trade by trade, for tests of the model and the comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from riskops import champion
from riskops.history import DeskHistory, TradePaths
from tests.builders import CALENDAR, SESSION, desk_history, trader_history

TRADES_A_DAY = 12
NO_TRADES = TradePaths(*(np.empty(0, dtype=np.int64),) * 4)


def simulated_desk(
    traders: int = 6, days: int = 200, *, tilt: float = 0.0, seed: int = 1, share: float = 0.85
) -> tuple[DeskHistory, TradePaths]:
    """Simulate a desk that ends the session before `SESSION`.

    Results are symmetric with clustered volatility, so a limit gains nothing on average; with
    `tilt` a day after two losing days loses that many usual days more. Stops are enforced at the
    base limit.
    """
    rng = np.random.default_rng(seed)
    first = CALENDAR.position(SESSION) - days
    histories, trades = [], []
    for index in range(traders):
        scale = float(rng.uniform(800, 3_000))
        base = max(500, round(2.5 * scale / 500) * 500)
        active = first + np.flatnonzero(rng.random(days) < share)
        paths = _trader_days(rng, len(active), scale, base, tilt)
        results = [float(path.sum()) / 100 for path in paths]
        counts = [len(path) for path in paths]
        histories.append(
            trader_history(results, trader_id=f"{3_900 + index}", base_usd=base, days=active, trades=counts)
        )
        trades += [(index, int(day), path) for day, path in zip(active, paths, strict=True)]
    return desk_history(*histories), _paths(trades, rng)


def with_changed_results(
    desk: DeskHistory, paths: TradePaths, from_position: int
) -> tuple[DeskHistory, TradePaths]:
    """Return the desk with every result, path and limit from a position on turned around."""
    histories = []
    for history in desk.traders:
        later = history.day >= from_position
        histories.append(
            replace(
                history,
                net_cents=np.where(later, -3 * history.net_cents - 11_100, history.net_cents),
                trades=np.where(later, 5 * history.trades, history.trades),
                volume_cents=np.where(later, 7 * history.volume_cents, history.volume_cents),
            )
        )
    later = paths.day >= from_position
    changed = replace(
        paths,
        net_cents=np.where(later, -3 * paths.net_cents, paths.net_cents),
        notional_cents=np.where(later, 7 * paths.notional_cents, paths.notional_cents),
    )
    return replace(desk, traders=tuple(histories)), changed


def truncated(desk: DeskHistory, paths: TradePaths, position: int) -> tuple[DeskHistory, TradePaths]:
    """Return what was known of the desk on the morning of the session at `position`."""
    earlier = paths.day < position
    known = TradePaths(
        paths.trader[earlier], paths.day[earlier], paths.net_cents[earlier], paths.notional_cents[earlier]
    )
    histories = tuple(history.before(position) for history in desk.traders)
    session = CALENDAR.session_at(position)
    return replace(desk, position=position, session=session, traders=histories), known


def reversed_desk(desk: DeskHistory, paths: TradePaths) -> tuple[DeskHistory, TradePaths]:
    """Return the same desk with its traders listed the other way round."""
    index = len(desk.traders) - 1 - paths.trader
    order = np.argsort(index, kind="stable")
    turned = TradePaths(index[order], paths.day[order], paths.net_cents[order], paths.notional_cents[order])
    return replace(desk, traders=desk.traders[::-1]), turned


def stopped_live(
    desk: DeskHistory, paths: TradePaths, cut: int | None = None
) -> tuple[DeskHistory, TradePaths]:
    """Return the desk as if the rules' limits had really been in force on its last 60 sessions.

    With `cut` whoever the rules cut was cut by that many percent instead.
    """
    walk, histories, keep = champion.walk(desk), [], np.ones(len(paths.day), dtype=bool)
    for index, history in enumerate(desk.traders):
        limit = walk[history.trader_id].limit_cents
        if cut is not None:
            limit = np.where(limit < history.base_cents, history.base_cents * (100 - cut) // 100, limit)
        applied = np.where(history.day >= desk.position - 60, limit, history.base_cents)
        net = history.net_cents.copy()
        for row in np.flatnonzero(applied < history.base_cents):
            trades = np.flatnonzero((paths.trader == index) & (paths.day == history.day[row]))
            running = np.cumsum(paths.net_cents[trades])
            hit = np.flatnonzero(running <= -applied[row])
            if len(hit):
                net[row] = running[hit[0]]
                keep[trades[hit[0] + 1 :]] = False
        histories.append(replace(history, net_cents=net, applied_cents=applied))
    kept = TradePaths(paths.trader[keep], paths.day[keep], paths.net_cents[keep], paths.notional_cents[keep])
    return replace(desk, traders=tuple(histories)), kept


def _trader_days(
    rng: np.random.Generator, count: int, scale: float, base: float, tilt: float
) -> list[np.ndarray]:
    paths, level, losses = [], 0.0, 0
    for _ in range(count):
        level = 0.94 * level + 0.13 * rng.standard_normal()
        steps = rng.standard_normal(TRADES_A_DAY) * scale * np.exp(level) / TRADES_A_DAY**0.5
        if losses >= 2:
            steps = steps - tilt * scale / TRADES_A_DAY
        path = _stopped(np.round(steps * 100).astype(np.int64), int(base * 100))
        losses = losses + 1 if path.sum() < 0 and losses < 4 else 0
        paths.append(path)
    return paths


def _stopped(trades: np.ndarray, base_cents: int) -> np.ndarray:
    hit = np.flatnonzero(np.cumsum(trades) <= -base_cents)
    return trades[: hit[0] + 1] if len(hit) else trades


def _paths(trades: list[tuple[int, int, np.ndarray]], rng: np.random.Generator) -> TradePaths:
    net = np.concatenate([np.empty(0, dtype=np.int64), *(path for _, _, path in trades)])
    return TradePaths(
        trader=np.repeat([t for t, _, _ in trades], [len(p) for _, _, p in trades]).astype(np.int64),
        day=np.repeat([d for _, d, _ in trades], [len(p) for _, _, p in trades]).astype(np.int64),
        net_cents=net,
        notional_cents=rng.integers(500_000, 1_500_000, len(net)),
    )
