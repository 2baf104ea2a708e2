import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import config, evidence
from riskops.evidence import Amount, Amounts, DeskDays

PLENTY = Amount(trader_days=20_000, desk_days=1_000, large_loss_days=500)
CLIP = 15_000.0
SD = 1_400.0  # USD a desk-day


def desk_days(challenger, rules, *, active: int = 15, first_day: int = 1_000, clip: float = CLIP) -> DeskDays:
    """Build desk-days from the two benefits in USD, nothing censored."""
    pairs = np.column_stack([challenger, rules])
    differences = pairs @ evidence.WEIGHTS.T
    differences[:, 3] -= 0.50 * active
    count = len(pairs)
    return DeskDays(
        day=np.arange(first_day, first_day + count),
        differences=differences,
        clip_usd=np.full(count, clip),
        advantage=pairs[:, 0] - pairs[:, 1],
        active=np.full(count, float(active)),
    )


def morning_after(days: DeskDays) -> int:
    return int(days.day[-1]) + 1


def judged(days: DeskDays, amount: Amount = PLENTY):
    return evidence.gate(days, amount, morning_after(days))


def better_by(usd: float, days: int = 750, seed: int = 5) -> DeskDays:
    rng = np.random.default_rng(seed)
    rules = rng.normal(20, 700, days)
    return desk_days(rules + usd + rng.normal(0, SD / 3, days), rules)


# --- arithmetic -----------------------------------------------------------------------------
def naive_e_process(differences: list[float], c: float) -> list[float]:
    e, path, seen = 1.0, [], []
    for d in differences:
        x = max(-1.0, min(1.0, d / c))
        n = len(seen)
        m = sum(seen) / (n + 20)
        v = (sum(s * s for s in seen) + 20 * (0.28 * 5_000 / c) ** 2) / (n + 20) - m * m
        stake = max(0.0, min(0.9, m / (v + m * m)))
        e *= 1 + stake * x
        path.append(e)
        seen.append(x)
    return path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-40_000, 40_000), min_size=1, max_size=40), st.floats(1_000, 30_000))
def test_the_e_process_agrees_with_a_loop_written_from_the_formula(differences, c):
    fast = evidence.e_process(np.array(differences), np.full(len(differences), c))
    assert fast == pytest.approx(naive_e_process(differences, c), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-9_000, 9_000), min_size=2, max_size=30), st.floats(-9_000, 9_000))
def test_the_stake_of_a_day_knows_only_earlier_days(differences, other):
    clip = np.full(len(differences), CLIP)
    changed = [*differences[:-1], other]
    one, two = (evidence.e_process(np.array(d), clip) for d in (differences, changed))
    assert one[:-1].tolist() == two[:-1].tolist()


def test_the_clip_grows_with_the_root_of_the_desk():
    assert evidence.clip_usd(np.array([15, 60, 0])).tolist() == pytest.approx(
        [15_000, 30_000, 15_000 / math.sqrt(15)]
    )


def test_the_four_differences_are_those_registered():
    days = desk_days(np.array([300.0]), np.array([100.0]), active=10)
    assert days.differences[0].tolist() == pytest.approx([190, 210, 300, 195])


def test_a_negative_rules_benefit_is_beaten_only_by_ten_percent_of_its_size():
    days = desk_days(np.array([-95.0]), np.array([-100.0]))
    assert days.differences[0, 1] == pytest.approx(-5)


# --- the gate -------------------------------------------------------------------------------
def test_a_strong_advantage_opens_the_gate():
    found = judged(better_by(400))
    assert found.opens
    assert min(found.latest) >= config.E_VALUE_BAR


def test_an_advantage_of_less_than_ten_percent_does_not_open_the_gate():
    rng = np.random.default_rng(2)
    rules = rng.normal(400, 700, 750)
    assert not judged(desk_days(1.05 * rules, rules)).opens


@pytest.mark.parametrize("short", ["trader_days", "desk_days", "large_loss_days"])
def test_every_wall_holds(short):
    found = judged(better_by(400), dataclasses.replace(PLENTY, **{short: 1}))
    assert not found.opens
    assert len(found.missing) == 1


