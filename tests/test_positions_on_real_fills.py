"""Positions matched from the real record of fills, against the results the venue itself realised."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest

from riskops.positions import Lot, match
from riskops.records import Action, Fill
from riskops.sessions import trading_calendar
from tests.sources.test_csv_files import REAL

EVERY_DAY = trading_calendar("24/7")
SPOT = {"Buy", "Sell", "Spot Dust Conversion"}  # deposits move these positions, which no fill tells
needs_the_record = pytest.mark.skipif(not REAL.exists(), reason=f"the real record {REAL.name} is not here")


def fill(number: int, row: dict[str, str]) -> Fill:
    moment = datetime.strptime(row["Timestamp IST"], "%d-%m-%Y %H:%M").replace(
        tzinfo=ZoneInfo("Asia/Kolkata")
    )
    session = EVERY_DAY.label(moment)
    return Fill(
        account_id=row["Account"],
        fill_id=f"{number:06}",
        symbol=row["Coin"],
        action=Action.BUY if row["Side"] == "BUY" else Action.SELL,
        quantity=Decimal(row["Size Tokens"]),
        price=Decimal(row["Execution Price"]),
        fees=Decimal(row["Fee"]),
        executed_at=moment,
        session=session,
        known_at=EVERY_DAY.history_known_at(session),
    )


def closed_books() -> Iterator[tuple[str, list[Fill], Decimal]]:
    """Yield the books that began and ended flat with no fill missing: name, fills, the venue's result."""
    books: defaultdict[tuple[str, str], list[tuple[Fill, dict[str, str]]]] = defaultdict(list)
    with REAL.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            books[row["Account"], row["Coin"]].append((fill(number, row), row))
    for (account, coin), book in sorted(books.items()):
        position, is_whole = Decimal(0), True
        for one, row in book:
            is_whole &= abs(position - Decimal(row["Start Position"])) < Decimal("0.001")
            is_whole &= row["Direction"] not in SPOT
            position += one.action.sign * one.quantity
        if is_whole and abs(position) < Decimal("0.0000001"):
            result = sum((Decimal(row["Closed PnL"]) for _, row in book), start=Decimal(0))
            yield f"{account} {coin}", [one for one, _ in book], result


def gross_cents(fills: list[Fill]) -> tuple[int, int]:
    """Return what the trades of a book make, session after session, and how many sessions these were."""
    lots: tuple[Lot, ...] = ()
    gross, sessions = 0, 0
    for session, of_session in groupby(sorted(fills, key=lambda f: f.session), key=lambda f: f.session):
        matched = match(lots, of_session, account_id=fills[0].account_id, session=session)
        lots, sessions = matched.carried, sessions + 1
        gross += sum(trade.gross_cents for trade in matched.trades)
    assert lots == ()
    return gross, sessions


@needs_the_record
def test_every_closed_book_makes_what_was_received_less_what_was_paid():
    for name, fills, _venues_result in closed_books():
        gross, sessions = gross_cents(fills)
        cash = -sum(one.action.sign * one.quantity * one.price for one in fills)
        assert abs(gross - cash * 100) <= sessions, name  # rounded once a session


@needs_the_record
def test_closed_books_make_the_venue_s_own_result_but_for_its_rounding_of_prices():
    books = list(closed_books())
    to_the_cent = 0
    for name, fills, venues_result in books:
        gross, sessions = gross_cents(fills)
        off = abs(gross - venues_result * 100)
        traded = sum(one.quantity * one.price for one in fills) * 100
        assert off <= traded / 20_000, name
        to_the_cent += off <= sessions
    assert (len(books), to_the_cent) == (28, 22)
