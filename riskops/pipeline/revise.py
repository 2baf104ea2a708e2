"""Corrections: open one for a session whose mail is out, and find the mail that it corrects."""

from __future__ import annotations

from dataclasses import replace

from riskops.desk import Desk
from riskops.errors import RevisionError, SessionError
from riskops.persons import in_one_line, said, trader_named
from riskops.pipeline.change_roster import LONGEST_NAME, LONGEST_REASON
from riskops.pipeline.mailed_since import know_what_left
from riskops.pipeline.stage import is_today
from riskops.records import Publication, Revision, RosterState, Run, RunType, Verb
from riskops.sessions import desk_date


def revise(desk: Desk, run: Run, *, by: str, why: str) -> Run:
    """Open the next revision of today's session, by whose word and why; return the run that carries it.

    The same run gets the revision it has opened before, so every task of it may ask. Its cut-off is
    that of its own ingest.

    Raises
    ------
    InputError
        If nobody says who asks, or why.
    SessionError
        If the session is not today's: what the desk traded on yesterday cannot be corrected.
    RevisionError
        If a backfill or a trader asks, no mail of the session is out, or an earlier correction is on
        its way.
    """
    known = desk.store.revisions.of_run(run.session, run.run_id)
    if known is None:
        by, why = said(by, "who", LONGEST_NAME), said(why, "why", LONGEST_REASON)
        _refuse_untimely(desk, run)
        _refuse_trader(desk, by)
        know_what_left(desk, run)
        known = desk.store.revisions.open(run.session, run.run_id, by=by, why=why, moment=desk.clock())
    elif not desk.store.mornings.is_frozen(run.session, known.revision):
        _refuse_untimely(desk, run)
    return replace(run, revision=known.revision)


def by_hand(desk: Desk, run: Run, *, by: str, why: str) -> Run:
    """Open a correction without Airflow; the same words go on with the one that is not out yet.

    Raises
    ------
    InputError, SessionError, RevisionError
        As `revise`.
    """
    of_session = desk.store.revisions.of(run.session)
    if of_session and _goes_on(desk, of_session[-1], by, why):
        return revise(desk, replace(run, run_id=of_session[-1].run_id), by=by, why=why)
    asking = said(by, "who", LONGEST_NAME)
    run_id = f"command line, {len(of_session) + 1}. time, {asking}"
    return revise(desk, replace(run, run_id=run_id), by=asking, why=why)


def numbered(desk: Desk, run: Run, number: int) -> Run:
    """Return a run that carries a revision which somebody has asked for; 0 is the morning's own mail.

    Raises
    ------
    RevisionError
        If nobody has asked for it.
    """
    if number and desk.store.revisions.numbered(run.session, number) is None:
        raise RevisionError(f"Nobody has asked for correction {number} of {run.session}: `riskops revise`.")
    return replace(run, revision=number)


def mail_before(desk: Desk, run: Run) -> Publication | None:
    """Return what the mail said that a correction corrects: the newest one that is out."""
    newest = desk.store.mornings.newest_sealed(run.session, below=run.revision)
    return None if newest is None else desk.store.mornings.publication(run.session, newest)


def _refuse_untimely(desk: Desk, run: Run) -> None:
    if run.run_type is RunType.BACKFILL:
        raise RevisionError(f"A backfill corrects nothing; ask for {run.session} by `riskops revise`.")
    if not is_today(desk, run):
        raise SessionError(
            f"{run.session} is not today's session, {desk_date(desk.clock())}: only what the desk is trading "
            "on can be corrected. To see what is on record, `riskops replay`."
        )


def _refuse_trader(desk: Desk, by: str) -> None:
    """Refuse the word of whoever trades here: a correction may be about his own limit."""
    now = desk.clock()
    roster = desk.store.roster.view(now)
    states = roster.states(desk_date(now))
    present = [t for t in roster.traders if states.get(t.trader_id) is not RosterState.LEFT]
    if (trader := trader_named(by, present)) is not None:
        raise RevisionError(
            f"{by} is trader {trader.trader_id}: a trader does not correct limits. Say whose word it is who "
            "does not trade, by full name or mail address."
        )


def _goes_on(desk: Desk, last: Revision, by: str, why: str) -> bool:
    """Say whether the same words mean the last correction: it was not refused, its mail is not out."""
    stages = desk.store.mornings.stages(last.session, last.revision)
    is_sent = Verb.SEND in stages and stages[Verb.SEND].is_done
    is_refused = Verb.PUBLISH in stages and stages[Verb.PUBLISH].state == "failed"
    same = (last.by, last.why) == (in_one_line(by), in_one_line(why))
    return same and not is_sent and not is_refused
