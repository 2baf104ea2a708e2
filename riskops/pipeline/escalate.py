"""Escalate deep cuts: a mail of their own to the escalation list, and again where nobody has read it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from riskops import clock_ladder, config, second_channel
from riskops.delivery import LOCKS, deliver
from riskops.desk import Desk
from riskops.errors import RiskOpsError
from riskops.pipeline.stage import Receipt, is_today, may_mail
from riskops.records import Publication, Run, RunType
from riskops.report.escalation import Escalation, as_html, as_text, escalation
from riskops.second_channel import Entry
from riskops.sessions import DESK_ZONE
from riskops.store.mornings import Report
from riskops.store.outbox import Outbox

ESCALATION, ESCALATION_AGAIN = "escalation", "escalation_again"  # kinds of mails

log = logging.getLogger(__name__)


def escalate(desk: Desk, run: Run) -> Receipt:
    """Mail the cuts above 40 to the escalation list, once their mail is out; everybody gets one copy.

    It fails nothing: what is not accepted is told to on-call, and whatever verb or watchdog comes next
    tries again. Nothing leaves without a list, from a backfill, or for another day unless asked to.
    """
    try:
        return _escalated(desk, run)
    except RiskOpsError as error:
        problem = f"the escalation mail for {run.session} is not with everybody: {error}"
        log.warning("%s", problem)
        second_channel.tell(desk.settings, problem, Entry.ESCALATION)
        return {"escalation_problem": str(error)}


def escalate_again(desk: Desk, run: Run) -> Receipt:
    """From 07:50 New York on mail deep cuts again if nobody has acknowledged the newest mail of today.

    To the escalation list and the risk managers, once. A backfill and another day escalate nothing.

    Raises
    ------
    DeliveryError
        If a mail was not accepted; the recipients who have theirs do not get another.
    """
    is_due = clock_ladder.is_acknowledgement_due(desk.clock().astimezone(DESK_ZONE).time())
    if run.run_type is RunType.BACKFILL or not is_today(desk, run) or not is_due:
        return {"unacknowledged": False}
    cut = _deeply_cut(desk, run.session)
    if cut is None or desk.store.acknowledgements.of(cut.session, cut.revision):
        return {"unacknowledged": False}
    everybody = (*desk.settings.escalation, *desk.settings.recipients)
    delivered = _deliver(desk, cut, ESCALATION_AGAIN, everybody)
    return {"unacknowledged": True, "escalated": delivered}


def _escalated(desk: Desk, run: Run) -> Receipt:
    if not desk.settings.escalation or not may_mail(desk, run):
        return {}
    cut = _deeply_cut(desk, run.session)
    return {} if cut is None else {"escalated": _deliver(desk, cut, ESCALATION, desk.settings.escalation)}


def _deeply_cut(desk: Desk, session: date) -> Publication | None:
    """Return what the newest mail of a session says, if it is out and cuts somebody by more than 40 %."""
    revision = desk.store.mornings.newest_sealed(session)
    left = None if revision is None else desk.store.mornings.publication(session, revision)
    if left is None or not any(d.reduction > config.IMMEDIATE_ABOVE for d in left.decisions):
        return None
    return left


def _deliver(desk: Desk, cut: Publication, kind: str, to: Sequence[str]) -> list[str]:
    """Deliver a mail of a kind to whoever does not have it yet; return who that was."""
    link = second_channel.what_to_do(desk.settings, Entry.UNACKNOWLEDGED)
    report = _report(escalation(cut, link, again=kind == ESCALATION_AGAIN), cut, kind)
    settings = replace(desk.settings, recipients=tuple(dict.fromkeys(to)))
    outbox = Outbox(desk.store.database)
    done = deliver(outbox, report, settings, desk.clock(), desk.settings.output / LOCKS)
    return list(done.delivered)


def _report(mail: Escalation, cut: Publication, kind: str) -> Report:
    text, html = as_text(mail), as_html(mail)
    return Report(
        session=cut.session,
        revision=cut.revision,
        kind=kind,
        subject=mail.subject,
        text=text,
        html=html,
        digest=hashlib.sha256(f"{mail.subject}\0{text}\0{html}".encode()).hexdigest(),
    )
