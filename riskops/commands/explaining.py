"""Explain a number of the mail: what it is, how it was computed, and where it is on record."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from riskops.commands.context import console, opened_desk
from riskops.errors import MissingResultError
from riskops.sessions import parse_session

if TYPE_CHECKING:
    from riskops.desk import Desk
    from riskops.report.tracing.traced import Explanation, Traced

app = typer.Typer()

WIDTH = 80
MARGIN, INDENT = "  ", "      "


@app.command()
def explain(
    asked: Annotated[
        list[str],
        typer.Argument(help="A session, YYYY-MM-DD; a trader's id before it.", metavar="[TRADER] SESSION"),
    ],
    number: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only what is printed so: '$2,500', '3.1'.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="By default the newest.")] = None,
    page: Annotated[bool, typer.Option("--page", help="Also what the desk's pages add to the mail.")] = False,
) -> None:
    """Trace every number of a session's mail, or of one trader's entry, to what it was computed from."""
    *trader, session = asked
    if len(trader) > 1:
        raise typer.BadParameter("name one trader and one session, or the session alone")
    if page and revision is not None:
        raise typer.BadParameter("the pages show the newest revision: leave --revision out")
    with opened_desk() as desk:
        explained = _pages if page else partial(_mail, revision=revision)
        for line in _lines(explained(desk, parse_session(session), *trader), number):
            console.print(Text(line), soft_wrap=True)


def _mail(desk: Desk, session: date, *trader: str, revision: int | None) -> Explanation:
    from riskops.pipeline.explain import explain as verb

    found = verb(desk, session, revision)
    return found.trader(*trader) if trader else found.desk()


def _pages(desk: Desk, session: date, *trader: str) -> Explanation:
    from riskops.desk_page.explain import explain_pages, explain_trader_page

    return explain_trader_page(desk, session, *trader) if trader else explain_pages(desk, session)


def _lines(told: Explanation, number: str | None) -> Iterator[str]:
    """Yield an explanation as lines of text, each number with its formula and its place."""
    wanted = _wanted(told, number)
    yield told.title.upper()
    yield from (f"! {line}" for remark in told.remarks for line in textwrap.wrap(remark, WIDTH - 2))
    yield "[...] chooses rows, without another session those of this one; see docs/data.md"
    for title, numbers in wanted.items():
        yield from ("", f"{title.upper()}:")
        for one in numbers:
            yield from _told(one)


def _wanted(told: Explanation, number: str | None) -> dict[str, list[Traced]]:
    """Return what is asked for, by section."""
    found = {part.title: [one for one in part.numbers if _is_wanted(one, number)] for part in told.sections}
    if not any(found.values()):
        raise MissingResultError(f"No number is printed as {number!r} there: leave --number out to see all.")
    return {title: numbers for title, numbers in found.items() if numbers}


def _is_wanted(one: Traced, number: str | None) -> bool:
    """Say whether the number somebody points at stands in what is printed: 3.1 is not in 13.12."""
    if number is None:
        return True
    return re.search(rf"(?<![\w.,$-]){re.escape(number)}(?!\d)", one.value) is not None


def _told(one: Traced) -> Iterator[str]:
    yield from _wrapped(f"{one.label}: {one.value}", MARGIN)
    yield from _wrapped(one.how, INDENT)
    yield from _wrapped(f"on record: {'; '.join(map(str, one.places))}", INDENT)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
