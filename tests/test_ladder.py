"""The ladder: a failure takes the morning one step down, and never loosens a limit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import champion, config, ladder
from riskops.limits import limit_cents
from riskops.records import Confidence, Engine, LivedReduction, ModelScore, RuleScore, Rung, Verdict
from tests.builders import CALENDAR, SESSION, desk_history, trader_history

SOUND = ladder.Evidence(
    ingested=True,
    validated=True,
    desk_critical=False,
    rules_scored=True,
    model_scored=True,
    verdict=Verdict.MODEL_WINS,
    problems={},
)
POSITION = CALENDAR.position(SESSION)
BASE = 500_000
REDUCTIONS = st.integers(0, config.MAX_REDUCTION // config.REDUCTION_STEP).map(
    lambda k: k * config.REDUCTION_STEP
)


def rule_score(reduction=30, base=BASE):
    return RuleScore(
        trader_id="3942",
        base_limit_cents=base,
        raw_reduction=reduction,
        reduction=reduction,
        signals=(),
        confidence=Confidence.MEDIUM,
        track_record=None,
        active_days=60,
        last_active=CALENDAR.previous(SESSION),
        probation=False,
        rules_only=False,
        easing_from=None,
        way_back="",
        flip_distance_cents=None,
    )


def model_score(reduction):
    return ModelScore("3942", 0.2, reduction, 40.0, 10.0, ("2 large losses within the last 5 days",))


def lived(position, reduction, rung=Rung.RULES, base=BASE, limit=None):
    given_limit = limit_cents(base, reduction) if limit is None else limit
    session = CALENDAR.session_at(position)
    return LivedReduction("3942", session, reduction, given_limit, base, rung)


def held(history, position=POSITION, scheduled=BASE):
    return ladder.held("3942", "Daniel Mercer", position, scheduled, history)


class TestChoose:
    def test_a_promoted_model_with_clean_inputs_gives_the_limits(self):
        choice = ladder.choose(SOUND, "e = 24 of 20")
        assert (choice.rung, choice.why) == (Rung.MODEL, "e = 24 of 20")

    @pytest.mark.parametrize(
        "verdict", [Verdict.RULES_HOLD, Verdict.NOT_ENOUGH_EVIDENCE, Verdict.MODEL_FAILED]
    )
    def test_the_rules_give_the_limits_unless_the_model_wins(self, verdict):
        choice = ladder.choose(replace(SOUND, verdict=verdict), "the reason")
        assert (choice.rung, choice.verdict, choice.why) == (Rung.RULES, verdict, "the reason")

    def test_a_hold_names_the_verb_that_caused_it_and_not_what_followed(self):
        problems = {"compare": "there are no scores.", "score_rules": "a drill."}
        left = replace(SOUND, rules_scored=False, verdict=None, problems=problems)
        assert ladder.choose(left).why == "the rules failed (a drill)"

    def test_a_failed_check_blames_no_verb(self):
        left = replace(SOUND, desk_critical=True, problems={"score_pooled_model": "too little data."})
        assert ladder.choose(left).why == "a critical data check failed"

    def test_a_failed_comparison_leaves_the_rules_and_says_what_broke(self):
        left = replace(SOUND, verdict=None, problems={"compare": "MemoryError: too large"})
        choice = ladder.choose(left)
        assert (choice.rung, choice.verdict) == (Rung.RULES, Verdict.MODEL_FAILED)
        assert choice.why == "the comparison failed (MemoryError: too large)"

    def test_a_promoted_model_without_scores_leaves_the_rules_and_does_not_claim_to_win(self):
        choice = ladder.choose(replace(SOUND, model_scored=False), "the model beats the rules")
        assert (choice.rung, choice.verdict) == (Rung.RULES, Verdict.MODEL_FAILED)
        assert "left no scores" in choice.why

    def test_a_promoted_model_with_too_little_data_leaves_the_rules_and_has_not_failed(self):
        left = replace(SOUND, model_scored=False, model_silent="too little data yet (9 of 10 large losses)")
        choice = ladder.choose(left)
        assert (choice.rung, choice.verdict) == (Rung.RULES, Verdict.NOT_ENOUGH_EVIDENCE)
        assert choice.why == "the pooled model has too little data yet (9 of 10 large losses)"

    def test_a_hold_without_comparison_blames_no_model_that_had_too_little_data(self):
        silent = replace(SOUND, model_scored=False, model_silent="too little data yet", rules_scored=False)
        assert ladder.choose(replace(silent, verdict=None)).verdict is Verdict.NOT_ENOUGH_EVIDENCE

    @pytest.mark.parametrize(
        ("failure", "why"),
        [
            ({"ingested": False}, "the ingest failed"),
            ({"validated": False}, "the data checks did not finish"),
            ({"desk_critical": True}, "a critical data check failed"),
            ({"rules_scored": False}, "the rules failed"),
        ],
    )
    def test_failed_data_or_rules_hold_the_limits_even_if_the_model_wins(self, failure, why):
        choice = ladder.choose(replace(SOUND, **failure))
        assert (choice.rung, choice.why) == (Rung.HOLD, why)

    @given(
        st.builds(
            ladder.Evidence,
            ingested=st.booleans(),
            validated=st.booleans(),
            desk_critical=st.booleans(),
            rules_scored=st.booleans(),
            model_scored=st.booleans(),
            verdict=st.none() | st.sampled_from(Verdict),
            problems=st.just({}),
        )
    )
    @settings(max_examples=300, deadline=None)
    def test_the_model_decides_exactly_where_everything_is_sound(self, left):
        data_and_rules = left.ingested and left.validated and not left.desk_critical and left.rules_scored
        promoted = left.verdict is Verdict.MODEL_WINS and left.model_scored
        rung = ladder.choose(left).rung
        assert (rung is Rung.MODEL) == (data_and_rules and promoted)
        assert (rung is Rung.HOLD) == (not data_and_rules)


class TestRulesAndModel:
    def test_the_rules_limit_is_their_reduction_of_the_base(self):
        decision = ladder.by_rules(rule_score(50), "Daniel Mercer")
        assert (decision.rung, decision.engine) == (Rung.RULES, Engine.RULES)
        assert (decision.reduction, decision.limit_cents) == (50, 250_000)

    def test_in_shadow_the_model_is_shown_and_decides_nothing(self):
        decision = ladder.by_rules(rule_score(30), "Daniel Mercer", model_score(60))
        assert (decision.reduction, decision.challenger_reduction) == (30, 60)
        assert decision.large_loss_probability == 0.2

    def test_a_promoted_model_tightens_and_gives_its_reasons_first(self):
        decision = ladder.by_model(rule_score(30), "Daniel Mercer", model_score(60))
        assert (decision.reduction, decision.limit_cents) == (60, 200_000)
        assert decision.engine is Engine.POOLED_MODEL
        assert decision.reasons[0] == "2 large losses within the last 5 days"

    def test_a_trader_the_model_has_no_score_for_keeps_the_rules_limit(self):
        decision = ladder.by_model(rule_score(30), "Daniel Mercer", None)
        assert (decision.rung, decision.reduction) == (Rung.RULES, 30)

    @given(REDUCTIONS, REDUCTIONS)
    @settings(max_examples=60, deadline=None)
    def test_the_model_never_gives_more_dollars_than_the_rules(self, by_rules, by_model):
        rules = rule_score(by_rules)
        made = ladder.by_model(rules, "Daniel Mercer", model_score(by_model))
        assert made.limit_cents <= ladder.by_rules(rules, "Daniel Mercer").limit_cents


class TestOwnModels:
    def test_a_traders_own_model_tightens_on_rung_two_and_gives_its_reasons_first(self):
        decision = ladder.by_own_model(rule_score(30), "Daniel Mercer", model_score(40))
        assert (decision.rung, decision.engine) == (Rung.RULES, Engine.OWN_MODELS)
        assert (decision.reduction, decision.limit_cents) == (40, 300_000)
        assert decision.reasons[0] == "2 large losses within the last 5 days"

    @pytest.mark.parametrize("own", [None, model_score(20), model_score(30)])
    def test_it_never_loosens_and_without_it_the_rules_limit_stands(self, own):
        assert ladder.by_own_model(rule_score(30), "Daniel Mercer", own) == ladder.by_rules(
            rule_score(30), "Daniel Mercer"
        )

    def test_the_choice_says_that_they_stand_in(self):
        left = replace(SOUND, model_scored=False, verdict=Verdict.MODEL_FAILED, own_models=True)
        choice = ladder.choose(left, "The pooled model gave no scores: it was killed.")
        assert (choice.rung, choice.verdict) == (Rung.RULES, Verdict.MODEL_FAILED)
        assert choice.why == (
            "The pooled model gave no scores: it was killed. "
            "It is promoted, so the traders' own models tighten the rules' limits"
        )


class TestHeld:
    def test_the_first_held_session_is_ten_points_tighter_than_the_last_decided_one(self):
        decision = held({POSITION - 1: lived(POSITION - 1, 30)})
        assert (decision.rung, decision.reduction, decision.limit_cents) == (Rung.HOLD, 40, 300_000)
        assert decision.engine is None
        assert decision.held_sessions == 1
        assert decision.reasons == ("Held from 2026-03-13 (30% then), held session 1",)

    def test_from_the_second_held_session_on_it_is_twenty_points_tighter(self):
        history = {POSITION - 3: lived(POSITION - 3, 30)}
        history |= {POSITION - back: lived(POSITION - back, 50, Rung.HOLD) for back in (1, 2)}
        decision = held(history)
        assert (decision.reduction, decision.held_sessions) == (50, 3)
        assert decision.held_from == CALENDAR.shift(SESSION, -3)

    def test_a_hold_is_never_cut_by_more_than_eighty(self):
        assert held({POSITION - 1: lived(POSITION - 1, 80)}).limit_cents == 100_000

    def test_without_anything_to_hold_the_floor_takes_half_of_the_base(self):
        decision = held({})
        assert (decision.rung, decision.reduction, decision.limit_cents) == (Rung.FLOOR, 50, 250_000)
        assert decision.reasons == ("Floor of 50%: there is no earlier limit to hold",)

    def test_a_raise_of_the_base_limit_waits_while_limits_are_held(self):
        decision = held({POSITION - 1: lived(POSITION - 1, 0)}, scheduled=2 * BASE)
        assert (decision.base_limit_cents, decision.limit_cents) == (BASE, 450_000)

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_holds_in_a_row_never_give_more_dollars_than_the_session_before_nor_than_the_decided_one(
        self, data
    ):
        decided, base = data.draw(REDUCTIONS), data.draw(st.sampled_from([BASE, 333_300, 1_000_000]))
        history = {POSITION: lived(POSITION, decided, base=base)}
        for position in range(POSITION + 1, POSITION + 1 + data.draw(st.integers(1, 5))):
            scheduled = data.draw(st.sampled_from([base // 2, base, 2 * base]))
            decision = held(history, position, scheduled)
            assert decision.limit_cents <= history[position - 1].limit_cents <= history[POSITION].limit_cents
            assert decision.reduction >= history[position - 1].reduction
            history[position] = lived(
                position, decision.reduction, decision.rung, decision.base_limit_cents, decision.limit_cents
            )

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_holds_and_minimal_mails_in_any_order_never_loosen(self, data):
        first = held({POSITION: lived(POSITION, data.draw(REDUCTIONS))}, POSITION + 1)
        history, last = {}, first
        if data.draw(st.booleans(), label="the named session was lived"):
            history[POSITION] = lived(POSITION, data.draw(REDUCTIONS))
            last = ladder.by_rules(rule_score(history[POSITION].reduction), "")
        position = POSITION
        for is_minimal in data.draw(st.lists(st.booleans(), min_size=1, max_size=6)):
            before, position = last, position + 1
            named = ladder.carried_over(before, CALENDAR.session_at(position - 1))
            last = named if is_minimal or not history else held(history, position)
            assert last.reduction >= before.reduction
            assert last.limit_cents <= before.limit_cents
            history[position] = lived(
                position, last.reduction, last.rung, last.base_limit_cents, last.limit_cents
            )

    def test_what_a_minimal_mail_names_is_one_more_held_session(self):
        engine_s = ladder.by_rules(rule_score(30), "")
        once = ladder.carried_over(engine_s, SESSION)
        twice = ladder.carried_over(once, CALENDAR.shift(SESSION, 1))
        assert (once.rung, once.reduction, once.limit_cents) == (Rung.HOLD, 30, 350_000)
        assert [(d.held_sessions, d.held_from, d.held_reduction) for d in (once, twice)] == [
            (1, SESSION, 30),
            (2, SESSION, 30),
        ]

    def test_a_floor_that_is_carried_over_stays_one(self):
        carried = ladder.carried_over(held({}), SESSION)
        assert (carried.rung, carried.reduction, carried.held_from) == (Rung.FLOOR, 50, None)

    def test_a_hold_that_stands_on_a_looser_session_keeps_what_was_in_force_last(self):
        history = {POSITION - 3: lived(POSITION - 3, 0), POSITION - 1: lived(POSITION - 1, 70, Rung.HOLD)}
        assert (held(history).reduction, held(history).limit_cents) == (70, 150_000)

    def test_the_floor_keeps_what_was_in_force_last(self):
        assert held({POSITION - 1: lived(POSITION - 1, 80, Rung.HOLD)}).reduction == 80

    @given(st.integers(1, 4), st.lists(st.integers(-6_000, 6_000), min_size=25, max_size=40))
    @settings(max_examples=60, deadline=None)
    def test_after_a_failure_the_rules_give_at_most_twenty_points_more_than_the_day_before(
        self, failures, results
    ):
        first = POSITION - failures
        history = {first - 1: lived(first - 1, 40)}
        for position in range(first, POSITION):
            decision = held(history, position)
            history[position] = lived(position, decision.reduction, decision.rung, limit=decision.limit_cents)
        desk = desk_history(trader_history(results), lived={"3942": history})
        (score,) = champion.score(desk)
        assert score.reduction >= history[POSITION - 1].reduction - config.RELIEF_PER_SESSION
        eased = limit_cents(BASE, max(0, history[POSITION - 1].reduction - config.RELIEF_PER_SESSION))
        assert ladder.by_rules(score, "").limit_cents <= eased
