"""Score every trader by the rules."""

from __future__ import annotations

from riskops import champion
from riskops.desk import Desk
from riskops.pipeline.faults import force
from riskops.pipeline.stage import Receipt, read_history, settled, stage
from riskops.records import Run, Verb
from riskops.settings import Fault


def score_rules(desk: Desk, run: Run) -> Receipt:
    """Score every trader by the rules, the champion that is always available."""
    if (receipt := settled(desk, run, Verb.SCORE_RULES)) is not None:
        return receipt
    with stage(desk, run, Verb.SCORE_RULES):
        force(desk, Fault.RULES_RAISE)
        history = read_history(desk, run)
        walks = champion.walk(history)
        found = champion.score(history, walks)
        share = champion.restricted_share(history, walks)
        receipt = {
            "traders": len(found),
            "restricted": sum(score.reduction > 0 for score in found),
            "restricted_share": None if share is None else float(share),
        }
        desk.store.mornings.record_rule_scores(run.session, run.revision, found, receipt)
    return receipt
