"""The numbers of each fired rule that its reason does not tell: the cut it asks for, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from riskops.money import whole_dollars
from riskops.records import Rule, Signal
from riskops.report.wording import printable

Numbers = Mapping[str, float | int | str]


def signal_lines(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Return one remark a signal, in the order of the reasons."""
    return tuple(printable(_line(signal)) for signal in signals)


def _line(signal: Signal) -> str:
    asked = f"{_NAMES[signal.rule]} {signal.level}%"
    rests_on = _RESTS_ON.get(signal.rule)
    return asked if rests_on is None else f"{asked} ({rests_on(signal.numbers)})"


def _usd(numbers: Numbers, name: str) -> str:
    return whole_dollars(float(numbers[name]))


def _drawdown(numbers: Numbers) -> str:
    lost, capital = _usd(numbers, "numerator_cents"), _usd(numbers, "denominator_cents")
    return f"{lost} of {capital} in {numbers['window_days']} active days"


def _volatility(numbers: Numbers) -> str:
    return f"baseline {_usd(numbers, 'baseline_downside_cents')} a day in {numbers['baseline_days']} days"


def _large_loss(numbers: Numbers) -> str:
    return f"usual down to {_usd(numbers, 'threshold_cents')}"


_NAMES = {
    Rule.BREACH: "Breach",
    Rule.STREAK: "Streak",
    Rule.DRAWDOWN: "Drawdown",
    Rule.VOLATILITY: "Volatility",
    Rule.LARGE_LOSS: "Large loss",
}
_RESTS_ON: dict[Rule, Callable[[Numbers], str]] = {
    Rule.DRAWDOWN: _drawdown,
    Rule.VOLATILITY: _volatility,
    Rule.LARGE_LOSS: _large_loss,
}
