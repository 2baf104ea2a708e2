"""A trade that arrives and is known with another result: what is known stands until somebody decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

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
    def is_of_one_session(self) -> bool:
        """Whether both are results of the same session, so that one may correct the other."""
        return self.known[0] == self.trade.session

    @property
    def problem(self) -> str:
        """What contradicts what, and the remedy."""
        remedy = "Write it as known, or give another trade an id of its own"
        correction = "; `riskops load --correct` takes it as a correction." if self.is_of_one_session else "."
        return (
            f"Trade {self.trade.trade_id} of account {self.trade.account_id} is known with "
            f"{_shown(self.known)}, here with {_shown(self.trade.result)}. {remedy}{correction}"
        )

    def __str__(self) -> str:
        return self.problem if self.trade.origin is None else f"{self.trade.origin}: {self.problem}"


Decide = Callable[[Contradiction], datetime | None]


def refuse(contradiction: Contradiction) -> datetime | None:
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
