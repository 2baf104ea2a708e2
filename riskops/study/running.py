"""Answers the questions of the study: all scenarios, block by block, on several cores.

What a panel is depends on the seed, its scenario and its number alone, never on who computes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from threading import Thread

import numpy as np

from riskops.study.findings import Finding, found
from riskops.study.scenarios import PANELS_A_BLOCK, SCENARIOS, Observations, Scenario, Seed

Tell = Callable[[int, int], None]
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Size:
    """How many panels a study has: of each kind of series, and of each kind of desk."""

    series: int
    desks: int


FULL = Size(series=2_000, desks=20)
QUICK = Size(series=1_000, desks=3)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some panels of one scenario."""

    scenario: Scenario
    seed: Seed
    panels: int


def study(size: Size, seed: int, workers: int, tell: Tell) -> tuple[Finding, ...]:
    """Run every scenario and answer every question; the parameters are those of `observe`."""
    return found(observe(SCENARIOS, size, seed, workers, tell))


def observe(
    scenarios: Sequence[Scenario], size: Size, seed: int, workers: int, tell: Tell
) -> dict[str, Observations]:
    """Return the observations of every scenario by its name, in the order of its panels.

    Parameters
    ----------
    scenarios
        Work starts in their order.
    size, seed
        How many panels, and the seed all of them are drawn from.
    workers
        Processes to use; 1 computes in this one.
    tell
        Told how many blocks of work are done, and of how many.
    """
    blocks = list(_blocks(scenarios, size, seed))
    answers: dict[_Block, Observations] = {}
    for block, observed in _answers(blocks, workers):
        answers[block] = observed
        tell(len(answers), len(blocks))
    return {
        scenario.name: _joined([answers[block] for block in blocks if block.scenario == scenario])
        for scenario in scenarios
    }


def _blocks(scenarios: Sequence[Scenario], size: Size, seed: int) -> Iterator[_Block]:
    """Yield the work: one desk, or some series, a block."""
    for number, scenario in enumerate(scenarios):
        panels, most = (size.desks, 1) if scenario.whole else (size.series, PANELS_A_BLOCK)
        for start in range(0, panels, most):
            yield _Block(scenario, (seed, number, start // most), min(most, panels - start))


def _answers(blocks: list[_Block], workers: int) -> Iterator[tuple[_Block, Observations]]:
    if workers <= 1:
        yield from ((block, _answer(block)) for block in blocks)
        return
    with _pool(workers) as pool:
        waiting = {pool.submit(_answer, block): block for block in blocks}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def _answer(block: _Block) -> Observations:
    return block.scenario.observe(block.seed, block.panels)


def _joined(parts: list[Observations]) -> Observations:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Open new processes with one thread each: theirs would stand in one another's way.

    Started afresh, not forked: a fork would copy the progress display's threads half.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_end_with_the_parent
        ) as pool:
            yield pool
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _end_with_the_parent() -> None:
    """Let a worker end when the study does, however that ends."""
    if (parent := parent_process()) is not None:
        Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
