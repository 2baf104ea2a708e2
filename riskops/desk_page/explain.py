"""Explain the pages: trace every number of them, what they repeat of the mail and what they add to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from riskops.desk import Desk
from riskops.desk_page import reading
from riskops.desk_page.kept import Kept
from riskops.desk_page.reading import Place
from riskops.desk_page.tracing.evidence import evidence_page_numbers
from riskops.desk_page.tracing.health import health_page_numbers
from riskops.desk_page.tracing.morning import morning_numbers
from riskops.desk_page.tracing.people import mail_numbers
from riskops.desk_page.tracing.trader import trader_numbers
from riskops.errors import MissingResultError
from riskops.pipeline.explain import explain
from riskops.report.tracing.traced import Explanation, Section, section
from riskops.report.wording import trader_label


def explain_pages(desk: Desk, session: date) -> Explanation:
    """Trace every number of the pages as of a session, but those of single traders.

    What the pages repeat of the mail comes first, under the titles of the mail; what a page adds follows,
    a section a page. A row of another session names the explanation of that session.

    Raises
    ------
    MissingResultError
        If no limits were decided for the session.
    """
    with desk.store.database.one_state():
        told, at = explain(desk, session).desk(), _place(desk, session)
        return replace(told, sections=(*told.sections, *_of_the_desk(desk, at)))


def explain_trader_page(desk: Desk, session: date, trader_id: str) -> Explanation:
    """Trace every number of a trader's page, also of one who had no limit on the session.

    Raises
    ------
    MissingResultError
        If no limits were decided for the session, or there never was such a trader.
    """
    with desk.store.database.one_state():
        found = reading.trader(desk, _place(desk, session), trader_id, Kept(1))
        numbers = section("Page of the trader", trader_numbers(found))
        if found.found.decision is None:
            title = f"{trader_label(trader_id, found.found.name)} on {session}, without a limit"
            return Explanation(title, (numbers,))
        told = explain(desk, session).trader(trader_id)
        return replace(told, sections=(*told.sections, numbers))


def _place(desk: Desk, session: date) -> Place:
    found = reading.place(desk, session.isoformat())
    if found is None:
        raise MissingResultError(f"No limits were decided for {session}: run `riskops morning`.")
    return found


def _of_the_desk(desk: Desk, at: Place) -> Iterator[Section]:
    yield section("Page of the limits", morning_numbers(reading.morning(desk, at, Kept(1))))
    yield section("Page of the evidence", evidence_page_numbers(reading.evidence(desk, at, Kept(1))))
    yield section("Page of the mails", mail_numbers(reading.mails(desk), at.decided.session))
    yield section("Page of the data health", health_page_numbers(reading.health(desk, at)))
