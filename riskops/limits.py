"""From signals to a limit: combination, probation, relaxation, holds and rounding.

Reductions are percent of the base limit, 0 to 80; money is in integer cents. Functions that
say so work on arrays as on single numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import overload

import numpy as np

from riskops import config
from riskops.records import LivedReduction, Rule, Rung

_DRAWDOWN = list(Rule).index(Rule.DRAWDOWN)


class Tier(StrEnum):
    """How urgent a cut is: exactly 40 % is moderate, more is immediate action."""

    IMMEDIATE = "immediate"
    MODERATE = "moderate"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Held:
    """A limit that stands on an earlier session because today's could not be computed.

    `held_from` is the calendar position of the session it stands on (``None`` on the floor) and
    `sessions` the consecutive held sessions, this one included.
    """

    rung: Rung
    base_cents: int
    reduction: int
    limit_cents: int
    held_from: int | None
    sessions: int


def tier(reduction: int) -> Tier:
    """Return the tier of a reduction."""
    if reduction > config.IMMEDIATE_ABOVE:
        return Tier.IMMEDIATE
    return Tier.MODERATE if reduction >= config.MODERATE_FROM else Tier.NORMAL


def combine(levels: np.ndarray, deep_level: int = config.DEEP_DRAWDOWN_LEVEL) -> np.ndarray:
    """Combine the levels of the five rules into one reduction a row.

    The highest level counts. A lone signal is capped at 40, except a deep drawdown, which twenty
    days confirm; from the third signal on each adds 10; never above 80.

    Parameters
    ----------
    levels
        Shape (n, 5) in the order of `Rule`, 0 where a rule did not fire.
    deep_level
        The level from which a drawdown is a deep one.

    Returns
    -------
    numpy.ndarray
        Reductions, shape (n,).
    """
    fired = (levels > 0).sum(axis=1)
    highest = levels.max(axis=1)
    is_deep = (levels[:, _DRAWDOWN] > 0) & (levels[:, _DRAWDOWN] >= deep_level)
    unconfirmed = (fired == 1) & ~is_deep
    capped = np.where(unconfirmed, np.minimum(highest, config.SINGLE_SIGNAL_CAP), highest)
    extra = config.EXTRA_SIGNAL_STEP * np.maximum(fired - config.EXTRA_SIGNALS_FROM + 1, 0)
    return np.minimum(capped + extra, config.MAX_REDUCTION)


def raw_reductions(
    levels: np.ndarray, active_days: np.ndarray, deep_level: int = config.DEEP_DRAWDOWN_LEVEL
) -> np.ndarray:
    """Return the reductions before relaxation: the combination.

    In probation it is at least 20 and at least the highest level: a lone signal is not capped.
    """
    uncapped = np.maximum(levels.max(axis=1), config.PROBATION_REDUCTION)
    least = np.where(in_probation(active_days), np.minimum(uncapped, config.MAX_REDUCTION), 0)
    return np.maximum(combine(levels, deep_level), least)


def in_probation(active_days: np.ndarray) -> np.ndarray:
    """Say for which counts of active days a trader is on probation."""
    return np.asarray(active_days) < config.PROBATION_DAYS


def is_rules_only(active_days: np.ndarray) -> np.ndarray:
    """Say for which counts of active days the model has no say."""
    return np.asarray(active_days) < config.RULES_ONLY_DAYS


def relax(asked: np.ndarray) -> np.ndarray:
    """Spread relief: a cut bites at once and goes by at most 20 points a session.

    Parameters
    ----------
    asked
        One entry a session, consecutive: the reduction in force where the session was lived,
        else the recomputed raw reduction.

    Returns
    -------
    numpy.ndarray
        ``max over k = 0..4 of asked[s - k] - 20 k`` for every session s.
    """
    relaxed = asked.copy()
    for back in range(1, config.RELAXATION_SESSIONS + 1):
        eased = asked[:-back] - config.RELIEF_PER_SESSION * back
        relaxed[back:] = np.maximum(relaxed[back:], eased)
    return relaxed


def eased_from(asked: np.ndarray) -> int | None:
    """Return how many sessions back the cut lies that the last session eases from.

    ``None`` where the last session's own `asked` decides. Of several cuts that ease to the same
    reduction the oldest one is the origin.
    """
    reduction = relax(asked)[-1]
    if reduction <= asked[-1]:
        return None
    reach = min(config.RELAXATION_SESSIONS, len(asked) - 1)
    origins = (k for k in range(reach, 0, -1) if asked[-1 - k] - config.RELIEF_PER_SESSION * k == reduction)
    return next(origins)


@overload
def limit_cents(base_cents: int, reduction: int) -> int: ...


@overload
def limit_cents(base_cents: np.ndarray, reduction: np.ndarray | int) -> np.ndarray: ...


def limit_cents(base_cents: int | np.ndarray, reduction: int | np.ndarray) -> int | np.ndarray:
    """Return the limit in cents: the cut base rounded down to $50, never below 20 % of the base.

    At 0 the base is not rounded. The minimum wins over the rounding. Works on arrays.
    """
    cut = base_cents * (100 - reduction) // (100 * config.LIMIT_STEP_CENTS) * config.LIMIT_STEP_CENTS
    least = -(-base_cents * (100 - config.MAX_REDUCTION) // 100)
    limits = np.where(np.equal(reduction, 0), base_cents, np.maximum(cut, least))
    return limits if limits.ndim else int(limits)


def base_in_force(scheduled_cents: int, previous_cents: int, reduction: int) -> int:
    """Return the base limit of a session: a lower one acts at once, a raise only without a cut.

    Parameters
    ----------
    scheduled_cents
        What the schedule of base limits says for the session.
    previous_cents
        The base in force on the session before.
    reduction
        The session's reduction, computed on the lower of the two.
    """
    if scheduled_cents <= previous_cents or reduction == 0:
        return scheduled_cents
    return previous_cents


def hold(lived: Mapping[int, LivedReduction], position: int, scheduled_cents: int) -> Held:
    """Return the limit of a session for which none could be computed.

    It stands on the last lived session before `position` that an engine decided and tightens by
    10 points a held session, by 20 at the most, never above 80 and never to more dollars than
    that session's limit. Without such a session: the floor of 50 %. A base raise waits. Neither is
    looser than what was in force last.
    """
    earlier = sorted((p for p in lived if p < position), reverse=True)
    base = min([scheduled_cents] + [lived[p].base_limit_cents for p in earlier[:1]])
    sessions = 1 + sum(1 for _ in takewhile(lambda p: lived[p].rung >= Rung.HOLD, earlier))
    last = [lived[p] for p in earlier[:1]]
    if sessions > len(earlier):
        return Held(Rung.FLOOR, base, *_at_least(base, config.FLOOR_REDUCTION, last), None, sessions)
    held_from = earlier[sessions - 1]
    step = min(config.HOLD_STEP * sessions, config.HOLD_MAX_STEP)
    asked = min(lived[held_from].reduction + step, config.MAX_REDUCTION)
    held = _at_least(base, asked, [*last, lived[held_from]])
    return Held(Rung.HOLD, base, *held, held_from, sessions)


def _at_least(base_cents: int, asked: int, past: Sequence[LivedReduction]) -> tuple[int, int]:
    """Return the reduction asked for and its limit, neither looser than in the past."""
    reduction = max([asked, *(one.reduction for one in past)])
    return reduction, min([limit_cents(base_cents, reduction), *(one.limit_cents for one in past)])
