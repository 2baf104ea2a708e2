"""How the benchmarks measure: two programs in turns in one run, by processor time, medians of it."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Program = Callable[[], object]


@dataclass(frozen=True)
class Bar:
    """A measured figure and the bar it has to reach: at least, or at most, so much of `unit`."""

    what: str
    against: str
    figure: float
    bar: float
    unit: str = "x"
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the bar is reached."""
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar

    @property
    def wanted(self) -> str:
        """The bar in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.bar:,g}{self.unit}"

    @property
    def measured(self) -> str:
        """The figure in words."""
        digits = 0 if self.figure >= 100 else 1 if self.figure >= 10 else 2
        return f"{self.figure:,.{digits}f}{self.unit}"


Bars = Iterator[Bar]


def faster(reference: Program, ours: Program, *, rounds: int, times: int = 1) -> float:
    """Return how many times the processor time of `ours` the `reference` takes.

    Both run in turns, `ours` as often a turn as `times` says, because it may be short.
    """
    turns = [(processor_time(reference), processor_time(ours, times)) for _ in range(rounds)]
    reference_time, our_time = (statistics.median(times) for times in zip(*turns, strict=True))
    return reference_time / our_time


def processor_time(program: Program, times: int = 1) -> float:
    """Return the processor time of one call in seconds, the mean of so many."""
    start = time.process_time()
    for _ in range(times):
        program()
    return (time.process_time() - start) / times


def peak_memory(program: Program) -> int:
    """Return the most bytes that a call holds at once, its result included."""
    program()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        program()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
