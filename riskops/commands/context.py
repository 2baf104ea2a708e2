"""What every command does: open the desk, resolve the session, print errors and tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from riskops.desk import Desk, open_desk
from riskops.errors import InputError, RiskOpsError
from riskops.money import cents
from riskops.pipeline.revise import numbered
from riskops.records import Run, RunType
from riskops.sessions import session_for_run

LARGEST_BASE_USD = 1_000_000_000

console = Console()
errors = Console(stderr=True)

SessionOption = Annotated[
    str | None,
    typer.Option("--session", metavar="YYYY-MM-DD", help="By default the newest session that has begun."),
]
RevisionOption = Annotated[
    int, typer.Option("--revision", min=0, help="The number of a correction; 0 is the morning's own mail.")
]
DeliverOption = Annotated[
    bool | None,
    typer.Option("--deliver/--no-deliver", help="Whether a mail may leave; by default only today's does."),
]


@contextmanager
def opened_desk(*, migrate: bool = False) -> Iterator[Desk]:
    """Open the desk of the environment; a RiskOps error ends the command with its exit code."""
    with errors_told(), open_desk(os.environ, migrate=migrate) as desk:
        yield desk


@contextmanager
def errors_told() -> Iterator[None]:
    """Print a RiskOps error and end the command with its exit code."""
    try:
        yield
    except RiskOpsError as error:
        errors.print(Text(f"{type(error).__name__}: {error}", style="bold red"), soft_wrap=True)
        raise typer.Exit(error.exit_code) from error


def asked_run(
    desk: Desk,
    session: str | None,
    *,
    deliver: bool | None = None,
    run_type: RunType = RunType.BREAK_GLASS,
    revision: int = 0,
) -> Run:
    """Build the run a command asks for; a correction has to be on record."""
    resolved = session_for_run(desk.calendar, session, None, desk.clock())
    run = Run(session=resolved, run_type=run_type, run_id="command line", deliver=deliver)
    return numbered(desk, run, revision)


def newest_run(desk: Desk, session: str | None) -> Run:
    """Build the run of the newest mail of a session that is out: the first one, or a correction."""
    run = asked_run(desk, session)
    return replace(run, revision=desk.store.mornings.newest_sealed(run.session) or 0)


def base_limit_cents(text: str) -> int:
    """Read a base limit written in USD, ``5000``, ``$6,500.50``.

    Raises
    ------
    InputError
        If it is no amount, or none that a base limit could be.
    """
    try:
        amount = Decimal(text.replace(",", "").removeprefix("$"))
        if not amount <= LARGEST_BASE_USD:
            raise InputError(f"The base limit {text!r} is above ${LARGEST_BASE_USD:,}.")
        return cents(amount)
    except (InvalidOperation, ValueError):
        remedy = f"The base limit {text!r} is no amount: write it like 5000 or 2500.50."
        raise InputError(remedy) from None


def print_receipt(title: str, receipt: Mapping[str, Any]) -> None:
    """Print what a verb left, one row a figure."""
    table = Table(title=Text(title), title_justify="left", show_header=False)
    for name, value in receipt.items():
        table.add_row(name.replace("_", " "), Text(_shown(value), overflow="fold"))
    console.print(table)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {item}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
