"""Other numbers for the rules, without switching anything over."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import numpy as np
import pytest

from riskops import champion, config
from riskops.records import Rule
from riskops.thresholds import TODAY, Thresholds, config_name
from tests.builders import desk_history, trader_3942, trader_history
from tests.simulated_desks import simulated_desk

FIELDS = [field.name for field in dataclasses.fields(Thresholds)]


def levels(thresholds: Thresholds = TODAY, results=None) -> np.ndarray:
    """Return what fired before the last day of trader 3942, by rule."""
    desk = desk_history(trader_history([*(results or trader_3942()), 0]))
    return champion.walk(desk, thresholds)["3942"].levels[-1]


def reduction(thresholds: Thresholds) -> int:
    desk = desk_history(trader_history([*trader_3942(), 0]))
    return int(champion.walk(desk, thresholds)["3942"].reduction[-1])


@pytest.mark.parametrize("field", FIELDS)
def test_each_number_is_that_of_the_same_name_in_the_config(field):
    assert getattr(TODAY, field) == getattr(config, config_name(field))


def test_without_thresholds_today_s_numbers_count():
    desk, _ = simulated_desk(4, 150)
    plain, asked = champion.walk(desk), champion.walk(desk, Thresholds())
    for trader_id, walk in plain.items():
        assert walk.reduction.tolist() == asked[trader_id].reduction.tolist()


@pytest.mark.parametrize(
    ("changes", "rule", "level"),
    [
        ({}, Rule.STREAK, 50),
        ({"long_streak_days": 6}, Rule.STREAK, 30),
        ({"long_streak_days": 7, "streak_days": 7}, Rule.STREAK, 0),
        ({"long_streak_level": 70}, Rule.STREAK, 70),
        ({}, Rule.DRAWDOWN, 40),
        ({"drawdown_percent": Decimal(19)}, Rule.DRAWDOWN, 0),
        ({"deep_drawdown_percent": Decimal(18)}, Rule.DRAWDOWN, 60),
        ({"drawdown_capital_multiple": 25}, Rule.DRAWDOWN, 0),
        ({"drawdown_capital_multiple": 10}, Rule.DRAWDOWN, 60),
    ],
)
def test_another_number_changes_what_fires(changes, rule, level):
    assert levels(dataclasses.replace(TODAY, **changes))[list(Rule).index(rule)] == level


def test_a_level_of_zero_switches_a_rule_off_and_leaves_the_others_as_they_were():
    off = dataclasses.replace(TODAY, drawdown_level=0, deep_drawdown_level=0)
    assert reduction(TODAY) == 50
    assert levels(off)[list(Rule).index(Rule.DRAWDOWN)] == 0
    assert reduction(off) == 40  # a lone streak of five days is not confirmed by anything


def test_looking_at_other_numbers_changes_no_later_score():
    desk, _ = simulated_desk(4, 150)
    before = champion.score(desk)
    champion.walk(desk, dataclasses.replace(TODAY, streak_days=2, streak_level=50))
    assert champion.score(desk) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"streak_days": 6},
        {"streak_level": 60},
        {"drawdown_percent": Decimal(30)},
        {"deep_drawdown_level": 30},
    ],
)
def test_a_harder_tier_that_comes_first_or_cuts_less_cannot_be_built(changes):
    with pytest.raises(ValueError, match="harder tier"):
        dataclasses.replace(TODAY, **changes)
