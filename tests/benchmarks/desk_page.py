"""The pages of the desk within Airflow's own application, against an empty page of the same plugin.

Both sides pay for Airflow's check of the login, and for the frame of the page.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from riskops.desk import Desk
from riskops.desk_page.addresses import TODAY, morning, trader
from riskops.pipeline.demo import set_up_demo
from riskops.sources.demo import PINNED_SESSION
from riskops.store import tables
from tests.benchmarks.measuring import Bar, Bars
from tests.desks import each_verb, environment, keep_on_sqlite, opened, run_for

ROUNDS = 60
LIVED_BEFORE = 749  # with the morning that is shown, 750
COPIED = (
    *(tables.publications, tables.decisions, tables.comparisons, tables.quality_results),
    *(tables.seals, tables.published_limits, tables.applied_limits),
)
PREFIX = "/risk-desk/"
EMPTY = "empty"
AGAINST = "an empty page of the same plugin"
TRADER = "3942"
SHOWN = {"today's limits": "", "a trader": trader(TRADER, PINNED_SESSION)}
FIRST = "looked at for the first time"
FIRST_LOOKS = 15
TIMES = 5  # an empty page: the one bar of every look at a page
Application = Callable[[dict, Any, Any], Awaitable[None]]


def bars() -> Bars:
    """Measure a desk of fifteen traders that has lived 750 mornings, on SQLite.

    What a sealed session rests on is kept once it was read, so the first look is measured apart.
    """
    with tempfile.TemporaryDirectory(prefix="riskops-bench-") as name:
        folder = keep_on_sqlite(Path(name))
        with opened(folder) as desk:
            _live(desk)
            unseen = _unseen(desk)
        again, first = asyncio.run(_measured(_airflow(folder), list(SHOWN.values()), unseen))
    for what, path in SHOWN.items():
        yield Bar(f"server time of the page of {what}, 15 x 750", AGAINST, again[path], TIMES)
    for what, paths in unseen.items():
        yield Bar(f"the page of {what}, {FIRST}", AGAINST, first[paths[0]], TIMES)


def _unseen(desk: Desk) -> dict[str, list[str]]:
    """Return pages that nobody has looked at: of earlier mornings, and of the traders on one of them."""
    before = [desk.calendar.shift(PINNED_SESSION, -back) for back in range(1, FIRST_LOOKS + 1)]
    publication = desk.store.mornings.publication(PINNED_SESSION, 0)
    assert publication is not None
    return {
        "a morning": [morning(session) for session in before],
        "a trader": [trader(decision.trader_id, before[0]) for decision in publication.decisions],
    }


def _live(desk: Desk) -> None:
    """Live the pinned morning on three years of trades, and put it on record for each one before."""
    set_up_demo(desk, lambda done, of: None)
    for verb in each_verb():
        verb(desk, run_for(deliver=True))
    with desk.store.database.writing() as connection:
        for table in COPIED:
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for back in range(1, LIVED_BEFORE + 1):
                of_session = {"session": desk.calendar.shift(PINNED_SESSION, -back)}
                connection.execute(sa.insert(table), [row | of_session for row in rows])


def _airflow(folder: Path) -> Application:
    """Return Airflow's application, in a home of its own, with the desk below `folder` in its environment."""
    import tests.airflow_home  # noqa: F401 - imported for what it sets, before Airflow is

    os.environ |= environment(folder)
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    return create_app(apps="core")


async def _measured(
    application: Application, paths: Sequence[str], unseen: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return how many times the processor time of an empty page pages take: again, and at first sight."""
    headers = [(b"host", b"localhost"), (b"cookie", f"_token={_login()}".encode())]
    turns: dict[str, list[float]] = {path: [] for path in (EMPTY, *paths)}
    for path in turns:
        await _seconds(application, path, headers)
    for _ in range(ROUNDS):
        for path, seconds in turns.items():
            seconds.append(await _seconds(application, path, headers))
    first = {one[0]: [await _seconds(application, path, headers) for path in one] for one in unseen.values()}
    empty = statistics.median(turns[EMPTY])
    again, once = (
        {path: statistics.median(s) / empty for path, s in found.items()} for found in (turns, first)
    )
    return again, once


def _login() -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="oncall", role="admin"))


async def _seconds(application: Application, path: str, headers: list[tuple[bytes, bytes]]) -> float:
    """Return the processor time of one answer, without a client and a network."""
    before, _, query = f"{PREFIX}{path.removeprefix(TODAY)}".partition("?")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET"}
    scope |= {"scheme": "http", "path": before, "raw_path": before.encode(), "query_string": query.encode()}
    scope |= {"root_path": "", "headers": headers, "server": ("localhost", 80), "client": ("localhost", 1)}
    status: list[int] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    start = time.process_time()
    await application(scope, receive, send)
    seconds = time.process_time() - start
    assert status == [200], f"{path}: {status}"
    return seconds
