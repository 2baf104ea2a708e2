"""The review of the evidence: from what was known, stored once, proposals in words only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from riskops import evaluation, proposals
from riskops.evaluation import Evaluation
from riskops.pipeline import evaluate as evaluating
from riskops.pipeline.review import review
from riskops.proposals import Review
from riskops.store.documents import from_document
from riskops.store.evaluations import StoredEvaluation
from riskops.store.tables import evaluations
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, copied, forgotten, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, quiet

MONTH = date(2026, 10, 1)


@pytest.fixture(scope="module")
def reviewed(
    small_desk_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoredEvaluation]:
    folder = copied(small_desk_template, tmp_path_factory.mktemp("reviewed"))
    with opened(folder) as desk:
        assert review(desk, run_for(MONTH))["outcome"] == "stored"
        yield desk.store.evaluations.of(MONTH)
    forgotten(folder)


def test_it_covers_all_that_was_known_on_the_morning_and_nothing_later(reviewed):
    assert reviewed.last_session == CALENDAR.previous(MONTH)
    found = from_document(Evaluation, without_format(reviewed.document["evaluation"]))
    assert found.cumulative.sessions[-1] == reviewed.last_session
    assert (found.session, found.first_session) == (MONTH, reviewed.first_session)


def without_format(document: dict) -> dict:
    return {key: value for key, value in document.items() if key != "format"}


def test_the_document_holds_the_proposals_and_everything_that_was_tried(reviewed):
    found = from_document(Review, reviewed.document["review"])
    assert len(found.grids) == len(proposals.TIERS)
    assert found.cells > 100
    json.dumps(reviewed.document, allow_nan=False)


def test_the_page_has_the_proposals(reviewed):
    assert "Proposals for the rules&#39; numbers" in reviewed.html
    assert "A proposal is never applied by itself." in reviewed.html
    assert "What was tried" in reviewed.html


def test_it_is_the_evaluation_of_that_morning(reviewed, small_desk):
    with opened(small_desk) as desk:
        history, paths = evaluating.known(desk, run_for(MONTH))
    found = evaluation.evaluate(history, paths, evaluation.known_span(history))
    assert evaluating.as_document(found) == reviewed.document["evaluation"]
    assert reviewed.specification == found.specification


def test_what_a_session_has_stays_although_the_review_would_be_another_one(small_desk, monkeypatch):
    with opened(small_desk) as desk:
        first = review(desk, run_for(MONTH))
        stored = content_of(desk)[evaluations.name]
        monkeypatch.setattr(proposals, "review", lambda *_: pytest.fail("it was made again"))
        assert review(desk, run_for(MONTH)) == first | {"outcome": "was stored before"}
        assert content_of(desk)[evaluations.name] == stored


def test_of_two_reviews_at_once_the_first_to_arrive_is_kept(reviewed, small_desk):
    with opened(small_desk) as desk:
        assert desk.store.evaluations.keep(reviewed)
        assert not desk.store.evaluations.keep(reviewed)
        assert desk.store.evaluations.of(MONTH) == reviewed


def test_a_desk_without_history_has_nothing_to_review_and_stores_nothing(folder):
    with opened(folder, on_the_morning(SESSION)) as desk:
        receipt = review(desk, run_for(SESSION))
        assert receipt["outcome"].startswith("nothing to review yet: Nobody traded before")
        assert desk.store.evaluations.of(SESSION) is None


def test_a_young_desk_is_reviewed_by_its_rules_on_either_database(folder):
    with csv_desk(folder, {"3942": quiet()[:30]}) as desk:
        assert review(desk, run_for(SESSION))["outcome"] == "stored"
        kept = desk.store.evaluations.of(SESSION)
    assert kept.document["evaluation"]["model_from"] is None
    assert kept.document["review"]["proposals"] == []
