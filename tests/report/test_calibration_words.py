"""What a calibration says, for every way it may come out."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import pytest

from riskops import calibration
from riskops.calibration import BASE_LIMITS, Change, DeskCalibration, Option
from riskops.report.calibration_words import base_table, option_table, sentences
from tests.simulated_desks import simulated_desk


def shares(restricted: int, immediate: int) -> dict[str, float]:
    """Return shares of a hundred days."""
    return {
        "restricted_share": restricted / 100,
        "restricted_share_hits": float(restricted),
        "restricted_share_of": 100.0,
        "immediate_share": immediate / 100,
        "immediate_share_hits": float(immediate),
        "immediate_share_of": 100.0,
    }


def option(restricted: int, immediate: int, *changes: Change, recent: int = 30) -> Option:
    worth = {"benefit_usd": 1_250.0, "benefit_least_usd": 1_250.0, "benefit_most_usd": 1_250.0}
    worth |= {"benefit_low_usd": -4_000.0, "benefit_high_usd": 9_000.0}
    return Option(changes, shares(restricted, immediate), shares(recent, 5), worth)


CAPITAL = Change("DRAWDOWN_CAPITAL_MULTIPLE", "20", "30")
LARGE = Change("LARGE_LOSS_OF_BASE", "0.4", "0.6")
BASES = Change(BASE_LIMITS, "as enrolled", "2.5 robust sd of each trader's results")


@lru_cache
def real() -> DeskCalibration:
    return calibration.calibrate(*simulated_desk(3, 150))


def found(today: Option, proposed: Option | None = None) -> DeskCalibration:
    options = (option(28, 4, CAPITAL),) if proposed is None else (proposed,)
    return dataclasses.replace(real(), today=today, options=options, proposed=proposed)


def said(today: Option, proposed: Option | None = None) -> str:
    return " ".join(sentences(found(today, proposed)))


def test_the_shares_are_told_with_counts_and_where_they_are_meant_to_be():
    text = said(option(47, 9, recent=52), option(33, 6, CAPITAL))
    assert "Cut by 20 % or more: 47.0 % (47 of 100) trader-days" in text
    assert "meant to be 26 % to 35 %; over the last 60 sessions 52.0 % (52 of 100)" in text
    assert "Cut by more than 40 %: 9.0 % (9 of 100)" in text


def test_a_proposal_says_numbers_shares_worth_and_that_nothing_was_changed():
    text = said(option(47, 9), option(33, 6, CAPITAL))
    assert (
        "Proposed: DRAWDOWN_CAPITAL_MULTIPLE 20 → 30. It brings both shares where they are meant to be"
        in text
    )
    assert "33.0 % cut by 20 % or more and 6.0 % by more than 40 %" in text
    assert "$1,250 (-$4,000 to $9,000), which is shown and not chosen by" in text
    assert "Nothing was changed. A person decides" in text


def test_what_only_comes_near_is_not_said_to_reach():
    text = said(option(60, 20), option(40, 9, CAPITAL, BASES))
    assert "comes nearest to the intended shares, and does not reach them" in text
    assert "DRAWDOWN_CAPITAL_MULTIPLE 20 → 30, base limits: 2.5 robust sd" in text


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (option(30, 5), "Both shares are where they are meant to be: nothing is proposed."),
        (option(30, 5, recent=50), "a bad spell, not wrong numbers"),
        (option(60, 20), "No change that was tried comes nearer"),
    ],
    ids=["in bands", "a bad spell", "nothing helps"],
)
def test_without_a_proposal_it_says_why(today, words):
    assert words in said(today)
    assert "Proposed" not in said(today)


def test_a_change_of_what_counts_as_a_large_loss_is_warned_of():
    assert "rates before and after cannot be compared" in said(option(47, 9), option(33, 6, LARGE))
    assert "cannot be compared" not in said(option(47, 9), option(33, 6, CAPITAL))


def test_the_tables_hold_today_the_proposal_and_every_change():
    together = option(33, 6, CAPITAL, BASES)
    table = option_table(dataclasses.replace(real(), proposed=together))
    assert [row[0] for row in table.rows[:2]] == [
        "today's numbers",
        "DRAWDOWN_CAPITAL_MULTIPLE 20 → 30, base limits: 2.5 robust sd of each trader's results",
    ]
    assert len(table.rows) == 2 + len(real().options)
    assert {len(row) for row in table.rows} == {len(table.headings)}
    assert [row[0].split()[0] for row in base_table(real()).rows] == ["3900", "3901", "3902"]
