"""Enrol a trader with one account and a base limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.stage import Receipt
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader
from riskops.sources.mappings import UnreadableCellError, read_identifier


def enrol(
    desk: Desk, trader_id: str, name: str, account_id: str, base_limit_cents: int, since: date
) -> Receipt:
    """Enrol a trader from a date on; saying the same again changes nothing.

    An account that was somebody's before is handed over on that date; what it earned until then
    stays where it was earned.

    Raises
    ------
    InputError
        If an identifier could not stand in a file of transactions or the limit is not positive.
    """
    for word in (trader_id, account_id):
        _refuse_unreadable(word)
    if base_limit_cents <= 0:
        raise InputError(f"The base limit of {trader_id} must be above $0.")
    periods = _handed_over(desk.store.roster.accounts(), Account(account_id, trader_id, since))
    desk.store.roster.enrol(
        [Trader(trader_id, " ".join(name.split()) or trader_id)],
        periods,
        [BaseLimit(trader_id, since, base_limit_cents)],
        [RosterEntry(trader_id, since, RosterState.ACTIVE)],
    )
    return {"trader": trader_id, "account": account_id}


def _refuse_unreadable(word: str) -> None:
    try:
        read_identifier(word.strip() and word)
    except UnreadableCellError as error:
        raise InputError(f"An identifier is wrong: {error}") from error


def _handed_over(known: Sequence[Account], new: Account) -> list[Account]:
    """Return the period of `new`, which ends where the next one begins, and the one that it ends."""
    periods = [account for account in known if account.account_id == new.account_id]
    same = [account for account in periods if account.effective_from == new.effective_from]
    before = [account for account in periods if account.effective_from < new.effective_from]
    after = [account.effective_from for account in periods if account.effective_from > new.effective_from]
    ended = [replace(a, effective_to=new.effective_from) for a in before if _reaches(a, new.effective_from)]
    until = same[0].effective_to if same else min(after, default=None)
    return [*ended, replace(new, effective_to=until)]


def _reaches(account: Account, day: date) -> bool:
    return account.effective_to is None or account.effective_to > day
