"""The simulation study: what the promotion gate is worth, and whether it keeps its bars."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from riskops.commands.context import console, errors, errors_told
from riskops.errors import StudyError

if TYPE_CHECKING:
    from riskops.study.findings import Finding

app = typer.Typer()

HEADINGS = ("Question", "Measured, 95 %", "Panels", "Bar", "Kept")


@app.command()
def study(
    seed: Annotated[int, typer.Option(min=0, help="All panels are drawn from it.")] = 1,
    panels: Annotated[int | None, typer.Option(min=20, help="Panels of each kind of series.")] = None,
    desks: Annotated[int | None, typer.Option(min=1, help="Panels of each kind of desk.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer panels: half a minute instead of some.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result for programs.")] = False,
    write: Annotated[Path | None, typer.Option(help="Write the page with the result there.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to use.")] = os.cpu_count() or 1,
) -> None:
    """Show on simulated desks whom the promotion gate lets through; a missed bar is an error."""
    from riskops.study import page, running

    usual = running.QUICK if quick else running.FULL
    size = running.Size(usual.series if panels is None else panels, usual.desks if desks is None else desks)
    with errors_told():
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Study", total=None)
            findings = running.study(
                size, seed, workers, lambda done, of: progress.update(task, completed=done, total=of)
            )
        if as_json:
            typer.echo(json.dumps(page.document(findings, size, seed), indent=2))
        else:
            _print(findings)
        if write is not None:
            write.write_text(page.page(findings, size, seed), encoding="utf-8")
        _demand_bars(findings)


def _print(findings: Sequence[Finding]) -> None:
    from riskops.study.page import cells

    for section, rows in groupby(findings, key=lambda finding: finding.question.section):
        table = Table(title=Text(section), title_justify="left", expand=True)
        for heading in HEADINGS:
            table.add_column(heading, overflow="fold", ratio=5 if heading == HEADINGS[0] else None)
        for row in rows:
            question, figure, interval, _, panels, bar, kept = cells(row)
            table.add_row(*(Text(cell) for cell in (question, f"{figure}\n{interval}", panels, bar, kept)))
        console.print(table)


def _demand_bars(findings: Sequence[Finding]) -> None:
    missed = [
        f"{f.question.section}, {f.question.text}: {f.measured.value:.3f}, the bar is {f.question.bar}, "
        f"missed by {f.missed_by:.3f}"
        for f in findings
        if f.missed_by
    ]
    if missed:
        raise StudyError("\n".join(["The study misses its bars.", *missed]))
