import math

import numpy as np
import pytest
from scipy import stats

from riskops import config, demotion, evidence
from riskops.study import looks, series
from riskops.study.series import World


def some_panel(world: World, days: int = 600, seed: int = 5):
    return series.draw(world, np.random.default_rng(seed), 1, days).panel(0)


def test_the_first_day_is_counted_from_zero_and_never_is_infinite():
    assert looks.first(np.array([False, True, True])) == 1
    assert looks.first(np.array([False, False])) == looks.NEVER
    assert looks.first(np.array([], dtype=bool)) == looks.NEVER


def test_the_gate_opens_after_the_first_day_the_path_says_so():
    days, amounts = some_panel(World(own_usd=700))
    opened = int(looks.gate_opens(days, amounts))
    path = evidence.open_after(days, amounts)
    assert path[opened]
    assert not path[:opened].any()


def test_one_process_reaches_the_bar_on_its_first_day_there():
    days, _ = some_panel(World(own_usd=700))
    day = int(looks.process_reaches_bar(days.advantage, days.clip_usd))
    e_values = evidence.e_process(days.advantage, days.clip_usd)
    assert e_values[day] >= config.E_VALUE_BAR > e_values[:day].max()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("from_days", [20, 250])
def test_a_naive_look_is_the_usual_test_taken_again_every_day(seed, from_days):
    days, _ = some_panel(World(own_usd=60), days=300, seed=seed)
    values = days.advantage

    def p_value(seen: np.ndarray) -> float:
        return float(stats.norm.sf(seen.mean() / seen.std() * math.sqrt(len(seen))))

    expected = [day for day in range(from_days - 1, 300) if p_value(values[: day + 1]) < 0.05]
    found = looks.naive_promotes(values, looks.ONE_SIDED_Z, from_days)
    assert found == (expected[0] if expected else looks.NEVER)


def test_a_demotion_is_told_by_the_desk_day_after_which_it_comes():
    days, _ = some_panel(World(own_usd=-700))
    when = int(looks.demoted(days, promoted_after=299))
    fires = demotion.watch(days.advantage, days.clip_usd, 300).fires
    assert fires[when - 300]
    assert not fires[: when - 300].any()
