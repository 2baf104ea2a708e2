"""The morning through Airflow: the shape of its Dag, the colour of its runs, what the mail says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from riskops import config, limits
from riskops.records import Publication, Rung, Verdict
from riskops.sessions import desk_time
from riskops.sources.demo import PINNED_SESSION
from tests.airflow_desk import PREVIOUS_SESSION, SATURDAY, SIX_O_CLOCK, AirflowDesk, content, parsed
from tests.desks import each_verb, opened

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

PUBLISHING = {"publish_rules", "publish_model", "hold_limits"}
EDGES = {
    "ingest": {"validate"},
    "validate": {"score_rules", "score_pooled_model", "record_outcomes"},
    "score_rules": {"compare"},
    "score_pooled_model": {"compare"},
    "compare": {"choose"},
    "choose": PUBLISHING,
    **{task_id: {"compose_report"} for task_id in PUBLISHING},
    "compose_report": {"send_report"},
    "send_report": set(),
    "record_outcomes": set(),
}
TRIGGER_RULES = {
    **dict.fromkeys(("ingest", *PUBLISHING), "all_success"),
    **dict.fromkeys(("validate", "score_rules", "score_pooled_model", "compare", "choose"), "all_done"),
    "compose_report": "none_failed_min_one_success",
    "send_report": "all_done",
    "record_outcomes": "all_done_setup_success",  # there is no set-up: all_done
}
TASKS_OF_A_USUAL_MORNING = sorted(EDGES.keys() - {"publish_model", "hold_limits"})


# --- the shape --------------------------------------------------------------------------------


@pytest.fixture
def dag(migrated_airflow: Path, patch: pytest.MonkeyPatch) -> Any:
    """Return the Dag of a deployment that shortens nothing."""
    patch.delenv("RISKOPS_TASK_RETRIES")
    patch.delenv("RISKOPS_RETRY_DELAY_SECONDS")
    return parsed("daily_risk_limits")


def test_tasks_and_edges_are_the_morning_as_it_is_drawn(dag: Any):
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == EDGES


def test_a_task_begins_when_its_trigger_rule_says(dag: Any):
    assert {task.task_id: task.trigger_rule.value for task in dag.tasks} == TRIGGER_RULES


def test_the_mail_is_the_only_leaf_that_counts_so_its_colour_is_the_runs(dag: Any):
    counting = [t.task_id for t in dag.leaves if not t.is_teardown or t.on_failure_fail_dagrun]
    assert counting == ["send_report"]


def test_nobody_waits_for_the_outcomes_which_are_there_before_the_mail_in_the_worst_case(dag: Any):
    outcomes, composing = dag.get_task("record_outcomes"), dag.get_task("compose_report")
    assert outcomes.downstream_task_ids == set()
    assert worst_case(outcomes) <= worst_case(composing)


def test_the_dag_follows_the_sessions_of_the_exchange(dag: Any):
    assert dag.timetable.summary == "06:00 New York, XNYS sessions"
    assert dag.tags == {"risk", "limits", "daily"}


def test_the_calendar_is_the_deployments(migrated_airflow: Path, patch: pytest.MonkeyPatch):
    patch.setenv("RISKOPS_CALENDAR", "24/7")
    assert parsed("daily_risk_limits").timetable.summary == "06:00 New York, 24/7 sessions"


@pytest.mark.parametrize(
    ("task_id", "due"),
    [
        *[(task_id, config.LATEST_CUT_OFF) for task_id in sorted(PUBLISHING)],
        ("send_report", config.MAIL_DUE_AT),
    ],
)
def test_every_path_to_limits_and_mail_is_in_time_in_the_worst_case(dag: Any, task_id: str, due: time):
    begin = datetime.combine(PINNED_SESSION, config.MORNING_AT)
    assert begin + worst_case(dag.get_task(task_id)) <= datetime.combine(PINNED_SESSION, due)


def test_a_run_is_not_cut_off_before_its_worst_case(dag: Any):
    assert dag.dagrun_timeout > worst_case(dag.get_task("send_report"))


def worst_case(task: Any) -> timedelta:
    """Return the longest a task and what comes before it may take, on the longest path."""
    own = (task.retries + 1) * task.execution_timeout + task.retries * task.max_retry_delay
    return own + max((worst_case(before) for before in task.upstream_list), default=timedelta())


def test_a_drill_may_shorten_the_minutes_of_every_task(migrated_airflow: Path, patch: pytest.MonkeyPatch):
    patch.setenv("RISKOPS_TASK_RETRIES", "0")
    patch.setenv("RISKOPS_TIME_OUT_SECONDS", "7")
    for task in parsed("daily_risk_limits").tasks:
        assert (task.retries, task.execution_timeout) == (0, timedelta(seconds=7))


def test_triage_says_what_to_do_about_every_task(dag: Any):
    rows = [line for line in dag.doc_md.splitlines() if line.startswith("| `")]
    named = [task_id for row in rows for task_id in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(EDGES)


def test_every_command_that_triage_names_exists(dag: Any):
    from typer.main import get_command

    from riskops.cli import app

    named = set(re.findall(r"`riskops ([\w-]+)", dag.doc_md))
    assert named
    assert named <= get_command(app).commands.keys()


@pytest.fixture
def on_call(patch: pytest.MonkeyPatch, listener: Any) -> Callable[[], list[str]]:
    """Connect on-call's webhook, and return what says what on-call has heard."""
    patch.setenv("RISKOPS_ON_CALL_WEBHOOK", f"http://127.0.0.1:{listener.server_port}/on-call")
    return lambda: [body["text"] for _path, body in listener.heard]


