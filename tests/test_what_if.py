"""Other numbers against today's: the arithmetic, and the price of having tried many."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest

from riskops import champion, what_if
from riskops.thresholds import TODAY
from riskops.what_if import Ground, Worths
from tests.simulated_desks import simulated_desk, stopped_live

HARSH = dataclasses.replace(TODAY, streak_days=2, streak_level=50)


@lru_cache
def ground() -> Ground:
    return what_if.ground(*simulated_desk(5, 150))


def worth(on: Ground, *settings) -> Worths:
    return what_if.worths(on, [what_if.play(on.desk, thresholds) for thresholds in settings])


def test_today_s_numbers_are_worth_nothing_against_themselves():
    found = worth(ground(), TODAY)
    assert not found.daily.any()
    assert what_if.figures(found)[0]["benefit_usd"] == 0


def test_the_worth_is_that_of_both_policies_replayed_by_hand():
    desk, paths = simulated_desk(5, 150)
    ours, today = champion.walk(desk, HARSH), champion.walk(desk)
    total = 0
    for index, trader in enumerate(desk.traders):
        for row, day in enumerate(trader.day):
            trades = paths.net_cents[(paths.trader == index) & (paths.day == day)]
            limits = (walk[trader.trader_id].limit_cents[row] for walk in (ours, today))
            mine, theirs = (ended(trades, int(limit)) for limit in limits)
            total += mine - theirs
    assert total != 0
    assert what_if.figures(worth(ground(), HARSH))[0]["benefit_usd"] == pytest.approx(total / 100)


def ended(trades: np.ndarray, limit: int) -> int:
    running = np.cumsum(trades)
    hit = np.flatnonzero(running <= -limit)
    return int(running[hit[0]] if len(hit) else running[-1])


def test_treated_days_leave_bounds_around_the_worth():
    on = what_if.ground(*stopped_live(*simulated_desk(5, 150), cut=70))
    found = what_if.figures(worth(on, HARSH))[0]
    assert found["benefit_least_usd"] < found["benefit_usd"] < found["benefit_most_usd"]
    free = what_if.figures(worth(ground(), HARSH))[0]
    assert free["benefit_least_usd"] == pytest.approx(free["benefit_usd"]) == free["benefit_most_usd"]


def test_only_the_last_sessions_count_where_so_many_are_asked_for():
    on = what_if.ground(*simulated_desk(5, 150), sessions=40)
    assert len(on.days.sessions) == 40
    assert on.days.rows.sum() < ground().days.rows.sum()
    assert set(on.days.sessions) <= set(ground().days.sessions)


def test_the_shares_are_counted_on_the_marked_days():
    found = what_if.shares(ground().days.rows, what_if.play(ground().desk, HARSH))
    walk = champion.walk(ground().desk, HARSH)
    cuts = np.concatenate([w.reduction for w in walk.values()])
    assert found["restricted_share"] == pytest.approx((cuts >= 20).mean())
    assert found["immediate_share_hits"] == (cuts > 40).sum()


def null(columns: int, seed: int, sessions: int = 150) -> list[dict[str, float]]:
    daily = np.random.default_rng(seed).normal(0, 100, (sessions, columns))
    return what_if.figures(Worths(daily, daily.sum(axis=0), daily.sum(axis=0)))


def test_the_best_of_many_worthless_settings_seldom_beats_nothing_among_all_that_was_tried():
    alone = together = 0
    for seed in range(60):
        found = null(50, seed)
        alone += any(f["benefit_low_usd"] > 0 for f in found)
        together += any(f["benefit_surely_low_usd"] > 0 for f in found)
    assert alone / 60 > 0.5  # each by itself: the harness sees the inflation
    assert together / 60 < 0.15


def test_an_interval_for_all_holds_the_one_for_each():
    for f in null(20, 3):
        assert f["benefit_surely_low_usd"] < f["benefit_low_usd"] < f["benefit_usd"]
        assert f["benefit_usd"] < f["benefit_high_usd"] < f["benefit_surely_high_usd"]


def test_a_strong_setting_is_seen_among_many():
    daily = np.random.default_rng(1).normal(0, 100, (150, 50))
    daily[:, 7] += 60
    found = what_if.figures(Worths(daily, daily.sum(axis=0), daily.sum(axis=0)))
    assert [i for i, f in enumerate(found) if f["benefit_surely_low_usd"] > 0] == [7]


def test_a_handful_of_sessions_has_totals_and_no_intervals():
    assert set(null(2, 1, sessions=5)[0]) == {"benefit_usd", "benefit_least_usd", "benefit_most_usd"}
