"""Set the desk up: the risk database, the demo desk, traders, history."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from riskops.commands.context import base_limit_cents, console, opened_desk, print_receipt
from riskops.desk import Desk
from riskops.sessions import DESK_ZONE, parse_session
from riskops.store.transactions import RejectedRow

app = typer.Typer()

REJECTED_SHOWN = 20
DIGEST_SHOWN = 12


@app.command()
def migrate() -> None:
    """Bring the risk database to the newest version."""
    with opened_desk(migrate=True):
        console.print("The risk database is at the newest version.")


@app.command()
def demo() -> None:
    """Set the demo desk up: 15 traders with three years of history."""
    from riskops.pipeline.demo import set_up_demo

    with opened_desk(migrate=True) as desk, Progress(console=console) as progress:
        task = progress.add_task("Demo desk", total=None)
        receipt = set_up_demo(desk, lambda done, of: progress.update(task, completed=done, total=of))
        if not receipt["sessions"]:
            progress.update(task, completed=1, total=1)
    console.print(f"Demo desk: {receipt['new_trades']:,} new trades in {receipt['sessions']} sessions.")


@app.command()
def enrol(
    trader: Annotated[str, typer.Argument(help="The trader's id.")],
    account: Annotated[str, typer.Argument(help="The account's id, as the venue writes it.")],
    since: Annotated[str, typer.Option(help="From which session on, YYYY-MM-DD.")],
    name: Annotated[str, typer.Option(help="The trader's name.")] = "",
    base_limit: Annotated[str, typer.Option(help="Normal daily loss limit in USD.")] = "5000",
) -> None:
    """Enrol a trader with an account and a base limit."""
    from riskops.pipeline.enrol import enrol as verb

    with opened_desk() as desk:
        receipt = verb(desk, trader, name, account, base_limit_cents(base_limit), parse_session(since))
        print_receipt("Enrolled", receipt)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A CSV file of closed trades or fills.")],
    mapping: Annotated[str, typer.Option(help="The file's layout.")] = "closed_trades",
    quarantine: Annotated[
        bool, typer.Option(help="Set bad rows aside instead of refusing the file.")
    ] = False,
    correct: Annotated[
        bool, typer.Option(help="Let rows with another result correct what is known, from now on.")
    ] = False,
    through: Annotated[str | None, typer.Option(help="The last session the file covers.")] = None,
) -> None:
    """Load a file of transactions as history: all of it, or nothing."""
    from riskops.pipeline.load import load_file

    with opened_desk() as desk:
        last: date | None = parse_session(through) if through else None
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task(f"Loading {escape(file.name)}", total=None)
            receipt = load_file(
                desk,
                file,
                mapping,
                quarantine=quarantine,
                correct=correct,
                through=last,
                progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
        print_receipt("Loaded", receipt)
        if receipt["rejected"]:
            _print_rejected(desk, receipt["digest"], first=REJECTED_SHOWN)


@app.command()
def rejected(
    load: Annotated[
        str | None,
        typer.Argument(help="A file's name, or the beginning of its digest.", metavar="FILE_OR_DIGEST"),
    ] = None,
) -> None:
    """List the loads with their rejected rows counted, or show the rejected rows of one load."""
    from riskops.pipeline.load import load_named

    with opened_desk() as desk:
        if load is None:
            console.print(_loads(desk))
        else:
            _print_rejected(desk, load_named(desk, load).load.digest)


def _loads(desk: Desk) -> Table:
    table = Table(title="Loads", title_justify="left")
    for heading in ("File", "Loaded (New York)", "New trades", "Rejected", "Digest"):
        table.add_column(heading)
    for record in desk.store.transactions.loads():
        moment = record.load.known_at.astimezone(DESK_ZONE).strftime("%Y-%m-%d %H:%M")
        counts = (f"{record.new_trades:,}", f"{record.rejected:,}")
        table.add_row(Text(record.load.file_name), moment, *counts, record.load.digest[:DIGEST_SHOWN])
    return table


def _print_rejected(desk: Desk, digest: str, first: int | None = None) -> None:
    """Print the rows of a load that were set aside: all of them, or the first ones."""
    rows = desk.store.transactions.rejected(digest)
    console.print(_rejected_rows(rows[:first]))
    if first is not None and len(rows) > first:
        rest = f"and {len(rows) - first:,} more: `riskops rejected {digest[:DIGEST_SHOWN]}`"
        console.print(Text(rest), soft_wrap=True)


def _rejected_rows(rows: tuple[RejectedRow, ...]) -> Table:
    table = Table(title=f"Rejected rows: {len(rows):,}", title_justify="left")
    for heading in ("Line", "Problem", "Row"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(str(row.line), Text(row.problem), Text(row.text))
    return table
