"""What a change of the roster writes, and which changes are refused: rules on the roster as it stands.

Each function returns the entries to make. Nothing means that the roster says so already.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from riskops.errors import InputError
from riskops.records import Account, BaseLimit, RosterEntry, RosterRecord, RosterState, Trader
from riskops.roster import RosterView, is_in_effect, reaches

Records = tuple[RosterRecord, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The entries to make, and those to take back."""

    records: Records = ()
    withdrawn: Records = ()


def joining(view: RosterView, trader: Trader, account_id: str, base_limit_cents: int, since: date) -> Records:
    """Let a trader come, or come back, with an account and a base limit."""
    refuse_no_limit(trader.trader_id, base_limit_cents)
    limit = BaseLimit(trader.trader_id, since, base_limit_cents)
    entry = RosterEntry(trader.trader_id, since, RosterState.ACTIVE)
    if {entry, limit} <= {*view.entries, *view.base_limits} and _begins(view, account_id, trader, since):
        return ()
    _refuse_later(view, trader.trader_id, since)
    there = view.entries_on(since).get(trader.trader_id)
    if there is not None and there.state is not RosterState.LEFT:
        raise InputError(
            f"{trader.trader_id} is {there.state} since {there.effective_from} already. Change what differs: "
            "the base limit, the accounts, or the state."
        )
    account = Account(account_id, trader.trader_id, since)
    _refuse_taken(view, account)
    return trader, account, limit, entry


def leaving(view: RosterView, trader_id: str, since: date) -> Records:
    """Let a trader leave; his accounts stay his until they are ended or handed over."""
    entry = RosterEntry(trader_id, since, RosterState.LEFT)
    if entry in view.entries:
        return ()
    _present(view, trader_id, since)
    _refuse_later(view, trader_id, since)
    return (entry,)


def suspending(view: RosterView, trader_id: str, since: date) -> Records:
    """Let a trader not trade from a date on."""
    entry = RosterEntry(trader_id, since, RosterState.SUSPENDED)
    if entry in view.entries:
        return ()
    there = _present(view, trader_id, since)
    if there.state is RosterState.SUSPENDED:
        raise InputError(f"{trader_id} is suspended since {there.effective_from} already.")
    return (entry,)


def reinstating(view: RosterView, trader_id: str, since: date) -> Records:
    """Let a suspended trader trade again."""
    entry = RosterEntry(trader_id, since, RosterState.ACTIVE)
    if entry in view.entries:
        return ()
    there = _present(view, trader_id, since)
    if there.state is RosterState.ACTIVE:
        raise InputError(f"{trader_id} is active since {there.effective_from} already: nobody is suspended.")
    return (entry,)


def limiting(view: RosterView, trader_id: str, base_limit_cents: int, since: date) -> Records:
    """Schedule a base limit; that of a suspended trader may change, too."""
    refuse_no_limit(trader_id, base_limit_cents)
    _present(view, trader_id, since)
    scheduled = view.base_limits_on(since).get(trader_id)
    if scheduled is not None and scheduled.base_limit_cents == base_limit_cents:
        return ()
    return (BaseLimit(trader_id, since, base_limit_cents),)


def renaming(view: RosterView, trader: Trader) -> Records:
    """Give a trader another name."""
    if trader.trader_id not in {known.trader_id for known in view.traders}:
        raise _unknown(trader.trader_id)
    return () if trader in view.traders else (trader,)


def adding_account(view: RosterView, trader_id: str, account_id: str, since: date) -> Records:
    """Let an account that is nobody's belong to a trader."""
    _present(view, trader_id, since)
    account = Account(account_id, trader_id, since)
    if _begins(view, account_id, Trader(trader_id, ""), since):
        return ()
    _refuse_taken(view, account)
    return (account,)


def ending_account(view: RosterView, account_id: str, since: date) -> Records:
    """End the period of an account: from the date on it is nobody's."""
    periods = _periods(view, account_id)
    there = [period for period in periods if is_in_effect(period, since)]
    if not there and any(period.effective_to == since for period in periods):
        return ()
    if not there:
        raise InputError(f"Account {account_id} is nobody's on {since}: there is nothing to end.")
    (period,) = there
    if period.effective_from == since:
        raise InputError(
            f"Account {account_id} is {period.trader_id}'s from {since} on only: withdraw that change."
        )
    return (replace(period, effective_to=since),)


