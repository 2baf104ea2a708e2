"""Account-days told whole: what differs from before gets a new version, in fills, trades and results.

A source tells an account's session whole. What it had told of it and does not tell again was withdrawn,
what is told otherwise was corrected; both are known from the moment they came, and what was known
before can still be read at any earlier cut-off.

Where fills are told, closed trades are matched from them, first in, first out, starting from the lots
carried out of the session before; the broker's summary of the day is the result on record, and ours
is kept beside it where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from riskops.errors import InputError
from riskops.positions import Lot, Matched, charged_fees_cents, match, suspected_split
from riskops.reconciliation import Difference, reconcile
from riskops.records import BrokerDay, Fill, Trade
from riskops.store import daily_results, versions
from riskops.store.chunks import chunks
from riskops.store.contradictions import Contradiction, Result
from riskops.store.tables import broker_days, coverage, open_lots, trades
from riskops.store.tables import fills as fills_table
from riskops.store.trade_rows import exact, fill_of, fill_row, notional_cents, trade_row

IDS_AT_ONCE = 2_000
FROM_FILLS = "realised net, fees as charged"
BROKERS_NET = "broker's net and adjustments"
BROKERS_TOTAL = "broker's total, unrealised included"


@dataclass(frozen=True, slots=True)
class ToldDay:
    """What a source tells of one session.

    `account_ids` are told whole; trades of others are only added. `previous` is the session before.
    `in_fills` says that the source tells fills, of which an account may have none. What was never told
    before counts as known at `known_at`, everything else at `now`.
    """

    session: date
    previous: date
    account_ids: frozenset[str]
    trades: tuple[Trade, ...]
    fills: tuple[Fill, ...]
    broker_days: tuple[BrokerDay, ...]
    in_fills: bool
    known_at: datetime
    now: datetime


class Telling:
    """Writes told days one after the other, in ascending order of their sessions.

    Parameters
    ----------
    connection
        In the transaction that all of it belongs to.
    source
        The source's name, as coverage notes it.
    set_aside
        Told of every trade that is known under another session.
    refuse
        Told of every account whose fills cannot be matched, and why.
    """

    def __init__(
        self,
        connection: sa.Connection,
        source: str,
        set_aside: Callable[[Contradiction], None],
        refuse: Callable[[str, str], None],
    ) -> None:
        self._connection, self._source = connection, source
        self._set_aside, self._refuse = set_aside, refuse
        self._told_until: dict[str, date] = {}
        self.new_trades = 0

    def tell(self, day: ToldDay) -> None:
        """Write one day."""
        told_before = _covered(self._connection, day.session, day.account_ids)
        if day.in_fills:
            for account_id in sorted(day.account_ids):
                self._tell_fills(_as_known(day, account_id, told_before), account_id)
        else:
            self._tell_trades(day, told_before)

    # --- closed trades ------------------------------------------------------------------------

    def _tell_trades(self, day: ToldDay, told_before: frozenset[str]) -> None:
        sound = _without(day.trades, self._elsewhere(day))
        doubtful = {trade.account_id for trade in day.trades} - {trade.account_id for trade in sound}
        touched: daily_results.Touched = set()
        for account_id in sorted(day.account_ids | {trade.account_id for trade in sound}):
            own = [trade for trade in sound if trade.account_id == account_id]
            whole = account_id in day.account_ids and account_id not in doubtful
            changes = self._versions(_as_known(day, account_id, told_before), account_id, own, whole=whole)
            touched |= {(day.session, account_id, moment) for moment in changes.moments}
        daily_results.refresh(self._connection, touched)

    def _elsewhere(self, day: ToldDay) -> set[tuple[str, str]]:
        """Set aside the trades that are known under another session, and return what identifies them."""
        known = _known_elsewhere(self._connection, day)
        found = [trade for trade in day.trades if (trade.account_id, trade.trade_id) in known]
        for trade in found:
            self._set_aside(Contradiction(trade, known[trade.account_id, trade.trade_id]))
        return {(trade.account_id, trade.trade_id) for trade in found}

    def _versions(
        self, day: ToldDay, account_id: str, told: Sequence[Trade], *, whole: bool
    ) -> versions.Changes:
        scope = _of(trades, account_id, day.session)
        if not whole:
            scope = sa.and_(scope, trades.c.trade_id.in_([trade.trade_id for trade in told]))
        rows = [trade_row(trade, self._source) for trade in told]
        changes = versions.tell(
            self._connection, trades, scope, rows, day.known_at, day.now, withdraws=self._has_told
        )
        self.new_trades += changes.new
        return changes

    def _has_told(self, trade: versions.Row) -> bool:
        """Say whether this source has told a trade: what another one did, it cannot withdraw."""
        return trade["source"] == self._source

    # --- fills --------------------------------------------------------------------------------

    def _tell_fills(self, day: ToldDay, account_id: str) -> None:
        fills = [fill for fill in day.fills if fill.account_id == account_id]
        broker_day = next((told for told in day.broker_days if told.account_id == account_id), None)
        try:
            carried = self._carried_into(day, account_id)
            matched = match(carried, fills, account_id=account_id, session=day.session)
            difference = _reconciled(matched, fills, broker_day)
            _refuse_split(carried, fills, difference)
        except InputError as error:
            self._refuse(account_id, str(error))
            return
        self._told_until[account_id] = day.session
        moments = self._write(day, account_id, fills, matched, broker_day)
        result = _result(matched, fills, broker_day, difference)
        daily_results.write(
            self._connection, {"session": day.session, "account_id": account_id} | result, moments, day.now
        )

    def _write(
        self,
        day: ToldDay,
        account_id: str,
        fills: Sequence[Fill],
        matched: Matched,
        broker_day: BrokerDay | None,
    ) -> frozenset[datetime]:
        """Write the versions of everything an account-day consists of; return the moments of changes."""
        lots = [_lot_row(lot, day.session) for lot in matched.carried]
        told: Iterable[tuple[sa.Table, list[dict[str, Any]]]] = (
            (fills_table, [fill_row(fill) for fill in fills]),
            (open_lots, lots),
            (broker_days, [] if broker_day is None else [_broker_row(broker_day)]),
        )
        moments = self._versions(day, account_id, matched.trades, whole=True).moments
        for table, rows in told:
            scope = _of(table, account_id, day.session)
            moments |= versions.tell(self._connection, table, scope, rows, day.known_at, day.now).moments
        return moments

    def _carried_into(self, day: ToldDay, account_id: str) -> list[Lot]:
        """Return the lots an account carries into a session.

        Raises
        ------
        InputError
            If the session before was not told.
        """
        until = self._told_until.get(account_id) or self._covered_until(account_id, day.session)
        if until is not None and until < day.previous:
            raise InputError(
                f"Account {account_id} was fetched through {until} only, so its positions of {day.session} "
                "cannot be matched. They will be once the sessions between are fetched."
            )
        return _lots(self._connection, account_id, day.previous)

    def _covered_until(self, account_id: str, session: date) -> date | None:
        query = sa.select(sa.func.max(coverage.c.session)).where(
            coverage.c.account_id == account_id,
            coverage.c.source == self._source,
            coverage.c.session < session,
        )
        return self._connection.execute(query).scalar()


# --- reading what is there ----------------------------------------------------------------


def _of(table: sa.Table, account_id: str, session: date) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.account_id == account_id, table.c.session == session)


def _covered(connection: sa.Connection, session: date, account_ids: frozenset[str]) -> frozenset[str]:
    query = sa.select(coverage.c.account_id).where(coverage.c.session == session)
    return frozenset(connection.execute(query).scalars()) & account_ids


def _known_elsewhere(connection: sa.Connection, day: ToldDay) -> dict[tuple[str, str], Result]:
    """Return the results of the trades of `day` that are known under another session, by identity."""
    accounts = sorted({trade.account_id for trade in day.trades})
    known: dict[tuple[str, str], Result] = {}
    for ids in chunks(sorted({trade.trade_id for trade in day.trades}), IDS_AT_ONCE):
        result = (trades.c.session, trades.c.net_cents, trades.c.gross_cents)
        query = sa.select(trades.c.account_id, trades.c.trade_id, *result).where(
            trades.c.account_id.in_(accounts),
            trades.c.trade_id.in_(ids),
            trades.c.session != day.session,
            versions.current(trades),
        )
        known |= {(row[0], row[1]): (row[2], row[3], row[4]) for row in connection.execute(query)}
    return known


def _lots(connection: sa.Connection, account_id: str, session: date) -> list[Lot]:
    """Return the lots an account carried out of a session."""
    same = sa.and_(
        fills_table.c.account_id == open_lots.c.account_id,
        fills_table.c.fill_id == open_lots.c.fill_id,
        versions.current(fills_table),
    )
    query = (
        sa.select(fills_table, open_lots.c.quantity.label("left"))
        .join_from(open_lots, fills_table, same)
        .where(_of(open_lots, account_id, session), versions.current(open_lots))
    )
    return [Lot(fill_of(row), exact(row.left)) for row in connection.execute(query)]


# --- what an account-day comes to ---------------------------------------------------------


def _without(told: Sequence[Trade], identities: set[tuple[str, str]]) -> list[Trade]:
    return [trade for trade in told if (trade.account_id, trade.trade_id) not in identities]


def _as_known(day: ToldDay, account_id: str, told_before: frozenset[str]) -> ToldDay:
    """Return the day as it counts for one account: all of it from now on where it was told before."""
    return replace(day, known_at=day.now) if account_id in told_before else day


def _reconciled(matched: Matched, fills: Sequence[Fill], broker_day: BrokerDay | None) -> Difference | None:
    return None if broker_day is None else reconcile(matched.trades, fills, broker_day)


def _refuse_split(carried: Sequence[Lot], fills: Sequence[Fill], difference: Difference | None) -> None:
    """Refuse what looks like a split overnight, unless the broker's own result proves that it was none."""
    proven = difference is not None and difference.agrees
    if not proven and (split := suspected_split(carried, fills)) is not None:
        raise InputError(split)


