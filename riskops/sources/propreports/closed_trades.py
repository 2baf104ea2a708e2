"""The broker's closed trades: a report in sections, each a date, a header, rows and total lines.

They are not what limits are computed from (that is matched from the fills), but a second opinion on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from riskops.records import Side
from riskops.sources.mappings import read_identifier
from riskops.sources.propreports.tables import WRITING, Row, WrongRow, WrongRowError, read_table

NEEDED = ("Opened", "Closed", "Symbol", "Type", "Entry", "Exit", "Qty", "Gross", "Net")


@dataclass(frozen=True, slots=True)
class BrokerTrade:
    """A closed trade as the broker counts it; prices and results in USD, times as the report writes them."""

    day: date
    opened: str
    closed: str
    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    net: Decimal


def read_closed_trades(pages: Sequence[str]) -> Iterator[BrokerTrade | WrongRow]:
    """Yield every trade of the report, or why its row was refused.

    Raises
    ------
    UnreadableAnswerError
        If the answer has no such table.
    """
    return read_table(pages, "trades", NEEDED, _trade, has_totals=True)


def _trade(row: Row) -> BrokerTrade:
    if row.section is None:
        raise WrongRowError(f"{row.place}: no line with a date stands above it. Ask for it again.")
    return BrokerTrade(
        day=row.section,
        opened=row.cells["Opened"],
        closed=row.cells["Closed"],
        symbol=row.read("Symbol", read_identifier),
        side=row.read("Type", WRITING.read_side),
        quantity=row.read("Qty", WRITING.read_positive),
        entry_price=row.amount("Entry"),
        exit_price=row.amount("Exit"),
        gross=row.amount("Gross"),
        net=row.amount("Net"),
    )
