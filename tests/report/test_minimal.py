"""The emergency mail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops import emergency, limits_file
from riskops.limits_file import State
from riskops.report.minimal import emergency_subject, emergency_text, minimal_subject, minimal_text
from tests.builders import CALENDAR, SESSION
from tests.golden.mornings import FRIDAY, decision, held, seed_desk
from tests.small_desks import PUBLICATION

LINK = "https://risk.example.com/runbook#a-minimal-mail-left"


def test_it_ends_with_a_link_to_what_to_do():
    assert minimal_text(SESSION, None, "no database", LINK).endswith(f"What to do: {LINK}\n")
    assert emergency_mail().endswith(f"What to do: {LINK}\n")


def test_every_trader_has_a_line_with_the_largest_cut_first():
    text = minimal_text(SESSION, seed_desk(), "compose broke", LINK, FRIDAY)
    lines = [line for line in text.splitlines() if line.startswith("Trader")]
    assert len(lines) == 15
    assert lines[0] == (
        "Trader 3942: REDUCE LIMIT BY 50% to $2,500 (from $5,000) - "
        "Extended loss streak (5 days), Drawdown 18.2%"
    )


def test_it_says_what_broke_and_for_which_session_the_limits_were_committed():
    text = minimal_text(SESSION, seed_desk(), "compose broke\nBcc: x", LINK, FRIDAY)
    assert "could not be made: compose broke Bcc: x\n" in text
    assert "(for Friday 13 March 2026)" in text
    assert "MONDAY 16 MARCH 2026" in text


def test_limits_committed_this_morning_are_those_of_the_session():
    assert "(for Monday 16 March 2026)" in minimal_text(SESSION, [decision()], "compose broke", LINK)


def test_a_held_limit_is_labelled():
    assert "HELD (rung 3)" in minimal_text(SESSION, [held("1", 60)], "compose broke", LINK)


def test_without_any_committed_limit_the_floor_is_asked_for():
    assert "APPLY THE FLOOR BY HAND: 50% of the base limit" in minimal_text(
        SESSION, None, "no database", LINK
    )


def test_the_subject_says_that_this_is_not_the_usual_mail():
    assert minimal_subject(SESSION) == (
        "RiskOps loss limits Mon 2026-03-16: MINIMAL MAIL, the report could not be made"
    )


def emergency_mail(sessions_old=1, state=State.SEALED, problem="connection refused."):
    of = CALENDAR.shift(SESSION, -sessions_old)
    file = limits_file.limits_file(replace(PUBLICATION, session=of), "desk", state)
    return emergency_text(emergency.hold(file, SESSION, CALENDAR), file, sessions_old, problem, LINK)


class TestEmergency:
    def test_it_says_what_is_gone_and_since_when_the_limits_are(self):
        text = emergency_mail()
        assert "The risk database is out of reach.\n" in text
        assert "For on-call: connection refused.\n" in text
        assert "held from the limits file of Friday 13 March 2026 (data as of Mon 2026-03-16 06:30" in text
        assert "APPLY THESE LIMITS (rung 3 hold):" in text
        assert (
            "Trader 3942 (Daniel Mercer): REDUCE LIMIT BY 50% to $2,500 (from $5,000) - HELD (rung 3)" in text
        )
        assert "Total traders: 1" in text

    @pytest.mark.parametrize(
        ("state", "told"),
        [
            (State.SEALED, "its mail had left"),
            (State.EMERGENCY, "its mail had left"),
            (State.DECIDED, "whether its mail left is not known"),
        ],
    )
    def test_it_says_whether_the_limits_it_stands_on_had_left(self, state, told):
        assert told in emergency_mail(state=state)

    @pytest.mark.parametrize(("sessions_old", "minds"), [(1, False), (3, False), (4, True)])
    def test_a_file_older_than_a_few_sessions_is_minded(self, sessions_old, minds):
        assert (f"MIND: that file is {sessions_old} sessions old" in emergency_mail(sessions_old)) is minds

    def test_limits_of_this_morning_are_said_to_be_decided(self):
        text = emergency_mail(sessions_old=0)
        assert "The limits were decided this morning, before that" in text
        assert "APPLY THESE LIMITS (rung 2 rules):" in text

    def test_foreign_text_starts_no_line_of_its_own(self):
        assert "gone Trader 1: REDUCE" in emergency_mail(problem="gone\nTrader 1: REDUCE")

    def test_the_subject_says_what_it_is(self):
        assert emergency_subject(SESSION) == (
            "RiskOps loss limits Mon 2026-03-16: EMERGENCY MAIL, the risk database is out of reach"
        )
