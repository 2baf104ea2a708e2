"""Compose the mail of a session from what was decided."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.overrides import others
from riskops.pipeline.background import background
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.revise import mail_before
from riskops.pipeline.stage import Receipt, cut_off, settled, stage
from riskops.records import Picture, Publication, Run, RunType, Verb
from riskops.report.content import Content, content, without_charts
from riskops.report.correction import MailBefore, changed, correction
from riskops.report.outcome_lines import not_recorded, outcome_lines
from riskops.report.override_lines import override_lines
from riskops.report.pictures import DAMAGE, draw
from riskops.report.render import as_html, as_text, fitting, subject
from riskops.report.roster_lines import roster_lines
from riskops.report.wording import one_line
from riskops.roster import SET_UP
from riskops.settings import Fault
from riskops.store.mornings import Report, Stage
from riskops.store.outcomes import TOLD
from riskops.store.seal import LIMITS_MAIL

FALLIBLE = {
    Verb.INGEST: "The ingest",
    Verb.VALIDATE: "The data checks",
    Verb.SCORE_RULES: "The rules",
    Verb.SCORE_MODEL: "The pooled model",
    Verb.COMPARE: "The comparison",
}


def compose(desk: Desk, run: Run) -> Receipt:
    """Compose subject, text and HTML, and archive them.

    Raises
    ------
    MissingResultError
        If no limits were committed for the session.
    """
    if (receipt := settled(desk, run, Verb.COMPOSE)) is not None:
        return receipt
    with stage(desk, run, Verb.COMPOSE):
        stages = desk.store.mornings.stages(run.session, run.revision)
        report = _report(desk, run, _committed(desk, run), stages)
        receipt = {"subject": report.subject, "digest": report.digest, TOLD: _told(stages)}
        if not desk.store.mornings.archive(report, receipt):
            receipt = {**receipt, "sealed": True}
    return receipt


def _committed(desk: Desk, run: Run) -> Publication:
    publication = desk.store.mornings.publication(run.session, run.revision)
    if publication is None:
        raise MissingResultError(f"No limits were committed for {run.session}: run choose and publish.")
    return publication


def _report(desk: Desk, run: Run, publication: Publication, stages: Mapping[Verb, Stage]) -> Report:
    composed, pictures = _drawn(fitting(_content(desk, run, publication, stages)))
    text, html = as_text(composed), as_html(composed)
    return Report(
        session=run.session,
        revision=run.revision,
        kind=LIMITS_MAIL,
        subject=subject(composed),
        text=text,
        html=html,
        digest=hashlib.sha256(f"{subject(composed)}\0{text}\0{html}".encode()).hexdigest(),
        pictures=pictures,
    )


def _content(desk: Desk, run: Run, publication: Publication, stages: Mapping[Verb, Stage]) -> Content:
    """Return what the mail says: all of the morning, or what a correction changes."""
    mornings = desk.store.mornings
    rules, model = stages.get(Verb.SCORE_RULES), stages.get(Verb.SCORE_MODEL)
    comparison = mornings.comparison(run.session, run.revision)
    checks = mornings.quality(run.session, run.revision)
    reasons = publication.why + (comparison.reason if comparison else "")
    known, missing = background(desk, run, publication, rules)
    before, asked = _before(desk, run), desk.store.revisions.numbered(run.session, run.revision)
    arranged = partial(
        content,
        comparison=comparison,
        checks=checks,
        model_scores=mornings.model_scores(run.session, run.revision) if model and model.is_done else (),
        restricted_share=rules.detail.get("restricted_share") if rules and before is None else None,
        faults=_faults(desk, stages, reasons),
        roster=_roster_news(desk, run),
        overrides=_override_news(desk, run),
        outcomes=[*_outcomes(desk, run, stages.get(Verb.RECORD_OUTCOMES)), *missing],
        background=known,
    )
    if before is None or asked is None:
        return arranged(publication)
    entries = arranged(replace(publication, decisions=changed(publication, before.publication)))
    return correction(arranged(publication), entries, publication, checks, asked, before)


def _before(desk: Desk, run: Run) -> MailBefore | None:
    """Return the mail that a correction corrects, with what its data health said."""
    sent = mail_before(desk, run)
    if sent is None:
        return None
    then = replace(run, revision=sent.revision)
    checks = desk.store.mornings.quality(sent.session, sent.revision)
    past = desk.store.mornings.stages(sent.session, sent.revision).get(Verb.RECORD_OUTCOMES)
    told = content(sent, None, checks, (), None, outcomes=_outcomes(desk, then, past))
    return MailBefore(sent, told.health)


def _drawn(composed: Content) -> tuple[Content, tuple[Picture, ...]]:
    """Return a mail with its pictures; where they cannot be drawn it is told in words only."""
    try:
        return composed, draw(composed.charts)
    except DAMAGE as error:
        return without_charts(composed, f"No charts, they could not be drawn: {one_line(str(error))}"), ()


def _roster_news(desk: Desk, run: Run) -> list[str]:
    """Return what of the roster became known since the last mail, by somebody's word."""
    since, until = cut_off(desk, _morning_before(desk, run)), cut_off(desk, run)
    changes = [c for c in desk.store.roster.history() if since < c.entered.known_at <= until]
    names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(until)}
    return roster_lines([change for change in changes if change.entered.by != SET_UP], names)


