"""The daily results: one version of an account's session for every moment that changed it.

A result is never overwritten by what became known later: it gets another version, so that any cut-off
can be read again. What is known as of the same moment makes one version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from riskops.errors import InputError
from riskops.store.database import statement
from riskops.store.tables import UtcDateTime, daily_results
from riskops.store.upsert import upsert

BASIS = "realised net"
Touched = set[tuple[date, str, datetime]]
_NOTHING = dict.fromkeys(("gross_cents", "fees_cents", "net_cents", "trades", "volume_cents"), 0)


def refresh(connection: sa.Connection, touched: Touched) -> None:
    """Write the version of every touched account-day, and again each later version of it, from its trades.

    Raises
    ------
    InputError
        If a result is told in fills: it is not the sum of its trades.
    """
    days: defaultdict[tuple[date, datetime], set[str]] = defaultdict(set)
    for session, group in groupby(sorted(touched), key=itemgetter(0)):
        news = list(group)
        versions = _versions(connection, session, {account_id for _, account_id, _ in news})
        for _session, account_id, known_at in news:
            for moment in (known_at, *(at for at in versions[account_id] if at > known_at)):
                days[session, moment].add(account_id)
    for (session, moment), account_ids in sorted(days.items()):
        _write_versions(connection, session, moment, account_ids)


def write(
    connection: sa.Connection, result: Mapping[str, Any], moments: Collection[datetime], now: datetime
) -> None:
    """Write a version of an account-day that is made of more than its trades, where it is news.

    Parameters
    ----------
    result
        The row without `known_at`.
    moments
        When something of this day became known. Without any the result may differ all the same: a fill
        that moved to another session takes its trade along.
    """
    newest = _newest(connection, result["session"], result["account_id"])
    differs = newest is not None and any(newest[name] != value for name, value in result.items())
    if moments or differs:
        upsert(connection, daily_results, [{**result, "known_at": max(moments, default=now)}])


def _newest(connection: sa.Connection, session: date, account_id: str) -> sa.RowMapping | None:
    query = sa.select(daily_results).where(
        daily_results.c.session == session, daily_results.c.account_id == account_id
    )
    newest = query.order_by(daily_results.c.known_at.desc()).limit(1)
    return connection.execute(newest).mappings().one_or_none()


def _versions(
    connection: sa.Connection, session: date, touched: Collection[str]
) -> Mapping[str, list[datetime]]:
    """Return when the results of a session became known, by account.

    Raises
    ------
    InputError
        If a touched result is made of more than its trades.
    """
    columns = (daily_results.c.account_id, daily_results.c.known_at, daily_results.c.basis)
    query = sa.select(*columns).where(daily_results.c.session == session)
    versions: defaultdict[str, list[datetime]] = defaultdict(list)
    for account_id, known_at, basis in connection.execute(query):
        if basis != BASIS and account_id in touched:
            raise InputError(
                f"{session} of account {account_id} is told by its source in fills, so closed trades cannot "
                f"change it. `riskops ask-again {session}` brings what the source has corrected."
            )
        versions[account_id].append(known_at)
    return versions


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
    found = {row["account_id"]: _integers(row) for row in rows}
    made = {"session": session, "known_at": moment, "basis": BASIS}
    upsert(
        connection,
        daily_results,
        [_NOTHING | found.get(account, {}) | made | {"account_id": account} for account in account_ids],
    )


def _integers(row: sa.RowMapping) -> dict[str, Any]:
    """Return sums as integers: PostgreSQL adds big integers up to decimals."""
    return {key: int(value) if isinstance(value, Decimal) else value for key, value in row.items()}
