"""Commit the limits of the chosen rung, with the overrides applied last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from riskops import corrections, ladder, overrides
from riskops.desk import Desk
from riskops.errors import MissingResultError, RevisionError
from riskops.pipeline.export import export
from riskops.pipeline.past_morning import DRILL
from riskops.pipeline.revise import mail_before
from riskops.pipeline.stage import Receipt, cut_off, settled, stage
from riskops.records import Decision, ModelScore, Publication, RuleScore, Run, Rung, Verb, Verdict
from riskops.settings import Fault


def publish_rules(desk: Desk, run: Run) -> Receipt:
    """Commit the rules' limits (rung 2); quarantined traders are held."""
    return _publish(desk, run, Rung.RULES)


def publish_model(desk: Desk, run: Run) -> Receipt:
    """Commit the pooled model's limits (rung 1); quarantined traders are held."""
    return _publish(desk, run, Rung.MODEL)


def hold_limits(desk: Desk, run: Run) -> Receipt:
    """Commit held limits for everybody (rung 3, or the floor where there is nothing to hold)."""
    return _publish(desk, run, Rung.HOLD)


def _publish(desk: Desk, run: Run, rung: Rung) -> Receipt:
    """Commit the limits and export them: a kill between the two is mended by whatever runs next."""
    return {**commit(desk, run, rung), **export(desk, run)}


def commit(desk: Desk, run: Run, rung: Rung) -> Receipt:
    """Commit the limits of a rung with their record, and export nothing.

    A correction is committed where it is better than the mail it corrects, else nothing changes.

    Raises
    ------
    RevisionError
        If a correction would hold limits which the mail before had from an engine, or a newer
        correction has limits.
    """
    if (receipt := settled(desk, run, Verb.PUBLISH)) is not None:
        return receipt
    with stage(desk, run, Verb.PUBLISH) as begun:
        publication = _publication(desk, run, rung, begun)
        receipt = {
            "rung": int(publication.rung),
            "traders": len(publication.decisions),
            "restricted": sum(decision.reduction > 0 for decision in publication.decisions),
            "overridden": sum(decision.override is not None for decision in publication.decisions),
            **_drill(desk),
        }
        if not desk.store.mornings.publish(publication, receipt):
            receipt = {**receipt, "sealed": True}
    return receipt


def _drill(desk: Desk) -> Receipt:
    return {} if desk.settings.fault is Fault.NONE else {DRILL: desk.settings.fault.value}


def _publication(desk: Desk, run: Run, rung: Rung, moment: datetime) -> Publication:
    chosen = _chosen(desk, run)
    _refuse_to_lose_ground(desk, run, rung, chosen["why"])
    decided, known_by = _HOW[rung](desk, run), cut_off(desk, run)
    in_force = overrides.applied(decided, desk.store.overrides.known(run.session, known_by))
    in_force = _corrected(desk, run, in_force, moment)
    return Publication(
        session=run.session,
        revision=run.revision,
        rung=_rung_of(rung, decided),
        verdict=Verdict(chosen["verdict"]),
        why=chosen["why"],
        cut_off=known_by,
        code_version=desk.version,
        decisions=tuple(sorted(in_force, key=lambda decision: decision.trader_id)),
    )


def _refuse_to_lose_ground(desk: Desk, run: Run, rung: Rung, why: str) -> None:
    """Refuse a correction that has only a hold to offer where the mail before had an engine's limits."""
    before = mail_before(desk, run)
    if before is not None and corrections.loses_ground(rung, before.rung):
        raise RevisionError(
            f"Correction {run.revision} of {run.session} would be a hold ({why.rstrip('.')}), and the mail "
            f"before has limits of rung {before.rung_label}: they stand. Mend the cause and ask again."
        )


def _corrected(desk: Desk, run: Run, decided: list[Decision], moment: datetime) -> list[Decision]:
    """Return what is decided beside what was sent: nothing else where this is no correction."""
    before = mail_before(desk, run)
    if before is None:
        return decided
    only_tightens = corrections.only_tightens(moment)
    return corrections.corrected(decided, before.decisions, only_tightens=only_tightens)


