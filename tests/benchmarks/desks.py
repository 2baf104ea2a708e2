"""Desks of any size for the benchmarks, drawn without a loop over their trader-days."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from riskops import champion
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import LivedReduction, Rung
from tests.builders import CALENDAR, SESSION, desk_history

TODAY = CALENDAR.position(SESSION)
BASE_CENTS = 500_000
ACTIVE_SHARE = 0.85
SMALL, LARGE = (15, 750), (1_500, 1_250)
TRADES_A_DAY, FEW_TRADES_A_DAY = 30, 2  # a large desk with all its trades would fill the memory
LIVED_SESSIONS = 250


@lru_cache(maxsize=4)
def drawn_desk(
    traders: int, sessions: int, trades_a_day: int = TRADES_A_DAY, seed: int = 1
) -> tuple[DeskHistory, TradePaths]:
    """Draw a desk that ends the session before `SESSION`; results are symmetric, volatility clusters."""
    rng = np.random.default_rng(seed)
    drawn = [_drawn_trader(rng, index, sessions, trades_a_day) for index in range(traders)]
    histories = tuple(history for history, _ in drawn)
    net = np.concatenate([trades for _, trades in drawn])
    counts = [len(history) * trades_a_day for history in histories]
    paths = TradePaths(
        trader=np.repeat(np.arange(traders), counts),
        day=np.concatenate([np.repeat(history.day, trades_a_day) for history in histories]),
        net_cents=net,
        notional_cents=rng.integers(500_000, 1_500_000, len(net)),
    )
    return desk_history(*histories), paths


def _drawn_trader(
    rng: np.random.Generator, index: int, sessions: int, trades_a_day: int
) -> tuple[TraderHistory, np.ndarray]:
    day = TODAY - sessions + np.flatnonzero(rng.random(sessions) < ACTIVE_SHARE)
    level = np.convolve(rng.standard_normal(len(day) + 30), 0.13 * 0.94 ** np.arange(31), mode="valid")
    size = rng.uniform(800, 3_000) * 100 * np.exp(level) / trades_a_day**0.5
    trades = np.round(rng.standard_normal((len(day), trades_a_day)) * size[:, None]).astype(np.int64)
    running = np.cumsum(trades, axis=1)
    stopped_before = np.cumsum(running <= -BASE_CENTS, axis=1) - (running <= -BASE_CENTS) > 0
    trades[stopped_before] = 0
    base = np.full(len(day), BASE_CENTS)
    history = TraderHistory(
        trader_id=f"{10_000 + index}",
        day=day,
        net_cents=trades.sum(axis=1),
        base_cents=base,
        applied_cents=base,
        assumed=np.ones(len(day), dtype=bool),
        trades=rng.poisson(30, len(day)),
        volume_cents=rng.integers(50_000_000, 150_000_000, len(day)),
    )
    return history, trades.ravel()


def lived_desk() -> tuple[DeskHistory, TradePaths]:
    """Return the small desk with a year of mornings on record, on which the rules decided."""
    desk, paths = drawn_desk(*SMALL)
    walks = champion.walk(desk)
    lived = {history.trader_id: _lived(history, walks[history.trader_id]) for history in desk.traders}
    return replace(desk, lived=lived), paths


def _lived(history: TraderHistory, walk: champion.RulesWalk) -> dict[int, LivedReduction]:
    decided = zip(history.day.tolist(), walk.reduction.tolist(), walk.limit_cents.tolist(), strict=True)
    return {
        position: LivedReduction(
            trader_id=history.trader_id,
            session=CALENDAR.session_at(position),
            reduction=reduction,
            limit_cents=limit,
            base_limit_cents=BASE_CENTS,
            rung=Rung.RULES,
        )
        for position, reduction, limit in decided
        if position >= TODAY - LIVED_SESSIONS
    }
