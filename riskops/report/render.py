"""From a view model to text and HTML: the mail, and the page of an evaluation."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from riskops.report.content import Content, without_charts
from riskops.report.wording import one_line

if TYPE_CHECKING:
    from riskops.report.evaluation_page import Page

TEMPLATES = Path(__file__).parent / "templates"
LONGEST_SUBJECT = 200
TEXT_WIDTH = 78
MOST_BYTES = 80_000  # of HTML: some clients cut off what goes beyond about 100 kB
HANGING_INDENT = 4


def subject(content: Content) -> str:
    """Return the subject: the date, the counts and the rung, in one line."""
    return one_line(content.subject, LONGEST_SUBJECT)


def as_text(content: Content) -> str:
    """Return the mail as plain text of at most 78 columns; what continues a line is indented."""
    return text_of(f"{_template(content)}.txt", content)


def as_html(content: Content) -> str:
    """Return the mail as one HTML page that needs nothing from elsewhere."""
    return html_of(f"{_template(content)}.html", content)


def text_of(template: str, mail: object) -> str:
    """Return the view model of a mail as plain text; what continues a line is indented."""
    text = _environment().get_template(template).render(mail=mail)
    return "".join(f"{_wrapped(line)}\n" for line in text.splitlines())


def html_of(template: str, mail: object) -> str:
    """Return the view model of a mail as one HTML page."""
    return _environment().get_template(template).render(mail=mail)


def fitting(content: Content) -> Content:
    """Return a mail whose HTML clients show whole: on a very large desk that costs it its charts."""
    if len(as_html(content).encode()) < MOST_BYTES:
        return content
    return without_charts(content, "No charts: with them this mail would be too long to be shown whole")


def as_page(page: Page) -> str:
    """Return an evaluation's page, which needs nothing from elsewhere: its charts are within."""
    return _environment().get_template("evaluation.html").render(page=page)


def _template(content: Content) -> str:
    return "limits" if content.correction is None else "correction"


def _wrapped(line: str) -> str:
    margin = len(line) - len(line.lstrip())
    return textwrap.fill(
        line,
        TEXT_WIDTH,
        subsequent_indent=" " * (margin + HANGING_INDENT),
        break_long_words=False,
        break_on_hyphens=False,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
