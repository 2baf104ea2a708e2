"""The break-glass morning: every verb in a process of its own, without Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import typer
from rich.text import Text

from riskops import second_channel
from riskops.budget import budget
from riskops.commands.asking import whereabouts
from riskops.commands.context import DeliverOption, SessionOption, asked_run, console, opened_desk
from riskops.desk import Desk
from riskops.errors import ConfigurationError
from riskops.pipeline.morning import Step, live_morning
from riskops.pipeline.send import mail_of
from riskops.pipeline.stage import is_today
from riskops.pipeline.watch import watch
from riskops.records import Run, Verb
from riskops.settings import read_settings

app = typer.Typer()

COMMANDS = {
    Verb.INGEST: "ingest",
    Verb.VALIDATE: "validate",
    Verb.SCORE_RULES: "score-rules",
    Verb.SCORE_MODEL: "score-pooled-model",
    Verb.COMPARE: "compare",
    Verb.CHOOSE: "choose",
    Verb.PUBLISH: "publish",
    Verb.COMPOSE: "compose-report",
    Verb.SEND: "send-report",
}
TIMED_OUT = 124
NOT_WELL = 3


@app.command()
def morning(session: SessionOption = None, deliver: DeliverOption = None) -> None:
    """Decide, compose and mail a session's limits without Airflow (break-glass)."""
    with opened_desk() as desk:
        run = asked_run(desk, session, deliver=deliver)
        mail = live_morning(lambda verb: _perform(verb, run.session, deliver), _tell)
        _print_report(desk, run)
    raise typer.Exit(mail.exit_code)


@app.command()
def watchdog() -> None:
    """Finish today's morning where it is late, and tell on-call (for cron or systemd)."""
    try:
        with opened_desk() as desk:
            run = asked_run(desk, None)
            if not is_today(desk, run):
                console.print(f"{desk.calendar.name} has no session today.")
                return
            well = watch(desk, run, lambda verb: _perform(verb, run.session, None), _tell)
    except typer.Exit as ended:
        second_channel.tell(
            read_settings(os.environ), f"the watchdog failed with exit code {ended.exit_code}"
        )
        raise
    console.print("All is well." if well else "On-call has to look: `riskops status`.")
    raise typer.Exit(0 if well else NOT_WELL)


def _tell_on_call(text: str) -> None:
    try:
        settings = read_settings(os.environ)
    except ConfigurationError:
        return  # without settings there is nobody to tell; the exit code says it
    second_channel.tell(settings, text)


def _perform(verb: Verb, session: date, deliver: bool | None) -> Step:
    """Run one verb in a process of its own, within its time."""
    command = [sys.executable, "-m", "riskops", COMMANDS[verb], "--session", session.isoformat()]
    if verb is Verb.SEND and deliver is not None:
        command.append("--deliver" if deliver else "--no-deliver")
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