def test_clipping_does_not_hide_ruin():
    rng = np.random.default_rng(4)
    advantage = np.where(np.arange(750) == 10, -2_000_000.0, rng.normal(500, 300, 750))
    found = judged(desk_days(advantage, np.zeros(750)))
    assert min(found.latest) >= config.E_VALUE_BAR
    assert not found.opens


def test_a_ruinous_day_vetoes_promotion_for_250_sessions():
    days = better_by(400)
    last = int(days.day[-1])
    days.differences[-1, 0] = -CLIP - 1
    assert evidence.gate(days, PLENTY, last + 250).vetoed
    assert not evidence.gate(days, PLENTY, last + 251).vetoed


def test_a_day_at_the_clip_is_no_veto_and_not_clipped():
    days = better_by(400)
    days.differences[-1, 0] = -CLIP
    assert not judged(days).vetoed
    assert judged(days).clipped_days == 0


def test_clipped_days_are_counted_on_either_side():
    days = better_by(400)
    days.differences[3, 0], days.differences[5, 2] = CLIP + 1, -CLIP - 1
    assert judged(days).clipped_days == 2


def test_later_specifications_need_more():
    assert evidence.bar(1) == 20
    assert evidence.bar(2) == pytest.approx(20 * 4 * math.pi**2 / 6)
    assert evidence.bar(3) > evidence.bar(2)


def test_evidence_for_the_rules_is_seen_the_other_way():
    assert judged(better_by(-400)).speaks_for_rules
    assert not judged(better_by(400)).speaks_for_rules


def test_without_a_day_nothing_is_known():
    nothing = desk_days(np.empty(0), np.empty(0))
    found = evidence.gate(nothing, Amount(0, 0, 0), 1_000)
    assert found.latest == (1, 1, 1, 1)
    assert not found.opens
    assert evidence.sessions_to_go(nothing, found, Amount(0, 0, 0), 1_000) is None
    assert evidence.smallest_detectable_usd(nothing, np.empty(0)) is None


# --- on which day it opened -----------------------------------------------------------------
def opened_day_by_day(days: DeskDays, amounts: Amounts, number: int) -> list[bool]:
    """Ask the gate on the morning after every desk-day."""
    opened = []
    for seen in range(1, len(days) + 1):
        known = DeskDays(*(getattr(days, f.name)[:seen] for f in dataclasses.fields(days)))
        amount = Amount(int(amounts.trader_days[seen - 1]), seen, int(amounts.large_loss_days[seen - 1]))
        opened.append(evidence.gate(known, amount, morning_after(known), number).opens)
    return opened


def amounts_of(days: DeskDays) -> Amounts:
    count = np.arange(1, len(days) + 1)
    return Amounts(trader_days=15 * count, large_loss_days=count // 9)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda days: None, 1),
        (lambda days: None, 2),
        (lambda days: days.differences.__setitem__((360, 2), -CLIP - 1), 1),
        (lambda days: days.differences.__setitem__((100, 0), -60 * CLIP), 1),
        (lambda days: days.differences.__setitem__(slice(500, None), -900.0), 1),
    ],
    ids=["plain", "later specification", "ruinous day", "never ahead in dollars", "turns around"],
)
def test_the_path_of_the_gate_is_the_gate_asked_every_morning(change, number):
    days = better_by(400, days=700)
    days.day[400:] += 30  # sessions without a desk-day count for the veto
    change(days)
    path = evidence.open_after(days, amounts_of(days), number)
    assert path.tolist() == opened_day_by_day(days, amounts_of(days), number)


def test_the_path_sees_the_gate_closed_by_every_wall_and_open_beyond_it():
    days = better_by(400, days=500)
    plenty = Amounts(np.full(500, 20_000), np.full(500, 500))
    opened = int(evidence.open_after(days, plenty).argmax())
    assert opened >= config.MIN_DESK_DAYS - 1
    for short in ("trader_days", "large_loss_days"):
        lacking = dataclasses.replace(plenty, **{short: np.where(np.arange(500) < 450, 0, 20_000)})
        assert int(evidence.open_after(days, lacking).argmax()) == 450


