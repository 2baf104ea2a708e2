"""The champion's five rules: which fire, how strongly, and why in words.

`fired_levels` is the rules themselves, on arrays; `signals` puts words and numbers to what fired
on one morning. Both see only a row of `riskops.measures`, the session's position and its base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from riskops import config
from riskops.measures import Measures
from riskops.money import dollars
from riskops.records import Rule, Signal
from riskops.sessions import TradingCalendar
from riskops.thresholds import TODAY, Thresholds

Numbers = dict[str, float | int | str]


@dataclass(frozen=True, eq=False)
class Situation:
    """One trader on one morning: the row known then, the session's position and its base limit."""

    measures: Measures
    row: int
    position: int
    base_cents: int
    calendar: TradingCalendar

    @property
    def known(self) -> Measures:
        """The measures of the row, as scalars."""
        return self.measures.at(self.row)

    @property
    def last_active(self) -> str:
        """The date of the last active day, ISO."""
        return self.calendar.session_at(int(self.known.day)).isoformat()


def fired_levels(
    measures: Measures,
    rows: np.ndarray,
    positions: np.ndarray,
    base_cents: np.ndarray,
    thresholds: Thresholds = TODAY,
) -> np.ndarray:
    """Return the level of every rule on every given morning, 0 where it does not fire.

    Parameters
    ----------
    measures
        The trader's measures.
    rows
        Row of the last active day before each session, -1 before the first one.
    positions
        Calendar position of each session.
    base_cents
        Base limit in force on each session: the drawdown's capital rests on it. The other
        thresholds use the base of the day they look at.
    thresholds
        The numbers to compare with; today's, except where somebody asks what others would do.

    Returns
    -------
    numpy.ndarray
        Integer levels in percent, shape (len(rows), 5), in the order of `Rule`.
    """
    if len(measures) == 0:
        return np.zeros((len(rows), len(Rule)), dtype=np.int64)
    known = measures.at(np.maximum(rows, 0))
    ago = positions - known.day
    columns = {
        Rule.BREACH: _breach(known, ago, thresholds),
        Rule.STREAK: _streak(known, thresholds),
        Rule.DRAWDOWN: _drawdown(known, base_cents, thresholds),
        Rule.VOLATILITY: _volatility(known, ago, thresholds),
        Rule.LARGE_LOSS: _large_loss(known, ago, thresholds),
    }
    levels = np.column_stack([columns[rule] for rule in Rule])
    return np.where(rows[:, None] < 0, 0, levels)


def _breach(known: Measures, ago: np.ndarray, than: Thresholds) -> np.ndarray:
    breached = _beyond_base(known, than) | _beyond_applied(known, than)
    return np.where(breached & _is_recent(ago), than.breach_level, 0)


def _beyond_base(known: Measures, than: Thresholds) -> np.ndarray:
    numerator, denominator = than.breach_of_base.as_integer_ratio()
    return known.net_cents * denominator <= -numerator * known.base_cents


def _beyond_applied(known: Measures, than: Thresholds) -> np.ndarray:
    numerator, denominator = than.breach_of_applied.as_integer_ratio()
    return known.net_cents * denominator < -numerator * known.applied_cents


def _streak(known: Measures, than: Thresholds) -> np.ndarray:
    short = np.where(known.streak >= than.streak_days, than.streak_level, 0)
    return np.where(known.streak >= than.long_streak_days, than.long_streak_level, short)


def _drawdown(known: Measures, base_cents: np.ndarray, than: Thresholds) -> np.ndarray:
    lost = known.peak_cents - known.cum_cents
    capital = than.drawdown_capital_multiple * base_cents + known.peak_cents
    shallow = np.where(_exceeds(lost, capital, than.drawdown_percent), than.drawdown_level, 0)
    deep = _exceeds(lost, capital, than.deep_drawdown_percent)
    return np.where(deep, than.deep_drawdown_level, shallow)


def _exceeds(lost: np.ndarray, capital: np.ndarray, percent: Decimal) -> np.ndarray:
    numerator, denominator = percent.as_integer_ratio()
    return 100 * denominator * lost > numerator * capital


def _volatility(known: Measures, ago: np.ndarray, than: Thresholds) -> np.ndarray:
    numerator, denominator = than.volatility_ratio.as_integer_ratio()
    recent = known.recent_downside_cents * known.baseline_days * denominator
    usual = known.baseline_downside_cents * known.recent_days * numerator
    enough = known.baseline_days >= config.VOLATILITY_MIN_BASELINE_DAYS
    return np.where((recent > usual) & enough & _is_comparable(known, ago), than.volatility_level, 0)


def _large_loss(known: Measures, ago: np.ndarray, than: Thresholds) -> np.ndarray:
    unusual = known.net_cents < large_loss_threshold_cents(known)
    enough = known.baseline_days >= config.LARGE_LOSS_MIN_BASELINE_DAYS
    fires = is_large_loss(known.net_cents, known.base_cents, than.large_loss_of_base) & unusual & enough
    return np.where(fires & _is_recent(ago) & _is_comparable(known, ago), than.large_loss_level, 0)


