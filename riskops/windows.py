"""Order statistics of sliding and growing windows, for every row at once.

A sliding window is sorted once a row. A growing one is never sorted: all questions to all of its
prefixes are answered together, in one descent through the bits of the ranks (a wavelet matrix).

References
----------
Claude, Navarro and Ordóñez (2015), The wavelet matrix, section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def trailing(values: np.ndarray, size: int, skip: int, fill: float) -> np.ndarray:
    """Return for each row the `size` values that end `skip` rows before it, filled up in front."""
    padded = np.concatenate([np.full(size + skip, fill, dtype=values.dtype), values])
    return sliding_window_view(padded, size)[1 : len(values) + 1]


def median(windows: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the median of the finite entries (`count` of them) of each row, 0 without any."""
    ordered = np.sort(windows, axis=1)
    row = np.arange(len(windows))
    lower, upper = ordered[row, np.maximum(count - 1, 0) // 2], ordered[row, count // 2]
    return np.where(count > 0, (lower + upper) / 2, 0.0)


def trailing_median(values: np.ndarray, size: int) -> np.ndarray:
    """Return the median of the last `size` of the first 1, 2, ..., n values, shape (n,)."""
    count = np.minimum(np.arange(1, len(values) + 1), size)
    return median(trailing(values.astype(float), size, 0, np.inf), count)


def interquartile_range(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the interquartile range of the first `ends` values, 0 of none; any shape.

    Of whole numbers it is exact: interpolation adds no more than quarters.
    """
    first, third = quantiles(values, ends, 0.25, 0.75)
    return third - first


def quantiles(values: np.ndarray, ends: np.ndarray, *shares: float) -> np.ndarray:
    """Return quantiles of the first `ends` values, interpolated, 0 of none; (shares, *shape of ends)."""
    last = np.maximum(ends - 1, 0)
    at = np.multiply.outer(np.array(shares), last)
    if not len(values):
        return np.zeros(at.shape)
    rank = at.astype(np.int64)
    some = np.broadcast_to(np.maximum(ends, 1), (2, *at.shape))
    lower, upper = smallest(values, some, np.stack([rank, np.minimum(rank + 1, last)]))
    return np.where(ends > 0, lower + (at - rank) * (upper - lower), 0.0)


def smallest(values: np.ndarray, ends: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the value of rank `ranks` (0: the smallest) among the first `ends` values, any shape.

    Each level splits the values, in place of their ranks, by one bit and keeps their order; a
    question follows the half its answer is in.
    """
    order = np.argsort(values)  # equal values may take their ranks in any order
    code = np.empty(len(values), dtype=np.int64)
    code[order] = np.arange(len(values))
    low, high, rank, found = np.zeros_like(ends), ends, ranks, np.zeros_like(ranks)
    for bit in reversed(range((len(values) - 1).bit_length())):
        is_upper = (code >> bit & 1).astype(bool)
        lower_until = np.concatenate([[0], np.cumsum(~is_upper)])
        low_until, high_until = lower_until[low], lower_until[high]
        lower = high_until - low_until
        goes_up = rank >= lower
        rank = np.where(goes_up, rank - lower, rank)
        low = np.where(goes_up, lower_until[-1] + low - low_until, low_until)
        high = np.where(goes_up, lower_until[-1] + high - high_until, high_until)
        found = found | goes_up.astype(np.int64) << bit
        code = np.concatenate([code[~is_upper], code[is_upper]])
    return values[order][found]
