"""Score every trader by the rules."""

from __future__ import annotations

from collections.abc import Mapping

from riskops import champion, doubt
from riskops.champion import RulesWalk
from riskops.desk import Desk
from riskops.history import DeskHistory
from riskops.pipeline.faults import force
from riskops.pipeline.stage import Receipt, read_readings, settled, stage
from riskops.records import RuleScore, Run, Verb
from riskops.settings import Fault


def score_rules(desk: Desk, run: Run) -> Receipt:
    """Score every trader by the rules, the champion that is always available."""
    if (receipt := settled(desk, run, Verb.SCORE_RULES)) is not None:
        return receipt
    with stage(desk, run, Verb.SCORE_RULES):
        force(desk, Fault.RULES_RAISE)
        history, otherwise = read_readings(desk, run)
        walks = champion.walk(history)
        found = scored_by_rules(history, otherwise, walks)
        share = champion.restricted_share(history, walks)
        receipt = {
            "traders": len(found),
            "restricted": sum(score.reduction > 0 for score in found),
            "restricted_share": None if share is None else float(share),
        }
        desk.store.mornings.record_rule_scores(run.session, run.revision, found, receipt)
    return receipt


def scored_by_rules(
    history: DeskHistory, otherwise: DeskHistory | None, walks: Mapping[str, RulesWalk]
) -> tuple[RuleScore, ...]:
    """Return the rules' scores; where results are in doubt, each trader's tighter one of both readings."""
    on_record = champion.score(history, walks)
    if otherwise is None:
        return on_record
    return doubt.tighter_rules(on_record, champion.score(otherwise), doubt.doubts(history, otherwise))
