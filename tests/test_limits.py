from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.limits import (
    Held,
    Tier,
    base_in_force,
    combine,
    eased_from,
    hold,
    limit_cents,
    raw_reductions,
    relax,
    tier,
)
from riskops.records import LivedReduction, Rung
from tests.builders import SESSION

LEVELS = st.tuples(*(st.sampled_from(x) for x in [(0, 40), (0, 30, 50), (0, 40, 60), (0, 25), (0, 20)]))


def combined(breach: int = 0, streak: int = 0, drawdown: int = 0, volatility: int = 0, large: int = 0) -> int:
    return int(combine(np.array([[breach, streak, drawdown, volatility, large]]))[0])


def lived(
    position: int, reduction: int, rung: Rung = Rung.RULES, *, limit: int = 500_000, base: int = 500_000
):
    session = SESSION + timedelta(days=position)
    return LivedReduction("3942", session, reduction, limit, base, rung)


@pytest.mark.parametrize(
    ("fired", "reduction"),
    [
        ({}, 0),
        ({"large": 20}, 20),
        ({"volatility": 25}, 25),
        ({"streak": 30}, 30),
        ({"streak": 50}, 40),
        ({"drawdown": 60}, 60),
        ({"streak": 50, "drawdown": 40}, 50),
        ({"streak": 30, "volatility": 25, "large": 20}, 40),
        ({"streak": 50, "drawdown": 40, "volatility": 25}, 60),
        ({"breach": 40, "drawdown": 60, "large": 20}, 70),
        ({"breach": 40, "streak": 50, "drawdown": 60, "volatility": 25, "large": 20}, 80),
    ],
)
def test_signals_combine_to_the_highest_level_capped_alone_and_raised_from_the_third(
    fired: dict[str, int], reduction: int
) -> None:
    assert combined(**fired) == reduction


