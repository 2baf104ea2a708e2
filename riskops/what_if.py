"""The rules with other numbers, replayed as a complete policy and set against today's.

Relaxation, caps and rounding are included, so a number is judged by what it would have changed and
not by the days it fires on. All of it is hindsight, and nothing is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskops import challenger, champion, config, economics, fixed_sample, policies
from riskops.economics import Bounds, Replay
from riskops.features import Panel
from riskops.history import DeskHistory, TradePaths
from riskops.policies import Days, Figures
from riskops.thresholds import TODAY, Thresholds


@dataclass(frozen=True, eq=False)
class Played:
    """What the rules would have decided on every active day: reductions in percent, limits in cents."""

    reduction: np.ndarray
    limit_cents: np.ndarray


@dataclass(frozen=True, eq=False)
class Ground:
    """The days that are replayed, how they went trade by trade, and what today's rules decided."""

    desk: DeskHistory
    panel: Panel
    replayed: Replay
    days: Days
    today: Played

    @property
    def day(self) -> np.ndarray:
        """The calendar position of every active day."""
        return self.panel.mornings.day


@dataclass(frozen=True, eq=False)
class Worths:
    """What several settings were worth against today's, in USD, a column of `daily` each.

    `daily` has shape (sessions, settings); `least` and `most` are what treated days leave of each
    total.
    """

    daily: np.ndarray
    least: np.ndarray
    most: np.ndarray


def ground(desk: DeskHistory, paths: TradePaths, sessions: int | None = None) -> Ground:
    """Return the ground on the last so many sessions with results, or on all."""
    walk = champion.walk(desk)
    learned = challenger.learn(desk, paths, walk)
    day = learned.panel.mornings.day
    known = np.unique(day)[0 if sessions is None else -sessions :]
    days = Days(np.isin(day, known), known)
    return Ground(desk, learned.panel, learned.replayed, days, _joined(desk, walk))


def play(desk: DeskHistory, thresholds: Thresholds = TODAY) -> Played:
    """Return what the rules would have decided with other numbers."""
    return _joined(desk, champion.walk(desk, thresholds))


def shares(rows: np.ndarray, played: Played) -> Figures:
    """Return the restricted (20 % or more) and the above-40 % share of the marked days, with counts."""
    cut = played.reduction[rows]
    every = np.ones_like(cut)
    return {
        **policies.rate("restricted_share", cut >= config.MODERATE_FROM, every),
        **policies.rate("immediate_share", cut > config.IMMEDIATE_ABOVE, every),
    }


def worth(on: Ground, setting: Played) -> Bounds:
    """Return what a setting was worth against today's limits, in cents a day.

    A limit looser than the day's base limit meets days that were stopped there: these are treated
    like days that a limit of ours has stopped.
    """
    days = on.replayed.days
    loosest = np.maximum(days.reference_cents, setting.limit_cents)
    replayed = on.replayed
    if (loosest > days.reference_cents).any():
        replayed = replace(on.replayed, days=replace(days, reference_cents=loosest))
    return economics.benefit(replayed, setting.limit_cents, on.today.limit_cents)


def worths(on: Ground, settings: Sequence[Played]) -> Worths:
    """Return what each setting was worth against today's rules."""
    found = [worth(on, setting) for setting in settings]
    rows = on.days.rows
    return Worths(
        daily=np.column_stack([on.days.daily(on.day, own.middle / 100) for own in found]),
        least=np.array([own.low[rows].sum() / 100 for own in found]),
        most=np.array([own.high[rows].sum() / 100 for own in found]),
    )


def figures(found: Worths) -> list[Figures]:
    """Return total, chance and bounds of each setting, in USD, among all that were tried.

    ``_low`` and ``_high`` are the 95 % day-block bootstrap interval of a setting looked at by
    itself. ``_surely_low`` and ``_surely_high`` hold for all settings at once (the largest
    studentised deviation of a resample): who picks the best of many has to look at these.
    They are left out on a handful of sessions.

    References
    ----------
    White (2000), A reality check for data snooping. Romano and Wolf (2005), Stepwise multiple
    testing as formalized data snooping.
    """
    totals = found.daily.sum(axis=0)
    plain = [
        {"benefit_usd": float(total), "benefit_least_usd": float(least), "benefit_most_usd": float(most)}
        for total, least, most in zip(totals, found.least, found.most, strict=True)
    ]
    if len(found.daily) <= config.BOOTSTRAP_BLOCK_DAYS:
        return plain
    ends = zip(*_alone(found.daily), *_together(found.daily), strict=True)
    names = ("low", "high", "surely_low", "surely_high")
    return [
        own | {f"benefit_{name}_usd": float(end) for name, end in zip(names, values, strict=True)}
        for own, values in zip(plain, ends, strict=True)
    ]


def _joined(desk: DeskHistory, walk: dict[str, champion.RulesWalk]) -> Played:
    own = [walk[trader.trader_id] for trader in desk.traders if len(trader)]
    empty = np.empty(0, dtype=np.int64)
    return Played(
        np.concatenate([empty, *(w.reduction for w in own)]),
        np.concatenate([empty, *(w.limit_cents for w in own)]),
    )


def _resampled(daily: np.ndarray) -> np.ndarray:
    return fixed_sample.resampled_sessions(len(daily)) @ daily


def _alone(daily: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.quantile(_resampled(daily), [0.025, 0.975], axis=0)
    return low, high


def _together(daily: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ends that hold for all columns at once in 95 % of the resamples."""
    drawn, totals = _resampled(daily), daily.sum(axis=0)
    error = drawn.std(axis=0)
    varies = error > 0
    if not varies.any():
        return totals, totals
    deviation = np.abs(drawn[:, varies] - totals[varies]) / error[varies]
    reach = np.quantile(deviation.max(axis=1), 0.95) * error
    return totals - reach, totals + reach
