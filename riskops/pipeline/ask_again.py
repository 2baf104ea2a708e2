"""Ask the source once more for sessions that are there: it may have corrected them since."""

from __future__ import annotations

from datetime import date

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.arrival import Arrival, in_handfuls
from riskops.pipeline.ingest import accounts_of_the_night
from riskops.pipeline.stage import Receipt


def ask_again(desk: Desk, first: date, session: date) -> Receipt:
    """Ask for every session from `first` to the one before `session`, and write what differs as corrections.

    All of them: a position that is carried takes a correction from day to day. What comes is known from
    now on; limits that were decided stand.

    Raises
    ------
    InputError
        If `first` is not before `session`, or the source is none that corrects itself.
    SourceError
        If the source as a whole failed.
    """
    sessions = desk.calendar.between(first, desk.calendar.previous(session))
    if not sessions:
        raise InputError(f"{first} is not before {session}. Name a session that is over.")
    arrival = Arrival(desk, accounts_of_the_night(desk, session, desk.clock()))
    if not arrival.source.is_asked_again:
        raise InputError(f"The source {arrival.source.name} never corrects what it has told.")
    for handful in in_handfuls(sessions):
        arrival.take(handful, must_answer=True)
    return {"sessions": len(sessions), "new_trades": arrival.new_trades, "failures": arrival.failures}
