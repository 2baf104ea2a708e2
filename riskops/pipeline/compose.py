"""Compose the mail of a session from what was decided."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline.material import material
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.stage import Receipt, settled, stage
from riskops.records import Picture, Publication, Run, Verb
from riskops.report.content import Content, without_charts
from riskops.report.material import arranged
from riskops.report.pictures import DAMAGE, draw
from riskops.report.render import as_html, as_text, fitting, subject
from riskops.report.wording import one_line
from riskops.store.mornings import Report, Stage
from riskops.store.outcomes import TOLD
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
    made_from = material(desk, run, publication, stages, desk.settings.fault)
    composed, pictures = _drawn(fitting(arranged(made_from)))
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


def _drawn(composed: Content) -> tuple[Content, tuple[Picture, ...]]:
    """Return a mail with its pictures; where they cannot be drawn it is told in words only."""
    try:
        return composed, draw(composed.charts)
    except DAMAGE as error:
        return without_charts(composed, f"No charts, they could not be drawn: {one_line(str(error))}"), ()


def _told(stages: Mapping[Verb, Stage]) -> list[str]:
    """Return the keys of the news of outcomes that the report tells."""
    past = stages.get(Verb.RECORD_OUTCOMES)
    return list(news_of(past.detail).keys) if past is not None and past.is_done else []
