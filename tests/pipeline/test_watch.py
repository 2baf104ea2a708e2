"""The watchdog: it finishes what is late by the clock, and tells on-call what is wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import time

import pytest

from riskops import limits_file
from riskops.errors import DeliveryError, LimitsFileError, RiskOpsError, StoreError
from riskops.limits_file import State
from riskops.pipeline.morning import TIMED_OUT, Step
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.watch import watch, watch_without_database
from riskops.records import Rung, Verb
from riskops.settings import Fault
from riskops.store.outbox import Outbox
from tests.builders import CALENDAR, SESSION
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.small_desks import NIGHT, PUBLICATION, csv_desk, quiet

RUN = run_for(SESSION)
VERBS = dict(zip(Verb, each_verb(), strict=True))
SCORED = (Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES)


@pytest.fixture
def folder(folder):
    """Return the folder of a desk whose morning has not begun."""
    csv_desk(folder, {"3942": quiet(), "3951": quiet()}).store.close()
    return folder


@pytest.fixture
def at(folder, listener):
    """Return what opens the desk at a New York time, its second channel connected."""
    url = f"http://127.0.0.1:{listener.server_address[1]}/on-call"

    def open_at(now, **changes):
        changes = {"RISKOPS_SOURCE": "csv", "RISKOPS_ON_CALL_WEBHOOK": url} | changes
        return opened(folder, on_the_morning(SESSION, now), **changes)

    return open_at


def chosen(desk):
    route = desk.store.mornings.stages(SESSION, 0)[Verb.CHOOSE].detail["route"]
    return {"publish_rules": publish_rules, "hold_limits": hold_limits}[route]


def performing(desk):
    """Return what performs a verb here and now, as the command does in another process."""

    def perform(verb):
        work = chosen(desk) if verb is Verb.PUBLISH else VERBS[verb]
        try:
            work(desk, RUN)
        except RiskOpsError as error:
            return Step(verb, error.exit_code, str(error))
        return Step(verb, 0, "")

    return perform


def watched(desk):
    performed = []
    return watch(desk, RUN, performing(desk), performed.append), [step.verb for step in performed]


def rung(desk):
    return desk.store.mornings.publication(SESSION, 0).rung


def said(listener):
    return " ".join(body["text"] for _, body in listener.heard)


def begin(desk, *verbs):
    for verb in verbs:
        VERBS[verb](desk, RUN)


def test_before_the_clock_strikes_nothing_is_done(at, listener):
    with at(time(6, 5)) as desk:
        assert watched(desk) == (True, [])
    assert listener.heard == []


@pytest.mark.fault(
    what="Airflow's scheduler is gone",
    gets="limits by the clock: the watchdog finishes the morning",
    rung="as decided",
    label="-",
    told="on-call at 06:30 (webhook)",
)
def test_a_morning_that_has_not_begun_is_told(at, listener):
    with at(time(6, 45)) as desk:
        assert watched(desk) == (False, [])
    assert "the morning has not begun at 06:45" in said(listener)


@pytest.mark.fault(
    what="the morning stands still behind the model",
    gets="the rules' limits at 07:20",
    rung="2",
    label="model_failed",
    told="risk managers (mail)",
)
def test_without_the_model_the_rules_limits_leave_at_seven_twenty(at):
    with at(time(7, 20)) as desk:
        begin(desk, *SCORED)
        well, performed = watched(desk)
        assert (well, performed) == (True, [Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE, Verb.SEND])
        assert rung(desk) is Rung.RULES


def test_rules_that_are_late_are_scored_at_seven_twenty(at):
    with at(time(7, 20)) as desk:
        begin(desk, Verb.INGEST, Verb.VALIDATE)
        well, performed = watched(desk)
        assert (well, performed[0], rung(desk)) == (True, Verb.SCORE_RULES, Rung.RULES)


@pytest.mark.fault(
    what="the rules have left nothing by 07:28",
    gets="held limits, or the floor",
    rung="3",
    label="HELD",
    told="risk managers (mail), on-call (webhook)",
)
def test_without_rules_limits_are_held_at_seven_twenty_eight(at, listener):
    with at(time(7, 28)) as desk:
        begin(desk, Verb.INGEST, Verb.VALIDATE)
        well, _ = watched(desk)
        assert (well, rung(desk)) == (True, Rung.FLOOR)
    assert "rung 4 floor" in said(listener)


def test_with_nothing_begun_the_floor_leaves(at):
    with at(time(7, 28)) as desk:
        assert watched(desk)[0]
        assert rung(desk) is Rung.FLOOR


def test_a_mail_that_is_out_is_left_alone(at, listener):
    with at(time(7, 21)) as desk:
        begin(desk, *SCORED)
        watched(desk)
        listener.heard.clear()
        assert watched(desk) == (True, [])
        assert [row.attempts for row in Outbox(desk.store.database).rows(SESSION, 0)] == [1]
    assert listener.heard == []


@pytest.mark.fault(
    what="the mail server is down at 07:30",
    gets="no mail yet; every watchdog tries again",
    rung="as decided",
    label="the mail is not out",
    told="on-call (webhook)",
)
def test_a_mail_that_does_not_leave_is_told_with_its_reason(at, listener):
    with at(time(7, 31), RISKOPS_FAULT="smtp_down") as desk:
        begin(desk, *SCORED)
        assert not watched(desk)[0]
    assert "the mail is not out at 07:31" in said(listener)
    assert "send_report" in said(listener)


def test_a_limits_file_that_is_missing_is_written(at):
    with at(time(7, 21)) as desk:
        begin(desk, *SCORED)
        watched(desk)
        shutil.rmtree(desk.settings.output / str(SESSION))
        watched(desk)
        assert limits_file.read_current(desk.settings.output).state is State.SEALED


def test_a_verb_that_cannot_use_the_database_ends_the_watch_with_its_error(at):
    def failing(verb):
        return Step(verb, StoreError.exit_code, "the disk is full")

    with at(time(7, 28)) as desk:
        performed = []
        with pytest.raises(StoreError, match="the disk is full"):
            watch(desk, RUN, failing, performed.append)
    assert [step.verb for step in performed] == [Verb.CHOOSE]


@pytest.mark.parametrize(("silent", "performed"), [(Verb.CHOOSE, 1), (Verb.PUBLISH, 2)])
def test_a_database_that_falls_silent_in_the_middle_ends_the_watch_as_gone(at, silent, performed):
    def hanging(verb):
        return Step(verb, TIMED_OUT if verb is silent else 0, "gave no answer within 60 s")

    with at(time(7, 28)) as desk:
        steps = []
        with pytest.raises(StoreError, match="gave no answer"):
            watch(desk, RUN, hanging, steps.append)
    assert len(steps) == performed


def test_a_report_or_a_mail_server_that_hangs_is_not_the_databases_fault(at):
    def hanging(verb):
        return Step(verb, TIMED_OUT if verb in (Verb.COMPOSE, Verb.SEND) else 0, "gave no answer")

    with at(time(7, 28)) as desk:
        assert not watch(desk, RUN, hanging, lambda _step: None)


class TestWithoutTheDatabase:
    """Nothing here opens the risk database: the settings, the calendar and the clock are all there is."""

    @pytest.fixture
    def settings(self, at):
        with at(time(6, 5)) as desk:
            return desk.settings

    @pytest.fixture
    def last_file(self, settings):
        decided = replace(PUBLICATION, session=NIGHT)
        file = limits_file.limits_file(decided, "test", State.SEALED)
        limits_file.write(file, settings.output)
        limits_file.make_current(file, settings.output)

    def watched_at(self, settings, now, session=SESSION):
        moment = on_the_morning(session, now)()
        return watch_without_database(settings, CALENDAR, moment, "connection refused.")

    @pytest.mark.fault(
        what="the risk database is gone before limits are due",
        gets="nothing yet; limits are held from the limits file at 07:28",
        rung="-",
        label="-",
        told="on-call, with what will happen (webhook)",
    )
    @pytest.mark.parametrize("now", [time(6, 30), time(7, 20), time(7, 27, 59)])
    def test_before_limits_are_due_on_call_hears_what_will_happen(self, now, settings, last_file, listener):
        assert not self.watched_at(settings, now)
        assert "without the risk database: connection refused" in said(listener)
        assert f"At 07:28 New York limits are mailed from the limits file of {NIGHT}" in said(listener)
        assert not (settings.output / str(SESSION)).exists()

    def test_before_limits_are_due_on_call_hears_that_none_can_be_held(self, settings, listener):
        assert not self.watched_at(settings, time(6, 30))
        assert "NO LIMITS CAN BE HELD" in said(listener)

    def test_when_limits_are_due_they_leave_and_on_call_hears_so(self, settings, last_file, listener):
        assert self.watched_at(settings, time(7, 28))
        mail = (settings.output / str(SESSION) / "limits.txt").read_text()
        assert "REDUCE LIMIT BY 50% to $2,500 (from $5,000) - HELD (rung 3)" in mail
        assert "An EMERGENCY MAIL left with rung 3 hold" in said(listener)

    def test_later_watchdogs_go_on_telling_and_mail_nothing(self, settings, last_file, listener):
        self.watched_at(settings, time(7, 28))
        before = limits_file.read_current(settings.output)
        listener.heard.clear()
        assert self.watched_at(settings, time(7, 30))
        assert limits_file.read_current(settings.output) == before
        assert "Everybody has the mail" in said(listener)

    def test_without_a_file_on_call_hears_that_nobody_has_limits(self, settings, listener):
        with pytest.raises(LimitsFileError):
            self.watched_at(settings, time(7, 28))
        assert "NOT EVERYBODY HAS LIMITS: The limits file" in said(listener)

    def test_a_mail_server_that_is_down_too_is_told(self, settings, last_file, listener):
        drilled = replace(settings, fault=Fault.SMTP_DOWN)
        with pytest.raises(DeliveryError):
            self.watched_at(drilled, time(7, 28))
        assert "NOT EVERYBODY HAS LIMITS: The mail" in said(listener)

    def test_on_a_day_without_a_session_nobody_is_bothered(self, settings, last_file, listener):
        assert not self.watched_at(settings, time(7, 28), SESSION.replace(day=14))
        assert listener.heard == []

    def test_a_database_that_is_back_takes_the_mail_over_and_nobody_gets_another(
        self, settings, last_file, at, listener
    ):
        self.watched_at(settings, time(7, 28))
        with at(time(7, 30)) as desk:
            assert watched(desk) == (True, [])
            assert rung(desk) is Rung.HOLD
            assert desk.store.mornings.decided(SESSION, 0)[1]
        assert limits_file.read_current(settings.output).state is State.SEALED
        assert "the emergency mail was taken over" in said(listener)