def given_up(told: list[str]) -> set[str]:
    """Return the tasks that on-call was told were given up, each once."""
    tasks = [found[1] for text in told if (found := re.search(r"test: (\w+) was given up", text))]
    assert len(tasks) == len(set(tasks))
    return set(tasks)


# --- a sound morning --------------------------------------------------------------------------


def test_a_sound_morning_is_green_and_mails_the_rules_limits(
    first_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    outcome = first_morning.run(deliver="yes")
    assert outcome.state == "success"
    assert outcome.skipped == {"publish_model", "hold_limits"}
    assert {outcome.tasks[task_id] for task_id in TASKS_OF_A_USUAL_MORNING} == {"success"}
    published = first_morning.publication()
    assert (published.rung, len(published.decisions)) == (Rung.RULES, 15)
    assert first_morning.is_sealed()
    assert [path.name for path in first_morning.mails()] == ["limits.eml"]
    assert "rung 2 rules" in first_morning.mail()["Subject"]
    for decision in published.decisions:
        assert f"Trader {decision.trader_id}" in first_morning.mail_text()
    assert on_call() == []


def test_a_session_that_is_run_again_changes_nothing_and_mails_nothing(finished_morning: AirflowDesk):
    before = finished_morning.content()
    assert finished_morning.run(deliver="yes").state == "success"
    assert finished_morning.content() == before
    assert finished_morning.mails() == []


@pytest.mark.parametrize(
    ("logical_date", "session"),
    [
        (SIX_O_CLOCK, None),
        (desk_time(PINNED_SESSION, time(15, 30)), None),
        (None, PINNED_SESSION.isoformat()),
    ],
    ids=["at six, as scheduled", "by hand, with a date", "by hand, for a session"],
)
@pytest.mark.campaign
def test_airflow_decides_what_the_verbs_decide(
    logical_date: datetime | None, session: str | None, first_morning: AirflowDesk, composed_template: Path
):
    first_morning.run(logical_date=logical_date, session=session, deliver="no")
    with opened(composed_template) as desk:
        assert first_morning.content() == content(desk)


def test_a_run_by_hand_mails_only_when_asked(composed_morning: AirflowDesk):
    assert composed_morning.run(only="send_report").state == "success"
    assert composed_morning.mails() == []
    assert composed_morning.run(only="send_report", deliver="yes").state == "success"
    assert len(composed_morning.mails()) == 1


@pytest.mark.parametrize(
    ("run_type", "deliver", "mails"),
    [
        ("backfill", "yes", 0),
        ("backfill", "default", 0),
        ("scheduled", "no", 0),
        ("scheduled", "default", 1),
        ("manual", "yes", 1),
    ],
)
def test_who_asks_decides_whether_a_mail_leaves(
    run_type: str, deliver: str, mails: int, composed_morning: AirflowDesk
):
    from morning_task import run_verb
    from riskops.pipeline.send import send

    receipt = run_verb(send, context(run_type, deliver))
    assert len(composed_morning.mails()) == len(receipt["delivered"]) == mails
    assert composed_morning.is_sealed() == bool(mails)


# --- tasks cleared one by one -----------------------------------------------------------------


@pytest.mark.parametrize("task_id", sorted(EDGES))
def test_clearing_a_task_after_the_mail_changes_nothing(task_id: str, finished_morning: AirflowDesk):
    before = finished_morning.content()
    assert finished_morning.run(only=task_id, deliver="yes").tasks[task_id] == "success"
    assert finished_morning.content() == before
    assert finished_morning.mails() == []


@pytest.mark.campaign
def test_verbs_again_in_any_order_before_the_mail_decide_the_same_again(composed_morning: AirflowDesk):
    from morning_task import run_verb

    before = composed_morning.content()
    for verb in reversed(list(each_verb())):
        run_verb(verb, context("manual", "no"))
        assert composed_morning.content() == before, verb.__name__


# --- forced faults ----------------------------------------------------------------------------


@pytest.mark.fault(
    what="the model raises an error",
    gets="the rules' limits; the run is green",
    rung="2",
    label="MODEL FAILED",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.fault(
    what="the model hangs and runs out of its time",
    gets="the rules' limits; the run is green",
    rung="2",
    label="MODEL FAILED",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.fault(
    what="the model loses the comparison",
    gets="the rules' limits; the run is green",
    rung="2",
    label="the rules hold",
    told="risk managers (mail)",
)
@pytest.mark.parametrize(
    ("fault", "failed", "verdict", "words"),
    [
        ("model_raises", {"score_pooled_model"}, Verdict.MODEL_FAILED, "MODEL FAILED"),
        ("model_hangs", {"score_pooled_model"}, Verdict.MODEL_FAILED, "MODEL FAILED"),
        ("model_loses", set(), Verdict.RULES_HOLD, "the rules hold"),
    ],
    ids=["model_raises", "model_hangs", "model_loses"],
)
def test_a_model_that_fails_or_loses_leaves_the_rules_limits_and_a_green_run(
    fault: str,
    failed: set,
    verdict: Verdict,
    words: str,
    first_morning: AirflowDesk,
    composed_template: Path,
    on_call: Callable[[], list[str]],
):
    first_morning.set(RISKOPS_FAULT=fault, RISKOPS_TASK_RETRIES="0")
    impatience = {"score_pooled_model": timedelta(seconds=1)} if fault == "model_hangs" else {}
    outcome = first_morning.run(time_outs=impatience, deliver="yes")
    assert (outcome.state, outcome.failed) == ("success", failed)
    published = first_morning.publication()
    assert (published.rung, published.verdict) == (Rung.RULES, verdict)
    with opened(composed_template) as desk:
        assert limits_of(published) == limits_of(desk.store.mornings.publication(PINNED_SESSION, 0))
    assert words in first_morning.mail_text()
    assert (given_up(on_call()), len(on_call())) == (failed, len(failed))


NOT_RECORDED = "What became of the last sessions was not recorded in time for this mail"


@pytest.mark.fault(
    what="recording what became of the last sessions fails or hangs",
    gets="the limits and the mail as ever; the run is green",
    rung="as decided",
    label="not recorded in time for this mail",
    told="risk managers (mail); on-call (webhook), when the tries are used up",
)
@pytest.mark.parametrize("way", ["raises", "hangs"])
@pytest.mark.campaign
def test_outcomes_that_cannot_be_recorded_leave_the_mail_and_a_green_run(
    way: str, second_morning: AirflowDesk, breaking: Any, on_call: Callable[[], list[str]]
):
    breaking(f"record_outcomes {way}")
    outcome = second_morning.run(time_outs={"record_outcomes": timedelta(seconds=2)}, deliver="yes")
    assert (outcome.state, outcome.failed) == ("success", {"record_outcomes"})
    assert second_morning.is_sealed()
    assert NOT_RECORDED in second_morning.mail_text()
    assert second_morning.content()["outcomes"] == []
    assert given_up(on_call()) == {"record_outcomes"}


def test_a_morning_after_another_records_what_became_of_it(second_morning: AirflowDesk):
    assert second_morning.run(deliver="yes").state == "success"
    lived = {decision.trader_id for decision in second_morning.publication(PREVIOUS_SESSION).decisions}
    with second_morning.opened() as desk:
        known = desk.store.outcomes.newest(PREVIOUS_SESSION, PINNED_SESSION)
    assert {trader_id for _session, trader_id in known} == lived
    assert NOT_RECORDED not in second_morning.mail_text()


@pytest.fixture(
    params=[
        ("quality_critical", set(), "a critical data check failed"),
        ("rules_raise", {"score_rules", "compare"}, "the rules failed"),
        ("ingest_raises", {"ingest"}, "the ingest failed"),
    ],
    ids=["quality_critical", "rules_raise", "ingest_raises"],
)
def grave_fault(request: pytest.FixtureRequest) -> tuple[str, set[str], str]:
    """Return a fault no engine may decide under, the tasks it fails, and how the mail puts it."""
    return request.param


@pytest.mark.fault(
    what="the ingest fails",
    gets="held limits, 10 points tighter, never more dollars than before",
    rung="3",
    label="the ingest failed",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.fault(
    what="a critical data check of the whole desk fails",
    gets="held limits, 10 points tighter, never more dollars than before",
    rung="3",
    label="a critical data check failed",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.fault(
    what="the rules fail",
    gets="held limits, 10 points tighter, never more dollars than before",
    rung="3",
    label="the rules failed",
    told="risk managers (mail), on-call (webhook)",
)
def test_data_or_rules_that_fail_hold_the_limits_of_the_session_before(
    grave_fault: tuple[str, set[str], str], second_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    fault, failed, words = grave_fault
    second_morning.set(RISKOPS_FAULT=fault)
    outcome = second_morning.run(deliver="yes")
    assert (outcome.state, outcome.failed) == ("success", failed)
    assert outcome.skipped == {"publish_rules", "publish_model"}
    held = second_morning.publication()
    assert held.rung is Rung.HOLD
    before = limits_of(second_morning.publication(PREVIOUS_SESSION))
    assert all(limit <= before[trader_id] for trader_id, limit in limits_of(held).items())
    assert words in second_morning.mail_text()
    assert "rung 3 hold" in second_morning.mail()["Subject"]
    assert given_up(on_call()) == failed
    assert f"the mail left with rung 3 hold: {words}" in on_call()[-1]


@pytest.mark.fault(
    what="ingest, data check or rules fail on the very first morning",
    gets="half of everybody's base limit",
    rung="4",
    label="floor",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.campaign
def test_data_or_rules_that_fail_on_the_first_morning_give_the_floor(
    grave_fault: tuple[str, set[str], str], first_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    fault, failed, words = grave_fault
    first_morning.set(RISKOPS_FAULT=fault)
    outcome = first_morning.run(deliver="yes")
    assert (outcome.state, outcome.failed) == ("success", failed)
    published = first_morning.publication()
    assert published.rung is Rung.FLOOR
    for decision in published.decisions:
        floor = limits.limit_cents(decision.base_limit_cents, config.FLOOR_REDUCTION)
        assert decision.limit_cents == floor
    assert words in first_morning.mail_text()
    assert "rung 4 floor" in first_morning.mail()["Subject"]
    assert given_up(on_call()) == failed
    assert f"the mail left with rung 4 floor: {words}" in on_call()[-1]


@pytest.mark.fault(
    what="the mail server is down",
    gets="the limits are committed, the run is red; clearing the task sends the mail",
    rung="as decided",
    label="run failed",
    told="on-call (webhook)",
)
def test_a_mail_server_that_is_down_turns_the_run_red_and_clearing_the_task_sends_the_mail(
    first_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    first_morning.set(RISKOPS_FAULT="smtp_down")
    outcome = first_morning.run(deliver="yes")
    assert (outcome.state, outcome.failed) == ("failed", {"send_report"})
    assert first_morning.publication().rung is Rung.RULES
    assert not first_morning.is_sealed()
    assert first_morning.content()["published_limits"] == []
    assert first_morning.mails() == []
    (told,) = on_call()
    assert given_up([told]) == {"send_report"}
    assert "reached 0 of 1" in told

    first_morning.set(RISKOPS_FAULT="none")
    assert first_morning.run(only="send_report", deliver="yes").state == "success"
    assert first_morning.is_sealed()
    assert len(first_morning.mails()) == 1
    assert len(on_call()) == 1


def test_what_trying_again_cannot_help_is_tried_once_and_what_it_can_is_tried_again(
    first_morning: AirflowDesk,
):
    first_morning.set(RISKOPS_FAULT="smtp_down")
    assert first_morning.run(only="send_report", deliver="yes").tries["send_report"] == 2
    first_morning.set(RISKOPS_FAULT="model_raises")
    assert first_morning.run(only="score_pooled_model").tries["score_pooled_model"] == 1


# --- what nobody foresaw ----------------------------------------------------------------------


BROKEN = {
    "choose": "riskops.ladder.choose",
    "publish": "riskops.ladder.by_rules",
    "compose_report": "riskops.pipeline.compose.as_text",
    "record_outcomes raises": "riskops.outcomes.ended",
    "record_outcomes hangs": "riskops.outcomes.ended",
}


@pytest.fixture
def breaking(patch: pytest.MonkeyPatch) -> Any:
    """Return what makes a verb break in a way that nobody foresaw."""

    def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("the ink has run out")

    def hanging(*_arguments: object, **_named: object) -> None:
        Event().wait()

    patch.setenv("RISKOPS_TASK_RETRIES", "0")
    return lambda verb: patch.setattr(BROKEN[verb], hanging if verb.endswith("hangs") else broken)


@pytest.mark.fault(
    what="choose, publish or compose breaks in a way nobody foresaw",
    gets="a minimal text mail with the last committed limits; they are in force, later sessions count on",
    rung="of those limits",
    label="MINIMAL MAIL",
    told="risk managers (mail), on-call (webhook)",
)
@pytest.mark.parametrize(
    ("verb", "failed", "committed_for"),
    [
        ("choose", "choose", PREVIOUS_SESSION),
        ("publish", "publish_rules", PREVIOUS_SESSION),
        ("compose_report", "compose_report", PINNED_SESSION),
    ],
    ids=["choose", "publish", "compose_report"],
)
def test_a_morning_that_breaks_mails_the_last_limits_that_were_committed(
    verb: str,
    failed: str,
    committed_for: Any,
    second_morning: AirflowDesk,
    breaking: Any,
    on_call: Callable[[], list[str]],
):
    breaking(verb)
    outcome = second_morning.run(deliver="yes")
    assert (outcome.state, outcome.failed) == ("success", {failed})
    assert "MINIMAL MAIL" in second_morning.mail()["Subject"]
    text = second_morning.mail_text()
    assert f"{verb}: RuntimeError: the ink has run out" in text
    assert f"(for {committed_for:%A} {committed_for.day} {committed_for:%B %Y})" in text
    for line in limit_lines(second_morning.publication(committed_for)):
        assert re.search(line, text)
    assert in_force(second_morning) == limits_of(second_morning.publication(committed_for))
    assert given_up(on_call()) == {failed}
    assert "a minimal mail left, with the last limits that were committed" in on_call()[-1]


def test_a_first_morning_that_breaks_asks_for_the_floor(first_morning: AirflowDesk, breaking: Any):
    breaking("publish")
    assert first_morning.run(deliver="yes").state == "success"
    assert "APPLY THE FLOOR BY HAND: 50% of the base limit" in first_morning.mail_text()


@pytest.mark.fault(
    what="a run is asked for on a day without a session",
    gets="nothing changes, the error names the next session",
    rung="-",
    label="SessionError",
    told="on-call (webhook)",
)
def test_a_date_without_a_session_fails_at_once_and_changes_nothing(
    first_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    before = first_morning.content()
    outcome = first_morning.run(logical_date=None, session=str(SATURDAY), deliver="yes")
    assert outcome.state == "failed"
    assert max(outcome.tries.values()) == 1
    assert first_morning.content() == before
    assert first_morning.mails() == []
    assert given_up(on_call()) == outcome.failed
    assert all("the next one is 2026-10-26" in told for told in on_call())


def test_a_session_that_is_no_date_is_refused_before_anything_runs(first_morning: AirflowDesk):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="'tomorrow' is not a 'date'"):
        first_morning.run(logical_date=None, session="tomorrow")


def context(run_type: str, deliver: str) -> dict[str, Any]:
    """Return the part of a task's context that the verbs hear of, for a run at six."""
    dag_run = SimpleNamespace(run_type=run_type, logical_date=SIX_O_CLOCK, run_id="this run")
    return {"dag_run": dag_run, "params": {"session": None, "deliver": deliver}}


def limits_of(publication: Publication) -> dict[str, int]:
    """Return the limits in cents by trader."""
    return {decision.trader_id: decision.limit_cents for decision in publication.decisions}


def in_force(desk: AirflowDesk) -> dict[str, int]:
    """Return what counts as lived on the pinned session, in cents by trader."""
    with desk.opened() as now:
        past = now.store.history.lived(now.calendar.shift(PINNED_SESSION, 1))
        on = now.calendar.position(PINNED_SESSION)
        return {trader_id: lived[on].limit_cents for trader_id, lived in past.items() if on in lived}


def limit_lines(publication: Publication) -> Iterator[str]:
    """Yield a pattern for every trader's line of the minimal mail."""
    for trader_id, limit in limits_of(publication).items():
        yield rf"Trader {trader_id}[^:]*: (REDUCE LIMIT BY \d+% to )?\${limit // 100:,}\b"


# --- corrections ------------------------------------------------------------------------------


ASKED = {"revise": "a late file of the night", "by": "R. Manager"}


def revisions(desk: AirflowDesk) -> list[tuple[int, str, str]]:
    """Return the corrections of the pinned session: number, who and why."""
    with desk.opened() as now:
        return [(r.revision, r.by, r.why) for r in now.store.revisions.of(PINNED_SESSION)]


def test_a_correction_is_one_revision_of_all_its_tasks_and_is_mailed(
    finished_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    before = limits_of(finished_morning.publication())
    outcome = finished_morning.run(**ASKED)
    assert (outcome.state, outcome.failed) == ("success", set())
    assert revisions(finished_morning) == [(1, "R. Manager", "a late file of the night")]
    with finished_morning.opened() as desk:
        assert desk.store.mornings.newest_sealed(PINNED_SESSION) == 1
        assert limits_of(desk.store.mornings.publication(PINNED_SESSION, 1)) == before
    (mail,) = finished_morning.mails()
    assert mail.parent.name == f"{PINNED_SESSION}-r1"
    assert "\nIn-Reply-To: <" in mail.read_text()
    assert on_call() == []


def test_whoever_triggers_the_run_asks_where_nobody_else_is_named(finished_morning: AirflowDesk):
    finished_morning.run(only="ingest", revise="a late file")
    assert revisions(finished_morning) == [(1, "dag_test", "a late file")]


@pytest.mark.fault(
    what="ingest, data checks or rules fail while limits are corrected",
    gets="the limits of the mail before; no correction is mailed",
    rung="as decided before",
    label="run failed",
    told="whoever asked; on-call (webhook), for a Dag run",
)
def test_a_correction_that_fails_is_red_changes_nothing_and_tells_on_call(
    finished_morning: AirflowDesk, on_call: Callable[[], list[str]]
):
    before = in_force(finished_morning)
    finished_morning.set(RISKOPS_FAULT="rules_raise")
    outcome = finished_morning.run(**ASKED)
    assert outcome.state == "failed"
    assert {"score_rules", "hold_limits", "send_report"} <= outcome.failed
    assert finished_morning.mails() == []
    assert in_force(finished_morning) == before
    assert any("would be a hold" in told for told in on_call())


def test_before_the_mail_is_out_a_correction_is_refused(composed_morning: AirflowDesk):
    outcome = composed_morning.run(**ASKED)
    assert outcome.state == "failed"
    assert revisions(composed_morning) == []
    assert not composed_morning.is_sealed()
