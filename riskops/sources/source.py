"""What every source of transactions promises: one answer a session, and only confirmed coverage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from riskops.records import Account, BrokerDay, Fill, Trade


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source delivered for one session.

    Attributes
    ----------
    trades
        The closed trades, ordered by (account, close, id); with their origin where they were read
        from a file, so that a contradiction can be found there.
    covered
        The (account id, session) pairs the source confirms as fetched, possibly with no trades.
        A pair that is absent is unknown, never a quiet day.
    failures
        The reason for every account that could not be fetched, by account id.
    fills
        The executions, of a source that delivers these; its closed trades are matched from them.
    broker_days
        The broker's own summary of account-days, where the source has one.

    A covered account-day is told whole: what was known of it and is not told again was withdrawn.
    """

    trades: tuple[Trade, ...]
    covered: tuple[tuple[str, date], ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    broker_days: tuple[BrokerDay, ...] = ()


class Source(Protocol):
    """Where transactions come from."""

    @property
    def name(self) -> str:
        """The source's name as reports and tables print it."""

    @property
    def tells_fills(self) -> bool:
        """Whether it delivers fills, so that closed trades are matched here."""

    @property
    def is_asked_again(self) -> bool:
        """Whether recent sessions are worth asking for again: they may have been corrected since."""

    def fetch(
        self,
        accounts: Sequence[Account],
        sessions: Sequence[date],
        known_at: Callable[[date], datetime],
    ) -> Iterator[Fetched]:
        """Yield one `Fetched` a session, in ascending order of the sessions.

        Parameters
        ----------
        accounts
            The accounts to ask for.
        sessions
            The sessions to ask for.
        known_at
            Gives the moment from which the trades of a session count as known.

        Raises
        ------
        SourceError
            If the whole source is down. A single account that fails is reported in `failures`.
        """
