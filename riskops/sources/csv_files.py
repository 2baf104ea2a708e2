"""Transactions from a CSV file of closed trades, or of fills that carry the venue's realised result.

A file is streamed line by line: memory does not grow with its size. Rows are read either strictly
(`read_trades`: one bad row refuses the file, at its end, with a list of all problems) or with
quarantine (`read_with_rejects`: bad rows come out as `Rejected` among the good ones). One line is one
row; line breaks inside quotes are refused, so that a stray quote spoils its own line only.

Amounts are not rounded row by row: within an account and session the rounding is carried, so that
the cents of the rows add up to the exact sum of the file, rounded once. A file should therefore
hold whole sessions of an account.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import TypeVar

from riskops.errors import InputError
from riskops.money import CENT, cents
from riskops.records import Origin, Side, Trade
from riskops.sessions import TradingCalendar
from riskops.sources.mappings import ColumnMapping, UnreadableCellError, read_identifier, shown

Value = TypeVar("Value")
UsdRate = Callable[[str, date], Decimal | None]
Progress = Callable[[int], None]

PROGRESS_LINES = 1_000  # between two reports of progress
LISTED_PROBLEMS = 20
COUNTED_PROBLEMS = 1_000  # a strict reading stops looking here
TOLERATED_REJECTS = 1_000  # from here on a file with more bad rows than good ones is refused
MAX_BLANK_LINES = 1_000
MAX_LINE_BYTES = 65_536
KEPT_TEXT_CHARACTERS = 500
MAX_TRADE_ID_LENGTH = 128
MAX_TRADED_VALUE = Decimal(10**14)  # in the file's currency; its cents still fit 64 bits
HOME_CURRENCY = "USD"
HOW_TO_ENROL = "Enrol it with `riskops enrol TRADER ACCOUNT --since YYYY-MM-DD`"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BLOCK_BYTES = 1 << 20
_EXACT = Context(prec=600)  # wide enough that no sum or product of cells is ever rounded


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was refused: where it stands, what it says and every problem with it.

    `account_id` is the account the row names, ``None`` where that cannot be read;
    `is_stranger` says that nobody enrolled it.
    """

    line_number: int
    text: str
    problems: tuple[str, ...]
    account_id: str | None = None
    is_stranger: bool = False

    @property
    def problem(self) -> str:
        """The problems as one text."""
        return " ".join(self.problems)


@dataclass(slots=True)
class Extent:
    """What a stream of rows spans: its accounts, its sessions, and what was refused in it.

    `doubtful` holds the accounts with refused rows; `unattributed` says that a refused row named
    no readable account.
    """

    accounts: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    unattributed: bool = False
    first: date | None = None
    last: date | None = None

    def add(self, row: Trade | Rejected) -> None:
        """Take note of one row."""
        if isinstance(row, Trade):
            self.accounts.add(row.account_id)
            self.first = min(self.first or row.session, row.session)
            self.last = max(self.last or row.session, row.session)
        elif row.account_id is None:
            self.unattributed = True
        else:
            self.doubtful.add(row.account_id)

    @classmethod
    def of(cls, rows: Iterable[Trade | Rejected]) -> Extent:
        """Return the extent of all rows, consuming them."""
        extent = cls()
        for row in rows:
            extent.add(row)
        return extent


