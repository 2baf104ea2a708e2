"""What is known of the desk at a cut-off, as arrays the domain computes on.

Only active days appear: sessions on which a trader closed a trade or carried a position.
Days are calendar positions (see `riskops.sessions`), so a difference counts sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date

import numpy as np

from riskops.records import LivedReduction
from riskops.sessions import TradingCalendar, trading_calendar


@dataclass(frozen=True, eq=False)
class TraderHistory:
    """The active days of one trader, ascending.

    All arrays have one entry an active day: `day` calendar position, `net_cents` the daily
    result, `base_cents` the base limit of that day, `applied_cents` the limit really in force,
    `assumed` whether that is only assumed to have been the base, `trades` how many were closed,
    `volume_cents` their traded notional.
    """

    trader_id: str
    day: np.ndarray
    net_cents: np.ndarray
    base_cents: np.ndarray
    applied_cents: np.ndarray
    assumed: np.ndarray
    trades: np.ndarray
    volume_cents: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def before(self, position: int) -> TraderHistory:
        """Return the active days strictly before the session at `position`."""
        return self.first(int(np.searchsorted(self.day, position)))

    def first(self, count: int) -> TraderHistory:
        """Return the oldest `count` active days."""
        arrays = {name: getattr(self, name)[:count] for name in _ARRAYS}
        return replace(self, **arrays)


_ARRAYS = tuple(f.name for f in fields(TraderHistory) if f.name != "trader_id")


@dataclass(frozen=True, eq=False)
class TradePaths:
    """The closed trades behind the daily results, ordered by (trader, day, close, id).

    One entry a trade: `trader` index into `DeskHistory.traders`, `day` calendar position,
    `net_cents`, `notional_cents` (traded value, at least 0).
    """

    trader: np.ndarray
    day: np.ndarray
    net_cents: np.ndarray
    notional_cents: np.ndarray


def _exchange() -> TradingCalendar:
    return trading_calendar("XNYS")


@dataclass(frozen=True, eq=False)
class DeskHistory:
    """Every trader of the roster with what is known before the session at `position`.

    `base_limits[trader_id]` is the schedule of base limits: ascending (calendar position from
    which it holds, cents). `lived[trader_id]` maps calendar positions to what was in force on
    sessions whose mail left. `names` maps trader ids to display names. `absent` are traders with
    a history who get no limit for this session (left, suspended): they inform, nobody scores them.
    `calendar` turns positions into the dates that reasons and the way back name.
    """

    position: int
    session: date
    traders: tuple[TraderHistory, ...]
    names: Mapping[str, str]
    base_limits: Mapping[str, tuple[tuple[int, int], ...]]
    lived: Mapping[str, Mapping[int, LivedReduction]]
    absent: frozenset[str] = frozenset()
    calendar: TradingCalendar = field(default_factory=_exchange)

    def base_cents(self, trader_id: str, position: int) -> int:
        """Return the scheduled base limit of a trader on the session at `position`, in cents."""
        schedule = self.base_limits[trader_id]
        in_force = [cents for start, cents in schedule if start <= position]
        return in_force[-1] if in_force else schedule[0][1]
