"""Risk databases for tests: the last months of the demo desk, and a clock that stands still."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import sqlalchemy as sa

from riskops.desk import Desk, open_desk
from riskops.errors import ConfigurationError
from riskops.records import Run, RunType
from riskops.sessions import desk_time, trading_calendar
from riskops.sources.demo import PINNED_SESSION, DemoDesk
from tests.postgres_server import copied_database, drop_database

SMALL_DESK_SESSIONS = 130
KEPT_AT = "risk_database.url"


def database_url(folder: Path) -> str:
    """Return the URL of the risk database below `folder`.

    There is no default: a test that leaves the choice open would run on one database only.
    """
    note = folder / KEPT_AT
    assert note.exists(), f"No database was chosen for {folder}: the fixtures `folder` and `keeper` do it."
    return note.read_text()


def keep_on_sqlite(folder: Path) -> Path:
    """Let a file be the risk database below `folder`; return `folder`."""
    return _keep(folder, f"sqlite:///{folder / 'risk.db'}")


def keep_on_postgresql(folder: Path, url: sa.URL) -> Path:
    """Let a database of PostgreSQL be the risk database below `folder`; return `folder`."""
    return _keep(folder, url.render_as_string(hide_password=False))


def is_on_sqlite(folder: Path) -> bool:
    """Say whether the risk database below `folder` is a file."""
    return database_url(folder).startswith("sqlite")


def is_migrated(folder: Path) -> bool:
    """Say whether the risk database below `folder` is there and has its tables."""
    from riskops.store import schema
    from riskops.store.database import Database

    database = Database(database_url(folder))
    try:
        with database.reading() as connection:
            return schema.version(connection) != schema.NO_VERSION
    except ConfigurationError:
        return False
    finally:
        database.close()


def _keep(folder: Path, url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEPT_AT).write_text(url)
    return folder


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return the environment of a test desk whose files lie below `folder`."""
    return {
        "RISKOPS_DEPLOYMENT": "test",
        "RISKOPS_DATABASE_URL": changes.get("RISKOPS_DATABASE_URL") or database_url(folder),
        "RISKOPS_SOURCE": "demo",
        "RISKOPS_DELIVERY": "files",
        "RISKOPS_OUTPUT": str(folder / "out"),
        "RISKOPS_INBOX": str(folder / "inbox"),
    } | changes


def whole_environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return the environment for a process of its own: the machine's, with the test desk's."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("RISKOPS_")}
    return outside | environment(folder, **changes)


def on_the_morning(session: date = PINNED_SESSION, at: time = time(6, 5)) -> Callable[[], datetime]:
    """Return a clock that stands at a New York time of a session."""
    return lambda: desk_time(session, at).astimezone(UTC)


def run_for(
    session: date = PINNED_SESSION,
    run_type: RunType = RunType.SCHEDULED,
    *,
    deliver: bool | None = None,
    revision: int = 0,
) -> Run:
    """Return a run for a session."""
    return Run(session=session, run_type=run_type, run_id="test", deliver=deliver, revision=revision)


def opened(folder: Path, clock: Callable[[], datetime] | None = None, **changes: str) -> Desk:
    """Open the desk below `folder`, on the pinned morning unless a clock says otherwise."""
    return open_desk(environment(folder, **changes), clock or on_the_morning(), migrate=True)


def build_small_desk(folder: Path, exchange: str = "XNYS", before: date = PINNED_SESSION) -> None:
    """Put 130 sessions of the demo desk, those before a date, into a new risk database below `folder`."""
    calendar = trading_calendar(exchange)
    demo = DemoDesk(calendar)
    sessions = [session for session in demo.sessions() if session < before][-SMALL_DESK_SESSIONS:]
    since = sessions[0]
    with opened(folder, RISKOPS_CALENDAR=exchange) as desk:
        desk.store.roster.enrol(
            demo.traders(),
            [replace(account, effective_from=since) for account in demo.accounts()],
            demo.base_limits(),
            demo.roster(),
        )
        fetched = list(demo.fetch(demo.accounts(), sessions, calendar.history_known_at))
        covered = [
            (account, session, calendar.history_known_at(session))
            for day in fetched
            for account, session in day.covered
        ]
        desk.store.transactions.add((t for day in fetched for t in day.trades), covered, "demo")


def copied(source: Path, target: Path) -> Path:
    """Copy the risk database below `source` to `target`, and return `target`."""
    if not is_on_sqlite(source):
        return keep_on_postgresql(target, copied_database(sa.make_url(database_url(source))))
    keep_on_sqlite(target)
    for file in source.glob("risk.db*"):
        shutil.copy(file, target / file.name)
    return target


def forgotten(folder: Path) -> None:
    """Drop what PostgreSQL keeps for the desks at and below `folder`."""
    for note in folder.rglob(KEPT_AT):
        if not is_on_sqlite(note.parent):
            drop_database(sa.make_url(note.read_text()))


def content_of(
    desk: Desk, without: Mapping[str, set[str]] | None = None, since: date | None = None
) -> dict[str, list[tuple]]:
    """Return every row of the risk database by table, sorted; run records are left out.

    With `since` only rows of that session and later ones are returned, where rows have a session.
    """
    from riskops.store.tables import metadata

    hidden = without or {}
    rows: dict[str, list[tuple]] = {}
    with desk.store.database.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name == "run_records":
                continue
            shown = [c for c in table.columns if c.name not in hidden.get(table.name, set())]
            recent = since is not None and "session" in table.columns
            query = table.select().where(table.columns.session >= since) if recent else table.select()
            found = connection.execute(query.with_only_columns(*shown))
            rows[table.name] = sorted(tuple(map(repr, row)) for row in found)
    return rows


def each_verb() -> Iterator[Callable[[Desk, Run], Mapping]]:
    """Yield the verbs of a morning that goes by the rules, in order."""
    from riskops.pipeline.choose import choose
    from riskops.pipeline.compare import compare
    from riskops.pipeline.compose import compose
    from riskops.pipeline.ingest import ingest
    from riskops.pipeline.publish import publish_rules
    from riskops.pipeline.record_outcomes import record_outcomes
    from riskops.pipeline.score_model import score_pooled_model
    from riskops.pipeline.score_rules import score_rules
    from riskops.pipeline.send import send
    from riskops.pipeline.validate import validate

    yield from (
        ingest,
        validate,
        score_rules,
        score_pooled_model,
        compare,
        record_outcomes,
        choose,
        publish_rules,
        compose,
        send,
    )