def coverage(
    extent: Extent,
    calendar: TradingCalendar,
    *,
    accounts: Collection[str] | None = None,
    through: date | None = None,
) -> list[tuple[str, date]]:
    """Return the (account, session) pairs that a file confirms, with or without trades.

    Parameters
    ----------
    extent
        What the file spans.
    calendar
        The desk's calendar.
    accounts
        The accounts the file is known to cover; by default those that appear in it.
    through
        The last session the file is known to cover; by default the last one in it.

    Returns
    -------
    list of (str, date)
        Every covered account on every session from the file's first to the last, ascending.
        Accounts with refused rows are left out, and nothing is confirmed where a refused row
        could have been anybody's.
    """
    last = through or extent.last
    if extent.first is None or last is None or extent.unattributed:
        return []
    confirmed = (extent.accounts if accounts is None else set(accounts)) - extent.doubtful
    sessions = calendar.between(extent.first, last)
    return [(account, session) for account in sorted(confirmed) for session in sessions]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    refuse_what_is_no_file(path)
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def count_lines(path: Path) -> int:
    """Return how many lines a file has, for a bar of progress.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    refuse_what_is_no_file(path)
    try:
        with path.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK_BYTES), b""))
    except OSError as error:
        raise unreadable(path, error) from error


def row_texts(path: Path, mapping: ColumnMapping, line_numbers: Collection[int]) -> dict[int, str]:
    """Return the texts of some rows of a file by line number, as they are kept for refused rows."""
    return {
        number: _kept_text(line, mapping.encoding) for number, line in _lines(path) if number in line_numbers
    }


def listing(file_name: str, problems: Sequence[str]) -> str:
    """Return why a file is refused: how many problems it has, and the first of them."""
    count = len(problems)
    number = f"at least {count:,}" if count >= COUNTED_PROBLEMS else f"{count:,}"
    first = f" The first {LISTED_PROBLEMS}:" if count > LISTED_PROBLEMS else ""
    heading = f"{file_name} is refused, nothing was loaded. Problems: {number}.{first}"
    return "\n".join([heading, *problems[:LISTED_PROBLEMS]])


def no_usd_rate(currency: str, session: date) -> Decimal | None:
    """Know no exchange rate: every amount has to be USD."""
    return None


def read_trades(
    path: Path,
    mapping: ColumnMapping,
    calendar: TradingCalendar,
    account_ids: Collection[str],
    now: datetime,
    known_at: Callable[[date], datetime],
    *,
    usd_rate: UsdRate = no_usd_rate,
    progress: Progress = lambda _lines: None,
) -> Iterator[Trade]:
    """Stream the trades of a file in its order, and refuse the file at its end where a row was wrong.

    From the first wrong row on no trade comes any more, so that whoever writes them has to take back
    what he wrote when the error comes.

    Parameters
    ----------
    path
        The file.
    mapping
        Its layout.
    calendar
        Labels closes with sessions.
    account_ids
        The accounts of the desk; any other account is a problem.
    now
        Aware; nothing may have closed after it.
    known_at
        Gives the moment from which the trades of a session count as known.
    usd_rate
        Gives the dated rate of a currency in USD, ``None`` where there is none. Amounts and
        prices are converted before they are rounded.
    progress
        Told how many more lines were read, now and then.

    Raises
    ------
    InputError
        If anything is wrong with the file; lists the first problems as
        ``file:line: column 'X': what is wrong. remedy``, and accounts nobody enrolled once each.
    """
    reading = _Reading(path, mapping, calendar, frozenset(account_ids), now, known_at, usd_rate, progress)
    problems = _Problems(path.name, f"column {mapping.account!r}: ")
    for row in _rows(reading):
        if isinstance(row, Rejected):
            problems.add(row)
        elif problems.are_none:
            yield row
        if problems.are_enough:
            break
    if not problems.are_none:
        raise InputError(listing(path.name, problems.texts()))


def read_with_rejects(
    path: Path,
    mapping: ColumnMapping,
    calendar: TradingCalendar,
    account_ids: Collection[str],
    now: datetime,
    known_at: Callable[[date], datetime],
    *,
    usd_rate: UsdRate = no_usd_rate,
    progress: Progress = lambda _lines: None,
) -> Iterator[Trade | Rejected]:
    """Stream the good rows and the refused ones in the order of the file.

    The parameters are those of `read_trades`. The account of a refused row misses a trade: its
    session is not confirmed (see `coverage`).

    Raises
    ------
    InputError
        If the file as a whole cannot be read: no such file, empty, without a needed column,
        without rows, or with more refused rows than good ones.
    """
    reading = _Reading(path, mapping, calendar, frozenset(account_ids), now, known_at, usd_rate, progress)
    rejected = accepted = 0
    for row in _rows(reading):
        yield row
        rejected += isinstance(row, Rejected)
        accepted += isinstance(row, Trade)
        if rejected > max(TOLERATED_REJECTS, accepted):
            raise InputError(
                f"{path.name}: {rejected:,} of the first {rejected + accepted:,} rows are refused. "
                f"Check that the file has the layout {mapping.name!r}."
            )


# --- a reading ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """Everything one reading of a file needs to know."""

    path: Path
    mapping: ColumnMapping
    calendar: TradingCalendar
    account_ids: frozenset[str]
    now: datetime
    known_at: Callable[[date], datetime]
    usd_rate: UsdRate
    progress: Progress


class _Problems:
    """What a strict reading finds: problems row by row, accounts nobody enrolled once each."""

    def __init__(self, file_name: str, account_column: str) -> None:
        self._file_name, self._account_column = file_name, account_column
        self._of_rows: list[str] = []
        self._strangers: dict[str, list[int]] = {}

    @property
    def are_none(self) -> bool:
        return not (self._of_rows or self._strangers)

    @property
    def are_enough(self) -> bool:
        return len(self._of_rows) + len(self._strangers) >= COUNTED_PROBLEMS

    def add(self, row: Rejected) -> None:
        problems: Sequence[str] = row.problems
        if row.is_stranger and row.account_id is not None:
            tally = self._strangers.setdefault(row.account_id, [0, row.line_number])
            tally[0] += 1
            problems = [text for text in problems if not text.startswith(self._account_column)]
        self._of_rows += [f"{self._file_name}:{row.line_number}: {text}" for text in problems]

    def texts(self) -> list[str]:
        return [self._unenrolled(*stranger) for stranger in self._strangers.items()] + self._of_rows

    def _unenrolled(self, account: str, tally: Sequence[int]) -> str:
        rows, first = tally
        counted = f"{rows:,} row{'s' if rows > 1 else ''}, first in line {first}"
        remedy = f"{HOW_TO_ENROL} or take its rows out."
        return f"{self._file_name}: account {shown(account)} is not enrolled: {counted}. {remedy}"


def _rows(reading: _Reading) -> Iterator[Trade | Rejected]:
    """Stream the rows of a file, each accepted or refused."""
    name = reading.path.name
    lines = _lines(reading.path)
    first = next(lines, None)
    if first is None:
        raise InputError(f"{name} is empty. Export it again.")
    with closing(_Occurrences()) as seen:
        desk = _RowReader(reading, _header(name, first, reading.mapping), seen)
        count = 0
        for count, (number, line) in enumerate(lines, start=1):
            yield desk.read(number, line)
            if count % PROGRESS_LINES == 0:
                reading.progress(PROGRESS_LINES)
    if not count:
        raise InputError(f"{name} has a header and no rows. Export it again, with the trades.")


@dataclass(frozen=True, slots=True)
class _Header:
    """How many columns a file has, and where the mapping's stand."""

    width: int
    position: Mapping[str, int]


