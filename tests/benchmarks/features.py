"""Features of the whole history against pandas, and the memory they need."""

from __future__ import annotations

import numpy as np

from riskops.features import FEATURES, observe
from tests.benchmarks import naive_features
from tests.benchmarks.desks import FEW_TRADES_A_DAY, LARGE, SMALL, TODAY, drawn_desk
from tests.benchmarks.measuring import Bar, Bars, faster, peak_memory


def bars() -> Bars:
    """Measure the speed on the small desk, and the memory on the small and the large one."""
    desk, paths = drawn_desk(*SMALL)
    days, trades = naive_features.frames(desk, paths)
    _demand_the_same(desk, paths, naive_features.features(days, trades, TODAY))
    yield Bar(
        "features of the whole history, 15 x 750",
        "pandas: groupby.apply with rolling.apply",
        faster(
            lambda: naive_features.features(days, trades, TODAY),
            lambda: observe(desk, paths),
            rounds=3,
            times=5,
        ),
        15,
        at_least=True,
    )
    for size, trades_a_day in ((SMALL, 30), (LARGE, FEW_TRADES_A_DAY)):
        desk, paths = drawn_desk(*size, trades_a_day)
        rows = sum(len(history) for history in desk.traders)
        yield Bar(
            f"peak memory of the features, {size[0]:,} x {size[1]:,}",
            "allocated by them and held at once, result included, a trader-day",
            peak_memory(lambda: observe(desk, paths)) / rows,  # noqa: B023 - called at once
            250,
            unit=" bytes",
        )


def _demand_the_same(desk, paths, expected) -> None:
    seen = observe(desk, paths)
    after = np.append(False, seen.trader[1:] == seen.trader[:-1])  # the first row of a trader is no day's
    names = [feature.name for feature in FEATURES[:-1]]
    np.testing.assert_allclose(seen.features[after], expected[names].to_numpy(float), atol=1e-9)
