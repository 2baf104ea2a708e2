"""Engines and transactions: writers never lose a write, readers never wait.

Both databases keep the same promises. SQLite has one writer at a time by itself (BEGIN IMMEDIATE) and
shows a reader one state of the database (WAL). On PostgreSQL a writer takes an advisory lock that ends
with its transaction, and a reader sees one snapshot (REPEATABLE READ).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from riskops.errors import ConfigurationError, StoreError

LOCK_TIMEOUT_MS = 30_000
PATIENCE = {  # s, but for the milliseconds of the second: a silent server counts as gone
    "connect_timeout": 10,
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
OWNER_ONLY = 0o600  # the file of a new SQLite database; its journals follow it
LOCK_SPACE = 0x5249534B  # "RISK": keeps our advisory locks apart from those of other programs
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
OUR_FAULT = (sa.exc.IntegrityError, sa.exc.DataError)  # the database is sound, what we write is not
SQL_FOLDER = Path(__file__).resolve().parents[2] / "include" / "sql"
_READ = re.compile(r"\b(?:FROM|JOIN) (\w+_as_of)\b")


class Queue(IntEnum):
    """Writers of one queue wait for each other, so that what one of them read stays true until it commits.

    On PostgreSQL a long load keeps no morning waiting; SQLite has one queue for everybody.
    """

    MORNINGS = 1
    LOADS = 2


class Database:
    """The risk database: `reading` and `writing` hand out connections in a transaction.

    Neither of them creates a database that is not there; only `create` does.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://...``.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._file = _file_of(parsed)
        self._readers = _engine(parsed, isolation_level="REPEATABLE READ")
        self._writers = _engine(parsed, isolation_level="READ COMMITTED")
        if self.is_sqlite:
            _tune_sqlite(self._readers, begin="BEGIN")
            _tune_sqlite(self._writers, begin="BEGIN IMMEDIATE")
        self._held = threading.local()

    def create(self) -> None:
        """Create the file of an SQLite database, and its folder, where they are missing.

        Raises
        ------
        ConfigurationError
            If the file cannot be made where the URL says.
        """
        if self._file is None or os.path.exists(self._file):
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=OWNER_ONLY)
        except OSError as error:
            raise ConfigurationError(
                f"The risk database {self._file} cannot be created: {error.strerror}. "
                "Correct RISKOPS_DATABASE_URL, or the rights of the folder."
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Hand out a connection for reads that belong together: all of them see the same state."""
        held = getattr(self._held, "connection", None)
        if held is not None:
            with _named_errors():
                yield held
            return
        self._refuse_missing()
        with _named_errors(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """Let every read of this thread see one and the same state until the end, over one connection.

        For what is shown together, and only read: what is written meanwhile is not seen.
        """
        with self.reading() as connection:
            outer = getattr(self._held, "connection", None)
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = outer

    @contextmanager
    def writing(self, *queues: Queue) -> Iterator[sa.Connection]:
        """Hand out a connection whose writes are committed together or not at all.

        Without a named queue the writer is one of the mornings'.

        Raises
        ------
        ConfigurationError
            If there is no database yet.
        StoreError
            If the database cannot be used, or another writer of the queue takes longer than 30 s.
        """
        self._refuse_missing()
        with _named_errors(), self._writers.begin() as connection:
            if not self.is_sqlite:
                for queue in sorted(queues or (Queue.MORNINGS,)):
                    _wait_in(queue, connection)
            yield connection

    def wait_in(self, queue: Queue, connection: sa.Connection) -> None:
        """Take the turn in one more queue until the transaction ends; on SQLite a writer has it."""
        if not self.is_sqlite:
            _wait_in(queue, connection)

    def close(self) -> None:
        """Give all connections back."""
        self._readers.dispose()
        self._writers.dispose()

    def _refuse_missing(self) -> None:
        """Refuse to connect where SQLite would make an empty file: the URL may be mistyped."""
        if self._file is not None and not os.path.exists(self._file):
            raise ConfigurationError(
                f"There is no risk database at {self._file.absolute()}: correct RISKOPS_DATABASE_URL, "
                "or run `riskops migrate` to create it."
            )


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn what the driver says of an unusable database into an error with a name and a remedy."""
    try:
        yield
    except OUR_FAULT:
        raise
    except (sa.exc.DatabaseError, sa.exc.InterfaceError) as error:
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
    parsed: sa.URL | None
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or not url.isprintable():
        raise ConfigurationError(f"RISKOPS_DATABASE_URL cannot be parsed; {remedy}")
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError(f"RISKOPS_DATABASE_URL names {parsed.drivername!a}; {remedy}")
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if _file_of(parsed) is None or parsed.host or parsed.query:
        raise ConfigurationError(f"RISKOPS_DATABASE_URL names no file that can be kept; {remedy}")
    return parsed


def _file_of(url: sa.URL) -> Path | None:
    """Return the file of an SQLite database; ``None`` where there is none."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


def _engine(url: sa.URL, isolation_level: str) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    patience = {name: value for name, value in PATIENCE.items() if name not in url.query}
    arguments = patience | {"prepare_threshold": None}  # a plan made on a small table is slow on a large one
    return sa.create_engine(url, pool_pre_ping=True, isolation_level=isolation_level, connect_args=arguments)


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
    """Return the SQL of ``include/sql/<name>.sql`` without its header; values are bound.

    A statement may read another one, ``..._as_of``, as if it were a table.
    """
    lines = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--"))
    read = [f"{other} AS (\n{statement(other)}\n)" for other in sorted({*_READ.findall(text)})]
    return f"WITH {', '.join(read)}\n{text}" if read else text