def _header(name: str, first: tuple[int, bytes], mapping: ColumnMapping) -> _Header:
    """Read the header line.

    Raises
    ------
    InputError
        If the header is unreadable, lacks a column of the mapping or has one of them twice.
    """
    number, line = first
    where = f"{name}:{number}:"
    try:
        titles = [title.strip() for title in _cells(line, mapping)]
    except _BadLineError as error:
        raise InputError(f"{where} the header {error}") from error
    for column in mapping.columns:
        if titles.count(column) != 1:
            fault = "is missing from" if column not in titles else "appears more than once in"
            raise InputError(
                f"{where} column {column!r}: {fault} the header. "
                f"The layout {mapping.name!r} needs it exactly once. Correct the header or name its layout."
            )
    return _Header(len(titles), {column: titles.index(column) for column in mapping.columns})


# --- lines --------------------------------------------------------------------------------


class _BadLineError(ValueError):
    """A line that is no row of cells."""


def refuse_what_is_no_file(path: Path) -> None:
    """Refuse a path that leads to no regular file.

    Raises
    ------
    InputError
        If there is none, or it is something else.
    """
    named = shown(path.name or str(path))
    if not path.name.isprintable():
        raise InputError(f"{path.name!a} is no name for a file: it cannot be printed. Rename the file.")
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{named} does not exist. Check the path.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{named} is a folder, not a file. Name one CSV file in it.")
    if not stat.S_ISREG(mode):
        raise InputError(f"{named} is no regular file. Save the transactions as a CSV file.")


