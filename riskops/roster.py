"""The roster as it was known at a moment: who may trade on a date, with which accounts and base limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from riskops.errors import InputError
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader

SET_UP = "set up"  # by whom and why, where an entry is no change but how a desk began


@dataclass(frozen=True, slots=True)
class RosterView:
    """Everything of the roster that was known at one moment, ordered by id and effective date."""

    traders: tuple[Trader, ...]
    accounts: tuple[Account, ...]
    base_limits: tuple[BaseLimit, ...]
    entries: tuple[RosterEntry, ...]

    def entries_on(self, day: date) -> dict[str, RosterEntry]:
        """Return the entry that counts on a date, by trader; nobody has one before his first."""
        return {entry.trader_id: entry for entry in self.entries if entry.effective_from <= day}

    def states(self, day: date) -> dict[str, RosterState]:
        """Return the roster state of every trader on a date."""
        return {trader_id: entry.state for trader_id, entry in self.entries_on(day).items()}

    def active(self, day: date) -> tuple[Trader, ...]:
        """Return the traders who get a limit on a date."""
        states = self.states(day)
        return tuple(t for t in self.traders if states.get(t.trader_id) is RosterState.ACTIVE)

    def accounts_on(self, day: date) -> tuple[Account, ...]:
        """Return the account periods in effect on a date."""
        return tuple(account for account in self.accounts if is_in_effect(account, day))

    def base_limits_on(self, day: date) -> dict[str, BaseLimit]:
        """Return the base limit that is scheduled for a date, by trader; the default is not in it."""
        return {limit.trader_id: limit for limit in self.base_limits if limit.effective_from <= day}


def is_in_effect(account: Account, day: date) -> bool:
    """Say whether a period of an account covers a date."""
    return account.effective_from <= day and reaches(account, day)


def reaches(account: Account, day: date) -> bool:
    """Say whether a period of an account has not ended before a date, or on it."""
    return account.effective_to is None or account.effective_to > day


def refuse_overlaps(periods: Sequence[Account]) -> None:
    """Refuse periods, ordered by account and start, of which one begins before the last one ended.

    Raises
    ------
    InputError
        If an account would belong to two traders, or twice to one, at the same time.
    """
    for earlier, later in pairwise(periods):
        if earlier.account_id == later.account_id and reaches(earlier, later.effective_from):
            raise InputError(
                f"Account {later.account_id} belongs to {earlier.trader_id} from {earlier.effective_from} on "
                f"and to {later.trader_id} from {later.effective_from} on. End the earlier period first."
            )


def in_order(periods: Iterable[Account]) -> list[Account]:
    """Return periods by account and beginning."""
    return sorted(periods, key=lambda account: (account.account_id, account.effective_from))
