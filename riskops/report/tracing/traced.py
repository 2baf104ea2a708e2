"""What is told of a number: what it is, how it was computed, and where it is on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time

from riskops import config
from riskops.money import dollars


@dataclass(frozen=True, slots=True)
class Row:
    """Rows of the risk database, and what is read from them.

    `column` may go on into a JSON document: ``detail.e_values``. `key` are the columns that choose the
    rows. Where the table has sessions and `key` names none, it is the explanation's, and its revision.
    """

    table: str
    column: str
    key: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        chosen = ", ".join(f"{name}={value}" for name, value in self.key)
        return f"{self.table}.{self.column} [{chosen}]" if chosen else f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class BusinessNumber:
    """A number that somebody decided: a name in `riskops.config`."""

    name: str

    def __str__(self) -> str:
        return f"riskops/config.py: {self.name}"


Place = Row | BusinessNumber


@dataclass(frozen=True, slots=True)
class Traced:
    """One number of the mail.

    `value` is how it is printed there, `how` its formula in words with the values that went in, `places`
    where it, or what it is made of, is on record.
    """

    label: str
    value: str
    how: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The numbers of one section of the mail, or of one part of a trader's entry."""

    title: str
    numbers: tuple[Traced, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is traced of a session, or of one trader on it; `remarks` are what to know first."""

    title: str
    sections: tuple[Section, ...]
    remarks: tuple[str, ...] = ()

    def section(self, title: str) -> Section:
        """Return the section of a title; an empty one where nothing of it was printed."""
        return next((found for found in self.sections if found.title == title), Section(title, ()))


def row(table: str, column: str, **key: object) -> Row:
    """Return a place in the risk database: ``row("decisions", "limit_cents", trader_id="3942")``."""
    return Row(table, column, tuple((name, str(value)) for name, value in key.items()))


def section(title: str, numbers: Iterable[Traced]) -> Section:
    """Return a section of some numbers."""
    return Section(title, tuple(numbers))


def named(name: str) -> str:
    """Return a business number with its name, as formulas print it: ``$50 (LIMIT_STEP_CENTS)``."""
    return f"{_shown(name)} ({name})"


def business_number(label: str, value: str, name: str, how: str) -> Traced:
    """Return a number that is printed as somebody decided it."""
    return Traced(label, value, f"{how}: {named(name)}", (BusinessNumber(name),))


def _shown(name: str) -> str:
    value = getattr(config, name)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return dollars(value) if "_CENTS" in name else str(value)
