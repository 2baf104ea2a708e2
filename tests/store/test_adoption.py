"""Taking over what left without the database: recorded whole, once, and never over a sealed session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops.records import Rung, Verb
from riskops.store.adoption import adopt_mails
from riskops.store.mornings import Report
from riskops.store.outbox import PENDING, REFUSED, SENDING, SENT, Outbox, new_row
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, opened
from tests.small_desks import DECISION, PUBLICATION

NOW = PUBLICATION.cut_off
TIGHTER = replace(DECISION, reduction=50, limit_cents=250_000, rung=Rung.HOLD)
HELD = replace(PUBLICATION, rung=Rung.HOLD, why="held", decisions=(TIGHTER,))
MARKS = {"emergency": True}
REPORT = Report(SESSION, 0, LIMITS_MAIL, "EMERGENCY", "held limits", "", "digest")


@pytest.fixture
def desk(folder):
    with opened(folder) as made:
        made.store.mornings.publish(PUBLICATION, {})
        yield made


def mails(*states):
    return [replace(new_row(REPORT, "test", f"{i}@example.com"), state=s) for i, s in enumerate(states)]


def adopt(desk, *states, accepted_at=NOW):
    return adopt_mails(desk.store.database, HELD, REPORT, mails(*states), accepted_at, MARKS)


def states(desk):
    return [row.state for row in Outbox(desk.store.database).rows(SESSION, 0)]


def test_what_left_is_what_was_decided_lived_and_sealed(desk):
    assert adopt(desk, SENT)
    assert desk.store.mornings.decided(SESSION, 0) == (HELD, True)
    past = desk.store.history.lived(CALENDAR.shift(SESSION, 1))["3942"]
    assert past[CALENDAR.position(SESSION)].limit_cents == TIGHTER.limit_cents
    stages = desk.store.mornings.stages(SESSION, 0)
    assert all(stages[verb].is_done for verb in (Verb.PUBLISH, Verb.COMPOSE, Verb.SEND))
    assert desk.store.mornings.report(SESSION, 0, LIMITS_MAIL) == REPORT


def test_taking_over_again_changes_nothing_and_says_so(desk):
    adopt(desk, SENT, SENDING)
    before = content_of(desk)
    assert not adopt(desk, SENT, SENDING)
    assert content_of(desk) == before


@pytest.mark.parametrize("state", [PENDING, REFUSED])
def test_mails_that_reached_nobody_bind_nobody(state, desk):
    assert not adopt(desk, state, accepted_at=None)
    assert desk.store.mornings.decided(SESSION, 0) == (PUBLICATION, False)
    assert states(desk) == []


def test_while_nobody_knows_whether_it_arrived_the_session_is_frozen_and_not_sealed(desk):
    adopt(desk, SENDING, accepted_at=None)
    assert desk.store.mornings.decided(SESSION, 0) == (HELD, False)
    assert desk.store.mornings.is_frozen(SESSION, 0)
    assert Verb.SEND not in desk.store.mornings.stages(SESSION, 0)


def test_a_sealed_session_keeps_its_limits_and_learns_who_has_a_mail(desk):
    outbox = Outbox(desk.store.database)
    (usual,) = outbox.prepare(replace(REPORT, text="usual"), "test", ["0@example.com"])
    outbox.begin(usual)
    outbox.accepted(usual, NOW)
    assert adopt_mails(desk.store.database, HELD, REPORT, mails(PENDING, SENT), NOW, MARKS)
    assert desk.store.mornings.decided(SESSION, 0) == (PUBLICATION, True)
    assert states(desk) == [SENT, SENT]
    assert outbox.row(usual).text == "usual"


def test_a_usual_mail_that_nobody_began_gives_way(desk):
    outbox = Outbox(desk.store.database)
    (usual,) = outbox.prepare(replace(REPORT, text="usual"), "test", ["0@example.com"])
    adopt(desk, SENT)
    assert (outbox.row(usual).state, outbox.row(usual).text) == (SENT, REPORT.text)