def unreadable(path: Path, error: OSError) -> InputError:
    """Return why a file cannot be read, in words."""
    return InputError(f"{path.name} cannot be read: {error.strerror}. Check the path and its permissions.")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Stream the lines that are not blank, numbered from 1, without their ends."""
    refuse_what_is_no_file(path)
    blank = 0
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(_bounded_lines(stream.readline, path.name), start=1):
                text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if text.strip():
                    yield number, text.rstrip(b"\r\n")
                    continue
                blank += 1
                if blank > MAX_BLANK_LINES:
                    raise InputError(
                        f"{path.name}:{number}: more than {MAX_BLANK_LINES:,} blank lines. Export again."
                    )
    except OSError as error:
        raise unreadable(path, error) from error


def _bounded_lines(readline: Callable[[int], bytes], name: str) -> Iterator[bytes]:
    for number, line in enumerate(iter(lambda: readline(MAX_LINE_BYTES + 1), b""), start=1):
        if len(line) > MAX_LINE_BYTES:
            raise InputError(
                f"{name}:{number}: the line is longer than {MAX_LINE_BYTES:,} bytes. Export it again as CSV."
            )
        yield line


def _cells(line: bytes, mapping: ColumnMapping) -> list[str]:
    """Split one line into its cells.

    Raises
    ------
    _BadLineError
        If it is not text of the encoding, holds control characters, or its quotes do not end.
    """
    text = _decoded(line, mapping.encoding)
    control = _CONTROL.search(text)
    if control:
        raise _BadLineError(f"holds the control character {control.group()!r}. Export it again as text.")
    try:
        return next(csv.reader([text], delimiter=mapping.delimiter, strict=True))
    except csv.Error:
        raise _BadLineError(
            "has quotes that do not close on the same line. Double quotes in a text and remove line breaks."
        ) from None


def _decoded(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeError as error:
        byte = getattr(error, "start", 0)
        raise _BadLineError(f"is no {encoding} text (byte {byte}). Save the file as {encoding}.") from None


def _kept_text(line: bytes, encoding: str) -> str:
    """Return the text of a refused line so that it can be stored and printed anywhere."""
    text = line[: 4 * KEPT_TEXT_CHARACTERS].decode(encoding, errors="backslashreplace")[:KEPT_TEXT_CHARACTERS]
    return "".join(ch if ch.isprintable() else repr(ch)[1:-1] for ch in text)


# --- rows ---------------------------------------------------------------------------------


class _Row:
    """The cells of one row by column, with the problems found in them."""

    def __init__(self, number: int, header: _Header, cells: list[str]) -> None:
        self.number = number
        self._position = header.position
        self._cells = cells
        self.problems: list[tuple[int, str]] = []

    def text(self, column: str) -> str:
        return self._cells[self._position[column]].strip()

    def read(self, column: str, parse: Callable[[str], Value], stand_in: Value) -> Value:
        """Parse a cell; where it is refused, note that and return `stand_in`."""
        try:
            return parse(self.text(column))
        except UnreadableCellError as error:
            self.refuse(column, str(error))
            return stand_in

    def read_optional(
        self, column: str | None, parse: Callable[[str], Value], stand_in: Value
    ) -> Value | None:
        """Parse a cell of a column that may be absent or empty."""
        if column is None or not self.text(column):
            return None
        return self.read(column, parse, stand_in)

    def refuse(self, column: str, problem: str) -> None:
        self.problems.append((self._position[column], f"column {column!r}: {problem}"))

    def problems_in_order(self) -> tuple[str, ...]:
        """Return the texts of the problems in the order of the columns."""
        return tuple(text for _, text in sorted(self.problems))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a row says, in the units of the file; `trade_id` is empty where the file has none."""

    account_id: str
    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    opened_at: datetime | None
    closed_at: datetime
    entry_price: Decimal | None
    exit_price: Decimal | None
    gross: Decimal
    fees: Decimal
    net: Decimal
    currency: str