def handing_over(view: RosterView, account_id: str, trader_id: str, since: date) -> Records:
    """Hand an account over to another trader; what it earned until then stays where it was earned."""
    _present(view, trader_id, since)
    there = [period for period in _periods(view, account_id) if is_in_effect(period, since)]
    if not there:
        raise InputError(f"Account {account_id} is nobody's on {since}: add it to {trader_id}.")
    (period,) = there
    if period.trader_id != trader_id:
        return _split(period, trader_id, since)
    if period.effective_from == since:
        return ()
    raise InputError(f"Account {account_id} is {trader_id}'s since {period.effective_from} already.")


def withdrawing(
    view: RosterView, trader_id: str, since: date, ever_made: Collection[RosterRecord] = ()
) -> Proposed:
    """Take back whatever changes for a trader on a date; of what was `ever_made` some was before."""
    dated: tuple[RosterEntry | BaseLimit, ...] = (*view.entries, *view.base_limits)
    of_trader = [
        record for record in dated if (record.trader_id, record.effective_from) == (trader_id, since)
    ]
    moved = {
        account.account_id
        for account in view.accounts
        if account.trader_id == trader_id and since in (account.effective_from, account.effective_to)
    }
    begun = [a for a in view.accounts if a.account_id in moved and a.effective_from == since]
    until = {account.account_id: account.effective_to for account in begun}
    reopened = tuple(
        replace(account, effective_to=until.get(account.account_id))
        for account in view.accounts
        if account.account_id in moved and account.effective_to == since
    )
    withdrawn: Records = (*of_trader, *begun)
    if not withdrawn and not reopened and not any(_acts_on(record, trader_id, since) for record in ever_made):
        raise InputError(
            f"Nothing changes for {trader_id} on {since}. See `riskops roster history {trader_id}`."
        )
    _refuse_headless(view, trader_id, since)
    return Proposed(reopened, withdrawn)


def refuse_no_limit(trader_id: str, base_limit_cents: int) -> None:
    """Refuse a base limit that limits nothing."""
    if base_limit_cents <= 0:
        raise InputError(f"The base limit of {trader_id} must be above $0. Suspend who is not to trade.")


def _split(period: Account, trader_id: str, since: date) -> Records:
    if period.effective_from == since:
        return (replace(period, trader_id=trader_id),)
    ended = replace(period, effective_to=since)
    return ended, replace(period, trader_id=trader_id, effective_from=since)


def _periods(view: RosterView, account_id: str) -> list[Account]:
    return [account for account in view.accounts if account.account_id == account_id]


def _begins(view: RosterView, account_id: str, trader: Trader, since: date) -> bool:
    """Say whether an account is the trader's from exactly that date on."""
    return any(
        (period.trader_id, period.effective_from) == (trader.trader_id, since)
        for period in _periods(view, account_id)
    )


def _present(view: RosterView, trader_id: str, since: date) -> RosterEntry:
    """Return the entry of a trader who is active or suspended on a date."""
    there = view.entries_on(since).get(trader_id)
    if there is None:
        raise _unknown(trader_id, *(e.effective_from for e in view.entries if e.trader_id == trader_id))
    if there.state is RosterState.LEFT:
        raise InputError(f"{trader_id} has left on {there.effective_from}. Who comes back joins again.")
    return there


def _unknown(trader_id: str, *joins: date) -> InputError:
    if joins:
        return InputError(
            f"{trader_id} is on the roster from {min(joins)} on only. Give that date or a later one."
        )
    return InputError(f"Nobody on the roster is called {trader_id!r}. `riskops roster` lists who is.")


def _refuse_later(view: RosterView, trader_id: str, since: date) -> None:
    for later in view.entries:
        if later.trader_id == trader_id and later.effective_from > since:
            raise InputError(
                f"{trader_id} is {later.state} from {later.effective_from} on. Withdraw that change first."
            )


def _refuse_taken(view: RosterView, account: Account) -> None:
    for period in _periods(view, account.account_id):
        if reaches(period, account.effective_from):
            raise InputError(
                f"Account {account.account_id} is {period.trader_id}'s from {period.effective_from} on. "
                "Hand it over, or end that period first."
            )


def _refuse_headless(view: RosterView, trader_id: str, since: date) -> None:
    """Refuse to take back how a trader came while later changes of him stand."""
    left = [e for e in view.entries if e.trader_id == trader_id and e.effective_from != since]
    if left and left[0].state is not RosterState.ACTIVE:
        raise InputError(
            f"{trader_id} is {left[0].state} from {left[0].effective_from} on. Withdraw that change first."
        )


def _acts_on(record: RosterRecord, trader_id: str, since: date) -> bool:
    if isinstance(record, Trader) or record.trader_id != trader_id:
        return False
    return since in (record.effective_from, getattr(record, "effective_to", None))
