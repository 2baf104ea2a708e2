"""A desk whose limits were decided by hand, so that what happens after the mail can be tried quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path

from riskops.desk import Desk
from riskops.pipeline.enrol import enrol
from riskops.records import Decision, Publication
from tests.builders import SESSION
from tests.delivery_process import report
from tests.desks import on_the_morning, opened
from tests.small_desks import BASE_CENTS, DECISION, PUBLICATION, account_of

SINCE = date(2026, 1, 2)
DEEP = replace(DECISION, reduction=50, limit_cents=250_000, reasons=("Extended loss streak (5 days)",))
MODERATE = replace(DECISION, trader_id="3951", name="Ida Holm", reduction=30, limit_cents=350_000)
FREE = replace(DECISION, trader_id="3937", name="Ann Lee", reduction=0, limit_cents=500_000, reasons=())
CUT = replace(PUBLICATION, decisions=(DEEP, MODERATE, FREE))


def at(desk: Desk, now: time, session: date = SESSION) -> Desk:
    """Return the desk at another New York time."""
    return replace(desk, clock=on_the_morning(session, now))


def decided(folder: Path, decisions: Sequence[Decision] = CUT.decisions, **changes: str) -> Desk:
    """Open a desk below `folder` at 07:25, with decided and composed limits; nothing has left."""
    desk = opened(folder, on_the_morning(SESSION, time(7, 25)), **changes)
    for decision in decisions:
        enrol(desk, decision.trader_id, decision.name, account_of(decision.trader_id), BASE_CENTS, SINCE)
    decide(desk, replace(PUBLICATION, decisions=tuple(decisions)))
    return desk


def decide(desk: Desk, publication: Publication) -> None:
    """Commit limits and a report of them."""
    desk.store.mornings.publish(publication, {})
    mail = replace(report(), session=publication.session, revision=publication.revision)
    desk.store.mornings.archive(mail, {})
