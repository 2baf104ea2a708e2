"""Proposals for the rules' numbers: tried over a grid, made only where they pay, never applied."""

from __future__ import annotations

import json
from functools import lru_cache

import pytest

from riskops import champion, config, proposals
from riskops.proposals import Cell, Review, best_in_hindsight
from riskops.records import Rule
from riskops.store.documents import from_document, to_document
from riskops.thresholds import TODAY
from tests.builders import desk_history, trader_history
from tests.simulated_desks import NO_TRADES, simulated_desk


@lru_cache
def tilted() -> Review:
    """A desk that loses heavily after two losing days: a streak of two is worth a cut."""
    return proposals.review(*simulated_desk(8, 260, tilt=4.0, seed=4))


@lru_cache
def ordinary() -> Review:
    return proposals.review(*simulated_desk(6, 180))


def test_every_tier_of_every_rule_is_tried_with_the_numbers_of_the_config():
    names = [(grid.when_name, grid.level_name) for grid in ordinary().grids]
    assert all(hasattr(config, name) for pair in names for name in pair)
    assert {grid.rule for grid in ordinary().grids} == set(Rule)
    levels = {name for name in vars(TODAY.__class__) if name.endswith("_level")}
    assert {level.lower() for _, level in names} == levels


def test_today_s_numbers_are_one_cell_of_every_grid_and_worth_nothing_against_themselves():
    for grid in ordinary().grids:
        [today] = [cell for cell in grid.cells if cell.is_today]
        assert today.when == float(getattr(config, grid.when_name))
        assert today.level == getattr(config, grid.level_name)
        assert today.figures["benefit_usd"] == 0
        assert today.figures["restricted_share"] == ordinary().today["restricted_share"]


def test_no_cell_has_its_harder_tier_first():
    for grid in ordinary().grids:
        if grid.when_name == "STREAK_DAYS":
            assert {cell.when for cell in grid.cells} == {2, 3, 4, 5}
            assert max(cell.level for cell in grid.cells) == config.LONG_STREAK_LEVEL


def test_what_pays_beyond_chance_is_proposed_in_words_with_its_interval():
    found = tilted()
    [proposal] = [p for p in found.proposals if "STREAK_DAYS" in p.changes]
    assert proposal.changes["STREAK_DAYS"] == 2
    assert proposal.figures["benefit_surely_low_usd"] > 0
    assert "STREAK_DAYS from 3 to 2" in proposal.text
    assert f"{found.trader_days:,} trader-days" in proposal.text
    assert f"instead of {100 * found.today['restricted_share']:.0f} %" in proposal.text


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_desk_without_a_signal_gets_no_proposal(seed):
    found = proposals.review(*simulated_desk(6, 180, seed=seed))
    assert found.proposals == ()
    best = best_in_hindsight(found)
    assert best is not None
    assert not best[1].pays


def test_reviewing_changes_no_number_and_no_score():
    desk, paths = simulated_desk(6, 180)
    numbers = {name: getattr(config, name) for name in vars(config) if name.isupper()}
    scores = champion.score(desk)
    proposals.review(desk, paths)
    assert {name: getattr(config, name) for name in numbers} == numbers
    assert champion.score(desk) == scores


@pytest.mark.parametrize(
    ("figures", "pays"),
    [
        ({"benefit_surely_low_usd": 5.0, "benefit_least_usd": 4.0}, True),
        ({"benefit_surely_low_usd": -1.0, "benefit_least_usd": 4.0}, False),
        ({"benefit_surely_low_usd": 5.0, "benefit_least_usd": -4.0}, False),
        ({"benefit_least_usd": 4.0}, False),
    ],
    ids=["beyond both", "chance", "treated days", "no interval"],
)
def test_a_cell_pays_only_beyond_chance_and_beyond_what_treated_days_hide(figures, pays):
    assert Cell(3.0, 40, False, figures).pays is pays


def test_a_young_desk_and_one_of_zeros_are_reviewed_without_proposals():
    for results in ([-700], [0] * 60):
        assert proposals.review(desk_history(trader_history(results)), NO_TRADES).proposals == ()


def test_the_review_fits_a_document_and_comes_back():
    for found in (tilted(), ordinary()):
        document = json.loads(json.dumps(to_document(found), allow_nan=False))
        assert from_document(Review, document) == found
