"""What a correction may do to limits that were sent."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops.corrections import KEPT, corrected, loses_ground, only_tightens, rises
from riskops.records import Decision, Rung
from tests.builders import SESSION
from tests.desks import on_the_morning
from tests.golden.mornings import decision, held

REDUCTIONS = st.integers(0, 16).map(lambda step: 5 * step)
RUNGS = st.sampled_from([Rung.MODEL, Rung.RULES, Rung.HOLD, Rung.FLOOR])
BASES = st.sampled_from([250_000, 500_000, 600_000])
DESKS = st.dictionaries(st.sampled_from(["1", "2", "3", "4"]), st.tuples(REDUCTIONS, RUNGS, BASES))


def desk_of(cuts: dict[str, tuple[int, Rung, int]]) -> list[Decision]:
    return [
        decision(key, cut, rung=rung, base_limit_cents=base, limit_cents=base * (100 - cut) // 100)
        for key, (cut, rung, base) in cuts.items()
    ]


def limits_of(decisions: list[Decision]) -> dict[str, int]:
    return {d.trader_id: d.limit_cents for d in decisions}


@pytest.mark.parametrize(
    ("at", "tightens"),
    [(time(7, 40), False), (time(7, 59, 59), False), (time(8, 0), True), (time(15, 0), True)],
)
def test_from_eight_in_new_york_on_a_correction_only_tightens(at, tightens):
    assert only_tightens(on_the_morning(SESSION, at)()) is tightens


@given(DESKS, DESKS)
def test_after_eight_no_limit_rises_and_whoever_is_new_gets_his(now, sent):
    decided, before = desk_of(now), desk_of(sent)
    found = limits_of(corrected(decided, before, only_tightens=True))
    assert rises(corrected(decided, before, only_tightens=True), before) == []
    assert found == {
        key: min(limit, limits_of(before).get(key, limit)) for key, limit in limits_of(decided).items()
    }


@given(DESKS, DESKS)
def test_before_eight_what_an_engine_decided_stands_and_no_held_limit_rises(now, sent):
    decided, before = desk_of(now), desk_of(sent)
    for was, found in zip(decided, corrected(decided, before, only_tightens=False), strict=True):
        if was.rung < Rung.HOLD:
            assert found is was
        else:
            assert found.limit_cents == min(was.limit_cents, limits_of(before).get(was.trader_id, 10**9))


@given(DESKS, DESKS)
def test_correcting_again_changes_nothing_more(now, sent):
    before = desk_of(sent)
    once = corrected(desk_of(now), before, only_tightens=True)
    assert limits_of(corrected(once, before, only_tightens=True)) == limits_of(once)


def test_a_limit_that_is_kept_is_the_one_that_was_sent_and_says_why():
    sent = decision("1", 50, notes=("2 results estimated",))
    (found,) = corrected([decision("1", 20)], [sent], only_tightens=True)
    assert (found.reduction, found.limit_cents, found.reasons) == (50, 250_000, sent.reasons)
    assert found.notes == (
        "2 results estimated",
        "Keeps the limit sent before: from 08:00 New York on a correction only tightens. "
        "Without that it would be $4,000 (cut 20%)",
    )


def test_a_held_limit_that_is_kept_says_so():
    (found,) = corrected([held("1", 20)], [decision("1", 50)], only_tightens=False)
    assert found.notes[0].startswith(f"{KEPT}: his data failed in this correction")


def test_a_limit_that_is_kept_once_more_says_so_once():
    (once,) = corrected([decision("1", 20)], [decision("1", 50)], only_tightens=True)
    (twice,) = corrected([decision("1")], [once], only_tightens=True)
    assert [note.startswith(KEPT) for note in twice.notes] == [True]
    assert "$5,000 (cut 0%)" in twice.notes[0]


@pytest.mark.parametrize(
    ("now", "sent", "loses"),
    [
        (Rung.HOLD, Rung.RULES, True),
        (Rung.FLOOR, Rung.MODEL, True),
        (Rung.HOLD, Rung.HOLD, False),
        (Rung.RULES, Rung.MODEL, False),
        (Rung.RULES, Rung.HOLD, False),
    ],
)
def test_a_hold_in_the_place_of_an_engine_s_limits_loses_ground(now, sent, loses):
    assert loses_ground(now, sent) is loses
