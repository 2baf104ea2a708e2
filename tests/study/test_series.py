import numpy as np
import pytest

from riskops import evidence
from riskops.study import series
from riskops.study.series import World


def drawn(world: World, panels: int = 200, days: int = 500, seed: int = 3) -> series.Series:
    return series.draw(world, np.random.default_rng(seed), panels, days)


def excess_kurtosis(values: np.ndarray) -> float:
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3)


def test_benefits_have_the_mean_and_the_spread_that_were_asked_for():
    found = drawn(World(rules_usd=170, own_usd=-90))
    error = series.SD_USD / np.sqrt(found.own.size)
    assert found.rules.mean() == pytest.approx(170, abs=4 * error)
    assert found.own.mean() == pytest.approx(-90, abs=4 * error)
    assert found.own.std() == pytest.approx(series.SD_USD, rel=0.03)


def test_most_days_bring_nothing_tails_are_heavy_and_moves_come_in_bursts():
    own = drawn(World()).own
    assert np.mean(own == 0) == pytest.approx(1 - series.HIT_SHARE, abs=0.01)
    assert excess_kurtosis(own) > 10
    hit = own[:, :-1] * own[:, 1:] != 0
    size = np.log(np.abs(np.where(own == 0, 1, own)))
    assert np.corrcoef(size[:, :-1][hit], size[:, 1:][hit])[0, 1] > 0.03


def test_at_the_boundary_the_first_difference_is_zero_on_average():
    found = drawn(World(rules_usd=170, follows=1.1))
    first = np.concatenate([found.panel(row)[0].differences[:, 0] for row in range(len(found))])
    assert first.mean() == pytest.approx(0, abs=4 * first.std() / np.sqrt(len(first)))


def test_small_gains_pay_for_the_rare_losses_which_are_as_large_as_the_clip():
    own = drawn(World(rare_losses=True), panels=1_000).own
    assert own.mean() == pytest.approx(0, abs=4 * own.std() / np.sqrt(own.size))
    assert np.median(own) > 0
    days, _ = drawn(World(rare_losses=True)).panel(0)
    assert own.min() == -days.clip_usd[0]


def test_a_panel_is_evidence_as_the_gate_takes_it():
    found = drawn(World(rules_usd=170, own_usd=170), panels=2)
    days, amounts = found.panel(1)
    pair = np.column_stack([found.rules[1] + found.own[1], found.rules[1]])
    expected = pair @ evidence.WEIGHTS.T - np.outer(found.active[1], [0, 0, 0, 0.50])
    assert np.allclose(days.differences, expected)
    assert np.allclose(days.advantage, found.own[1])
    assert amounts.trader_days[-1] == found.active[1].sum()
    assert amounts.large_loss_days[-1] == found.large_losses[1].sum()


def test_a_turned_panel_is_the_same_until_it_turns_and_then_as_bad_as_it_was_good():
    found = drawn(World(own_usd=170), panels=200, days=800)
    steady = np.array([found.panel(row)[0].advantage for row in range(200)])
    turned = np.array([found.panel(row, turns_at=400)[0].advantage for row in range(200)])
    assert np.array_equal(steady[:, :400], turned[:, :400])
    assert (steady + turned)[:, 400:].mean() == pytest.approx(
        2 * (found.own - found.own_mean)[:, 400:].mean()
    )
    assert turned[:, 400:].mean() == pytest.approx(-170, abs=4 * series.SD_USD / np.sqrt(200 * 400))
