"""Which column of a CSV file is what, and in which words, marks and zone it is written.

A `ColumnMapping` describes one layout. Two are shipped in `MAPPINGS`:

``closed_trades``
    RiskOps' own layout, one row a closed trade. Header
    ``account,trade_id,symbol,side,quantity,opened_at,closed_at,entry_price,exit_price,gross,fees,net,currency``,
    times in ISO 8601 with offset, side ``long`` or ``short``. `opened_at` and the prices may be empty.
``perp_fills``
    The export of a perpetual-futures venue, one row a fill with the venue's own realised result.
    ``Direction`` says whether a fill opens or closes; amounts are USD. Use it with the calendar ``24/7``.

Another layout is another `ColumnMapping`: add it here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from riskops.errors import ConfigurationError
from riskops.records import Side

MAX_IDENTIFIER_LENGTH = 64
WHOLE_DIGITS = 15  # amounts, prices and quantities stay below 10^15
SMALLEST = Decimal("0.00000001")  # of prices and quantities: eight decimals are kept
EARLIEST_YEAR = 1970
LATEST_YEAR = 9998  # a zone can still be applied to it
SHOWN_CHARACTERS = 40


class UnreadableCellError(ValueError):
    """The text of a cell is refused; says what is wrong and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """The layout of a CSV file: the names of its columns and its conventions.

    Parameters
    ----------
    name
        What the layout is called.
    account, symbol, side, quantity, closed_at
        Columns every layout has.
    sides
        The words of the side column, in lower case.
    opening
        Those words of the side column that open a position (files of fills).
    trade_id
        The columns that make up the id, joined with ``/``; empty where the file has none, then
        ids are derived from what the rows say.
    opened_at, entry_price, exit_price
        Columns of closed trades, where there are such.
    price
        The column of a fill's price: the entry price of an opening fill, else the exit price.
    gross, net
        The result before and after fees; at least one of the two.
    fees
        The columns whose sum are the fees; a cost is positive.
    currency
        The column of the currency; ``None`` where all amounts are USD.
    time_format
        The format of ``strptime``; ``None`` for ISO 8601.
    time_zone
        The zone of times that carry no offset; ``None`` refuses these.
    delimiter, encoding, decimal_mark, thousands_mark
        How the file is written; the encoding has to contain ASCII.

    Raises
    ------
    ConfigurationError
        If the layout contradicts itself.
    """

    name: str
    account: str
    symbol: str
    side: str
    sides: Mapping[str, Side]
    quantity: str
    closed_at: str
    opening: frozenset[str] = frozenset()
    trade_id: tuple[str, ...] = ()
    opened_at: str | None = None
    entry_price: str | None = None
    exit_price: str | None = None
    price: str | None = None
    gross: str | None = None
    fees: tuple[str, ...] = ()
    net: str | None = None
    currency: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal_mark: str = "."
    thousands_mark: str = ""
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", self._columns())
        for wrong, complaint in self._contradictions():
            if wrong:
                raise ConfigurationError(f"Column mapping {self.name!r}: {complaint}.")

    def _columns(self) -> tuple[str, ...]:
        named = (
            *self.trade_id,
            *(self.account, self.symbol, self.side, self.quantity, self.opened_at, self.closed_at),
            *(self.entry_price, self.exit_price, self.price, self.gross, *self.fees, self.net, self.currency),
        )
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def _contradictions(self) -> tuple[tuple[bool, str], ...]:
        prices = (self.entry_price, self.exit_price)
        return (
            (self.gross is None and self.net is None, "name the column of gross or of net"),
            (self.price is not None and prices != (None, None), "name price, or entry and exit price"),
            (not self.opening <= self.sides.keys(), "every opening word needs a side"),
            (any(word != normal_word(word) for word in self.sides), "write the side words in lower case"),
            (len(self.delimiter) != 1, "the delimiter is one character"),
            (len({self.decimal_mark, self.thousands_mark}) != 2, "decimal and thousands mark are equal"),
            (
                not _contains_ascii(self.encoding),
                f"use an encoding that contains ASCII, such as utf-8, not {self.encoding}",
            ),
            (not _is_zone(self.time_zone), f"{self.time_zone!r} is no time zone"),
        )

    def read_number(self, text: str) -> Decimal:
        """Read a finite number below 10^15, exactly as written.

        Raises
        ------
        UnreadableCellError
            If the text is anything else, NaN and infinity included.
        """
        if not _number_pattern(self.decimal_mark, self.thousands_mark).fullmatch(text):
            raise UnreadableCellError(f"{shown(text)} is no finite number. Write it like {self._example}.")
        plain = text.replace(self.thousands_mark, "") if self.thousands_mark else text
        value = Decimal(plain.replace(self.decimal_mark, "."))
        if value and value.adjusted() >= WHOLE_DIGITS:
            raise UnreadableCellError(f"{shown(text)} is too large to be true. Correct the number.")
        return value

    @property
    def _example(self) -> str:
        return f"-1{self.thousands_mark}234{self.decimal_mark}56"

    def read_positive(self, text: str) -> Decimal:
        """Read a price or a quantity.

        Raises
        ------
        UnreadableCellError
            If the text is no number above 0, or vanishes at eight decimals.
        """
        value = self.read_number(text)
        if value <= 0:
            raise UnreadableCellError(f"{shown(text)} is not above 0. Prices and quantities are positive.")
        if value < SMALLEST:
            raise UnreadableCellError(f"{shown(text)} is too small to be recorded. Correct the number.")
        return value

    def read_moment(self, text: str) -> datetime:
        """Read a time as an aware datetime.

        Raises
        ------
        UnreadableCellError
            If the text does not follow the format or says no offset where the layout has no zone.
        """
        moment = self._parse_time(text)
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise UnreadableCellError(f"{shown(text)} has an impossible year. Correct the date.")
        if moment.tzinfo is not None:
            return moment
        if self.time_zone is None:
            raise UnreadableCellError(f"{shown(text)} has no UTC offset. Write it like {self._time_example}.")
        return moment.replace(tzinfo=ZoneInfo(self.time_zone))

    def _parse_time(self, text: str) -> datetime:
        try:
            if self.time_format is None:
                return datetime.fromisoformat(text)
            return datetime.strptime(text, self.time_format)  # noqa: DTZ007 - the zone is set by the caller
        except ValueError:
            raise UnreadableCellError(
                f"{shown(text)} is no time. Write it like {self._time_example}."
            ) from None

    @property
    def _time_example(self) -> str:
        example = datetime(2026, 3, 13, 15, 30, tzinfo=ZoneInfo(self.time_zone or "UTC"))
        return example.strftime(self.time_format) if self.time_format else example.isoformat()

    def read_side(self, text: str) -> Side:
        """Read the side of a trade, or the side of the position a fill changes.

        Raises
        ------
        UnreadableCellError
            If the word is not in the vocabulary.
        """
        try:
            return self.sides[normal_word(text)]
        except KeyError:
            words = ", ".join(self.sides)
            raise UnreadableCellError(f"{shown(text)} is no known side. Use one of: {words}.") from None

    def is_opening(self, text: str) -> bool:
        """Say whether the text of the side column opens a position."""
        return normal_word(text) in self.opening


