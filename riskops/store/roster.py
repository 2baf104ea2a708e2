"""Who trades: traders, their accounts, base limits and states, each with effective dates and its history.

Nothing is overwritten. A change is a row of its own with the moment from which on it is known, and of
one subject and effective date the newest row known counts: `include/sql/*_as_of.sql` say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from riskops import config
from riskops.records import (
    Account,
    BaseLimit,
    Entered,
    RosterChange,
    RosterEntry,
    RosterRecord,
    RosterState,
    Trader,
)
from riskops.roster import SET_UP, RosterView, in_order, refuse_overlaps
from riskops.sessions import desk_time
from riskops.store.database import Database, statement
from riskops.store.tables import (
    UtcDateTime,
    accounts,
    base_limits,
    roster,
    trader_names,
    traders,
)
from riskops.store.upsert import insert_missing

NEWEST = datetime(9999, 1, 1, tzinfo=UTC)  # whatever was entered is known by then
EARLY = date(1970, 1, 1)
_MOMENT = timedelta(microseconds=1)  # what is entered later is known later
_TABLES: Mapping[type, sa.Table] = {
    Trader: trader_names,
    Account: accounts,
    BaseLimit: base_limits,
    RosterEntry: roster,
}
_ENTERED = {"known_at": "known_at", "recorded_at": "recorded_at", "by": "recorded_by", "why": "reason"}
Key = tuple[type, str, date | None]


class Roster:
    """Reads and writes the people of the desk; every read says by when an entry has to be known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def view(self, known_by: datetime) -> RosterView:
        """Return the whole roster as it was known at a moment."""
        with self._database.reading() as connection:
            return _view(connection, known_by)

    def traders(self, known_by: datetime) -> tuple[Trader, ...]:
        """Return every trader ever enrolled, by id, under the names known."""
        with self._database.reading() as connection:
            return _traders(connection, known_by)

    def accounts(self, known_by: datetime, on: date | None = None) -> tuple[Account, ...]:
        """Return all account periods known, or those in effect on a date, by id."""
        view = self.view(known_by)
        return view.accounts if on is None else view.accounts_on(on)

    def base_limits(self, known_by: datetime) -> tuple[BaseLimit, ...]:
        """Return the schedule of base limits, by trader and date."""
        with self._database.reading() as connection:
            return _base_limits(connection, known_by)

    def states(self, on: date, known_by: datetime) -> dict[str, RosterState]:
        """Return the roster state of every trader on a date; nobody before the first entry."""
        return self.view(known_by).states(on)

    def active(self, on: date, known_by: datetime) -> tuple[Trader, ...]:
        """Return the traders who get a limit on a date."""
        return self.view(known_by).active(on)

    def history(self) -> tuple[RosterChange, ...]:
        """Return every entry ever made, in the order they became known."""
        with self._database.reading() as connection:
            return _history(connection)

    @contextmanager
    def changing(self) -> Iterator[RosterDraft]:
        """Hand out the roster to be changed: nobody else writes until the end, all of it or nothing.

        Raises
        ------
        InputError
            If an account would belong to two traders, or twice to one, at the same time.
        """
        with self._database.writing() as connection:
            draft = RosterDraft(connection)
            yield draft
            refuse_overlaps(_accounts(connection, NEWEST))

    def enrol(
        self,
        people: Iterable[Trader],
        their_accounts: Iterable[Account],
        limits: Iterable[BaseLimit],
        states: Iterable[RosterEntry],
    ) -> None:
        """Set traders up, each entry known early on its effective date; again changes nothing.

        Raises
        ------
        InputError
            If an account would belong to two traders, or twice to one, at the same time.
        """
        dated: list[Account | BaseLimit | RosterEntry] = [*their_accounts, *limits, *states]
        first = min((record.effective_from for record in dated), default=EARLY)
        with self.changing() as draft:
            draft.enter(list(people), _set_up(first))
            for day in sorted({record.effective_from for record in dated}):
                draft.enter([r for r in dated if r.effective_from == day], _set_up(day))


@dataclass(frozen=True, slots=True)
class _Newest:
    record: RosterRecord
    known_at: datetime
    withdrawn: bool


