"""A small desk in a risk database, with a sound night whose rows tests then spoil."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from riskops import quality
from riskops.records import CheckResult
from riskops.sessions import desk_time
from riskops.store.daily_results import BASIS
from riskops.store.database import Database
from riskops.store.quality_reader import QualityReader
from riskops.store.tables import (
    accounts,
    base_limits,
    coverage,
    daily_results,
    metadata,
    roster,
    traders,
    trades,
)
from riskops.suites import Slices
from tests.builders import CALENDAR, SESSION
from tests.desks import database_url

PREVIOUS = CALENDAR.previous(SESSION)
CUT_OFF = desk_time(SESSION, time(6, 30))
SESSIONS = CALENDAR.between(CALENDAR.shift(SESSION, -30), PREVIOUS)
ENROLLED = date(2020, 1, 1)
TRADERS = ("3942", "3948", "3951")
TRADES_A_DAY = 4
ENTERED = {"recorded_by": "test", "reason": "test"}
ENTERED |= dict.fromkeys(("known_at", "recorded_at"), desk_time(ENROLLED, time(5)))


class Night:
    """The database of three traders who closed four trades on each of thirty sessions."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(database_url(folder))
        if self.database.is_sqlite:
            (folder / "risk.db").write_bytes(_sound_database())
        else:
            _fill(self.database)

    def insert(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        self._write(sa.insert(table), [_entered(table) | row for row in rows])

    def update(self, table: sa.Table, *where: sa.ColumnElement[bool], **values: object) -> None:
        self._write(sa.update(table).where(*where).values(**values))

    def delete(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> None:
        self._write(sa.delete(table).where(*where))

    def spoil(self, trade_id: str, **values: object) -> None:
        """Change one trade, and the daily results with it."""
        self.update(trades, trades.c.trade_id == trade_id, **values)
        self.settle()

    def settle(self) -> None:
        """Make every daily result the sum of its trades."""
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(trades)).all()
        self.delete(daily_results)
        if rows:
            self.insert(daily_results, _daily_results(rows))

    def slices(self, cut_off: datetime = CUT_OFF) -> Slices:
        return QualityReader(self.database).slices(SESSION, PREVIOUS, cut_off)

    def check(self) -> tuple[CheckResult, ...]:
        return quality.check(self.slices(), SESSION, PREVIOUS, CUT_OFF)

    def _write(self, statement: sa.Executable, rows: list[dict[str, Any]] | None = None) -> None:
        with self.database.writing() as connection:
            connection.execute(statement, rows) if rows else connection.execute(statement)


@cache
def _sound_database() -> bytes:
    """Build the sound database once; every test on SQLite gets a copy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound.db"
        database = Database(f"sqlite:///{path}")
        _fill(database)
        database.close()
        return path.read_bytes()


def _fill(database: Database) -> None:
    database.create()
    with database.writing() as connection:
        _unchecked_tables().create_all(connection)
        for table, rows in _sound_rows():
            connection.execute(sa.insert(table), [_entered(table) | row for row in rows])


def _unchecked_tables() -> sa.MetaData:
    """Return the tables without the database's own checks, which would refuse what tests spoil."""
    unchecked = sa.MetaData()
    for table in metadata.sorted_tables:
        copy = table.to_metadata(unchecked)
        for check in [c for c in copy.constraints if isinstance(c, sa.CheckConstraint)]:
            copy.constraints.discard(check)
    return unchecked


def _sound_rows() -> list[tuple[sa.Table, list[dict[str, Any]]]]:
    since = {"effective_from": ENROLLED}
    closed = [_usual_trade(t, s, n) for t in TRADERS for s in SESSIONS for n in range(TRADES_A_DAY)]
    people = [{"trader_id": t} for t in TRADERS]
    return [
        (traders, [who | {"name": f"Trader {who['trader_id']}"} for who in people]),
        (roster, [since | who | {"state": "active"} for who in people]),
        (
            accounts,
            [since | who | {"account_id": f"A{who['trader_id']}", "currency": "USD"} for who in people],
        ),
        (trades, closed),
        (coverage, [covered(f"A{t}", s) for t in TRADERS for s in SESSIONS]),
        (daily_results, _daily_results([SimpleNamespace(**row) for row in closed])),
    ]


def _entered(table: sa.Table) -> dict[str, Any]:
    """Return since when the entries of a table of the roster are known, by whom and why."""
    return ENTERED | {"withdrawn": False} if table in (roster, accounts, base_limits) else {}


def _daily_results(closed: Sequence[Any]) -> list[dict[str, Any]]:
    days: dict[tuple[date, str], list[Any]] = defaultdict(list)
    for row in closed:
        days[row.session, row.account_id].append(row)
    return [daily_result(*key, of) for key, of in days.items()]


def known_at(session: date) -> datetime:
    return CALENDAR.history_known_at(session)


def covered(account_id: str, session: date, at: datetime | None = None) -> dict[str, Any]:
    row = {"account_id": account_id, "session": session, "source": "demo"}
    return row | {"known_at": at or known_at(session)}


def trade(account_id: str, trade_id: str, session: date = PREVIOUS, **changes: object) -> dict[str, Any]:
    """Return the row of a trade that won $40 after $2 of fees, with `changes`."""
    closed = desk_time(session, time(11, 0))
    row = {"account_id": account_id, "trade_id": trade_id, "session": session, "symbol": "SPY"}
    row |= {"side": "long", "quantity": 100, "entry_price": 500.0, "exit_price": 500.42}
    row |= {"opened_at": closed - timedelta(minutes=5), "closed_at": closed, "notional_cents": 5_000_000}
    row |= {"gross_cents": 4_200, "fees_cents": 200, "net_cents": 4_000, "known_at": known_at(session)}
    return row | changes


def daily_result(session: date, account_id: str, of: Sequence[Any], **changes: object) -> dict[str, Any]:
    """Return the row of the daily result that is the sum of the trades `of`."""
    row = {"session": session, "account_id": account_id, "known_at": known_at(session), "basis": BASIS}
    row |= {name: sum(getattr(t, name) for t in of) for name in ("gross_cents", "fees_cents", "net_cents")}
    row |= {"trades": len(of), "volume_cents": sum(t.notional_cents for t in of)}
    return row | changes


def trade_id(trader_id: str, session: date = PREVIOUS, number: int = 0) -> str:
    return f"{trader_id}-{session}-{number}"


def _usual_trade(trader_id: str, session: date, number: int) -> dict[str, Any]:
    """Return a trade whose result differs from day to day."""
    gross = ((session.toordinal() * 37 + int(trader_id) + number * 11) % 41 - 20) * 1_000
    closed = desk_time(session, time(10 + number, 0))
    return trade(
        f"A{trader_id}",
        trade_id(trader_id, session, number),
        session,
        gross_cents=gross,
        net_cents=gross - 200,
        opened_at=closed - timedelta(minutes=20),
        closed_at=closed,
    )
