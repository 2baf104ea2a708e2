from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.history import TraderHistory
from riskops.measures import measure
from riskops.records import Rule, Signal
from riskops.rules import fired_levels, signals
from tests.builders import CALENDAR, SESSION, trader_history

POSITION = CALENDAR.position(SESSION)
QUIET = [300, -300] * 20
RESULTS = st.lists(st.integers(-6_500, 5_000) | st.sampled_from([-2_000, -5_000]), min_size=1, max_size=80)


def fired(history: TraderHistory, position: int = POSITION, base_cents: int = 500_000) -> tuple[Signal, ...]:
    return signals(measure(history), len(history) - 1, position, base_cents, CALENDAR)


def rules_of(history: TraderHistory, position: int = POSITION) -> list[Rule]:
    return [signal.rule for signal in fired(history, position)]


def naive_levels(usd: list[int], ago: int) -> list[int]:
    """Say the rules again, in the words of their table, for consecutive days at a $5,000 base."""
    kept = [x for x in usd if abs(x) > 50]
    streak = next((i for i, x in enumerate(reversed(kept)) if x > 0), len(kept))
    cums = [sum(usd[-20:][:stop]) for stop in range(len(usd[-20:]) + 1)]
    drawdown = Fraction(100 * (max(cums) - cums[-1]), 100_000 + max(cums))
    recent, baseline, fresh = usd[-5:], usd[-65:-5], ago <= 5
    calm = len(usd) >= 10 and ago <= 11
    downside = [sum(max(0, -x) for x in days) / Fraction(len(days) or 1) for days in (recent, baseline)]
    middle = Fraction(median(baseline or [0]))
    spread = Fraction(median(abs(x - middle) for x in baseline or [0]))
    large = usd[-1] <= -2_000 and usd[-1] < middle - 3 * spread and len(baseline) >= 15
    return [
        40 if usd[-1] <= -5_000 and fresh else 0,
        50 if streak >= 5 else 30 if streak >= 3 else 0,
        60 if drawdown > 25 else 40 if drawdown > 15 else 0,
        25 if downside[0] > 2 * downside[1] and len(baseline) >= 20 and calm else 0,
        20 if large and fresh and calm else 0,
    ]


@settings(deadline=None, max_examples=150)
@given(RESULTS, st.sampled_from([1, 2, 5, 6, 11, 12]))
def test_the_rules_agree_with_their_naive_twin(usd: list[int], ago: int) -> None:
    history = trader_history(usd, last_active_ago=ago)
    row, position, base = np.array([len(usd) - 1]), np.array([POSITION]), np.array([500_000])
    assert fired_levels(measure(history), row, position, base)[0].tolist() == naive_levels(usd, ago)


@pytest.mark.parametrize(("net", "fires"), [(-5_000, True), (-4_999.99, False)])
def test_a_loss_of_exactly_the_base_limit_is_a_breach(net: float, fires: bool) -> None:
    assert (Rule.BREACH in rules_of(trader_history([*QUIET, net]))) is fires


@pytest.mark.parametrize(("net", "fires"), [(-2_750.01, True), (-2_750, False)])
def test_more_than_110_percent_of_the_applied_limit_is_a_breach(net: float, fires: bool) -> None:
    applied = [5_000] * 40 + [2_500]
    assert (Rule.BREACH in rules_of(trader_history([*QUIET, net], applied_usd=applied))) is fires


def test_a_breach_counts_for_five_sessions_and_ends_with_the_next_active_day() -> None:
    assert rules_of(trader_history([*QUIET, -5_250], last_active_ago=5))[0] is Rule.BREACH
    assert Rule.BREACH not in rules_of(trader_history([*QUIET, -5_250], last_active_ago=6))
    assert Rule.BREACH not in rules_of(trader_history([*QUIET, -5_250, 10]))


def test_a_drawdown_of_exactly_15_or_25_percent_is_not_above_it() -> None:
    at_15, above_15 = [-1_000, 20, -14_020], [-1_000, 20, -14_020.01]
    levels = [
        next((s.level for s in fired(trader_history(x)) if s.rule is Rule.DRAWDOWN), 0)
        for x in (at_15, above_15)
    ]
    assert levels == [0, 40]
    at_25, above_25 = [-1_000, 20, -24_020], [-1_000, 20, -24_020.01]
    levels = [
        next((s.level for s in fired(trader_history(x)) if s.rule is Rule.DRAWDOWN), 0)
        for x in (at_25, above_25)
    ]
    assert levels == [40, 60]


