import math

import numpy as np
import pytest

from riskops import config, fixed_sample


def test_there_is_nothing_to_tell_of_a_few_days_or_of_days_that_do_not_vary():
    assert fixed_sample.information(np.empty(0)) == {}
    assert fixed_sample.information(np.arange(float(config.BOOTSTRAP_BLOCK_DAYS))) == {}
    assert fixed_sample.information(np.full(500, 3.0)) == {}


def test_the_information_agrees_with_a_plain_t_test_on_independent_days():
    from scipy.stats import ttest_1samp

    advantage = np.random.default_rng(3).normal(40, 400, 2_000)
    told = fixed_sample.information(advantage)
    assert told["diebold_mariano_p"] == pytest.approx(ttest_1samp(advantage, 0).pvalue, abs=0.05)
    assert told["bootstrap_low_usd_per_day"] < advantage.mean() < told["bootstrap_high_usd_per_day"]


def test_the_diebold_mariano_p_value_has_newey_west_errors():
    from scipy.stats import norm

    series = np.convolve(np.random.default_rng(8).normal(30, 400, 760), [0.5, 0.3, 0.2], mode="valid")
    count, centred = len(series), series - series.mean()
    lags = int(4 * (count / 100) ** (2 / 9))
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    pairs = [centred[lag:] @ centred[:-lag] for lag in range(1, lags + 1)]
    error = math.sqrt(centred @ centred + 2 * weights @ pairs) / count
    expected = 2 * norm.sf(abs(series.mean()) / error)
    assert fixed_sample.diebold_mariano_p(series) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [11, 60, 761])
def test_every_session_begins_about_as_many_blocks(count):
    starts = fixed_sample._starts(count)
    assert starts.shape == (config.BOOTSTRAP_REPLICATES, math.ceil(count / config.BOOTSTRAP_BLOCK_DAYS))
    begun = np.bincount(starts.ravel(), minlength=count)
    assert len(begun) == count
    assert np.abs(begun - begun.mean()).max() < 6 * math.sqrt(begun.mean())


def test_the_bootstrap_interval_is_as_wide_as_theory_says_and_repeats():
    series = np.random.default_rng(1).normal(0, 100, 1_000)
    low, high = fixed_sample.block_bootstrap_interval(series)
    assert high - low == pytest.approx(2 * 1.96 * 100 / math.sqrt(1_000), rel=0.2)
    assert fixed_sample.block_bootstrap_interval(series) == (low, high)


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 17), (10, 10), (200, 1_000)])
def test_the_wilson_interval_is_that_of_statsmodels(hits, count):
    from statsmodels.stats.proportion import proportion_confint

    assert fixed_sample.wilson_interval(hits, count) == pytest.approx(
        proportion_confint(hits, count, method="wilson"), abs=1e-6
    )


def test_a_rate_without_a_denominator_has_no_interval():
    assert fixed_sample.wilson_interval(0, 0) is None
