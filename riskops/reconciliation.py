"""Our reading of an account's fills against the broker's own summary of the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from riskops import config
from riskops.errors import InputError
from riskops.money import dollars
from riskops.positions import charged_fees_cents
from riskops.records import BrokerDay, Fill, Trade


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much our account-day is above the broker's (below 0: under it), in cents.

    `net_cents = gross_cents - fees_cents`; `ours_cents` and `brokers_cents` are the two nets.
    """

    account_id: str
    session: date
    ours_cents: int
    brokers_cents: int
    gross_cents: int
    fees_cents: int

    @property
    def net_cents(self) -> int:
        """The difference that counts."""
        return self.ours_cents - self.brokers_cents

    @property
    def agrees(self) -> bool:
        """Whether the nets are the same, but for a rounding of the broker's."""
        return abs(self.net_cents) <= config.RECONCILIATION_TOLERANCE_CENTS

    def __str__(self) -> str:
        """Say both nets, and what the difference is made of, for people."""
        nets = f"we find net {dollars(self.ours_cents)}, the broker {dollars(self.brokers_cents)}"
        whole = f"Account {self.account_id!r}, {self.session}: {nets}"
        if self.agrees:
            return f"{whole}: they agree."
        parts = f"gross {dollars(self.gross_cents)}, fees {dollars(self.fees_cents)}"
        return f"{whole}: a difference of {dollars(self.net_cents)} ({parts})."


def reconcile(trades: Sequence[Trade], fills: Sequence[Fill], broker_day: BrokerDay) -> Difference:
    """Compare an account's realised result of a session with the broker's.

    Ours is the gross of the trades it closed less the fees of its fills as they were charged that day
    (`riskops.positions.charged_fees_cents`). Adjustments and what is unrealised are the broker's alone
    and stay out of it.

    Raises
    ------
    InputError
        If a trade or a fill is of another account or session.
    """
    day = (broker_day.account_id, broker_day.session)
    days = {(trade.account_id, trade.session) for trade in trades}
    days |= {(fill.account_id, fill.session) for fill in fills}
    for account_id, session in days - {day}:
        raise InputError(
            f"Trades or fills of account {account_id!r} on {session} are compared with the broker's "
            f"{broker_day.session} of {broker_day.account_id!r}. Compare each account-day with its own."
        )
    gross, fees = sum(trade.gross_cents for trade in trades), charged_fees_cents(fills)
    return Difference(
        *day,
        ours_cents=gross - fees,
        brokers_cents=broker_day.net_cents,
        gross_cents=gross - broker_day.gross_cents,
        fees_cents=fees - broker_day.fees_cents,
    )
