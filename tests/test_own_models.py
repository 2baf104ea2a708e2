from functools import lru_cache

import numpy as np
import pytest

from riskops import champion, config, own_models, policies
from riskops.history import DeskHistory, TradePaths
from tests.simulated_desks import reversed_desk, simulated_desk, truncated, with_changed_results


@lru_cache
def tilted() -> tuple[DeskHistory, TradePaths]:
    return simulated_desk(5, 420, tilt=5.0, seed=6, share=0.95)


@lru_cache
def walked():
    desk, paths = tilted()
    return own_models.walk(desk, paths, champion.walk(desk))


def scores(desk: DeskHistory, paths: TradePaths):
    return own_models.score(desk, paths, champion.walk(desk), champion.score(desk))


def mornings_with_raises() -> list[int]:
    found = walked()
    days = np.unique(found.panel.mornings.day[found.raised > 0])
    return [int(day) for day in days[-6:]]


def test_the_policy_only_tightens_the_rules():
    found = walked()
    assert (found.reduction >= found.panel.mornings.rules_reduction).all()
    assert (found.raised > 0).any()


def test_above_forty_a_rule_must_have_fired():
    found = walked()
    assert (found.panel.mornings.confirmed[found.raised > config.IMMEDIATE_ABOVE]).all()


def test_nobody_is_raised_before_he_has_a_model_of_his_own():
    found = walked()
    assert not (found.raised[~found.scored] > 0).any()
    for trader in range(5):
        mine = found.panel.mornings.trader == trader
        assert not found.scored[mine][: config.OWN_MODEL_ACTIVE_DAYS].any()


@pytest.mark.parametrize("which", range(3))
def test_a_morning_raises_only_with_reasons_and_above_the_rules(which):
    desk, paths = truncated(*tilted(), mornings_with_raises()[which])
    rules = {score.trader_id: score.reduction for score in champion.score(desk)}
    found = scores(desk, paths)
    assert all(score.reduction > rules[score.trader_id] for score in found)
    assert all(score.reasons and score.gain_usd > 0 for score in found)
    assert all(score.large_loss_probability is None for score in found)


def test_some_morning_raises_somebody():
    raised = [scores(*truncated(*tilted(), position)) for position in mornings_with_raises()]
    assert any(raised)


def test_what_comes_later_changes_nothing():
    desk, paths = tilted()
    position = mornings_with_raises()[0]
    changed = truncated(*with_changed_results(desk, paths, position), position)
    assert scores(*changed) == scores(*truncated(desk, paths, position))


def test_the_order_of_traders_does_not_matter():
    desk, paths = truncated(*tilted(), mornings_with_raises()[1])
    one, other = scores(desk, paths), scores(*reversed_desk(desk, paths))
    assert {s.trader_id: s.reduction for s in one} == {s.trader_id: s.reduction for s in other}


def test_a_young_desk_raises_nobody():
    desk, paths = simulated_desk(3, 120)
    assert scores(desk, paths) == ()


def test_records_add_up_to_the_gain_of_the_policy_over_the_rules():
    found = walked()
    told = own_models.records(found, np.ones(len(found.scored), dtype=bool))
    rules = policies.benefit_cents(found, found.panel.mornings.rules_reduction)
    gained = policies.benefit_cents(found, found.reduction) - rules
    assert sum(r.advantage_usd for r in told) == pytest.approx(gained[found.scored].sum() / 100)
    assert [r.trader_id for r in told] == list(found.panel.trader_ids)
    assert sum(r.days for r in told) == found.scored.sum()
    for record in told:
        low, high = record.interval_usd
        assert low <= high


def test_without_a_model_there_is_no_interval():
    desk, paths = simulated_desk(2, 60)
    found = own_models.walk(desk, paths, champion.walk(desk))
    told = own_models.records(found, np.ones(len(found.scored), dtype=bool))
    assert [(r.days, r.raised, r.advantage_usd, r.interval_usd) for r in told] == [(0, 0, 0.0, None)] * 2


def test_a_record_is_of_the_chosen_days_only():
    found = walked()
    late = found.panel.mornings.day >= np.median(found.panel.mornings.day[found.scored])
    told = own_models.records(found, late)
    assert 0 < sum(r.days for r in told) == (found.scored & late).sum() < found.scored.sum()
