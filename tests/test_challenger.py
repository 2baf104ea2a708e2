import dataclasses
from functools import lru_cache

import numpy as np
import pytest

from riskops import challenger, champion, config
from riskops.challenger import Easing, Offers, decide
from riskops.errors import ModelError
from riskops.features import FEATURES, Mornings
from riskops.history import DeskHistory, TradePaths
from riskops.models import pooled
from riskops.models.pooled import PolicyFit
from tests.builders import CALENDAR, SESSION, desk_history, trade_paths, trader_history
from tests.simulated_desks import reversed_desk, simulated_desk, truncated, with_changed_results

TODAY = CALENDAR.position(SESSION)


@lru_cache
def tilting() -> tuple[DeskHistory, TradePaths]:
    return simulated_desk(8, 200, tilt=1.5, seed=2, share=0.9)


def walked(desk: DeskHistory, paths: TradePaths) -> challenger.ChallengerWalk:
    return challenger.walk(desk, paths, champion.walk(desk))


@lru_cache
def tilting_walk() -> challenger.ChallengerWalk:
    return walked(*tilting())


def scored(desk: DeskHistory, paths: TradePaths) -> challenger.Scored:
    return challenger.score(desk, paths, champion.walk(desk), champion.score(desk))


def scores(desk: DeskHistory, paths: TradePaths):
    return scored(desk, paths).scores


# --- the policy, on whole walks -------------------------------------------------------------
def test_the_challenger_only_tightens():
    walk = tilting_walk()
    assert (walk.reduction >= walk.panel.mornings.rules_reduction).all()
    assert (walk.reduction > walk.panel.mornings.rules_reduction).sum() > 50


def test_no_cut_is_above_eighty():
    assert tilting_walk().reduction.max() <= config.MAX_REDUCTION


def test_at_most_thirty_percent_of_the_desk_are_above_the_rules_a_morning():
    walk = tilting_walk()
    mornings = walk.panel.mornings
    for rows in challenger.sessions(mornings.day):
        above = walk.reduction[rows] > mornings.rules_reduction[rows]
        assert above.sum() <= 0.30 * mornings.desk_size[rows].max()


def test_a_raise_above_forty_needs_a_fired_rule():
    walk = tilting_walk()
    above = walk.raised > config.IMMEDIATE_ABOVE
    assert above.any()
    assert walk.panel.mornings.confirmed[above].all()


def test_new_traders_keep_the_rules_limit():
    desk, paths = tilting()
    novice = trader_history([-2_000.0] * 15, trader_id="novice")
    joined = dataclasses.replace(
        desk,
        traders=(*desk.traders, novice),
        base_limits={**desk.base_limits, "novice": ((0, 500_000),)},
    )
    walk = walked(joined, paths)
    own = walk.panel.mornings.trader == 8
    assert walk.scored[own].all()
    np.testing.assert_array_equal(walk.reduction[own], walk.panel.mornings.rules_reduction[own])


def test_relief_is_at_most_twenty_points_a_session():
    walk = tilting_walk()
    mornings = walk.panel.mornings
    same = np.diff(mornings.trader) == 0
    elapsed = np.diff(mornings.day)[same]
    assert (np.diff(walk.reduction)[same] >= -config.RELIEF_PER_SESSION * elapsed).all()


def test_before_there_is_a_model_the_policy_is_the_rules():
    walk = tilting_walk()
    assert not walk.scored[walk.panel.mornings.day < TODAY - 200 + config.MIN_FIT_DESK_DAYS].any()
    early = ~walk.scored
    np.testing.assert_array_equal(walk.reduction[early], walk.panel.mornings.rules_reduction[early])


def test_a_planted_signal_is_found():
    walk = tilting_walk()
    unit = walk.panel.net_cents / walk.panel.mornings.scale_cents
    raised, left = unit[walk.raised > 0], unit[walk.scored & (walk.raised == 0)]
    error = np.hypot(raised.std() / len(raised) ** 0.5, left.std() / len(left) ** 0.5)
    assert raised.mean() < left.mean() - error


def test_policy_and_risk_of_a_day_do_not_change_with_that_day_or_later_ones():
    desk, paths = tilting()
    cut = TODAY - 50
    original = tilting_walk()
    changed = walked(*with_changed_results(desk, paths, cut))
    before = original.panel.mornings.day <= cut
    assert (original.raised[before] > 0).any()
    for name in ("scored", "reduction", "raised", "unconstrained"):
        np.testing.assert_array_equal(getattr(original, name)[before], getattr(changed, name)[before])
    np.testing.assert_allclose(original.risk[before], changed.risk[before], atol=1e-9)


