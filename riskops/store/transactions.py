"""Trades, the daily results made of them, and what the source has confirmed.

Rows are never overwritten: a trade that is there stays, a daily result gets a new version for
every moment its trades became known, so that any cut-off can be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from riskops.errors import DuplicateLoadError, StoreError
from riskops.records import Trade
from riskops.store.account_days import Telling, ToldDay
from riskops.store.chunks import chunks
from riskops.store.contradictions import Contradiction, Decide, Result, refuse
from riskops.store.daily_results import Touched, refresh
from riskops.store.database import Database, Queue
from riskops.store.new_trades import insert_all_or_none
from riskops.store.tables import coverage, cut_offs, loads, rejected_rows, trades
from riskops.store.trade_rows import trade_row
from riskops.store.upsert import insert_missing
from riskops.store.versions import current, tell

CHUNK = 5_000


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


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """A file that was loaded: how many new trades it brought and how many rows were set aside."""

    load: FileLoad
    new_trades: int
    rejected: int


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
        decide: Decide = refuse,
    ) -> int:
        """Write trades, coverage and the daily results they change, all or nothing.

        Parameters
        ----------
        covered
            (account, session, known at) the source confirms as fetched; read after every trade
            of `arriving` was written or set aside.
        rejected
            The rows of `load` that were refused; read after `covered`.
        decide
            Asked of every trade that is known with another result: the moment from which it corrects
            what is known, ``None`` to leave it out. By default everything is refused.

        Returns
        -------
        int
            How many trades were new.

        Raises
        ------
        DuplicateLoadError
            If the file of `load` was loaded before.
        InputError
            If a trade is known with another result and `decide` does not take it.
        StoreError
            If a morning fixed its cut-off while the file of `load` came in.
        """
        with self._database.writing(Queue.LOADS) as connection:
            if load is not None:
                _refuse_second_load(connection, load)
            mornings = _cut_offs(connection)
            new, touched = _add_trades(connection, arriving, source, decide)
            refresh(connection, touched)
            _add_coverage(connection, covered, source)
            if load is not None:
                _note_load(connection, load, new, rejected)
                self._database.wait_in(Queue.MORNINGS, connection)
                _refuse_overtaken(connection, load, mornings)
        return new

    def tell(
        self,
        days: Iterable[ToldDay],
        covered: Iterable[tuple[str, date, datetime]],
        source: str,
        set_aside: Callable[[Contradiction], None],
        refuse: Callable[[str, str], None],
    ) -> int:
        """Write whole account-days with what they correct, then coverage, all or nothing.

        Parameters
        ----------
        days
            In ascending order of their sessions.
        covered
            As for `add`; read after every day was written.
        set_aside
            Told of every trade that is known under another session; such a trade is not written.
        refuse
            Told of every account whose fills of a day cannot be matched, with the reason.

        Returns
        -------
        int
            How many trades were new.
        """
        with self._database.writing(Queue.LOADS) as connection:
            telling = Telling(connection, source, set_aside, refuse)
            for day in days:
                telling.tell(day)
            _add_coverage(connection, covered, source)
        return telling.new_trades

    def sessions_of(self, source: str, first: date, last: date) -> set[date]:
        """Return the sessions between two dates that a source has confirmed for some account."""
        query = sa.select(coverage.c.session).where(
            coverage.c.session.between(first, last), coverage.c.source == source
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def covered_by_others(self, source: str, first: date, last: date) -> set[tuple[str, date]]:
        """Return the (account, session) pairs between two dates that another source has confirmed."""
        query = sa.select(coverage.c.account_id, coverage.c.session).where(
            coverage.c.session.between(first, last), coverage.c.source != source
        )
        with self._database.reading() as connection:
            return {(row.account_id, row.session) for row in connection.execute(query)}

    def is_loaded(self, digest: str) -> FileLoad | None:
        """Return the earlier load of a file with this digest."""
        with self._database.reading() as connection:
            return _earlier_load(connection, digest)

    def loads(self) -> tuple[LoadRecord, ...]:
        """Return the files that were loaded, the newest first."""
        query = sa.select(loads).order_by(loads.c.known_at.desc(), loads.c.digest)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            LoadRecord(FileLoad(r.digest, r.source, r.file_name, r.known_at), r.rows, r.rejected)
            for r in rows
        )

    def covered_through(self) -> dict[str, date]:
        """Return the newest session each account was fetched for."""
        query = sa.select(coverage.c.account_id, sa.func.max(coverage.c.session)).group_by(
            coverage.c.account_id
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def newest_by_source(self, through: date) -> dict[tuple[str, str], date]:
        """Return the newest session up to a date that each (source, account) brought."""
        key = (coverage.c.source, coverage.c.account_id)
        newest = sa.func.max(coverage.c.session)
        query = sa.select(*key, newest).where(coverage.c.session <= through).group_by(*key)
        with self._database.reading() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def covered_sessions(self, account_id: str, first: date, last: date) -> set[date]:
        """Return the sessions an account was fetched for, between two dates."""
        query = sa.select(coverage.c.session).where(
            coverage.c.account_id == account_id, coverage.c.session.between(first, last)
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def count(self) -> int:
        """Return how many trades are known now; what was corrected counts once, what was withdrawn not."""
        query = sa.select(sa.func.count()).select_from(trades).where(current(trades))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def rejected(self, digest: str) -> tuple[RejectedRow, ...]:
        """Return the rows of a file that were set aside."""
        query = (
            sa.select(rejected_rows).where(rejected_rows.c.digest == digest).order_by(rejected_rows.c.line)
        )
        with self._database.reading() as connection:
            return tuple(RejectedRow(r.line, r.text, r.problem) for r in connection.execute(query))


# --- trades -------------------------------------------------------------------------------


def _add_trades(
    connection: sa.Connection, arriving: Iterable[Trade], source: str, decide: Decide
) -> tuple[int, Touched]:
    """Insert the trades not there yet; return how many, and the account-days they touch."""
    new = 0
    touched: Touched = set()
    for chunk in chunks(arriving, CHUNK):
        missing, contradictions = _written(connection, chunk, source)
        new += len(missing)
        touched |= {(trade.session, trade.account_id, trade.known_at) for trade in missing}
        for found in contradictions:
            touched |= _settled(connection, found, source, decide)
    return new, touched


def _written(
    connection: sa.Connection, chunk: Sequence[Trade], source: str
) -> tuple[Sequence[Trade], Sequence[Contradiction]]:
    """Insert what is new of a chunk; return it, and what contradicts what is known."""
    if insert_all_or_none(connection, chunk, source):
        return chunk, ()
    missing, contradictions = _sorted_out(chunk, _already_there(connection, chunk))
    if missing:
        connection.execute(sa.insert(trades), [trade_row(trade, source) for trade in missing])
    return missing, contradictions


def _already_there(connection: sa.Connection, chunk: Sequence[Trade]) -> dict[tuple[str, str], Result]:
    """Return the newest result known of each trade of a chunk, also where it was withdrawn since."""
    identity = (trades.c.account_id, trades.c.trade_id)
    result = (trades.c.session, trades.c.net_cents, trades.c.gross_cents)
    accounts = sorted({trade.account_id for trade in chunk})
    ids = sorted({trade.trade_id for trade in chunk})
    query = (
        sa.select(*identity, *result)
        .where(identity[0].in_(accounts), identity[1].in_(ids))
        .order_by(trades.c.known_at)
    )
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in connection.execute(query)}


def _sorted_out(
    chunk: Sequence[Trade], known: dict[tuple[str, str], Result]
) -> tuple[list[Trade], list[Contradiction]]:
    """Return the trades that are neither stored nor twice in the chunk, and those that contradict."""
    missing, contradictions = [], []
    for trade in chunk:
        result = trade.result
        there = known.setdefault((trade.account_id, trade.trade_id), result)
        if there is result:
            missing.append(trade)
        elif there != result:
            contradictions.append(Contradiction(trade, there))
    return missing, contradictions


def _settled(connection: sa.Connection, found: Contradiction, source: str, decide: Decide) -> Touched:
    """Write a trade that corrects what is known, where somebody decides so; return what that touches."""
    moment = decide(found)
    if moment is None:
        return set()
    trade = found.trade
    scope = sa.and_(trades.c.account_id == trade.account_id, trades.c.trade_id == trade.trade_id)
    changes = tell(connection, trades, scope, [trade_row(trade, source)], moment, moment)
    return {(trade.session, trade.account_id, at) for at in changes.moments}


# --- coverage and loads -------------------------------------------------------------------


def _add_coverage(
    connection: sa.Connection, covered: Iterable[tuple[str, date, datetime]], source: str
) -> None:
    rows = (
        {"account_id": account_id, "session": session, "known_at": known_at, "source": source}
        for account_id, session, known_at in covered
    )
    for chunk in chunks(rows, CHUNK):
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


def _cut_offs(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(cut_offs)).scalar_one()


def _refuse_overtaken(connection: sa.Connection, load: FileLoad, before: int) -> None:
    """Refuse a load that counts as known at a cut-off which was fixed without it."""
    later = sa.select(cut_offs.c.cut_off_at).where(cut_offs.c.cut_off_at > load.known_at).limit(1)
    if _cut_offs(connection) != before or connection.execute(later).first() is not None:
        raise StoreError(
            f"A morning fixed its cut-off while {load.file_name} came in: nobody could say later what it "
            "knew. Nothing was loaded: load it again."
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
