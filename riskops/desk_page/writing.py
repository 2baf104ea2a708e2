"""What people write on the pages: a form becomes one call of a verb, a refusal becomes words beside the form.

`by` is the login that Airflow knows, never a field of the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlencode

from riskops.desk import Desk
from riskops.desk_page import addresses
from riskops.desk_page.render import Said
from riskops.errors import InputError, RiskOpsError, SessionError
from riskops.overrides import read_cut
from riskops.persons import said
from riskops.records import AskedOverride
from riskops.sessions import parse_session

DONE = {
    "acknowledged": "Recorded: you have read this mail.",
    "overridden": (
        "The override is recorded. It is in the next limits that are decided for its sessions; a limit "
        "whose mail is out changes only by a correction."
    ),
    "taken-back": (
        "The override is taken back for the limits that are decided from now on; a limit whose mail is out "
        "changes only by a correction."
    ),
    "asked": (
        "The correction was asked for. Its run is in the list of the DAG daily_risk_limits; "
        "the mail leaves with it."
    ),
}
Form = Mapping[str, str]
Trigger = Callable[[dict[str, str], str], str]


def said_of(done: str) -> Said:
    """Return what a page says after a form was done; an unknown word says nothing."""
    return Said(done=DONE.get(done, ""))


def acknowledge(desk: Desk, by: str, form: Form) -> Said:
    """Record that the mail of a session and revision was read."""
    from riskops.pipeline.acknowledge import acknowledge as verb

    def work() -> None:
        session, revision = parse_session(form["session"]), _whole(form, "revision", "The revision")
        verb(desk, session, revision, by=by, note=form["note"])

    return _said(work, "acknowledge", "acknowledged", form)


def override(desk: Desk, by: str, form: Form) -> Said:
    """Record that a trader's cut is another one for some sessions."""
    from riskops.pipeline.override import override as verb

    def work() -> None:
        asked = AskedOverride(
            trader_id=form["trader"],
            first_session=parse_session(form["first"]),
            last_session=parse_session(form["last"]),
            reduction=read_cut(form["reduction"]),
            by=by,
            why=form["why"],
        )
        verb(desk, asked)

    return _said(work, "override", "overridden", form)


def take_back(desk: Desk, by: str, form: Form) -> Said:
    """End an override before its time."""
    from riskops.pipeline.override import take_back as verb

    def work() -> None:
        number = _whole(form, "number", "The number of the override")
        verb(desk, number, by=by, why=form["why"])

    return _said(work, "take-back", "taken-back", form)


def revise(desk: Desk, by: str, form: Form, trigger: Trigger) -> Said:
    """Ask for a correction of a session: `trigger` starts the run, and says why it did not."""
    from riskops.pipeline.change_roster import LONGEST_REASON

    def work() -> None:
        session, why = parse_session(form["session"]), said(form["why"], "why", LONGEST_REASON)
        desk.calendar.position(session)
        if refusal := trigger({"session": session.isoformat(), "revise": why, "by": by}, by):
            raise InputError(refusal)

    return _said(work, "revise", "asked", form)


def known_session(session: str) -> str:
    """Return a session as a page may be asked for it: nothing where it is no date."""
    with suppress(SessionError):
        return parse_session(session).isoformat()
    return ""


def limits_address(session: str, said: Said) -> str:
    """Return where the limits are after a form was done."""
    return f"{addresses.TODAY}?{urlencode({'session': session, 'done': said.done})}"


def trader_address(trader_id: str, session: str, said: Said) -> str:
    """Return where a trader's page is after a form was done."""
    return f"{addresses.TRADER}?{urlencode({'id': trader_id, 'session': session, 'done': said.done})}"


def _said(work: Callable[[], None], form: str, done: str, typed: Form) -> Said:
    try:
        work()
    except RiskOpsError as error:
        return Said(form=form, refused=str(error), typed=typed)
    return Said(done=done)


def _whole(form: Form, name: str, called: str) -> int:
    text = form[name].strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError(f"{called} is no whole number: {text[:40]!a}.")
    return int(text)
