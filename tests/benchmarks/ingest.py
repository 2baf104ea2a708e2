"""A million trades into the risk database against the bare driver, and the memory a load of them takes."""

from __future__ import annotations

import csv
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from riskops.pipeline.load import load_file
from riskops.records import Account, Side, Trade, Trader
from riskops.sessions import trading_calendar
from riskops.store import schema
from riskops.store.database import Database, statement
from riskops.store.trade_rows import notional_cents, trade_row
from riskops.store.transactions import Transactions
from tests.benchmarks.measuring import Bar, Bars
from tests.desks import keep_on_sqlite, opened
from tests.postgres_server import new_database, postgres_server

TRADES, TURNS = 1_000_000, 5
TRADERS = 15
A_DAY = 1_350  # of the whole desk: a million trades are about 740 sessions
CALENDAR = trading_calendar("XNYS")
SESSIONS = CALENDAR.between(date(2023, 1, 3), date(2025, 12, 30))
FEW, MANY = 100_000, TRADES
Write = Callable[[Database, Sequence[Trade]], None]
SQLITE_STAMP = "%Y-%m-%d %H:%M:%S.%f"


def bars() -> Bars:
    """Measure both databases, by the clock on the wall: a server works in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _ratio("SQLite", "raw executemany", f"sqlite:///{folder}/", _raw_sqlite, folder)
        with postgres_server(folder) as server:
            yield _ratio("PostgreSQL", "raw COPY", server, _raw_postgresql, folder)
        yield _memory(folder)


def _ratio(kind: str, against: str, server: str | sa.URL, raw: Write, folder: Path) -> Bar:
    """Write a million trades in turns into two databases of the same tables: bare, and as RiskOps does."""
    ours, bare = (_migrated(server, folder, name) for name in ("ours", "bare"))
    turns = []
    for turn in range(TURNS):
        trades = list(_trades(turn * TRADES // TURNS, (turn + 1) * TRADES // TURNS))
        turns.append((_seconds(raw, bare, trades), _seconds(_ours, ours, trades)))
    for database in (ours, bare):
        assert Transactions(database).count() == TRADES
        database.close()
    bare_seconds, our_seconds = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
    return Bar(
        f"a million trades exactly once into {kind}, with daily results",
        f"{against} into the same table",
        bare_seconds / our_seconds,
        0.5,
        at_least=True,
    )


def _migrated(server: str | sa.URL, folder: Path, name: str) -> Database:
    if isinstance(server, str):
        database = Database(f"{server}{name}.db")
    else:
        database = Database(new_database(server).render_as_string(hide_password=False))
    schema.upgrade(database)
    return database


def _seconds(write: Write, database: Database, trades: Sequence[Trade]) -> float:
    start = time.perf_counter()
    write(database, trades)
    return time.perf_counter() - start


def _trades(first: int, last: int) -> Iterator[Trade]:
    for number in range(first, last):
        session = SESSIONS[number // A_DAY]
        closed = datetime(session.year, session.month, session.day, 15, tzinfo=UTC)
        closed += timedelta(seconds=number % 3_600)
        gross = number * 37 % 40_000 - 19_000
        yield Trade(
            account_id=f"A{number % TRADERS}",
            trade_id=f"T{number}",
            symbol="SPY",
            side=Side.LONG,
            quantity=Decimal(100),
            opened_at=closed - timedelta(minutes=4),
            closed_at=closed,
            entry_price=Decimal("500.25"),
            exit_price=Decimal("500.75"),
            gross_cents=gross,
            fees_cents=200,
            net_cents=gross - 200,
            session=session,
            known_at=datetime(session.year, session.month, session.day, 23, tzinfo=UTC),
        )


def _ours(database: Database, trades: Sequence[Trade]) -> None:
    Transactions(database).add(iter(trades), [], "bench")


def _raw_sqlite(database: Database, trades: Sequence[Trade]) -> None:
    columns = tuple(trade_row(trades[0], "bench"))
    insert = f"INSERT INTO trades ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
    with database.writing() as connection:
        connection.connection.driver_connection.executemany(insert, map(_as_sqlite_takes_it, trades))


def _as_sqlite_takes_it(trade: Trade) -> tuple:
    return (
        *(trade.account_id, trade.trade_id, trade.session.isoformat(), trade.symbol, trade.side.value),
        float(trade.quantity),
        *(trade.opened_at.strftime(SQLITE_STAMP), trade.closed_at.strftime(SQLITE_STAMP)),
        *(float(trade.entry_price), float(trade.exit_price)),
        *(trade.gross_cents, trade.fees_cents, trade.net_cents, notional_cents(trade)),
        *(trade.opening_fill, trade.closing_fill, "bench", trade.known_at.strftime(SQLITE_STAMP)),
    )


def _raw_postgresql(database: Database, trades: Sequence[Trade]) -> None:
    with (
        database.writing() as connection,
        connection.connection.driver_connection.cursor() as cursor,
        cursor.copy(statement("copy_trades")) as copy,
    ):
        for trade in trades:
            copy.write_row(tuple(trade_row(trade, "bench").values()))


# --- memory -------------------------------------------------------------------------------


def _memory(folder: Path) -> Bar:
    few, many = (_most_memory(folder, rows) for rows in (FEW, MANY))
    return Bar(
        "memory of `riskops load`, a file of 1,000,000 trades",
        "one of 100,000 trades, most that the process held",
        many / few,
        1.1,
    )


def _most_memory(folder: Path, rows: int) -> int:
    """Return the most memory that a process of its own held while it loaded a file, in kilobytes."""
    where = keep_on_sqlite(folder / f"load_of_{rows}")
    _write_file(where / "history.csv", rows)
    command = [sys.executable, "-m", "tests.benchmarks.ingest", str(where)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _write_file(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            (
                *("account", "trade_id", "symbol", "side", "quantity", "opened_at", "closed_at"),
                *("entry_price", "exit_price", "gross", "fees", "net", "currency"),
            )
        )
        for trade in _trades(0, rows):
            times = (trade.opened_at.isoformat(), trade.closed_at.isoformat())
            money = (trade.gross_cents / 100, trade.fees_cents / 100, trade.net_cents / 100)
            what = (trade.account_id, trade.trade_id, trade.symbol, trade.side.value, trade.quantity)
            writer.writerow((*what, *times, trade.entry_price, trade.exit_price, *money, "USD"))


def _load(folder: Path) -> int:
    with opened(folder) as desk:
        first = SESSIONS[0]
        people = [Trader(f"T{number}", "") for number in range(TRADERS)]
        accounts = [Account(f"A{number}", f"T{number}", first) for number in range(TRADERS)]
        desk.store.roster.enrol(people, accounts, [], [])
        load_file(desk, folder / "history.csv", "closed_trades")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(_load(Path(sys.argv[1])))  # noqa: T201 - the answer of this process
