"""Revisions: numbered from 1, one for each run that asked."""

from __future__ import annotations

import pytest

from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off


@pytest.fixture
def revisions(folder):
    with opened(folder) as desk:
        yield desk.store.revisions


def test_revisions_of_a_session_are_numbered_from_one(revisions):
    first = revisions.open(SESSION, "a run", by="anna", why="a late file", moment=NOW)
    second = revisions.open(SESSION, "another", by="bert", why="once more", moment=NOW)
    other = revisions.open(CALENDAR.shift(SESSION, 1), "a run", by="anna", why="why", moment=NOW)
    assert [r.revision for r in (first, second, other)] == [1, 2, 1]
    assert revisions.of(SESSION) == (first, second)


def test_the_same_run_gets_the_revision_it_has_opened(revisions):
    first = revisions.open(SESSION, "a run", by="anna", why="a late file", moment=NOW)
    revisions.open(SESSION, "another", by="bert", why="once more", moment=NOW)
    assert revisions.open(SESSION, "a run", by="carl", why="another story", moment=NOW) == first
