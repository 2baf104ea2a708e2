"""Where the pages are, relative to one another: names of traders travel in the query, never in the path."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

TODAY, TRADER, EVIDENCE, MAILS, MAIL, MAIL_ALONE, HEALTH = (
    "./",
    "trader",
    "evidence",
    "mails",
    "mail",
    "mail-alone",
    "health",
)
PAGES = ((TODAY, "Limits"), (EVIDENCE, "Evidence"), (MAILS, "Mails"), (HEALTH, "Data health"))


def morning(session: date) -> str:
    """Return where the limits of a session are."""
    return f"{TODAY}?{urlencode({'session': session.isoformat()})}"


def trader(trader_id: str, session: date) -> str:
    """Return where a trader's page is, as of a session."""
    return f"{TRADER}?{urlencode({'id': trader_id, 'session': session.isoformat()})}"


def mail(key: str) -> str:
    """Return where a mail and its text are."""
    return f"{MAIL}?{urlencode({'key': key})}"


def mail_alone(key: str) -> str:
    """Return where the HTML of a mail is, for a frame."""
    return f"{MAIL_ALONE}?{urlencode({'key': key})}"
