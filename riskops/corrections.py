"""Corrections: limits decided again for a session whose mail is out, beside those that were sent.

The desk acts on what was sent, so a correction may tighten at any time and loosen only early: from
08:00 New York on no limit rises. A limit that is held in a correction never rises either: a failure
loosens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from riskops import config
from riskops.money import dollars
from riskops.records import Decision, Rung
from riskops.sessions import DESK_ZONE

KEPT = "Keeps the limit sent before"
TOO_LATE = f"from {config.REVISIONS_LOOSEN_UNTIL:%H:%M} New York on a correction only tightens"
FAILED = "his data failed in this correction, and a failure loosens nothing"


def only_tightens(moment: datetime) -> bool:
    """Say whether a correction that is decided at a moment of its session may raise no limit."""
    return moment.astimezone(DESK_ZONE).time() >= config.REVISIONS_LOOSEN_UNTIL


def corrected(
    decided: Iterable[Decision], sent: Sequence[Decision], *, only_tightens: bool
) -> list[Decision]:
    """Return the decisions of a correction, each limit as decided now or as sent before.

    Parameters
    ----------
    decided
        What is decided now.
    sent
        What the mail before said; a trader whom it did not name gets what is decided now.
    only_tightens
        Whether no limit may rise; see `only_tightens`.
    """
    before = {decision.trader_id: decision for decision in sent}
    return [_corrected(decision, before, only_tightens) for decision in decided]


def rises(decided: Iterable[Decision], sent: Sequence[Decision]) -> list[Decision]:
    """Return the decisions whose limit is above the one that was sent."""
    before = {decision.trader_id: decision for decision in sent}
    return [decision for decision in decided if _rises(decision, before)]


def loses_ground(rung: Rung, sent: Rung) -> bool:
    """Say whether a correction would put held limits, or the floor, in the place of an engine's."""
    return rung >= Rung.HOLD > sent


def _corrected(decision: Decision, before: Mapping[str, Decision], only_tightens: bool) -> Decision:
    is_held = decision.rung >= Rung.HOLD
    if not (only_tightens or is_held) or not _rises(decision, before):
        return decision
    limit = f"{dollars(decision.limit_cents)} (cut {decision.reduction}%)"
    note = f"{KEPT}: {FAILED if is_held else TOO_LATE}. Without that it would be {limit}"
    sent = before[decision.trader_id]
    told = [known for known in sent.notes if not known.startswith(KEPT)]
    return replace(sent, notes=(*told, note))


def _rises(decision: Decision, before: Mapping[str, Decision]) -> bool:
    sent = before.get(decision.trader_id)
    return sent is not None and decision.limit_cents > sent.limit_cents
