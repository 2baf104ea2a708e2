"""The mails of last resort, plain text: the report cannot be made, or the risk database is gone.

A minimal mail has the last committed limits, an emergency mail those of the limits file. Neither
uses a template or a view model, so that what broke the report cannot break it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from riskops import config
from riskops.limits_file import LimitsFile, State
from riskops.money import dollars
from riskops.records import Decision, Publication
from riskops.report.wording import long_date, one_line, reasons, standing, trader_label
from riskops.sessions import DESK_ZONE


def minimal_subject(session: date) -> str:
    """Return the subject of the minimal mail."""
    return f"RiskOps loss limits {session:%a} {session}: MINIMAL MAIL, the report could not be made"


def minimal_text(
    session: date, decisions: Sequence[Decision] | None, why: str, committed_for: date | None = None
) -> str:
    """Return the minimal mail.

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


def taken_over_subject(session: date) -> str:
    """Return the subject of a mail whose limits are all that is left of it."""
    return f"RiskOps loss limits {session:%a} {session}: from the limits file, the risk database was restored"


def taken_over_text(left: Publication) -> str:
    """Return what is left of a mail that the risk database does not know: its limits."""
    lines = [
        f"DAILY LOSS LIMITS FOR {long_date(left.session).upper()} - FROM THE LIMITS FILE",
        "",
        "The mail of this session left before the risk database was restored. It named these limits",
        f"(rung {int(left.rung)} {left.rung.label}):",
        "",
        *_listed(left.decisions),
    ]
    return "\n".join(lines) + "\n"


def emergency_subject(session: date) -> str:
    """Return the subject of the emergency mail."""
    return f"RiskOps loss limits {session:%a} {session}: EMERGENCY MAIL, the risk database is out of reach"


def emergency_text(held: Publication, file: LimitsFile, sessions_old: int, problem: str) -> str:
    """Return the emergency mail.

    Parameters
    ----------
    held
        The limits to apply.
    file
        The limits file they are made from, `sessions_old` sessions before.
    problem
        Why the risk database cannot be used, in words.
    """
    lines = [
        f"DAILY LOSS LIMITS FOR {long_date(held.session).upper()} - EMERGENCY MAIL",
        "",
        "The risk database is out of reach.",
        *_origin(file, sessions_old),
        "",
        f"APPLY THESE LIMITS (rung {int(held.rung)} {held.rung.label}):",
        "",
        *_listed(held.decisions),
        "",
        "Not known here: who joined, left or was suspended since, changes of base limits, and overrides",
        "recorded or taken back since. An override that was in force stands where it is the tighter limit.",
        "These limits stand when the database is back: RiskOps takes them over and mails no others.",
        "",
        f"For on-call: {one_line(problem)}",
    ]
    return "\n".join(lines) + "\n"


def _origin(file: LimitsFile, sessions_old: int) -> list[str]:
    """Say what the limits are made from, since when that is, and loudly where it is old."""
    left = "its mail had left" if file.state is not State.DECIDED else "whether its mail left is not known"
    known = f"{file.cut_off.astimezone(DESK_ZONE):%a %Y-%m-%d %H:%M} New York"
    if not sessions_old:
        return [f"The limits were decided this morning, before that (data as of {known})."]
    of = long_date(file.session)
    made = f"The limits are held from the limits file of {of} (data as of {known}; {left})."
    if sessions_old <= config.LIMITS_FILE_FRESH_SESSIONS:
        return [made]
    return [made, f"MIND: that file is {sessions_old} sessions old. Compare it with what is in force."]


def _without_limits() -> list[str]:
    left = 100 - config.FLOOR_REDUCTION
    return [
        "There are no committed limits.",
        "",
        f"APPLY THE FLOOR BY HAND: {left}% of the base limit for every trader (rung 4).",
    ]


def _with_limits(decisions: Sequence[Decision], committed_for: date) -> list[str]:
    return [
        f"APPLY THESE LIMITS, the last that were committed (for {long_date(committed_for)}):",
        "",
        *_listed(decisions),
    ]


def _listed(decisions: Sequence[Decision]) -> list[str]:
    by_cut = sorted(decisions, key=lambda decision: -decision.reduction)
    restricted = sum(decision.reduction > 0 for decision in decisions)
    immediate = sum(decision.reduction > config.IMMEDIATE_ABOVE for decision in decisions)
    return [
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