def _chosen(desk: Desk, run: Run) -> Receipt:
    past = desk.store.mornings.stages(run.session, run.revision).get(Verb.CHOOSE)
    if past is None or not past.is_done:
        raise MissingResultError(f"No rung was chosen for {run.session}: run choose.")
    return past.detail


def _rung_of(rung: Rung, decisions: Sequence[Decision]) -> Rung:
    """Return the morning's rung: a hold with nothing to hold for anybody is the floor."""
    if rung is Rung.HOLD and all(decision.rung is Rung.FLOOR for decision in decisions):
        return Rung.FLOOR
    return rung


def _by_rules(desk: Desk, run: Run) -> list[Decision]:
    if own := _own_model_scores(desk, run):
        return _by_engine(desk, run, ladder.by_own_model, own)
    return _by_engine(desk, run, ladder.by_rules, _model_scores(desk, run))


def _by_model(desk: Desk, run: Run) -> list[Decision]:
    return _by_engine(desk, run, ladder.by_model, _model_scores(desk, run))


def _by_engine(
    desk: Desk, run: Run, decide: ladder.Decide, model: Mapping[str, ModelScore]
) -> list[Decision]:
    names = _names(desk, run)
    quarantined = _quarantined(desk, run)
    rules = _rule_scores(desk, run)
    sound = [
        decide(score, names[score.trader_id], model.get(score.trader_id))
        for score in rules
        if score.trader_id in names and score.trader_id not in quarantined
    ]
    scored = {score.trader_id for score in rules}
    unsound = [t for t in names if t in quarantined or t not in scored]
    return sound + _held(desk, run, unsound, quarantined=True)


def _all_held(desk: Desk, run: Run) -> list[Decision]:
    return _held(desk, run, list(_names(desk, run)), quarantined=False)


def _held(desk: Desk, run: Run, trader_ids: Sequence[str], *, quarantined: bool) -> list[Decision]:
    if not trader_ids:
        return []
    names, history = _names(desk, run), desk.store.history
    base_cents = history.base_limits_on(run.session, cut_off(desk, run))
    lived = history.lived(run.session)
    position = desk.calendar.position(run.session)
    return [
        ladder.held(
            trader_id,
            names[trader_id],
            position,
            base_cents[trader_id],
            lived.get(trader_id, {}),
            quarantined=quarantined,
        )
        for trader_id in trader_ids
    ]


_HOW = {Rung.MODEL: _by_model, Rung.RULES: _by_rules, Rung.HOLD: _all_held}


def _names(desk: Desk, run: Run) -> dict[str, str]:
    active = desk.store.roster.active(run.session, cut_off(desk, run))
    return {trader.trader_id: trader.name for trader in active}


def _quarantined(desk: Desk, run: Run) -> frozenset[str]:
    past = desk.store.mornings.stages(run.session, run.revision).get(Verb.VALIDATE)
    return frozenset() if past is None else frozenset(past.detail.get("quarantined", ()))


def _rule_scores(desk: Desk, run: Run) -> tuple[RuleScore, ...]:
    found = desk.store.mornings.rule_scores(run.session, run.revision)
    if not found:
        raise MissingResultError(f"The rules have left no scores for {run.session}: run score-rules.")
    return found


def _model_scores(desk: Desk, run: Run) -> dict[str, ModelScore]:
    """Return the model's scores, but only of a run that finished."""
    if not _is_done(desk, run, Verb.SCORE_MODEL):
        return {}
    return {score.trader_id: score for score in desk.store.mornings.model_scores(run.session, run.revision)}


def _own_model_scores(desk: Desk, run: Run) -> dict[str, ModelScore]:
    """Return what the traders' own models say where they stand in, but only of a run that finished."""
    if not _is_done(desk, run, Verb.COMPARE):
        return {}
    found = desk.store.mornings.own_model_scores(run.session, run.revision)
    return {score.trader_id: score for score in found}


def _is_done(desk: Desk, run: Run, verb: Verb) -> bool:
    past = desk.store.mornings.stages(run.session, run.revision).get(verb)
    return past is not None and past.is_done
