"""The break-glass morning, a correction, the watchdog: each verb in a process of its own, without Airflow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Annotated

import typer
from rich.text import Text

from riskops import second_channel
from riskops.budget import budget
from riskops.commands.asking import whereabouts
from riskops.commands.context import (
    DeliverOption,
    SessionOption,
    asked_run,
    console,
    errors,
    errors_told,
    opened_desk,
)
from riskops.desk import Desk, open_desk, wall_clock
from riskops.errors import ConfigurationError, RiskOpsError, StoreError
from riskops.pipeline.morning import TIMED_OUT, Step, correction, live_morning
from riskops.pipeline.revise import by_hand
from riskops.pipeline.send import mail_of
from riskops.pipeline.stage import is_today
from riskops.pipeline.watch import watch, watch_without_database
from riskops.records import Run, Verb
from riskops.second_channel import Entry
from riskops.sessions import trading_calendar
from riskops.settings import Settings, read_settings

app = typer.Typer()

COMMANDS = {
    Verb.INGEST: "ingest",
    Verb.VALIDATE: "validate",
    Verb.SCORE_RULES: "score-rules",
    Verb.SCORE_MODEL: "score-pooled-model",
    Verb.COMPARE: "compare",
    Verb.RECORD_OUTCOMES: "record-outcomes",
    Verb.CHOOSE: "choose",
    Verb.PUBLISH: "publish",
    Verb.COMPOSE: "compose-report",
    Verb.SEND: "send-report",
}
NOT_WELL = 3
ANSWER_WITHIN_SECONDS = 45


@app.command()
def morning(session: SessionOption = None, deliver: DeliverOption = None) -> None:
    """Decide, compose and mail a session's limits without Airflow (break-glass)."""
    with opened_desk() as desk:
        run = asked_run(desk, session, deliver=deliver)
        mail = live_morning(partial(_perform, run), _tell)
        _print_report(desk, run)
    raise typer.Exit(mail.exit_code)


@app.command()
def revise(
    by: Annotated[str, typer.Option("--by", help="Who asks for it; recorded, and told in the mail.")],
    why: Annotated[str, typer.Option("--why", help="Why; recorded, and told in the mail.")],
    session: SessionOption = None,
    deliver: DeliverOption = None,
) -> None:
    """Correct today's limits after their mail is out: decide them again, and mail what differs.

    From 08:00 New York on a correction only tightens. The same call again finishes what was interrupted.
    """
    with opened_desk() as desk:
        run = by_hand(desk, asked_run(desk, session, deliver=deliver), by=by, why=why)
        console.print(Text(f"Correction {run.revision} of {run.session}"))
        last = correction(partial(_perform, run), _tell)
        if last.succeeded:
            _print_report(desk, run)
    raise typer.Exit(last.exit_code)


@app.command()
def watchdog() -> None:
    """Finish today's morning where it is late, and tell on-call (for cron or systemd).

    Without the risk database limits are held from the limits file.
    """
    with errors_told():
        settings = _settings()
        well = _watched(settings)
    if well is not None:
        console.print("All is well." if well else "On-call has to look: `riskops status`.")
    raise typer.Exit(NOT_WELL if well is False else 0)


def _settings() -> Settings:
    """Read the settings; where they are wrong on-call hears of it, for nobody reads what cron prints."""
    try:
        return read_settings(os.environ)
    except ConfigurationError as error:
        told = f"the watchdog cannot read its settings and holds no limits: {error}"
        second_channel.tell_anyway(os.environ, told, Entry.WATCHDOG)
        raise


def _watched(settings: Settings) -> bool | None:
    """Watch with the risk database or without it; ``None`` where there is no session today."""
    try:
        with _answering_desk() as desk:
            run = asked_run(desk, None)
            if not is_today(desk, run):
                console.print(f"{desk.calendar.name} has no session today.")
                return None
            return watch(desk, run, partial(_perform, run), _tell)
    except (StoreError, ConfigurationError) as error:
        return _watched_without_database(settings, error)
    except RiskOpsError as error:
        second_channel.tell(settings, f"the watchdog failed: {error}", Entry.WATCHDOG)
        raise


def _watched_without_database(settings: Settings, error: RiskOpsError) -> bool:
    """Do what can be done without the risk database; where nothing is due yet its error stands."""
    try:
        calendar = trading_calendar(settings.calendar)
    except ConfigurationError as unknown:
        second_channel.tell(settings, f"the watchdog failed: {unknown}", Entry.WATCHDOG)
        raise
    if not watch_without_database(settings, calendar, wall_clock(), str(error)):
        raise error
    errors.print(Text(str(error), style="bold red"), soft_wrap=True)
    return False


@contextmanager
def _answering_desk() -> Iterator[Desk]:
    """Open the desk, whose risk database has to answer in time: a silent one counts as gone."""
    with _alarm(ANSWER_WITHIN_SECONDS):
        desk = open_desk(os.environ)
    with desk:
        yield desk


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    def too_late(_signal: int, _frame: FrameType | None) -> None:
        raise StoreError(f"The risk database gave no answer within {seconds} s: look at its server.")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _perform(run: Run, verb: Verb) -> Step:
    """Run one verb in a process of its own, within its time."""
    command = [sys.executable, "-m", "riskops", COMMANDS[verb], "--session", run.session.isoformat()]
    command += ["--revision", str(run.revision)] if run.revision else []
    if verb is Verb.SEND and run.deliver is not None:
        command.append("--deliver" if run.deliver else "--no-deliver")
    allowed = budget(verb, os.environ).time_out.total_seconds()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=allowed, check=False)  # noqa: S603 - our own command line
    except subprocess.TimeoutExpired:
        return Step(verb, TIMED_OUT, f"gave no answer within {allowed:.0f} s")
    return Step(verb, done.returncode, done.stderr.strip()[-2_000:] if done.returncode else "")


def _tell(step: Step) -> None:
    mark = Text("done  ", style="green") if step.succeeded else Text("FAILED", style="bold red")
    console.print(mark, Text(step.verb.value), Text(step.problem, style="red"), soft_wrap=True)


def _print_report(desk: Desk, run: Run) -> None:
    console.print()
    console.print(Text(mail_of(desk, run).text), soft_wrap=True)
    console.print(Text(whereabouts(desk, run)), soft_wrap=True)
