"""The features of the whole history are those of a naive twin that sees earlier rows only, in every bit."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.features import observe
from riskops.history import DeskHistory, TradePaths
from tests.builders import CALENDAR, SESSION, desk_history, trader_history
from tests.feature_twin import Twin
from tests.simulated_desks import simulated_desk

TODAY = CALENDAR.position(SESSION)
RESULTS = st.integers(-600_000, 500_000) | st.sampled_from([0, -5_000, -5_001, 5_000, 5_001, -200_000])


def assert_twins(desk: DeskHistory, paths: TradePaths) -> None:
    twin, seen = Twin(desk, paths), observe(desk, paths)
    rows = twin.rows()
    assert list(zip(seen.trader.tolist(), seen.day.tolist(), strict=True)) == rows
    np.testing.assert_array_equal(seen.scale_cents, [twin.scale(*row) for row in rows])
    np.testing.assert_array_equal(seen.volatility_cents, [twin.volatilities(*row)[-1] for row in rows])
    np.testing.assert_array_equal(seen.desk_size, [twin.desk_size(position) for _, position in rows])
    np.testing.assert_array_equal(seen.features, [twin.features(*row) for row in rows])


def test_a_simulated_desk_with_a_long_gap_has_the_features_of_its_twin():
    desk, paths = simulated_desk(4, 130, tilt=0.5, seed=3)
    away = desk.traders[1]
    kept = (away.day < TODAY - 60) | (away.day > TODAY - 40)
    columns = {name: values[kept] for name, values in vars(away).items() if name != "trader_id"}
    rested = replace(away, **columns)
    assert_twins(replace(desk, traders=(desk.traders[0], rested, *desk.traders[2:])), paths)


@st.composite
def desks(draw: st.DrawFn) -> tuple[DeskHistory, TradePaths]:
    """Draw up to three traders with gaps, changing base limits and trades of every kind."""
    histories, trades = [], []
    for index in range(draw(st.integers(1, 3))):
        net = draw(st.lists(RESULTS, max_size=40))
        steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 11, 12]), min_size=len(net), max_size=len(net)))
        day = TODAY - draw(st.sampled_from([1, 2, 13])) - np.cumsum([0, *steps[1:]])[::-1][: len(net)]
        chosen = st.lists(st.sampled_from([500_000, 250_000]), min_size=len(net), max_size=len(net))
        counts = draw(st.lists(st.integers(0, 60), min_size=len(net), max_size=len(net)))
        history = trader_history(
            [cents / 100 for cents in net],
            trader_id=f"{index}",
            days=day,
            base_usd=[cents / 100 for cents in draw(chosen)],
            trades=counts,
            volume_usd=[float(1_000 * count) for count in counts],
        )
        histories.append(history)
        for position in day.tolist():
            closed = draw(st.lists(st.tuples(st.integers(-900, 900), st.integers(0, 10**6)), max_size=5))
            trades += [(index, position, cents, size) for cents, size in closed]
    columns = np.array(trades, dtype=np.int64).reshape(-1, 4).T
    return desk_history(*histories), TradePaths(*columns)


@settings(deadline=None, max_examples=40)
@given(desks())
def test_any_desk_has_the_features_of_its_twin(drawn: tuple[DeskHistory, TradePaths]):
    assert_twins(*drawn)
