"""Bring the night's transactions in, and fix the moment nothing later may enter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from riskops import config
from riskops.desk import Desk
from riskops.errors import SourceError
from riskops.pipeline.faults import force
from riskops.pipeline.stage import Receipt, is_today, roster_known_by, settled, stage
from riskops.records import Account, Run, RunType, Trade, Verb
from riskops.sessions import desk_time
from riskops.settings import Fault
from riskops.sources.source import Fetched
from riskops.store.transactions import Contradiction


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

    Returns what was new, and what is true now: the accounts fetched for the night and the failures.
    """
    accounts = _accounts(desk, session, known_by)
    missing = _missing_sessions(desk, accounts, session)
    arrival = _Arrival(desk, accounts, missing)
    new = desk.store.transactions.add(
        arrival.trades(), arrival.covered(), desk.settings.source, set_aside=arrival.set_aside
    )
    failures = _unanswered(desk, accounts, desk.calendar.previous(session)) | arrival.failures
    if accounts and failures.keys() >= {account.account_id for account in accounts}:
        raise SourceError(f"No account was fetched; first: {next(iter(failures.values()))}")
    fetched = sum(account.account_id not in failures for account in accounts)
    return {"sessions": len(missing), "new_trades": new}, {"accounts": fetched, "failures": failures}


class _Arrival:
    """What a source hands over, split into trades first and confirmations after."""

    def __init__(self, desk: Desk, accounts: Sequence[Account], missing: Sequence[date]) -> None:
        self._desk, self._accounts, self._missing = desk, accounts, missing
        self._confirmed: list[tuple[str, date]] = []
        self.failures: dict[str, str] = {}

    def trades(self) -> Iterator[Trade]:
        if not self._missing:
            return
        source = self._desk.source()
        for fetched in source.fetch(self._accounts, self._missing, self._desk.known_at):
            yield from self._take(fetched)

    def covered(self) -> Iterator[tuple[str, date, datetime]]:
        for account_id, session in self._confirmed:
            if account_id not in self.failures:
                yield account_id, session, self._desk.known_at(session)

    def set_aside(self, contradiction: Contradiction) -> None:
        """Fail the account of a trade that is known with another result, and no other."""
        self.failures.setdefault(contradiction.trade.account_id, str(contradiction))

    def _take(self, fetched: Fetched) -> Sequence[Trade]:
        self._confirmed += fetched.covered
        self.failures |= fetched.failures
        undecided = _contradictions(fetched.trades)
        for contradiction in undecided.values():
            self.set_aside(contradiction)
        return [trade for trade in fetched.trades if _identity(trade) not in undecided]


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