class _RowReader:
    """Turns the lines of one file into trades, one after the other."""

    def __init__(self, reading: _Reading, header: _Header, seen: _Occurrences) -> None:
        self._reading = reading
        self._mapping = reading.mapping
        self._header = header
        self._seen = seen
        self._ledger = _Ledger()
        self._earliest: date = reading.calendar.session_at(0)
        self._known_at: dict[date, datetime] = {}

    def read(self, number: int, line: bytes) -> Trade | Rejected:
        """Accept or refuse one line."""
        try:
            row = _Row(number, self._header, self._whole_row(line))
        except _BadLineError as error:
            return Rejected(number, _kept_text(line, self._mapping.encoding), (f"the line {error}",))
        trade = self._trade(row)
        if trade is not None:
            return trade
        kept, account = _kept_text(line, self._mapping.encoding), self._account_named(row)
        is_stranger = account is not None and account not in self._reading.account_ids
        return Rejected(number, kept, row.problems_in_order(), account, is_stranger)

    def _whole_row(self, line: bytes) -> list[str]:
        cells, expected = _cells(line, self._mapping), self._header.width
        if len(cells) != expected:
            raise _BadLineError(
                f"has {len(cells)} columns where the header has {expected}. "
                f"Quote texts that contain {self._mapping.delimiter!r} and complete the row."
            )
        return cells

    def _account_named(self, row: _Row) -> str | None:
        try:
            return read_identifier(row.text(self._mapping.account))
        except UnreadableCellError:
            return None

    def _trade(self, row: _Row) -> Trade | None:
        """Return the row as a trade, or nothing and its problems in the row."""
        entry = self._entry(row)
        if not row.problems:
            self._check(row, entry)
        if row.problems:
            return None
        session = self._reading.calendar.label(entry.closed_at)
        rate = self._rate(row, entry.currency, session)
        trade_id = "" if row.problems else self._unique_id(row, entry, session)
        if not row.problems:
            self._check_day(row, entry, session, rate)
        return None if row.problems else self._booked(row.number, entry, trade_id, session, rate)

    def _entry(self, row: _Row) -> _Entry:
        mapping, now, one = self._mapping, self._reading.now, Decimal(1)
        entry_price, exit_price = self._prices(row)
        gross, fees, net = self._results(row)
        return _Entry(
            account_id=row.read(mapping.account, self._account, ""),
            trade_id="/".join([row.read(column, read_identifier, "") for column in mapping.trade_id]),
            symbol=row.read(mapping.symbol, read_identifier, ""),
            side=row.read(mapping.side, mapping.read_side, Side.LONG),
            quantity=row.read(mapping.quantity, mapping.read_positive, one),
            opened_at=row.read_optional(mapping.opened_at, mapping.read_moment, now),
            closed_at=row.read(mapping.closed_at, mapping.read_moment, now),
            entry_price=entry_price,
            exit_price=exit_price,
            gross=gross,
            fees=fees,
            net=net,
            currency=row.read(mapping.currency, read_identifier, "") if mapping.currency else HOME_CURRENCY,
        )

    def _account(self, text: str) -> str:
        account = read_identifier(text)
        if account not in self._reading.account_ids:
            raise UnreadableCellError(
                f"{shown(account)} is not enrolled. {HOW_TO_ENROL} or take the row out."
            )
        return account

    def _prices(self, row: _Row) -> tuple[Decimal | None, Decimal | None]:
        """Return entry and exit price; a fill has the one or the other."""
        mapping, one = self._mapping, Decimal(1)
        if mapping.price is not None:
            price = row.read(mapping.price, mapping.read_positive, one)
            return (price, None) if mapping.is_opening(row.text(mapping.side)) else (None, price)
        entry_price = row.read_optional(mapping.entry_price, mapping.read_positive, one)
        return entry_price, row.read_optional(mapping.exit_price, mapping.read_positive, one)

    def _results(self, row: _Row) -> tuple[Decimal, Decimal, Decimal]:
        """Return gross, fees and net; gross or net follows from the others where it has no column."""
        mapping, zero = self._mapping, Decimal(0)
        fees = zero
        for column in mapping.fees:
            fees = _EXACT.add(fees, row.read(column, mapping.read_number, zero))
        gross = row.read(mapping.gross, mapping.read_number, zero) if mapping.gross else None
        net = row.read(mapping.net, mapping.read_number, zero) if mapping.net else None
        if gross is None:
            net = net or zero
            return _EXACT.add(net, fees), fees, net
        return gross, fees, _EXACT.subtract(gross, fees) if net is None else net

    def _check(self, row: _Row, entry: _Entry) -> None:
        """Note the problems between the cells of a row."""
        self._check_times(row, entry)
        self._check_amounts(row, entry)
        if len(entry.trade_id) > MAX_TRADE_ID_LENGTH:
            row.refuse(
                self._mapping.trade_id[0],
                f"{shown(entry.trade_id)} is longer than {MAX_TRADE_ID_LENGTH} characters. Shorten it.",
            )

    def _check_times(self, row: _Row, entry: _Entry) -> None:
        column, closed = self._mapping.closed_at, entry.closed_at
        if closed > self._reading.now:
            row.refuse(column, f"{closed} lies in the future. Correct the date, its format or its zone.")
        elif closed.astimezone(self._reading.calendar.zone).date() < self._earliest:
            row.refuse(column, f"{closed} lies before the calendar's first session. Correct the date.")
        if entry.opened_at is not None and closed < entry.opened_at:
            row.refuse(column, f"{closed} is before the opening, {entry.opened_at}. Correct the times.")

    def _check_amounts(self, row: _Row, entry: _Entry) -> None:
        price = max(entry.entry_price or Decimal(0), entry.exit_price or Decimal(0))
        if _EXACT.multiply(entry.quantity, price) >= MAX_TRADED_VALUE:
            row.refuse(
                self._mapping.quantity,
                f"{entry.quantity} at {price} is too large to be true. Correct quantity or price.",
            )
        off = abs(_EXACT.subtract(entry.net, _EXACT.subtract(entry.gross, entry.fees)))
        if self._mapping.net is not None and off > CENT:
            row.refuse(
                self._mapping.net,
                f"{entry.net} is not gross {entry.gross} less fees {entry.fees}. Correct the amounts.",
            )

    def _check_day(self, row: _Row, entry: _Entry, session: date, rate: Decimal) -> None:
        """Note a row with which its account's day cannot be added up in 64 bits any more."""
        price = max(entry.entry_price or Decimal(0), entry.exit_price or Decimal(0))
        moved = _EXACT.fma(entry.quantity, price, _EXACT.add(abs(entry.gross), abs(entry.net)))
        if not self._ledger.has_room((entry.account_id, session), _EXACT.multiply(moved, rate)):
            row.refuse(
                self._mapping.quantity,
                f"with it {session} of {entry.account_id} is too large to be true. Correct the amounts.",
            )

    def _rate(self, row: _Row, currency: str, session: date) -> Decimal:
        """Return USD per unit of the currency."""
        if currency == HOME_CURRENCY or self._mapping.currency is None:
            return Decimal(1)
        rate = self._reading.usd_rate(currency, session)
        if rate is None:
            row.refuse(
                self._mapping.currency,
                f"{shown(currency)} has no USD rate for {session}. Convert prices and amounts to USD.",
            )
            return Decimal(1)
        return rate

    def _unique_id(self, row: _Row, entry: _Entry, session: date) -> str:
        """Return the id the row names, or one that follows from what the row says."""
        mapping = self._mapping
        if not mapping.trade_id:
            content = _fingerprint([row.text(column) for column in mapping.columns])
            return f"{content.hex()}-{self._seen.add(content, row.number).times}"
        result = f"net {_plain(entry.net)} and gross {_plain(entry.gross)} on {session}"
        seen = self._seen.add(_fingerprint([entry.account_id, entry.trade_id]), row.number, result)
        if seen.times > 1:
            row.refuse(mapping.trade_id[0], f"{shown(entry.trade_id)} {_twice(seen, result)}")
        return entry.trade_id

    def _booked(self, number: int, entry: _Entry, trade_id: str, session: date, rate: Decimal) -> Trade:
        gross_cents, net_cents = self._ledger.book(
            (entry.account_id, session), _EXACT.multiply(entry.gross, rate), _EXACT.multiply(entry.net, rate)
        )
        return Trade(
            account_id=entry.account_id,
            trade_id=trade_id,
            symbol=entry.symbol,
            side=entry.side,
            quantity=entry.quantity,
            opened_at=entry.opened_at,
            closed_at=entry.closed_at,
            entry_price=_converted(entry.entry_price, rate),
            exit_price=_converted(entry.exit_price, rate),
            gross_cents=gross_cents,
            fees_cents=gross_cents - net_cents,
            net_cents=net_cents,
            session=session,
            known_at=self._known(session),
            currency=HOME_CURRENCY,
            origin=Origin(self._reading.path.name, number),
        )

    def _known(self, session: date) -> datetime:
        """Return one moment for all trades of a session, also where that is the moment they came."""
        if session not in self._known_at:
            self._known_at[session] = self._reading.known_at(session)
        return self._known_at[session]