def _result(
    matched: Matched, fills: Sequence[Fill], broker_day: BrokerDay | None, difference: Difference | None
) -> dict[str, Any]:
    """Return the daily result: the broker's where there is one, and ours beside it where they differ."""
    gross, fees = sum(trade.gross_cents for trade in matched.trades), charged_fees_cents(fills)
    result: dict[str, Any] = {
        "trades": len(matched.trades),
        "volume_cents": sum(notional_cents(trade) for trade in matched.trades),
        "positions": len({lot.symbol for lot in matched.carried}),
        "gross_cents": gross,
        "fees_cents": fees,
        "net_cents": gross - fees,
        "basis": FROM_FILLS,
        "other_net_cents": None,
    }
    if broker_day is None or difference is None:
        return result
    unrealised = broker_day.unrealised_change_cents
    return result | {
        "gross_cents": broker_day.gross_cents + (unrealised or 0),
        "fees_cents": broker_day.fees_cents - broker_day.adjustments_cents,
        "net_cents": broker_day.result_cents,
        "basis": BROKERS_NET if unrealised is None else BROKERS_TOTAL,
        "other_net_cents": None if difference.agrees else broker_day.result_cents + difference.net_cents,
    }


def _lot_row(lot: Lot, session: date) -> dict[str, Any]:
    return {
        "account_id": lot.account_id,
        "session": session,
        "fill_id": lot.fill.fill_id,
        "quantity": lot.left,
    }


def _broker_row(told: BrokerDay) -> dict[str, Any]:
    return {
        "account_id": told.account_id,
        "session": told.session,
        "gross_cents": told.gross_cents,
        "fees_cents": told.fees_cents,
        "net_cents": told.net_cents,
        "adjustments_cents": told.adjustments_cents,
        "unrealised_change_cents": told.unrealised_change_cents,
    }
