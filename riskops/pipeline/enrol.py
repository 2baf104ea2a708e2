"""Enrol a trader with one account and a base limit: how a desk is set up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.change_roster import acts_from, entered, refuse_unreadable, tidy_name
from riskops.pipeline.stage import Receipt
from riskops.records import Account, BaseLimit, RosterEntry, RosterRecord, RosterState, Trader
from riskops.roster import SET_UP, RosterView, reaches


def enrol(
    desk: Desk,
    trader_id: str,
    name: str,
    account_id: str,
    base_limit_cents: int,
    since: date,
) -> Receipt:
    """Enrol a trader from a date on; saying the same again changes nothing.

    An account that was somebody's before is handed over on that date; what it earned until then
    stays where it was earned. A trader without a name keeps the one that is known.

    Raises
    ------
    InputError
        If an identifier could not stand in a file of transactions or the limit is not positive.
    """
    for word in (trader_id, account_id):
        refuse_unreadable(word)
    if base_limit_cents <= 0:
        raise InputError(f"The base limit of {trader_id} must be above $0.")
    with desk.store.roster.changing() as draft:
        records: list[RosterRecord] = [
            Trader(trader_id, tidy_name(name) or _known_name(draft.view, trader_id)),
            *_handed_over(draft.view.accounts, Account(account_id, trader_id, since)),
            BaseLimit(trader_id, since, base_limit_cents),
            RosterEntry(trader_id, since, RosterState.ACTIVE),
        ]
        written = draft.enter(records, entered(desk, since, SET_UP, SET_UP))
        first = {"acts from": str(acts_from(desk, since, written[0].entered.known_at))} if written else {}
    return {"trader": trader_id, "account": account_id, **first}


def _known_name(view: RosterView, trader_id: str) -> str:
    return {trader.trader_id: trader.name for trader in view.traders}.get(trader_id, trader_id)


def _handed_over(known: Sequence[Account], new: Account) -> list[Account]:
    """Return the period of `new`, which ends where the next one begins, and the one that it ends."""
    periods = [account for account in known if account.account_id == new.account_id]
    same = [account for account in periods if account.effective_from == new.effective_from]
    before = [account for account in periods if account.effective_from < new.effective_from]
    after = [account.effective_from for account in periods if account.effective_from > new.effective_from]
    ended = [replace(a, effective_to=new.effective_from) for a in before if reaches(a, new.effective_from)]
    until = same[0].effective_to if same else min(after, default=None)
    return [*ended, replace(new, effective_to=until)]
