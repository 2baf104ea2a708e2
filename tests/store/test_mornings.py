"""What the verbs leave: kept until a failure says otherwise, and outdated where limits change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time

import pytest

from riskops.records import Verb
from riskops.sessions import desk_time
from riskops.store.mornings import Report
from riskops.store.seal import LIMITS_MAIL, seal
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import DECISION, PUBLICATION

REPORT = Report(SESSION, 0, LIMITS_MAIL, "subject", "text", "html", "digest")
TIGHTER = replace(PUBLICATION, decisions=(replace(DECISION, reduction=60, limit_cents=200_000),))


@pytest.fixture
def mornings(folder):
    with opened(folder) as desk:
        yield desk.store.mornings


def state_of(mornings, verb):
    return mornings.stages(SESSION, 0)[verb].state


def test_the_lived_stretch_runs_from_the_first_to_the_last_recorded_cut_off(mornings):
    assert mornings.lived_stretch() is None
    sessions = [CALENDAR.shift(SESSION, -back) for back in (3, 9, 0)]
    for session in sessions:
        mornings.record_cut_off(session, 0, desk_time(session, time(6, 30)))
    assert mornings.lived_stretch() == (sessions[1], sessions[2])


def test_a_session_whose_mail_left_without_an_ingest_was_lived(mornings):
    with mornings._database.writing() as connection:
        seal(connection, SESSION, 0, desk_time(SESSION, time(7, 29)))
    assert mornings.lived_stretch() == (SESSION, SESSION)


class TestStages:
    def test_a_second_run_that_begins_takes_nothing_from_the_first(self, mornings):
        mornings.finish(SESSION, 0, Verb.SCORE_RULES, {"traders": 15})
        mornings.start(SESSION, 0, Verb.SCORE_RULES)
        assert mornings.stages(SESSION, 0)[Verb.SCORE_RULES].detail == {"traders": 15}
        assert state_of(mornings, Verb.SCORE_RULES) == "done"

    def test_a_second_run_that_fails_does(self, mornings):
        mornings.finish(SESSION, 0, Verb.SCORE_RULES, {"traders": 15})
        mornings.start(SESSION, 0, Verb.SCORE_RULES)
        mornings.fail(SESSION, 0, Verb.SCORE_RULES, "why")
        assert state_of(mornings, Verb.SCORE_RULES) == "failed"


class TestPublish:
    @pytest.fixture(autouse=True)
    def _composed(self, mornings):
        mornings.publish(PUBLICATION, {})
        mornings.archive(REPORT, {})

    def test_the_same_limits_again_leave_the_report_valid(self, mornings):
        mornings.publish(PUBLICATION, {})
        assert state_of(mornings, Verb.COMPOSE) == "done"

    def test_other_limits_outdate_the_report_composed_from_the_earlier_ones(self, mornings):
        mornings.publish(TIGHTER, {})
        assert state_of(mornings, Verb.COMPOSE) == "started"
        assert mornings.publication(SESSION, 0) == TIGHTER

    def test_runs_that_publish_at_once_leave_the_limits_of_one(self, mornings):
        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(lambda limits: mornings.publish(limits, {}), [TIGHTER, PUBLICATION] * 4))
        assert all(written)
        assert mornings.publication(SESSION, 0) in (TIGHTER, PUBLICATION)

    def test_composing_again_makes_the_report_valid_again(self, mornings):
        mornings.publish(TIGHTER, {})
        mornings.archive(REPORT, {})
        assert state_of(mornings, Verb.COMPOSE) == "done"
