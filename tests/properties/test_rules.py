"""What must hold for the champion whatever the history.

The order of the monotone properties: two histories with the same active days, base limits and
applied limits; one is *worse* than the other when none of its results is higher. For streak,
drawdown and breach any day may be worse; for volatility and large loss only the last five active
days, since a worse baseline makes a bad day less unusual.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import champion
from riskops.history import DeskHistory, TraderHistory
from riskops.limits import limit_cents, raw_reductions
from riskops.measures import measure
from riskops.records import LivedReduction, Rule, RuleScore, Rung
from riskops.rules import fired_levels
from tests.builders import CALENDAR, SESSION, desk_history, trader_history

POSITION = CALENDAR.position(SESSION)
RESULTS = st.lists(st.integers(-6_000, 5_000) | st.integers(-600, 500), min_size=1, max_size=80)
AGO = st.sampled_from([1, 2, 3, 5, 6, 8, 12])
SIMILAR = settings(deadline=None, max_examples=60)
EARLY = [Rule.BREACH, Rule.STREAK, Rule.DRAWDOWN]


def levels(history: TraderHistory) -> dict[Rule, int]:
    row = np.array([len(history) - 1])
    found = fired_levels(measure(history), row, np.array([POSITION]), np.array([500_000]))[0]
    return dict(zip(Rule, found.tolist(), strict=True))


def raw(results: list[float]) -> int:
    found = np.array([list(levels(trader_history(results)).values())])
    return int(raw_reductions(found, np.array([len(results)]))[0])


@st.composite
def gappy(draw: st.DrawFn, trader_id: str = "3942") -> TraderHistory:
    results = draw(RESULTS)
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 12]), min_size=len(results), max_size=len(results)))
    days = POSITION - draw(AGO) - np.cumsum([0, *steps[1:]])[::-1]
    return trader_history(results, trader_id=trader_id, days=days.tolist())


@SIMILAR
@given(gappy(), st.integers(0, 80), st.booleans())
def test_later_days_change_nothing_before(history: TraderHistory, cut: int, rising: bool) -> None:
    steps = ((0, 500_000), (POSITION - 40, 700_000 if rising else 300_000))
    desk = desk_history(history, base_limits={"3942": steps})
    known = history.first(min(cut, len(history)))
    session = CALENDAR.session_at(int(known.day[-1]) + 1) if len(known) else SESSION
    earlier = replace(desk, traders=(known,), session=session, position=CALENDAR.position(session))
    whole, part = champion.walk(desk)["3942"], champion.walk(earlier)["3942"]
    for name in champion.RulesWalk.__dataclass_fields__.keys() - {"measures"}:
        assert getattr(whole, name)[: len(known)].tolist() == getattr(part, name).tolist()


@SIMILAR
@given(gappy())
def test_the_walk_of_a_day_is_what_the_morning_of_that_day_scored(history: TraderHistory) -> None:
    walked = champion.walk(desk_history(history))["3942"]
    i = len(history) - 1
    morning = desk_history(history.first(i), session=CALENDAR.session_at(int(history.day[i])))
    score = champion.score(morning)[0]
    assert (score.raw_reduction, score.reduction) == (walked.raw_reduction[i], walked.reduction[i])
    assert [s.rule for s in score.signals] == [r for r, on in zip(Rule, walked.fired[i], strict=True) if on]
    assert (score.probation, score.rules_only) == (walked.probation[i], walked.rules_only[i])


@SIMILAR
@given(RESULTS, AGO, st.data())
def test_worse_days_never_weaken_streak_drawdown_or_breach(
    results: list[int], ago: int, data: st.DataObject
) -> None:
    extra = data.draw(st.lists(st.integers(0, 3_000), min_size=len(results), max_size=len(results)))
    worse = [usd - loss for usd, loss in zip(results, extra, strict=True)]
    before, after = (levels(trader_history(x, last_active_ago=ago)) for x in (results, worse))
    assert all(after[rule] >= before[rule] for rule in EARLY)


@SIMILAR
@given(RESULTS, AGO, st.lists(st.integers(0, 3_000), min_size=5, max_size=5))
def test_worse_last_five_days_never_weaken_any_rule_nor_the_cut(
    results: list[int], ago: int, extra: list[int]
) -> None:
    worse = list(results)
    for i, loss in enumerate(extra[: len(results)], start=1):
        worse[-i] -= loss
    before, after = (levels(trader_history(x, last_active_ago=ago)) for x in (results, worse))
    assert all(after[rule] >= before[rule] for rule in Rule)
    assert raw(worse) >= raw(results)


QUIET = [300.0, -300.0] * 20 + [400.0]
WILD = [2_500.0, -2_500.0] * 20 + [2_600.0]
STEADY = [-1_000.0, 200.0] * 20 + [400.0]


@pytest.mark.parametrize(
    ("results", "fired", "reduction"),
    [
        (QUIET, [0, 0, 0, 0, 0], 0),
        ([500.0, -500.0] * 20 + [400, 400, 400, 400, -2_001], [0, 0, 0, 0, 20], 20),
        ([*QUIET, 60, -1_600, -1_000, 60, 60], [0, 0, 0, 25, 0], 25),
        ([*STEADY, -300, -300, -300], [0, 30, 0, 0, 0], 30),
        ([*WILD, *[-100] * 5], [0, 50, 0, 0, 0], 40),
        ([*QUIET, 400, 400, -1_000, -1_500, -2_500], [0, 30, 0, 25, 20], 40),
        ([*STEADY[:-9], -18_200, 60, 60, 60, -60, -60, -60, -60, -60], [0, 50, 40, 0, 0], 50),
        ([*STEADY[:-9], -30_000, *[60] * 8], [0, 0, 60, 0, 0], 60),
        ([*QUIET, -4_000, -4_000, -4_000, -3_900, -1_900], [0, 50, 40, 25, 0], 60),
        ([*QUIET, *[-3_100] * 5], [0, 50, 40, 25, 20], 70),
        ([*QUIET, *[-5_500] * 5], [40, 50, 60, 25, 20], 80),
    ],
)
def test_every_tier_can_be_reached(results: list[float], fired: list[int], reduction: int) -> None:
    assert list(levels(trader_history(results)).values()) == fired
    assert raw(results) == reduction


@settings(deadline=None, max_examples=20)
@given(gappy("a"), gappy("b"), gappy("c"))
def test_the_order_of_traders_changes_no_score(
    one: TraderHistory, two: TraderHistory, three: TraderHistory
) -> None:
    traders = (one, two, three)
    forward, backward = desk_history(*traders), desk_history(*reversed(traders))
    assert champion.score(forward) == tuple(reversed(champion.score(backward)))


@settings(deadline=None, max_examples=25)
@given(RESULTS, st.sampled_from([0, 30, 80]), st.booleans())
def test_a_lived_cut_eases_by_20_points_a_session_at_most(
    results: list[int], first: int, rising: bool
) -> None:
    scores = live(results, first, 700_000 if rising else 300_000)
    cuts = [first, *(score.reduction for score in scores)]
    assert all(after >= before - 20 for before, after in pairwise(cuts))
    assert all(score.reduction >= score.raw_reduction for score in scores)


@settings(deadline=None, max_examples=25)
@given(RESULTS, st.sampled_from([0, 30, 80]), st.booleans())
def test_a_lived_base_limit_rises_only_without_a_cut(results: list[int], first: int, rising: bool) -> None:
    scores = live(results, first, 700_000 if rising else 300_000)
    for before, after in pairwise(scores):
        assert after.base_limit_cents <= before.base_limit_cents or after.reduction == 0


@SIMILAR
@given(gappy())
def test_reductions_and_limits_stay_within_their_bounds(history: TraderHistory) -> None:
    walked = champion.walk(desk_history(history))["3942"]
    assert ((walked.reduction >= walked.raw_reduction) & (walked.reduction <= 80)).all()
    assert (walked.reduction % 5 == 0).all()
    assert (5 * walked.limit_cents >= walked.base_cents).all()
    assert (walked.limit_cents <= walked.base_cents).all()
    unconfirmed = (walked.raw_reduction > 40) & (walked.fired.sum(axis=1) < 2)
    assert (walked.raw_reduction[unconfirmed & ~walked.probation] == 60).all()
    assert np.isin(walked.raw_reduction[unconfirmed], [50, 60]).all()


def live(results: list[int], first: int, new_base_cents: int) -> list[RuleScore]:
    """Live eight mornings after one with the reduction `first`; the base limit changes on the third."""
    start = POSITION - 8
    history = trader_history(results)
    records = {start - 1: _record(start - 1, first, 500_000)}
    scores = []
    for position in range(start, POSITION):
        score = champion.score(_morning(history, position, records, (start + 2, new_base_cents)))[0]
        records[position] = _record(position, score.reduction, score.base_limit_cents)
        scores.append(score)
    return scores


def _morning(
    history: TraderHistory, position: int, records: dict[int, LivedReduction], change: tuple[int, int]
) -> DeskHistory:
    return desk_history(
        history.before(position),
        session=CALENDAR.session_at(position),
        base_limits={"3942": ((0, 500_000), change)},
        lived={"3942": dict(records)},
    )


def _record(position: int, reduction: int, base_cents: int) -> LivedReduction:
    limit = limit_cents(base_cents, reduction)
    session = CALENDAR.session_at(position)
    return LivedReduction("3942", session, reduction, limit, base_cents, Rung.RULES)
