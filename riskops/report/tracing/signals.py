"""The numbers of the rules that fired: the cut each asks for, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from riskops.money import dollars, whole_dollars
from riskops.records import Decision, Rule, Signal
from riskops.report.material import Material
from riskops.report.tracing.traced import Row, Traced, named, row

Numbers = Mapping[str, float | int | str]


def signal_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield every number of a trader's fired rules, rule by rule."""
    for signal in material.background.signals.get(decision.trader_id, ()):
        at, asked = _at(decision, signal, "level"), _LEVELS[signal.rule]()
        yield Traced(signal.reason, f"{signal.level}%", asked, (at,))
        yield from (
            Traced(f"{_called(signal)}: {label}", value, how, (_at(decision, signal, f"numbers.{name}"),))
            for name, label, value, how in _RESTS_ON[signal.rule](signal.numbers, decision)
        )


def _called(signal: Signal) -> str:
    return signal.rule.value.replace("_", " ").capitalize()


def _at(decision: Decision, signal: Signal, column: str) -> Row:
    return row("signals", column, trader_id=decision.trader_id, rule=signal.rule.value)


Told = tuple[str, str, str, str]  # name of the number, what it is, as printed, how it was computed


def _breach(numbers: Numbers, decision: Decision) -> list[Told]:
    net, limit = int(numbers["net_cents"]), int(numbers["limit_cents"])
    fires = (
        f"fires at {named('BREACH_OF_BASE')} x the base limit or below {named('BREACH_OF_APPLIED')} x "
        "the limit in force"
    )
    return [
        ("net_cents", "result", dollars(net), f"the last active day; {fires}"),
        ("limit_cents", "limit", dollars(limit), "the limit of that day which the result is beyond"),
        ("session", "day", str(numbers["session"]), f"counts for {named('RECENT_SESSIONS')} sessions"),
    ]


def _streak(numbers: Numbers, decision: Decision) -> list[Told]:
    how = (
        f"losses in a row; below -{named('NOISE_SHARE_OF_BASE')} x the base limit of the day is a loss, a "
        "gain above the same ends the streak, what lies between neither counts nor ends it"
    )
    return [("days", "days", f"{numbers['days']} days", how)]


def _drawdown(numbers: Numbers, decision: Decision) -> list[Told]:
    lost, of = int(numbers["numerator_cents"]), int(numbers["denominator_cents"])
    capital = f"{named('DRAWDOWN_CAPITAL_MULTIPLE')} x the base limit"
    return [
        (
            "percent",
            "percent",
            f"{float(numbers['percent']):.1f}%",
            f"100 x {dollars(lost)} / {dollars(of)}; fires above {named('DRAWDOWN_PERCENT')}, deep above "
            f"{named('DEEP_DRAWDOWN_PERCENT')}",
        ),
        (
            "numerator_cents",
            "lost from the peak",
            whole_dollars(lost),
            f"highest less last of the results summed up over the window, {dollars(lost)}",
        ),
        (
            "denominator_cents",
            "capital and peak",
            whole_dollars(of),
            f"{capital} {dollars(decision.base_limit_cents)}, and the peak of the summed results, together "
            f"{dollars(of)}",
        ),
        (
            "window_days",
            "window",
            f"{numbers['window_days']} active days",
            f"the last active days, {named('DRAWDOWN_WINDOW_DAYS')} at the most",
        ),
    ]


def _volatility(numbers: Numbers, decision: Decision) -> list[Told]:
    recent, usual = float(numbers["recent_downside_cents"]), float(numbers["baseline_downside_cents"])
    mean = "mean of max(0, -result) over"
    return [
        (
            "recent_downside_cents",
            "recent downside a day",
            dollars(round(recent)),
            f"{mean} the last {named('VOLATILITY_RECENT_DAYS')} active days",
        ),
        *([_times_baseline(recent, usual)] if usual else []),
        (
            "baseline_downside_cents",
            "baseline a day",
            whole_dollars(usual),
            f"{mean} the baseline's days, {dollars(round(usual))}",
        ),
        (
            "baseline_days",
            "baseline",
            f"{numbers['baseline_days']} days",
            f"the active days before the recent ones, {named('BASELINE_DAYS')} at the most, at least "
            f"{named('VOLATILITY_MIN_BASELINE_DAYS')}",
        ),
    ]


def _times_baseline(recent: float, usual: float) -> Told:
    how = f"{dollars(round(recent))} / {dollars(round(usual))}; fires above {named('VOLATILITY_RATIO')}"
    return ("recent_downside_cents", "times the baseline", f"{recent / usual:.1f}x", how)


def _large_loss(numbers: Numbers, decision: Decision) -> list[Told]:
    net, base, usual = (float(numbers[f"{name}_cents"]) for name in ("net", "base", "threshold"))
    return [
        (
            "net_cents",
            "result",
            dollars(round(net)),
            f"the last active day; at or below -{named('LARGE_LOSS_OF_BASE')} x its base limit "
            f"{dollars(round(base))} and below what is usual",
        ),
        ("session", "day", str(numbers["session"]), f"counts for {named('RECENT_SESSIONS')} sessions"),
        (
            "threshold_cents",
            "usual down to",
            whole_dollars(usual),
            f"median less {named('LARGE_LOSS_MADS')} x median absolute deviation of the baseline, "
            f"{dollars(round(usual))}; from {named('LARGE_LOSS_MIN_BASELINE_DAYS')} days on",
        ),
    ]


_RESTS_ON: dict[Rule, Callable[[Numbers, Decision], list[Told]]] = {
    Rule.BREACH: _breach,
    Rule.STREAK: _streak,
    Rule.DRAWDOWN: _drawdown,
    Rule.VOLATILITY: _volatility,
    Rule.LARGE_LOSS: _large_loss,
}
_LEVELS: dict[Rule, Callable[[], str]] = {
    Rule.BREACH: lambda: f"the cut it asks for: {named('BREACH_LEVEL')}",
    Rule.STREAK: lambda: (
        f"the cut it asks for: {named('STREAK_LEVEL')} from {named('STREAK_DAYS')} days on, "
        f"{named('LONG_STREAK_LEVEL')} from {named('LONG_STREAK_DAYS')} on"
    ),
    Rule.DRAWDOWN: lambda: (
        f"the cut it asks for: {named('DRAWDOWN_LEVEL')}, deep {named('DEEP_DRAWDOWN_LEVEL')}"
    ),
    Rule.VOLATILITY: lambda: f"the cut it asks for: {named('VOLATILITY_LEVEL')}",
    Rule.LARGE_LOSS: lambda: f"the cut it asks for: {named('LARGE_LOSS_LEVEL')}",
}
