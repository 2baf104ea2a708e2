"""Keep the risk database: write a backup, check one, restore one, catch up after that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from riskops.commands.context import asked_run, errors_told, opened_desk, print_receipt

app = typer.Typer()


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(help="A new file, or a folder to put it into.")],
) -> None:
    """Write the whole risk database into one portable file, read back before it gets its name."""
    from riskops.pipeline.backup import back_up

    with opened_desk() as desk:
        print_receipt("Backup", back_up(desk, destination))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="A file of `riskops backup`.")],
    check: Annotated[bool, typer.Option("--check", help="Only read it from end to end.")] = False,
) -> None:
    """Fill an empty risk database from a backup: all of it, or nothing."""
    from riskops.pipeline.backup import check_backup, restore_backup
    from riskops.settings import read_settings

    with errors_told():
        receipt = check_backup(file) if check else restore_backup(read_settings(os.environ), file)
        print_receipt("Checked" if check else "Restored", receipt)


@app.command("take-over")
def take_over() -> None:
    """Record what was mailed after the backup that the risk database was restored from."""
    from riskops.pipeline.mailed_since import take_over as taken_over

    with opened_desk() as desk:
        found = taken_over(desk, asked_run(desk, None))
        print_receipt("Taken over", found or {"sessions": "none, the risk database knows every mail"})
