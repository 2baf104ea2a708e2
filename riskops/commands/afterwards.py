"""After the mail: say that it was read, and take what the trading platform reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskops.commands.context import SessionOption, asked_run, opened_desk, print_receipt

app = typer.Typer()


@app.command()
def acknowledge(
    by: Annotated[str, typer.Option("--by", help="Who has read the mail; no trader of the desk.")],
    session: SessionOption = None,
    revision: Annotated[
        int | None, typer.Option("--revision", min=0, help="Of which mail; by default the newest.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What there is to add.")] = "",
) -> None:
    """Say that somebody has read the mail of a session; unread deep cuts are escalated again at 07:50."""
    from riskops.pipeline.acknowledge import acknowledge as verb

    with opened_desk() as desk:
        run = asked_run(desk, session)
        print_receipt("Acknowledged", verb(desk, run.session, revision, by=by, note=note))


@app.command("read-back")
def read_back(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with trader_id and limit_usd.")],
    session: SessionOption = None,
) -> None:
    """Take a file of the trading platform, and say which limits it has applied."""
    from riskops.pipeline.read_back import read_back as verb

    with opened_desk() as desk:
        run = asked_run(desk, session)
        print_receipt(f"Read back for {run.session}", verb(desk, run, file))