def read_identifier(text: str) -> str:
    """Read an account, an id or a symbol: whatever it looks like, it is only text.

    Raises
    ------
    UnreadableCellError
        If it is empty, too long, or holds line breaks, control or invisible characters.
    """
    if not text:
        raise UnreadableCellError("is empty. Fill it in.")
    if len(text) > MAX_IDENTIFIER_LENGTH:
        raise UnreadableCellError(
            f"{shown(text)} is longer than {MAX_IDENTIFIER_LENGTH} characters. Shorten it."
        )
    if not text.isprintable():
        raise UnreadableCellError(f"{shown(text)} holds control or invisible characters. Remove them.")
    return text


def normal_word(text: str) -> str:
    """Return a word in lower case with single spaces."""
    return " ".join(text.lower().split())


def shown(text: str) -> str:
    """Return a text from a file as error messages quote it: short, on one line, escaped."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "...")


def mapping_named(name: str) -> ColumnMapping:
    """Return a shipped mapping.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    try:
        return MAPPINGS[name]
    except KeyError:
        raise ConfigurationError(
            f"{name!r} is no column mapping; use one of {', '.join(MAPPINGS)}."
        ) from None


@lru_cache(maxsize=32)
def _number_pattern(decimal_mark: str, thousands_mark: str) -> re.Pattern[str]:
    grouped = rf"|[0-9]{{1,3}}(?:{re.escape(thousands_mark)}[0-9]{{3}}){{1,4}}" if thousands_mark else ""
    mark = re.escape(decimal_mark)
    whole = rf"(?:[0-9]{{1,{WHOLE_DIGITS}}}{grouped})"
    fraction = rf"(?:{mark}[0-9]{{0,40}})"
    return re.compile(rf"[+-]?(?:{whole}{fraction}?|{mark}[0-9]{{1,40}})(?:[eE][+-]?[0-9]{{1,2}})?")


def _contains_ascii(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
        return "a,\n0".encode(encoding) == b"a,\n0"
    except LookupError:
        return False


def _is_zone(name: str | None) -> bool:
    try:
        return name is None or bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


CLOSED_TRADES = ColumnMapping(
    name="closed_trades",
    account="account",
    trade_id=("trade_id",),
    symbol="symbol",
    side="side",
    sides={"long": Side.LONG, "short": Side.SHORT},
    quantity="quantity",
    opened_at="opened_at",
    closed_at="closed_at",
    entry_price="entry_price",
    exit_price="exit_price",
    gross="gross",
    fees=("fees",),
    net="net",
    currency="currency",
)

PERP_FILLS = ColumnMapping(
    name="perp_fills",
    account="Account",
    symbol="Coin",
    side="Direction",
    sides={
        "open long": Side.LONG,
        "close long": Side.LONG,
        "open short": Side.SHORT,
        "close short": Side.SHORT,
        "long > short": Side.LONG,
        "short > long": Side.SHORT,
        "buy": Side.LONG,
        "sell": Side.LONG,
        "spot dust conversion": Side.LONG,
        "liquidated isolated long": Side.LONG,
        "liquidated isolated short": Side.SHORT,
        "liquidated cross long": Side.LONG,
        "liquidated cross short": Side.SHORT,
    },
    opening=frozenset({"open long", "open short", "buy"}),
    quantity="Size Tokens",
    closed_at="Timestamp IST",
    price="Execution Price",
    gross="Closed PnL",
    fees=("Fee",),
    time_format="%d-%m-%Y %H:%M",
    time_zone="Asia/Kolkata",
)

MAPPINGS: Mapping[str, ColumnMapping] = {m.name: m for m in (CLOSED_TRADES, PERP_FILLS)}
