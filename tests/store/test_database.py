"""Engines and transactions: all or nothing, no lost write, and errors with a name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from riskops.errors import StoreError
from riskops.store import schema
from riskops.store.database import SQL_FOLDER, Database, statement
from riskops.store.tables import traders

WRITERS, WRITES = 8, 20


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'risk.db'}"


def names(database):
    with database.reading() as connection:
        return set(connection.execute(sa.select(traders.c.trader_id)).scalars())


def add(database, trader_id):
    with database.writing() as connection:
        held = connection.execute(sa.select(sa.func.count()).select_from(traders)).scalar_one()
        connection.execute(sa.insert(traders), [{"trader_id": trader_id, "name": str(held)}])


def add_twice(database, trader_id):
    with database.writing() as connection:
        for _ in range(2):
            connection.execute(sa.insert(traders), [{"trader_id": trader_id, "name": ""}])


def test_an_exception_inside_a_transaction_leaves_nothing(url):
    database = Database(url)
    schema.upgrade(database)
    with pytest.raises(sa.exc.IntegrityError):
        add_twice(database, "3942")
    assert names(database) == set()


def test_eight_writers_lose_no_write(url):
    schema.upgrade(Database(url))

    def write(writer):
        database = Database(url)
        for number in range(WRITES):
            add(database, f"{writer}-{number}")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert len(names(Database(url))) == WRITERS * WRITES


def test_a_reader_sees_the_state_before_an_open_transaction(url):
    database = Database(url)
    schema.upgrade(database)
    with database.writing() as connection:
        connection.execute(sa.insert(traders), [{"trader_id": "3942", "name": ""}])
        assert names(database) == set()
    assert names(database) == {"3942"}


def test_a_database_without_tables_is_an_error_with_a_name_and_a_remedy(url):
    with pytest.raises(StoreError, match=r"no such table: traders\. Look at its server"):
        names(Database(url))


@pytest.mark.parametrize("file", sorted(SQL_FOLDER.glob("*.sql")), ids=lambda file: file.stem)
def test_every_statement_says_purpose_grain_and_parameters(file):
    header = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("--")]
    assert [line.split(":")[0] for line in header if line[3:4].isupper()] == [
        "-- Purpose",
        "-- Grain",
        "-- Parameters",
    ]
    assert "--" not in statement(file.stem)
