import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

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


def workers_of(study: psutil.Process) -> list[psutil.Process]:
    """Return the processes that compute, once there are two."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [p for p in study.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
        if len(found) == 2 and all(p.cpu_times().user > 0.2 for p in found):
            return found
        psutil.wait_procs([study], timeout=0.1)
    raise AssertionError("the study has not started its workers")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_the_workers_end_with_the_study_however_that_ends(sent):
    command = [sys.executable, "-m", "riskops", "study", "--panels", "4000", "--workers", "2"]
    study = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        workers = workers_of(study)
    finally:
        study.send_signal(sent)
    study.wait(timeout=30)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
