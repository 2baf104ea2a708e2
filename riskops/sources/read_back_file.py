"""The file in which the trading platform says which limits it has: CSV, one row a trader.

It has the columns ``trader_id`` and ``limit_usd``, may have ``session``, and others are ignored, so that
our own limits.csv, given back, is such a file. All of it is taken, or nothing and a list of what is wrong.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from riskops.errors import InputError
from riskops.limits_file import inert
from riskops.money import cents
from riskops.sources.csv_files import MAX_LINE_BYTES, listing, refuse_what_is_no_file, unreadable
from riskops.sources.mappings import shown

DROPPED_AS = "applied_"  # files of the inbox that start so are read back, and are no transactions
MAX_FILE_BYTES = 4_194_304
LARGEST_LIMIT_USD = 1_000_000_000
TRADER, LIMIT, SESSION = "trader_id", "limit_usd", "session"
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_NEGATIVE = re.compile(r"-\s*[0-9]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class ReadBackFile:
    """What a file says: the limits in cents by trader, and the SHA-256 of its bytes."""

    digest: str
    limits: Mapping[str, int]


def dropped(inbox: Path, session: date) -> Path:
    """Return where the trading platform drops the file of a session."""
    return inbox / f"{DROPPED_AS}{session}.csv"


def read_back_file(path: Path, session: date, traders: Collection[str]) -> ReadBackFile:
    """Read a file as a whole.

    Parameters
    ----------
    path
        The file.
    session
        The one its rows have to be of, where they name one.
    traders
        Everybody on the roster; anybody else is a problem.

    Raises
    ------
    InputError
        If anything is wrong with the file; lists the first problems as ``file:line: what. remedy``.
    """
    data = _bytes(path)
    reading = _Reading(path.name, session, {inert(t): t for t in traders} | {t: t for t in traders})
    reading.take(data)
    if reading.problems:
        raise InputError(listing(path.name, reading.problems))
    return ReadBackFile(hashlib.sha256(data).hexdigest(), reading.limits)


def _bytes(path: Path) -> bytes:
    """Return what is in a file, bounded: whoever writes it should put it in place when it is whole."""
    refuse_what_is_no_file(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_FILE_BYTES:,} bytes: it is no list of limits.")
    return data


class _Reading:
    """One reading of a file: the limits it tells, and every problem found in it."""

    def __init__(self, name: str, session: date, traders: Mapping[str, str]) -> None:
        self._name, self._session, self._traders = name, session, traders
        self._lines: dict[str, int] = {}  # where each trader stood first
        self.limits: dict[str, int] = {}
        self.problems: list[str] = []

    def take(self, data: bytes) -> None:
        """Read all rows."""
        rows = self._rows(data)
        header = next(rows, None)
        if header is None:
            if not self.problems:
                self.problems.append(f"{self._name} is empty. Export it again.")
            return
        columns = self._columns(*header)
        before, rows_found = len(self.problems), 0
        for number, cells in rows:
            rows_found += 1
            if columns is not None:
                self._row(number, cells, columns, len(header[1]))
        if not rows_found and len(self.problems) == before:
            self.problems.append(f"{self._name} has a header and no rows. Export it again, with the limits.")

    def _refuse(self, number: int, problem: str) -> None:
        self.problems.append(f"{self._name}:{number}: {problem}")

    def _rows(self, data: bytes) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, with the number of their line."""
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            if line.strip() and (cells := self._cells(number, line.rstrip(b"\r"))) is not None:
                yield number, cells

    def _cells(self, number: int, line: bytes) -> list[str] | None:
        if len(line) > MAX_LINE_BYTES:
            self._refuse(number, f"the line is longer than {MAX_LINE_BYTES:,} bytes. Export it again as CSV.")
            return None
        try:
            text = line.decode("utf-8")
            if _CONTROL.search(text):
                self._refuse(number, "holds control characters. Export it again as text.")
                return None
            return [cell.strip() for cell in next(csv.reader([text], strict=True))]
        except UnicodeDecodeError as error:
            self._refuse(number, f"is no UTF-8 text (byte {error.start}). Save the file as UTF-8.")
        except csv.Error:
            self._refuse(number, "has quotes that do not close on the same line. Remove line breaks.")
        return None

    def _columns(self, number: int, titles: Sequence[str]) -> dict[str, int] | None:
        wanted = (TRADER, LIMIT, *([SESSION] if SESSION in titles else []))
        wrong = [name for name in wanted if titles.count(name) != 1]
        for name in wrong:
            fault = "appears more than once in" if name in titles else "is missing from"
            self._refuse(number, f"column {name!r} {fault} the header. Correct the header.")
        return None if wrong else {name: titles.index(name) for name in wanted}

    def _row(self, number: int, cells: Sequence[str], columns: Mapping[str, int], width: int) -> None:
        if len(cells) != width:
            self._refuse(number, f"has {len(cells)} cells, the header {width}. Export it again.")
            return
        if SESSION in columns and cells[columns[SESSION]] != self._session.isoformat():
            told = shown(cells[columns[SESSION]])
            self._refuse(number, f"is of session {told}, not of {self._session}. Name the right session.")
        trader = self._trader(number, cells[columns[TRADER]])
        limit = self._limit(number, cells[columns[LIMIT]])
        if trader is not None and limit is not None:
            self.limits[trader] = limit

    def _trader(self, number: int, cell: str) -> str | None:
        trader = self._traders.get(cell)
        if trader is None:
            self._refuse(number, f"trader {shown(cell)} is not on the roster. See `riskops roster`.")
        elif trader in self._lines:
            self._refuse(number, f"trader {shown(cell)} stands in line {self._lines[trader]} already.")
        else:
            self._lines[trader] = number
            return trader
        return None

    def _limit(self, number: int, cell: str) -> int | None:
        if _NEGATIVE.match(cell):
            self._refuse(number, f"the limit {shown(cell)} is negative. A limit is written without a sign.")
        elif not _AMOUNT.fullmatch(cell):
            self._refuse(number, f"the limit {shown(cell)} is no amount in USD: write it like 2500.50.")
        elif Decimal(cell) > LARGEST_LIMIT_USD:
            self._refuse(number, f"the limit {shown(cell)} is above ${LARGEST_LIMIT_USD:,}.")
        else:
            return cents(Decimal(cell))
        return None
