"""Bring the night's transactions in, and fix the moment nothing later may enter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from riskops import config
from riskops.desk import Desk
from riskops.errors import SourceError
from riskops.pipeline.arrival import Arrival, in_handfuls
from riskops.pipeline.faults import force
from riskops.pipeline.read_back import take_dropped_late
from riskops.pipeline.stage import (
    Receipt,
    cut_off,
    is_today,
    live_cut_off,
    roster_known_by,
    settled,
    stage,
)
from riskops.records import Account, Run, RunType, Verb
from riskops.sessions import desk_date
from riskops.settings import Fault
from riskops.sources.source import Source


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
        take_dropped_late(desk, run)
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
    accounts = accounts_of_the_night(desk, session, known_by)
    missing = _missing_sessions(desk, accounts, session)
    arrival = Arrival(desk, accounts)
    again = _asked_again(desk, arrival.source, session)
    for sessions in in_handfuls({*missing, *again}):
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


def accounts_of_the_night(desk: Desk, session: date, known_by: datetime) -> tuple[Account, ...]:
    """Return the accounts, in effect on the night before a session, of those who get a limit for it."""
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
    if is_today(desk, run) and run.run_type is RunType.BACKFILL:
        return
    moment = live_cut_off(desk, run) if is_today(desk, run) else cut_off(desk, run)
    desk.store.mornings.record_cut_off(run.session, run.revision, moment)
