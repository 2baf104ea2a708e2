"""The minimal mail, and what it makes of its session: the limits it names are in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import riskops
from riskops import ladder, overrides
from riskops.desk import Desk
from riskops.pipeline.stage import cut_off
from riskops.records import Decision, Publication, Run, Rung, Verdict
from riskops.report.minimal import minimal_subject, minimal_text
from riskops.store.mornings import Report
from riskops.store.outbox import LastResort
from riskops.store.seal import LIMITS_MAIL


def minimal_mail(desk: Desk, run: Run, why: str) -> LastResort:
    """Return the mail that names the limits committed last, and those limits as this session's.

    Without any the mail asks for the floor by hand, and the floor is what is in force.

    Parameters
    ----------
    why
        What broke, in words.
    """
    committed = _last_committed(desk, run)
    decisions = None if committed is None else committed.decisions
    committed_for = None if committed is None else committed.session
    text = minimal_text(run.session, decisions, why, committed_for)
    report = Report.plain(run.session, run.revision, LIMITS_MAIL, minimal_subject(run.session), text)
    return LastResort(report, _in_force(desk, run, committed, why))


def _last_committed(desk: Desk, run: Run) -> Publication | None:
    newest = desk.store.mornings.newest_published(through=run.session)
    committed = None if newest is None else desk.store.mornings.publication(*newest)
    if committed is None or committed.session == run.session:
        return committed
    return replace(committed, decisions=_still_standing(desk, run, committed.decisions))


def _still_standing(desk: Desk, run: Run, earlier: Sequence[Decision]) -> tuple[Decision, ...]:
    """Return what was decided for an earlier session, with those overrides of this one that are tighter."""
    known = desk.store.overrides.known(run.session, cut_off(desk, run))
    return tuple(overrides.applied_if_tighter(map(overrides.without, earlier), known))


def _in_force(desk: Desk, run: Run, committed: Publication | None, why: str) -> Publication:
    """Return the limits that the mail names, as the session's own: this morning's, or held ones."""
    if committed is None:
        return _publication(desk, run, f"nothing could be decided ({why})", _floor(desk, run))
    if committed.session == run.session:
        return replace(committed, revision=run.revision)
    held = [ladder.carried_over(decision, committed.session) for decision in committed.decisions]
    told = f"nothing could be decided ({why}), the limits of {committed.session} stand"
    return _publication(desk, run, told, held)


def _publication(desk: Desk, run: Run, why: str, decisions: Sequence[Decision]) -> Publication:
    return Publication(
        session=run.session,
        revision=run.revision,
        rung=Rung.FLOOR if all(d.rung is Rung.FLOOR for d in decisions) else Rung.HOLD,
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        why=why,
        cut_off=cut_off(desk, run),
        code_version=riskops.__version__,
        decisions=tuple(decisions),
    )


def _floor(desk: Desk, run: Run) -> list[Decision]:
    known_by, position = cut_off(desk, run), desk.calendar.position(run.session)
    base_cents = desk.store.history.base_limits_on(run.session, known_by)
    return [
        ladder.held(trader.trader_id, trader.name, position, base_cents[trader.trader_id], {})
        for trader in desk.store.roster.active(run.session, known_by)
    ]
