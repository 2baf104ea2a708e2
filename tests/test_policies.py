"""The figures of a policy: chance and ignorance kept apart, and every figure with its counts."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest

from riskops import challenger, champion, economics, fixed_sample, policies
from riskops.challenger import ChallengerWalk
from riskops.history import DeskHistory, TradePaths
from tests.builders import CALENDAR, SESSION, desk_history, trader_history
from tests.simulated_desks import simulated_desk, stopped_live

TODAY = CALENDAR.position(SESSION)
RATES = ("hit_rate", "precision", "false_positive_rate")


def walked(desk: DeskHistory, paths: TradePaths) -> ChallengerWalk:
    return challenger.walk(desk, paths, champion.walk(desk))


@lru_cache
def free() -> ChallengerWalk:
    """Nobody was stopped but by the base limit: every outcome is known."""
    return walked(*simulated_desk(6, 180))


@lru_cache
def treated() -> ChallengerWalk:
    """The same desk; on its last 60 sessions whoever the rules cut was stopped at 30 % of the base limit."""
    return walked(*stopped_live(*simulated_desk(6, 180), cut=70))


def figures(walk: ChallengerWalk, reduction: np.ndarray) -> dict[str, float]:
    days = policies.days_of(walk, np.ones(len(walk.panel), dtype=bool))
    return policies.figures(walk, days, reduction)


def of_the_rules(walk: ChallengerWalk) -> dict[str, float]:
    """Return the figures of the rules' policy on the free desk, on any walk of its days."""
    return figures(walk, free().panel.mornings.rules_reduction)


# --- chance ---------------------------------------------------------------------------------
@pytest.mark.parametrize("part", ["benefit", "prevented", "cost"])
def test_money_comes_with_a_bootstrap_interval_around_it(part):
    row = of_the_rules(free())
    assert row[f"{part}_low_usd"] < row[f"{part}_usd"] < row[f"{part}_high_usd"]


def test_the_interval_of_the_benefit_is_as_wide_as_a_resampling_of_days_by_hand():
    walk = free()
    rows = walk.panel.mornings
    benefit = policies.benefit_cents(walk, rows.rules_reduction) / 100
    daily = np.array([benefit[rows.day == day].sum() for day in np.unique(rows.day)])
    rng = np.random.default_rng(9)
    totals = [rng.choice(daily, len(daily)).sum() for _ in range(2_000)]
    row = of_the_rules(walk)
    width = row["benefit_high_usd"] - row["benefit_low_usd"]
    assert width == pytest.approx(np.ptp(np.quantile(totals, [0.025, 0.975])), rel=0.3)


def test_a_handful_of_sessions_has_no_bootstrap_interval():
    walk = free()
    last = np.unique(walk.panel.mornings.day)[-5:]
    days = policies.days_of(walk, np.isin(walk.panel.mornings.day, last))
    row = policies.figures(walk, days, walk.panel.mornings.rules_reduction)
    assert row["desk_days"] == 5
    assert "benefit_low_usd" not in row


def test_resampled_totals_are_those_of_the_resampled_sessions():
    daily = np.random.default_rng(1).normal(10, 400, size=(73, 3))
    expected = fixed_sample.resampled_sessions(len(daily)) @ daily
    np.testing.assert_allclose(fixed_sample.resampled_totals(daily), expected, rtol=1e-9, atol=1e-6)


def test_resampled_sessions_give_the_interval_of_the_block_bootstrap():
    daily = np.random.default_rng(4).normal(20, 300, 163)
    totals = fixed_sample.resampled_sessions(len(daily)) @ daily
    assert np.quantile(totals, [0.025, 0.975]) == pytest.approx(fixed_sample.total_interval(daily))


