"""Engines and transactions: all or nothing, no lost write, and errors with a name."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from riskops.errors import ConfigurationError, StoreError
from riskops.store import database as store_database
from riskops.store import schema
from riskops.store.database import SQL_FOLDER, Database, Queue, statement
from riskops.store.tables import traders
from tests.desks import database_url
from tests.writing import READY, add

ROOT = Path(__file__).resolve().parents[2]
WRITERS, WRITES = 8, 50


@pytest.fixture
def database(folder):
    made = Database(database_url(folder))
    made.create()
    yield made
    made.close()


def names(database):
    with database.reading() as connection:
        return set(connection.execute(sa.select(traders.c.trader_id)).scalars())


def counts(database):
    with database.reading() as connection:
        return list(connection.execute(sa.select(traders.c.name)).scalars())


def add_twice(database, trader_id):
    with database.writing() as connection:
        for _ in range(2):
            connection.execute(sa.insert(traders), [{"trader_id": trader_id, "name": ""}])


def test_an_exception_inside_a_transaction_leaves_nothing(database):
    schema.upgrade(database)
    with pytest.raises(sa.exc.IntegrityError):
        add_twice(database, "3942")
    assert names(database) == set()


@pytest.mark.fault(
    what="eight processes write at once",
    gets="every write",
    rung="-",
    label="-",
    told="nobody",
)
def test_eight_processes_that_write_at_once_lose_no_write(database, folder):
    """Every writer counts what is there and writes the count down: no two may have seen the same."""
    schema.upgrade(database)
    writers = [writer_process(database_url(folder), name) for name in range(WRITERS)]
    assert [process.stdout.readline().strip() for process in writers] == [READY] * WRITERS
    for process in writers:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in writers] == [""] * WRITERS
    assert [process.returncode for process in writers] == [0] * WRITERS
    assert sorted(map(int, counts(database))) == list(range(WRITERS * WRITES))


def writer_process(url, name):
    """Start a process that will write; what it says of an error comes back on its second stream."""
    command = [sys.executable, "-m", "tests.writing", url, str(name), str(WRITES)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def test_a_reader_sees_the_state_before_an_open_transaction(database):
    schema.upgrade(database)
    with database.writing() as connection:
        connection.execute(sa.insert(traders), [{"trader_id": "3942", "name": ""}])
        assert names(database) == set()
    assert names(database) == {"3942"}


def test_reads_that_belong_together_see_the_same_state(database):
    schema.upgrade(database)
    query = sa.select(sa.func.count()).select_from(traders)
    with database.reading() as connection:
        before = connection.execute(query).scalar_one()
        add(database, "3942")
        assert connection.execute(query).scalar_one() == before == 0
    assert names(database) == {"3942"}


class TestOneState:
    def test_every_read_within_sees_the_same_state(self, database):
        schema.upgrade(database)
        with database.one_state():
            assert names(database) == set()
            add(database, "3942")
            assert names(database) == set()
        assert names(database) == {"3942"}

    def test_it_is_read_over_one_connection(self, database):
        schema.upgrade(database)
        with database.one_state(), database.reading() as one, database.reading() as other:
            assert one is other
        with database.reading() as one, database.reading() as other:
            assert one is not other

    def test_other_threads_see_what_is_there(self, database):
        schema.upgrade(database)
        with database.one_state(), ThreadPoolExecutor(1) as elsewhere:
            names(database)
            add(database, "3942")
            assert elsewhere.submit(names, database).result() == {"3942"}

    def test_after_an_error_reads_are_their_own_again(self, database):
        schema.upgrade(database)
        with pytest.raises(KeyError), database.one_state():
            raise KeyError
        add(database, "3942")
        assert names(database) == {"3942"}


@pytest.mark.fault(
    what="a writer waits too long for the risk database",
    gets="nothing half-written; the verb is tried again",
    rung="-",
    label="StoreError",
    told="on-call, through the task that is given up",
)
@pytest.mark.parametrize("queue", Queue)
def test_a_writer_that_waits_too_long_is_told_so_by_name(queue, database, monkeypatch):
    schema.upgrade(database)
    monkeypatch.setattr(store_database, "LOCK_TIMEOUT_MS", 50)
    told = pytest.raises(StoreError, match=r"cannot be used: .*lock(ed| timeout)")
    with database.writing(queue), told, database.writing(queue):
        pass
    add(database, "3942")
    assert names(database) == {"3942"}


def test_on_postgresql_a_long_load_keeps_no_morning_waiting(postgresql_folder):
    database = Database(database_url(postgresql_folder))
    schema.upgrade(database)
    with database.writing(Queue.LOADS):
        add(database, "3942")
    assert names(database) == {"3942"}
    database.close()


def test_a_database_without_tables_is_an_error_with_a_name_and_a_remedy(database):
    missing = r"(no such table: traders|relation \"traders\" does not exist)\. Look at its server"
    with pytest.raises(StoreError, match=missing):
        names(database)


def test_a_file_that_is_no_database_is_an_error_with_a_name_and_a_remedy(tmp_path):
    (tmp_path / "risk.db").write_text("account,net\n" * 1_000)
    with pytest.raises(StoreError, match=r"not a database.*RISKOPS_DATABASE_URL"):
        names(Database(f"sqlite:///{tmp_path / 'risk.db'}"))


class TestCreating:
    """Only who is asked to creates a database; a mistyped path is told, and nothing is made there."""

    @pytest.fixture
    def mistyped(self, tmp_path):
        made = Database(f"sqlite:///{tmp_path / 'mistyped' / 'risk.db'}")
        yield made
        made.close()

    def test_opening_a_database_makes_nothing(self, mistyped, tmp_path):
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("transaction", ["reading", "writing"])
    def test_a_database_that_is_not_there_is_refused_with_path_and_remedy(
        self, transaction, mistyped, tmp_path
    ):
        told = rf"at {tmp_path}/mistyped/risk\.db: correct RISKOPS_DATABASE_URL, or run `riskops migrate`"
        with pytest.raises(ConfigurationError, match=told), getattr(mistyped, transaction)():
            pass
        assert list(tmp_path.iterdir()) == []

    def test_a_database_that_went_away_is_not_made_again(self, mistyped, tmp_path):
        schema.upgrade(mistyped)
        for file in (tmp_path / "mistyped").iterdir():
            file.unlink()
        with pytest.raises(ConfigurationError, match="no risk database"):
            names(mistyped)
        assert list((tmp_path / "mistyped").iterdir()) == []

    def test_migrating_makes_file_and_folder(self, mistyped):
        schema.upgrade(mistyped)
        assert schema.is_current(mistyped)

    def test_a_place_where_nothing_can_be_made_is_told_with_path_and_remedy(self, tmp_path):
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(ConfigurationError, match=r"file/risk\.db cannot be created: .*Correct RISKOPS"):
            schema.upgrade(Database(f"sqlite:///{tmp_path / 'file' / 'risk.db'}"))


@pytest.mark.parametrize("file", sorted(SQL_FOLDER.glob("*.sql")), ids=lambda file: file.stem)
def test_every_statement_says_purpose_grain_and_parameters(file):
    header = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("--")]
    assert [line.split(":")[0] for line in header if line[3:4].isupper()] == [
        "-- Purpose",
        "-- Grain",
        "-- Parameters",
    ]
    assert "--" not in statement(file.stem)


def test_a_server_that_takes_connections_and_says_nothing_counts_as_gone(monkeypatch):
    monkeypatch.setitem(store_database.PATIENCE, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql+psycopg://r@127.0.0.1:{silent.getsockname()[1]}/r")
        with pytest.raises(StoreError, match="timeout"), database.reading():
            pytest.fail("nobody answered")


@pytest.mark.parametrize(("query", "asked"), [("", 10), ("?connect_timeout=60", "60")])
def test_the_url_may_ask_for_more_patience(query, asked):
    database = Database(f"postgresql+psycopg://r@127.0.0.1:1/r{query}")
    seen = []

    @sa.event.listens_for(database._readers, "do_connect")
    def _connecting(_dialect, _record, _arguments, parameters):
        seen.append(parameters["connect_timeout"])

    with pytest.raises(StoreError), database.reading():
        pytest.fail("nobody listens there")
    assert seen == [asked]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///risk.db?mode=ro",
        "sqlite://host/risk.db",
        "sqlite:///a\0b",
        "sqlite:///\udcff.db",
        "postgresql+psycopg://db/\udcff",
        "postgresql+psycopg2://db/risk",
        "mysql://db/risk",
        "risk.db",
    ],
)
def test_a_url_that_names_no_database_that_can_be_kept_is_refused_by_the_setting_s_name(url):
    with pytest.raises(ConfigurationError, match=r"RISKOPS_DATABASE_URL .*; write sqlite:///path or"):
        Database(url)


def test_postgresql_without_a_driver_means_the_one_that_is_installed():
    assert Database("postgresql://db/risk")._readers.driver == "psycopg"
