"""Choose the rung of the ladder from what the verbs left."""

from __future__ import annotations

from riskops import ladder
from riskops.desk import Desk
from riskops.pipeline.stage import NO_SCORES, Receipt, settled, stage
from riskops.records import Run, Rung, Verb

ROUTES = {Rung.MODEL: "publish_model", Rung.RULES: "publish_rules", Rung.HOLD: "hold_limits"}


def choose(desk: Desk, run: Run) -> Receipt:
    """Choose the rung from what the earlier verbs left in the risk database.

    A verb that failed, was killed or timed out has left nothing, which is an answer too.
    """
    if (receipt := settled(desk, run, Verb.CHOOSE)) is not None:
        return receipt
    with stage(desk, run, Verb.CHOOSE):
        comparison = desk.store.mornings.comparison(run.session, run.revision)
        reason = "" if comparison is None else comparison.reason
        choice = ladder.choose(_left_behind(desk, run), reason)
        receipt = {
            "rung": int(choice.rung),
            "route": ROUTES[choice.rung],
            "verdict": choice.verdict.value,
            "why": choice.why,
        }
        desk.store.mornings.finish(run.session, run.revision, Verb.CHOOSE, receipt)
    return receipt


def _left_behind(desk: Desk, run: Run) -> ladder.Evidence:
    stages = desk.store.mornings.stages(run.session, run.revision)
    done = {verb for verb, past in stages.items() if past.is_done}
    validated = stages[Verb.VALIDATE].detail if Verb.VALIDATE in done else {}
    silent = stages[Verb.SCORE_MODEL].detail.get(NO_SCORES, "") if Verb.SCORE_MODEL in done else ""
    comparison = desk.store.mornings.comparison(run.session, run.revision)
    compared = comparison is not None and Verb.COMPARE in done
    return ladder.Evidence(
        ingested=Verb.INGEST in done,
        validated=Verb.VALIDATE in done,
        desk_critical=bool(validated.get("desk_critical")),
        rules_scored=Verb.SCORE_RULES in done,
        model_scored=Verb.SCORE_MODEL in done and not silent,
        model_silent=silent,
        verdict=comparison.verdict if comparison is not None and compared else None,
        problems={verb.value: past.detail.get("problem", "") for verb, past in stages.items()},
        own_models=compared and bool(desk.store.mornings.own_model_scores(run.session, run.revision)),
    )