def _converted(price: Decimal | None, rate: Decimal) -> Decimal | None:
    return price if price is None or rate == 1 else _EXACT.multiply(price, rate)


def _plain(amount: Decimal) -> str:
    """Return an amount in the units of the file, rounded to cents."""
    return f"{Decimal(cents(amount)).scaleb(-2):.2f}"


def _twice(seen: _Seen, result: str) -> str:
    """Say how a row agrees with the earlier one of the same id, and the remedy."""
    if seen.result == result:
        return f"was in line {seen.line_number} before, with the same result. Remove the duplicate row."
    return (
        f"was in line {seen.line_number} before with {seen.result}, here with {result}. "
        "Remove the wrong row; another trade needs an id of its own."
    )


def _fingerprint(parts: list[str]) -> bytes:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).digest()


class _Ledger:
    """Rounds amounts to cents and carries the rounding within each (account, session)."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, date], tuple[Decimal, Decimal]] = {}
        self._moved: dict[tuple[str, date], Decimal] = {}

    def has_room(self, day: tuple[str, date], moved: Decimal) -> bool:
        """Take note of what a row moves, traded value and results; say whether the day can hold it."""
        total = _EXACT.add(self._moved.get(day, Decimal(0)), moved)
        if total >= MAX_TRADED_VALUE:
            return False
        self._moved[day] = total
        return True

    def book(self, day: tuple[str, date], gross: Decimal, net: Decimal) -> tuple[int, int]:
        """Return the cents by which the rounded sums of gross and net move."""
        gross_before, net_before = self._sums.get(day, (Decimal(0), Decimal(0)))
        gross_sum, net_sum = _EXACT.add(gross_before, gross), _EXACT.add(net_before, net)
        self._sums[day] = (gross_sum, net_sum)
        return cents(gross_sum) - cents(gross_before), cents(net_sum) - cents(net_before)


@dataclass(frozen=True, slots=True)
class _Seen:
    """How often a key occurred so far, and what its first row said."""

    times: int
    line_number: int
    result: str


class _Occurrences:
    """Remembers keys in a private temporary database, so that memory stays bounded."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, times INTEGER, line INTEGER, result TEXT) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def add(self, key: bytes, line_number: int, result: str = "") -> _Seen:
        """Note one more occurrence of `key` and return how many there are and the first one."""
        statement = (
            "INSERT INTO seen VALUES (?, 1, ?, ?) ON CONFLICT (key) DO UPDATE SET times = times + 1 "
            "RETURNING times, line, result"
        )
        return _Seen(*self._database.execute(statement, (key, line_number, result)).fetchone())

    def close(self) -> None:
        """Drop the database."""
        self._database.close()
