"""Fixtures every test may use; what is slow to build is built once for all workers."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from tests.desks import build_small_desk, copied, forgotten, keep_on_postgresql, keep_on_sqlite
from tests.postgres_server import new_database, postgres_server

DATABASES = ("sqlite", "postgresql")
ALWAYS_ON_BOTH = {"store"}  # folders whose tests are quick enough for `make test` to run on PostgreSQL too

for size in ("COLUMNS", "LINES"):  # of the terminal the tests run in: a console made at import would keep it
    os.environ.pop(size, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are here once more, on PostgreSQL, and put the files with long campaigns first.

    `make test` leaves the marked ones to `make databases`. What takes minutes must not be begun last.
    """
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("kept_on") == "postgresql" and item.path.parent.name not in ALWAYS_ON_BOTH:
            item.add_marker("on_postgresql")
    long = {item.path for item in items if item.get_closest_marker("campaign")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture
def listener():
    """Return a web server of this machine that keeps what it is told: (path, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.heard.append((self.path, json.loads(body)))
            self.send_response(self.server.answer)
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.heard, server.answer = [], 204
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def postgresql(shared_folder: Path) -> Iterator[sa.URL]:
    """Return the URL of a PostgreSQL server that all workers of this test run share."""
    with postgres_server(shared_folder) as url:
        yield url


@pytest.fixture(scope="session", params=DATABASES)
def kept_on(request: pytest.FixtureRequest) -> str:
    """Return what keeps the risk databases of a test: SQLite, then PostgreSQL."""
    return request.param


@pytest.fixture(scope="session")
def keeper(kept_on: str, request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    """Return what prepares a folder for a new risk database: on SQLite, then on PostgreSQL."""
    if kept_on == "sqlite":
        return keep_on_sqlite
    server = request.getfixturevalue("postgresql")
    return lambda folder: keep_on_postgresql(folder, new_database(server))


@pytest.fixture
def folder(keeper: Callable[[Path], Path], tmp_path: Path) -> Iterator[Path]:
    """Return a folder of this test's own for a new risk database: on SQLite, then on PostgreSQL."""
    yield keeper(tmp_path)
    forgotten(tmp_path)


@pytest.fixture
def own_copy(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Return what copies the desk below a folder for this test alone."""
    yield lambda template: copied(template, tmp_path / "desk")
    forgotten(tmp_path)


@pytest.fixture
def sqlite_folder(tmp_path: Path) -> Path:
    """Return a folder of this test's own for a new risk database on SQLite alone."""
    return keep_on_sqlite(tmp_path)


@pytest.fixture
def postgresql_folder(postgresql: sa.URL, tmp_path: Path) -> Iterator[Path]:
    """Return a folder of this test's own for a new risk database on PostgreSQL alone."""
    yield keep_on_postgresql(tmp_path, new_database(postgresql))
    forgotten(tmp_path)


@pytest.fixture(scope="session")
def small_desk_template(kept_on: str, keeper: Callable[[Path], Path], shared_folder: Path) -> Path:
    """Return the folder of a small demo desk; never written to, only copied."""
    folder = shared_folder / f"small_desk_on_{kept_on}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            build_small_desk(keeper(folder))
            (folder / "ready").touch()
    return folder


@pytest.fixture
def small_desk(small_desk_template: Path, own_copy: Callable[[Path], Path]) -> Path:
    """Return the folder of a small demo desk of this test's own."""
    return own_copy(small_desk_template)
