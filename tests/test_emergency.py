"""Limits without the database: the same rung 3, from what the limits file tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import config, emergency, ladder, limits_file, overrides
from riskops.errors import LimitsFileError
from riskops.limits import limit_cents
from riskops.limits_file import State
from riskops.records import AskedOverride, LivedReduction, Override, Rung
from riskops.report.minimal import emergency_text
from tests.builders import CALENDAR, SESSION
from tests.small_desks import DECISION, PUBLICATION

FILE = limits_file.limits_file(PUBLICATION, "desk", State.SEALED)
BASE = DECISION.base_limit_cents


def later(sessions):
    return CALENDAR.shift(SESSION, sessions)


def held_from(file, sessions_later=1):
    return emergency.hold(file, later(sessions_later), CALENDAR)


def cut_by(reduction, rung=Rung.RULES):
    """Return the file of a session on which the one trader was cut by `reduction`."""
    decision = replace(DECISION, reduction=reduction, limit_cents=limit_cents(BASE, reduction), rung=rung)
    return limits_file.limits_file(replace(PUBLICATION, decisions=(decision,)), "desk", State.SEALED)


class TestHold:
    def test_a_limit_is_held_ten_points_tighter_and_says_from_when(self):
        held = held_from(FILE)
        (decision,) = held.decisions
        assert (held.rung, decision.rung, decision.reduction) == (Rung.HOLD, Rung.HOLD, 50)
        assert decision.limit_cents == 250_000
        assert decision.reasons == ("Held from 2026-03-16 (40% then), held session 1",)
        assert "the risk database was out of reach" in held.why
        assert "2026-03-16" in held.why

    @given(
        reduction=st.integers(0, 16).map(lambda k: 5 * k),
        rung=st.sampled_from([Rung.MODEL, Rung.RULES]),
        mornings=st.integers(1, 5),
    )
    @settings(max_examples=60, deadline=None)
    def test_mornings_without_the_database_go_on_as_the_ladder_would_with_it(self, reduction, rung, mornings):
        file = cut_by(reduction, rung)
        lived = {CALENDAR.position(SESSION): as_lived(file.lines[0], SESSION)}
        for morning in range(1, mornings + 1):
            session = later(morning)
            position = CALENDAR.position(session)
            held = emergency.hold(file, session, CALENDAR)
            assert held.decisions == (ladder.held("3942", "Daniel Mercer", position, BASE, lived),)
            file = limits_file.limits_file(held, "desk", State.EMERGENCY)
            lived[position] = as_lived(file.lines[0], session)

    @given(st.integers(0, 80), st.integers(1, 5))
    @settings(max_examples=60, deadline=None)
    def test_no_limit_is_ever_looser_than_the_one_it_is_held_from(self, reduction, mornings):
        file = cut_by(reduction)
        for morning in range(1, mornings + 1):
            before = file.lines[0]
            file = limits_file.limits_file(
                emergency.hold(file, later(morning), CALENDAR), "desk", State.EMERGENCY
            )
            after = file.lines[0]
            assert after.limit_cents <= before.limit_cents
            assert min(before.reduction, config.MAX_REDUCTION) <= after.reduction <= config.MAX_REDUCTION

    def test_the_floor_stays_the_floor(self):
        floor = ladder.held("3942", "Daniel Mercer", CALENDAR.position(SESSION), BASE, {})
        file = limits_file.limits_file(
            replace(PUBLICATION, rung=Rung.FLOOR, decisions=(floor,)), "desk", State.SEALED
        )
        held = held_from(file)
        assert (held.rung, held.decisions[0].rung) == (Rung.FLOOR, Rung.FLOOR)
        assert held.decisions[0].limit_cents == BASE // 2

    def test_limits_decided_this_very_morning_are_not_held_on_top(self):
        today = emergency.hold(FILE, SESSION, CALENDAR)
        assert (today.rung, today.why) == (Rung.RULES, "why")
        assert today.decisions[0].limit_cents == DECISION.limit_cents
        assert today.decisions[0].reasons == DECISION.reasons


def overridden(decided, cut, last):
    """Return the file of a session on which somebody's cut stood instead of the decided one."""
    decision = replace(DECISION, reduction=decided, limit_cents=limit_cents(BASE, decided))
    word = Override(12, AskedOverride("3942", SESSION, last, cut, "anna", "news"), PUBLICATION.cut_off)
    made = overrides.overridden(decision, word)
    return limits_file.limits_file(replace(PUBLICATION, decisions=(made,)), "desk", State.SEALED)


