"""Enrol a trader with one account and a base limit."""

from __future__ import annotations

from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.stage import Receipt
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader


def enrol(
    desk: Desk, trader_id: str, name: str, account_id: str, base_limit_cents: int, since: date
) -> Receipt:
    """Enrol a trader from a date on; saying the same again changes nothing.

    Raises
    ------
    InputError
        If an identifier has control characters or the limit is not positive.
    """
    for word in (trader_id, account_id):
        if not word.strip() or not word.isprintable():
            raise InputError(f"{word!r} is no identifier: use printable characters.")
    if base_limit_cents <= 0:
        raise InputError(f"The base limit of {trader_id} must be above $0.")
    desk.store.roster.enrol(
        [Trader(trader_id, " ".join(name.split()) or trader_id)],
        [Account(account_id, trader_id, since)],
        [BaseLimit(trader_id, since, base_limit_cents)],
        [RosterEntry(trader_id, since, RosterState.ACTIVE)],
    )
    return {"trader": trader_id, "account": account_id}
