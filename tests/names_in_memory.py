"""Whose the accounts of a source are, remembered in memory; tested like the real thing."""

from __future__ import annotations

from collections.abc import Mapping


class NamesInMemory:
    """Account names that are forgotten with the process."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._known = dict(known or {})

    def known(self) -> Mapping[str, str]:
        """Return RiskOps' account of every number seen so far."""
        return dict(self._known)

    def learn(self, external_id: str, account_id: str, name: str) -> None:
        """Remember the account of a number not seen before; what it was called is of no use here."""
        self._known[external_id] = account_id
