"""From Airflow's context to a `Run`, from an error to the failure Airflow should see."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.types import DagRunType

from morning_task import (
    budgeted,
    desk_environment,
    on_desk,
    resolve_run,
    run_verb,
    tell_on_call,
    translated,
)
from riskops import errors
from riskops.budget import BUDGETS
from riskops.desk import open_desk
from riskops.errors import RiskOpsError, SessionError
from riskops.records import Run, RunType, Verb
from riskops.sessions import desk_time
from tests.builders import CALENDAR, SESSION
from tests.desks import environment, on_the_morning

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

SATURDAY = SESSION - timedelta(days=2)
FRIDAY = SESSION - timedelta(days=3)


def desk_at(day: date = SESSION, at: time = time(6, 5)) -> Any:
    """Return what `resolve_run` needs of a desk: a calendar and a clock that stands still."""
    return SimpleNamespace(calendar=CALENDAR, clock=on_the_morning(day, at))


def context(
    run_type: object = DagRunType.SCHEDULED,
    logical_date: datetime | None = None,
    session: str | None = None,
    deliver: str = "default",
) -> dict[str, Any]:
    """Return the part of a task's context that is read."""
    dag_run = SimpleNamespace(run_type=run_type, logical_date=logical_date, run_id="this run")
    return {"dag_run": dag_run, "params": {"session": session, "deliver": deliver}}


def six(day: date) -> datetime:
    return desk_time(day, time(6, 0)).astimezone(UTC)


def resolved(asked: dict[str, Any], desk: Any = None) -> Run:
    return resolve_run(asked, desk or desk_at())


def test_a_scheduled_run_is_for_the_session_of_its_date():
    run = resolved(context(DagRunType.SCHEDULED, six(SESSION)))
    assert run == Run(session=SESSION, run_type=RunType.SCHEDULED, run_id="this run", deliver=None)


def test_a_scheduled_run_that_starts_days_late_is_still_for_its_own_session():
    late = desk_at(SESSION + timedelta(days=4))
    assert resolved(context(DagRunType.SCHEDULED, six(SESSION)), late).session == SESSION


def test_a_backfilled_run_is_for_the_session_of_its_date_and_says_that_it_is_one():
    run = resolved(context(DagRunType.BACKFILL_JOB, six(FRIDAY)))
    assert (run.session, run.run_type) == (FRIDAY, RunType.BACKFILL)


@pytest.mark.parametrize(
    "moment", [time(0, 1), time(6, 0), time(23, 59)], ids=["just begun", "at six", "nearly over"]
)
def test_a_manual_run_with_a_date_is_for_the_new_york_date_of_it(moment: time):
    run = resolved(context(DagRunType.MANUAL, desk_time(FRIDAY, moment).astimezone(UTC)))
    assert (run.session, run.run_type) == (FRIDAY, RunType.MANUAL)


@pytest.mark.parametrize(
    ("today", "session"), [(SESSION, SESSION), (SATURDAY, FRIDAY)], ids=["on a session", "on a Saturday"]
)
def test_a_manual_run_without_a_date_is_for_the_newest_session_that_has_begun(today: date, session: date):
    assert resolved(context(DagRunType.MANUAL), desk_at(today)).session == session


@pytest.mark.parametrize("run_type", list(DagRunType))
def test_an_explicit_session_wins_whoever_asks(run_type: DagRunType):
    assert resolved(context(run_type, six(SESSION), session=FRIDAY.isoformat())).session == FRIDAY


def test_airflows_own_words_for_a_run_are_understood_as_text_too():
    assert resolved(context("backfill", six(FRIDAY))).run_type is RunType.BACKFILL


@pytest.mark.parametrize(
    "run_type", sorted(set(DagRunType) - {DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB})
)
def test_every_other_kind_of_run_counts_as_manual(run_type: DagRunType):
    assert resolved(context(run_type, six(SESSION))).run_type is RunType.MANUAL


@pytest.mark.parametrize(("asked", "means"), [("default", None), ("yes", True), ("no", False)])
def test_whether_a_mail_may_leave_is_passed_on(asked: str, means: bool | None):
    assert resolved(context(logical_date=six(SESSION), deliver=asked)).deliver is means


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (
            context(session=SATURDAY.isoformat()),
            f"{SATURDAY} is no session of XNYS; the next one is {SESSION}",
        ),
        (context(DagRunType.MANUAL, six(SATURDAY)), f"{SATURDAY} is no session of XNYS"),
        (context(session="2026-03-17"), "2026-03-17 lies ahead of today, 2026-03-16"),
        (context(logical_date=six(date(2026, 3, 17))), "lies ahead of today"),
        (context(session="16.3.2026"), "'16.3.2026' is no date: write YYYY-MM-DD"),
    ],
    ids=["a Saturday", "a run on a Saturday", "a future session", "a future run", "no date"],
)
def test_a_date_without_limits_to_decide_is_refused_in_words(asked: dict[str, Any], complaint: str):
    with pytest.raises(SessionError, match=complaint):
        resolved(asked)


