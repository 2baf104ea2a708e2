"""The pages of the mails: what was handed over, to whom, and the mail itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskops.desk_page import addresses
from riskops.desk_page.parts import Fact, Table, facts
from riskops.desk_page.today import MAIL_STATES, Neighbour, mail_table
from riskops.report.shown_alone import shown_alone
from riskops.report.wording import one_line
from riskops.store.page_reader import ArchivedMail, MailState


@dataclass(frozen=True, slots=True)
class MailsPage:
    """The list of mails."""

    title: str
    mails: Table


@dataclass(frozen=True, slots=True)
class MailPage:
    """One mail: what is known of it, where its HTML is, and its text."""

    title: str
    back: tuple[Neighbour, ...]
    about: tuple[Fact, ...]
    frame: str
    text: str


def mails_page(mails: Sequence[MailState]) -> MailsPage:
    """Arrange the newest mails."""
    return MailsPage("Mails", mail_table("The newest mails, one row a recipient", mails))


def mail_page(of: ArchivedMail) -> MailPage:
    """Arrange one mail."""
    state = of.state
    return MailPage(
        title=one_line(state.subject),
        back=(
            Neighbour("All mails", addresses.MAILS),
            Neighbour(f"Limits of {state.session}", addresses.morning(state.session)),
        ),
        about=facts(
            Session=f"{state.session}, revision {state.revision}" if state.revision else str(state.session),
            To=one_line(state.recipient),
            State=MAIL_STATES[state.state],
            Attempts=str(state.attempts),
            Problem=one_line(state.problem),
        ),
        frame=addresses.mail_alone(state.key) if of.html else "",
        text=of.text,
    )


def mail_html(of: ArchivedMail) -> str:
    """Return the HTML of a mail with its pictures within, as its reader sees it."""
    return shown_alone(of.html, of.pictures)
