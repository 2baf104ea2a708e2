"""Engines and transactions: writers never lose a write, readers never wait.

Both databases keep the same promises. SQLite has one writer at a time by itself (BEGIN IMMEDIATE) and
shows a reader one state of the database (WAL). On PostgreSQL a writer takes an advisory lock that ends
with its transaction, and a reader sees one snapshot (REPEATABLE READ).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from riskops.errors import ConfigurationError, StoreError

LOCK_TIMEOUT_MS = 30_000
LOCK_SPACE = 0x5249534B  # "RISK": keeps our advisory locks apart from those of other programs
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
OUR_FAULT = (sa.exc.IntegrityError, sa.exc.DataError)  # the database is sound, what we write is not
SQL_FOLDER = Path(__file__).resolve().parents[2] / "include" / "sql"


class Queue(IntEnum):
    """Writers of one queue wait for each other, so that what one of them read stays true until it commits.

    On PostgreSQL a long load keeps no morning waiting; SQLite has one queue for everybody.
    """

    MORNINGS = 1
    LOADS = 2


class Database:
    """The risk database: `reading` and `writing` hand out connections in a transaction.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://...``.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._readers = _engine(parsed, isolation_level="REPEATABLE READ")
        self._writers = _engine(parsed, isolation_level="READ COMMITTED")
        if self.is_sqlite:
            _tune_sqlite(self._readers, begin="BEGIN")
            _tune_sqlite(self._writers, begin="BEGIN IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Hand out a connection for reads that belong together: all of them see the same state."""
        with _named_errors(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, queue: Queue = Queue.MORNINGS) -> Iterator[sa.Connection]:
        """Hand out a connection whose writes are committed together or not at all.

        Raises
        ------
        StoreError
            If the database cannot be used, or another writer of the queue takes longer than 30 s.
        """
        with _named_errors(), self._writers.begin() as connection:
            if not self.is_sqlite:
                _wait_in(queue, connection)
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._readers.dispose()
        self._writers.dispose()


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn what the driver says of an unusable database into an error with a name and a remedy."""
    try:
        yield
    except OUR_FAULT:
        raise
    except sa.exc.DatabaseError as error:
        raise StoreError(
            f"The risk database cannot be used: {_reason(error.orig)}. "
            "Look at its server, its disk and RISKOPS_DATABASE_URL."
        ) from None


def _reason(error: BaseException | None) -> str:
    """Return what the server said, without the statement it quotes, else what the driver says."""
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return said or str(error).strip()


def _parse(url: str) -> sa.URL:
    remedy = "write sqlite:///path or postgresql+psycopg://..."
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigurationError(f"RISKOPS_DATABASE_URL cannot be parsed; {remedy}") from None
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError(f"RISKOPS_DATABASE_URL names {parsed.drivername!r}; {remedy}")
    return parsed


def _engine(url: sa.URL, isolation_level: str) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    return sa.create_engine(url, pool_pre_ping=True, isolation_level=isolation_level)


def _wait_in(queue: Queue, connection: sa.Connection) -> None:
    """Take the queue's advisory lock until the transaction ends; waiting is limited as on SQLite."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_SPACE, int(queue))))


def _tune_sqlite(engine: sa.Engine, begin: str) -> None:
    """Use WAL, wait for locks, and begin transactions as SQLite needs them under several writers."""

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)


@cache
def statement(name: str) -> str:
    """Return the SQL of ``include/sql/<name>.sql`` without its header; values are bound."""
    lines = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))