class TestCorrection:
    """A Dag run with a reason to revise works on the revision that it opens."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        """Let a revision be opened, and return what was asked for."""
        told: list[tuple[str, str]] = []

        def revise(_desk: Any, run: Run, *, by: str, why: str) -> Run:
            told.append((by, why))
            return replace(run, revision=1)

        monkeypatch.setattr("riskops.pipeline.revise.revise", revise)
        return told

    def test_whoever_is_named_asks(self, asked: list[tuple[str, str]]):
        run = resolved(correcting(by="R. Manager", user="oncall"))
        assert (run.revision, asked) == (1, [("R. Manager", "a late file")])

    def test_else_whoever_has_triggered_the_run(self, asked: list[tuple[str, str]]):
        resolved(correcting(by="", user="oncall"))
        assert asked == [("oncall", "a late file")]

    def test_a_run_without_a_reason_is_a_usual_one(self, asked: list[tuple[str, str]]):
        assert resolved(correcting(why=" ")).revision == 0
        assert asked == []

    def test_a_run_that_nobody_has_triggered_and_nobody_asks_for_asks_in_nobody_s_name(
        self, asked: list[tuple[str, str]]
    ):
        resolved(correcting(by="", user=None))
        assert asked == [("", "a late file")]


def correcting(why: str = "a late file", by: str = "", user: str | None = None) -> dict[str, Any]:
    """Return the context of a Dag run that a user has triggered to correct."""
    made = context(DagRunType.MANUAL)
    made["dag_run"].triggering_user_name = user
    made["params"] |= {"revise": why, "by": by}
    return made


def every_error() -> Iterator[type[RiskOpsError]]:
    for found in vars(errors).values():
        if isinstance(found, type) and issubclass(found, RiskOpsError):
            yield found


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_is_tried_again_only_where_that_can_help(kind: type[RiskOpsError]):
    seen = kind if kind.retryable else AirflowFailException
    with pytest.raises(RiskOpsError if kind.retryable else AirflowFailException) as raised, translated():
        raise kind("the source is away")
    assert type(raised.value) is seen
    assert "the source is away" in str(raised.value)


def test_a_failure_without_retries_names_its_error_and_keeps_the_trace():
    with pytest.raises(AirflowFailException, match=r"^SessionError: a Saturday$") as raised, translated():
        raise SessionError("a Saturday")
    assert isinstance(raised.value.__cause__, SessionError)


def test_an_error_nobody_foresaw_passes_as_it_is():
    with pytest.raises(ZeroDivisionError), translated():
        _ = 1 / 0


@pytest.fixture
def desk_of_tasks(small_desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small desk the one that tasks find, on its pinned morning."""
    for name, value in environment(small_desk).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("riskops.desk.open_desk", partial(open_desk, clock=on_the_morning()))
    return small_desk


@pytest.mark.usefixtures("desk_of_tasks")
def test_a_verb_gets_desk_and_run_and_its_receipt_comes_back():
    asked = context(DagRunType.MANUAL, session="2026-10-29")
    receipt = run_verb(lambda desk, run: {"for": run.session, "on": desk.calendar.name}, asked)
    assert receipt == {"for": date(2026, 10, 29), "on": "XNYS"}


@pytest.mark.usefixtures("desk_of_tasks")
def test_a_verb_for_a_date_without_session_fails_without_retries():
    with pytest.raises(AirflowFailException, match="SessionError: 2026-10-24 is no session"):
        run_verb(lambda _desk, _run: {}, context(DagRunType.MANUAL, session="2026-10-24"))


