import numpy as np
import pytest

from riskops import config, demotion, evidence
from riskops.demotion import Watch

CLIP_USD = 15_000.0


def watched(advantage_usd, promoted: int = 0) -> Watch:
    advantage = np.asarray(advantage_usd, dtype=float)
    return demotion.watch(advantage, np.full(len(advantage), CLIP_USD), promoted)


def noise(days: int, seed: int, mean_sds: float = 0.0, sd_usd: float = 2_800.0) -> np.ndarray:
    return sd_usd * (np.random.default_rng(seed).standard_normal(days) + mean_sds)


def naive_e_values(advantage_usd, promoted):
    e_value, found = 1.0, []
    x = np.clip(-advantage_usd[promoted:] / CLIP_USD, -1, 1)
    for i, bet_on in enumerate(x):
        last = x[max(0, i - 60) : i]
        prior = 20 * (0.28 * 5_000 / CLIP_USD) ** 2
        stake = min(max(last.sum() / ((last**2).sum() + prior), 0.0), 0.9)
        e_value = max(1.0, e_value * (1 + stake * bet_on))
        found.append(e_value)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("promoted", [0, 200])
def test_the_restarted_e_process_is_that_of_its_definition(seed, promoted):
    advantage = np.concatenate([noise(250, seed, 0.1), noise(150, seed + 99, -0.2)])
    np.testing.assert_allclose(watched(advantage, promoted).e_values, naive_e_values(advantage, promoted))


def test_an_advantage_that_turns_round_mostly_demotes_within_a_hundred_days():
    turned = [np.concatenate([noise(400, s, 0.2), noise(250, s + 99, -0.2)]) for s in range(20)]
    fires = [watched(advantage, 200).fires for advantage in turned]
    assert not any(days[:200].any() for days in fires)
    assert np.mean([days[200:300].any() for days in fires]) > 0.5


def test_a_challenger_that_stays_good_mostly_stays():
    demoted = [watched(noise(950, seed, 0.2), 200).fires.any() for seed in range(40)]
    assert np.mean(demoted) < 0.2


def test_days_before_the_promotion_demote_nobody():
    ruinous_before = np.concatenate([np.full(200, -9_000.0), noise(30, 1, 0.3)])
    assert not watched(ruinous_before, 200).fires.any()


def test_the_trailing_sum_waits_for_sixty_days_and_then_demotes():
    steady = np.concatenate([noise(300, 3, 0.0), np.full(60, -900.0)])
    found = watched(steady, 300)
    assert np.isnan(found.trailing_usd[:59]).all()
    assert found.trailing_usd[59] == pytest.approx(-54_000)
    assert found.trailing_usd[59] < found.floor_usd[59]
    assert found.fires[59]


def test_the_floor_is_two_standard_deviations_of_such_a_sum():
    advantage = noise(500, 4)
    found = watched(advantage, 100)
    assert found.floor_usd[-1] == pytest.approx(-2 * advantage.std() * np.sqrt(60))


def test_what_came_later_changes_nothing_before():
    advantage = noise(500, 5, -0.1)
    whole, part = watched(advantage, 100), watched(advantage[:400], 100)
    np.testing.assert_array_equal(whole.e_values[:300], part.e_values)
    np.testing.assert_array_equal(whole.fires[:300], part.fires)


class TestReason:
    def test_there_is_none_while_nothing_fires(self):
        assert watched(noise(100, 6, 0.3)).reason == ""
        assert watched([]).reason == ""

    def test_it_names_the_e_value(self):
        found = watched(np.full(200, -6_000.0))
        assert found.reason.startswith("the evidence that it has become worse than the rules reached e = ")
        assert found.reason.endswith(" of 3")

    def test_it_names_the_dollars(self, monkeypatch):
        monkeypatch.setattr(config, "DEMOTION_E_VALUE", 1e9)
        found = watched(np.concatenate([noise(300, 3), np.full(60, -900.0)]), 300)
        assert found.reason.startswith("over the last 60 desk-days it did $54,000 worse than the rules (")


def test_a_bet_of_the_gate_and_one_of_the_watch_have_the_same_stake():
    assert evidence.stake(0.0, 0.0, CLIP_USD) == 0
    assert evidence.stake(5.0, 0.1, CLIP_USD) == config.MAX_BET
