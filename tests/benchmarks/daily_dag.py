"""The whole morning through Airflow against a DAG of as many tasks that does nothing."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from riskops.pipeline.demo import set_up_demo
from riskops.sources.demo import PINNED_SESSION
from tests import airflow_home
from tests.benchmarks.measuring import Bar, Bars
from tests.desks import copied, keep_on_sqlite, opened, whole_environment

ROUNDS = 3
AIRFLOW = Path(sys.executable).parent / "airflow"
TRIVIAL = Path(__file__).parent / "dags"


def bars() -> Bars:
    """Measure by the clock on the wall, Airflow's own start included, on the whole demo desk."""
    with tempfile.TemporaryDirectory(prefix="riskops-bench-") as name:
        folder = Path(name)
        _set_up(folder)
        turns = [(_trivial(folder), _daily(folder, turn)) for turn in range(ROUNDS)]
    trivial, daily = (statistics.median(times) for times in zip(*turns, strict=True))
    yield Bar(
        "wall time of `daily_risk_limits` on the demo desk",
        "the same tasks doing nothing, by `airflow dags test`",
        daily / trivial,
        3,
    )


def _set_up(folder: Path) -> None:
    (folder / "desk").mkdir()
    with opened(keep_on_sqlite(folder / "desk")) as desk:
        set_up_demo(desk, lambda done, of: None)
    _airflow(folder, airflow_home.DAGS, {}, "db", "migrate")


def _trivial(folder: Path) -> float:
    return _airflow(folder, TRIVIAL, {}, "dags", "test", "as_many_tasks", f"{PINNED_SESSION}T10:00:00+00:00")


def _daily(folder: Path, turn: int) -> float:
    desk = copied(folder / "desk", folder / f"morning-{turn}")
    asked = json.dumps({"session": PINNED_SESSION.isoformat(), "deliver": "yes"})
    when = f"{PINNED_SESSION}T10:00:00+00:00"
    environment = whole_environment(desk)
    return _airflow(
        folder, airflow_home.DAGS, environment, "dags", "test", "daily_risk_limits", when, "--conf", asked
    )


def _airflow(folder: Path, dags: Path, environment: dict[str, str], *command: str) -> float:
    """Run Airflow in a home of its own, and return the seconds it takes."""
    settings = airflow_home.environment(folder / "airflow") | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    start = time.monotonic()
    done = subprocess.run(
        [str(AIRFLOW), *command],
        env={**os.environ, **environment, **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}")
    return time.monotonic() - start
