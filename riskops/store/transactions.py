"""Trades, the daily results made of them, and what the source has confirmed.

Rows are never overwritten: a trade that is there stays, a daily result gets a new version for
every moment its trades became known, so that any cut-off can be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

import sqlalchemy as sa

from riskops.errors import DuplicateLoadError, InputError
from riskops.money import dollars
from riskops.records import Trade
from riskops.store.database import Database, Queue, statement
from riskops.store.tables import (
    UtcDateTime,
    coverage,
    daily_results,
    loads,
    rejected_rows,
    trades,
)
from riskops.store.upsert import insert_missing, upsert

CHUNK = 2_000
BASIS = "realised net"


@dataclass(frozen=True, slots=True)
class FileLoad:
    """One file brought in: its content's digest, where it came from, when it became known."""

    digest: str
    source: str
    file_name: str
    known_at: datetime


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row set aside: its line in the file, its text, and what is wrong with it."""

    line: int
    text: str
    problem: str


class Transactions:
    """Reads and writes what was traded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        arriving: Iterable[Trade],
        covered: Iterable[tuple[str, date, datetime]],
        source: str,
        load: FileLoad | None = None,
        rejected: Sequence[RejectedRow] = (),
    ) -> int:
        """Write trades, coverage and the daily results they change, all or nothing.

        Parameters
        ----------
        covered
            (account, session, known at) the source confirms as fetched; read after `arriving`
            is exhausted.

        Returns
        -------
        int
            How many trades were new.

        Raises
        ------
        DuplicateLoadError
            If the file of `load` was loaded before.
        InputError
            If a trade is known with another content.
        """
        with self._database.writing(Queue.LOADS) as connection:
            if load is not None:
                _refuse_second_load(connection, load)
            new, touched = _add_trades(connection, arriving)
            _refresh_daily_results(connection, touched)
            _add_coverage(connection, covered, source)
            if load is not None:
                _note_load(connection, load, new, rejected)
        return new

    def is_loaded(self, digest: str) -> FileLoad | None:
        """Return the earlier load of a file with this digest."""
        with self._database.reading() as connection:
            return _earlier_load(connection, digest)

    def covered_through(self) -> dict[str, date]:
        """Return the newest session each account was fetched for."""
        query = sa.select(coverage.c.account_id, sa.func.max(coverage.c.session)).group_by(
            coverage.c.account_id
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def covered_sessions(self, account_id: str, first: date, last: date) -> set[date]:
        """Return the sessions an account was fetched for, between two dates."""
        query = sa.select(coverage.c.session).where(
            coverage.c.account_id == account_id, coverage.c.session.between(first, last)
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def count(self) -> int:
        """Return how many trades are stored."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(trades)).scalar_one()

    def rejected(self, digest: str) -> tuple[RejectedRow, ...]:
        """Return the rows of a file that were set aside."""
        query = (
            sa.select(rejected_rows).where(rejected_rows.c.digest == digest).order_by(rejected_rows.c.line)
        )
        with self._database.reading() as connection:
            return tuple(RejectedRow(r.line, r.text, r.problem) for r in connection.execute(query))


# --- trades -------------------------------------------------------------------------------


def _add_trades(
    connection: sa.Connection, arriving: Iterable[Trade]
) -> tuple[int, set[tuple[date, str, datetime]]]:
    """Insert the trades not there yet; return how many, and the account-days they touch."""
    new = 0
    touched: set[tuple[date, str, datetime]] = set()
    for chunk in _chunks(arriving, CHUNK):
        known = _already_there(connection, chunk)
        missing = _missing(chunk, known)
        if missing:
            connection.execute(sa.insert(trades), [_trade_row(trade) for trade in missing])
        new += len(missing)
        touched |= {(trade.session, trade.account_id, trade.known_at) for trade in missing}
    return new, touched


def _already_there(connection: sa.Connection, chunk: Sequence[Trade]) -> dict[tuple[str, str], tuple]:
    identity = (trades.c.account_id, trades.c.trade_id)
    content = (trades.c.session, trades.c.net_cents, trades.c.gross_cents)
    accounts = sorted({trade.account_id for trade in chunk})
    ids = sorted({trade.trade_id for trade in chunk})
    query = sa.select(*identity, *content).where(identity[0].in_(accounts), identity[1].in_(ids))
    return {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(query)}


def _missing(chunk: Sequence[Trade], known: dict[tuple[str, str], tuple]) -> list[Trade]:
    """Return the trades that are neither stored nor twice in the chunk; refuse contradictions."""
    missing = []
    for trade in chunk:
        content = (trade.session, trade.net_cents, trade.gross_cents)
        there = known.setdefault((trade.account_id, trade.trade_id), content)
        if there is content:
            missing.append(trade)
        elif there != content:
            raise InputError(
                f"Trade {trade.trade_id} of account {trade.account_id} is known with another content, "
                f"{_shown(there)} and {_shown(content)}. Nothing was loaded: ask the source which is right."
            )
    return missing


def _shown(content: tuple) -> str:
    session, net_cents, gross_cents = content
    return f"session {session}, net {dollars(net_cents)}, gross {dollars(gross_cents)}"


def _trade_row(trade: Trade) -> dict:
    return {
        "account_id": trade.account_id,
        "trade_id": trade.trade_id,
        "session": trade.session,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "quantity": trade.quantity,
        "opened_at": trade.opened_at,
        "closed_at": trade.closed_at,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "gross_cents": trade.gross_cents,
        "fees_cents": trade.fees_cents,
        "net_cents": trade.net_cents,
        "notional_cents": notional_cents(trade),
        "known_at": trade.known_at,
    }


def notional_cents(trade: Trade) -> int:
    """Return the traded value of a trade in cents: quantity times the price it went in, or out, at."""
    price = trade.entry_price if trade.entry_price is not None else trade.exit_price
    return round(abs(trade.quantity * (price or Decimal(0))) * 100)


# --- daily results ------------------------------------------------------------------------


def _refresh_daily_results(connection: sa.Connection, touched: set[tuple[date, str, datetime]]) -> None:
    """Write the version of every touched account-day, and again each later version of it."""
    days: dict[tuple[date, datetime], set[str]] = {}
    for session, account_id, known_at in touched:
        for moment in (known_at, *_later_versions(connection, session, account_id, known_at)):
            days.setdefault((session, moment), set()).add(account_id)
    for (session, moment), account_ids in sorted(days.items()):
        _write_versions(connection, session, moment, account_ids)


def _later_versions(
    connection: sa.Connection, session: date, account_id: str, known_at: datetime
) -> list[datetime]:
    query = sa.select(daily_results.c.known_at).where(
        daily_results.c.session == session,
        daily_results.c.account_id == account_id,
        daily_results.c.known_at > known_at,
    )
    return list(connection.execute(query).scalars())


def _write_versions(
    connection: sa.Connection, session: date, moment: datetime, account_ids: set[str]
) -> None:
    totals = (
        sa.text(statement("day_totals"))
        .bindparams(sa.bindparam("known_at", type_=UtcDateTime), sa.bindparam("first", type_=sa.Date))
        .bindparams(sa.bindparam("last", type_=sa.Date))
        .columns(session=sa.Date)
    )
    rows = connection.execute(totals, {"first": session, "last": session, "known_at": moment}).mappings()
    versions = [
        {**row, "known_at": moment, "basis": BASIS} for row in rows if row["account_id"] in account_ids
    ]
    upsert(connection, daily_results, [_integers(version) for version in versions])


def _integers(row: dict) -> dict:
    """Return sums as integers: PostgreSQL adds big integers up to decimals."""
    return {key: int(value) if isinstance(value, Decimal) else value for key, value in row.items()}


# --- coverage and loads -------------------------------------------------------------------


def _add_coverage(
    connection: sa.Connection, covered: Iterable[tuple[str, date, datetime]], source: str
) -> None:
    rows = (
        {"account_id": account_id, "session": session, "known_at": known_at, "source": source}
        for account_id, session, known_at in covered
    )
    for chunk in _chunks(rows, CHUNK):
        insert_missing(connection, coverage, chunk)


def _earlier_load(connection: sa.Connection, digest: str) -> FileLoad | None:
    row = connection.execute(sa.select(loads).where(loads.c.digest == digest)).one_or_none()
    return None if row is None else FileLoad(row.digest, row.source, row.file_name, row.known_at)


def _refuse_second_load(connection: sa.Connection, load: FileLoad) -> None:
    earlier = _earlier_load(connection, load.digest)
    if earlier is not None:
        raise DuplicateLoadError(
            f"{load.file_name} was loaded before, as {earlier.file_name}, "
            f"known at {earlier.known_at:%Y-%m-%d %H:%M} UTC. Nothing was changed."
        )


def _note_load(connection: sa.Connection, load: FileLoad, rows: int, rejected: Sequence[RejectedRow]) -> None:
    head = sa.insert(loads).values(
        digest=load.digest,
        source=load.source,
        file_name=load.file_name,
        rows=rows,
        rejected=len(rejected),
        known_at=load.known_at,
    )
    connection.execute(head)
    aside = [
        {"digest": load.digest, "line": row.line, "text": row.text, "problem": row.problem}
        for row in rejected
    ]
    if aside:
        connection.execute(sa.insert(rejected_rows), aside)


def _chunks(items: Iterable, size: int) -> Iterator[list]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
