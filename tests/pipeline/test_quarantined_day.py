"""A night that comes a day late: its trader is held meanwhile, and its losses count once they are there."""

from __future__ import annotations

from datetime import date

import pytest

from riskops.desk import Desk
from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.compose import compose
from riskops.pipeline.ingest import ingest
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.send import send
from riskops.pipeline.validate import validate
from riskops.records import Decision, Rung
from tests.builders import CALENDAR, SESSION
from tests.desks import on_the_morning, run_for
from tests.small_desks import NIGHT, csv_desk, lived, night_file, quiet, row

OTHERS = ("3943", "3951")
NEXT = CALENDAR.shift(SESSION, 1)
BREACH_USD = -5_250.0


@pytest.fixture
def desk(folder):
    """Return a desk whose trader 3942 breaches on a night that is not there in the morning."""
    results = dict.fromkeys(("3942", *OTHERS), quiet()[:40])
    night = [row(trader, NIGHT, 120.0) for trader in OTHERS]
    with csv_desk(folder, results, last=CALENDAR.previous(NIGHT)) as made:
        lived(made, NIGHT, dict.fromkeys(("3942", *OTHERS), 0))
        night_file(folder, [*night, row("3942", NIGHT, 120.0) | {"net": "NaN"}])
        yield made


def held_on_the_session(desk: Desk) -> Decision:
    """Mail the limits of the session; return those of the trader whose night is missing."""
    (held,) = (d for d in mailed(desk, SESSION) if d.trader_id == "3942")
    return held


def mailed(desk: Desk, session: date) -> tuple[Decision, ...]:
    object.__setattr__(desk, "clock", on_the_morning(session))
    for verb in (ingest, validate, score_rules, compare, choose, publish_rules, compose, send):
        verb(desk, run_for(session))
    publication = desk.store.mornings.publication(session, 0)
    assert publication is not None
    return publication.decisions


def with_the_late_night(desk: Desk, folder, result_usd: float) -> Decision:
    """Deliver the late night and that of the session itself, and decide the next session."""
    late = [*(row(trader, NIGHT, 120.0) for trader in OTHERS), row("3942", NIGHT, BREACH_USD)]
    night_file(folder, late)
    night_file(folder, [row("3942", SESSION, result_usd), *(row(t, SESSION, 120.0) for t in OTHERS)], SESSION)
    (decision,) = (d for d in mailed(desk, NEXT) if d.trader_id == "3942")
    return decision


@pytest.mark.fault(
    what="the night of one trader comes a day late",
    gets="a held limit for that trader, and afterwards the cut that the late night asks for",
    rung="3",
    label="QUARANTINED",
    told="risk managers (mail)",
)
def test_a_breach_on_the_missing_night_is_not_swallowed(desk, folder):
    held = held_on_the_session(desk)
    assert (held.rung, held.quarantined, held.reduction) == (Rung.HOLD, True, 10)
    decision = with_the_late_night(desk, folder, 100.0)
    assert (decision.rung, decision.reduction) == (Rung.RULES, 30)
    (note,) = decision.notes
    assert note.startswith(f"Easing from 50% (Mon {SESSION}: hold limit then, known since: Limit breached")
    assert f"-$5,250 against $5,000 on {NIGHT}" in note


def test_a_loss_on_the_held_session_is_measured_by_the_held_limit(desk, folder):
    held = held_on_the_session(desk)
    assert held.limit_cents == 450_000
    decision = with_the_late_night(desk, folder, -4_960.0)
    assert decision.reasons[0] == f"Limit breached: -$4,960 against $4,500 on {SESSION}"
    assert decision.reduction >= 40
