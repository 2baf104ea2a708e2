"""``riskops watchdog`` with the database out of reach: its exit code says how the desk stands."""

from __future__ import annotations

import signal
import socket
from dataclasses import replace
from datetime import time

import pytest
from typer.testing import CliRunner

from riskops import limits_file
from riskops.cli import app
from riskops.commands import live
from riskops.errors import ConfigurationError, LimitsFileError, OlderRecordError, StoreError
from riskops.limits_file import State
from tests.builders import SESSION
from tests.desks import environment, on_the_morning, opened
from tests.small_desks import NIGHT, PUBLICATION

CANARY = "canary-83af10"


@pytest.fixture
def closed_port():
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def unreachable(tmp_path, closed_port, listener):
    """Return the environment of a desk whose database server is down."""
    return environment(
        tmp_path,
        RISKOPS_DATABASE_URL=f"postgresql+psycopg://riskops:{CANARY}@127.0.0.1:{closed_port}/riskops",
        RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_address[1]}/on-call",
    )


@pytest.fixture
def last_file(tmp_path):

    file = limits_file.limits_file(replace(PUBLICATION, session=NIGHT), "test", State.SEALED)
    limits_file.write(file, tmp_path / "out")
    limits_file.make_current(file, tmp_path / "out")


@pytest.fixture
def watchdog(monkeypatch):
    """Return what runs the command at a New York time of the session."""

    def run(environ, now):
        clock = on_the_morning(SESSION, now)
        monkeypatch.setattr(live, "wall_clock", clock)
        monkeypatch.setattr(live, "open_desk", lambda environ: open_at(environ, clock))
        return CliRunner().invoke(app, ["watchdog"], env=environ)

    open_at = live.open_desk
    return run


def said(listener):
    return " ".join(body["text"] for _, body in listener.heard)


def test_limits_leave_and_somebody_has_to_look(unreachable, last_file, watchdog, tmp_path, listener):
    result = watchdog(unreachable, time(7, 28))
    assert result.exit_code == live.NOT_WELL
    assert "HELD (rung 3)" in (tmp_path / "out" / str(SESSION) / "limits.txt").read_text()
    assert "An EMERGENCY MAIL left" in said(listener)


def test_before_limits_are_due_the_database_s_error_ends_it_and_is_told(
    unreachable, last_file, watchdog, listener
):
    assert watchdog(unreachable, time(6, 30)).exit_code == StoreError.exit_code
    assert "At 07:28 New York limits are mailed" in said(listener)


def test_without_a_limits_file_its_error_ends_it(unreachable, watchdog, tmp_path):
    assert watchdog(unreachable, time(7, 28)).exit_code == LimitsFileError.exit_code
    assert not (tmp_path / "out" / str(SESSION)).exists()


def test_no_credential_is_given_away(unreachable, last_file, watchdog, tmp_path, listener):
    result = watchdog(unreachable, time(7, 28))
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CANARY not in result.output + said(listener)
    assert CANARY.encode() not in files
    assert b"HELD" in files


@pytest.mark.fault(
    what="the risk database was not migrated to the installed version, or its file is gone",
    gets="limits held from the last limits file at 07:28",
    rung="3",
    label="EMERGENCY MAIL",
    told="risk managers (mail), on-call (webhook)",
)
def test_a_database_that_is_not_there_is_gone_as_well(unreachable, last_file, watchdog, tmp_path, listener):
    environ = unreachable | {"RISKOPS_DATABASE_URL": f"sqlite:///{tmp_path / 'no' / 'risk.db'}"}
    assert watchdog(environ, time(7, 28)).exit_code == live.NOT_WELL
    assert (tmp_path / "out" / str(SESSION) / "limits.txt").exists()
    assert "An EMERGENCY MAIL left with rung 3 hold" in said(listener)


@pytest.mark.fault(
    what="the risk database knows nothing of the last mail and limits are due",
    gets="limits held from the last limits file at 07:28",
    rung="3",
    label="EMERGENCY MAIL",
    told="risk managers (mail), on-call (webhook)",
)
def test_a_database_from_before_the_last_mail_counts_as_gone(last_file, watchdog, folder, listener):
    opened(folder).store.close()
    environ = environment(
        folder, RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_address[1]}/on-call"
    )
    assert watchdog(environ, time(6, 30)).exit_code == OlderRecordError.exit_code
    assert "riskops take-over" in said(listener)
    assert watchdog(environ, time(7, 28)).exit_code == live.NOT_WELL
    assert "HELD (rung 3)" in (folder / "out" / str(SESSION) / "limits.txt").read_text()


@pytest.mark.fault(
    what="the watchdog cannot read its settings",
    gets="nothing from the watchdog: Airflow's own morning goes on",
    rung="-",
    label="ConfigurationError, exit code 11",
    told="on-call (webhook), if the webhook itself can be read",
)
def test_settings_that_are_wrong_end_it_before_anything_is_tried(unreachable, watchdog, listener):
    result = watchdog(unreachable | {"RISKOPS_DELIVERY": "pigeon"}, time(7, 28))
    assert result.exit_code == ConfigurationError.exit_code
    assert "RISKOPS_DELIVERY" in result.output
    (told,) = listener.heard
    assert "RiskOps test: the watchdog cannot read its settings" in told[1]["text"]
    assert "RISKOPS_DELIVERY" in told[1]["text"]


def test_settings_without_a_name_are_told_as_well(unreachable, watchdog, listener):
    assert watchdog(unreachable | {"RISKOPS_DEPLOYMENT": ""}, time(7, 28)).exit_code == 11
    assert "RISKOPS_DEPLOYMENT is not set" in said(listener)


def test_where_the_webhook_itself_is_wrong_the_exit_code_is_what_is_left(unreachable, watchdog, listener):
    result = watchdog(unreachable | {"RISKOPS_ON_CALL_WEBHOOK": f"ftp://{CANARY}"}, time(7, 28))
    assert (result.exit_code, CANARY in result.output) == (11, False)
    assert listener.heard == []


def test_an_unknown_calendar_is_told(unreachable, watchdog, listener):
    result = watchdog(unreachable | {"RISKOPS_CALENDAR": "MOON"}, time(7, 28))
    assert result.exit_code == ConfigurationError.exit_code
    assert "the watchdog failed" in said(listener)


def test_on_a_quiet_morning_all_is_well(folder, watchdog):
    opened(folder).store.close()
    result = watchdog(environment(folder), time(6, 5))
    assert (result.exit_code, "All is well." in result.output) == (0, True)


@pytest.mark.fault(
    what="the database server accepts connections and never answers",
    gets="limits held from the last limits file at 07:28",
    rung="3",
    label="EMERGENCY MAIL",
    told="risk managers (mail), on-call (webhook)",
)
def test_a_server_that_never_answers_counts_as_gone(
    unreachable, last_file, watchdog, monkeypatch, tmp_path, silent_server, listener
):
    monkeypatch.setattr(live, "ANSWER_WITHIN_SECONDS", 1)
    environ = unreachable | {"RISKOPS_DATABASE_URL": f"postgresql+psycopg://r@127.0.0.1:{silent_server}/r"}
    before = signal.getsignal(signal.SIGALRM)
    assert watchdog(environ, time(7, 28)).exit_code == live.NOT_WELL
    assert "no answer within 1 s" in (tmp_path / "out" / str(SESSION) / "limits.txt").read_text()
    assert signal.getsignal(signal.SIGALRM) is before
    assert "An EMERGENCY MAIL left with rung 3 hold" in said(listener)


@pytest.fixture
def silent_server():
    """Return the port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
