"""A canary in every credential: whatever fails, it is nowhere to be read afterwards."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.desk import open_desk
from riskops.errors import DeliveryError, StoreError
from riskops.pipeline.compose import compose
from riskops.pipeline.send import send
from riskops.records import Verb
from tests.builders import SESSION
from tests.desks import environment, on_the_morning, run_for, whole_environment
from tests.small_desks import PUBLICATION, csv_desk, quiet

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-59c2e7"
RUN = run_for(SESSION)


@pytest.fixture
def closed_port():
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def environ(folder, closed_port):
    """Return the environment of a desk whose mail server is down, a canary in its credentials."""
    return environment(
        folder,
        RISKOPS_SOURCE="csv",
        RISKOPS_DELIVERY="smtp",
        RISKOPS_RECIPIENTS="risk@example.com",
        RISKOPS_SMTP_HOST="127.0.0.1",
        RISKOPS_SMTP_PORT=str(closed_port),
        RISKOPS_SMTP_USER=f"{CANARY}-user",
        RISKOPS_SMTP_PASSWORD=f"{CANARY}-password",
    )


@pytest.fixture
def desk(folder, environ):
    """Return a desk with limits, ready to be mailed."""
    csv_desk(folder, {"3942": quiet()[:30]}).store.close()
    with open_desk(environ, on_the_morning(SESSION)) as made:
        made.store.mornings.publish(PUBLICATION, {})
        made.store.mornings.finish(SESSION, 0, Verb.CHOOSE, {"verdict": "rules_hold", "why": "why"})
        compose(made, RUN)
        yield made


def unreachable(port, database="riskops"):
    return f"postgresql+psycopg://riskops:{CANARY}@127.0.0.1:{port}/{database}?connect_timeout=2"


def everything_below(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_mail_server_that_is_down_gives_no_credential_away(desk, folder, caplog, capfd):
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError) as caught:
        send(desk, RUN)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + "".join(capfd.readouterr())
    assert "risk@example.com" in told
    assert CANARY not in told
    assert CANARY.encode() not in everything_below(folder)


def test_the_mail_command_gives_no_credential_away(desk, environ):
    result = CliRunner().invoke(app, ["send-report", "--session", str(SESSION), "--deliver"], env=environ)
    assert result.exit_code == DeliveryError.exit_code
    assert "risk@example.com" in result.stderr
    assert CANARY not in result.output


def test_status_and_report_give_no_credential_away(desk, environ):
    for command in ("status", "report"):
        result = CliRunner().invoke(app, [command, "--session", str(SESSION)], env=environ)
        assert result.exit_code == 0
        assert CANARY not in result.output


def test_a_database_that_cannot_be_reached_gives_no_credential_away(environ, closed_port):
    with pytest.raises(StoreError) as caught:
        open_desk(environ | {"RISKOPS_DATABASE_URL": unreachable(closed_port)})
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_command_whose_database_cannot_be_reached_fails_and_gives_no_credential_away(tmp_path, closed_port):
    environ = whole_environment(tmp_path, RISKOPS_DATABASE_URL=unreachable(closed_port))
    command = [sys.executable, "-m", "riskops", "status"]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == StoreError.exit_code
    assert "connection" in done.stderr
    assert CANARY not in done.stdout + done.stderr
