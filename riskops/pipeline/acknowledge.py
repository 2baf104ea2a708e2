"""Record that a person has read the mail of a session: who, when, and what he adds."""

from __future__ import annotations

from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError, MissingResultError
from riskops.persons import in_one_line, trader_named
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
        If `by` is nobody, is too long, has control characters, or is a trader of the desk; the same of
        `note`.
    """
    person, said = _line("--by", by, LONGEST_BY), _line("--note", note, LONGEST_NOTE)
    if not person:
        raise InputError("Nobody is named in --by: say who has read the mail.")
    _refuse_traders(desk, person)
    read = _mail_that_is_out(desk, session, revision)
    desk.store.acknowledgements.record(Acknowledgement(session, read, person, desk.clock(), said))
    known = desk.store.acknowledgements.of(session, read)
    return {
        "session": session.isoformat(),
        "revision": read,
        "acknowledged": [f"{one.by}, {one.recorded_at.isoformat(timespec='seconds')}" for one in known],
    }


def _line(name: str, text: str, longest: int) -> str:
    """Return a text without needless spaces."""
    if not text.strip().isprintable():
        raise InputError(f"{name} has control characters: write it on one line.")
    line = in_one_line(text)
    if len(line) > longest:
        raise InputError(f"{name} has {len(line):,} characters: {longest:,} are allowed.")
    return line


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
