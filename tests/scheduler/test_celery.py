"""A morning through Celery: the services of docker-compose.yaml with their profile, on this machine."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
import sqlalchemy as sa

from riskops.records import RunType
from tests.compose_file import CELERY, DESK
from tests.desks import build_small_desk, keep_on_postgresql, opened
from tests.outside_programs import absent, require
from tests.scheduler.live_airflow import DAG, LiveAirflow, states, until
from tests.scheduler.live_desk import EXCHANGE, MORNING, RECIPIENTS, caught, limits, undisturbed_morning
from tests.scheduler.native_services import NativeServices

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(300)]

ENV = {
    **DESK,
    **CELERY,
    "COMPOSE_PROFILES": "celery,trial",
    "RISKOPS_DEPLOYMENT": "test",
    "RISKOPS_SOURCE": "demo",
    "RISKOPS_CALENDAR": EXCHANGE,
    "RISKOPS_RECIPIENTS": ",".join(RECIPIENTS),
    "RISKOPS_SMTP_SECURITY": "none",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
}
CHANGES = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}  # the morning that is asked for, and no other
ALONE = ("postgres", "redis", "prepare", "mail", "api-server", "dag-processor", "scheduler")
WORKERS = ("worker-1", "worker-2")
PROCESSES = {name: (name,) for name in ALONE} | {"worker": WORKERS}
RAN = re.compile(r"Task execute_workload\[([0-9a-f-]+)\] succeeded")


class CeleryDesk:
    """The small desk that the services work on, and what its morning has to decide."""

    def __init__(self, services: NativeServices) -> None:
        self._services = services

    def build(self) -> None:
        """Fill the risk database, and copy it."""
        url = sa.make_url(self._services.secret("risk_database_owner"))
        build_small_desk(keep_on_postgresql(self._folder, url), EXCHANGE, MORNING)
        with self._services.administration() as connection:
            connection.execute(f"CREATE DATABASE undisturbed TEMPLATE {url.database} OWNER {url.username}")
        keep_on_postgresql(self._copy, url.set(database="undisturbed"))

    def expected(self) -> dict[str, tuple]:
        """Return what an undisturbed morning decides on the copy."""
        return limits(undisturbed_morning(self._copy, MORNING, RunType.MANUAL))

    def decided(self) -> dict[str, tuple]:
        """Return what Airflow's morning decided."""
        with opened(self._folder, RISKOPS_CALENDAR=EXCHANGE) as desk:
            found = desk.store.mornings.publication(MORNING, 0)
        assert found is not None
        return limits(found)

    @property
    def _folder(self) -> Path:
        return self._services.folder / "desk"

    @property
    def _copy(self) -> Path:
        return self._services.folder / "undisturbed"


@pytest.fixture
def services() -> Iterator[NativeServices]:
    """Return the services, not started yet."""
    require("redis-server")
    if importlib.util.find_spec("airflow.providers.celery") is None:
        absent("celery")
    folder = Path(mkdtemp(prefix="riskops-celery-"))  # short, for sockets; the server's account may enter
    folder.chmod(0o711)
    yield NativeServices(folder, ENV, PROCESSES, CHANGES)
    rmtree(folder)


def logged_in(services: NativeServices) -> LiveAirflow:
    """Log in with the password that was made at the first start."""
    passwords = json.loads((services.folder / "login" / "passwords.json").read_text())
    return LiveAirflow(services.api, {"username": "oncall", "password": passwords["oncall"]})


def test_a_morning_is_performed_by_workers_and_decides_what_it_would_alone(services):
    desk, building = CeleryDesk(services), []
    with ThreadPoolExecutor(1) as pool, services.running(lambda: building.append(pool.submit(desk.build))):
        airflow = logged_in(services)
        until(lambda: airflow.knows(DAG) or None, 60, "the daily Dag to be parsed")
        building[0].result()
        airflow.pause(paused=False)
        run_id = airflow.trigger("celery", session=str(MORNING), deliver="yes")
        expected = pool.submit(desk.expected)
        airflow.succeeds(run_id)
        ran = [task for task, state in states(airflow.tasks(run_id)).items() if state == "success"]
        airflow.close()
        assert len(ran) == 10
        until(lambda: performed_by_workers(services) == len(ran) or None, 30, "the workers to be done")
        assert results(services) == len(ran)
        assert services.is_healthy("worker", WORKERS[0])
        assert Counter(mail["To"] for mail in caught(services.mails)) == Counter(RECIPIENTS)
        assert desk.decided() == expected.result()


def performed_by_workers(services: NativeServices) -> int:
    """Return how many tasks the workers say that they have performed."""
    return sum(len(set(RAN.findall(services.log_of(worker)))) for worker in WORKERS)


def results(services: NativeServices) -> int:
    """Return how many results of tasks the workers have left in Airflow's database."""
    with sa.create_engine(services.secret("airflow_database")).connect() as connection:
        done = sa.text("SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'")
        return connection.execute(done).scalar_one()