@pytest.mark.usefixtures("desk_of_tasks")
def test_a_desk_that_is_not_set_up_fails_without_retries(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RISKOPS_DATABASE_URL")
    with pytest.raises(AirflowFailException, match="RISKOPS_DATABASE_URL is not set"):
        on_desk(lambda _desk: {})


class TestConnection:
    """A connection ``propreports`` stands in for the variables of the back office."""

    VARIABLES = ("RISKOPS_PROPREPORTS_URL", "RISKOPS_PROPREPORTS_USER", "RISKOPS_PROPREPORTS_PASSWORD")

    @pytest.fixture(autouse=True)
    def _connection(self, monkeypatch: pytest.MonkeyPatch):
        for name in self.VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("RISKOPS_SOURCE", "propreports")
        monkeypatch.setenv("AIRFLOW_CONN_PROPREPORTS", "https://riskops:pass%40word@firm.propreports.com")

    def told(self):
        environ = desk_environment()
        return tuple(environ.get(name) for name in self.VARIABLES)

    def test_it_is_used_where_none_of_the_variables_is_set(self):
        assert self.told() == ("https://firm.propreports.com", "riskops", "pass@word")

    def test_its_host_may_be_a_whole_address(self, monkeypatch: pytest.MonkeyPatch):
        connection = (
            '{"conn_type": "generic", "host": "https://firm.propreports.com/api.php", "login": "riskops"}'
        )
        monkeypatch.setenv("AIRFLOW_CONN_PROPREPORTS", connection)
        assert self.told() == ("https://firm.propreports.com/api.php", "riskops", "")

    @pytest.mark.parametrize("name", [*VARIABLES, "RISKOPS_PROPREPORTS_PASSWORD_FILE"])
    def test_a_variable_that_is_set_counts_alone(self, name: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv(name, "mine")
        assert self.told() == tuple("mine" if name == variable else None for variable in self.VARIABLES)

    def test_another_source_does_not_ask_for_it(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("RISKOPS_SOURCE", "csv")
        assert self.told() == (None, None, None)

    def test_without_it_nothing_stands_in(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("AIRFLOW_CONN_PROPREPORTS")
        assert self.told() == (None, None, None)

    @pytest.mark.usefixtures("desk_of_tasks")
    def test_a_desk_of_tasks_gets_the_login_and_shows_it_nowhere(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("RISKOPS_SOURCE", "propreports")
        seen = []
        on_desk(lambda desk: seen.append((desk.source().name, repr(desk.settings))) or {})
        ((name, shown),) = seen
        assert name == "propreports"
        assert "pass@word" not in shown

    @pytest.mark.usefixtures("desk_of_tasks")
    def test_a_desk_without_a_login_says_which_variables_it_misses(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("RISKOPS_SOURCE", "propreports")
        monkeypatch.delenv("AIRFLOW_CONN_PROPREPORTS")
        with pytest.raises(
            AirflowFailException, match="RISKOPS_PROPREPORTS_URL, RISKOPS_PROPREPORTS_USER and"
        ):
            on_desk(lambda desk: {"name": desk.source().name})


def test_a_task_gets_the_minutes_of_its_verb(monkeypatch: pytest.MonkeyPatch):
    for name in ("RISKOPS_TASK_RETRIES", "RISKOPS_RETRY_DELAY_SECONDS", "RISKOPS_TIME_OUT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    for verb in Verb:
        arguments, allowed = budgeted(verb), BUDGETS[verb]
        assert arguments["retries"] == allowed.retries
        assert arguments["execution_timeout"] == allowed.time_out
        assert (arguments["retry_delay"], arguments["max_retry_delay"]) == (
            allowed.delay,
            allowed.longest_delay,
        )


def failure(run_type: DagRunType) -> dict[str, object]:
    """Return the context of a task that was given up."""
    return {
        "task_instance": SimpleNamespace(task_id="send_report"),
        "dag_run": SimpleNamespace(run_type=run_type),
        "run_id": "scheduled__2026-03-16",
        "exception": "the mail server is away",
    }


@pytest.fixture
def webhook(listener, sqlite_folder, monkeypatch):
    """Return a web server that on-call's webhook of this environment leads to."""
    url = f"http://127.0.0.1:{listener.server_address[1]}/on-call"
    addresses = {"RISKOPS_DATABASE_URL": "sqlite:///none.db", "RISKOPS_ON_CALL_WEBHOOK": url}
    for name, value in environment(sqlite_folder, **addresses).items():
        monkeypatch.setenv(name, value)
    return listener


def test_on_call_is_told_what_failed_and_where_the_remedy_stands(webhook, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        tell_on_call(failure(DagRunType.SCHEDULED))
    (said,) = caplog.messages
    for part in (
        "send_report",
        "scheduled__2026-03-16",
        "the mail server is away",
        "docs/runbook.md#send-report",
    ):
        assert part in said
    assert webhook.heard == [("/on-call", {"text": f"RiskOps test: {said}"})]


def test_on_call_is_told_also_where_a_wrong_setting_is_what_failed(webhook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RISKOPS_DELIVERY", "pigeon")
    tell_on_call(failure(DagRunType.SCHEDULED))
    assert "send_report was given up" in webhook.heard[0][1]["text"]


def test_a_backfill_that_fails_wakes_nobody(webhook, caplog: pytest.LogCaptureFixture):
    tell_on_call(failure(DagRunType.BACKFILL_JOB))
    assert "send_report was given up" in caplog.text
    assert webhook.heard == []
