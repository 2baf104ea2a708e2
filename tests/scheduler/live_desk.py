"""The risk database a live Airflow works on, and the mail server it talks to, as one test sees them."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import sqlalchemy as sa

from riskops.desk import Desk
from riskops.records import Publication, RunType
from riskops.store.tables import outbox
from riskops.trial.desk import Ready
from tests.airflow_desk import content
from tests.desks import (
    build_small_desk,
    copied,
    database_url,
    each_verb,
    forgotten,
    keep_on_postgresql,
    on_the_morning,
    opened,
    run_for,
)
from tests.postgres_server import new_database, replace_database

EXCHANGE = "XTKS"
MORNING = date(2025, 11, 6)
RECIPIENTS = ("manager@desk.example", "deputy@desk.example")
# The table a task of the daily Dag writes its results to, last but for its own end.
WRITES = {
    "ingest": "cut_offs",
    "score_rules": "scores",
    "score_pooled_model": "scores",
    "publish_rules": "decisions",
    "compose_report": "reports",
}


class Templates:
    """Desks whose databases are copied, made when they are first asked for."""

    def __init__(self, trial: Ready, folder: Path) -> None:
        self._server = sa.make_url(trial.environment["RISKOPS_DATABASE_URL"])
        self._folder = folder

    def before(self, session: date) -> Path:
        """Return the folder of a desk with the 130 sessions before one, and no morning."""
        folder = self._folder / session.isoformat()
        if not folder.exists():
            keep_on_postgresql(folder, new_database(self._server))
            build_small_desk(folder, EXCHANGE, session)
        return folder


class LiveDesk:
    """The desk that the live Airflow works on, as one test sees it.

    Its database is the trial desk's own, replaced by a copy of a template when a test begins.
    """

    def __init__(self, trial: Ready, templates: Templates, folder: Path) -> None:
        self._trial, self._templates, self._folder = trial, templates, folder
        self._url = sa.make_url(trial.environment["RISKOPS_DATABASE_URL"])
        self._mails = Path(trial.mails)
        self.folder = folder / "live"

    def __enter__(self) -> LiveDesk:
        return self.begins_before(MORNING)

    def __exit__(self, *_exception: object) -> None:
        forgotten(self._folder)

    def begins_before(self, session: date) -> LiveDesk:
        """Replace the live database by one that has history up to a session, and no morning."""
        self._began = self._templates.before(session)
        replace_database(self._url, sa.make_url(database_url(self._began)))
        keep_on_postgresql(self.folder, self._url)
        shutil.rmtree(self._mails, ignore_errors=True)
        self._mails.mkdir(mode=0o700)
        return self

    @contextmanager
    def stopped_at(self, task_id: str) -> Iterator[None]:
        """Let a task wait before it writes its results, for as long as this lasts."""
        engine = sa.create_engine(self._url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(f"LOCK TABLE {WRITES[task_id]} IN EXCLUSIVE MODE"))
            yield

    @contextmanager
    def silent_mail_server(self) -> Iterator[None]:
        """Let the mail server accept connections and say nothing, for as long as this lasts."""
        os.kill(self._trial.pids["catch-mail"], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._trial.pids["catch-mail"], signal.SIGCONT)

    def opened(self) -> Desk:
        return opened(self.folder, RISKOPS_CALENDAR=EXCHANGE)

    def content(self) -> dict[str, list[tuple]]:
        """Return every row of the risk database but the run records."""
        with self.opened() as desk:
            return content(desk)

    def publication(self, session: date) -> Publication:
        with self.opened() as desk:
            found = desk.store.mornings.publication(session, 0)
        assert found is not None, f"nothing was published for {session}"
        return found

    def decided(self, session: date) -> dict[str, tuple]:
        return _limits(self.publication(session))

    def expected(self, session: date, run_type: RunType = RunType.BACKFILL) -> dict[str, tuple]:
        """Return what the verbs decide when nothing disturbs them, on a desk of their own."""
        folder = copied(self._began, self._folder / f"expected-{session}")
        run = run_for(session, run_type, deliver=False)
        with opened(folder, on_the_morning(session), RISKOPS_CALENDAR=EXCHANGE) as desk:
            for verb in each_verb():
                verb(desk, run)
            published = desk.store.mornings.publication(session, 0)
        assert published is not None
        return _limits(published)

    def is_sending(self) -> bool:
        """Say whether a mail was begun and its fate is open."""
        with self.opened() as desk, desk.store.database.reading() as connection:
            states = connection.execute(sa.select(outbox.c.state)).scalars()
            return "sending" in set(states)

    def mails(self) -> list[EmailMessage]:
        """Return every mail that arrived."""
        files = sorted(self._mails.iterdir())
        return [message_from_bytes(path.read_bytes(), policy=default) for path in files]

    def reached(self) -> Counter[str]:
        """Return how many mails every recipient got."""
        return Counter(mail["To"] for mail in self.mails())


def _limits(published: Publication) -> dict[str, tuple]:
    return {d.trader_id: (d.reduction, d.limit_cents, d.rung, d.reasons) for d in published.decisions}
