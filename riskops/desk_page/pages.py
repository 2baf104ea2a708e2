"""The pages, one function each: read, arrange, render."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from riskops.desk import Desk
from riskops.desk_page import addresses, reading
from riskops.desk_page.evidence_page import evidence_page
from riskops.desk_page.health_page import health_page
from riskops.desk_page.kept import Kept
from riskops.desk_page.mail_pages import mail_html, mail_page, mails_page
from riskops.desk_page.parts import Reader
from riskops.desk_page.render import NOBODY, NOTHING_SAID, Notice, Said, html
from riskops.desk_page.today import today
from riskops.desk_page.trader_page import trader_page
from riskops.errors import ConfigurationError, RiskOpsError

NO_MORNING = Notice(
    (
        "No morning has decided limits on this desk yet.",
        "The DAG daily_risk_limits decides them at 06:00 New York on every session; unpause it, or trigger "
        "it once. `riskops morning` does the same without Airflow.",
    )
)

Asked = ParamSpec("Asked")
Page = Callable[Concatenate[Desk, Asked], str]


def of_one_state(page: Page[Asked]) -> Page[Asked]:
    """Let all that a page shows be of one state of the record."""

    @wraps(page)
    def shown(desk: Desk, *asked: Asked.args, **named: Asked.kwargs) -> str:
        with desk.store.database.one_state():
            return page(desk, *asked, **named)

    return shown


@of_one_state
def limits(desk: Desk, reader: Reader, kept: Kept, session: str = "", said: Said = NOTHING_SAID) -> str:
    """Return the page of a session's limits, of the newest one where none is named."""
    at = reading.place(desk, session)
    if at is None:
        return html("notice", "No limits yet", NO_MORNING, reader, here=addresses.TODAY)
    shown = today(reading.morning(desk, at, kept))
    return html("today", shown.title, shown, reader, here=addresses.TODAY, said=said)


@of_one_state
def trader(
    desk: Desk,
    reader: Reader,
    kept: Kept,
    trader_id: str,
    session: str = "",
    said: Said = NOTHING_SAID,
) -> str:
    """Return the page of a trader as of a session."""
    at = reading.place(desk, session)
    if at is None:
        return html("notice", "No limits yet", NO_MORNING, reader, here=addresses.TODAY)
    shown = trader_page(reading.trader(desk, at, trader_id, kept))
    return html("trader", shown.title, shown, reader, here=addresses.TODAY, said=said)


@of_one_state
def evidence(desk: Desk, reader: Reader, kept: Kept, session: str = "") -> str:
    """Return the page of the evidence up to a session."""
    at = reading.place(desk, session)
    if at is None:
        return html("notice", "No evidence yet", NO_MORNING, reader, here=addresses.EVIDENCE)
    shown = evidence_page(reading.evidence(desk, at, kept))
    return html("evidence", shown.title, shown, reader, here=addresses.EVIDENCE)


@of_one_state
def mails(desk: Desk, reader: Reader) -> str:
    """Return the page of the newest mails."""
    shown = mails_page(reading.mails(desk))
    return html("mails", shown.title, shown, reader, here=addresses.MAILS)


@of_one_state
def mail(desk: Desk, reader: Reader, key: str) -> str:
    """Return the page of one mail."""
    shown = mail_page(reading.mail(desk, key))
    return html("mail", shown.title, shown, reader, here=addresses.MAILS)


@of_one_state
def mail_alone(desk: Desk, key: str) -> str:
    """Return the HTML of one mail, for a frame that lets it do nothing."""
    return mail_html(reading.mail(desk, key))


@of_one_state
def health(desk: Desk, reader: Reader, session: str = "") -> str:
    """Return the page of the data health up to a session."""
    at = reading.place(desk, session)
    if at is None:
        return html("notice", "No data check yet", NO_MORNING, reader, here=addresses.HEALTH)
    names = {one.trader_id: one.name for one in desk.store.roster.traders(desk.clock())}
    shown = health_page(reading.health(desk, at), names)
    return html("health", shown.title, shown, reader, here=addresses.HEALTH)


def empty(reader: Reader) -> str:
    """Return a page of this desk with nothing on it: what every page costs at least."""
    return html("notice", "Nothing", Notice(()), reader)


def not_there(error: RiskOpsError) -> str:
    """Return the page that says what is not on record."""
    return refused("Not on record", str(error))


def no_desk(error: RiskOpsError) -> str:
    """Return the page of a desk that cannot be opened or read, with the remedy."""
    remedy = (
        "The api-server needs the same RISKOPS_* settings as the scheduler."
        if isinstance(error, ConfigurationError)
        else "Limits and mails do not depend on this page. Try again in a minute."
    )
    return html("notice", "The desk cannot be read", Notice((str(error), remedy)), NOBODY)


def refused(title: str, *says: str) -> str:
    """Return the page of a request that was refused: no login, no permission, from elsewhere."""
    return html("notice", title, Notice(says, "To the newest limits", addresses.TODAY), NOBODY)
