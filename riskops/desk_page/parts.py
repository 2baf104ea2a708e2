"""What every page is made of: who looks, where the page stands, and tables that screen readers follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page: the login, whether it may write, and the token its forms carry."""

    login: str
    may_write: bool
    token: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; with an address it is a link."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its caption, its headings and rows of cells; the first column names the row."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled remark."""

    label: str
    text: str


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> Table:
    """Return a table whose cells are texts, or links."""
    return Table(caption, tuple(headings), tuple(tuple(map(_cell, row)) for row in rows))


def facts(**told: str) -> tuple[Fact, ...]:
    """Return labelled remarks, those that say nothing left out; ``_`` in a label is a space."""
    return tuple(Fact(label.replace("_", " "), text) for label, text in told.items() if text)


def _cell(value: str | Cell) -> Cell:
    return Cell(value) if isinstance(value, str) else value
