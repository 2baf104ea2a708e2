"""The watchdog: it finishes what is late by the clock, and tells on-call what is wrong."""

from __future__ import annotations

from datetime import time

import pytest

from riskops.errors import RiskOpsError
from riskops.pipeline.morning import Step
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.watch import watch
from riskops.records import Rung, Verb
from riskops.store.outbox import Outbox
from tests.builders import SESSION
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, quiet

RUN = run_for(SESSION)
VERBS = dict(zip(Verb, each_verb(), strict=True))
SCORED = (Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES)


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a desk whose morning has not begun."""
    csv_desk(tmp_path, {"3942": quiet(), "3951": quiet()}).store.close()
    return tmp_path


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


def test_a_morning_that_has_not_begun_is_told(at, listener):
    with at(time(6, 45)) as desk:
        assert watched(desk) == (False, [])
    assert "the morning has not begun at 06:45" in said(listener)


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


def test_a_mail_that_does_not_leave_is_told_with_its_reason(at, listener):
    with at(time(7, 31), RISKOPS_FAULT="smtp_down") as desk:
        begin(desk, *SCORED)
        assert not watched(desk)[0]
    assert "the mail is not out at 07:31" in said(listener)
    assert "send_report" in said(listener)
