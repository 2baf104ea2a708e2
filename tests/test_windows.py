from statistics import median

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import windows

CENTS = st.lists(st.integers(-500, 500) | st.integers(-3, 3), min_size=1, max_size=70)


@settings(deadline=None, max_examples=100)
@given(CENTS, st.data())
def test_the_value_of_any_rank_of_any_prefix_is_that_of_the_sorted_prefix(
    values: list[int], data: st.DataObject
):
    asked = data.draw(
        st.lists(st.integers(1, len(values)).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
    )
    ends, ranks = np.array(asked, dtype=np.int64).reshape(-1, 2).T
    found = windows.smallest(np.array(values), ends, ranks)
    assert found.tolist() == [sorted(values[:end])[rank] for end, rank in asked]


@settings(deadline=None, max_examples=60)
@given(CENTS)
def test_quantiles_of_every_prefix_are_numpys(values: list[int]):
    ends = np.arange(len(values) + 1)
    found = windows.quantiles(np.array(values), ends, 0.25, 0.9)
    for share, quantiles in zip((0.25, 0.9), found, strict=True):
        expected = [0.0, *(np.quantile(values[:end], share) for end in ends[1:])]
        np.testing.assert_allclose(quantiles, expected, rtol=0, atol=1e-9)


def test_nothing_has_no_spread():
    assert windows.interquartile_range(np.empty(0, dtype=np.int64), np.array([0])).tolist() == [0]


@settings(deadline=None, max_examples=60)
@given(CENTS, st.integers(1, 20))
def test_the_trailing_median_is_that_of_the_last_values(values: list[int], size: int):
    expected = [median(values[max(end - size, 0) : end]) for end in range(1, len(values) + 1)]
    assert windows.trailing_median(np.array(values), size).tolist() == expected
