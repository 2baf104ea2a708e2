"""One live Airflow on PostgreSQL for all tests here, and a risk database of its own for each of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from riskops.trial.desk import Ready, read_ready
from tests.airflow_home import DAGS, PLUGINS, PROJECT
from tests.scheduler.live_airflow import DAG, LiveAirflow, until
from tests.scheduler.live_desk import EXCHANGE, MORNING, RECIPIENTS, LiveDesk, Templates

READY_SECONDS = 300


@pytest.fixture(scope="session")
def trial_desk() -> Iterator[Ready]:
    """Return where the trial desk of these tests is, once all of it is healthy."""
    folder = Path(mkdtemp(prefix="riskops-trial-"))  # pytest's own folders are closed to the server's account
    folder.chmod(0o711)
    options = ("--folder", str(folder), "--mail-port", "0", "--no-demo")
    process = subprocess.Popen(
        [sys.executable, "-m", "riskops", "up", *options], cwd=PROJECT, env=_environment()
    )
    try:
        yield until(lambda: _ready(folder, process), READY_SECONDS, "the trial desk to be ready")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    shutil.rmtree(folder)


def _ready(folder: Path, process: subprocess.Popen[bytes]) -> Ready | None:
    assert process.poll() is None, f"the trial desk ended: its logs are below {folder}"
    return read_ready(folder)


def _environment() -> dict[str, str]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("RISKOPS_", "AIRFLOW"))}
    return outside | {
        "RISKOPS_DEPLOYMENT": "test",
        "RISKOPS_SOURCE": "demo",
        "RISKOPS_CALENDAR": EXCHANGE,
        "RISKOPS_RECIPIENTS": ",".join(RECIPIENTS),
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_TASK_RETRIES": "1",
        "RISKOPS_RETRY_DELAY_SECONDS": "1",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": "0",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "GX_ANALYTICS_ENABLED": "False",
    }


@pytest.fixture(scope="session")
def airflow(trial_desk: Ready) -> Iterator[LiveAirflow]:
    """Return the live Airflow, once it knows the daily Dag."""
    live = LiveAirflow(trial_desk.url)
    until(lambda: live.knows(DAG) or None, READY_SECONDS, "the daily Dag to be parsed")
    yield live
    live.close()


@pytest.fixture(scope="session")
def templates(trial_desk: Ready, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(trial_desk, tmp_path_factory.mktemp("templates"))


@pytest.fixture
def desk(trial_desk: Ready, airflow: LiveAirflow, templates: Templates, tmp_path: Path) -> LiveDesk:
    """Return a desk of this test's own, with no morning yet and no mail; no earlier run is left."""
    airflow.forget_runs()
    return LiveDesk(trial_desk, templates, tmp_path).begins_before(MORNING)