def test_the_order_of_traders_does_not_matter():
    straight, turned = tilting_walk(), walked(*reversed_desk(*tilting()))
    for trader in range(8):
        one = straight.panel.mornings.trader == trader
        other = turned.panel.mornings.trader == 7 - trader
        np.testing.assert_array_equal(straight.reduction[one], turned.reduction[other])
        np.testing.assert_allclose(straight.risk[one], turned.risk[other], atol=1e-9)


def test_walking_twice_gives_the_same():
    again = walked(*tilting())
    np.testing.assert_array_equal(tilting_walk().reduction, again.reduction)
    np.testing.assert_array_equal(tilting_walk().risk, again.risk)


# --- one morning ----------------------------------------------------------------------------
def morning(rules, *, confirmed=True, size=10) -> Mornings:
    count = len(rules)
    return Mornings(
        trader=np.arange(count),
        day=np.full(count, 500),
        features=np.zeros((count, len(FEATURES))),
        scale_cents=np.full(count, 100_000.0),
        volatility_cents=np.full(count, 100_000.0),
        base_cents=np.full(count, 500_000),
        rules_reduction=np.array(rules),
        confirmed=np.full(count, confirmed),
        rules_only=np.zeros(count, dtype=bool),
        desk_size=np.full(count, size),
    )


def offers(levels, gains) -> Offers:
    return Offers(np.array(levels), np.array(gains, dtype=float), np.zeros(len(levels), dtype=int))


def test_the_largest_gains_come_first():
    reduction, raised = decide(morning([0] * 5), offers([30] * 5, [5, 40, 10, 30, 20]), Easing(10))
    assert reduction.tolist() == [0, 30, 0, 30, 30]
    assert raised.tolist() == reduction.tolist()


def test_who_is_still_eased_uses_up_the_share():
    easing = Easing(10)
    easing.record(np.array([4]), np.array([499]), np.array([80]))
    reduction, _ = decide(morning([0] * 5), offers([30] * 4 + [0], [5, 40, 10, 30, 0]), easing)
    assert reduction.tolist() == [0, 30, 0, 30, 60]


def test_an_idle_trader_who_is_still_eased_uses_up_the_share_too():
    easing = Easing(10)
    easing.record(np.array([9]), np.array([499]), np.array([80]))
    reduction, _ = decide(morning([0] * 4), offers([30] * 4, [5, 40, 10, 30]), easing)
    assert reduction.tolist() == [0, 30, 0, 30]


def test_a_raise_goes_back_by_twenty_points_a_session():
    easing = Easing(10)
    easing.record(np.array([0]), np.array([500]), np.array([80]))
    days = np.array([501, 502, 503, 504, 520])
    assert easing.on(np.zeros(5, dtype=int), days).tolist() == [60, 40, 20, 0, 0]


def test_a_desk_of_three_has_no_room_for_a_raise():
    reduction, _ = decide(morning([0] * 3, size=3), offers([30] * 3, [5, 4, 3]), Easing(10))
    assert reduction.tolist() == [0, 0, 0]


def sure_fit(gains) -> PolicyFit:
    """A head that expects `gains` of every level whatever the features, with a small error."""
    width = 1 + len(FEATURES)
    coefficients = np.zeros((width, 8))
    coefficients[0] = gains
    pulls = np.zeros((2, width, 8))
    pulls[:, 0] = 0.01 * np.arange(1, 9)
    gram = np.zeros((2, width, width))
    return PolicyFit(coefficients, np.eye(width), np.zeros(width - 1), gram, pulls)


RISING = np.arange(1, 9) / 10


@pytest.mark.parametrize(
    ("rules", "confirmed", "level"),
    [(0, True, 80), (0, False, 40), (30, False, 40), (40, False, 0), (80, True, 0)],
)
def test_the_best_level_above_the_rules_is_offered(rules, confirmed, level):
    found = challenger.offer(sure_fit(RISING), morning([rules], confirmed=confirmed))
    assert found.level.tolist() == [level]


def test_a_gain_within_its_error_is_no_offer():
    found = challenger.offer(sure_fit(RISING / 1_000), morning([0]))
    assert found.level.tolist() == [0]


def test_the_gain_is_over_the_rules_reduction_in_dollars():
    found = challenger.offer(sure_fit(RISING), morning([25]))
    assert found.gain_usd.tolist() == pytest.approx([(0.8 - 0.25) * 1_000])


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ModelError, match="not finite"):
        challenger.offer(sure_fit(RISING * np.nan), morning([0]))


