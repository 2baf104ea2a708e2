"""What restores a limit, and how close the next cut is: the rules, inverted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from math import ceil

import numpy as np

from riskops import config
from riskops.money import at_least, at_most
from riskops.records import Rule
from riskops.rules import Situation, drawdown_of, mean_downsides_cents

CLAUSE_BREAK = "; "
_TRIED_AT_ONCE = 255  # extra losses


def way_back(at: Situation, fired: Iterable[Rule], reduction: int, raw_reduction: int) -> str:
    """Say in plain words what restores the limit, empty where nothing is cut.

    One clause a signal, apart by `CLAUSE_BREAK`; amounts of $100 and more are rounded to dollars so
    that what is asked for suffices.

    Parameters
    ----------
    at
        The trader's morning; its row is -1 where there is no active day yet.
    fired
        The rules that fired.
    reduction, raw_reduction
        Percent of the base limit after and before relaxation.
    """
    if reduction == 0:
        return ""
    clauses = [_INVERSES[rule](at) for rule in fired]
    clauses += _probation(at) + _easing(at, reduction, raw_reduction)
    return CLAUSE_BREAK.join(clauses)


def flip_distance_cents(cuts_after: Callable[[np.ndarray], np.ndarray], most_cents: int) -> int | None:
    """Return the smallest extra loss on the last active day that would raise the cut.

    Parameters
    ----------
    cuts_after
        The reductions after extra losses in cents; never falls as the loss grows.
    most_cents
        The largest extra loss to consider.

    Returns
    -------
    int or None
        Cents, exact; ``None`` where even the largest extra loss raises nothing.
    """
    today, worst = cuts_after(np.array([0, most_cents])).tolist()
    if today >= config.MAX_REDUCTION or worst <= today:
        return None
    harmless, raising = 0, most_cents
    while raising - harmless > 1:
        tried = _between(harmless, raising)
        raised = int((cuts_after(tried) <= today).sum())
        harmless, raising = np.concatenate([[harmless], tried, [raising]])[raised : raised + 2].tolist()
    return raising


def _between(low: int, high: int) -> np.ndarray:
    """Return whole numbers evenly between two."""
    count = min(_TRIED_AT_ONCE, high - low - 1)
    return low + (high - low) * np.arange(1, count + 1) // (count + 1)


def _breach(at: Situation) -> str:
    return f"limit breach: counts until the next active day without one, gone by {_expiry(at)} at the latest"


def _large_loss(at: Situation) -> str:
    return f"large loss: counts until the next calmer active day, gone by {_expiry(at)} at the latest"


def _expiry(at: Situation) -> str:
    first_free = int(at.known.day) + config.RECENT_SESSIONS + 1
    return at.calendar.session_at(first_free).isoformat()


def _streak(at: Situation) -> str:
    needed = Fraction(at.base_cents) * Fraction(config.NOISE_SHARE_OF_BASE)
    return f"loss streak: one day above +{at_least(ceil(needed))} ends it"


def _drawdown(at: Situation) -> str:
    numerator, denominator = drawdown_of(at)
    needed = {
        percent: gain
        for percent in (config.DEEP_DRAWDOWN_PERCENT, config.DRAWDOWN_PERCENT)
        if (gain := _gain_cents(numerator, denominator, percent)) > 0
    }
    gains = ", ".join(f"{at_least(gain)} of gains bring it to {percent}%" for percent, gain in needed.items())
    return f"drawdown: {gains}, and losses leave it after {config.DRAWDOWN_WINDOW_DAYS} active days"


def _gain_cents(numerator: int, denominator: int, percent: Decimal) -> int:
    return ceil(numerator - Fraction(percent) / 100 * denominator)


def _volatility(at: Situation) -> str:
    _, usual = mean_downsides_cents(at)
    most = at_most(int(usual * Fraction(config.VOLATILITY_RATIO)))
    days = config.VOLATILITY_RECENT_DAYS
    return f"volatility: {days} active days that lose at most {most} a day on average end it"


def _probation(at: Situation) -> list[str]:
    missing = config.PROBATION_DAYS - (int(at.known.active_days) if at.row >= 0 else 0)
    if missing <= 0:
        return []
    days = "day" if missing == 1 else "days"
    return [f"probation ends after {missing} more active {days}"]


def _easing(at: Situation, reduction: int, raw_reduction: int) -> list[str]:
    if reduction <= min(raw_reduction, config.RELIEF_PER_SESSION):
        return []
    if reduction <= raw_reduction:
        return [f"then at most {config.RELIEF_PER_SESSION} points of the cut end with each session"]
    sessions = ceil((reduction - raw_reduction) / config.RELIEF_PER_SESSION)
    day = at.calendar.session_at(at.position + sessions).isoformat()
    return [f"easing: back to {raw_reduction}% by {day} if nothing new fires"]


_INVERSES: dict[Rule, Callable[[Situation], str]] = {
    Rule.BREACH: _breach,
    Rule.STREAK: _streak,
    Rule.DRAWDOWN: _drawdown,
    Rule.VOLATILITY: _volatility,
    Rule.LARGE_LOSS: _large_loss,
}
