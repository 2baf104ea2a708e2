"""A raise of the base limit that waits for a cut to end changes nothing until it acts.

Every desk here is as it is read: the base limit of a day is the one on record where the day was
lived, else the scheduled one.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import champion
from riskops.history import DeskHistory
from riskops.limits import limit_cents
from riskops.records import LivedReduction, RuleScore, Rung
from tests.builders import CALENDAR, SESSION, desk_history, trader_history

POSITION = CALENDAR.position(SESSION)
BASE, DAYS, MORNINGS = 500_000, 40, 10
SIMILAR = settings(deadline=None, max_examples=40)
SLOW = settings(deadline=None, max_examples=8)
# Many results lie between 1 % of the base limit and 1 % of the raised one, or between both limits.
RESULT = (
    st.integers(-90, 90) | st.integers(-9_000, -3_000) | st.integers(-4_000, -1_800) | st.integers(-600, 900)
)
RESULTS = st.lists(RESULT, min_size=DAYS, max_size=DAYS)
RAISED = st.sampled_from([550_000, 700_000, 900_000])
STARTS = st.integers(POSITION - MORNINGS, POSITION)
Schedule = tuple[tuple[int, int], ...]
Records = dict[int, LivedReduction]


@SIMILAR
@given(RESULTS, RAISED, STARTS)
def test_a_pending_raise_never_lowers_the_cut_nor_raises_the_limit_of_the_walk(
    results: list[int], raised: int, start: int
) -> None:
    plain = champion.walk(as_read(results, ((0, BASE),), {}))["3942"]
    waiting = champion.walk(as_read(results, ((0, BASE), (start, raised)), {}))["3942"]
    before = np.cumsum(waiting.base_cents > BASE) == 0
    for name in champion.RulesWalk.__dataclass_fields__.keys() - {"measures"}:
        assert getattr(waiting, name)[before].tolist() == getattr(plain, name)[before].tolist()


@SLOW
@given(RESULTS, RAISED, STARTS, st.sets(st.integers(POSITION - MORNINGS, POSITION)))
def test_a_pending_raise_never_lowers_the_cut_nor_raises_the_limit_while_a_reduction_is_in_force(
    results: list[int], raised: int, start: int, lived: set[int]
) -> None:
    plain = mornings(results, ((0, BASE),), lived)
    waiting = mornings(results, ((0, BASE), (start, raised)), lived)
    for with_it, without in zip(waiting, plain, strict=True):
        if with_it.base_limit_cents > BASE:
            assert with_it.reduction == without.reduction == 0
            return
        assert with_it.reduction == without.reduction
        assert with_it.signals == without.signals
        assert with_it.flip_distance_cents == without.flip_distance_cents


@SIMILAR
@given(RESULTS, RAISED, STARTS, st.integers(0, DAYS))
def test_whether_a_raise_waits_is_decided_from_earlier_days(
    results: list[int], raised: int, start: int, known: int
) -> None:
    schedule = ((0, BASE), (start, raised))
    whole = champion.walk(as_read(results, schedule, {}))["3942"]
    part = champion.walk(as_read(results, schedule, {}, POSITION - DAYS + known))["3942"]
    for name in champion.RulesWalk.__dataclass_fields__.keys() - {"measures"}:
        assert getattr(whole, name)[:known].tolist() == getattr(part, name).tolist()


def mornings(results: list[int], schedule: Schedule, lived: set[int]) -> list[RuleScore]:
    """Score the last mornings one after the other, and put those in `lived` on record."""
    records: Records = {}
    scores = []
    for position in range(POSITION - MORNINGS, POSITION + 1):
        (score,) = champion.score(as_read(results, schedule, records, position))
        scores.append(score)
        if position in lived:
            records[position] = record(position, score)
    return scores


def as_read(
    results: list[int], schedule: Schedule, records: Records, position: int = POSITION
) -> DeskHistory:
    """Return the desk before the session at `position`."""
    days = range(POSITION - DAYS, POSITION)
    base = [records[d].base_limit_cents if d in records else scheduled(schedule, d) for d in days]
    history = trader_history([float(usd) for usd in results], base_usd=[cents / 100 for cents in base])
    return desk_history(
        history.before(position),
        session=CALENDAR.session_at(position),
        base_limits={"3942": schedule},
        lived={"3942": dict(records)},
    )


def scheduled(schedule: Schedule, position: int) -> int:
    return [cents for start, cents in schedule if start <= position][-1]


def record(position: int, score: RuleScore) -> LivedReduction:
    limit = limit_cents(score.base_limit_cents, score.reduction)
    session = CALENDAR.session_at(position)
    return LivedReduction("3942", session, score.reduction, limit, score.base_limit_cents, Rung.RULES)
