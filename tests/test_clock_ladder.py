"""What is due when: nobody waits for the model after 07:20, nor for the rules after 07:28."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops.clock_ladder import FINISH, alarm, due, is_acknowledgement_due, is_emergency, is_read_back_due
from riskops.records import Verb

SCORED = {Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES}


@pytest.mark.parametrize(
    ("now", "done", "expected"),
    [
        (time(6, 0), set(), ()),
        (time(7, 19, 59), SCORED, ()),
        (time(7, 20), SCORED, FINISH),
        (time(7, 20), {Verb.INGEST, Verb.VALIDATE}, (Verb.SCORE_RULES, *FINISH)),
        (time(7, 27, 59), set(), (Verb.SCORE_RULES, *FINISH)),
        (time(7, 28), {Verb.INGEST, Verb.VALIDATE}, FINISH),
        (time(9, 0), set(), FINISH),
    ],
)
def test_what_is_due_at_a_time(now, done, expected):
    assert due(now, done, is_out=False) == expected


@given(st.times(), st.sets(st.sampled_from(Verb)), st.booleans())
def test_once_the_mail_is_out_nothing_is_due_and_nobody_is_alarmed(now, done, begun):
    assert due(now, done, is_out=True) == ()
    assert alarm(now, begun, is_out=True) == ""


@pytest.mark.parametrize(
    ("now", "begun", "expected"),
    [
        (time(6, 29), False, ""),
        (time(6, 30), False, "the morning has not begun at 06:30"),
        (time(6, 30), True, ""),
        (time(7, 29), True, ""),
        (time(7, 30), True, "the mail is not out at 07:30"),
    ],
)
def test_what_on_call_hears_at_a_time(now, begun, expected):
    assert alarm(now, begun, is_out=False) == expected


@pytest.mark.parametrize(
    ("now", "read", "in_force"),
    [(time(7, 49, 59), False, False), (time(7, 50), True, False), (time(8), True, True)],
)
def test_when_the_mail_has_to_be_read_and_its_limits_in_force(now, read, in_force):
    assert (is_acknowledgement_due(now), is_read_back_due(now)) == (read, in_force)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(time(6, 30), False), (time(7, 27, 59), False), (time(7, 28), True), (time(16), True)],
)
def test_limits_are_held_without_the_database_from_seven_twenty_eight(now, expected):
    assert is_emergency(now) is expected
