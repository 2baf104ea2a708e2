"""Days that are over: which are recorded, how they are judged, what is told of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import config, outcomes
from riskops.outcomes import Breach, Ended, Forecast, Method, Outcome, OverriddenDay, OverrideWorth, Policy
from riskops.records import LimitOrigin, LivedReduction, Rung
from tests.builders import CALENDAR, SESSION, desk_history, trade_paths, trader_history

NIGHT = CALENDAR.previous(SESSION)
KNOWN_AT = CALENDAR.history_known_at(NIGHT)
CUT_OFF = KNOWN_AT + timedelta(hours=1)
NO_TRADES = trade_paths([])


def ended(net_usd: float | None = -1_000, **changes: object) -> Ended:
    """Return a trader-day with a published limit of $2,500 on a base of $5,000."""
    made = Ended(
        session=NIGHT,
        trader_id="3942",
        known_at=KNOWN_AT,
        net_cents=None if net_usd is None else round(net_usd * 100),
        limit_cents=250_000,
        base_limit_cents=500_000,
        limit_origin=LimitOrigin.PUBLISHED,
    )
    return replace(made, **changes)


def outcome(day: Ended, large_loss: bool | None = False, probability: float | None = None) -> Outcome:
    forecast = Forecast(large_loss_probability=probability)
    return Outcome(day, forecast, large_loss, outcomes.is_breach(day.net_cents, day.limit_cents))


def lived(reduction: int, session: date = NIGHT, trader_id: str = "3942") -> dict:
    limit = 500_000 * (100 - reduction) // 100
    record = LivedReduction(trader_id, session, reduction, limit, 500_000, Rung.RULES)
    return {trader_id: {CALENDAR.position(session): record}}


class TestWhichDays:
    def found(self, desk, results, in_force=None):
        return outcomes.ended(desk, results, in_force or {})

    def test_a_day_has_the_limit_that_is_known_to_have_been_in_force(self):
        desk = desk_history(trader_history([-1_000]), lived=lived(50))
        override = {(NIGHT, "3942"): (400_000, LimitOrigin.OVERRIDE)}
        (day,) = self.found(desk, {(NIGHT, "3942"): (-100_000, KNOWN_AT)}, override)
        assert day == ended(limit_cents=400_000, limit_origin=LimitOrigin.OVERRIDE)

    def test_without_one_it_has_the_limit_that_left(self):
        desk = desk_history(trader_history([-1_000]), lived=lived(50))
        assert self.found(desk, {(NIGHT, "3942"): (-100_000, KNOWN_AT)}) == [ended()]

    def test_a_day_that_was_never_lived_has_the_base_limit_assumed(self):
        desk = desk_history(trader_history([-1_000]))
        (day,) = self.found(desk, {(NIGHT, "3942"): (-100_000, KNOWN_AT)})
        assert (day.limit_cents, day.limit_origin) == (500_000, LimitOrigin.ASSUMED)

    def test_an_idle_day_is_a_day_only_where_there_was_a_limit(self):
        desk = desk_history(trader_history([-1_000]), lived=lived(50))
        idle = {(NIGHT, "3942"): (None, KNOWN_AT), (CALENDAR.previous(NIGHT), "3942"): (None, KNOWN_AT)}
        assert self.found(desk, idle) == [ended(None)]

    def test_a_limit_whose_day_was_not_fetched_waits(self):
        desk = desk_history(trader_history([-1_000]), lived=lived(50))
        assert outcomes.waiting(desk, {}) == 1
        assert outcomes.waiting(desk, {(NIGHT, "3942"): (None, KNOWN_AT)}) == 0


class TestVersions:
    def unrecorded(self, day, *known, cut_off=CUT_OFF):
        return outcomes.unrecorded([day], {k.key: k for k in known}, cut_off)

    def test_what_was_recorded_is_not_recorded_again(self):
        assert self.unrecorded(ended(), ended()) == []
        assert self.unrecorded(ended(known_at=CUT_OFF), ended()) == []

    def test_a_corrected_result_is_a_version_of_the_moment_it_became_known(self):
        corrected = ended(-1_200, known_at=KNOWN_AT + timedelta(minutes=5))
        assert self.unrecorded(corrected, ended()) == [corrected]

    def test_a_limit_that_is_told_otherwise_is_a_version_of_the_cut_off(self):
        read_back = ended(limit_cents=300_000, limit_origin=LimitOrigin.READ_BACK)
        assert self.unrecorded(read_back, ended()) == [replace(read_back, known_at=CUT_OFF)]

    def test_what_a_later_morning_knows_stands(self):
        later = ended(-1_200, known_at=CUT_OFF + timedelta(days=1))
        assert self.unrecorded(ended(), later) == []


class TestJudging:
    def judged(self, results_usd, day, paths=NO_TRADES, reduction=50, forecast=None):
        desk = desk_history(trader_history(results_usd), lived=lived(reduction))
        replayed = outcomes.replay_history(desk, paths)
        forecasts = {} if forecast is None else {day.key: forecast}
        (found,), worth = outcomes.judge([day], forecasts, desk, replayed)
        return found, {w.policy: w for w in worth}

    @pytest.mark.parametrize(
        ("net_usd", "breached"), [(-2_500, False), (-2_550, False), (-2_550.01, True), (900, False)]
    )
    def test_a_result_below_the_limit_by_more_than_rounding_is_a_breach(self, net_usd, breached):
        found, _ = self.judged([net_usd], ended(net_usd))
        assert found.breached is breached

    @pytest.mark.parametrize(("net_usd", "large"), [(-1_999, False), (-2_000, True), (900, False)])
    def test_a_large_loss_is_forty_percent_of_the_base(self, net_usd, large):
        found, _ = self.judged([net_usd], ended(net_usd))
        assert found.large_loss is large

    def test_a_day_our_own_limit_stopped_before_a_large_loss_is_unknown(self):
        day = ended(-1_000, limit_cents=100_000)
        found, _ = self.judged([-1_000], day, reduction=80)
        assert (found.large_loss, found.breached) == (None, False)

    def test_an_idle_day_has_no_large_loss_no_breach_and_no_economics(self):
        found, worth = self.judged([], ended(None))
        assert (found.large_loss, found.breached, worth) == (None, False, {})

    def test_economics_are_told_for_every_policy_that_had_a_limit(self):
        path = trade_paths([(0, CALENDAR.position(NIGHT), [-2_600, -1_900, 700])])
        day = ended(-3_800, limit_cents=500_000)
        _, worth = self.judged([-3_800], day, path, reduction=0, forecast=Forecast(40, 60, 0.2))
        assert {p: (w.limit_cents, w.prevented_cents, w.cost_cents) for p, w in worth.items()} == {
            Policy.APPLIED: (500_000, 0, 0),
            Policy.RULES: (300_000, 0, 70_000),  # stopped at -$4,500, before the gain
            Policy.POOLED_MODEL: (200_000, 120_000, 0),  # stopped at -$2,600
        }
        assert all(w.identified and w.method is Method.REPLAY for w in worth.values())

    def test_a_day_our_limit_stopped_is_bounded_for_looser_limits(self):
        path = trade_paths([(0, CALENDAR.position(NIGHT), [-2_600])])
        _, worth = self.judged([-2_600], ended(-2_600), path)
        applied = worth[Policy.APPLIED]
        assert not applied.identified
        assert (applied.benefit_low_cents, applied.benefit_high_cents) == (-260_000, 240_000)

    def test_without_a_stored_number_or_a_known_limit_a_policy_has_no_economics(self):
        assumed = ended(limit_cents=500_000, limit_origin=LimitOrigin.ASSUMED)
        assert self.judged([-1_000], assumed)[1] == {}

    def test_no_cut_is_worth_nothing_and_known_exactly(self):
        day = ended(-4_500, limit_cents=500_000)
        _, worth = self.judged([-4_500], day, reduction=0)
        applied = worth[Policy.APPLIED]
        assert (applied.prevented_cents, applied.cost_cents, applied.identified) == (0, 0, True)

    @pytest.mark.parametrize(
        ("trades", "cut", "decided", "low_usd", "high_usd"),
        [
            ([-3_600, -800], 0, 30, -800, -800),  # the decided limit had stopped it before the last loss
            ([-3_600, 2_000], 0, 30, 2_000, 2_000),  # ... and before the recovery
            ([-900, 400], 60, 30, 0, 0),  # neither limit was touched
            ([-2_100], 60, 30, -2_100, 1_400),  # stopped: how it would have gone on is not known
        ],
    )
    def test_an_override_is_worth_the_difference_to_the_decided_limit(
        self, trades, cut, decided, low_usd, high_usd
    ):
        net, limit, without = sum(trades), 5_000 * (100 - cut), 5_000 * (100 - decided)
        day = ended(net, limit_cents=limit, limit_origin=LimitOrigin.OVERRIDE)
        desk = desk_history(trader_history([net], applied_usd=[limit / 100]), lived=lived(decided))
        path = trade_paths([(0, CALENDAR.position(NIGHT), trades)])
        overridden = {day.key: OverriddenDay(12, limit, without)}
        _, found = outcomes.judge([day], {}, desk, outcomes.replay_history(desk, path), overridden)
        worth = {w.policy: w for w in found}
        assert set(worth) == {Policy.APPLIED, Policy.DECIDED, Policy.OVERRIDE}
        assert worth[Policy.DECIDED].limit_cents == without
        told = worth[Policy.OVERRIDE]
        assert (told.benefit_low_cents, told.benefit_high_cents) == (100 * low_usd, 100 * high_usd)
        assert told.identified is (low_usd == high_usd)
        (known,) = outcomes.override_worths(found, overridden)
        assert (known.number, known.low_cents, known.high_cents) == (12, 100 * low_usd, 100 * high_usd)

    def test_an_override_that_the_platform_did_not_have_is_not_scored(self):
        day = ended(-1_000, limit_cents=400_000, limit_origin=LimitOrigin.READ_BACK)
        desk = desk_history(trader_history([-1_000]), lived=lived(30))
        overridden = {day.key: OverriddenDay(12, 200_000, 350_000)}
        _, found = outcomes.judge([day], {}, desk, outcomes.replay_history(desk, NO_TRADES), overridden)
        assert {w.policy for w in found} == {Policy.APPLIED, Policy.DECIDED}

    @given(
        net_usd=st.integers(-8_000, 8_000),
        reduction=st.sampled_from(range(0, 81, 10)),
        rules=st.sampled_from(range(0, 81, 10)),
        trades=st.lists(st.integers(-4_000, 4_000), max_size=4),
    )
    @settings(deadline=None, max_examples=150)
    def test_the_benefit_lies_within_its_bounds(self, net_usd, reduction, rules, trades):
        net = sum(trades) if trades else net_usd
        path = trade_paths([(0, CALENDAR.position(NIGHT), trades)]) if trades else NO_TRADES
        day = ended(net, limit_cents=500_000 * (100 - reduction) // 100)
        _, worth = self.judged([net], day, path, reduction, Forecast(rules, None, None))
        for found in worth.values():
            benefit = found.prevented_cents - found.cost_cents
            assert found.benefit_low_cents <= benefit <= found.benefit_high_cents
            assert found.prevented_cents == 0 or found.cost_cents == 0
            assert found.identified == (found.benefit_low_cents == found.benefit_high_cents)
            assert found.method is (Method.REPLAY if trades else Method.BRIDGE)


class TestNews:
    def news(self, *known, told=()):
        return outcomes.news(known, frozenset(told), CALENDAR, SESSION)

    def test_a_breach_is_told_with_who_and_by_how_much(self):
        (breach,) = self.news(outcome(ended(-2_900))).breaches
        assert (breach.trader_id, breach.session, breach.beyond_cents) == ("3942", NIGHT, 40_000)

    def test_a_breach_is_told_once(self):
        told = self.news(outcome(ended(-2_900))).keys
        assert self.news(outcome(ended(-3_100)), told=told) == outcomes.News()

    def test_the_gravest_breach_comes_first(self):
        small, large = outcome(ended(-2_600, trader_id="1")), outcome(ended(-4_000, trader_id="2"))
        assert [b.trader_id for b in self.news(small, large).breaches] == ["2", "1"]

    def test_a_breach_of_a_limit_that_is_only_assumed_is_not_told(self):
        assert not self.news(outcome(ended(-9_000, limit_origin=LimitOrigin.ASSUMED))).breaches

    @pytest.mark.parametrize(("ago", "told"), [(5, True), (6, False)])
    def test_a_breach_that_becomes_known_late_is_told_only_while_it_is_recent(self, ago, told):
        day = ended(-2_900, session=CALENDAR.shift(SESSION, -ago))
        assert bool(self.news(outcome(day)).breaches) is told

    def test_a_breach_that_was_none_is_withdrawn_once(self):
        told = [Breach(NIGHT, "3942", -290_000, 250_000).key]
        first = self.news(outcome(ended(-2_400)), told=told)
        assert [w.trader_id for w in first.withdrawn] == ["3942"]
        assert self.news(outcome(ended(-2_400)), told=[*told, *first.keys]) == outcomes.News()

    def test_a_quiet_day_tells_nothing(self):
        assert self.news(outcome(ended())).keys == ()


class TestNewsOfOverrides:
    def told(self, *worths, already=()):
        return outcomes.news([], set(already), CALENDAR, SESSION, worths).overrides

    def test_what_one_was_worth_is_told_once(self):
        worth = OverrideWorth(NIGHT, "3942", 12, -45_000, -45_000)
        assert self.told(worth) == (worth,)
        assert self.told(worth, already=[worth.key]) == ()

    def test_what_becomes_known_late_is_recorded_and_not_told(self):
        late = CALENDAR.shift(SESSION, -config.BREACH_TOLD_SESSIONS - 1)
        assert self.told(OverrideWorth(late, "3942", 12, 0, 0)) == ()


class TestCalibration:
    """Ten traders; each was promised a large loss with a chance of 20 %."""

    def history(self, losses_a_session, sessions=40, probability=0.2):
        return [
            outcome(
                ended(session=CALENDAR.shift(SESSION, -1 - ago), trader_id=str(number)),
                number < losses_a_session(ago),
                probability,
            )
            for ago in range(sessions)
            for number in range(10)
        ]

    def found(self, known, told=()):
        return outcomes.news(known, frozenset(told), CALENDAR, SESSION).calibration

    def test_risks_that_come_true_are_no_news(self):
        assert self.found(self.history(lambda _ago: 2)) is None

    @pytest.mark.parametrize(
        ("losses", "key"), [(3, "displayed risk too low"), (1, "displayed risk too high")]
    )
    def test_risks_that_are_off_are_told_with_what_was_seen_and_promised(self, losses, key):
        found = self.found(self.history(lambda _ago: losses))
        assert (found.observed, round(found.expected), found.sessions) == (40 * losses, 80, 40)
        assert found.key == key

    def test_it_is_not_told_again_for_some_weeks(self):
        known = self.history(lambda _ago: 3)
        assert self.found(known, told=["displayed risk too low"]) is None
        assert self.found(known, told=["displayed risk too high"]) is not None

    def test_it_has_to_persist(self):
        # 2 of 10 as promised until the last days, which alone push the ratio over the band
        known = self.history(lambda ago: 10 if ago < 4 else 2)
        assert self.found(known) is None
        assert self.found(self.history(lambda ago: 10 if ago < 9 else 2)) is not None

    def test_too_little_promised_says_nothing(self):
        assert self.found(self.history(lambda _ago: 9, sessions=14)) is None
        assert self.found(self.history(lambda _ago: 9, sessions=20)) is not None

    def test_days_whose_outcome_is_unknown_count_on_neither_side(self):
        unknown = [replace(o, large_loss=None) for o in self.history(lambda _ago: 3)]
        assert self.found(unknown) is None

    def test_only_the_trailing_window_counts(self):
        early = config.CALIBRATION_SESSIONS + config.PERSISTS_SESSIONS
        known = self.history(lambda ago: 9 if ago >= early else 2, sessions=early + 60)
        assert self.found(known) is None


class TestRestrictedShare:
    def test_limits_in_force_that_are_cut_by_twenty_percent_or_more_count(self):
        cuts = [400_000, 405_000, 250_000, 500_000]
        known = [outcome(ended(trader_id=str(i), limit_cents=cut)) for i, cut in enumerate(cuts)]
        assert outcomes.restricted_share(known, CALENDAR, SESSION) == 0.5

    def test_idle_days_assumed_limits_and_earlier_sessions_do_not_count(self):
        early = CALENDAR.shift(SESSION, -config.RESTRICTED_SHARE_WINDOW - 1)
        known = [ended(None), ended(limit_origin=LimitOrigin.ASSUMED), ended(session=early)]
        assert outcomes.restricted_share([outcome(day) for day in known], CALENDAR, SESSION) is None


def test_volatility_before_a_day_does_not_know_the_day():
    calm, wild = ([100.0] * 30 + [last] for last in (100.0, -9_000.0))
    before = [
        outcomes.replay_history(desk_history(trader_history(results)), NO_TRADES).days.volatility_cents
        for results in (calm, wild)
    ]
    assert np.array_equal(before[0], before[1])