def is_large_loss(
    net_cents: np.ndarray, base_cents: np.ndarray, of_base: Decimal = config.LARGE_LOSS_OF_BASE
) -> np.ndarray:
    """Say which results are large losses: at or below -40 % of the base limit of their day."""
    numerator, denominator = of_base.as_integer_ratio()
    return net_cents * denominator <= -numerator * base_cents


def large_loss_threshold_cents(known: Measures) -> np.ndarray:
    """Return median - 3 raw MAD of the baseline: a result below it is unusual for the trader."""
    return known.baseline_median_cents - config.LARGE_LOSS_MADS * known.baseline_mad_cents


def _is_recent(ago: np.ndarray) -> np.ndarray:
    return ago <= config.RECENT_SESSIONS


def _is_comparable(known: Measures, ago: np.ndarray) -> np.ndarray:
    """Say where the baseline describes the trader: not on probation, not fresh from a long gap."""
    settled = known.days_since_gap >= config.GAP_RECOVERY_DAYS
    return settled & ~is_gap(ago) & (known.active_days >= config.PROBATION_DAYS)


def is_gap(ago: np.ndarray | int) -> np.ndarray:
    """Say whether more than 10 idle sessions lie between a session and one `ago` sessions before."""
    return np.asarray(ago) - 1 > config.GAP_SESSIONS


def signals(
    measures: Measures, row: int, position: int, base_cents: int, calendar: TradingCalendar
) -> tuple[Signal, ...]:
    """Return the fired rules of one morning with their reasons, in the order of `Rule`.

    Parameters
    ----------
    measures
        The trader's measures.
    row
        Row of the last active day before the session, -1 without any.
    position
        Calendar position of the session.
    base_cents
        Base limit in force on the session.
    calendar
        Names the dates.
    """
    levels = fired_levels(measures, np.array([row]), np.array([position]), np.array([base_cents]))[0]
    at = Situation(measures, row, position, base_cents, calendar)
    fired = [(rule, int(level)) for rule, level in zip(Rule, levels, strict=True) if level > 0]
    return tuple(Signal(rule, level, *_WORDS[rule](at)) for rule, level in fired)


def drawdown_of(at: Situation) -> tuple[int, int]:
    """Return numerator and denominator of DD% / 100, in cents: what the peak lost, what it had."""
    known = at.known
    capital = config.DRAWDOWN_CAPITAL_MULTIPLE * at.base_cents
    return int(known.peak_cents - known.cum_cents), capital + int(known.peak_cents)


def _breach_words(at: Situation) -> tuple[str, Numbers]:
    known = at.known
    net = int(known.net_cents)
    limit = int(known.applied_cents if _beyond_applied(known, TODAY) else known.base_cents)
    reason = f"Limit breached: {dollars(net)} against {dollars(limit)} on {at.last_active}"
    return reason, {"net_cents": net, "limit_cents": limit, "session": at.last_active}


def _streak_words(at: Situation) -> tuple[str, Numbers]:
    days = int(at.known.streak)
    name = "Extended loss streak" if days >= config.LONG_STREAK_DAYS else "Loss streak"
    return f"{name} ({days} days)", {"days": days}


def _drawdown_words(at: Situation) -> tuple[str, Numbers]:
    numerator, denominator = drawdown_of(at)
    percent = float(100 * Fraction(numerator, denominator))
    numbers: Numbers = {
        "percent": percent,
        "numerator_cents": numerator,
        "denominator_cents": denominator,
        "window_days": min(int(at.known.active_days), config.DRAWDOWN_WINDOW_DAYS),
    }
    return f"Drawdown {percent:.1f}%", numbers


def _volatility_words(at: Situation) -> tuple[str, Numbers]:
    recent, usual = mean_downsides_cents(at)
    compared = f"{float(recent / usual):.1f}x its baseline" if usual else "none in its baseline"
    numbers: Numbers = {
        "recent_downside_cents": float(recent),
        "baseline_downside_cents": float(usual),
        "baseline_days": int(at.known.baseline_days),
    }
    return f"Volatility spike (downside {dollars(round(recent))} a day, {compared})", numbers


def mean_downsides_cents(at: Situation) -> tuple[Fraction, Fraction]:
    """Return the mean downside of the last five active days and that of the baseline, in cents."""
    known = at.known
    recent = Fraction(int(known.recent_downside_cents), int(known.recent_days))
    return recent, Fraction(int(known.baseline_downside_cents), int(known.baseline_days))


def _large_loss_words(at: Situation) -> tuple[str, Numbers]:
    net = int(at.known.net_cents)
    numbers: Numbers = {
        "net_cents": net,
        "base_cents": int(at.known.base_cents),
        "threshold_cents": float(large_loss_threshold_cents(at.known)),
        "session": at.last_active,
    }
    return f"Large single-day loss ({dollars(net)} on {at.last_active})", numbers


_WORDS: dict[Rule, Callable[[Situation], tuple[str, Numbers]]] = {
    Rule.BREACH: _breach_words,
    Rule.STREAK: _streak_words,
    Rule.DRAWDOWN: _drawdown_words,
    Rule.VOLATILITY: _volatility_words,
    Rule.LARGE_LOSS: _large_loss_words,
}
