"""Compose the mail of a session from what was decided."""

from __future__ import annotations

import hashlib

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline.stage import Receipt, settled, stage
from riskops.records import Publication, Run, Verb
from riskops.report.content import content
from riskops.report.render import as_html, as_text, subject
from riskops.settings import Fault
from riskops.store.mornings import Report
from riskops.store.seal import LIMITS_MAIL


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
        report = _report(desk, run, _committed(desk, run))
        receipt = {"subject": report.subject, "digest": report.digest}
        if not desk.store.mornings.archive(report, receipt):
            receipt = {**receipt, "sealed": True}
    return receipt


def _committed(desk: Desk, run: Run) -> Publication:
    publication = desk.store.mornings.publication(run.session, run.revision)
    if publication is None:
        raise MissingResultError(f"No limits were committed for {run.session}: run choose and publish.")
    return publication


def _report(desk: Desk, run: Run, publication: Publication) -> Report:
    mornings = desk.store.mornings
    stages = mornings.stages(run.session, run.revision)
    model, rules = stages.get(Verb.SCORE_MODEL), stages.get(Verb.SCORE_RULES)
    composed = content(
        publication,
        mornings.comparison(run.session, run.revision),
        mornings.quality(run.session, run.revision),
        mornings.model_scores(run.session, run.revision) if model and model.is_done else (),
        rules.detail.get("restricted_share") if rules else None,
        faults=_faults(desk, run),
    )
    text, html = as_text(composed), as_html(composed)
    return Report(
        session=run.session,
        revision=run.revision,
        kind=LIMITS_MAIL,
        subject=subject(composed),
        text=text,
        html=html,
        digest=hashlib.sha256(f"{subject(composed)}\0{text}\0{html}".encode()).hexdigest(),
    )


def _faults(desk: Desk, run: Run) -> list[str]:
    """Say in words which verbs failed, which accounts were not fetched, and whether this is a drill."""
    stages = desk.store.mornings.stages(run.session, run.revision)
    faults = [
        f"{verb.value} failed: {stages[verb].detail.get('problem') or 'it did not finish'}"
        for verb in (Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES, Verb.SCORE_MODEL, Verb.COMPARE)
        if verb in stages and not stages[verb].is_done
    ]
    fetched = stages[Verb.INGEST].detail.get("failures", {}) if Verb.INGEST in stages else {}
    faults += [f"Account {account} was not fetched: {reason}" for account, reason in fetched.items()]
    if desk.settings.fault is not Fault.NONE:
        faults.append(f"This is a drill: RISKOPS_FAULT={desk.settings.fault}")
    return faults
