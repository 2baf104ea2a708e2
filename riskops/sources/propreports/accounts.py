"""Which account of PropReports belongs to which account of RiskOps, also after it was renamed.

RiskOps knows an account by its name. PropReports knows it by a number, and when another account takes
the name, it renames the old one to ``NAME_OLD``. A number that was once known as an account's stays
that account's, so one account may have several numbers, and all of them are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from riskops.sources.csv_files import HOME_CURRENCY
from riskops.sources.mappings import read_identifier, shown
from riskops.sources.propreports.tables import Row, UnreadableAnswerError, WrongRow, read_table

NEEDED = ("Account Id", "Account Name")

_RENAMED = re.compile(r"(.+?)(?:_OLD[0-9]*)+", re.IGNORECASE)


class AccountNames(Protocol):
    """What is remembered of the numbers, from fetch to fetch."""

    def known(self) -> Mapping[str, str]:
        """Return RiskOps' account of every number seen so far."""

    def learn(self, external_id: str, account_id: str, name: str) -> None:
        """Remember the account of a number not seen before, and what PropReports called it then."""


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account as PropReports lists it; `currency` is empty where that is not told."""

    external_id: str
    name: str
    currency: str

    @property
    def is_foreign(self) -> bool:
        """Whether it is kept in another currency than USD."""
        return self.currency not in ("", HOME_CURRENCY)


@dataclass(frozen=True, slots=True)
class OwnedAccount:
    """An account of PropReports and whose it is; `is_first` of all the numbers that account has had."""

    listed: ListedAccount
    account_id: str
    is_first: bool

    @property
    def names(self) -> frozenset[str]:
        """What PropReports may call it: its name of today, and the one from before it was renamed."""
        return frozenset({self.listed.name, self.account_id})

    @property
    def fill_id_prefix(self) -> str:
        """What keeps the ids of its fills apart from those of the account's first number."""
        return "" if self.is_first else f"{self.listed.external_id}:"


def read_accounts(pages: Sequence[str]) -> tuple[ListedAccount, ...]:
    """Return the list of accounts.

    Raises
    ------
    UnreadableAnswerError
        If any row is wrong: it could be anybody's account.
    """
    listed: dict[str, ListedAccount] = {}
    for row in read_table(pages, "accounts", NEEDED, _listed):
        if isinstance(row, WrongRow):
            raise UnreadableAnswerError(row.problem)
        if row.external_id in listed:
            raise UnreadableAnswerError(f"accounts: the id {shown(row.external_id)} is listed twice.")
        listed[row.external_id] = row
    return tuple(listed.values())


def owned_accounts(
    listed: Sequence[ListedAccount], names: AccountNames, roster: Collection[str]
) -> dict[str, list[OwnedAccount]]:
    """Return the accounts of PropReports that belong to each account of RiskOps, oldest number first.

    What is seen for the first time is remembered in `names`.

    Parameters
    ----------
    listed
        What PropReports lists today.
    names
        What is remembered.
    roster
        RiskOps' accounts: a name that is one of these is taken as it stands.
    """
    known = dict(names.known())
    for account in listed:
        if account.external_id not in known:
            known[account.external_id] = _owner(account.name, roster)
            names.learn(account.external_id, known[account.external_id], account.name)
    first = _first_numbers(known)
    owned: dict[str, list[OwnedAccount]] = {}
    for account in sorted(listed, key=lambda account: _age(account.external_id)):
        account_id = known[account.external_id]
        is_first = first[account_id] == account.external_id
        owned.setdefault(account_id, []).append(OwnedAccount(account, account_id, is_first))
    return owned


def _listed(row: Row) -> ListedAccount:
    return ListedAccount(
        external_id=row.read("Account Id", read_identifier),
        name=row.read("Account Name", read_identifier),
        currency=row.cells.get("Currency", ""),
    )


def _owner(name: str, roster: Collection[str]) -> str:
    renamed = _RENAMED.fullmatch(name)
    return name if name in roster or renamed is None else renamed.group(1)


def _first_numbers(known: Mapping[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    for external_id in sorted(known, key=_age):
        first.setdefault(known[external_id], external_id)
    return first


def _age(external_id: str) -> tuple[int, str]:
    """Return a key that sorts numbers by their size, whatever else an id may be."""
    return len(external_id), external_id
