"""The trial desk: all of it on this machine, until somebody stops it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from riskops.commands.context import console, errors
from riskops.errors import ConfigurationError, RiskOpsError

if TYPE_CHECKING:
    from riskops.trial.desk import Ready

app = typer.Typer()

FOLDER = Path(".riskops/up")


@app.command()
def up(
    folder: Annotated[Path, typer.Option(help="Holds all of it: data, logs, passwords, mails.")] = FOLDER,
    database_port: Annotated[int, typer.Option(help="PostgreSQL's port; 0 is any free one.")] = 0,
    mail_port: Annotated[int, typer.Option(help="The mail catcher's port; 0 is any free one.")] = 1025,
    demo: Annotated[bool, typer.Option(help="Load the demo desk, or leave the risk database empty.")] = True,
) -> None:
    """Start Airflow, PostgreSQL and a mail catcher on loopback, with the demo desk (see `make up`)."""
    from riskops.trial.desk import Ports, run_trial_desk
    from riskops.trial.supervisor import asked_by_signals

    try:
        wanted = Ports(_api_port(), database_port, mail_port)
        with asked_by_signals() as asked:
            run_trial_desk(folder, os.environ, wanted, asked, demo=demo, tell=_tell, ready=_welcome)
    except RiskOpsError as error:
        errors.print(Text(f"{type(error).__name__}: {error}", style="bold red"), soft_wrap=True)
        raise typer.Exit(error.exit_code) from error


def _api_port() -> int:
    port = os.environ.get("AIRFLOW__API__PORT", "")
    if not port.isdecimal():
        raise ConfigurationError(f"AIRFLOW__API__PORT={port!r} is no port: `make up` sets it.")
    return int(port)


def _welcome(ready: Ready) -> None:
    _tell(f"Ready: {ready.url}")
    _tell(f"  user        {ready.user}, the password is in {ready.password_file}")
    _tell(f"  mails       {ready.mails}")
    _tell(f"  logs        {ready.logs}")
    _tell(f"  in a shell  set -a; . {ready.environment_file}; set +a")
    _tell("Stop with Ctrl-C.")


def _tell(text: str) -> None:
    console.print(Text(text), soft_wrap=True)
