"""Small desks in the words of the domain: results in dollars, one active day after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import LivedReduction
from riskops.sessions import trading_calendar

SESSION = date(2026, 3, 16)  # a Monday
CALENDAR = trading_calendar("XNYS")


def trader_history(
    results_usd: Sequence[float],
    *,
    trader_id: str = "3942",
    base_usd: float | Sequence[float] = 5_000,
    session: date = SESSION,
    last_active_ago: int = 1,
    days: Sequence[int] | None = None,
    applied_usd: Sequence[float] | None = None,
    trades: Sequence[int] | None = None,
    volume_usd: Sequence[float] | None = None,
) -> TraderHistory:
    """Build active days on consecutive sessions that end `last_active_ago` sessions before `session`."""
    count = len(results_usd)
    last = CALENDAR.position(session) - last_active_ago
    positions = np.arange(last - count + 1, last + 1) if days is None else np.asarray(days)
    base = _cents(np.broadcast_to(np.asarray(base_usd, dtype=float), count))
    return TraderHistory(
        trader_id=trader_id,
        day=positions.astype(np.int64),
        net_cents=_cents(results_usd),
        base_cents=base,
        applied_cents=base if applied_usd is None else _cents(applied_usd),
        assumed=np.full(count, applied_usd is None),
        trades=np.asarray(trades if trades is not None else [10] * count, dtype=np.int64),
        volume_cents=_cents(volume_usd if volume_usd is not None else [100_000] * count),
    )


def desk_history(
    *traders: TraderHistory,
    session: date = SESSION,
    base_limits: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    lived: Mapping[str, Mapping[int, LivedReduction]] | None = None,
) -> DeskHistory:
    """Build a desk of `traders`; base limits default to the oldest base of each history."""
    default = {t.trader_id: ((0, int(t.base_cents[0]) if len(t) else 500_000),) for t in traders}
    given = {k: tuple(v) for k, v in (base_limits or {}).items()}
    return DeskHistory(
        position=CALENDAR.position(session),
        session=session,
        traders=tuple(traders),
        names={t.trader_id: f"Trader {t.trader_id}" for t in traders},
        base_limits=default | given,
        lived=lived or {},
        calendar=CALENDAR,
    )


def trade_paths(days: Sequence[tuple[int, int, Sequence[float]]]) -> TradePaths:
    """Build paths from (trader index, calendar position, trade results in USD) in order."""
    rows = [(trader, day, usd) for trader, day, results in days for usd in results]
    return TradePaths(
        trader=np.array([r[0] for r in rows], dtype=np.int64),
        day=np.array([r[1] for r in rows], dtype=np.int64),
        net_cents=_cents([r[2] for r in rows]),
        notional_cents=_cents([10_000] * len(rows)),
    )


def _cents(usd: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.round(np.asarray(usd, dtype=float) * 100).astype(np.int64)


_QUIET_USD = (
    *(620, -980, 1_410, -1_350, 840, -1_520, 1_180, -1_160, 1_940, -1_690),
    *(650, -880, 1_320, -1_230, 1_590, -1_460, 940, -1_280, 1_480, -1_020),
)


def trader_3942() -> list[float]:
    """Return 95 daily results in USD that end in a five-day loss streak and a drawdown of 18.2 %."""
    quiet = [*_QUIET_USD, *_QUIET_USD, *_QUIET_USD, *_QUIET_USD[:15]]
    sliding = [-1_250, -1_080, 520, -1_420, -1_110, 360, -1_540, -1_560, 410, -1_680]
    lower = [-1_530, 280, -1_610, -1_390, 340]
    streak = [-1_240, -1_080, -1_150, -1_290, -1_180]
    return [float(usd) for usd in [*quiet, *sliding, *lower, *streak]]


def trader_3951() -> list[float]:
    """Return 96 daily results in USD that are quiet until a three-day loss streak."""
    quiet = [*_QUIET_USD, *_QUIET_USD, *_QUIET_USD, *_QUIET_USD, *_QUIET_USD[:13]]
    return [float(usd) for usd in [*quiet, -640, -870, -450]]
