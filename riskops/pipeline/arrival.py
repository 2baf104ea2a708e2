"""What a source hands over, written to the risk database: whole account-days first, confirmations after."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Sequence
from datetime import date, datetime

from riskops import config
from riskops.desk import Desk
from riskops.errors import SourceError
from riskops.records import Account, Trade
from riskops.sources.source import Fetched
from riskops.store.account_days import ToldDay
from riskops.store.chunks import chunks
from riskops.store.contradictions import Contradiction


def in_handfuls(sessions: Collection[date]) -> Iterator[list[date]]:
    """Yield the sessions in ascending order, so many at a time as are fetched together."""
    yield from chunks(sorted(sessions), config.SESSIONS_AT_ONCE)


class Arrival:
    """Asks the source of a desk for some accounts, and writes what it answers.

    `failures` has the first reason for every account that failed, `new_trades` counts.
    """

    def __init__(self, desk: Desk, accounts: Sequence[Account]) -> None:
        self._desk, self._accounts = desk, accounts
        self.source = desk.source()
        self.failures: dict[str, str] = {}
        self.new_trades = 0

    def take(self, sessions: Sequence[date], *, must_answer: bool) -> None:
        """Fetch some sessions, then write them: nobody waits for the source with the database in hand."""
        try:
            answers = list(self.source.fetch(self._accounts, sessions, self._desk.known_at))
        except SourceError as error:
            if must_answer:
                raise
            self.failures |= {account.account_id: str(error) for account in self._accounts}
            return
        others = self._desk.store.transactions.covered_by_others(
            self._desk.settings.source, sessions[0], sessions[-1]
        )
        days = [self._day(*told, others) for told in zip(sessions, answers, strict=True)]
        confirmed = [pair for answer in answers for pair in answer.covered]
        self.new_trades += self._desk.store.transactions.tell(
            days, self._covered(confirmed), self._desk.settings.source, self._set_aside, self._refuse
        )

    def _day(self, session: date, told: Fetched, others: Container[tuple[str, date]]) -> ToldDay:
        """Return what is told of a session; what another source has confirmed is left to it."""
        self.failures |= told.failures
        undecided = _contradictions(told.trades)
        for contradiction in undecided.values():
            self._set_aside(contradiction)
        doubtful = {account_id for account_id, _trade_id in undecided}
        whole = {account_id for account_id, _session in told.covered} - doubtful
        return ToldDay(
            session=session,
            previous=self._desk.calendar.previous(session),
            account_ids=frozenset(a for a in whole if (a, session) not in others),
            trades=tuple(
                trade
                for trade in told.trades
                if _identity(trade) not in undecided and (trade.account_id, session) not in others
            ),
            fills=told.fills,
            broker_days=told.broker_days,
            in_fills=self.source.tells_fills,
            known_at=self._desk.known_at(session),
            now=self._desk.clock(),
        )

    def _covered(self, confirmed: Sequence[tuple[str, date]]) -> Iterator[tuple[str, date, datetime]]:
        for account_id, session in confirmed:
            if account_id not in self.failures:
                yield account_id, session, self._desk.known_at(session)

    def _set_aside(self, contradiction: Contradiction) -> None:
        """Fail the account of a trade that is known with another result, and no other."""
        self._refuse(contradiction.trade.account_id, str(contradiction))

    def _refuse(self, account_id: str, why: str) -> None:
        """Fail an account; its first failure is the one that is told."""
        self.failures.setdefault(account_id, why)


def _contradictions(trades: Sequence[Trade]) -> dict[tuple[str, str], Contradiction]:
    """Return the trades that one answer tells twice with different results: none of them is right."""
    told: dict[tuple[str, str], Trade] = {}
    return {
        _identity(trade): Contradiction(trade, known.result)
        for trade in trades
        if (known := told.setdefault(_identity(trade), trade)).result != trade.result
    }


def _identity(trade: Trade) -> tuple[str, str]:
    return trade.account_id, trade.trade_id
