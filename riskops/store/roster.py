"""Who trades: traders, their accounts, base limits and roster states, each with effective dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

import sqlalchemy as sa

from riskops.errors import InputError
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader
from riskops.store.database import Database
from riskops.store.tables import accounts, base_limits, roster, traders
from riskops.store.upsert import upsert


class Roster:
    """Reads and writes the people of the desk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrol(
        self,
        people: Iterable[Trader],
        their_accounts: Iterable[Account],
        limits: Iterable[BaseLimit],
        states: Iterable[RosterEntry],
    ) -> None:
        """Write traders with accounts, base limits and states, all or nothing; again changes nothing.

        Raises
        ------
        InputError
            If an account would belong to two traders, or twice to one, at the same time.
        """
        with self._database.writing() as connection:
            upsert(connection, traders, [_row(p, "trader_id", "name") for p in people])
            upsert(connection, accounts, [_row(a, *accounts.columns.keys()) for a in their_accounts])
            upsert(connection, base_limits, [_row(b, *base_limits.columns.keys()) for b in limits])
            upsert(connection, roster, [_row(s, *roster.columns.keys()) for s in states])
            _refuse_overlaps(_accounts(connection))

    def traders(self) -> tuple[Trader, ...]:
        """Return every trader ever enrolled, by id."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(traders).order_by(traders.c.trader_id)).all()
        return tuple(Trader(row.trader_id, row.name) for row in rows)

    def accounts(self, on: date | None = None) -> tuple[Account, ...]:
        """Return all accounts, or those in effect on a date, by id."""
        with self._database.reading() as connection:
            return _accounts(connection, on)

    def base_limits(self) -> tuple[BaseLimit, ...]:
        """Return the schedule of base limits, by trader and date."""
        query = sa.select(base_limits).order_by(base_limits.c.trader_id, base_limits.c.effective_from)
        with self._database.reading() as connection:
            return tuple(BaseLimit(**row) for row in connection.execute(query).mappings())

    def states(self, on: date) -> dict[str, RosterState]:
        """Return the roster state of every trader on a date; nobody before the first entry."""
        query = (
            sa.select(roster.c.trader_id, roster.c.state)
            .where(roster.c.effective_from <= on)
            .order_by(roster.c.effective_from)
        )
        with self._database.reading() as connection:
            return {row.trader_id: RosterState(row.state) for row in connection.execute(query)}

    def active(self, on: date) -> tuple[Trader, ...]:
        """Return the traders who get a limit on a date."""
        states = self.states(on)
        return tuple(t for t in self.traders() if states.get(t.trader_id) is RosterState.ACTIVE)


def _accounts(connection: sa.Connection, on: date | None = None) -> tuple[Account, ...]:
    query = sa.select(accounts).order_by(accounts.c.account_id, accounts.c.effective_from)
    if on is not None:
        ends = accounts.c.effective_to
        query = query.where(accounts.c.effective_from <= on, sa.or_(ends.is_(None), ends > on))
    return tuple(Account(**row) for row in connection.execute(query).mappings())


def _refuse_overlaps(periods: Sequence[Account]) -> None:
    """Refuse periods, ordered by account and start, of which one begins before the last one ended."""
    for earlier, later in pairwise(periods):
        same = earlier.account_id == later.account_id
        if same and (earlier.effective_to is None or earlier.effective_to > later.effective_from):
            raise InputError(
                f"Account {later.account_id} belongs to {earlier.trader_id} from {earlier.effective_from} on "
                f"and to {later.trader_id} from {later.effective_from} on. End the earlier period first."
            )


def _row(record: object, *names: str) -> dict:
    return {name: getattr(record, name) for name in names}
