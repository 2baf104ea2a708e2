"""Overrides: which one counts, what it makes of a decision, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops import config, limits, overrides
from riskops.errors import OverrideError
from riskops.overrides import Phase
from riskops.records import AskedOverride, Override, RosterEntry, RosterState, Rung, TakenBack, Trader
from riskops.roster import RosterView
from tests.builders import CALENDAR, SESSION
from tests.golden.mornings import decision, held

LAST = CALENDAR.shift(SESSION, 4)
NIGHT, AFTER = CALENDAR.previous(SESSION), CALENDAR.shift(LAST, 1)
RECORDED = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = AskedOverride("3942", SESSION, LAST, 60, "anna", "news on the stock")
OVERRIDE = Override(12, ASKED, RECORDED)
TAKEN_BACK = replace(OVERRIDE, taken_back=TakenBack(RECORDED + 24 * HOUR, "bob", "calm again"))

PEOPLE = (Trader("3942", "Daniel Mercer"), Trader("3951", "Owen Gallagher"), Trader("3960", "Ida Holm"))
STATES = (RosterState.ACTIVE, RosterState.ACTIVE, RosterState.LEFT)
ROSTER = RosterView(
    traders=PEOPLE,
    accounts=(),
    base_limits=(),
    entries=tuple(RosterEntry(t.trader_id, NIGHT, state) for t, state in zip(PEOPLE, STATES, strict=True)),
)
REDUCTIONS = st.integers(0, config.MAX_REDUCTION)
DECISIONS = st.builds(decision, st.just("3942"), REDUCTIONS)


class TestWhichHolds:
    @pytest.mark.parametrize(
        ("session", "known_by", "phase"),
        [
            (NIGHT, RECORDED, Phase.COMING),
            (SESSION, RECORDED - HOUR, None),
            (SESSION, RECORDED, Phase.IN_FORCE),
            (LAST, RECORDED + HOUR, Phase.IN_FORCE),
            (AFTER, RECORDED + HOUR, Phase.OVER),
            (LAST, RECORDED + 24 * HOUR, Phase.TAKEN_BACK),
        ],
    )
    def test_from_its_first_session_through_its_last_as_the_cut_off_knows(self, session, known_by, phase):
        assert overrides.phase_known(TAKEN_BACK, session, known_by) is phase
        assert overrides.holds(TAKEN_BACK, session, known_by) is (phase is Phase.IN_FORCE)

    @given(st.permutations([1, 2, 3]))
    def test_the_newest_on_record_counts_in_whatever_order_they_are_read(self, numbers):
        found = [replace(OVERRIDE, number=n, asked=replace(ASKED, reduction=10 * n)) for n in numbers]
        (made,) = overrides.applied([decision("3942", 20)], found)
        assert (made.reduction, made.override.number) == (30, 3)


class TestWhatItMakes:
    @given(DECISIONS, REDUCTIONS)
    def test_the_limit_is_that_of_the_cut_and_what_was_decided_stays_beside_it(self, decided, cut):
        made = overrides.overridden(decided, replace(OVERRIDE, asked=replace(ASKED, reduction=cut)))
        assert (made.reduction, made.limit_cents) == (cut, limits.limit_cents(500_000, cut))
        assert (made.decided_reduction, made.decided_limit_cents) == (decided.reduction, decided.limit_cents)
        assert overrides.without(made) == decided
        assert (made.override.number, made.override.by, made.override.last_session) == (12, "anna", LAST)

    def test_whoever_is_not_named_keeps_what_was_decided(self):
        other = decision("3951", 20)
        assert overrides.applied([other], [OVERRIDE]) == [other]

    @pytest.mark.parametrize("rung", list(Rung))
    def test_it_is_applied_on_every_rung(self, rung):
        (made,) = overrides.applied([decision("3942", 20, rung=rung)], [OVERRIDE])
        assert (made.reduction, made.rung) == (60, rung)


class TestWhereALimitCanOnlyBeHeld:
    @given(REDUCTIONS, REDUCTIONS)
    def test_it_tightens_and_never_loosens(self, of_the_hold, cut):
        hold = decision("3942", of_the_hold)
        found = [replace(OVERRIDE, asked=replace(ASKED, reduction=cut))]
        (made,) = overrides.applied_if_tighter([hold], found)
        assert made.limit_cents == min(hold.limit_cents, limits.limit_cents(500_000, cut))
        assert (made.override is not None) == (made.limit_cents < hold.limit_cents)

    @given(REDUCTIONS, REDUCTIONS, st.sampled_from([LAST, AFTER]))
    def test_an_earlier_session_s_stands_where_it_is_not_over_and_is_tighter(self, was, cut, session):
        earlier = overrides.overridden(
            decision("3942", was), replace(OVERRIDE, asked=replace(ASKED, reduction=cut))
        )
        hold = held("3942", max(was, 10))
        made = overrides.still_tighter(hold, session, earlier.reduction, earlier.override)
        if session == AFTER or earlier.limit_cents >= hold.limit_cents:
            assert made == hold
        else:
            assert (made.limit_cents, overrides.without(made)) == (earlier.limit_cents, hold)


class TestOthers:
    BEFORE = (NIGHT, RECORDED + HOUR)

    def told(self, *found, session=SESSION, known_by=RECORDED + 48 * HOUR, before=None):
        return overrides.others(found, session, known_by, before)

    def test_one_that_counted_for_the_mail_before_and_is_over_has_ended(self):
        told = self.told(OVERRIDE, session=AFTER, before=(LAST, RECORDED))
        assert (told.ended, told.now) == ((OVERRIDE,), {})

    def test_one_that_was_taken_back_since_has_ended(self):
        told = self.told(TAKEN_BACK, session=LAST, before=(SESSION, RECORDED))
        assert told.ended == (TAKEN_BACK,)

    def test_one_that_gave_way_before_it_ended_is_no_news(self):
        newer = replace(OVERRIDE, number=13)
        told = self.told(TAKEN_BACK, newer, session=LAST, before=(SESSION, RECORDED))
        assert (told.ended, told.now) == ((), {"3942": newer})

    def test_an_older_one_that_holds_gives_way_to_the_newer(self):
        newer = replace(OVERRIDE, number=13)
        told = self.told(OVERRIDE, newer)
        assert (told.given_way, told.now) == (((OVERRIDE, 13),), {"3942": newer})

    def test_one_that_is_recorded_and_does_not_act_yet_is_coming(self):
        assert self.told(OVERRIDE, session=NIGHT).coming == (OVERRIDE,)

    def test_one_with_its_last_session_is_ending(self):
        assert self.told(OVERRIDE, session=LAST).ending == (OVERRIDE,)

    def test_what_was_recorded_after_the_cut_off_is_not_told(self):
        told = self.told(OVERRIDE, known_by=RECORDED - HOUR, before=self.BEFORE)
        assert told == overrides.Others({}, (), (), (), ())


class TestReadingACut:
    @pytest.mark.parametrize(("text", "cut"), [("60", 60), (" 60 % ", 60), ("0%", 0), ("100", 100)])
    def test_whole_percent(self, text, cut):
        assert overrides.read_cut(text) == cut

    @pytest.mark.parametrize("text", ["", "six", "-5", "12.5", "1e1", "６０", "6_0", "0x10", "1000"])
    def test_what_is_no_whole_number_is_refused(self, text):
        with pytest.raises(OverrideError, match="whole number of percent"):
            overrides.read_cut(text)


class TestRefusing:
    def refuse(self, today=SESSION, **changes):
        overrides.refuse_unfit(replace(ASKED, **changes), ROSTER, CALENDAR, today)

    @pytest.mark.parametrize("changes", [{}, {"reduction": 0}, {"reduction": 80}, {"last_session": SESSION}])
    def test_a_sound_one_passes(self, changes):
        self.refuse(**changes)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"reduction": -1}, "from 0 to 80"),
            ({"reduction": 81}, "from 0 to 80"),
            ({"reduction": 12.5}, "whole number"),
            ({"reduction": True}, "whole number"),
            ({"reduction": None}, "whole number"),
            ({"first_session": LAST, "last_session": SESSION}, "would end on 2026-03-16, before it begins"),
            ({"last_session": date(2026, 3, 21)}, "2026-03-21 is no session"),
            ({"first_session": date(2026, 3, 21)}, "2026-03-21 is no session"),
            ({"first_session": NIGHT}, "lies in the past"),
            ({"last_session": CALENDAR.shift(SESSION, config.OVERRIDE_MAX_SESSIONS)}, "no new base limit"),
            ({"trader_id": "9999"}, "Nobody on the roster is called '9999'"),
            ({"trader_id": "3960"}, "gets no limit on 2026-03-16"),
            ({"by": "daniel mercer"}, "is the trader concerned"),
            ({"by": "3942@desk.example"}, "is the trader concerned"),
            ({"by": "Owen Gallagher"}, "is trader 3951: a trader does not set limits"),
        ],
    )
    def test_whatever_cannot_be_is_refused_with_its_reason(self, changes, why):
        with pytest.raises(OverrideError, match=why):
            self.refuse(**changes)

    def test_the_longest_one_there_may_be_passes(self):
        self.refuse(last_session=CALENDAR.shift(SESSION, config.OVERRIDE_MAX_SESSIONS - 1))

    def test_whoever_left_the_desk_may_set_limits_of_others(self):
        self.refuse(by="Ida Holm")
