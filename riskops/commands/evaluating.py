"""Look at the history as a whole: what rules and model have been worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from riskops.commands.context import (
    SessionOption,
    asked_run,
    console,
    errors,
    opened_desk,
    print_receipt,
)
from riskops.sessions import parse_session

if TYPE_CHECKING:
    from riskops.calibration import DeskCalibration
    from riskops.evaluation import Evaluation
    from riskops.report.evaluation_page import Table as PageTable
    from riskops.store.evaluations import StoredEvaluation

app = typer.Typer()

STDOUT = Path("-")
MONEY_SHOWN = 4  # columns of the page's tables that are printed
RATES_SHOWN = 5
NAMES_MIN_WIDTH = 15
CHANGES_MIN_WIDTH = 26  # the longest name of a number


@app.command()
def evaluate(
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="The first session; by default all.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="The last session; by default all.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one page.")] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its figures as JSON; - prints them.")
    ] = None,
) -> None:
    """Validate rules and model on history: benefit, evidence, calibration, each rule's record."""
    from riskops.evaluation import STEPS
    from riskops.pipeline.evaluate import READING
    from riskops.pipeline.evaluate import evaluate as verb

    with opened_desk() as desk:
        with progress([READING, *STEPS]) as told:
            found = verb(desk, _date(first), _date(last), told)
        if json != STDOUT:
            _print_summary(found)
        _write(found, html, json)


@app.command()
def review(
    session: SessionOption = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the stored report.")] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its figures as JSON; - prints them.")
    ] = None,
) -> None:
    """Evaluate the history before a session, propose other numbers where they pay, and store both."""
    from riskops.evaluation import STEPS
    from riskops.pipeline.evaluate import READING
    from riskops.pipeline.review import DRAWING, PROPOSING
    from riskops.pipeline.review import review as verb

    with opened_desk() as desk:
        run = asked_run(desk, session)
        with progress([READING, *STEPS, PROPOSING, DRAWING]) as told:
            receipt = verb(desk, run, told)
        if json != STDOUT:
            print_receipt(f"Review for {run.session}", receipt)
        _write_stored(desk.store.evaluations.of(run.session), html, json)


@app.command()
def calibrate(session: SessionOption = None) -> None:
    """Say how much the rules restrict, and which numbers would bring that into its bands."""
    from riskops.pipeline.calibrate import STEPS
    from riskops.pipeline.calibrate import calibrate as verb

    with opened_desk() as desk:
        run = asked_run(desk, session)
        with progress([*STEPS]) as told:
            found = verb(desk, run, told)
        _print_calibration(found)


@contextmanager
def progress(steps: list[str]) -> Iterator[Callable[[str], None]]:
    """Show how far a long verb is, on standard error; yield what its steps are told to."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as shown:
        task = shown.add_task(steps[0], total=len(steps))

        def told(step: str) -> None:
            number = steps.index(step)
            shown.update(task, completed=number, description=f"{step} ({number + 1} of {len(steps)})")

        yield told


def _print_summary(found: Evaluation) -> None:
    from riskops.report.evaluation_page import page_title, policy_table, rate_table, summary

    console.print(Text(page_title(found), style="bold"), soft_wrap=True)
    for sentence in summary(found):
        console.print(Text(sentence), soft_wrap=True)
    _print_table(policy_table(found), MONEY_SHOWN)
    _print_table(rate_table(found), RATES_SHOWN)


def _print_calibration(found: DeskCalibration) -> None:
    from riskops.report.calibration_words import base_table, option_table, sentences

    console.print(Text(f"The rules on the morning of {found.session}", style="bold"))
    for sentence in sentences(found):
        console.print(Text(sentence), soft_wrap=True)
    for table, width in ((option_table(found), CHANGES_MIN_WIDTH), (base_table(found), NAMES_MIN_WIDTH)):
        _print_table(table, len(table.headings), width)


def _write(found: Evaluation, html: Path | None, json: Path | None) -> None:
    from riskops.pipeline import evaluate as verbs

    if html is not None:
        with console_of(json).status("Drawing the charts"):
            verbs.write(html, verbs.as_html(found))
        console_of(json).print(Text(f"The report is in {html}."), soft_wrap=True)
    elif json is None:
        console.print("The report with charts, by rule and by trader: --html FILE", highlight=False)
    _put_figures(verbs.as_json(verbs.as_document(found)), json)


def _write_stored(kept: StoredEvaluation | None, html: Path | None, json: Path | None) -> None:
    from riskops.pipeline.evaluate import as_json, write

    if kept is None:
        return
    if html is not None:
        write(html, kept.html)
        console_of(json).print(Text(f"The report is in {html}."), soft_wrap=True)
    _put_figures(as_json(kept.document), json)


def _put_figures(figures: str, json: Path | None) -> None:
    from riskops.pipeline.evaluate import write

    if json == STDOUT:
        typer.echo(figures, nl=False)
    elif json is not None:
        write(json, figures)
        console.print(Text(f"Its figures are in {json}."), soft_wrap=True)


def console_of(json: Path | None) -> Console:
    """Return where remarks go: to standard error where standard output is for the figures."""
    return errors if json == STDOUT else console


def _print_table(table: PageTable, columns: int, names_min_width: int = NAMES_MIN_WIDTH) -> None:
    """Print the first columns of a table of the page, what a terminal has room for."""
    shown = Table(title=Text(table.caption), title_justify="left")
    for i, heading in enumerate(table.headings[:columns]):
        shown.add_column(Text(heading), overflow="fold", min_width=0 if i else names_min_width)
    for row in table.rows:
        shown.add_row(*map(Text, row[:columns]))
    console.print(shown)


def _date(text: str | None) -> date | None:
    return None if text is None else parse_session(text)