@given(LEVELS, LEVELS)
def test_stronger_signals_never_give_a_smaller_cut(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    stronger = [max(pair) for pair in zip(one, other, strict=True)]
    assert combine(np.array([stronger]))[0] >= combine(np.array([one]))[0]


def test_probation_cuts_20_at_least_below_ten_active_days() -> None:
    levels = np.array([[0, 0, 0, 0, 0], [0, 30, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert raw_reductions(levels, np.array([9, 0, 10])).tolist() == [20, 30, 0]


def test_in_probation_a_lone_signal_counts_in_full() -> None:
    levels = np.array([[0, 50, 0, 0, 0], [0, 0, 60, 0, 0], [40, 50, 0, 0, 0], [40, 50, 60, 0, 0]])
    assert raw_reductions(levels, np.full(4, 9)).tolist() == [50, 60, 50, 70]
    assert raw_reductions(levels, np.full(4, 10)).tolist() == [40, 60, 50, 70]


@given(LEVELS, LEVELS, st.integers(0, 20))
def test_stronger_signals_never_give_a_smaller_cut_in_or_after_probation(
    one: tuple[int, ...], other: tuple[int, ...], active_days: int
) -> None:
    stronger = [max(pair) for pair in zip(one, other, strict=True)]
    weak, strong = (raw_reductions(np.array([x]), np.array([active_days]))[0] for x in (one, stronger))
    assert strong >= weak


@given(LEVELS)
def test_the_end_of_probation_lowers_the_cut_by_one_step_of_relief_at_most(levels: tuple[int, ...]) -> None:
    probation, normal = raw_reductions(np.array([levels, levels]), np.array([9, 10])).tolist()
    assert 0 <= probation - normal <= 20


def test_exactly_40_is_moderate_and_more_is_immediate() -> None:
    assert [tier(r) for r in (0, 15, 20, 40, 45, 80)] == [
        *(Tier.NORMAL, Tier.NORMAL, Tier.MODERATE, Tier.MODERATE, Tier.IMMEDIATE, Tier.IMMEDIATE)
    ]


def test_relief_comes_in_steps_of_20_and_a_cut_bites_at_once() -> None:
    assert relax(np.array([0, 80, 0, 0, 0, 0, 0])).tolist() == [0, 80, 60, 40, 20, 0, 0]
    assert relax(np.array([50, 0, 40, 25, 0])).tolist() == [50, 30, 40, 25, 5]


@given(st.lists(st.sampled_from(range(0, 85, 5)), min_size=1, max_size=30))
def test_relaxed_cuts_cover_what_was_asked_and_fall_by_20_at_most(asked: list[int]) -> None:
    relaxed = relax(np.array(asked))
    assert (relaxed >= asked).all()
    assert (np.diff(relaxed) >= -20).all()


def test_the_origin_of_an_easing_cut_is_the_oldest_one_that_explains_it() -> None:
    assert eased_from(np.array([0, 50, 30, 0])) == 2
    assert eased_from(np.array([0, 0, 30, 20])) is None
    assert eased_from(np.array([0])) is None


@pytest.mark.parametrize(
    ("base", "reduction", "limit"),
    [
        (500_000, 50, 250_000),
        (500_000, 30, 350_000),
        (500_000, 25, 375_000),
        (333_333, 0, 333_333),
        (333_333, 20, 265_000),
        (50_000, 80, 10_000),
        (33_000, 80, 6_600),
        (6_001, 40, 1_201),
    ],
    ids=["half", "30", "25", "unrounded", "down to $50", "small base", "minimum wins", "minimum rounds up"],
)
def test_limits_are_rounded_down_to_50_dollars_above_a_minimum(base: int, reduction: int, limit: int) -> None:
    assert limit_cents(base, reduction) == limit


@given(st.integers(1, 10**9), st.integers(0, 80))
def test_a_limit_stays_between_20_percent_of_the_base_and_the_base(base: int, reduction: int) -> None:
    limit = limit_cents(base, reduction)
    assert base <= 5 * limit <= 5 * base
    assert limit_cents(np.array([base]), np.array([reduction])).tolist() == [limit]


@given(st.integers(1, 10**9), st.integers(0, 79))
def test_a_larger_cut_never_gives_a_higher_limit(base: int, reduction: int) -> None:
    assert limit_cents(base, reduction + 1) <= limit_cents(base, reduction)


def test_a_lower_base_acts_at_once_and_a_raise_waits_for_the_cut_to_end() -> None:
    assert base_in_force(400_000, 500_000, 50) == 400_000
    assert base_in_force(700_000, 500_000, 10) == 500_000
    assert base_in_force(700_000, 500_000, 0) == 700_000


def test_a_hold_tightens_by_10_a_session_and_20_at_most() -> None:
    records = {10: lived(10, 30, limit=350_000)}
    held = [hold(records, 11, 500_000)]
    for position in (11, 12):
        last = held[-1]
        records[position] = lived(position, last.reduction, Rung.HOLD, limit=last.limit_cents)
        held.append(hold(records, position + 1, 500_000))
    assert [(h.reduction, h.limit_cents, h.held_from, h.sessions) for h in held] == [
        (40, 300_000, 10, 1),
        (50, 250_000, 10, 2),
        (50, 250_000, 10, 3),
    ]


def test_a_hold_never_exceeds_80_nor_the_dollars_it_stands_on() -> None:
    assert hold({10: lived(10, 75, limit=125_000)}, 11, 500_000).reduction == 80
    overridden = hold({10: lived(10, 0, limit=200_000)}, 11, 500_000)
    assert (overridden.reduction, overridden.limit_cents) == (10, 200_000)


def test_a_hold_takes_a_lower_base_at_once_and_no_higher_one() -> None:
    records = {10: lived(10, 0)}
    assert hold(records, 11, 400_000).limit_cents == 360_000
    assert hold(records, 11, 900_000).base_cents == 500_000


def test_without_anything_to_hold_the_floor_is_half_the_base() -> None:
    assert hold({}, 11, 500_000) == Held(Rung.FLOOR, 500_000, 50, 250_000, None, 1)
    floored = {10: lived(10, 50, Rung.FLOOR, limit=250_000)}
    assert hold(floored, 11, 500_000) == Held(Rung.FLOOR, 500_000, 50, 250_000, None, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(0, 85, 5)), st.sampled_from(Rung)), max_size=6))
def test_a_hold_ignores_what_was_lived_on_its_session_or_later(records: list[tuple[int, Rung]]) -> None:
    before = {p: lived(p, reduction, rung) for p, (reduction, rung) in enumerate(records)}
    after = {p: lived(p, 80, limit=100_000) for p in (len(records), len(records) + 1)}
    assert hold(before | after, len(records), 500_000) == hold(before, len(records), 500_000)
