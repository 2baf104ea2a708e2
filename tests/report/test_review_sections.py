"""What a review says of other numbers, in words and grids."""

from __future__ import annotations

from functools import lru_cache

import pytest

from riskops import proposals
from riskops.proposals import Review
from riskops.report.review_sections import sections
from tests.simulated_desks import simulated_desk


@lru_cache
def found(tilt: float) -> Review:
    return proposals.review(*simulated_desk(8, 260, tilt=tilt, seed=4))


def said(tilt: float) -> str:
    return " ".join(sections(found(tilt))[0].says)


def test_a_proposal_is_said_and_who_decides():
    assert "Proposed: STREAK_DAYS from 3 to 2" in said(4.0)
    assert "never applied by itself" in said(4.0)


def test_without_a_proposal_the_best_in_hindsight_is_named_as_luck():
    assert "None is proposed: none beats today's beyond chance." in said(0.0)
    assert "by luck alone" in said(0.0)
    assert f"{found(0.0).cells} other settings" in said(0.0)


@pytest.mark.parametrize("tilt", [0.0, 4.0])
def test_every_cell_is_shown_once_with_today_s_among_them(tilt):
    tables = sections(found(tilt))[1].tables
    assert len(tables) == len(proposals.TIERS)
    for table, grid in zip(tables, found(tilt).grids, strict=True):
        cells = [cell for row in table.rows for cell in row[1:] if cell]
        assert len(cells) == len(grid.cells)
        assert sum(cell.startswith("today") for cell in cells) == 1
        assert sum("✓" in cell for cell in cells) == sum(cell.pays for cell in grid.cells)
        assert grid.when_name in table.caption
