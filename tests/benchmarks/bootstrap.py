"""The day-block bootstrap of the displayed interval against arch."""

from __future__ import annotations

import numpy as np

from riskops import config, fixed_sample
from tests.benchmarks.measuring import Bar, Bars, faster

DAYS = 750


def bars() -> Bars:
    """Measure an interval of the mean, from as many replicates as the product draws."""
    series = np.random.default_rng(3).normal(40, 400, DAYS)
    np.testing.assert_allclose(
        fixed_sample.block_bootstrap_interval(series), with_arch(series), atol=0.3 * series.std() / DAYS**0.5
    )
    yield Bar(
        f"bootstrap interval, {DAYS} days, {config.BOOTSTRAP_REPLICATES:,} replicates",
        "arch: CircularBlockBootstrap.conf_int, percentile",
        faster(
            lambda: with_arch(series),
            lambda: fixed_sample.block_bootstrap_interval(series),
            rounds=7,
            times=10,
        ),
        30,
        at_least=True,
    )


def with_arch(series: np.ndarray) -> np.ndarray:
    """Return the interval from arch."""
    from arch.bootstrap import CircularBlockBootstrap

    resampled = CircularBlockBootstrap(config.BOOTSTRAP_BLOCK_DAYS, series, seed=1)
    return resampled.conf_int(np.mean, config.BOOTSTRAP_REPLICATES, method="percentile").ravel()
