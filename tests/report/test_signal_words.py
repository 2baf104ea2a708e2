"""The numbers behind the fired rules."""

from __future__ import annotations

from riskops.records import Rule, Signal
from riskops.report.signal_words import signal_lines


def test_every_rule_says_what_it_asks_for_and_what_it_rests_on():
    drawn = {
        "percent": 18.2,
        "numerator_cents": 1_890_000,
        "denominator_cents": 10_384_600,
        "window_days": 20,
    }
    restless = {"recent_downside_cents": 281_273.0, "baseline_downside_cents": 85_940.0, "baseline_days": 60}
    large = {"net_cents": -427_803, "base_cents": 500_000, "threshold_cents": -408_212.5, "session": "x"}
    fired = [
        Signal(Rule.BREACH, 40, "", {"net_cents": -1, "limit_cents": 1, "session": "x"}),
        Signal(Rule.STREAK, 50, "", {"days": 5}),
        Signal(Rule.DRAWDOWN, 40, "", drawn),
        Signal(Rule.VOLATILITY, 25, "", restless),
        Signal(Rule.LARGE_LOSS, 20, "", large),
    ]
    assert signal_lines(fired) == (
        "Breach 40%",
        "Streak 50%",
        "Drawdown 40% ($18,900 of $103,846 in 20 active days)",
        "Volatility 25% (baseline $859 a day in 60 days)",
        "Large loss 20% (usual down to -$4,082)",
    )
