"""Where stories are played: a desk for each, a real mail server, and processes that can be killed."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from riskops import limits_file
from riskops.desk import Desk
from riskops.limits_file import CURRENT, State
from riskops.records import Publication
from riskops.store.tables import metadata
from tests.campaigns.outage import give_back, take_away
from tests.campaigns.performing import POST_LOG, RECIPIENTS, STDERR, USUAL
from tests.campaigns.stories import MORNING, OF_THE_MAIL, SEND, WATCHDOG, Act, Job, Loss, Mood, Story
from tests.desks import copied, forgotten, keep_on_postgresql, keep_on_sqlite
from tests.killing import TRADERS, evening_desk, morning_desk
from tests.mail_catcher import Catcher, serving
from tests.postgres_server import new_database
from tests.small_desks import BASE_CENTS, DECISION, NIGHT, PUBLICATION, lived

ROOT = Path(__file__).resolve().parents[2]
DONE = 0
KILLED = (-signal.SIGKILL, -signal.SIGALRM)
NOT_PART_OF_THE_RESULT = {"run_records": None, "outbox": {"attempts"}}
MAILS_OF_A_WATCHDOG = Counter(dict.fromkeys(OF_THE_MAIL, len(RECIPIENTS)))
Rows = dict[str, list[tuple]]


class PostOffice(Catcher):
    """A mail server that keeps its first answer back until a rival sender comes, if one may come.

    Without a second sender at the door it loses its patience and answers; a mail it has is kept
    whatever becomes of the sender.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patience_seconds = 0.0
        self._at_the_door = 0
        self._rival = asyncio.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        if self.patience_seconds:
            await self._await_a_rival()
        return answer

    async def _await_a_rival(self) -> None:
        self._at_the_door += 1
        if self._at_the_door > 1:
            self._rival.set()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rival.wait(), self.patience_seconds)
        finally:
            self._at_the_door -= 1
            self._rival.clear()

    def open_for(self, mood: Mood, patience_seconds: float) -> None:
        """Behave as an act wants it."""
        self.recipients = {RECIPIENTS[0]: "451 busy"} if mood is Mood.BUSY else {}
        self.cut_after_data = mood is Mood.CUTS_THE_LINE
        self.patience_seconds = patience_seconds

    def emptied(self) -> None:
        """Forget every mail."""
        self.mails.clear()
        self.envelopes.clear()


