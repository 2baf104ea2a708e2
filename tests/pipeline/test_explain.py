"""What explains a mail is read from the record: it traces every number of it, to rows that are there."""

from __future__ import annotations

from datetime import date

import pytest

from riskops.errors import MissingResultError, RiskOpsError
from riskops.pipeline.choose import choose
from riskops.pipeline.compose import compose
from riskops.pipeline.explain import explain
from riskops.pipeline.override import override
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.records import AskedOverride, Rung
from riskops.settings import Fault
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import reports
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, each_verb, on_the_morning, opened, run_for
from tests.numbers import numbers_of
from tests.places import rows_at
from tests.small_desks import csv_desk, night_file, row, stormy
from tests.tracing import parts_untraced

NEXT = CALENDAR.shift(SESSION, 1)
HELD = CALENDAR.shift(SESSION, 2)
OVERRIDDEN = "3940"


def live(desk, run):
    """Live a morning; what fails does not stop the others."""
    for verb in each_verb():
        if verb is publish_rules and choose(desk, run)["route"] == "hold_limits":
            verb = hold_limits
        try:
            verb(desk, run)
        except RiskOpsError:
            assert desk.settings.fault is not Fault.NONE


@pytest.fixture(scope="module")
def three_mornings(keeper, tmp_path_factory):
    """Return the folder of a desk that lived a first morning, one with an override, and one that was held."""
    folder = keeper(tmp_path_factory.mktemp("explained"))
    with csv_desk(folder, stormy(traders=6, days=85)) as desk:
        live(desk, run_for(SESSION))
    night_file(folder, [row("3942", SESSION, -2_600)], SESSION)
    with opened(folder, on_the_morning(NEXT), RISKOPS_SOURCE="csv") as desk:
        override(
            desk, AskedOverride(OVERRIDDEN, NEXT, NEXT, 60, "the head of the desk", "news on his 2 stocks")
        )
        live(desk, run_for(NEXT))
    with opened(folder, on_the_morning(HELD), RISKOPS_SOURCE="csv", RISKOPS_FAULT="ingest_raises") as desk:
        live(desk, run_for(HELD))
    return folder


@pytest.fixture
def desk(three_mornings):
    """Return that desk, read later; it is only read."""
    with opened(three_mornings, on_the_morning(CALENDAR.shift(HELD, 3)), RISKOPS_SOURCE="csv") as found:
        yield found


MORNINGS = [SESSION, NEXT, HELD]


def explained(desk, session):
    """Return all that is traced of a session."""
    found = explain(desk, session)
    traders = [found.trader(made.trader_id) for made in found.material.publication.decisions]
    return found, numbers_of(found.desk(), *traders)


def test_the_three_mornings_are_of_three_kinds(desk):
    made = [desk.store.mornings.publication(session, 0) for session in MORNINGS]
    assert [one.rung for one in made] == [Rung.RULES, Rung.RULES, Rung.HOLD]
    assert all(any(d.reduction for d in one.decisions) for one in made)
    assert [d.trader_id for d in made[1].decisions if d.override is not None] == [OVERRIDDEN]


@pytest.mark.parametrize("session", MORNINGS)
def test_every_number_of_the_mail_that_left_is_traced(session, desk):
    left = desk.store.mornings.report(session, 0, LIMITS_MAIL)
    found, _ = explained(desk, session)
    assert found.remarks == ()
    assert parts_untraced(found.material, left.subject, left.text) == {}


@pytest.mark.parametrize("session", MORNINGS)
def test_every_place_has_rows_and_what_is_read_from_them(session, desk):
    assert places_without_rows(desk, session) == set()


def test_a_first_morning_on_the_floor_is_traced_whole(folder):
    with csv_desk(folder, stormy(traders=3, days=30), RISKOPS_FAULT="ingest_raises") as desk:
        live(desk, run_for(SESSION))
        left = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)
        found = explain(desk, SESSION)
        assert found.material.publication.rung is Rung.FLOOR
        assert (found.remarks, parts_untraced(found.material, left.subject, left.text)) == ((), {})
        assert places_without_rows(desk, SESSION) == set()


def places_without_rows(desk, session):
    """Return the places of a session's explanations that have no row with what is read there."""
    _, numbers = explained(desk, session)
    return {
        str(place)
        for number in numbers
        for place in number.places
        if not rows_at(desk.store.database, place, session, 0)
    }


def test_explaining_writes_nothing(desk):
    before = content_of(desk)
    explained(desk, NEXT)
    assert content_of(desk) == before


def test_a_mail_that_its_records_do_not_make_is_told(three_mornings, own_copy):
    with opened(own_copy(three_mornings), on_the_morning(HELD), RISKOPS_SOURCE="csv") as desk:
        with desk.store.database.writing() as connection:
            connection.execute(reports.update().where(reports.c.session == NEXT).values(text="Limits: $1"))
        (remark,) = explain(desk, NEXT).remarks
    assert remark.startswith("The mail on record reads otherwise")
    assert f"riskops replay {NEXT}" in remark


def test_limits_without_a_mail_are_explained_and_said_to_have_none(three_mornings, own_copy):
    with opened(own_copy(three_mornings), on_the_morning(HELD), RISKOPS_SOURCE="csv") as desk:
        session = CALENDAR.shift(SESSION, -1)
        run = run_for(session, deliver=False)
        for verb in each_verb():
            if verb is compose:
                break
            verb(desk, run)
        found = explain(desk, session)
        assert found.remarks[0].startswith("No mail was composed")
        assert found.desk().section("Summary").numbers


def test_a_session_without_limits_is_an_error_that_says_what_to_do(desk):
    with pytest.raises(
        MissingResultError, match="No limits were decided for 2026-01-05: run `riskops morning`"
    ):
        explain(desk, date(2026, 1, 5))


def test_a_revision_that_is_not_there_is_named_with_those_that_are(desk):
    with pytest.raises(MissingResultError, match="was not decided in a revision 4, but in 0"):
        explain(desk, NEXT, 4)


def test_a_trader_without_a_limit_is_an_error_that_names_who_has_one(desk):
    with pytest.raises(MissingResultError, match=r"'nobody' had no limit on .*; traders: 39"):
        explain(desk, NEXT).trader("nobody")


def test_the_drill_of_that_morning_is_explained_and_not_one_of_today(desk):
    assert any("RISKOPS_FAULT=ingest_raises" in fault for fault in explain(desk, HELD).material.faults)
    assert explain(desk, NEXT).material.faults == []
