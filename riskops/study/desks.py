"""Panels of the whole machine: a demo desk trades, and rules, model, replay and gate see its history."""

from __future__ import annotations

from riskops import champion, comparison
from riskops.evidence import Amounts, DeskDays
from riskops.sessions import trading_calendar
from riskops.sources.demo import DemoDesk

CALENDAR = "24/7"  # an exchange's is known for about a year ahead only, too short for the longest panels


def panel(
    seed: int, sessions: int, tilt: float = 0.0, tilt_turns_at: int | None = None
) -> tuple[DeskDays, Amounts]:
    """Return the evidence after so many sessions of the demo desk of a seed."""
    demo = DemoDesk(trading_calendar(CALENDAR), seed=seed, tilt=tilt, tilt_turns_at=tilt_turns_at)
    desk, paths = demo.history(sessions)
    return comparison.evidence_path(desk, paths, champion.walk(desk))


def session_index(days: DeskDays, row: int) -> int:
    """Return the number of the desk's session, from 0 on, that a desk-day is."""
    first = trading_calendar(CALENDAR).position(DemoDesk.first_session)
    return int(days.day[row]) - first
