"""A private copy of the risk database: one state of it in an SQLite file, whatever keeps the original."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from riskops.store.database import Database
from riskops.store.tables import metadata

CHUNK = 2_000


def copy(database: Database, path: Path) -> None:
    """Copy everything that is in the database at this moment to a new file.

    Raises
    ------
    StoreError
        If the database cannot be read.
    """
    with database.reading() as connection:
        if database.is_sqlite:
            _copy_file(connection, path)
        else:
            _copy_rows(connection, path)


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """Open a copy, and close it after use."""
    database = Database(f"sqlite:///{path}")
    try:
        yield database
    finally:
        database.close()


def _copy_file(connection: sa.Connection, path: Path) -> None:
    original = connection.connection.driver_connection
    assert isinstance(original, sqlite3.Connection)  # noqa: S101 - the driver of the URLs that are accepted
    with closing(sqlite3.connect(path)) as target:
        original.backup(target)


def _copy_rows(connection: sa.Connection, path: Path) -> None:
    with opened(path) as copied:
        copied.create()
        with copied.writing() as target:
            metadata.create_all(target)
            for table in metadata.sorted_tables:
                _copy_table(connection, target, table)


def _copy_table(connection: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    rows = connection.execute(sa.select(table).execution_options(yield_per=CHUNK)).mappings()
    for part in rows.partitions():
        target.execute(sa.insert(table), [dict(row) for row in part])
