import dataclasses
import math

import numpy as np
import pytest

from riskops.champion import walk
from riskops.comparison import evidence_path
from riskops.sessions import trading_calendar
from riskops.sources.demo import STRONG_TILT, DemoDesk
from riskops.study import desks, looks, scenarios, series
from riskops.study.scenarios import FOLLOWED, SCENARIOS, TURNS_AFTER
from riskops.study.series import World

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def share(name: str, observed: str, panels: int = 300) -> float:
    return float(np.nanmean(BY_NAME[name].observe((7, 1), panels)[observed]))


def test_a_worthless_challenger_is_not_promoted_where_naive_daily_testing_promotes_it():
    observed = BY_NAME["null"].observe((11, 0), 400)
    assert observed["gate"].mean() <= 0.01
    assert observed["process"].mean() <= 0.05
    assert observed["naive"].mean() >= 0.15
    assert observed["naive two-sided"].mean() >= 0.15


@pytest.mark.parametrize("world", ["boundary", "rare losses"])
def test_no_other_world_without_a_worthy_advantage_opens_the_gate_often(world):
    assert share(world, "gate") <= 0.05
    assert share(world, "process") <= 0.05


def test_a_larger_advantage_is_seen_more_often():
    assert share("0.12 sd", "process") < share("0.16 sd", "process")
    assert share("40 % better", "gate") < share("twice as good", "gate")


def test_a_challenger_that_turns_is_sent_back_more_often_than_one_that_stays_good():
    observed = BY_NAME["turns"].observe((7, 2), 200)
    within_a_year = np.mean(observed["delay"][~np.isnan(observed["delay"])] <= FOLLOWED)
    assert within_a_year > 2 * share("stays good", "demoted", 200)


@pytest.mark.parametrize(
    ("turns_at", "demoted_after", "too_soon", "delay"),
    [
        (400, 400, 0, 1),
        (400, 400 + FOLLOWED - 1, 0, FOLLOWED),
        (400, 400 + FOLLOWED, 0, looks.NEVER),
        (400, looks.NEVER, 0, looks.NEVER),
        (400, 399, 1, math.nan),
        (looks.NEVER, looks.NEVER, math.nan, math.nan),
    ],
    ids=["at once", "last day followed", "later", "never", "before it turned", "not promoted"],
)
def test_a_delay_counts_the_sessions_since_the_turn(turns_at, demoted_after, too_soon, delay):
    found = scenarios.after_turn(turns_at, demoted_after)
    assert found == pytest.approx({"too soon": too_soon, "delay": delay}, nan_ok=True)


@pytest.mark.parametrize("name", [name for name, scenario in BY_NAME.items() if not scenario.whole])
def test_the_same_seed_observes_the_same_and_another_something_else(name):
    one, again, other = (BY_NAME[name].observe(seed, 60) for seed in ((1, 1), (1, 1), (1, 2)))
    assert all(np.array_equal(one[key], again[key], equal_nan=True) for key in one)
    assert any(not np.array_equal(one[key], other[key], equal_nan=True) for key in one)


def test_a_desk_panel_is_the_evidence_of_the_demo_desk():
    days, amounts = desks.panel(5, 100, STRONG_TILT)
    desk, paths = DemoDesk(trading_calendar(desks.CALENDAR), seed=5, tilt=STRONG_TILT).history(100)
    expected, _ = evidence_path(desk, paths, walk(desk))
    assert np.array_equal(days.differences, expected.differences)
    assert amounts.trader_days[-1] == sum(len(trader) for trader in desk.traders)
    assert desks.session_index(days, -1) == 99


def test_a_desk_whose_tilt_turns_is_the_same_desk_until_then():
    steady, _ = desks.panel(5, 100, STRONG_TILT)
    turned, _ = desks.panel(5, 120, STRONG_TILT, tilt_turns_at=100)
    assert np.array_equal(turned.differences[: len(steady)], steady.differences)


def test_a_desk_s_tilt_turns_some_sessions_after_its_promotion(monkeypatch):
    asked, turns_at = [], 300 + 1 + TURNS_AFTER

    def panel(seed, sessions, tilt=0.0, tilt_turns_at=None):
        asked.append((sessions, tilt_turns_at))
        days = series.draw(World(), np.random.default_rng(1), 1, sessions).panel(0)[0]
        return dataclasses.replace(days, advantage=np.where(days.day < turns_at, 500.0, -200.0)), None

    monkeypatch.setattr(desks, "panel", panel)
    monkeypatch.setattr(desks, "session_index", lambda days, row: row)
    monkeypatch.setattr(looks, "gate_opens", lambda days, amounts: 300)
    monkeypatch.setattr(looks, "demoted", lambda days, opened: 400)
    observed = BY_NAME["desks with tilt"].observe((1,), 1)
    assert asked == [(scenarios.FOUR_YEARS, None), (turns_at + FOLLOWED, turns_at)]
    assert observed["promoted on"].tolist() == [301]
    assert observed["delay"].tolist() == [400 - turns_at + 1]
    assert (observed["before"], observed["after"]) == (500, -200)


def test_a_desk_that_is_not_promoted_is_not_followed(monkeypatch):
    monkeypatch.setattr(desks, "panel", lambda *_: (None, None))
    monkeypatch.setattr(looks, "gate_opens", lambda days, amounts: looks.NEVER)
    observed = BY_NAME["desks with tilt"].observe((1,), 1)
    assert observed["promoted"] == 0
    assert all(np.isnan(observed[name][0]) for name in ("demoted", "delay", "too soon", "before", "after"))
