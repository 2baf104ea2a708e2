from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.measures import Measures, after_losing_more, measure
from tests.builders import trader_history

RESULTS = st.lists(
    st.sampled_from([-50_00, -50_01, 50_00, 50_01, 0]) | st.integers(-700_000, 700_000), max_size=90
)


def naive(day: list[int], net: list[int], base: list[int], row: int) -> dict[str, float]:
    """Say the same as `measure` for one row, one word of the definition after the other."""
    streak = 0
    for cents, limit in zip(net[: row + 1], base, strict=False):
        streak = 0 if 100 * cents > limit else streak + (100 * cents < -limit)
    cums = [sum(net[max(0, row - 19) : stop]) for stop in range(max(0, row - 19), row + 2)]
    recent, baseline = net[max(0, row - 4) : row + 1], net[max(0, row - 64) : max(0, row - 4)]
    middle = median(baseline) if baseline else 0
    returns = [0] + [i for i in range(1, row + 1) if day[i] - day[i - 1] - 1 > 10]
    return {
        "active_days": row + 1,
        "days_since_gap": row + 1 - returns[-1],
        "streak": streak,
        "peak_cents": max([0, *cums]),
        "cum_cents": cums[-1],
        "recent_days": len(recent),
        "recent_downside_cents": sum(max(0, -cents) for cents in recent),
        "baseline_days": len(baseline),
        "baseline_downside_cents": sum(max(0, -cents) for cents in baseline),
        "baseline_median_cents": middle,
        "baseline_mad_cents": median(abs(cents - middle) for cents in baseline) if baseline else 0,
    }


@settings(deadline=None, max_examples=60)
@given(RESULTS, st.data())
def test_the_windows_agree_with_the_naive_twin_on_every_row(net: list[int], data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.sampled_from([1, 1, 1, 11, 12]), min_size=len(net), max_size=len(net)))
    day = [1_000 + int(total) for total in np.cumsum(steps)]
    base = data.draw(st.lists(st.sampled_from([500_000, 250_000]), min_size=len(net), max_size=len(net)))
    usd, base_usd = [cents / 100 for cents in net], [cents / 100 for cents in base]
    measures = measure(trader_history(usd, days=day, base_usd=base_usd))
    for row in range(len(net)):
        expected = naive(day, net, base, row)
        assert {name: getattr(measures, name)[row] for name in expected} == expected


@settings(deadline=None, max_examples=30)
@given(RESULTS, st.integers(1, 8))
def test_measuring_only_the_last_rows_gives_the_same_rows(net: list[int], last: int) -> None:
    history = trader_history([cents / 100 for cents in net])
    whole, tail = measure(history), measure(history, last=last)
    assert_same_rows(tail, whole.at(np.arange(len(net))[-last:]))


@settings(deadline=None, max_examples=60)
@given(RESULTS.filter(bool), st.lists(st.integers(0, 2_000_000), min_size=1, max_size=5))
def test_losing_more_on_the_last_day_is_measured_as_a_history_that_did(
    net: list[int], extra: list[int]
) -> None:
    found = after_losing_more(measure(trader_history([c / 100 for c in net])), np.array(extra))
    for row, more in enumerate(extra):
        worse = measure(trader_history([c / 100 for c in [*net[:-1], net[-1] - more]]))
        assert_same_rows(found.at(slice(row, row + 1)), worse.at(slice(-1, None)))


def assert_same_rows(left: Measures, right: Measures) -> None:
    for name in Measures.__dataclass_fields__:
        assert getattr(left, name).tolist() == getattr(right, name).tolist()


@pytest.mark.parametrize(
    ("results", "streak"),
    [
        ([-60, -60, -60], 3),
        ([-60, -50, -60], 2),
        ([-60, 50, -60], 2),
        ([-60, 50.01, -60], 1),
        ([-60, -60, 50.01], 0),
        ([-50.01], 1),
    ],
    ids=[
        "three losses",
        "-1 % is no loss",
        "+1 % breaks nothing",
        "a gain breaks",
        "gain last",
        "just a loss",
    ],
)
def test_small_results_neither_count_nor_break_a_streak(results: list[float], streak: int) -> None:
    assert measure(trader_history(results)).streak[-1] == streak


def test_the_streak_uses_the_base_limit_of_each_day() -> None:
    results, base = [-60, -60, -60], [5_000, 10_000, 5_000]
    assert measure(trader_history(results, base_usd=base)).streak[-1] == 2


def test_the_drawdown_window_forgets_the_twenty_first_day() -> None:
    measures = measure(trader_history([5_000] + [-100] * 20))
    assert (measures.peak_cents[-2], measures.cum_cents[-2]) == (500_000, 310_000)
    assert (measures.peak_cents[-1], measures.cum_cents[-1]) == (0, -200_000)


def test_the_baseline_ends_six_active_days_before_the_session() -> None:
    measures = measure(trader_history([-100] * 20 + [-7_000] * 5))
    assert measures.baseline_days[-1] == 20
    assert measures.baseline_downside_cents[-1] == 20 * 100_00
    assert measures.recent_downside_cents[-1] == 5 * 7_000_00


def test_ten_idle_sessions_are_no_gap_and_eleven_are_one() -> None:
    ten, eleven = [100, 111, 112], [100, 112, 113]
    assert measure(trader_history([1, 1, 1], days=ten)).days_since_gap.tolist() == [1, 2, 3]
    assert measure(trader_history([1, 1, 1], days=eleven)).days_since_gap.tolist() == [1, 1, 2]


def test_a_trader_without_history_has_no_rows() -> None:
    assert len(measure(trader_history([]))) == 0
