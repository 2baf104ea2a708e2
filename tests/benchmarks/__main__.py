"""Measure every bar of speed: ``python -m tests.benchmarks [--write docs/performance.md]``.

Prints one line a figure as it is measured. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

from tests.benchmarks import (
    bootstrap,
    daily_dag,
    desk_page,
    features,
    growth,
    ingest,
    morning,
    walk_forward,
)
from tests.benchmarks.measuring import Bar, Bars

console = Console(soft_wrap=True, highlight=False, markup=False)
progress = Console(stderr=True, highlight=False)
SUBJECTS: tuple[Callable[[], Bars], ...] = (
    features.bars,
    walk_forward.bars,
    bootstrap.bars,
    morning.bars,
    growth.bars,
    ingest.bars,
    daily_dag.bars,
    desk_page.bars,
)
LIBRARIES = ("numpy", "pandas", "scikit-learn", "arch", "apache-airflow")
HEAD = """# Performance

Made by `make bench`, which ends with an error where a bar is missed; it takes some ten minutes. Every figure
is a ratio: both programs run in turns in one run, by processor time on one core (the DAG and the trades
into the database: by the clock on the wall), and the medians are compared. So the figures mean the same
on another machine, about.

"""
FOOT = """
* A desk of 15 x 750 has fifteen traders, 750 sessions, 30 trades a trader-day; that of 1,500 x 1,250 has 2.
* The naive versions compute the same numbers, which the run checks before it measures: features to 1e-9,
  ridge to 1e-10, logistic to 1e-8, scores exactly and risks to 1e-6. They are in `tests/benchmarks/`.
* The ridge is measured without its standard errors, which the naive version lacks; `score_pooled_model`
  is measured with them.
* The bare arithmetic of a morning has no records, reasons or ways back, and no base limit that changes.
* Growth 1 means that ten times the rows take ten times the time.
* `airflow dags test` starts Airflow and parses the DAGs each time: both sides pay for that. The daily DAG
  may take 3 times as long, because its tasks read three years of trades and check the night's.
* The pages of the desk are answered within Airflow's application, the check of the login included. What a
  sealed session rests on is kept once it was read; the first look at it reads and works it out. That of a
  trader reads a year of trades and plays 17 cuts on them with 2,000 resamples, which an empty page does not.

Regenerate this page: `make bench WRITE=docs/performance.md`.
"""


def main() -> int:
    """Measure, print and, where asked for, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="the page to write the table to")
    page = parser.parse_args().write
    bars = list(_measured())
    if page is not None:
        page.write_text(HEAD + _versions() + _table(bars) + FOOT, encoding="utf-8")
    missed = [bar.what for bar in bars if not bar.met]
    console.print(f"Missed: {', '.join(missed)}" if missed else f"All {len(bars)} bars are met.")
    return int(bool(missed))


def _measured() -> Iterator[Bar]:
    with threadpool_limits(1):
        for subject in SUBJECTS:
            progress.print(f"... {subject.__module__.rpartition('.')[2]}")
            for bar in subject():
                console.print(_line(bar))
                yield bar


def _line(bar: Bar) -> str:
    mark = "met   " if bar.met else "MISSED"
    return f"{mark}  {bar.measured:>12}  ({bar.wanted})  {bar.what}; against {bar.against}"


def _versions() -> str:
    found = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"Measured with Python {platform.python_version()}, {found}; {os.cpu_count()} cores.\n\n"


def _table(bars: list[Bar]) -> str:
    return "| what | against | measured | bar |\n|---|---|---|---|\n" + "".join(map(_row, bars))


def _row(bar: Bar) -> str:
    missed = "" if bar.met else ": **missed**"
    return f"| {bar.what} | {bar.against} | {bar.measured} | {bar.wanted}{missed} |\n"


if __name__ == "__main__":
    sys.exit(main())
