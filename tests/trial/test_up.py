"""The true thing, once: `riskops up` from an empty folder to a healthy Airflow, and back to nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from riskops.trial.desk import Ready, read_ready
from riskops.trial.ports import LOOPBACK, is_listened_to
from tests.trial.conftest import living_below

ROOT = Path(__file__).parents[2]
START_SECONDS = 400
STOP_SECONDS = 100

pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(START_SECONDS + STOP_SECONDS)]


def environment() -> dict[str, str]:
    """Return what `make up` sets, with any free port."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("RISKOPS_", "AIRFLOW"))}
    files = "".join((ROOT / "include" / name).read_text() for name in ("demo.env", "airflow.env"))
    return (
        outside
        | dict(re.findall(r"^(\w+)=(.*)$", files, re.MULTILINE))
        | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__API__PORT": "0",
        }
    )


@pytest.fixture
def up(folder) -> Iterator[subprocess.Popen[bytes]]:
    """Return a supervisor whose trial desk is starting."""
    command = [sys.executable, "-m", "riskops", "up", "--folder", folder, "--mail-port", "0", "--no-demo"]
    started = subprocess.Popen(command, cwd=ROOT, env=environment())
    yield started
    started.send_signal(signal.SIGTERM)
    started.wait(STOP_SECONDS)


def ready(folder: Path, up: subprocess.Popen[bytes]) -> Ready:
    latest = time.monotonic() + START_SECONDS
    while (told := read_ready(folder)) is None:
        assert up.poll() is None, "it ended"
        assert time.monotonic() < latest, "it did not get ready"
        time.sleep(0.5)
    return told


@contextmanager
def as_admin(told: Ready) -> Iterator[httpx.Client]:
    """Log in with the password that the desk names."""
    password = json.loads(Path(told.password_file).read_text(encoding="utf-8"))[told.user]
    with httpx.Client(base_url=told.url, timeout=30, trust_env=False) as client:
        answer = client.post("/auth/token", json={"username": told.user, "password": password})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def until_listed(client: httpx.Client, dag_id: str) -> None:
    latest = time.monotonic() + START_SECONDS / 4
    while dag_id not in {dag["dag_id"] for dag in client.get("/api/v2/dags").json()["dags"]}:
        assert time.monotonic() < latest, f"{dag_id} is not in the list"
        time.sleep(0.5)


def databases(told: Ready) -> set[str]:
    url = told.environment["RISKOPS_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def send_a_mail(told: Ready) -> None:
    mail = EmailMessage()
    mail["To"], mail["From"], mail["Subject"] = "desk@localhost", "test@localhost", "caught"
    with smtplib.SMTP(told.environment["RISKOPS_SMTP_HOST"], told.ports.mail, timeout=20) as server:
        server.send_message(mail)


def listening(folder):
    """Return the addresses that the processes of the desk listen on."""
    found = [connection for process in living_below(folder) for connection in connections(process)]
    return {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN}


def connections(process):
    """Return the connections of a process; one that ended meanwhile has none."""
    with suppress(psutil.NoSuchProcess):
        return process.net_connections()
    return []


def test_it_gets_healthy_listens_on_loopback_only_and_leaves_nothing_behind(folder, up):
    told = ready(folder, up)
    with as_admin(told) as client:
        health = client.get("/api/v2/monitor/health").json()
        assert {part["status"] for part in health.values()} == {"healthy"}
        assert set(health) == {"metadatabase", "scheduler", "triggerer", "dag_processor"}
        until_listed(client, "daily_risk_limits")
    assert {"airflow", "riskops"} <= databases(told)
    send_a_mail(told)
    assert len(list(Path(told.mails).iterdir())) == 1
    assert listening(folder) == {LOOPBACK}
    assert (folder / "ready.json").stat().st_mode & 0o777 == 0o600

    up.send_signal(signal.SIGTERM)
    assert up.wait(STOP_SECONDS) == 0
    assert living_below(folder) == []
    assert read_ready(folder) is None
    assert not any(is_listened_to(port) for port in (told.ports.api, told.ports.database, told.ports.mail))
