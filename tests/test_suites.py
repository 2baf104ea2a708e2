from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import config
from riskops.suites import robust_distance, row_count_band

COUNTS = st.lists(st.integers(0, 5_000), min_size=config.ROW_COUNT_MIN_SESSIONS, max_size=60)


def test_the_band_of_a_steady_desk_is_about_half_to_twice_its_count():
    low, high = row_count_band(np.full(60, 400.0))
    spread = math.exp(config.ROW_COUNT_BAND_SDS * config.ROW_COUNT_MIN_SD)
    assert low == math.floor(401 / spread - 1)
    assert high == math.ceil(401 * spread - 1)


def test_a_few_trades_more_or_less_are_usual_on_a_tiny_desk():
    low, high = row_count_band(np.full(60, 4.0))
    assert (low, high) == (1, 4 + config.ROW_COUNT_MIN_WIDTH)


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_the_band_is_never_narrower_than_twenty_trades_to_either_side(counts):
    low, high = row_count_band(np.array(counts, dtype=float))
    middle = np.expm1(np.median(np.log1p(counts)))
    assert high >= middle + config.ROW_COUNT_MIN_WIDTH - 1e-6
    assert low <= max(1, middle - config.ROW_COUNT_MIN_WIDTH + 1e-6)


def test_the_band_of_a_moody_desk_is_wider():
    steady, moody = np.full(60, 400.0), np.tile([100.0, 400.0, 1_600.0], 20)
    assert row_count_band(moody)[0] < row_count_band(steady)[0]
    assert row_count_band(moody)[1] > row_count_band(steady)[1]


def test_a_young_desk_only_has_to_trade_at_all():
    assert row_count_band(np.full(config.ROW_COUNT_MIN_SESSIONS - 1, 400.0)) == (1, None)


def test_no_trade_at_all_is_never_usual():
    assert row_count_band(np.zeros(60))[0] == 1


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_the_usual_count_lies_in_its_own_band(counts):
    low, high = row_count_band(np.array(counts, dtype=float))
    middle = np.expm1(np.median(np.log1p(counts)))
    assert high is not None
    assert low <= max(middle, 1) <= max(high, 1)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 5_000))
def test_one_odd_session_moves_the_band_little(counts, odd):
    """Replace one of many equal counts: the median and the MAD do not move at all."""
    steady = [counts[0]] * 60
    assert row_count_band(np.array([*steady[:-1], odd], dtype=float)) == row_count_band(
        np.array(steady, dtype=float)
    )


def test_distance_counts_robust_standard_deviations_from_the_median():
    past = np.array([-100.0, 0.0, 100.0] * 10)
    assert robust_distance(148.26 * 3, past) == pytest.approx(3.0)
    assert robust_distance(-148.26 * 3, past) == pytest.approx(-3.0)


@pytest.mark.parametrize(
    "past", [np.arange(config.OUTLIER_MIN_DAYS - 1.0), np.zeros(40)], ids=["too short", "without spread"]
)
def test_there_is_no_distance_from_a_past_that_says_nothing(past):
    assert math.isnan(robust_distance(1e9, past))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-10_000, 10_000), min_size=config.OUTLIER_MIN_DAYS, max_size=60, unique=True),
    st.integers(-100_000, 100_000),
    st.sampled_from([0.5, 2.0, 64.0]),
)
def test_distance_does_not_depend_on_the_size_of_the_account(past, net, scale):
    values = np.array(past, dtype=float)
    assert robust_distance(net * scale, values * scale) == pytest.approx(robust_distance(net, values))
