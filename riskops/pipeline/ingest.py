"""Bring the night's transactions in, and fix the moment nothing later may enter."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import date, datetime

from riskops import config
from riskops.desk import Desk
from riskops.errors import SourceError
from riskops.pipeline.faults import force
from riskops.pipeline.stage import Receipt, is_today, roster_known_by, settled, stage
from riskops.records import Account, Run, RunType, Trade, Verb
from riskops.sessions import desk_date, desk_time
from riskops.settings import Fault
from riskops.sources.source import Fetched, Source
from riskops.store.account_days import ToldDay
from riskops.store.chunks import chunks
from riskops.store.contradictions import Contradiction


def ingest(desk: Desk, run: Run) -> Receipt:
    """Fetch what is missing through the session before `run.session`.

    One account's failure is kept visible and does not stop the others; a trade that is known
    with another result is such a failure. When no account was fetched, the verb fails, and no
    cut-off is recorded: the night may still arrive.

    Raises
    ------
    SourceError
        If the source as a whole failed, or gave no answer for any account.
    """
    if (receipt := settled(desk, run, Verb.INGEST)) is not None:
        return receipt
    with stage(desk, run, Verb.INGEST):
        force(desk, Fault.INGEST_RAISES)
        news, receipt = fetch_missing(desk, run.session, roster_known_by(desk, run))
        _record_cut_off(desk, run)
        desk.store.mornings.finish(run.session, run.revision, Verb.INGEST, receipt)
    return {**receipt, **news}


def fetch_missing(desk: Desk, session: date, known_by: datetime) -> tuple[Receipt, Receipt]:
    """Fetch every session before `session` that an active account was not fetched for.

    Who is active with which accounts is what the roster knew at `known_by`.

    Recent sessions are asked for again where the source may have corrected them; that it cannot be
    asked is no failure of a night that is there. Returns what was new, and what is true now: the
    accounts fetched for the night, the failures, and who could not be asked for corrections.
    """
    accounts = _accounts(desk, session, known_by)
    missing = _missing_sessions(desk, accounts, session)
    arrival = _Arrival(desk, accounts)
    again = _asked_again(desk, arrival.source, session)
    for sessions in chunks(sorted({*missing, *again}), config.SESSIONS_AT_ONCE):
        arrival.take(sessions, must_answer=bool(missing))
    unanswered = _unanswered(desk, accounts, desk.calendar.previous(session))
    answered = {account.account_id for account in accounts} - unanswered.keys()
    failures = unanswered | {a: why for a, why in arrival.failures.items() if a not in answered}
    if accounts and not answered:
        raise SourceError(f"No account was fetched; first: {next(iter(failures.values()))}")
    uncorrected = {a: why for a, why in arrival.failures.items() if a in answered}
    news = {"sessions": len(missing), "new_trades": arrival.new_trades}
    known = {"accounts": len(answered), "failures": failures}
    return news, known | ({"uncorrected": uncorrected} if uncorrected else {})


def _asked_again(desk: Desk, source: Source, session: date) -> list[date]:
    """Return the recent sessions of the source that it may have corrected since, this morning."""
    if not source.is_asked_again or session < desk_date(desk.clock()):
        return []
    first, last = desk.calendar.shift(session, -config.ASKED_AGAIN_SESSIONS), desk.calendar.previous(session)
    return sorted(desk.store.transactions.sessions_of(desk.settings.source, first, last))


class _Arrival:
    """What a source hands over: whole account-days first, and confirmations after."""

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


def _accounts(desk: Desk, session: date, known_by: datetime) -> tuple[Account, ...]:
    roster = desk.store.roster.view(known_by)
    active = {trader.trader_id for trader in roster.active(session)}
    night = desk.calendar.previous(session)
    return tuple(a for a in roster.accounts_on(night) if a.trader_id in active)


def _unanswered(desk: Desk, accounts: Sequence[Account], night: date) -> dict[str, str]:
    """Return the accounts that nobody has confirmed for the night, with the reason."""
    covered = desk.store.transactions.covered_sessions
    why = f"the source gave no answer for {night}"
    return {a.account_id: why for a in accounts if not covered(a.account_id, night, night)}


def _missing_sessions(desk: Desk, accounts: Sequence[Account], session: date) -> list[date]:
    last = desk.calendar.previous(session)
    missing: set[date] = set()
    for account in accounts:
        wanted = desk.calendar.between(account.effective_from, last)
        there = desk.store.transactions.covered_sessions(account.account_id, account.effective_from, last)
        missing |= set(wanted) - there
    return sorted(missing)


def _record_cut_off(desk: Desk, run: Run) -> None:
    """Record the cut-off of a morning that is being lived; others keep 06:30."""
    if not is_today(desk, run):
        moment = desk_time(run.session, config.UNLIVED_CUT_OFF)
    elif run.run_type is RunType.BACKFILL:
        return
    else:
        moment = min(desk.clock(), desk_time(run.session, config.LATEST_CUT_OFF))
    desk.store.mornings.record_cut_off(run.session, run.revision, moment)
