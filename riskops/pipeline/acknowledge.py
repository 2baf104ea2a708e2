"""Record that a person has read the mail of a session: who, when, and what he adds."""

from __future__ import annotations

from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError, MissingResultError
from riskops.persons import said, tidy, trader_named
from riskops.pipeline.mailed_since import know_what_left
from riskops.pipeline.stage import Receipt
from riskops.records import Acknowledgement, Run, RunType

LONGEST_BY, LONGEST_NOTE = 200, 1_000


def acknowledge(
    desk: Desk, session: date, revision: int | None = None, *, by: str, note: str = ""
) -> Receipt:
    """Record that `by` has read the mail of a session and revision; his first word stands.

    Parameters
    ----------
    revision
        By default that of the newest mail.

    Raises
    ------
    MissingResultError
        If that mail is not out.
    InputError
        If `by` is nobody or a trader of the desk, or `by` or `note` is too long or not printable.
    """
    person, added = said(by, "who", LONGEST_BY), tidy(note, "what you add", LONGEST_NOTE)
    _refuse_traders(desk, person)
    read = _mail_that_is_out(desk, session, revision)
    desk.store.acknowledgements.record(Acknowledgement(session, read, person, desk.clock(), added))
    known = desk.store.acknowledgements.of(session, read)
    return {
        "session": session.isoformat(),
        "revision": read,
        "acknowledged": [f"{one.by}, {one.recorded_at.isoformat(timespec='seconds')}" for one in known],
    }


def _refuse_traders(desk: Desk, person: str) -> None:
    trader = trader_named(person, desk.store.roster.traders(desk.clock()))
    if trader is not None:
        raise InputError(
            f"{person} is trader {trader.trader_id} of this desk: somebody else acknowledges the limits."
        )


def _mail_that_is_out(desk: Desk, session: date, revision: int | None) -> int:
    asked = Run(session, RunType.BREAK_GLASS, "acknowledge", revision=revision or 0)
    know_what_left(desk, asked)
    newest = desk.store.mornings.newest_sealed(session)
    wanted = newest if revision is None else revision
    if wanted is None or not desk.store.mornings.decided(session, wanted)[1]:
        of = f", revision {revision}" if revision else ""
        raise MissingResultError(f"The mail for {session}{of} is not out: there is nothing to acknowledge.")
    return wanted
