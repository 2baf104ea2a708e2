"""Gather what a mail is made from: what the verbs left, what is news, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from riskops import second_channel
from riskops.desk import Desk
from riskops.outcomes import News
from riskops.overrides import others
from riskops.pipeline.background import background
from riskops.pipeline.read_back import applied_lines
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.revise import mail_before
from riskops.pipeline.stage import cut_off
from riskops.records import Publication, Run, RunType, Verb
from riskops.report.content import content
from riskops.report.correction import MailBefore
from riskops.report.material import Material
from riskops.report.outcome_lines import not_recorded, outcome_lines
from riskops.report.override_lines import override_lines
from riskops.report.roster_lines import roster_lines
from riskops.roster import SET_UP
from riskops.second_channel import Entry
from riskops.settings import Fault
from riskops.store.mornings import Stage

FALLIBLE = {
    Verb.INGEST: "The ingest",
    Verb.VALIDATE: "The data checks",
    Verb.SCORE_RULES: "The rules",
    Verb.SCORE_MODEL: "The pooled model",
    Verb.COMPARE: "The comparison",
}


def material(
    desk: Desk, run: Run, publication: Publication, stages: Mapping[Verb, Stage], fault: Fault
) -> Material:
    """Return everything the mail of a session is made from.

    Parameters
    ----------
    publication
        The committed limits.
    stages
        How far each verb had got.
    fault
        The fault that is forced in a drill.
    """
    mornings, key = desk.store.mornings, (run.session, run.revision)
    model, rules = stages.get(Verb.SCORE_MODEL), stages.get(Verb.SCORE_RULES)
    past = stages.get(Verb.RECORD_OUTCOMES)
    comparison = mornings.comparison(*key)
    known, missing = background(desk, run, publication, rules)
    corrects = _corrected(desk, run)
    return Material(
        publication=publication,
        comparison=comparison,
        checks=mornings.quality(*key),
        model_scores=mornings.model_scores(*key) if model and model.is_done else (),
        restricted_share=rules.detail.get("restricted_share") if rules and corrects is None else None,
        faults=_faults(stages, publication.why + (comparison.reason if comparison else ""), fault),
        roster=_roster_news(desk, run),
        overrides=_override_news(desk, run),
        applied=applied_lines(desk, run),
        outcomes=[*_outcomes(desk, run, past), *missing],
        background=known,
        what_to_do=second_channel.what_to_do(desk.settings, Entry.LIMITS_ARE_HELD),
        news=news_of(past.detail) if past is not None and past.is_done else News(),
        rule_scores={score.trader_id: score for score in mornings.rule_scores(*key)},
        own_scores={score.trader_id: score for score in mornings.own_model_scores(*key)},
        asked=desk.store.revisions.numbered(*key),
        corrects=corrects,
    )


def _corrected(desk: Desk, run: Run) -> MailBefore | None:
    """Return the mail that a correction corrects, with what its data health said."""
    sent = mail_before(desk, run)
    if sent is None:
        return None
    then = replace(run, revision=sent.revision)
    checks = desk.store.mornings.quality(sent.session, sent.revision)
    past = desk.store.mornings.stages(sent.session, sent.revision).get(Verb.RECORD_OUTCOMES)
    told = content(sent, None, checks, (), None, outcomes=_outcomes(desk, then, past))
    return MailBefore(sent, told.health)


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


def _faults(stages: Mapping[Verb, Stage], reasons: str, fault: Fault) -> list[str]:
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
    if fault is not Fault.NONE:
        faults.append(f"This is a drill: RISKOPS_FAULT={fault}")
    return faults


def _is_told(failed: Stage, reasons: str) -> bool:
    problem = failed.detail.get("problem", "").rstrip(".")
    return bool(problem) and problem in reasons
