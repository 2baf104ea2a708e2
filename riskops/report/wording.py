"""The words of the mail: every sentence that is made of a record, and the cleaning of foreign text.

Text that comes from outside (names, details of checks, answers of servers) passes `one_line`, so
that it can neither start a line of its own nor reverse the reading direction, and is bounded. Our
own sentences pass `printable` and are never cut short.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from riskops.money import at_least, dollars
from riskops.records import Confidence, Decision, Engine, Rung, TrackRecord, Verdict
from riskops.sessions import DESK_ZONE
from riskops.way_back import CLAUSE_BREAK

LONGEST_TEXT = 300
LONGEST_ID = 64
LONGEST_NAME = 80
EASING = "Easing from"
RETOLD = (EASING, "Probation")  # reasons that have a note which tells more

SYSTEMS = {
    Rung.MODEL: "Pooled model",
    Rung.RULES: "Rules-based (baseline)",
    Rung.HOLD: "Held limits",
    Rung.FLOOR: "Floor",
}
TIGHTENED = "Rules-based, tightened by the traders' own models"
VERDICTS = {
    Verdict.MODEL_WINS: "the model wins",
    Verdict.RULES_HOLD: "the rules hold",
    Verdict.NOT_ENOUGH_EVIDENCE: "not enough evidence to replace the rules",
    Verdict.MODEL_FAILED: "MODEL FAILED",
}


def one_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return foreign `text` as one printable line that is not longer than `longest`."""
    line = printable(text)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def printable(text: str) -> str:
    """Return `text` as one line, however long: no control, format or line-breaking characters."""
    return " ".join("".join(_printable(character) for character in text).split())


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":  # invisible; among them those that reverse the reading direction
        return ""
    return " " if category[0] in "CZ" else character


def long_date(day: date) -> str:
    """Return a date as titles print it: ``Monday 16 March 2026``."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_date(day: date) -> str:
    """Return a date as remarks print it: ``Fri 13 Mar``."""
    return f"{day:%a} {day.day} {day:%b}"


def desk_moment(moment: datetime) -> str:
    """Return an aware moment in New York time: ``06:12 New York time, Mon 16 Mar 2026``."""
    local = moment.astimezone(DESK_ZONE)
    return f"{local:%H:%M} New York time, {short_date(local.date())} {local.year}"


def share(part: float, whole: float = 1.0) -> str:
    """Return a share as the remarks print it: ``12 %``; a fraction of a percent is kept below 1 %."""
    percent = 100 * part / whole
    return f"{percent:.1f} %" if 0 < percent < 1 else f"{percent:.0f} %"


def short_dollars(usd: float) -> str:
    """Return an amount where there is little room: ``$450``, ``-$12.3k``, ``$1.2m``."""
    sign, size = "-" if usd < 0 else "", abs(usd)
    if size >= 999_500:
        return f"{sign}${size / 1e6:,.3g}m"
    return f"{sign}${size / 1e3:,.3g}k" if size >= 999.5 else f"{sign}${size:,.0f}"


def counted(count: int, noun: str) -> str:
    """Return ``1 session``, ``2 sessions``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listing(names: Sequence[str], most: int) -> str:
    """Return at most `most` names and how many were left out."""
    left_out = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {left_out} more" if left_out > 0 else shown


def trader_label(trader_id: str, name: str) -> str:
    """Return how a trader is called in the mail; the name follows where it says more than the id."""
    label, shown = f"Trader {one_line(trader_id, LONGEST_ID)}", one_line(name, LONGEST_NAME)
    return label if shown in ("", label, trader_id) else f"{label} ({shown})"


def track_record(record: TrackRecord | None) -> str:
    """Return ``large loss on 4 of 17 such days (desk: 12 %)``, or nothing without such days."""
    if record is None or record.days == 0:
        return ""
    desk = f" (desk: {share(record.desk_hits, record.desk_days)})" if record.desk_days else ""
    return f"large loss on {record.hits} of {counted(record.days, 'such day')}{desk}"


def confidence(decision: Decision) -> str:
    """Return how well a cut is confirmed, and the record of such days.

    Nothing where it only eases: no signal of today speaks for it.
    """
    only_eases = bool(decision.reasons) and all(reason.startswith(EASING) for reason in decision.reasons)
    if only_eases and decision.confidence is not Confidence.LOW:
        return ""
    record = track_record(decision.track_record)
    return f"{decision.confidence.value}; {record}" if record else decision.confidence.value


def flip_distance(decision: Decision) -> str:
    """Return which extra loss on the last active day would raise the cut, where an engine knows one."""
    if decision.rung in (Rung.HOLD, Rung.FLOOR) or decision.flip_distance_cents is None:
        return ""
    whose = "the rules'" if decision.engine is Engine.POOLED_MODEL else "the"
    if decision.override is not None:
        whose = f"{whose} decided"
    more = at_least(decision.flip_distance_cents)
    return f"{more} more loss on the last active day would raise {whose} cut"


def way_back(decision: Decision) -> tuple[str, ...]:
    """Return what restores the limit, one sentence a signal."""
    clauses = printable(decision.way_back).split(CLAUSE_BREAK)
    if decision.engine is Engine.POOLED_MODEL:
        clauses.append("pooled model: it scores anew every morning")
    return tuple(clause[0].upper() + clause[1:] for clause in clauses if clause)


def large_loss_risk(decision: Decision) -> str:
    """Return the calibrated probability of a large loss on the session, where there is one."""
    probability = decision.large_loss_probability
    return "" if probability is None or not math.isfinite(probability) else share(probability)


def standing(decision: Decision) -> str:
    """Return what a limit stands on other than an engine: quarantine, hold, floor, override, or nothing."""
    parts = ["QUARANTINED (data failed)"] if decision.quarantined else []
    if decision.rung is Rung.HOLD:
        parts.append(f"HELD ({_rung_number(decision)})")
    if decision.rung is Rung.FLOOR:
        parts.append(f"FLOOR ({_rung_number(decision)})")
    return "; ".join(text for text in (", ".join(parts), overridden(decision)) if text)


def overridden(decision: Decision) -> str:
    """Return by whose word a limit is another one than was decided, until when, why, and from what."""
    made_by = decision.override
    if made_by is None:
        return ""
    until = f"until {short_date(made_by.last_session)} (override {made_by.number})"
    decided = f"{decision.decided_reduction}% ({dollars(decision.decided_limit_cents)})"
    said = f"OVERRIDDEN by {one_line(made_by.by)} {until}: {one_line(made_by.why)}"
    return f"{said}; decided without it: {decided}"


def reasons(decision: Decision) -> str:
    """Return the reasons of a cut in one line; a hold without any names the session it stands on."""
    if decision.reasons or decision.held_from is None:
        fuller = {_topic(note): note for note in decision.notes}
        told = (fuller.get(_topic(reason), reason) for reason in decision.reasons)
        return printable(", ".join(told))
    return f"Held from {decision.held_from}, held session {decision.held_sessions}"


def notes(decision: Decision) -> tuple[str, ...]:
    """Return the notes that say more than the reasons, which have taken in the others."""
    told = {_topic(reason) for reason in decision.reasons}
    return tuple(printable(note) for note in decision.notes if _topic(note) not in told)


def _topic(text: str) -> str:
    return next((topic for topic in RETOLD if text.startswith(topic)), text)


def _rung_number(decision: Decision) -> str:
    return f"rung {int(decision.rung)}"


def because(statement: str, why: str) -> str:
    """Return a statement and its reason, where there is one, in one line."""
    return printable(f"{statement}: {one_line(why)}" if why else statement)
