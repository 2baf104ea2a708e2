"""The days of a demo desk as the domain sees them, straight from its generator."""

from __future__ import annotations

import numpy as np

from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.sources.demo import TRADERS, DemoDesk
from tests.builders import CALENDAR, SESSION, desk_history


def demo_days(seed: int) -> tuple[DeskHistory, TradePaths]:
    """Return the three years before `SESSION` of a demo desk, its base limits in force throughout."""
    demo = DemoDesk(CALENDAR, seed=seed)
    first = CALENDAR.position(SESSION) - len(demo.sessions())
    days = [
        (trader, first + index, day.gross - day.fees, day.quantity * day.entry)
        for index in range(len(demo.sessions()))
        for trader, day in demo._trader_days(index).items()
    ]
    days.sort(key=lambda day: day[:2])
    counts = [len(net) for _, _, net, _ in days]
    paths = TradePaths(
        trader=np.repeat([trader for trader, *_ in days], counts),
        day=np.repeat([day for _, day, *_ in days], counts),
        net_cents=np.concatenate([net for *_, net, _ in days]),
        notional_cents=np.concatenate([notional for *_, notional in days]),
    )
    limits = [limit.base_limit_cents for limit in demo.base_limits()]
    return desk_history(*(_history(i, limits[i], days) for i in range(len(TRADERS)))), paths


def _history(trader: int, base_cents: int, days: list) -> TraderHistory:
    own = [day for day in days if day[0] == trader]
    base = np.full(len(own), base_cents)
    return TraderHistory(
        trader_id=TRADERS[trader][0],
        day=np.array([day for _, day, *_ in own]),
        net_cents=np.array([net.sum() for *_, net, _ in own]),
        base_cents=base,
        applied_cents=base,
        assumed=np.ones(len(own), dtype=bool),
        trades=np.array([len(net) for *_, net, _ in own]),
        volume_cents=np.array([notional.sum() for *_, notional in own]),
    )