def test_the_path_of_no_evidence_is_empty():
    nothing = desk_days(np.empty(0), np.empty(0))
    assert evidence.open_after(nothing, Amounts(np.empty(0), np.empty(0))).tolist() == []


# --- error rates ----------------------------------------------------------------------------
def null_desks(count: int, days: int = 756) -> list[DeskDays]:
    """Desks whose challenger differs from the rules by noise alone."""
    rng = np.random.default_rng(11)
    desks = []
    for _ in range(count):
        rules = rng.standard_t(4, days) * 500
        desks.append(desk_days(rules + rng.standard_t(4, days) * SD / 2, rules))
    return desks


def ever_promoted(days: DeskDays) -> bool:
    found = judged(days)
    return bool((found.e_values.min(axis=1) >= config.E_VALUE_BAR)[config.MIN_DESK_DAYS :].any())


def ever_significant(days: DeskDays) -> bool:
    """Whether a daily look at p < 0.05 would have promoted on any day from the wall on."""
    count = np.arange(1, len(days) + 1)
    mean = np.cumsum(days.advantage) / count
    sd = np.sqrt(np.maximum(np.cumsum(days.advantage**2) / count - mean**2, 1e-9))
    return bool((mean * np.sqrt(count) / sd > 1.645)[config.MIN_DESK_DAYS :].any())


def test_worthless_challengers_are_not_promoted_where_naive_peeking_promotes_many():
    desks = null_desks(200)
    assert np.mean([ever_promoted(days) for days in desks]) <= 0.05
    assert np.mean([ever_significant(days) for days in desks]) >= 0.15


def test_one_process_rarely_reaches_the_bar_at_the_ten_percent_boundary():
    rng = np.random.default_rng(12)
    noise = rng.standard_t(4, (300, 756)) * SD / math.sqrt(2)
    clip = np.full(756, CLIP)
    reached = [evidence.e_process(row, clip).max() >= config.E_VALUE_BAR for row in noise]
    assert np.mean(reached) <= 0.05


def test_one_process_has_power_at_an_advantage_of_an_eighth_of_a_standard_deviation():
    rng = np.random.default_rng(13)
    clip = np.full(756, CLIP)
    series = SD * (0.12 + rng.standard_normal((200, 756)))
    reached = [evidence.e_process(row, clip).max() >= config.E_VALUE_BAR for row in series]
    assert np.mean(reached) >= 0.70


# --- what is said beside it -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        (None, "the evidence is not growing"),
        (0, "about 0 more sessions at this pace"),
        (1, "about 1 more session at this pace"),
        (2_520, "about 2,520 more sessions at this pace"),
        (2_521, "more than ten years to go at this pace"),
    ],
)
def test_the_pace_is_told_in_plain_words(sessions, words):
    assert evidence.pace(sessions) == words


def test_the_sessions_to_go_shrink_as_evidence_comes_in():
    days = better_by(120, days=750)
    half = DeskDays(*(getattr(days, f.name)[:375] for f in dataclasses.fields(days)))
    waits = [evidence.sessions_to_go(d, judged(d), PLENTY, morning_after(d)) for d in (half, better_by(400))]
    assert waits[0] is not None
    assert waits[0] > waits[1] == 0


def test_there_is_no_end_in_sight_without_a_positive_pace():
    days = better_by(-100)
    assert evidence.sessions_to_go(days, judged(days), PLENTY, morning_after(days)) is None


def test_the_walls_count_in_the_sessions_to_go():
    days = better_by(400)
    amount = dataclasses.replace(PLENTY, trader_days=config.MIN_SAMPLES_FOR_ML - 30)
    assert evidence.sessions_to_go(days, judged(days, amount), amount, morning_after(days)) == 2


def test_the_smallest_detectable_advantage_is_noise_plus_margin():
    rules = np.array([100.0, 300.0] * 50)
    days = desk_days(rules + np.array([0.0, 200.0, 200.0, 0.0] * 25), rules, active=10)
    sd = np.std(days.advantage, ddof=1)
    found = evidence.smallest_detectable_usd(days, rules)
    assert found == pytest.approx(0.11 * sd + 0.10 * 200)
