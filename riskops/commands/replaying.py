"""Prove what was decided: rebuild past sessions, and compare them with what is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from riskops.commands.context import console, errors, opened_desk, print_receipt
from riskops.sessions import DESK_ZONE, parse_session

if TYPE_CHECKING:
    from riskops.pipeline.replay import Replayed

app = typer.Typer()


@app.command()
def replay(
    session: Annotated[str, typer.Argument(help="YYYY-MM-DD.", metavar="SESSION")],
    through: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Replay every decided session up to this one.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="By default the newest, of a span all.")] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the canonical record as it is made now.")
    ] = None,
) -> None:
    """Decide a past session again from what was known then, and compare it with what is on record."""
    from riskops.pipeline import replay as verbs
    from riskops.pipeline.evaluate import write

    if through is not None and json is not None:
        raise typer.BadParameter("--json is for one session: leave --through out.")
    with opened_desk() as desk:
        first, last = parse_session(session), None if through is None else parse_session(through)
        asked = verbs.asked_sessions(desk, first, last, revision)
        with _progress(len(asked)) as told:
            found = verbs.replay(desk, asked, told)
        for one in found:
            _tell(one, briefly=last is not None)
        if json is not None:
            write(json, found[0].document)
        verbs.verdict(found)


@contextmanager
def _progress(sessions: int) -> Iterator[Callable[[Replayed], None]]:
    """Show how many sessions were replayed, on standard error; yield what each is told to."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as shown:
        task = shown.add_task("Replaying", total=sessions)
        yield lambda found: shown.update(task, advance=1, description=f"Replayed {found.session}")


def _tell(found: Replayed, *, briefly: bool) -> None:
    if briefly:
        console.print(Text(f"{found.session} {_called(found)}: {_result(found)}"), soft_wrap=True)
        return
    compared = ", ".join(f"{number} {what}" for what, number in found.compared.items())
    receipt = {
        "result": _result(found),
        "compared": compared,
        "rung": found.rung,
        "cut-off": found.cut_off.astimezone(DESK_ZONE).strftime("%Y-%m-%d %H:%M:%S New York"),
        "decided by": f"version {found.decided_by}, replayed by {found.replayed_by}",
        "record (SHA-256)": found.digest or "none",
        "mail (SHA-256)": found.report_digest or "none",
        "remarks": "\n".join(found.remarks),
    }
    told = {name: value for name, value in receipt.items() if value}
    print_receipt(f"Replay of {found.session}, {_called(found)}", told)


def _called(found: Replayed) -> str:
    return f"revision {found.revision}"


def _result(found: Replayed) -> str:
    if found.difference is not None:
        return f"DIFFERENT: {found.difference}"
    return f"NOT REPLAYED: {found.impossible}" if found.impossible else "EQUAL"
