"""The numbers behind each fired rule, in as few words as they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from riskops.money import whole_dollars
from riskops.records import Rule, Signal
from riskops.report.wording import printable

Numbers = Mapping[str, float | int | str]


def signal_lines(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Return one line a signal: what was measured, and the cut it asks for."""
    return tuple(printable(f"{_WORDS[s.rule](s.numbers)}: {s.level}%") for s in signals)


def _usd(numbers: Numbers, name: str) -> str:
    return whole_dollars(float(numbers[name]))


def _breach(numbers: Numbers) -> str:
    of = f"{_usd(numbers, 'net_cents')} against {_usd(numbers, 'limit_cents')}"
    return f"Limit breached, {of} on {numbers['session']}"


def _streak(numbers: Numbers) -> str:
    return f"Loss streak of {numbers['days']} days"


def _drawdown(numbers: Numbers) -> str:
    lost, capital = _usd(numbers, "numerator_cents"), _usd(numbers, "denominator_cents")
    return f"Drawdown {lost} of {capital} in {numbers['window_days']} days"


def _volatility(numbers: Numbers) -> str:
    recent, usual = _usd(numbers, "recent_downside_cents"), _usd(numbers, "baseline_downside_cents")
    return f"Downside {recent} a day, {usual} in the {numbers['baseline_days']} days before"


def _large_loss(numbers: Numbers) -> str:
    usual = f"usual down to {_usd(numbers, 'threshold_cents')}"
    return f"Large loss {_usd(numbers, 'net_cents')} on {numbers['session']}, {usual}"


_WORDS: dict[Rule, Callable[[Numbers], str]] = {
    Rule.BREACH: _breach,
    Rule.STREAK: _streak,
    Rule.DRAWDOWN: _drawdown,
    Rule.VOLATILITY: _volatility,
    Rule.LARGE_LOSS: _large_loss,
}