def test_the_capital_of_the_drawdown_rests_on_the_base_limit_of_the_session() -> None:
    history = trader_history([4_000, -8_000, 100])
    at_5_000 = fired(history, base_cents=500_000)
    at_2_000 = fired(history, base_cents=200_000)
    assert [s.rule for s in at_5_000] == []
    assert [s.numbers["denominator_cents"] for s in at_2_000] == [44_000_00]


def test_a_mean_downside_of_exactly_twice_the_baseline_is_no_spike() -> None:
    baseline = [-300] * 30
    assert Rule.VOLATILITY not in rules_of(trader_history([*baseline, 0, -1_000, -1_000, -1_000, 0]))
    assert Rule.VOLATILITY in rules_of(trader_history([*baseline, 0, -1_000, -1_000, -1_000.01, 0]))


def test_the_volatility_rule_wants_twenty_days_of_baseline() -> None:
    spike = [-900, 100, -900, 100, -900]
    assert Rule.VOLATILITY in rules_of(trader_history([100, -100] * 10 + spike))
    assert Rule.VOLATILITY not in rules_of(trader_history([-100] + [100, -100] * 9 + spike))


def test_a_large_loss_must_be_large_for_the_desk_and_unusual_for_the_trader() -> None:
    usual = [2_500, -2_500] * 20
    assert Rule.LARGE_LOSS in rules_of(trader_history([*QUIET, -2_000]))
    assert Rule.LARGE_LOSS not in rules_of(trader_history([*QUIET, -1_999.99]))
    assert Rule.LARGE_LOSS not in rules_of(trader_history([*usual, -2_500]))


def test_after_a_long_gap_the_relative_rules_wait_for_five_active_days() -> None:
    large_loss = [*QUIET, 10, 10, 10, 10, -2_500]
    days = list(range(POSITION - 60, POSITION - 20))
    back_four = [*days, *range(POSITION - 4, POSITION)]
    back_five = [*days, *range(POSITION - 5, POSITION)]
    four = trader_history([*QUIET, 10, 10, 10, -2_500], days=back_four)
    five = trader_history(large_loss, days=back_five)
    assert rules_of(four) == []
    assert rules_of(five) == [Rule.VOLATILITY, Rule.LARGE_LOSS]


def test_during_a_long_gap_the_volatility_rule_is_off() -> None:
    spike = [*QUIET, 60, -1_500, 60, -1_500, 60]
    assert rules_of(trader_history(spike, last_active_ago=11)) == [Rule.VOLATILITY]
    assert rules_of(trader_history(spike, last_active_ago=12)) == []


def test_reasons_name_the_rule_and_its_numbers_with_the_breach_first() -> None:
    history = trader_history([*QUIET, -1_000, -1_200, -1_100, -7_000, -5_250])
    assert [signal.reason for signal in fired(history)] == [
        "Limit breached: -$5,250 against $5,000 on 2026-03-13",
        "Extended loss streak (6 days)",
        "Drawdown 15.8%",
        "Volatility spike (downside $3,110 a day, 20.7x its baseline)",
        "Large single-day loss (-$5,250 on 2026-03-13)",
    ]


def test_a_breach_names_the_applied_limit_where_that_one_was_broken() -> None:
    history = trader_history([*QUIET, -2_800], applied_usd=[5_000] * 40 + [2_500])
    assert fired(history)[0].reason == "Limit breached: -$2,800 against $2,500 on 2026-03-13"


def test_a_spike_over_a_baseline_without_losses_says_so() -> None:
    history = trader_history([100] * 30 + [-400, 100, 100, 100, 100])
    assert [s.reason for s in fired(history)] == [
        "Volatility spike (downside $80 a day, none in its baseline)"
    ]


def test_the_drawdown_carries_numerator_denominator_and_window() -> None:
    numbers = fired(trader_history([8_000, -30_000, 60, 60]))[0].numbers
    assert numbers == {
        "percent": pytest.approx(100 * 29_880 / 108_000),
        "numerator_cents": 29_880_00,
        "denominator_cents": 108_000_00,
        "window_days": 4,
    }


def test_nothing_fires_before_the_first_active_day() -> None:
    history = trader_history([-9_000, -9_000, -9_000])
    levels = fired_levels(measure(history), np.array([-1]), np.array([POSITION - 3]), np.array([500_000]))
    assert levels.tolist() == [[0, 0, 0, 0, 0]]
    assert signals(measure(trader_history([])), -1, POSITION, 500_000, CALENDAR) == ()
