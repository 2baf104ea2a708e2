"""Read back what the trading platform has applied, compare it with what was sent, and tell what is wrong."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from riskops import clock_ladder, config, second_channel
from riskops.applied import Applied, compared, not_read_back
from riskops.desk import Desk
from riskops.errors import InputError, MissingResultError
from riskops.pipeline.mailed_since import know_what_left
from riskops.pipeline.stage import Receipt, cut_off, is_today
from riskops.records import Run, RunType
from riskops.report.wording import short_date
from riskops.second_channel import Entry
from riskops.sessions import DESK_ZONE
from riskops.sources.read_back_file import dropped, read_back_file
from riskops.store.read_backs import Reading

log = logging.getLogger(__name__)


def read_back(desk: Desk, run: Run, path: Path) -> Receipt:
    """Take a file of the trading platform: what it says is in force from now on.

    The newest file again changes nothing; any other one is a new version.

    Raises
    ------
    MissingResultError
        If no limits of the session have left: nothing can have been applied.
    InputError
        If anything is wrong with the file; nothing of it is taken.
    """
    know_what_left(desk, run)
    if not desk.store.read_backs.sent(run.session):
        raise MissingResultError(f"No limits have left for {run.session}: there is nothing to read back yet.")
    now = desk.clock()
    known = {trader.trader_id for trader in desk.store.roster.traders(now)}
    file = read_back_file(path, run.session, known)
    is_new = desk.store.read_backs.record(Reading(run.session, now, file.digest, path.name, file.limits))
    return {"file": path.name, "new": is_new, "limits": in_force(desk, run.session).in_words}


def in_force(desk: Desk, session: date, known_by: datetime | None = None) -> Applied:
    """Return what became of the limits of a session in the trading platform, as known by a moment."""
    sent = desk.store.read_backs.sent(session)
    newest = desk.store.read_backs.newest(session, known_by)
    return not_read_back(sent) if newest is None else compared(sent, newest.limits, newest.known_at)


def take_dropped(desk: Desk, run: Run) -> str:
    """Take the file that the trading platform has dropped into the inbox, if there is one.

    Before the limits have left it is not looked at. Returns why it is refused, empty where it is not.
    """
    path = dropped(desk.settings.inbox, run.session)
    if not path.exists() or not desk.store.read_backs.sent(run.session):
        return ""
    try:
        read_back(desk, run, path)
    except InputError as error:
        log.warning("%s", error)
        return str(error)
    return ""


def take_dropped_late(desk: Desk, run: Run) -> None:
    """Take what was dropped for the session before since anybody looked; a refused file is told.

    So this morning knows what was in force yesterday. A backfill and another day take nothing.
    """
    if run.run_type is RunType.BACKFILL or not is_today(desk, run):
        return
    night = replace(run, session=desk.calendar.previous(run.session), revision=0)
    if refused := take_dropped(desk, night):
        second_channel.tell(desk.settings, f"{night.session}: {refused}", Entry.LIMITS_NOT_APPLIED)


def check_applied(desk: Desk, run: Run) -> Receipt:
    """Take what was dropped, and from 08:00 New York on tell on-call of limits that are not in force.

    That is a limit looser than it was sent, a trader whom the platform does not have, a file that is
    refused, and none at all on a desk that usually has one. A backfill and another day have none to wait for.
    """
    if run.run_type is RunType.BACKFILL or not is_today(desk, run):
        return {"well": True}
    refused = take_dropped(desk, run)
    found = in_force(desk, run.session)
    problem = refused or _problem(desk, run, found)
    is_due = clock_ladder.is_read_back_due(desk.clock().astimezone(DESK_ZONE).time())
    if not problem or not is_due:
        return {"well": True, "limits": found.in_words}
    told = second_channel.tell(desk.settings, f"{run.session}: {problem}.", Entry.LIMITS_NOT_APPLIED)
    return {"well": False, "limits": found.in_words, "told": told}


def applied_lines(desk: Desk, run: Run) -> dict[date, str]:
    """Return what was really in force on the session before, as this one's cut-off knew it, by that session.

    Nothing on a desk whose platform does not read back.
    """
    night, known_by = desk.calendar.previous(run.session), cut_off(desk, run)
    found = in_force(desk, night, known_by)
    if not found.sent or not (found.is_known or _is_usual(desk, night, known_by)):
        return {}
    return {night: f"Limits in force on {short_date(night)}: {found.in_words}"}


def _problem(desk: Desk, run: Run, found: Applied) -> str:
    if found.is_dangerous:
        return f"LIMITS ARE NOT APPLIED, {found.in_words}"
    is_missed = found.sent and not found.is_known and _is_usual(desk, run.session, desk.clock())
    return found.in_words if is_missed else ""


def _is_usual(desk: Desk, session: date, known_by: datetime) -> bool:
    """Say whether the platform has read back on one of the last sessions."""
    first = desk.calendar.shift(session, -config.READ_BACK_USUAL_SESSIONS)
    return desk.store.read_backs.is_usual(first, session, known_by)