# --- scores ---------------------------------------------------------------------------------
def test_a_score_is_what_the_walk_says_once_the_day_has_come():
    desk, paths = simulated_desk(8, 200, tilt=1.5, seed=2, share=1.0)
    walk = walked(desk, paths)
    raised_days = np.unique(walk.panel.mornings.day[walk.raised > 0])[[5, 20, -3]]
    for day in raised_days:
        known, trades = truncated(desk, paths, int(day))
        found = {s.trader_id: s for s in scores(known, trades)}
        for row in np.flatnonzero(walk.panel.mornings.day == day):
            score = found[walk.panel.trader_ids[walk.panel.mornings.trader[row]]]
            assert score.reduction == walk.reduction[row]
            assert score.large_loss_probability == pytest.approx(walk.risk[row], abs=1e-8)


def test_scores_are_complete_and_carry_reasons():
    desk, paths = tilting()
    found = scores(desk, paths)
    assert [score.trader_id for score in found] == [history.trader_id for history in desk.traders]
    assert all(score.reasons and all(score.reasons) for score in found)
    assert all(0 < score.large_loss_probability < 1 for score in found)
    assert all(len(score.reasons) <= config.REASONS_SHOWN for score in found)


def test_a_score_is_never_looser_than_the_champions():
    desk, paths = tilting()
    rules = {score.trader_id: score.reduction for score in champion.score(desk)}
    assert all(score.reduction >= rules[score.trader_id] for score in scores(desk, paths))


def test_a_raised_trader_has_a_gain_and_is_told_what_it_comes_from():
    desk, paths = simulated_desk(8, 200, tilt=1.5, seed=2, share=1.0)
    walk = walked(desk, paths)
    day = int(walk.panel.mornings.day[walk.raised > 0][-1])
    known, trades = truncated(desk, paths, day)
    rules = {score.trader_id: score.reduction for score in champion.score(known)}
    raised = [s for s in scores(known, trades) if s.reduction > rules[s.trader_id] and s.gain_usd > 0]
    assert raised
    assert all("of expected gain" in score.reasons[0] for score in raised)
    assert all(score.gain_se_usd > 0 for score in raised)


def test_absent_traders_are_not_scored():
    desk, paths = tilting()
    without = dataclasses.replace(desk, absent=frozenset({"3902"}))
    assert "3902" not in {score.trader_id for score in scores(without, paths)}


# --- a desk too young to learn from ---------------------------------------------------------
def desk_of(days: int, traders: int, *, losing: int = 20) -> DeskHistory:
    """Return traders with `days` training days each; each of the first `losing` days is a large loss."""
    weekly = TODAY - pooled.knowledge_end(TODAY)  # the days of the embargo teach nothing
    results = [-2_500.0] * losing + [100.0, -90.0] * days
    usd = results[: days + weekly]
    return desk_history(
        *(trader_history(usd, trader_id=str(i), session=SESSION) for i in range(traders)),
    )


NO_TRADES = trade_paths([])


@pytest.mark.parametrize(
    ("desk", "lacks"),
    [
        (desk_history(), ("0 of 60 sessions", "0 of 250 trader-days")),
        (desk_history(trader_history([])), ("0 of 60 sessions", "0 of 250 trader-days")),
        (desk_of(60, 4), ("240 of 250 trader-days",)),
        (desk_of(59, 5), ("59 of 60 sessions",)),
        (desk_of(63, 4, losing=2), ("8 of 10 large losses",)),
    ],
    ids=["nobody", "a newcomer", "few traders", "few sessions", "few losses"],
)
def test_a_young_desk_has_no_scores_and_is_told_what_is_missing(desk, lacks):
    found = scored(desk, NO_TRADES)
    assert found.scores == ()
    assert found.lacks == lacks
    assert found.why_none == f"too little data yet ({' and '.join(lacks)})"


@pytest.mark.parametrize("desk", [desk_of(60, 5), desk_of(125, 2)], ids=["sessions", "trader-days"])
def test_exactly_the_least_there_must_be_is_enough_to_score_everybody(desk):
    found = scored(desk, NO_TRADES)
    assert len(found.scores) == len(desk.traders)
    assert (found.lacks, found.why_none) == ((), "")


def test_a_young_desk_s_policy_is_the_rules():
    walk = walked(desk_of(59, 5), NO_TRADES)
    assert not walk.scored.any()
    np.testing.assert_array_equal(walk.reduction, walk.panel.mornings.rules_reduction)


def test_a_model_that_cannot_be_fitted_to_enough_data_is_an_error(monkeypatch):
    monkeypatch.setattr(pooled, "_MAX_STEPS", 1)
    with pytest.raises(ModelError, match="did not converge"):
        scores(*tilting())