def _morning_before(desk: Desk, run: Run) -> Run:
    """Return the run of the morning before, or of the mail that is corrected."""
    corrected = desk.store.mornings.newest_sealed(run.session, below=run.revision)
    if corrected is not None:
        return replace(run, revision=corrected)
    last = desk.calendar.previous(run.session)
    return replace(run, session=last, revision=desk.store.mornings.newest_sealed(last) or 0)


def _override_news(desk: Desk, run: Run) -> list[str]:
    """Return what is to be told of overrides beside the entries of those who are overridden."""
    found, known_by = desk.store.overrides.all(), cut_off(desk, run)
    if not found:
        return []
    before = _mail_before(desk, run)
    since = None if before is None else (before.session, cut_off(desk, before))
    names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(known_by)}
    return override_lines(others(found, run.session, known_by, since), names)


def _mail_before(desk: Desk, run: Run) -> Run | None:
    """Return the session and revision of the mail that came before this one, or that it corrects."""
    corrected = desk.store.mornings.newest_sealed(run.session, below=run.revision)
    if corrected is not None:
        return replace(run, revision=corrected)
    last = desk.store.history.mailed_last(run.session)
    return None if last is None else replace(run, session=last.session, revision=last.revision)


def _outcomes(desk: Desk, run: Run, past: Stage | None) -> list[str]:
    """Return what became of lived days, where that is news; a backfill need not have recorded it."""
    if past is not None and past.is_done:
        names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(cut_off(desk, run))}
        return outcome_lines(news_of(past.detail), names)
    if past is None and run.run_type is RunType.BACKFILL:
        return []
    return [not_recorded("" if past is None else past.detail.get("problem", ""))]


def _told(stages: Mapping[Verb, Stage]) -> list[str]:
    """Return the keys of the news of outcomes that the report tells."""
    past = stages.get(Verb.RECORD_OUTCOMES)
    return list(news_of(past.detail).keys) if past is not None and past.is_done else []


def _faults(desk: Desk, stages: Mapping[Verb, Stage], reasons: str) -> list[str]:
    """Say in words which verbs failed, which accounts were not fetched, and whether this is a drill.

    A failure that the `reasons` of the rung and of the verdict name already is not told again.
    """
    faults = [
        f"{name} failed: {stages[verb].detail.get('problem') or 'it did not finish'}"
        for verb, name in FALLIBLE.items()
        if verb in stages and not stages[verb].is_done and not _is_told(stages[verb], reasons)
    ]
    ingested = stages[Verb.INGEST].detail if Verb.INGEST in stages else {}
    fetched, uncorrected = ingested.get("failures", {}), ingested.get("uncorrected", {})
    faults += [f"Account {account} was not fetched: {reason}" for account, reason in fetched.items()]
    faults += [
        f"Account {account} was not asked for corrections: {reason}"
        for account, reason in uncorrected.items()
    ]
    if desk.settings.fault is not Fault.NONE:
        faults.append(f"This is a drill: RISKOPS_FAULT={desk.settings.fault}")
    return faults


def _is_told(failed: Stage, reasons: str) -> bool:
    problem = failed.detail.get("problem", "").rstrip(".")
    return bool(problem) and problem in reasons
