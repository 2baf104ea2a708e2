"""Send the mail of a session: exactly one copy to everybody, or say so loudly."""

from __future__ import annotations

import hashlib

from riskops import second_channel
from riskops.delivery import LOCKS, deliver
from riskops.desk import Desk
from riskops.pipeline.export import export
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.stage import Receipt, may_mail, settled, stage
from riskops.records import Publication, Run, Rung, Verb
from riskops.report.minimal import minimal_subject, minimal_text
from riskops.report.outcome_lines import breach_lines
from riskops.second_channel import Entry
from riskops.store.mornings import Report
from riskops.store.outbox import Outbox
from riskops.store.outcomes import TOLD
from riskops.store.seal import LIMITS_MAIL


def send(desk: Desk, run: Run) -> Receipt:
    """Deliver the composed report, or the minimal mail where it could not be composed.

    A backfill never mails, and a run for another day only where it was asked to: the report stays
    in the archive.

    Raises
    ------
    DeliveryError
        If a mail was not accepted; the recipients who have theirs do not get another.
    """
    try:
        receipt = _sent(desk, run)
    finally:
        exported = export(desk, run)
    return {**receipt, **exported}


def _sent(desk: Desk, run: Run) -> Receipt:
    if not may_mail(desk, run):
        return {"delivered": [], "why": f"a {run.run_type} run for {run.session} does not mail"}
    if (receipt := settled(desk, run, Verb.SEND)) is not None:
        return {**receipt, "delivered": [], "why": "nothing new: the mail is out"}
    with stage(desk, run, Verb.SEND):
        mail = mail_of(desk, run)
        locks = desk.settings.output / LOCKS
        outcome = deliver(Outbox(desk.store.database), mail, desk.settings, desk.clock(), locks)
        everybody = sorted({*outcome.delivered, *outcome.already_delivered})
        paths = [str(path) for path in outcome.paths]
        receipt = {"recipients": everybody, "paths": paths}
        desk.store.mornings.finish(run.session, run.revision, Verb.SEND, receipt)
    if outcome.delivered:
        _tell_others(desk, run, mail)
    return {**receipt, "delivered": list(outcome.delivered)}


def _tell_others(desk: Desk, run: Run, mail: Report) -> None:
    """Tell the dead man's switch that the mail left, and on-call what of it cannot wait.

    That is a minimal mail, limits that are held, and limits that were breached.
    """
    second_channel.ping(desk.settings)
    _tell_of_breaches(desk, run, mail)
    publication = desk.store.mornings.publication(run.session, run.revision)
    if publication is None or not mail.html:
        told = f"{run.session}: a minimal mail left, with the last limits that were committed."
        second_channel.tell(desk.settings, told, Entry.MINIMAL_MAIL)
    elif publication.rung >= Rung.HOLD:
        rung = f"rung {int(publication.rung)} {publication.rung.label}"
        told = f"{run.session}: the mail left with {rung}: {publication.why}."
        second_channel.tell(desk.settings, told, Entry.LIMITS_ARE_HELD)


def _tell_of_breaches(desk: Desk, run: Run, mail: Report) -> None:
    """Tell on-call of the breaches that the mail tells of; a minimal mail tells of none."""
    stages = desk.store.mornings.stages(run.session, run.revision)
    if not mail.html or Verb.RECORD_OUTCOMES not in stages:
        return
    mailed = stages[Verb.COMPOSE].detail.get(TOLD, ())
    news = news_of(stages[Verb.RECORD_OUTCOMES].detail)
    names = {trader.trader_id: trader.name for trader in desk.store.roster.traders()}
    if lines := breach_lines([breach for breach in news.breaches if breach.key in mailed], names):
        second_channel.tell(desk.settings, f"{run.session}: {'; '.join(lines)}.", Entry.LIMIT_BREACHED)


def mail_of(desk: Desk, run: Run) -> Report:
    """Return the composed report if compose has left one, else the minimal mail."""
    composed = desk.store.mornings.report(run.session, run.revision, LIMITS_MAIL)
    stages = desk.store.mornings.stages(run.session, run.revision)
    sound = all(verb in stages and stages[verb].is_done for verb in (Verb.PUBLISH, Verb.COMPOSE))
    if composed is not None and sound:
        return composed
    broken = [
        f"{verb.value}: {stages[verb].detail.get('problem') or 'did not finish'}"
        for verb in (Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE)
        if verb in stages and not stages[verb].is_done
    ]
    return _minimal(desk, run, "; ".join(broken) or "no limits were committed this morning")


def _minimal(desk: Desk, run: Run, why: str) -> Report:
    committed = _last_committed(desk, run)
    decisions = None if committed is None else committed.decisions
    committed_for = None if committed is None else committed.session
    text = minimal_text(run.session, decisions, why, committed_for)
    return Report(
        session=run.session,
        revision=run.revision,
        kind=LIMITS_MAIL,
        subject=minimal_subject(run.session),
        text=text,
        html="",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _last_committed(desk: Desk, run: Run) -> Publication | None:
    newest = desk.store.mornings.newest_published(through=run.session)
    return None if newest is None else desk.store.mornings.publication(*newest)
