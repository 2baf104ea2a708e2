"""A trade that arrives and is known with another result: what is known stands until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from riskops.errors import InputError
from riskops.money import dollars
from riskops.records import Trade

Result = tuple[date, int, int]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An arriving trade that is known with another result; what is known stands."""

    trade: Trade
    known: Result

    @property
    def problem(self) -> str:
        """What contradicts what, and the remedy."""
        return (
            f"Trade {self.trade.trade_id} of account {self.trade.account_id} is known with "
            f"{_shown(self.known)}, here with {_shown(self.trade.result)}. "
            "Write it as known; a correction or another trade needs an id of its own."
        )

    def __str__(self) -> str:
        return self.problem if self.trade.origin is None else f"{self.trade.origin}: {self.problem}"


def refuse(contradiction: Contradiction) -> None:
    """Refuse everything that arrives because of one contradiction.

    Raises
    ------
    InputError
        Always.
    """
    raise InputError(f"{contradiction} Nothing was loaded.")


def _shown(result: Result) -> str:
    session, net_cents, gross_cents = result
    return f"net {dollars(net_cents)} and gross {dollars(gross_cents)} on {session}"
