"""Who says something: a trader is known by id, name or mail address."""

from __future__ import annotations

import pytest

from riskops.persons import trader_named
from riskops.records import Trader

MERCER = Trader("3942", "Daniel Mercer")
TRADERS = [Trader("3937", "Ida Holm"), MERCER, Trader("dmercer", "")]


@pytest.mark.parametrize(
    "by", ["3942", " 3942 ", "Daniel Mercer", "DANIEL  mercer", "3942@example.com", "daniel mercer@desk"]
)
def test_a_trader_is_known_however_it_is_written(by):
    assert trader_named(by, TRADERS) == MERCER


def test_the_part_before_the_at_is_compared_with_ids_too():
    assert trader_named("DMercer@example.com", TRADERS) == TRADERS[2]


@pytest.mark.parametrize("by", ["", " ", "@", "Mercer", "394", "39420", "R. Manager", "risk@3942"])
def test_nobody_else_is_a_trader(by):
    assert trader_named(by, TRADERS) is None
