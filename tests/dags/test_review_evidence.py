"""The monthly review, through Airflow: one row under its own session, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, time
from pathlib import Path

import pytest

from riskops.pipeline.review import review
from riskops.records import RunType
from riskops.sessions import desk_time
from riskops.store.tables import evaluations
from tests.airflow_desk import SIX_O_CLOCK, AirflowDesk, content, parsed
from tests.builders import CALENDAR
from tests.desks import opened, run_for

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

OCTOBER = date(2026, 10, 1)
EVENING = desk_time(OCTOBER, time(18)).astimezone(UTC)


@pytest.mark.usefixtures("migrated_airflow")
def test_it_runs_in_the_evening_of_the_first_session_of_each_month():
    dag = parsed("review_evidence")
    assert [task.task_id for task in dag.tasks] == ["review"]
    assert dag.timetable.summary == "18:00 New York, first XNYS session of each month"
    assert dag.max_active_runs == 1


def test_a_run_stores_the_review_of_its_session_and_changes_nothing_else(first_morning: AirflowDesk):
    before = first_morning.content()
    assert first_morning.run("review_evidence", EVENING).state == "success"
    after = first_morning.content()
    assert {table for table in after if after[table] != before[table]} == {evaluations.name}
    with first_morning.opened() as desk:
        kept = desk.store.evaluations.of(OCTOBER)
    assert kept.last_session == CALENDAR.previous(OCTOBER)
    assert kept.html.startswith("<!doctype html>")
    assert kept.document["review"]["session"] == OCTOBER.isoformat()


@pytest.mark.campaign
def test_a_run_again_leaves_the_stored_review_as_it_is(first_morning: AirflowDesk):
    first_morning.run("review_evidence", EVENING)
    stored = first_morning.content()
    assert first_morning.run("review_evidence", EVENING).state == "success"
    assert first_morning.content() == stored


@pytest.mark.campaign
def test_a_session_that_is_asked_for_is_the_one_reviewed(first_morning: AirflowDesk):
    assert first_morning.run("review_evidence", SIX_O_CLOCK, session="2026-09-01").state == "success"
    with first_morning.opened() as desk:
        assert desk.store.evaluations.of(date(2026, 9, 1)) is not None
        assert desk.store.evaluations.of(OCTOBER) is None


@pytest.mark.campaign
def test_a_backfill_stores_each_month_under_its_own_session_and_replaces_none(small_desk: Path):
    """What a live run has stored stays; a backfilled month is what it would have been, in any order."""
    months = [OCTOBER, date(2026, 9, 1)]
    with opened(small_desk) as desk:
        live = dict(review(desk, run_for(OCTOBER)))
        for month in months:
            receipt = review(desk, run_for(month, RunType.BACKFILL))
            assert receipt["outcome"] == ("was stored before" if month == OCTOBER else "stored")
        assert review(desk, run_for(OCTOBER)) | {"outcome": live["outcome"]} == live
        assert len(content(desk)[evaluations.name]) == 2
