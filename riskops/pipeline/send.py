"""Send the mail of a session: exactly one copy to everybody, or say so loudly."""

from __future__ import annotations

from datetime import datetime

from riskops import corrections, second_channel
from riskops.delivery import LOCKS, deliver
from riskops.desk import Desk
from riskops.errors import RevisionError
from riskops.pipeline.escalate import escalate
from riskops.pipeline.export import export
from riskops.pipeline.last_resort import minimal_mail
from riskops.pipeline.mailed_since import know_what_left
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.revise import mail_before
from riskops.pipeline.stage import Receipt, cut_off, may_mail, settled, stage
from riskops.records import Run, Rung, Verb
from riskops.report.outcome_lines import breach_lines
from riskops.second_channel import Entry
from riskops.store.mornings import Report
from riskops.store.outbox import LastResort, Outbox
from riskops.store.outcomes import TOLD
from riskops.store.seal import LIMITS_MAIL


def send(desk: Desk, run: Run) -> Receipt:
    """Deliver the composed report, or the minimal mail where it could not be composed.

    A backfill never mails, and a run for another day only where it was asked to: the report stays
    in the archive. A correction leaves as it was composed or not at all: until then the mail before it
    stands. Once a correction has limits, it goes to everybody in the place of the mail before. Where a
    mail cuts somebody by more than 40 % the escalation list has its own next.

    Raises
    ------
    DeliveryError
        If a mail was not accepted; the recipients who have theirs do not get another.
    RevisionError
        If a correction is not composed, or would raise a limit when it is too late for that.
    OlderRecordError
        If a mail has left that the risk database does not know.
    """
    know_what_left(desk, run)
    try:
        receipt = _sent(desk, run)
    finally:
        exported = {**export(desk, run), **escalate(desk, run)}
    return {**receipt, **exported}


def _sent(desk: Desk, run: Run) -> Receipt:
    if not may_mail(desk, run):
        return {"delivered": [], "why": f"a {run.run_type} run for {run.session} does not mail"}
    if (receipt := settled(desk, run, Verb.SEND)) is not None:
        return {**receipt, "delivered": [], "why": "nothing new: the mail is out"}
    if (newer := desk.store.mornings.overtaken_by(run.session, run.revision)) is not None:
        return {"delivered": [], "why": f"correction {newer} goes to everybody instead"}
    with stage(desk, run, Verb.SEND) as begun:
        _refuse_late_raise(desk, run, begun)
        mail, last_resort = _mail(desk, run)
        outbox = Outbox(desk.store.database, last_resort)
        outcome = deliver(outbox, mail, desk.settings, desk.clock(), desk.settings.output / LOCKS)
        everybody = sorted({*outcome.delivered, *outcome.already_delivered})
        paths = [str(path) for path in outcome.paths]
        receipt = {"recipients": everybody, "paths": paths}
        desk.store.mornings.finish(run.session, run.revision, Verb.SEND, receipt)
    if outcome.delivered:
        _tell_others(desk, run, mail)
    return {**receipt, "delivered": list(outcome.delivered)}


def _refuse_late_raise(desk: Desk, run: Run, moment: datetime) -> None:
    """Refuse to begin with a correction that was decided early, raises a limit, and would leave late."""
    before = mail_before(desk, run)
    if before is None or not corrections.only_tightens(moment) or _has_begun(desk, run):
        return
    decided = desk.store.mornings.publication(run.session, run.revision)
    if decided is not None and (raised := corrections.rises(decided.decisions, before.decisions)):
        raise RevisionError(
            f"Correction {run.revision} of {run.session} raises the limit of {raised[0].trader_id}, and "
            f"{corrections.TOO_LATE}: publish it again, or make the same call to `riskops revise` again."
        )


def _has_begun(desk: Desk, run: Run) -> bool:
    return desk.store.mornings.is_frozen(run.session, run.revision)


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
        rung = f"rung {publication.rung_label}"
        told = f"{run.session}: the mail left with {rung}: {publication.why}."
        second_channel.tell(desk.settings, told, Entry.LIMITS_ARE_HELD)


def _tell_of_breaches(desk: Desk, run: Run, mail: Report) -> None:
    """Tell on-call of the breaches that the mail tells of; a minimal mail tells of none."""
    stages = desk.store.mornings.stages(run.session, run.revision)
    if not mail.html or Verb.RECORD_OUTCOMES not in stages:
        return
    mailed = {*stages[Verb.COMPOSE].detail.get(TOLD, ())} - _told_before(desk, run)
    news = news_of(stages[Verb.RECORD_OUTCOMES].detail)
    names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(cut_off(desk, run))}
    if lines := breach_lines([breach for breach in news.breaches if breach.key in mailed], names):
        second_channel.tell(desk.settings, f"{run.session}: {'; '.join(lines)}.", Entry.LIMIT_BREACHED)


def _told_before(desk: Desk, run: Run) -> set[str]:
    """Return the keys of what the mail told that a correction corrects."""
    before = mail_before(desk, run)
    if before is None:
        return set()
    stages = desk.store.mornings.stages(before.session, before.revision)
    return {*stages[Verb.COMPOSE].detail.get(TOLD, ())} if Verb.COMPOSE in stages else set()


def mail_of(desk: Desk, run: Run) -> Report:
    """Return the composed report if compose has left one, else the minimal mail."""
    return _mail(desk, run)[0]


def _mail(desk: Desk, run: Run) -> tuple[Report, LastResort | None]:
    composed = _composed(desk, run)
    if composed is not None:
        return composed, None
    if run.revision:
        raise RevisionError(
            f"Correction {run.revision} of {run.session} is not composed: the mail before it stands. "
            "Mend the cause and make the same call again."
        )
    last_resort = _minimal(desk, run)
    return last_resort.report, last_resort


def _composed(desk: Desk, run: Run) -> Report | None:
    stages = desk.store.mornings.stages(run.session, run.revision)
    if not all(verb in stages and stages[verb].is_done for verb in (Verb.PUBLISH, Verb.COMPOSE)):
        return None
    return desk.store.mornings.report(run.session, run.revision, LIMITS_MAIL)


def _minimal(desk: Desk, run: Run) -> LastResort:
    stages = desk.store.mornings.stages(run.session, run.revision)
    broken = [
        f"{verb.value}: {stages[verb].detail.get('problem') or 'did not finish'}"
        for verb in (Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE)
        if verb in stages and not stages[verb].is_done
    ]
    return minimal_mail(desk, run, "; ".join(broken) or "no limits were committed this morning")