@dataclass(frozen=True)
class Ending:
    """What a story has come to: how each process ended, what lies in the database, who got which mails.

    `doubts` counts by recipient the processes that began to hand over his mail and did not live to
    write the server's answer down. `files` are the limits files by their names below the output.
    """

    story: Story
    statuses: tuple[tuple[int, ...], ...]
    rows: Rows
    mails: dict[str, list[EmailMessage]]
    doubts: Counter[str]
    files: dict[str, bytes]
    said: str

    @property
    def kills(self) -> Iterator[str]:
        """Yield the kind of moment of every kill that took place."""
        for act, statuses in zip(self.story.acts, self.statuses, strict=True):
            for job, status in zip(act.jobs, statuses, strict=True):
                if job.kill and status in KILLED:
                    yield job.kill.moment

    @property
    def killed_senders(self) -> int:
        """How many processes were killed that may have said that they begin with a mail."""
        return sum(
            bool({SEND, WATCHDOG} & {*job.verbs}) and status in KILLED
            for act, statuses in zip(self.story.acts, self.statuses, strict=True)
            for job, status in zip(act.jobs, statuses, strict=True)
        )

    @property
    def emergency_mails(self) -> int:
        """How many emergency mails were accepted."""
        return sum("EMERGENCY" in mail["Subject"] for mails in self.mails.values() for mail in mails)

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table by the names of its columns."""
        return [dict(zip(_shown(metadata.tables[name]), row, strict=True)) for row in self.rows[name]]


@dataclass(frozen=True, slots=True)
class Evenings:
    """The same desk before its morning, on each database; only copied from."""

    folders: dict[str, Path]

    @classmethod
    def made(cls, folder: Path, server: sa.URL) -> Evenings:
        """Make the desks below `folder` and on a server of PostgreSQL."""
        kept = {
            "sqlite": keep_on_sqlite(folder / "sqlite"),
            "postgresql": keep_on_postgresql(folder / "postgresql", new_database(server)),
        }
        return cls({name: _lived(evening_desk(desk)) for name, desk in kept.items()})


def _lived(folder: Path) -> Path:
    """Let the limits of the session before have left, as `_last_file` has them."""
    with morning_desk(folder, folder / "inbox") as desk:
        lived(desk, NIGHT, {d.trader_id: d.reduction for d in _last_limits().decisions})
    return folder


def _last_limits() -> Publication:
    """Return limits of the session before: every second trader is cut."""
    cuts = {str(3937 + i): 40 * (i % 2) for i in range(TRADERS)}
    decisions = [
        replace(DECISION, trader_id=t, name="", reduction=cut, limit_cents=BASE_CENTS * (100 - cut) // 100)
        for t, cut in cuts.items()
    ]
    return replace(PUBLICATION, session=NIGHT, decisions=tuple(decisions))


def _last_file(output: Path) -> None:
    file = limits_file.limits_file(_last_limits(), "test", State.SEALED)
    limits_file.write(file, output)
    limits_file.make_current(file, output)


class Theatre:
    """Plays stories one after the other; made by `theatre`."""

    def __init__(self, folder: Path, evenings: Evenings, server: PostOffice, port: int) -> None:
        self._folder, self._evenings, self._server, self._port = folder, evenings, server, port
        self._inbox = evenings.folders["sqlite"] / "inbox"
        self._process = self._begun()
        self._usual: dict[str, Counter[str]] = {}
        self.undisturbed = self._rehearsed()

    def play(self, story: Story, broken: str = "", patience_seconds: float = 0.1) -> Ending:
        """Play a story on a desk of its own, and return what it has come to."""
        folder = self._desk(story.database, f"morning_{story.number}")
        self._server.emptied()
        statuses = []
        for act in story.acts:
            self._server.open_for(act.mood, patience_seconds if _rivals(act) else 0.0)
            (take_away if act.is_away else give_back)(folder)
            statuses.append(self._perform(folder, act.jobs, broken))
        return self._ending(story, statuses, folder)

    def swept(self) -> None:
        """Throw away the desks of the stories played so far."""
        for folder in self._folder.glob("morning_*"):
            forgotten(folder)
            shutil.rmtree(folder)

    def close(self) -> None:
        """Let the process go that performs."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _desk(self, database: str, name: str) -> Path:
        """Return the folder of a desk of its own on its evening, with the limits file of that session."""
        folder = copied(self._evenings.folders[database], self._folder / name)
        _last_file(folder / "out")
        return folder

    def _begun(self) -> subprocess.Popen:
        warm_up = copied(self._evenings.folders["sqlite"], self._folder / "warm_up")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.performing", str(self._inbox), str(warm_up)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def _rehearsed(self) -> Ending:
        """Go through a morning nobody disturbs, and measure what every verb usually does."""
        folder = self._desk("sqlite", "rehearsal")
        acts = tuple(Act((Job((verb,)),)) for verb in MORNING)
        statuses = []
        for act in acts:
            statuses.append(self._perform(folder, act.jobs, is_measured=True))
            self._usual[act.jobs[0].verbs[0]] = Counter(json.loads((folder / USUAL).read_text()))
        return self._ending(Story(-1, "sqlite", acts), statuses, folder)

    def _perform(
        self, folder: Path, jobs: Sequence[Job], broken: str = "", *, is_measured: bool = False
    ) -> tuple[int, ...]:
        common = {"folder": str(folder), "inbox": str(self._inbox), "port": self._port}
        common |= {"broken": broken, "is_measured": is_measured}
        told = [common | {"verbs": job.verbs} | self._when(job) for job in jobs]
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return tuple(json.loads(self._process.stdout.readline()))

    def _when(self, job: Job) -> dict[str, Any]:
        """Say at which of its moments a job is killed: so many commits, calls, mails or milliseconds in."""
        if job.kill is None:
            return {"moment": "", "at": 0, "is_loss": False}
        usual = sum(self._usual.get(verb, MAILS_OF_A_WATCHDOG)[job.kill.moment] for verb in job.verbs)
        at = 1 + int(job.kill.share * usual)
        return {"moment": job.kill.moment, "at": at, "is_loss": isinstance(job.kill, Loss)}

    def _ending(self, story: Story, statuses: Sequence[tuple[int, ...]], folder: Path) -> Ending:
        mails: dict[str, list[EmailMessage]] = {recipient: [] for recipient in RECIPIENTS}
        for (recipient,), mail in zip(self._server.envelopes, self._server.mails, strict=True):
            mails[recipient].append(mail)
        with morning_desk(folder, self._inbox) as desk:
            rows = rows_left(desk)
        said = (folder / STDERR).read_text()
        doubts = doubts_in((folder / POST_LOG).read_text())
        return Ending(story, tuple(statuses), rows, mails, doubts, _limits_files(folder / "out"), said)


@contextmanager
def theatre(folder: Path, evenings: Evenings) -> Iterator[Theatre]:
    """Open a theatre below `folder`."""
    folder.mkdir(parents=True)
    server = PostOffice()
    with serving(server) as port:
        made = Theatre(folder, evenings, server, port)
        try:
            yield made
        finally:
            made.close()
            made.swept()


def rows_left(desk: Desk) -> Rows:
    """Return every row by table, in the order of its key: what counts of a morning's results."""
    rows: Rows = {}
    with desk.store.database.reading() as connection:
        for table in metadata.sorted_tables:
            columns = [table.columns[name] for name in _shown(table)]
            if columns:
                query = table.select().with_only_columns(*columns).order_by(*table.primary_key)
                rows[table.name] = [tuple(row) for row in connection.execute(query)]
    return rows


def _shown(table: sa.Table) -> list[str]:
    """Return the columns that a repeated verb must leave as they are; records of runs are none."""
    hidden = NOT_PART_OF_THE_RESULT.get(table.name, set())
    return [] if hidden is None else [column.name for column in table.columns if column.name not in hidden]


def _limits_files(output: Path) -> dict[str, bytes]:
    """Return the limits files of a desk, once more by the pointer to the newest session's."""
    found = [*output.rglob("limits.*"), *(output / CURRENT).glob("limits.*")]
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(set(found))}


def doubts_in(post_log: str) -> Counter[str]:
    """Count by recipient the hand-overs whose end their process did not live to commit."""
    open_ones: dict[tuple[str, str], bool] = {}
    for line in post_log.splitlines():
        process, what, recipient = line.split()
        if what == "committed":
            open_ones = {k: known for k, known in open_ones.items() if not (known and k[0] == process)}
        else:
            open_ones[process, recipient] = what == "answered"
    return Counter(recipient for _process, recipient in open_ones)


def _rivals(act: Act) -> bool:
    return sum(bool({SEND, WATCHDOG} & {*job.verbs}) for job in act.jobs) > 1
