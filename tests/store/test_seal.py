"""The seal: what left is kept, and a correction takes its place in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from riskops.outcomes import OverriddenDay
from riskops.overrides import overridden
from riskops.records import AskedOverride, Override
from riskops.store.mornings import Mornings, Report
from riskops.store.rewind import Before, Inputs, rewind
from riskops.store.seal import LIMITS_MAIL, is_frozen, seal
from riskops.store.tables import applied_limits, seals
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import DECISION, PUBLICATION

NOW = PUBLICATION.cut_off
TIGHTER = replace(DECISION, reduction=60, limit_cents=200_000)
CORRECTION = replace(PUBLICATION, revision=1, decisions=(TIGHTER,))


@pytest.fixture
def desk(folder):
    with opened(folder) as made:
        yield made


def leave(desk, publication, moment=NOW):
    desk.store.mornings.publish(publication, {})
    with desk.store.database.writing() as connection:
        seal(connection, publication.session, publication.revision, moment)


def applied(desk):
    with desk.store.database.reading() as connection:
        return [row.limit_cents for row in connection.execute(sa.select(applied_limits))]


def in_force(desk):
    past = desk.store.history.lived(CALENDAR.shift(SESSION, 1))
    return past["3942"][CALENDAR.position(SESSION)].limit_cents


def test_sealed_limits_are_lived_and_applied(desk):
    leave(desk, PUBLICATION)
    assert (in_force(desk), applied(desk)) == (300_000, [300_000])


def test_limits_that_did_not_leave_are_not_lived(desk):
    desk.store.mornings.publish(PUBLICATION, {})
    assert desk.store.history.lived(CALENDAR.shift(SESSION, 1)) == {}
    assert applied(desk) == []


def test_sealing_again_changes_nothing(desk):
    leave(desk, PUBLICATION)
    leave(desk, PUBLICATION, moment=NOW.replace(hour=12))
    with desk.store.database.reading() as connection:
        assert connection.execute(sa.select(seals.c.sealed_at)).scalars().all() == [NOW]


def test_sealed_limits_and_reports_are_not_replaced(desk):
    leave(desk, PUBLICATION)
    report = Report(SESSION, 0, LIMITS_MAIL, "subject", "text", "", "digest")
    assert not desk.store.mornings.publish(replace(PUBLICATION, decisions=(TIGHTER,)), {})
    assert not desk.store.mornings.archive(report, {})
    assert desk.store.mornings.publication(SESSION, 0) == PUBLICATION


def test_a_correction_is_a_revision_of_its_own_and_takes_the_place_in_force(desk):
    leave(desk, PUBLICATION)
    with desk.store.database.reading() as connection:
        assert not is_frozen(connection, SESSION, 1)
    leave(desk, CORRECTION)
    assert (in_force(desk), applied(desk)) == (200_000, [200_000])
    assert desk.store.mornings.newest_published() == (SESSION, 1)


def test_what_was_read_back_stands_whatever_leaves(desk):
    known = {"session": SESSION, "trader_id": "3942", "limit_cents": 450_000, "origin": "read_back"}
    with desk.store.database.writing() as connection:
        connection.execute(sa.insert(applied_limits), known)
    leave(desk, PUBLICATION)
    leave(desk, CORRECTION)
    assert applied(desk) == [450_000]


class TestOverridden:
    WORD = Override(12, AskedOverride("3942", SESSION, SESSION, 80, "anna", "news"), NOW)
    LEFT = replace(PUBLICATION, decisions=(overridden(DECISION, WORD),))

    def origins(self, desk):
        with desk.store.database.reading() as connection:
            return {row.limit_cents: row.origin for row in connection.execute(sa.select(applied_limits))}

    def test_what_left_is_in_force_by_its_origin_and_what_was_decided_is_lived(self, desk):
        leave(desk, self.LEFT)
        assert (in_force(desk), self.origins(desk)) == (300_000, {100_000: "override"})

    def test_the_mail_before_named_what_left(self, desk):
        leave(desk, self.LEFT)
        last = desk.store.history.mailed_last(CALENDAR.shift(SESSION, 1))
        assert (last.session, last.revision, last.limits) == (SESSION, 0, {"3942": (100_000, 80)})
        assert desk.store.history.mailed_last(SESSION) is None

    def test_a_correction_without_it_takes_its_place(self, desk):
        leave(desk, self.LEFT)
        leave(desk, CORRECTION)
        assert (in_force(desk), self.origins(desk)) == (200_000, {200_000: "published"})
        last = desk.store.history.mailed_last(CALENDAR.shift(SESSION, 1))
        assert (last.revision, last.limits) == (1, {"3942": (200_000, 60)})

    def test_taken_back_to_before_a_correction_it_is_in_force_again(self, desk):
        leave(desk, self.LEFT)
        leave(desk, CORRECTION, moment=NOW + timedelta(hours=3))
        following = CALENDAR.shift(SESSION, 1)
        before = Before(following, 0, known=NOW + timedelta(hours=2), recorded=NOW + timedelta(hours=2))
        rewind(desk.store.database, before, Inputs(NOW, {}))
        assert (in_force(desk), self.origins(desk)) == (300_000, {100_000: "override"})

    def test_its_days_are_known_by_number_while_the_newest_mail_names_it(self, desk):
        following = CALENDAR.shift(SESSION, 1)
        leave(desk, self.LEFT)
        found = desk.store.outcomes.overridden(SESSION, following)
        assert found == {(SESSION, "3942"): OverriddenDay(12, 100_000, 300_000)}
        leave(desk, CORRECTION)
        assert desk.store.outcomes.overridden(SESSION, following) == {}


def test_another_session_is_not_frozen(desk):
    leave(desk, PUBLICATION)
    assert not Mornings(desk.store.database).is_frozen(CALENDAR.shift(SESSION, 1), 0)
