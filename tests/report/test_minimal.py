"""The emergency mail."""

from __future__ import annotations

from riskops.report.minimal import minimal_subject, minimal_text
from tests.builders import SESSION
from tests.golden.mornings import FRIDAY, decision, held, seed_desk


def test_every_trader_has_a_line_with_the_largest_cut_first():
    text = minimal_text(SESSION, seed_desk(), "compose broke", FRIDAY)
    lines = [line for line in text.splitlines() if line.startswith("Trader")]
    assert len(lines) == 15
    assert lines[0] == (
        "Trader 3942: REDUCE LIMIT BY 50% to $2,500 (from $5,000) - "
        "Extended loss streak (5 days), Drawdown 18.2%"
    )


def test_it_says_what_broke_and_for_which_session_the_limits_were_committed():
    text = minimal_text(SESSION, seed_desk(), "compose broke\nBcc: x", FRIDAY)
    assert "could not be made: compose broke Bcc: x\n" in text
    assert "(for Friday 13 March 2026)" in text
    assert "MONDAY 16 MARCH 2026" in text


def test_limits_committed_this_morning_are_those_of_the_session():
    assert "(for Monday 16 March 2026)" in minimal_text(SESSION, [decision()], "compose broke")


def test_a_held_limit_is_labelled():
    assert "HELD (rung 3)" in minimal_text(SESSION, [held("1", 60)], "compose broke")


def test_without_any_committed_limit_the_floor_is_asked_for():
    assert "APPLY THE FLOOR BY HAND: 50% of the base limit" in minimal_text(SESSION, None, "no database")


def test_the_subject_says_that_this_is_not_the_usual_mail():
    assert minimal_subject(SESSION) == (
        "RiskOps loss limits Mon 2026-03-16: MINIMAL MAIL, the report could not be made"
    )
