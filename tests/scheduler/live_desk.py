"""The risk database a live Airflow works on, and the mail server it talks to, as one test sees them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from riskops.commands.live import COMMANDS
from riskops.desk import Desk, open_desk
from riskops.pipeline.morning import Step
from riskops.pipeline.watch import watch
from riskops.records import Publication, RunType, Verb
from riskops.store.tables import outbox
from riskops.trial.desk import Ready
from tests.airflow_desk import content
from tests.desks import (
    build_small_desk,
    copied,
    database_url,
    each_verb,
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
    "compare": "comparisons",
    "publish_rules": "decisions",
    "compose_report": "reports",
}


class Templates:
    """Desks whose databases are copied, made when they are first asked for."""

    def __init__(self, trial: Ready, folder: Path) -> None:
        self._server = sa.make_url(trial.environment["RISKOPS_DATABASE_URL"])
        self._folder = folder
        self._decided: dict[tuple, Publication] = {}

    def before(self, session: date) -> Path:
        """Return the folder of a desk with the 130 sessions before one, and no morning."""
        folder = self._folder / session.isoformat()
        if not folder.exists():
            keep_on_postgresql(folder, new_database(self._server))
            build_small_desk(folder, EXCHANGE, session)
        return folder

    def decided(self, began: Path, session: date, run_type: RunType) -> Publication:
        """Return what an undisturbed morning decides on a copy of a template."""
        key = (began, session, run_type)
        if key not in self._decided:
            folder = copied(began, self._folder / f"{began.name}-{session}-{run_type}")
            self._decided[key] = undisturbed_morning(folder, session, run_type)
        return self._decided[key]


class LiveDesk:
    """The desk that the live Airflow works on, as one test sees it.

    Its database is the trial desk's own, replaced by a copy of a template when a test begins.
    """

    def __init__(self, trial: Ready, templates: Templates, folder: Path) -> None:
        self._trial, self._templates, self._folder = trial, templates, folder
        self._url = sa.make_url(trial.environment["RISKOPS_DATABASE_URL"])
        self._mails = Path(trial.mails)
        self.folder = folder / "live"

    def begins_before(self, session: date) -> LiveDesk:
        """Replace the live database by one that has history up to a session, and no morning.

        What the output folder remembers goes with it: it would refuse a record that is older.
        """
        self._began = self._templates.before(session)
        replace_database(self._url, sa.make_url(database_url(self._began)))
        keep_on_postgresql(self.folder, self._url)
        for left in Path(self._trial.environment["RISKOPS_OUTPUT"]).iterdir():
            left.unlink() if left.is_symlink() else shutil.rmtree(left)
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
    def standing_still(self, program: str) -> Iterator[None]:
        """Let a program of the trial desk stand still (SIGSTOP), for as long as this lasts."""
        os.kill(self._trial.pids[program], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._trial.pids[program], signal.SIGCONT)

    def watched(self, session: date, at: time) -> list[Step]:
        """Let the watchdog look at a New York time of a session; return what it did, each in a process."""
        steps: list[Step] = []
        with open_desk(self._trial.environment, on_the_morning(session, at)) as desk:
            watch(desk, run_for(session), partial(self._perform, session), steps.append)
        return steps

    def _perform(self, session: date, verb: Verb) -> Step:
        command = [sys.executable, "-m", "riskops", COMMANDS[verb], "--session", str(session)]
        deliver = ["--deliver"] if verb is Verb.SEND else []
        done = subprocess.run(
            [*command, *deliver],
            env=os.environ | dict(self._trial.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return Step(verb, done.returncode, done.stderr)

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
        return limits(self.publication(session))

    def expected(self, session: date, run_type: RunType = RunType.BACKFILL) -> dict[str, tuple]:
        """Return what the verbs decide when nothing disturbs them, on a desk of their own."""
        return limits(self._templates.decided(self._began, session, run_type))

    def is_sending(self) -> bool:
        """Say whether a mail was begun and its fate is open."""
        with self.opened() as desk, desk.store.database.reading() as connection:
            states = connection.execute(sa.select(outbox.c.state)).scalars()
            return "sending" in set(states)

    def mails(self) -> list[EmailMessage]:
        """Return every mail that arrived."""
        return caught(self._mails)

    def reached(self) -> Counter[str]:
        """Return how many mails every recipient got."""
        return Counter(mail["To"] for mail in self.mails())


def caught(mails: Path) -> list[EmailMessage]:
    """Return the mails of a folder."""
    return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(mails.iterdir())]


def undisturbed_morning(folder: Path, session: date, run_type: RunType) -> Publication:
    """Let every verb of a session run once, in this process; return what was published."""
    run = run_for(session, run_type, deliver=False)
    with opened(folder, on_the_morning(session), RISKOPS_CALENDAR=EXCHANGE) as desk:
        for verb in each_verb():
            verb(desk, run)
        published = desk.store.mornings.publication(session, 0)
    assert published is not None
    return published


def limits(published: Publication) -> dict[str, tuple]:
    """Return what a publication says of every trader."""
    return {d.trader_id: (d.reduction, d.limit_cents, d.rung, d.reasons) for d in published.decisions}