# --- ignorance ------------------------------------------------------------------------------
def test_without_treated_days_the_bounds_are_the_figure():
    row = of_the_rules(free())
    assert (
        row["treated_trader_days"] == row["censored_trader_days"] == row["unknown_outcome_trader_days"] == 0
    )
    assert row["benefit_least_usd"] == pytest.approx(row["benefit_usd"]) == row["benefit_most_usd"]
    for name in RATES:
        assert row[f"{name}_least"] == row[name] == row[f"{name}_most"]


def test_treated_days_are_counted_and_widen_the_bounds_of_the_benefit():
    row = of_the_rules(treated())
    assert 0 < row["censored_trader_days"] <= row["treated_trader_days"]
    assert row["benefit_least_usd"] < row["benefit_usd"] < row["benefit_most_usd"]


def test_the_bounds_of_the_rates_hold_what_the_unknown_days_would_have_been():
    known = of_the_rules(treated())
    assert known["unknown_outcome_trader_days"] > 0
    for name, (hits, of) in true_rates().items():
        assert known[f"{name}_least"] < known[f"{name}_most"]
        assert known[f"{name}_least"] <= hits.sum() / of.sum() <= known[f"{name}_most"]


def true_rates() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return numerators and denominators on the treated desk, with every unknown day as it really was."""
    walk, cut = treated(), free().panel.mornings.rules_reduction >= 20
    unknown, stopped = ~economics.large_loss_known(walk.replayed), walk.replayed.stopped
    large = np.where(unknown, is_large(free()), is_large(walk))
    gain = np.where(stopped, free().panel.net_cents, walk.panel.net_cents) > 0
    return {
        "hit_rate": (large & cut, large),
        "precision": (large & cut, cut),
        "false_positive_rate": (gain & cut, gain),
    }


def is_large(walk: ChallengerWalk) -> np.ndarray:
    return economics.is_large_loss(walk.panel.net_cents, walk.panel.reference_cents)


def test_the_bounds_of_the_benefit_hold_what_is_true_without_stops():
    known, truth = of_the_rules(treated()), of_the_rules(free())
    assert known["benefit_least_usd"] <= truth["benefit_usd"] <= known["benefit_most_usd"]


def test_no_restriction_has_no_benefit_though_days_were_treated():
    row = figures(treated(), np.zeros(len(treated().panel), dtype=np.int64))
    assert row["benefit_least_usd"] == row["benefit_usd"] == row["benefit_most_usd"] == 0
    assert row["treated_trader_days"] > row["censored_trader_days"] == 0


def test_a_stopped_day_is_no_false_positive_and_no_missed_hit_by_itself():
    everybody = np.full(len(treated().panel), 80)
    row = figures(treated(), everybody)
    assert row["hit_rate"] == row["hit_rate_least"] == row["hit_rate_most"] == 1
    nobody = figures(treated(), np.zeros_like(everybody))
    assert nobody["false_positive_rate_most"] == nobody["false_positive_rate"] == 0


# --- counts ---------------------------------------------------------------------------------
def test_days_of_which_only_a_figure_is_known_are_counted_where_a_policy_cuts():
    desk = desk_history(trader_history([900, -1_400] * 60))
    walk = walked(desk, TradePaths(*(np.empty(0, dtype=np.int64),) * 4))
    cut = np.arange(120) % 4 * 20
    row = figures(walk, cut)
    assert row["estimated_trader_days"] == (cut > 0).sum()
    assert row["trader_days"] == 120


def test_the_worth_of_one_limit_against_another_is_the_difference_of_their_benefits():
    replayed = free().replayed
    tight, loose = (replayed.days.reference_cents * part // 10 for part in (5, 8))
    directly = economics.benefit(replayed, tight, loose).middle
    by_benefit = economics.benefit(replayed, tight).middle - economics.benefit(replayed, loose).middle
    assert directly == pytest.approx(by_benefit)


def test_the_figures_fit_a_document_of_floats():
    row = dataclasses.asdict(_Row(of_the_rules(treated())))["figures"]
    assert all(type(value) is float and np.isfinite(value) for value in row.values())


@dataclasses.dataclass
class _Row:
    figures: dict[str, float]
