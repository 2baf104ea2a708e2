"""A process that performs jobs in children of its own, several at once, and kills them where it is told.

``python -m tests.campaigns.performing INBOX WARM_UP`` reads one JSON list of jobs a line and answers with
the list of their exit statuses. Everything is imported once, before the first child.

Of every child there is a post log beside the desk: when it began to hand over a mail, had the server's
answer, and committed. It is written by what stands around the product, not by the product.
"""

from __future__ import annotations

import json
import os
import signal
import smtplib
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from sqlalchemy import event

import riskops
from riskops import config
from riskops.commands.verbs import ROUTED
from riskops.desk import Desk, open_desk
from riskops.errors import MissingResultError, RiskOpsError
from riskops.pipeline.watch import watch_without_database
from riskops.records import Run, Verb
from riskops.settings import read_settings
from riskops.store.file_outbox import FileOutbox
from tests.builders import CALENDAR, SESSION
from tests.campaigns.broken import BROKEN
from tests.campaigns.outage import take_away
from tests.campaigns.stories import MORNING, WATCHDOG, Moment
from tests.desks import each_verb, environment, on_the_morning, run_for
from tests.killing import begun, exit_status, import_everything

RECIPIENTS = ("first@example.com", "second@example.com")
LONGEST_JOB_SECONDS = 120
POST_LOG, STDERR, USUAL = "post.log", "stderr.txt", "usual.json"
PACKAGE = str(Path(riskops.__file__).parent)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Meter:
    """Counts the moments a process goes through, and does what it is told at one of them: it dies there."""

    def __init__(self, fatal: tuple[Moment, int] | None, fate: Callable[[], None] = _die) -> None:
        self._fatal, self._fate = fatal, fate
        self.counts: Counter[Moment] = Counter()

    def tick(self, moment: Moment) -> None:
        """Count one more moment; it may be the last one."""
        self.counts[moment] += 1
        if self._fatal == (moment, self.counts[moment]):
            self._fate()


class PostLog:
    """Lines that a kill cannot take back, from processes that share a desk: one write each."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / POST_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, what: str, recipient: str = "-") -> None:
        """Append what happened to whose mail."""
        os.write(self._file, f"{os.getpid()} {what} {recipient}\n".encode())


def watched_smtp(meter: Meter, log: PostLog) -> type[smtplib.SMTP]:
    """Return a mail session that says how far it got, and may die there."""

    class WatchedSMTP(smtplib.SMTP):
        _awaits_answer = False

        def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
            self._recipient = recip
            return super().rcpt(recip, options)

        def data(self, msg: Any) -> tuple[int, bytes]:
            log.note("begun", self._recipient)
            answer = super().data(msg)
            log.note("answered", self._recipient)
            meter.tick(Moment.MAIL_ANSWERED)
            return answer

        def send(self, s: Any) -> None:
            if isinstance(s, bytes):  # the mail itself; commands are text
                middle = len(s) // 2
                super().send(s[:middle])
                meter.tick(Moment.IN_THE_MAIL)
                s, self._awaits_answer = s[middle:], True
            super().send(s)

        def getreply(self) -> tuple[int, bytes]:
            if self._awaits_answer:
                self._awaits_answer = False
                meter.tick(Moment.MAIL_WHOLE)
            return super().getreply()

    return WatchedSMTP


def watch_commits(desk: Desk, meter: Meter, log: PostLog) -> None:
    """Tell the meter before and after each commit, and the log after."""
    pending = []

    def before(_connection: Any) -> None:
        meter.tick(Moment.BEFORE_A_COMMIT)
        pending.append(True)

    def after(*_connection: Any) -> None:
        if pending:
            pending.clear()
            log.note("committed")
            meter.tick(Moment.AFTER_A_COMMIT)

    event.listen(desk.store.database._writers, "commit", before)
    event.listen(desk.store.database._writers, "checkin", after)


def watch_calls(meter: Meter) -> None:
    """Tell the meter of each call of, and each built-in called by, a function of the package."""

    def profile(frame: FrameType, what: str, _argument: Any) -> None:
        if what in ("call", "c_call") and frame.f_code.co_filename.startswith(PACKAGE):
            meter.tick(Moment.AT_A_CALL)

    sys.setprofile(profile)


def open_watched(job: Mapping[str, Any], meter: Meter) -> Desk:
    """Open the desk of a job, watched on all sides, with what it is told to break broken."""
    folder = Path(job["folder"])
    log = PostLog(folder)
    smtplib.SMTP = watched_smtp(meter, log)
    BROKEN[job["broken"]]()
    desk = open_desk(surroundings(folder, job), on_the_morning(SESSION))
    watch_commits(desk, meter, log)
    if job["is_measured"] or job["moment"] == Moment.AT_A_CALL:
        watch_calls(meter)
    return desk


def watch_without(job: Mapping[str, Any], meter: Meter) -> None:
    """Do what the watchdog does at 07:28 that takes the database for gone."""
    folder = Path(job["folder"])
    log = PostLog(folder)
    smtplib.SMTP = watched_smtp(meter, log)
    watch_notes(log)
    settings = read_settings(surroundings(folder, job))
    now = on_the_morning(SESSION, config.RULES_UNTIL)()
    watch_without_database(settings, CALENDAR, now, "The risk database cannot be used.")


def watch_notes(log: PostLog) -> None:
    """Tell the log of each note of an emergency mail: it is what a commit is to the others."""
    for name in ("accepted", "not_accepted", "in_doubt"):
        note = getattr(FileOutbox, name)

        def noted(*arguments: Any, note: Callable = note, **named: Any) -> None:
            note(*arguments, **named)
            log.note("committed")

        setattr(FileOutbox, name, noted)


def surroundings(folder: Path, job: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a desk that takes its nights from an inbox and mails to a local server."""
    return environment(
        folder,
        RISKOPS_SOURCE="csv",
        RISKOPS_INBOX=job["inbox"],
        RISKOPS_DELIVERY="smtp",
        RISKOPS_RECIPIENTS=",".join(RECIPIENTS),
        RISKOPS_SMTP_HOST="127.0.0.1",
        RISKOPS_SMTP_PORT=str(job["port"]),
        RISKOPS_SMTP_SECURITY="none",
    )


