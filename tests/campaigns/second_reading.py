"""A second reading of a file, on its own: what the rows that were accepted add up to.

It knows the layouts by heart and takes nothing from the readers it checks.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars

NEW_YORK, INDIA, UTC = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")
Day = tuple[str, date]
Sums = dict[Day, tuple[int, int, int]]


def lines_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, numbered from 1."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, line.rstrip(b"\r")


def rows_of(data: bytes, refused: Collection[int] = ()) -> list[dict[str, str]]:
    """Return the rows that were not refused, by the titles of the header."""
    (_, header), *body = lines_of(data)
    titles = [title.strip() for title in _cells(header)]
    kept = [_cells(line) for number, line in body if number not in refused]
    return [dict(zip(titles, (cell.strip() for cell in cells), strict=True)) for cells in kept]


def sums(rows: Collection[dict[str, str]], mapping: str) -> Sums:
    """Return trades, gross and net in cents by account and session, rounded once a day."""
    gross: defaultdict[Day, list[Decimal]] = defaultdict(list)
    net: defaultdict[Day, list[Decimal]] = defaultdict(list)
    for row in rows:
        day, amounts = (_closed if mapping == "closed_trades" else _fill)(row)
        gross[day].append(amounts[0])
        net[day].append(amounts[1])
    return {day: (len(net[day]), _cents(gross[day]), _cents(net[day])) for day in net}


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode()]))


def _closed(row: dict[str, str]) -> tuple[Day, tuple[Decimal, Decimal]]:
    day = datetime.fromisoformat(row["closed_at"]).astimezone(NEW_YORK).date()
    return (row["account"], _session(day)), (Decimal(row["gross"]), Decimal(row["net"]))


def _fill(row: dict[str, str]) -> tuple[Day, tuple[Decimal, Decimal]]:
    local = datetime.strptime(row["Timestamp IST"], "%d-%m-%Y %H:%M").replace(tzinfo=INDIA)
    gross, fee = Decimal(row["Closed PnL"]), Decimal(row["Fee"])
    with localcontext(prec=500):
        return (row["Account"], local.astimezone(UTC).date()), (gross, gross - fee)


def _cents(amounts: list[Decimal]) -> int:
    with localcontext(prec=500):
        return int((sum(amounts) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@cache
def _session(day: date) -> date:
    return _exchange().date_to_session(day.isoformat(), direction="next").date()


@cache
def _exchange() -> exchange_calendars.ExchangeCalendar:
    return exchange_calendars.get_calendar("XNYS", start="2005-01-01")
