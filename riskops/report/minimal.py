"""The emergency mail: plain text from the last committed limits, when the report cannot be made.

It uses no template and no view model, so that what broke the report cannot break it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from riskops import config
from riskops.money import dollars
from riskops.records import Decision
from riskops.report.wording import long_date, one_line, reasons, standing, trader_label


def minimal_subject(session: date) -> str:
    """Return the subject of the emergency mail."""
    return f"RiskOps loss limits {session:%a} {session}: MINIMAL MAIL, the report could not be made"


def minimal_text(
    session: date, decisions: Sequence[Decision] | None, why: str, committed_for: date | None = None
) -> str:
    """Return the emergency mail.

    Parameters
    ----------
    decisions
        The limits committed last; ``None`` where there are none.
    why
        What broke, in words.
    committed_for
        The session `decisions` were committed for, where that is another one than `session`.
    """
    lines = [
        f"DAILY LOSS LIMITS FOR {long_date(session).upper()} - MINIMAL MAIL",
        "",
        f"The report could not be made: {one_line(why)}",
        "",
        *(_without_limits() if decisions is None else _with_limits(decisions, committed_for or session)),
        "",
        "Rung and checks: run `riskops status`.",
    ]
    return "\n".join(lines) + "\n"


def _without_limits() -> list[str]:
    left = 100 - config.FLOOR_REDUCTION
    return [
        "There are no committed limits.",
        "",
        f"APPLY THE FLOOR BY HAND: {left}% of the base limit for every trader (rung 4).",
    ]


def _with_limits(decisions: Sequence[Decision], committed_for: date) -> list[str]:
    by_cut = sorted(decisions, key=lambda decision: -decision.reduction)
    restricted = sum(decision.reduction > 0 for decision in decisions)
    immediate = sum(decision.reduction > config.IMMEDIATE_ABOVE for decision in decisions)
    return [
        f"APPLY THESE LIMITS, the last that were committed (for {long_date(committed_for)}):",
        "",
        *[_line(decision) for decision in by_cut],
        "",
        "SUMMARY:",
        f"Total traders: {len(decisions)}",
        f"Restrictions applied: {restricted}",
        f"High risk: {immediate}",
    ]


def _line(decision: Decision) -> str:
    label = trader_label(decision.trader_id, decision.name)
    limit, base = dollars(decision.limit_cents), dollars(decision.base_limit_cents)
    cut = f"REDUCE LIMIT BY {decision.reduction}% to {limit} (from {base})" if decision.reduction else limit
    remarks = [text for text in (standing(decision), reasons(decision)) if text]
    return " - ".join([f"{label}: {cut}", *remarks])