def publish(desk: Desk, run: Run) -> Mapping[str, Any]:
    """Publish by the route that was chosen, as the task and the command do."""
    chosen = desk.store.mornings.stages(run.session, run.revision).get(Verb.CHOOSE)
    if chosen is None or not chosen.is_done:
        raise MissingResultError("No rung was chosen.")
    return ROUTED[chosen.detail["route"]](desk, run)


def how() -> dict[str, Callable[[Desk, Run], Any]]:
    """Return what does each verb."""
    return dict(zip(MORNING, each_verb(), strict=True)) | {Verb.PUBLISH.value: publish}


def perform(job: Mapping[str, Any]) -> None:
    """Do the verbs of a job in order, whatever the earlier ones said; fail at the end if one failed."""
    _take_down_what_is_said(Path(job["folder"]))
    _limit_time(job)
    meter, problems = _meter(job), []
    if WATCHDOG in job["verbs"]:
        with _noted(problems, WATCHDOG):
            watch_without(job, meter)
    else:
        _perform_verbs(job, meter, problems)
    if problems:
        raise SystemExit(1)


def _meter(job: Mapping[str, Any]) -> Meter:
    if not job["moment"]:
        return Meter(None)
    fate = partial(take_away, Path(job["folder"])) if job["is_loss"] else _die
    return Meter((Moment(job["moment"]), job["at"]), fate)


def _perform_verbs(job: Mapping[str, Any], meter: Meter, problems: list[str]) -> None:
    begin = monotonic()
    with _noted(problems, "opening the desk"), open_watched(job, meter) as desk:
        for verb in job["verbs"]:
            with _noted(problems, verb):
                how()[verb](desk, run_for(SESSION))
    sys.setprofile(None)
    if job["is_measured"]:
        meter.counts[Moment.BY_THE_CLOCK] = round(1_000 * (monotonic() - begin))
        (Path(job["folder"]) / USUAL).write_text(json.dumps(meter.counts))


@contextmanager
def _noted(problems: list[str], verb: str):
    try:
        yield
    except RiskOpsError as error:
        problems.append(verb)
        sys.stderr.write(f"{verb}: {error}\n")


def _take_down_what_is_said(folder: Path) -> None:
    file = os.open(folder / STDERR, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, sys.stderr.fileno())


def _limit_time(job: Mapping[str, Any]) -> None:
    """Let the kernel end this process: at the moment of the story, or because it hangs."""
    by_clock = job["moment"] == Moment.BY_THE_CLOCK
    signal.setitimer(signal.ITIMER_REAL, job["at"] / 1_000 if by_clock else LONGEST_JOB_SECONDS)


def main() -> None:
    """Answer every list of jobs with their exit statuses."""
    import_everything(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in sys.stdin:
        children = [begun(partial(perform, job)) for job in json.loads(line)]
        sys.stdout.write(json.dumps([exit_status(child) for child in children]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
