"""What the services run of our own: databases, the watchdog's clock, the question for health."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from riskops import config
from riskops.sessions import DESK_ZONE
from tests.compose_file import PROJECT

DOCKER = PROJECT / "include" / "docker"


def script(name):
    specification = importlib.util.spec_from_file_location(name, DOCKER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# --- databases ------------------------------------------------------------------------------


@pytest.fixture
def databases(postgresql, tmp_path, monkeypatch):
    """Return the script, for a desk whose databases and roles have names of this test's own."""
    name = f"desk_{tmp_path.name.strip('_')}".lower().replace("-", "_")[:40]
    urls = {
        "airflow_database": (f"{name}_airflow", f"{name}_a"),
        "risk_database_owner": (f"{name}_owner", f"{name}_r"),
        "risk_database": (f"{name}_runtime", f"{name}_r"),
    }
    for secret, (role, database) in urls.items():
        (tmp_path / secret).write_text(f"postgresql+psycopg://{role}:first@/{database}")
    (tmp_path / "postgres_password").write_text("of the administrator")
    monkeypatch.setenv("PGHOST", postgresql.query.get("host") or postgresql.host)
    monkeypatch.setenv("PGUSER", postgresql.username)
    if postgresql.port:
        monkeypatch.setenv("PGPORT", str(postgresql.port))
    module = script("databases")
    monkeypatch.setattr(module, "SECRETS", tmp_path)
    yield module
    with module._connected("postgres") as connection:
        for statement in [f"DROP DATABASE IF EXISTS {name}_{which}" for which in "ar"]:
            connection.execute(statement)
        for role in ("airflow", "owner", "runtime"):
            connection.execute(f"DROP ROLE IF EXISTS {name}_{role}")


def known(module):
    with module._connected("postgres") as connection:
        owners = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE 'desk_%'"
        )
        return dict(owners.fetchall())


def digests(module):
    with module._connected("postgres") as connection:
        found = connection.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'desk_%'")
        return dict(found.fetchall())


def test_each_of_both_databases_belongs_to_a_role_of_its_own(databases):
    databases.create()
    owners = {name[-1]: owner.rsplit("_", 1)[1] for name, owner in known(databases).items()}
    assert owners == {"a": "airflow", "r": "owner"}


def test_passwords_are_those_of_the_secrets_and_the_server_keeps_digests(databases):
    databases.create()
    assert all(digest.startswith("SCRAM-SHA-256$") for digest in digests(databases).values())
    assert len(digests(databases)) == 3


def test_again_makes_nothing_anew_and_takes_the_passwords_there_are(databases):
    databases.create()
    owners, before = known(databases), digests(databases)
    secret = databases.SECRETS / "risk_database"
    secret.write_text(secret.read_text().replace("first", "second"))
    databases.create()
    assert known(databases) == owners
    assert digests(databases).keys() == before.keys()


def test_the_rights_are_those_of_the_file_of_roles(databases):
    assert databases.ROLES == PROJECT / "include" / "sql" / "roles.sql"
    urls = {"riskops_owner", "riskops_runtime"}
    made = (DOCKER / "secrets.sh").read_text(encoding="utf-8")
    assert all(role in databases.ROLES.read_text(encoding="utf-8") and f"//{role}:" in made for role in urls)


# --- the watchdog's clock -------------------------------------------------------------------


@pytest.fixture(scope="module")
def clock():
    return script("watchdog")


def new_york(day, at):
    return datetime.combine(date(2026, 3, day), at, DESK_ZONE)


def test_it_looks_at_every_time_of_the_configuration_and_at_no_other(clock):
    now, looks = new_york(16, config.WATCHDOG_AT[-1]), []
    for _ in config.WATCHDOG_AT:
        now = clock.next_look(now)
        looks.append(now)
    assert looks == [new_york(17, at) for at in config.WATCHDOG_AT]


def test_it_keeps_new_york_s_time_when_clocks_change(clock):
    evening = datetime(2026, 3, 7, 20, 0, tzinfo=DESK_ZONE)  # clocks go forward in the night
    look = clock.next_look(evening.astimezone(UTC))
    assert (look.date().isoformat(), look.time()) == ("2026-03-08", config.WATCHDOG_AT[0])
    assert look.utcoffset() == timedelta(hours=-4)


@pytest.mark.parametrize(
    ("hour", "minute", "at_once"),
    [(6, 29, False), (6, 30, True), (7, 29, True), (8, 0, True), (8, 1, False)],
)
def test_one_that_is_started_in_the_middle_of_a_morning_looks_at_once(clock, hour, minute, at_once):
    assert clock.is_watching_time(datetime(2026, 3, 16, hour, minute, tzinfo=DESK_ZONE)) is at_once


def test_a_look_that_hangs_is_ended_and_the_clock_goes_on(clock, monkeypatch, capsys):
    def hang(command, timeout, check):
        assert command == [sys.executable, "-m", "riskops", "watchdog"]
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(clock.subprocess, "run", hang)
    clock.look()
    assert "no answer" in capsys.readouterr().err


# --- health ---------------------------------------------------------------------------------


@pytest.fixture
def api():
    """Return an api-server's address, and what it says of its parts: may be changed."""
    said = {"metadatabase": {"status": "healthy"}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", said
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_api_server_is_healthy_when_it_reaches_its_database(api):
    address, said = api
    assert script("health").main(address) == 0
    said["metadatabase"]["status"] = "unhealthy"
    assert script("health").main(address) == 1


def test_a_part_is_healthy_when_the_api_server_says_so(api):
    address, said = api
    assert script("health").main(address, "dag_processor") == 1
    said["dag_processor"] = {
        "status": "healthy",
        "latest_dag_processor_heartbeat": datetime.now(UTC).isoformat(),
    }
    assert script("health").main(address, "dag_processor") == 0
    assert script("health").main(address, "dag_processor", "scheduler") == 1


def test_nobody_is_healthy_where_nobody_answers():
    assert script("health").main("http://127.0.0.1:1") == 1
