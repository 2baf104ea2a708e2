"""Change the roster: who trades, with which accounts and base limit, from when on, by whose word and why."""

from __future__ import annotations

from datetime import date

from riskops import config
from riskops.desk import Desk
from riskops.errors import InputError
from riskops.records import Entered
from riskops.sessions import desk_time
from riskops.sources.mappings import UnreadableCellError, read_identifier

LONGEST_NAME = 200


def entered(desk: Desk, since: date, by: str, why: str) -> Entered:
    """Return from when on a change counts as known; ask while the roster is being changed.

    That is the moment it is made. Where the desk has lived no session since the effective date it is
    early on that date, so that history which is filled later knows its own roster.
    """
    now = desk.clock()
    lived = desk.store.mornings.lived_stretch()
    if lived is not None and desk.calendar.roll_forward(since) <= lived[1]:
        return Entered(now, now, by, why)
    return Entered(min(now, desk_time(since, config.HISTORY_KNOWN_AT)), now, by, why)


def refuse_unreadable(word: str) -> None:
    """Refuse an identifier that could not stand in a file of transactions."""
    try:
        read_identifier(word.strip() and word)
    except UnreadableCellError as error:
        raise InputError(f"An identifier is wrong: {error}") from error


def tidy_name(name: str) -> str:
    """Return a person's name in one line."""
    tidy = " ".join(name.split())
    if len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise InputError(f"The name {tidy[:40]!a} is no name: up to {LONGEST_NAME} printable characters.")
    return tidy
