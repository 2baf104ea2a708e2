"""CSV as PropReports writes it, read by the names of its columns.

Which columns there are, and in which order, differs from server to server and from account to
account. What every table has: a header, which a report may put below a line with a date, and perhaps
total lines, which are skipped. Every problem is told with its line, its column and the remedy.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from riskops.errors import SourceError
from riskops.records import Side
from riskops.sessions import DESK_ZONE
from riskops.sources.mappings import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    ColumnMapping,
    UnreadableCellError,
    normal_word,
    shown,
)
from riskops.sources.propreports.pages import is_total

Value = TypeVar("Value")

DAY_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
LISTED_COLUMNS = 6

WRITING = ColumnMapping(
    name="propreports",
    account="Account",
    symbol="Symbol",
    side="Type",
    sides={"long": Side.LONG, "short": Side.SHORT},
    quantity="Qty",
    closed_at="Date/Time",
    price="Price",
    gross="Gross",
    net="Net",
    currency="Currency",
    time_format="%m/%d/%Y %H:%M:%S",
    time_zone=DESK_ZONE.key,
    thousands_mark=",",
)

_DAY = re.compile(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{2,4}")
_DELTAS = str.maketrans("δ∆", "ΔΔ")  # small, and the sign for an increment


class UnreadableAnswerError(SourceError):
    """An answer that is no table of the kind that was asked for."""


class WrongRowError(ValueError):
    """A row that is refused; says where, what is wrong and the remedy."""


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that was refused, and the date it is about, ``None`` where that cannot be read."""

    day: date | None
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: where it stands, what its cells say, and the date above its header, if any."""

    place: str
    cells: Mapping[str, str]
    section: date | None = None

    def has(self, column: str) -> bool:
        """Say whether the table has the column, and the row something in it."""
        return bool(self.cells.get(column))

    def read(self, column: str, reader: Callable[[str], Value]) -> Value:
        """Return what `reader` makes of a cell.

        Raises
        ------
        WrongRowError
            If it refuses the text.
        """
        try:
            return reader(self.cells.get(column, ""))
        except UnreadableCellError as error:
            raise self.wrong(column, str(error)) from error

    def amount(self, column: str) -> Decimal:
        """Return the number in a cell, exactly as written."""
        return self.read(column, WRITING.read_number)

    def amount_or_none(self, column: str) -> Decimal | None:
        """Return the number in a cell, ``None`` where column or text is missing."""
        return self.amount(column) if self.has(column) else None

    def wrong(self, column: str, problem: str) -> WrongRowError:
        """Return the error of a cell that is refused."""
        return WrongRowError(f"{self.place}: column {column!r}: {problem}")


def read_table(
    pages: Sequence[str],
    action: str,
    needed: Sequence[str],
    read_row: Callable[[Row], Value],
    day_of: Callable[[Row], date | None] = lambda row: row.section,
    *,
    has_totals: bool = False,
) -> Iterator[Value | WrongRow]:
    """Yield what `read_row` makes of every row, or why it was refused.

    Parameters
    ----------
    pages
        The texts of the answer's pages; a page without a header has that of the page before.
    action
        What was asked for, for messages.
    needed
        The columns without which the table is not readable; they tell the header from other lines.
    read_row
        Reads a row; raises `WrongRowError` where it is wrong.
    day_of
        Gives the date a row is about, so that a wrong one spoils that date only.
    has_totals
        Whether lines that begin with a word such as ``Equities`` and have no date are total lines.

    Raises
    ------
    UnreadableAnswerError
        If a needed column is missing, or the text is no CSV.
    """
    for row, width in _rows(pages, action, needed, has_totals):
        try:
            if len(row.cells) != width:
                raise WrongRowError(f"{row.place}: has not as many cells as the header. Ask for it again.")
            yield read_row(row)
        except WrongRowError as error:
            yield WrongRow(_day_or_none(row, day_of), str(error))


def read_day(text: str) -> date:
    """Read a date in any of the ways PropReports writes one.

    Raises
    ------
    UnreadableCellError
        If it is none.
    """
    for day_format in DAY_FORMATS:
        try:
            day = datetime.strptime(text, day_format).date()  # noqa: DTZ007 - a date, not a moment
        except ValueError:
            continue
        if EARLIEST_YEAR <= day.year <= LATEST_YEAR:
            return day
    raise UnreadableCellError(f"{shown(text)} is no date. It should be like 2026-03-13 or 03/13/2026.")


def _day_or_none(row: Row, day_of: Callable[[Row], date | None]) -> date | None:
    try:
        return day_of(row)
    except WrongRowError:
        return None


def _rows(
    pages: Sequence[str], action: str, needed: Sequence[str], has_totals: bool
) -> Iterator[tuple[Row, int]]:
    """Yield every row with the number of columns its header has."""
    header: list[str] = []
    section: date | None = None
    for place, cells in _records(pages, action):
        if set(needed) <= set(names := _column_names(cells)):
            header = _without_doubles(names, needed, place)
        elif (day := _section_day(cells)) is not None:
            section = day
        elif not (has_totals and _is_total_line(cells)):
            if not header:
                raise _no_header(place, names, needed)
            yield Row(place, dict(zip(header, _fitting(cells, header), strict=False)), section), len(header)


def _records(pages: Sequence[str], action: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the cells of every line that is not blank, and where it stands."""
    for number, page in enumerate(pages, start=1):
        prefix = f"{action} page {number}" if len(pages) > 1 else action
        reader = csv.reader(io.StringIO(page, newline=""), strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield f"{prefix} line {reader.line_num}", [cell.strip() for cell in cells]
        except csv.Error as error:
            raise UnreadableAnswerError(f"{prefix} line {reader.line_num}: no CSV, {error}.") from error


def _column_names(cells: Sequence[str]) -> list[str]:
    return [" ".join(cell.translate(_DELTAS).split()) for cell in cells]


def _without_doubles(names: list[str], needed: Sequence[str], place: str) -> list[str]:
    for name in needed:
        if names.count(name) > 1:
            raise UnreadableAnswerError(f"{place}: column {name!r} appears more than once.")
    return [name if names.index(name) == at else f"{name} ({at})" for at, name in enumerate(names)]


def _section_day(cells: Sequence[str]) -> date | None:
    """Return the date of a line that says nothing else."""
    if any(cells[1:]) or not _DAY.fullmatch(cells[0]):
        return None
    try:
        return read_day(cells[0])
    except UnreadableCellError:
        return None


def _is_total_line(cells: Sequence[str]) -> bool:
    return is_total(normal_word(cells[0])) and not any(_DAY.match(cell) for cell in cells)


def _fitting(cells: Sequence[str], header: Sequence[str]) -> Sequence[str]:
    """Return the cells of a row; of one that is too long none, so that it is refused."""
    return cells if len(cells) <= len(header) else ()


def _no_header(place: str, names: Sequence[str], needed: Sequence[str]) -> UnreadableAnswerError:
    missing = [name for name in needed if name not in names][:LISTED_COLUMNS]
    return UnreadableAnswerError(
        f"{place}: no header with the columns {', '.join(map(repr, missing))}. "
        "Check the version of PropReports."
    )