class TestOverrides:
    @given(decided=st.integers(0, 80), cut=st.integers(0, 80), mornings=st.integers(1, 4))
    @settings(max_examples=60, deadline=None)
    def test_a_hold_stands_on_what_was_decided_tightened_by_an_override_that_is_not_over(
        self, decided, cut, mornings
    ):
        file, without = overridden(decided, cut, later(2)), cut_by(decided)
        for morning in range(1, mornings + 1):
            session = later(morning)
            held, plain = (emergency.hold(f, session, CALENDAR).decisions[0] for f in (file, without))
            in_force = limit_cents(BASE, cut) if morning <= 2 else BASE
            assert held.limit_cents == min(plain.limit_cents, in_force)
            assert overrides.without(held) == plain
            file, without = (
                limits_file.limits_file(emergency.hold(f, session, CALENDAR), "desk", State.EMERGENCY)
                for f in (file, without)
            )

    def test_this_very_morning_s_stands_as_it_was_decided_even_if_it_is_looser(self):
        (today,) = emergency.hold(overridden(60, 20, SESSION), SESSION, CALENDAR).decisions
        assert (today.reduction, today.decided_reduction, today.override.by) == (20, 60, "anna")

    def test_the_mail_says_whose_word_it_is(self):
        file = overridden(30, 70, later(1))
        text = " ".join(emergency_text(held_from(file), file, 1, "gone").split())
        assert "REDUCE LIMIT BY 70% to $1,500" in text
        assert "OVERRIDDEN by anna until Tue 17 Mar (override 12): news; decided without it: 40%" in text


def as_lived(line, session):
    return LivedReduction(
        line.trader_id, session, line.reduction, line.limit_cents, line.base_limit_cents, line.rung
    )


class TestRefused:
    def refuse(self, file, session=None, deployment="desk"):
        emergency.refuse_unfit(file, session or later(1), deployment, CALENDAR)

    @pytest.mark.parametrize("sessions", [0, 1, config.LIMITS_FILE_MAX_SESSIONS])
    def test_a_file_up_to_the_oldest_age_is_fit(self, sessions):
        self.refuse(FILE, later(sessions))
        assert emergency.age(FILE, later(sessions), CALENDAR) == sessions

    def test_a_stale_file_is_refused(self):
        with pytest.raises(LimitsFileError, match="11 sessions old, 10 at the most"):
            self.refuse(FILE, later(config.LIMITS_FILE_MAX_SESSIONS + 1))

    def test_another_deployment_s_file_is_refused(self):
        with pytest.raises(LimitsFileError, match="this is 'other'"):
            self.refuse(FILE, deployment="other")

    def test_a_file_of_a_later_session_is_refused(self):
        with pytest.raises(LimitsFileError, match="later session"):
            self.refuse(FILE, CALENDAR.previous(SESSION))

    def test_a_file_of_a_date_without_a_session_is_refused(self):
        saturday = SESSION.replace(day=14)
        with pytest.raises(LimitsFileError, match="no session of XNYS"):
            self.refuse(replace(FILE, session=saturday))

    def test_a_file_without_traders_is_refused(self):
        with pytest.raises(LimitsFileError, match="no trader"):
            self.refuse(replace(FILE, lines=()))
