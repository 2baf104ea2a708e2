"""What each level would have been worth on one trader's days."""

from __future__ import annotations

import numpy as np
import pytest

from riskops import economics, limits
from riskops.level_curve import level_curve
from riskops.outcomes import replay_history
from tests.builders import CALENDAR, SESSION, desk_history, trade_paths, trader_history

LAST = CALENDAR.position(SESSION) - 1


def replayed(days_usd, applied_usd=None):
    """Return the replay of days, each a list of trades in USD."""
    history = trader_history([sum(day) for day in days_usd], applied_usd=applied_usd)
    first = LAST - len(days_usd) + 1
    paths = trade_paths([(0, first + i, day) for i, day in enumerate(days_usd)])
    return replay_history(desk_history(history), paths)


def test_there_is_one_benefit_a_level_from_0_to_80():
    assert [one.reduction for one in level_curve(replayed([[-100, 50]]))] == list(range(0, 81, 5))


def test_no_cut_is_worth_nothing():
    none = level_curve(replayed([[-4_000, 1_000], [2_000]] * 8))[0]
    assert (none.benefit_usd, none.low_usd, none.high_usd) == (0, 0, 0)


def test_a_limit_that_would_have_stopped_a_slide_is_worth_what_followed():
    by_cut = {one.reduction: one for one in level_curve(replayed([[-1_500, -1_500, -1_500]]))}
    assert by_cut[80].benefit_usd == 3_000  # stopped at -1,500 by a limit of 1,000
    assert by_cut[50].benefit_usd == 1_500  # stopped at -3,000 by one of 2,500
    assert by_cut[0].benefit_usd == 0


def test_a_limit_that_would_have_stopped_a_recovery_costs():
    by_cut = {one.reduction: one for one in level_curve(replayed([[-1_500, 2_500]]))}
    assert by_cut[80].benefit_usd == -2_500


def test_it_is_the_sum_of_what_the_economics_say_of_each_day():
    played = replayed([[-1_200, 900], [-700, -3_900], [350, -2_600, 1_700], [-4_500]])
    base = played.days.reference_cents
    for one in level_curve(played):
        worth = economics.benefit(played, limits.limit_cents(base, one.reduction)).middle.sum() / 100
        assert one.benefit_usd == pytest.approx(float(worth))


def test_a_day_that_our_own_limit_stopped_leaves_looser_levels_open():
    by_cut = {one.reduction: one for one in level_curve(replayed([[-1_000]], applied_usd=[1_000]))}
    assert by_cut[80].least_usd < by_cut[80].most_usd
    assert by_cut[0].least_usd == by_cut[0].most_usd == 0


def test_an_interval_needs_more_days_than_a_block_has():
    assert level_curve(replayed([[-100]] * 10))[4].low_usd is None
    enough = level_curve(replayed([[-1_500, -1_500], [800]] * 8))[-1]
    assert enough.low_usd <= enough.benefit_usd <= enough.high_usd


def test_without_a_day_there_is_no_curve():
    assert level_curve(replay_history(desk_history(trader_history([])), trade_paths([]))) == ()


def test_the_same_days_give_the_same_curve():
    rng = np.random.default_rng(1)
    days = [rng.normal(0, 900, 5).round(2).tolist() for _ in range(40)]
    assert level_curve(replayed(days)) == level_curve(replayed(days))
