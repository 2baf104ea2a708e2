"""Ask the record what the mail said, and where it went."""

from __future__ import annotations

import typer
from rich.text import Text

from riskops.commands.context import SessionOption, console, newest_run, opened_desk
from riskops.delivery import FILES_RECIPIENT
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.records import Run, Verb
from riskops.store.mornings import Report
from riskops.store.seal import LIMITS_MAIL

app = typer.Typer()


@app.command()
def report(session: SessionOption = None) -> None:
    """Print the composed mail of a session, of its newest correction that is out, and say where it went."""
    with opened_desk() as desk:
        run = newest_run(desk, session)
        composed = _composed(desk, run)
        console.print(Text(composed.text), soft_wrap=True)
        console.print(Text(whereabouts(desk, run)), soft_wrap=True)


def _composed(desk: Desk, run: Run) -> Report:
    composed = desk.store.mornings.report(run.session, run.revision, LIMITS_MAIL)
    past = desk.store.mornings.stages(run.session, run.revision).get(Verb.COMPOSE)
    if composed is None or past is None or not past.is_done:
        raise MissingResultError(f"No report was composed for {run.session}: run `riskops morning`.")
    return composed


def whereabouts(desk: Desk, run: Run) -> str:
    """Say whether the last call delivered something, and where the mail lies."""
    sent = desk.store.mornings.stages(run.session, run.revision).get(Verb.SEND)
    if sent is None or not sent.is_done:
        revision = f" --revision {run.revision}" if run.revision else ""
        return (
            "NOT mailed: only today's session mails by itself. "
            f"To mail it: `riskops send-report --deliver{revision}`."
        )
    calls = [r.state for r in desk.store.journal.of_session(run.session, run.revision) if r.verb == Verb.SEND]
    news = (
        "Nothing new was delivered: the mail of this session is out."
        if calls[-1] == "nothing new"
        else "Delivered."
    )
    return "\n".join([news, *sent.detail["paths"], *map(_received, sent.detail["recipients"])])


def _received(recipient: str) -> str:
    return "written to files (demo)" if recipient == FILES_RECIPIENT else f"to {recipient}"
