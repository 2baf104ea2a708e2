"""What the desk lives through under a real scheduler, on PostgreSQL: kills, retries, backfills, side by side.

One Airflow serves all tests here; every test gives it a risk database of its own.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, date, datetime, time
from itertools import pairwise

import pytest

from riskops import config
from riskops.records import RunType, Verb
from riskops.sessions import desk_time, trading_calendar
from tests.scheduler.live_airflow import LiveAirflow, states, until
from tests.scheduler.live_desk import EXCHANGE, MORNING, RECIPIENTS, LiveDesk

CALENDAR = trading_calendar(EXCHANGE)
# Clocks go back on Sunday 2025-11-02 in New York, Monday 2025-11-03 is a holiday in Tokyo.
SIX_SESSIONS = tuple(CALENDAR.between(date(2025, 10, 29), MORNING))
PARALLEL = 4

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]


def six_o_clock(session: date) -> datetime:
    return desk_time(session, time(6, 0)).astimezone(UTC)


def test_the_six_sessions_span_a_holiday_and_a_change_of_the_clocks():
    hours = {six_o_clock(session).hour for session in SIX_SESSIONS}
    assert len(SIX_SESSIONS) == 6
    assert hours == {10, 11}
    assert any((later - earlier).days == 4 for earlier, later in pairwise(SIX_SESSIONS))


def test_a_paused_dag_starts_nothing_and_then_one_scheduled_morning_only(
    airflow: LiveAirflow, desk: LiveDesk
):
    airflow.trigger("waits", session=str(MORNING), deliver="no")
    asked = datetime.now(UTC)
    until(lambda: airflow.has_looked_since(asked) or None, 60, "the scheduler to look around")
    assert set(airflow.runs()) == {"waits"}
    assert set(states(airflow.tasks("waits")).values()) == {None}
    airflow.pause(paused=False)
    airflow.succeeds("waits")
    scheduled = [run for run in airflow.runs().values() if run["run_type"] == "scheduled"]
    assert len(scheduled) == 1
    newest = datetime.fromisoformat(scheduled[0]["logical_date"])
    following = CALENDAR.shift(newest.date(), 1)
    assert newest <= datetime.now(UTC) < six_o_clock(following)
    airflow.ended(scheduled[0]["dag_run_id"])


@pytest.mark.parametrize("task_id", ["ingest", "publish_rules"])
@pytest.mark.fault(
    what="the process of a task is killed (SIGKILL) under a scheduler",
    gets="the rules' limits: the task is tried again; one mail for everybody",
    rung="2",
    label="rules",
    told="risk managers (mail)",
)
def test_a_killed_task_is_tried_again_and_one_mail_leaves(airflow: LiveAirflow, desk: LiveDesk, task_id):
    run_id = airflow.trigger(f"kill_{task_id}", session=str(MORNING), deliver="yes")
    with desk.stopped_at(task_id):
        assert airflow.kill(run_id, task_id) == 1
    airflow.succeeds(run_id)
    assert airflow.tasks(run_id)[task_id].tries == 2
    assert desk.reached() == Counter(RECIPIENTS)
    assert desk.decided(MORNING) == desk.expected(MORNING)


@pytest.mark.fault(
    what="the model's process is killed (SIGKILL) at every try",
    gets="the rules' limits, on time; the run is green",
    rung="2",
    label="model_failed",
    told="risk managers (mail), on-call through the failed task",
)
def test_a_model_killed_at_every_try_ends_green_by_the_rules(airflow: LiveAirflow, desk: LiveDesk):
    run_id = airflow.trigger("kill_model", session=str(MORNING), deliver="yes")
    with desk.stopped_at("score_pooled_model"):
        assert airflow.kill(run_id, "score_pooled_model") == 1
        until(lambda: airflow.tasks(run_id)["score_pooled_model"].tries == 2 or None, 60, "the second try")
        assert airflow.kill(run_id, "score_pooled_model") == 2
    airflow.succeeds(run_id)
    assert airflow.tasks(run_id)["score_pooled_model"].state == "failed"
    assert desk.publication(MORNING).verdict == "model_failed"
    assert all("rung 2 rules" in mail["Subject"] for mail in desk.mails())
    assert desk.reached() == Counter(RECIPIENTS)


@pytest.mark.fault(
    what="the sender's process is killed (SIGKILL) while it talks to the mail server",
    gets="every mail once; the one in doubt says that it may be a second copy",
    rung="2",
    label="possible duplicate",
    told="risk managers (mail)",
)
def test_a_sender_killed_while_it_sends_is_tried_again_and_says_so(airflow: LiveAirflow, desk: LiveDesk):
    with desk.standing_still("catch-mail"):
        run_id = airflow.trigger("kill_sender", session=str(MORNING), deliver="yes")
        until(lambda: desk.is_sending() or None, 240, "a mail to be on its way")
        airflow.kill(run_id, "send_report")
    airflow.succeeds(run_id)
    assert airflow.tasks(run_id)["send_report"].tries == 2
    assert desk.reached() == Counter(RECIPIENTS)
    doubtful = [mail["To"] for mail in desk.mails() if "POSSIBLE DUPLICATE" in mail.as_string()]
    assert doubtful == [RECIPIENTS[0]]


@pytest.mark.fault(
    what="Airflow's scheduler stands still in the middle of the morning",
    gets="the rules' limits at 07:20, by the watchdog; Airflow goes on later and mails nothing",
    rung="2",
    label="rules",
    told="risk managers (mail)",
)
def test_the_watchdog_finishes_a_morning_whose_scheduler_stands_still(airflow: LiveAirflow, desk: LiveDesk):
    run_id = airflow.trigger("stands_still", session=str(MORNING), deliver="yes")
    with ExitStack() as later:
        with desk.stopped_at("compare"):
            airflow.running(run_id, "compare")
            later.enter_context(desk.standing_still("scheduler"))
            airflow.kill(run_id, "compare")
        steps = desk.watched(MORNING, config.LATEST_CUT_OFF)
        assert [step.verb for step in steps] == [Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE, Verb.SEND]
        assert all(step.succeeded for step in steps), steps
        assert desk.reached() == Counter(RECIPIENTS)
    airflow.succeeds(run_id)
    assert desk.reached() == Counter(RECIPIENTS)
    assert desk.decided(MORNING) == desk.expected(MORNING)


def test_every_task_cleared_alone_changes_nothing_and_mails_nothing(airflow: LiveAirflow, desk: LiveDesk):
    run_id = airflow.trigger("cleared", session=str(MORNING), deliver="yes")
    airflow.succeeds(run_id)
    before, mails = desk.content(), desk.reached()
    ran = [task_id for task_id, state in states(airflow.tasks(run_id)).items() if state == "success"]
    assert len(ran) == 10
    for task_id in ran:
        airflow.clear(run_id, task_id)
        until(lambda: airflow.state(run_id) != "success" or None, 30, f"{task_id} to be cleared")
        airflow.succeeds(run_id)
    assert {airflow.tasks(run_id)[task_id].tries for task_id in ran} == {2}
    assert desk.content() == before
    assert desk.reached() == mails == Counter(RECIPIENTS)


def test_runs_side_by_side_for_one_session_decide_once_and_mail_once(airflow: LiveAirflow, desk: LiveDesk):
    moment = six_o_clock(MORNING)
    run_ids = [
        airflow.trigger("side_a", session=str(MORNING), deliver="yes"),
        airflow.trigger("side_b", session=str(MORNING), deliver="yes"),
        airflow.trigger("side_dated", logical_date=moment, deliver="yes"),
    ]
    for run_id in run_ids:
        airflow.succeeds(run_id)
    assert desk.reached() == Counter(RECIPIENTS)
    assert desk.decided(MORNING) == desk.expected(MORNING)


def test_a_manual_run_beside_the_scheduled_one_mails_once(airflow: LiveAirflow, desk: LiveDesk):
    scheduled = next(run for run in airflow.runs().values() if run["run_type"] == "scheduled")
    session = session_of(scheduled)
    desk.begins_before(session)
    airflow.clear(scheduled["dag_run_id"], *airflow.tasks(scheduled["dag_run_id"]))
    manual = airflow.trigger("beside", session=str(session), deliver="yes")
    airflow.succeeds(manual)
    airflow.succeeds(scheduled["dag_run_id"])
    assert desk.reached() == Counter(RECIPIENTS)
    assert desk.decided(session) == desk.expected(session, RunType.SCHEDULED)


def session_of(run: dict) -> date:
    return datetime.fromisoformat(run["logical_date"]).date()


def test_a_backfill_of_six_sessions_newest_first_decides_as_alone_and_never_mails(
    airflow: LiveAirflow, desk: LiveDesk
):
    desk.begins_before(SIX_SESSIONS[0])
    last = datetime.combine(MORNING, time(23, 0), UTC)
    airflow.backfill(six_o_clock(SIX_SESSIONS[0]), last, PARALLEL, reverse=True)
    running: list[int] = []
    until(lambda: over(airflow, running), 480, "the backfill to be over")
    runs = backfilled(airflow)
    assert [run["state"] for run in runs] == ["success"] * 6
    assert sorted(session_of(run) for run in runs) == list(SIX_SESSIONS)
    assert 2 <= max(running) <= PARALLEL
    assert {s: desk.decided(s) for s in SIX_SESSIONS} == {s: desk.expected(s) for s in SIX_SESSIONS}
    assert desk.reached() == Counter()
    left = desk.content()
    assert [left[table] for table in ("outbox", "seals", "applied_limits", "published_limits")] == [[]] * 4


def backfilled(airflow: LiveAirflow) -> list[dict]:
    return [run for run in airflow.runs().values() if run["run_type"] == "backfill"]


def over(airflow: LiveAirflow, running: list[int]) -> bool | None:
    """Return whether every run of the backfill has ended; note how many run now."""
    states = [run["state"] for run in backfilled(airflow)]
    running.append(states.count("running"))
    return (len(states) == len(SIX_SESSIONS) and set(states) <= {"success", "failed"}) or None
