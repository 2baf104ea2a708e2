import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops.measures import measure
from riskops.records import Rule
from riskops.rules import Situation, signals
from riskops.way_back import CLAUSE_BREAK, flip_distance_cents, way_back
from tests.builders import CALENDAR, SESSION, trader_history

POSITION = CALENDAR.position(SESSION)
QUIET = [300, -300] * 20


def situation(results: list[float], position: int = POSITION) -> Situation:
    return Situation(measure(trader_history(results)), len(results) - 1, position, 500_000, CALENDAR)


def fires(rule: Rule, results: list[float], session_later: int = 1) -> bool:
    later = trader_history(results, last_active_ago=1, session=CALENDAR.shift(SESSION, session_later))
    position = POSITION + session_later
    return rule in [s.rule for s in signals(measure(later), len(results) - 1, position, 500_000, CALENDAR)]


def test_nothing_is_said_where_nothing_is_cut() -> None:
    assert way_back(situation(QUIET), [], 0, 0) == ""


def test_a_streak_ends_with_one_day_above_one_percent_of_the_base() -> None:
    streak = [*QUIET, 400, -100, -100, -100]
    assert "one day above +$50 ends it" in way_back(situation(streak), [Rule.STREAK], 30, 30)
    assert fires(Rule.STREAK, [*streak, 50])
    assert not fires(Rule.STREAK, [*streak, 50.01])


def test_a_drawdown_names_the_gains_that_bring_it_down() -> None:
    slump = [0.0] * 19 + [0, -10_000, -7_000]
    text = way_back(situation(slump), [Rule.DRAWDOWN], 40, 40)
    assert "$2,000 of gains bring it to 15%" in text
    assert fires(Rule.DRAWDOWN, [*slump, 1_999.99])
    assert not fires(Rule.DRAWDOWN, [*slump, 2_000])


def test_a_deep_drawdown_names_both_steps() -> None:
    text = way_back(situation([0.0] * 20 + [-27_000]), [Rule.DRAWDOWN], 60, 60)
    assert "$2,000 of gains bring it to 25%, $12,000 of gains bring it to 15%" in text


@pytest.mark.parametrize("rule", [Rule.BREACH, Rule.LARGE_LOSS])
def test_a_single_bad_day_expires_on_the_date_that_is_named(rule: Rule) -> None:
    results = [*QUIET, -5_250]
    assert "gone by 2026-03-23 at the latest" in way_back(situation(results), [rule], 40, 40)
    first_free = CALENDAR.position(SESSION) + 5
    assert CALENDAR.session_at(first_free).isoformat() == "2026-03-23"
    history = measure(trader_history(results))
    last = [s.rule for s in signals(history, len(results) - 1, first_free - 1, 500_000, CALENDAR)]
    free = [s.rule for s in signals(history, len(results) - 1, first_free, 500_000, CALENDAR)]
    assert rule in last
    assert rule not in free


def test_amounts_from_a_hundred_dollars_on_are_told_in_dollars_that_suffice() -> None:
    slump = [0.0] * 19 + [0, -10_000, -7_000.3]
    assert "$2,001 of gains bring it to 15%" in way_back(situation(slump), [Rule.DRAWDOWN], 40, 40)
    noisy = [*[300.7, -300.7] * 20, -400, -400, -400, -400, -400]
    assert "at most $300 a day" in way_back(situation(noisy), [Rule.VOLATILITY], 25, 25)


def test_there_is_one_clause_a_signal() -> None:
    slump = [0.0] * 19 + [0, -10_000, -7_000]
    clauses = way_back(situation(slump), [Rule.STREAK, Rule.DRAWDOWN], 40, 40).split(CLAUSE_BREAK)
    assert [clause.partition(":")[0] for clause in clauses[:2]] == ["loss streak", "drawdown"]
    assert clauses[2:] == ["then at most 20 points of the cut end with each session"]


def test_a_volatility_spike_names_the_downside_that_ends_it() -> None:
    text = way_back(situation([*QUIET, -400, -400, -400, -400, -400]), [Rule.VOLATILITY], 25, 25)
    assert "5 active days that lose at most $300 a day on average" in text


def test_an_easing_cut_names_the_session_it_ends_on() -> None:
    assert way_back(situation(QUIET), [], 50, 0) == "easing: back to 0% by 2026-03-19 if nothing new fires"
    assert "back to 20% by 2026-03-17" in way_back(situation(QUIET), [], 25, 20)


def test_probation_says_how_many_days_are_missing() -> None:
    assert way_back(situation([10] * 9), [], 20, 20) == "probation ends after 1 more active day"
    newcomer = Situation(measure(trader_history([])), -1, POSITION, 500_000, CALENDAR)
    assert way_back(newcomer, [], 20, 20) == "probation ends after 10 more active days"


@given(st.integers(1, 10**9))
def test_the_flip_distance_is_exact_to_the_cent(threshold: int) -> None:
    assert flip_distance_cents(lambda extra: np.where(extra >= threshold, 20, 0), 10**9) == threshold


def test_there_is_no_flip_distance_where_no_loss_raises_the_cut() -> None:
    assert flip_distance_cents(lambda extra: np.full(len(extra), 80), 10**9) is None
    assert flip_distance_cents(lambda extra: np.full(len(extra), 40), 10**9) is None
