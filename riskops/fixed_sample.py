"""Statistics of a fixed sample: shown beside the test of record, for information only.

Looked at every day they promote worthless models, so nothing is ever decided by them.

References
----------
Diebold and Mariano (1995), Comparing predictive accuracy; Newey and West (1987) for the errors.
Politis and Romano (1992), A circular block-resampling procedure for stationary data.
Wilson (1927), Probable inference, the law of succession, and statistical inference.
"""

from __future__ import annotations

import math

import numpy as np

from riskops import config

_BOOTSTRAP_SEED = 20_240_101


def information(advantage_usd: np.ndarray) -> dict[str, float]:
    """Return what is shown beside the test of record, for information only.

    The Diebold-Mariano p-value (HAC, two-sided) of the daily difference and a day-block bootstrap
    interval (95 %) of its mean in USD. Both are fixed-sample: looked at daily they promote
    worthless models. Empty where the differences do not vary.
    """
    if len(advantage_usd) <= config.BOOTSTRAP_BLOCK_DAYS or np.ptp(advantage_usd) == 0:
        return {}
    low, high = block_bootstrap_interval(advantage_usd)
    return {
        "diebold_mariano_p": diebold_mariano_p(advantage_usd),
        "bootstrap_low_usd_per_day": low,
        "bootstrap_high_usd_per_day": high,
    }


def diebold_mariano_p(difference: np.ndarray) -> float:
    """Return the two-sided p-value of a zero mean difference, with HAC (Newey-West) errors."""
    from statsmodels.regression.linear_model import OLS

    lags = int(4 * (len(difference) / 100) ** (2 / 9))
    fit = OLS(difference, np.ones(len(difference))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    return float(fit.pvalues[0])


def block_bootstrap_interval(difference: np.ndarray, coverage: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean from resampled circular blocks of days; seeded."""
    count, length = len(difference), config.BOOTSTRAP_BLOCK_DAYS
    around = np.append(difference, difference[: length - 1])
    block_means = np.convolve(around, np.full(length, 1 / length), mode="valid")
    starts = _starts(count)
    means = block_means.take(starts) @ np.full(starts.shape[1], 1 / starts.shape[1])
    low, high = np.quantile(means, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)


def _starts(count: int) -> np.ndarray:
    """Draw the first sessions of the blocks of each replicate, seeded, shape (replicates, blocks).

    Two draws come from each random word; no session is likelier by more than `count` in four billion.
    """
    blocks = -(-count // config.BOOTSTRAP_BLOCK_DAYS)
    size = config.BOOTSTRAP_REPLICATES * blocks
    words = np.random.PCG64(_BOOTSTRAP_SEED).random_raw(-(-size // 2))
    return (words.view(np.uint32)[:size].astype(np.int64) * count >> 32).reshape(-1, blocks)


def total_interval(daily: np.ndarray, coverage: float = 0.95) -> tuple[float, float] | None:
    """Return the day-block bootstrap interval of a total, in the unit of `daily`; seeded.

    Parameters
    ----------
    daily
        One sum a session, in order; sessions without anything are zeros.
    coverage
        Share of the resampled totals between the two ends.

    Returns
    -------
    tuple of float or None
        ``None`` where there are not more sessions than one block has.
    """
    if len(daily) <= config.BOOTSTRAP_BLOCK_DAYS:
        return None
    low, high = block_bootstrap_interval(daily, coverage)
    return low * len(daily), high * len(daily)


def resampled_totals(daily: np.ndarray) -> np.ndarray:
    """Return the totals of resampled days, shape (replicates, columns), for daily sums (days, columns).

    They are ``resampled_sessions(days) @ daily``, from sums of whole blocks: a tenth of the work.
    """
    count, length = len(daily), config.BOOTSTRAP_BLOCK_DAYS
    around = np.cumsum(np.concatenate([np.zeros_like(daily[:1]), daily, daily[: length - 1]]), axis=0)
    blocks, starts = around[length:] - around[:-length], _starts(count)
    cells = starts + count * np.arange(len(starts))[:, None]
    drawn = np.bincount(cells.ravel(), minlength=len(starts) * count).reshape(len(starts), count)
    return drawn @ blocks * (count / (starts.shape[1] * length))


def resampled_sessions(count: int) -> np.ndarray:
    """Return how often each of `count` sessions is drawn, shape (replicates, count), floats; seeded.

    The same circular blocks of days as in `block_bootstrap_interval`, scaled so that each row sums
    to `count`: a product with daily sums gives resampled totals, of many columns at once.
    """
    length, replicates = config.BOOTSTRAP_BLOCK_DAYS, config.BOOTSTRAP_REPLICATES
    starts = _starts(count)
    drawn = (starts[:, :, None] + np.arange(length)).reshape(replicates, -1) % count
    cells = drawn + count * np.arange(replicates)[:, None]
    counts = np.bincount(cells.ravel(), minlength=replicates * count).reshape(replicates, count)
    return counts * (count / drawn.shape[1])


def wilson_interval(hits: int, count: int, z: float = 1.959964) -> tuple[float, float] | None:
    """Return the 95 % Wilson interval of a rate; ``None`` without a denominator."""
    if count == 0:
        return None
    rate, width = hits / count, z**2 / count
    centre = (rate + width / 2) / (1 + width)
    half = z * math.sqrt(rate * (1 - rate) / count + width / (4 * count)) / (1 + width)
    return max(centre - half, 0.0), min(centre + half, 1.0)