class RosterDraft:
    """The newest state of the roster inside a transaction that changes it."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.view = _view(connection, NEWEST)
        self._newest = {
            _key(t): _Newest(t, datetime.min.replace(tzinfo=UTC), withdrawn=False) for t in self.view.traders
        }
        for change in _history(connection):
            self._note(change)

    def enter(
        self, records: Sequence[RosterRecord], entered: Entered, withdrawn: Sequence[RosterRecord] = ()
    ) -> tuple[RosterChange, ...]:
        """Write what is new of `records`, and take the `withdrawn` ones back; return what was written.

        What is entered later is known later, if only by a microsecond, so that it counts.
        """
        asked = [RosterChange(record, entered) for record in records]
        asked += [RosterChange(record, entered, withdrawn=True) for record in withdrawn]
        news = [change for change in asked if self._is_new(change)]
        known = [self._newest[key].known_at for c in news if (key := _key(c.record)) in self._newest]
        moment = max([entered.known_at, *(at + _MOMENT for at in known)])
        written = tuple(replace(c, entered=replace(entered, known_at=moment)) for c in news)
        for change in written:
            self._write(change)
            self._note(change)
        self.view = _view(self._connection, NEWEST)
        return written

    def history(self) -> tuple[RosterChange, ...]:
        """Return every entry ever made, in the order they became known."""
        return _history(self._connection)

    def _is_new(self, change: RosterChange) -> bool:
        there = self._newest.get(_key(change.record))
        return there is None or (there.record, there.withdrawn) != (change.record, change.withdrawn)

    def _note(self, change: RosterChange) -> None:
        self._newest[_key(change.record)] = _Newest(change.record, change.entered.known_at, change.withdrawn)

    def _write(self, change: RosterChange) -> None:
        record = change.record
        if isinstance(record, Trader) and _key(record) not in self._newest:
            insert_missing(self._connection, traders, [_columns(record)])
            return
        told = {column: getattr(change.entered, name) for name, column in _ENTERED.items()}
        flag = {} if isinstance(record, Trader) else {"withdrawn": change.withdrawn}
        self._connection.execute(sa.insert(_TABLES[type(record)]), [_columns(record) | told | flag])


def _set_up(day: date) -> Entered:
    moment = desk_time(day, config.HISTORY_KNOWN_AT)
    return Entered(moment, moment, SET_UP, SET_UP)


def _key(record: RosterRecord) -> Key:
    if isinstance(record, Trader):
        return Trader, record.trader_id, None
    subject = record.account_id if isinstance(record, Account) else record.trader_id
    return type(record), subject, record.effective_from


def _columns(record: RosterRecord) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


# --- reading -------------------------------------------------------------------------------


def _view(connection: sa.Connection, known_by: datetime) -> RosterView:
    rows = _as_of(connection, "roster_as_of", known_by)
    entries = [RosterEntry(r["trader_id"], r["effective_from"], RosterState(r["state"])) for r in rows]
    return RosterView(
        traders=_traders(connection, known_by),
        accounts=_accounts(connection, known_by),
        base_limits=_base_limits(connection, known_by),
        entries=tuple(sorted(entries, key=lambda entry: (entry.trader_id, entry.effective_from))),
    )


def _traders(connection: sa.Connection, known_by: datetime) -> tuple[Trader, ...]:
    rows = _as_of(connection, "traders_as_of", known_by)
    return tuple(sorted((Trader(**row) for row in rows), key=lambda trader: trader.trader_id))


def _accounts(connection: sa.Connection, known_by: datetime) -> tuple[Account, ...]:
    rows = _as_of(connection, "accounts_as_of", known_by)
    return tuple(in_order(Account(**row) for row in rows))


def _base_limits(connection: sa.Connection, known_by: datetime) -> tuple[BaseLimit, ...]:
    rows = _as_of(connection, "base_limits_as_of", known_by)
    limits = (BaseLimit(**row) for row in rows)
    return tuple(sorted(limits, key=lambda limit: (limit.trader_id, limit.effective_from)))


def _as_of(connection: sa.Connection, name: str, known_by: datetime) -> list[Mapping[str, Any]]:
    query = (
        sa.text(statement(name))
        .bindparams(sa.bindparam("cut_off", type_=UtcDateTime))
        .columns(effective_from=sa.Date, effective_to=sa.Date)
    )
    return list(connection.execute(query, {"cut_off": known_by}).mappings())  # type: ignore[arg-type]


def _history(connection: sa.Connection) -> tuple[RosterChange, ...]:
    changes = [change for kind in _TABLES for change in _changes_of(connection, kind)]
    return tuple(sorted(changes, key=lambda change: change.entered.known_at))


def _changes_of(connection: sa.Connection, kind: type) -> Iterator[RosterChange]:
    for row in connection.execute(sa.select(_TABLES[kind])).mappings():
        values = {field.name: row[field.name] for field in fields(kind)}
        if kind is RosterEntry:
            values["state"] = RosterState(values["state"])
        entered = Entered(**{name: row[column] for name, column in _ENTERED.items()})
        yield RosterChange(kind(**values), entered, row.get("withdrawn", False))
