"""The fills of an account: every execution with all that was paid for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from riskops.records import Action, Fill
from riskops.sessions import TradingCalendar, desk_date
from riskops.sources.csv_files import HOME_CURRENCY, MAX_TRADED_VALUE
from riskops.sources.mappings import UnreadableCellError, read_identifier, shown
from riskops.sources.propreports.tables import WRITING, Row, WrongRow, read_table

FEES = ("Comm", "Ecn Fee", "SEC", "ORF", "CAT", "TAF", "FTT", "NSCC", "Acc", "Clr", "Misc")
NEEDED = (*("Date/Time", "Account", "B/S", "Qty", "Symbol", "Price", "Order Id", "Fill Id", "Currency"),)
ZERO = Decimal(0)


@dataclass(frozen=True)
class FillReading:
    """What is known of an account before its fills are read.

    Parameters
    ----------
    account_id
        RiskOps' name of the account.
    names
        What PropReports may call the account in its rows.
    prefix
        What keeps the ids of its fills apart from those of another account of the same name.
    first, last
        The dates that were asked for, both included.
    calendar
        Labels moments with sessions.
    known_at
        Gives the moment from which the fills of a session count as known.
    """

    account_id: str
    names: frozenset[str]
    prefix: str
    first: date
    last: date
    calendar: TradingCalendar
    known_at: Callable[[date], datetime]
    _told: set[str] = field(default_factory=set)

    def of(self, pages: Sequence[str]) -> Iterator[Fill | WrongRow]:
        """Yield every fill of an answer, or why its row was refused.

        Raises
        ------
        UnreadableAnswerError
            If the answer has no such table.
        """
        return read_table(pages, "fills", NEEDED, self._fill, lambda row: desk_date(_moment(row)))

    def _fill(self, row: Row) -> Fill:
        moment = _moment(row)
        self._refuse_strangers(row, desk_date(moment))
        session = self.calendar.label(moment)
        quantity, price = row.read("Qty", WRITING.read_positive), row.read("Price", _price)
        if quantity * price >= MAX_TRADED_VALUE:
            raise row.wrong("Qty", f"{quantity} at {price} is too large to be true. Have it corrected.")
        return Fill(
            account_id=self.account_id,
            fill_id=self._fill_id(row),
            symbol=row.read("Symbol", read_identifier),
            action=row.read("B/S", _action),
            quantity=quantity,
            price=price,
            fees=_fees(row),
            executed_at=moment,
            session=session,
            known_at=self.known_at(session),
        )

    def _refuse_strangers(self, row: Row, day: date) -> None:
        """Refuse what was not asked for: another account's fill, another date's, another currency's."""
        account, currency = row.cells["Account"], row.cells["Currency"]
        if account not in self.names:
            raise row.wrong("Account", f"{shown(account)} is not the account that was asked for.")
        if not self.first <= day <= self.last:
            raise row.wrong("Date/Time", f"{day} is not among the dates that were asked for.")
        if currency != HOME_CURRENCY:
            raise row.wrong("Currency", f"{shown(currency)} is not USD. Only accounts in USD get a limit.")

    def _fill_id(self, row: Row) -> str:
        order, execution = row.read("Order Id", read_identifier), row.read("Fill Id", read_identifier)
        fill_id = f"{self.prefix}{order}/{execution}"
        if fill_id in self._told:
            raise row.wrong("Fill Id", f"{shown(fill_id)} was told before. Have the double fill removed.")
        self._told.add(fill_id)
        return fill_id


def _moment(row: Row) -> datetime:
    return row.read("Date/Time", WRITING.read_moment)


def _fees(row: Row) -> Decimal:
    """Return the sum of the fee columns there are; a cost is positive."""
    there = [column for column in FEES if column in row.cells]
    if not there:
        raise row.wrong("Comm", "neither it nor any other fee is told. Check the version of PropReports.")
    return sum((row.amount_or_none(column) or ZERO for column in there), ZERO)


def _action(text: str) -> Action:
    try:
        return Action(text.upper())
    except ValueError:
        raise UnreadableCellError(f"{shown(text)} is none of B, S, T (short sale) and C (cover).") from None


def _price(text: str) -> Decimal:
    price = WRITING.read_number(text)
    if price < 0:
        raise UnreadableCellError(f"{shown(text)} is below 0. Prices are not.")
    return price
