import numpy as np

from riskops.study import running
from riskops.study.running import Size
from riskops.study.scenarios import PANELS_A_BLOCK, SCENARIOS, Scenario

SMALL = Size(series=PANELS_A_BLOCK + 30, desks=3)
SERIES = [scenario for scenario in SCENARIOS if scenario.name in ("null", "turns")]


def numbered(seed, panels):
    return {"seed": np.array([seed[-1]] * panels), "panels": np.array([panels] * panels)}


def test_several_processes_find_what_one_finds():
    alone, together = (running.observe(SERIES, SMALL, 3, workers, lambda *_: None) for workers in (1, 2))
    assert alone.keys() == together.keys() == {"null", "turns"}
    for name, observed in alone.items():
        for key, values in observed.items():
            assert len(values) == SMALL.series
            assert np.array_equal(values, together[name][key], equal_nan=True)


def test_series_come_in_blocks_and_desks_one_by_one():
    made = [Scenario("series", numbered), Scenario("desks", numbered, whole=True)]
    observed = running.observe(made, SMALL, 3, 1, lambda *_: None)
    assert observed["series"]["panels"].tolist() == [PANELS_A_BLOCK] * PANELS_A_BLOCK + [30] * 30
    assert observed["desks"]["seed"].tolist() == [0, 1, 2]


def test_progress_is_told_after_every_block():
    told = []
    running.observe([Scenario("desks", numbered, whole=True)], SMALL, 3, 1, lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]
