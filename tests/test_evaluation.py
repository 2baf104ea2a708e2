"""Rules and model over a span: the same figures as the comparison, walked forward, on any desk."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from functools import lru_cache

import numpy as np
import pytest

from riskops import champion, comparison, config, economics, evaluation, evidence, limits, policies
from riskops.errors import MissingResultError, SessionError
from riskops.evaluation import STEPS, TIERS, Evaluation, Span
from riskops.history import DeskHistory, TradePaths
from riskops.records import Rule
from riskops.store.documents import from_document, to_document
from tests.builders import CALENDAR, SESSION, desk_history, trader_history
from tests.simulated_desks import NO_TRADES, simulated_desk, stopped_live, truncated, with_changed_results

TODAY = CALENDAR.position(SESSION)


@lru_cache
def ordinary() -> tuple[DeskHistory, TradePaths]:
    return simulated_desk(6, 180)


@lru_cache
def whole() -> Evaluation:
    return evaluated(*ordinary())


@lru_cache
def treated() -> Evaluation:
    return evaluated(*stopped_live(*ordinary(), cut=70))


def evaluated(desk: DeskHistory, paths: TradePaths = NO_TRADES, span: Span | None = None) -> Evaluation:
    return evaluation.evaluate(desk, paths, span or evaluation.known_span(desk))


def of_last(sessions: int) -> Span:
    return Span(CALENDAR.session_at(TODAY - sessions), CALENDAR.session_at(TODAY - 1))


# --- against the comparison -----------------------------------------------------------------
def test_over_the_whole_history_it_says_what_the_comparison_says():
    desk, paths = ordinary()
    found, compared = whole(), comparison.compare(desk, paths, champion.walk(desk))
    assert list(found.policies) == list(compared.table)
    for policy, row in compared.table.items():
        assert found.policies[policy] == pytest.approx(row)
    assert found.evidence.smallest == pytest.approx(min(compared.e_values))
    assert tuple(course[-1] for course in found.evidence.courses) == pytest.approx(compared.e_values)
    assert found.evidence.sessions_to_go == compared.sessions_to_go
    assert found.counts.compared_sessions == compared.desk_days
    assert found.areas["displayed risk"].value == pytest.approx(compared.information["auc_risk_head"])
    assert found.areas["volatility"].value == pytest.approx(compared.information["auc_volatility"])


def test_a_later_specification_has_a_higher_promotion_line():
    desk, paths = ordinary()
    second = evaluation.evaluate(desk, paths, of_last(40), specification_number=2)
    assert second.evidence.bar == evidence.bar(2) > whole().evidence.bar == config.E_VALUE_BAR


def test_the_advantage_is_the_model_s_benefit_less_the_rules():
    table = whole().policies
    difference = table["overlay"]["benefit_usd"] - table["rules"]["benefit_usd"]
    assert whole().advantage["benefit_usd"] == pytest.approx(difference)


@pytest.mark.parametrize("policy", ["no restriction", "best constant restriction", "rules", "overlay"])
def test_a_course_ends_at_the_policy_s_benefit(policy):
    for found in (whole(), treated()):
        course, row = found.cumulative.policies[policy], found.policies[policy]
        assert course.benefit_usd[-1] == pytest.approx(row["benefit_usd"], abs=0.02)
        assert course.least_usd[-1] == pytest.approx(row["benefit_least_usd"], abs=0.02)
        assert course.most_usd[-1] == pytest.approx(row["benefit_most_usd"], abs=0.02)


def test_traders_months_and_rules_add_up_to_the_desk():
    found = whole()
    for policy in ("rules", "overlay"):
        parts = [trader.policies[policy]["benefit_usd"] for trader in found.traders]
        assert sum(parts) == pytest.approx(found.policies[policy]["benefit_usd"])
    assert sum(month.trader_days for month in found.restricted.months) == found.counts.trader_days
    assert sum(month.sessions for month in found.restricted.months) == found.counts.sessions


def test_every_level_is_that_constant_cut_replayed():
    desk, paths = ordinary()
    worth = {level.reduction: level for level in whole().levels}
    assert list(worth) == economics.LEVELS.tolist()
    assert worth[0].everybody["benefit_usd"] == worth[0].where_a_rule_fired["benefit_usd"] == 0
    total = sum(
        ended(day_trades(paths, index, int(day)), limits.limit_cents(int(base), 60))
        - ended(day_trades(paths, index, int(day)), int(base))
        for index, trader in enumerate(desk.traders)
        for day, base in zip(trader.day, trader.base_cents, strict=True)
    )
    assert worth[60].everybody["benefit_usd"] == pytest.approx(total / 100)


def day_trades(paths: TradePaths, index: int, day: int) -> np.ndarray:
    return paths.net_cents[(paths.trader == index) & (paths.day == day)]


def ended(trades: np.ndarray, limit: int) -> int:
    running = np.cumsum(trades)
    hit = np.flatnonzero(running <= -limit)
    return int(running[hit[0]] if len(hit) else running[-1])


# --- the rules' records ---------------------------------------------------------------------
def test_every_tier_of_every_rule_has_a_record():
    assert [(record.rule, record.level) for record in whole().rules] == list(TIERS)
    assert {rule for rule, _ in TIERS} == set(Rule)


def test_a_rule_s_record_counts_the_mornings_on_which_it_fired_at_that_level():
    desk, _ = ordinary()
    walk = champion.walk(desk)
    for record in whole().rules:
        column = list(Rule).index(record.rule)
        fired = sum(int((w.levels[:, column] == record.level).sum()) for w in walk.values())
        assert record.fired_days == fired == record.figures["large_loss_of"]
        assert 0 <= record.alone_days <= fired


def test_the_lift_is_the_ratio_of_the_two_rates_with_an_interval_around_it():
    known = [record.figures for record in whole().rules if "lift" in record.figures]
    assert known
    for figures in known:
        assert figures["lift"] == pytest.approx(figures["large_loss"] / figures["elsewhere"])
        assert figures["lift_low"] <= figures["lift"] <= figures["lift_high"]


# --- spans ----------------------------------------------------------------------------------
def test_a_span_evaluates_its_days_only_and_its_evidence_starts_anew():
    found = evaluated(*ordinary(), of_last(40))
    assert found.counts.sessions == len(found.cumulative.sessions) == 40
    assert found.evidence.sessions[0] == of_last(40).first == found.model_from
    assert found.counts.trader_days < whole().counts.trader_days


def test_what_came_after_the_span_changes_nothing():
    desk, paths = ordinary()
    span = Span(CALENDAR.session_at(TODAY - 60), CALENDAR.session_at(TODAY - 21))
    plain = figures(evaluated(desk, paths, span))
    assert figures(evaluated(*with_changed_results(desk, paths, TODAY - 20), span)) == plain
    assert figures(evaluated(*truncated(desk, paths, TODAY - 20), span)) == plain


def figures(found: Evaluation) -> str:
    """Return an evaluation as text, whoever's morning it is; the last bits may differ between matrices."""
    document = dataclasses.asdict(dataclasses.replace(found, session=SESSION))
    return repr(rounded(document))


def rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def test_a_span_before_there_was_a_model_shows_the_rules_alone():
    desk, paths = ordinary()
    first = int(min(trader.day[0] for trader in desk.traders))
    found = evaluated(desk, paths, Span(CALENDAR.session_at(first), CALENDAR.session_at(first + 30)))
    assert found.model_from is None
    assert found.evidence is found.calibration is None
    assert list(found.policies) == ["no restriction", "best constant restriction", "rules"]
    assert found.policies["rules"]["trader_days"] == found.counts.trader_days > 0
    assert found.advantage == found.areas == {}


def test_a_turned_span_an_unknown_date_and_results_not_yet_known_are_refused_with_the_remedy():
    yesterday = CALENDAR.previous(SESSION)
    friday_before = CALENDAR.shift(SESSION, -6)
    with pytest.raises(SessionError, match="swap --from and --to"):
        evaluation.span_of(CALENDAR, yesterday, friday_before, SESSION)
    with pytest.raises(SessionError, match="is no session of XNYS; the next one is"):
        evaluation.span_of(CALENDAR, SESSION - timedelta(days=8), yesterday, SESSION)
    with pytest.raises(SessionError, match=f"give a --to of {yesterday} or earlier"):
        evaluation.span_of(CALENDAR, yesterday, SESSION, SESSION)
    assert evaluation.span_of(CALENDAR, friday_before, yesterday, SESSION) == Span(friday_before, yesterday)


def test_a_span_without_results_names_those_there_are():
    desk, paths = ordinary()
    long_ago = Span(CALENDAR.session_at(TODAY - 900), CALENDAR.session_at(TODAY - 890))
    known = evaluation.known_span(desk)
    with pytest.raises(MissingResultError, match=f"there are results from {known.first} to {known.last}"):
        evaluated(desk, paths, long_ago)


@pytest.mark.parametrize("desk", [desk_history(), desk_history(trader_history([]))], ids=["empty", "idle"])
def test_a_desk_on_which_nobody_traded_says_how_to_bring_history_in(desk):
    with pytest.raises(MissingResultError, match="riskops load"):
        evaluation.known_span(desk)


# --- treated days and odd desks -------------------------------------------------------------
def test_treated_days_are_counted_marked_and_open_the_bounds():
    found = treated()
    assert found.counts.treated_days == sum(found.cumulative.treated) > 0
    assert found.counts.unknown_outcome_days > 0
    assert found.policies["rules"]["benefit_least_usd"] < found.policies["rules"]["benefit_most_usd"]
    assert whole().counts.treated_days == sum(whole().cumulative.treated) == 0


@pytest.mark.parametrize("result", [0, -500, -5_000])
def test_desks_of_zeros_and_of_losses_only_are_evaluated(result):
    found = evaluated(desk_history(*(trader_history([result] * 150, trader_id=str(i)) for i in range(4))))
    json.dumps(to_document(found), allow_nan=False)
    assert found.counts.estimated_days == 600


def test_one_session_is_enough():
    found = evaluated(desk_history(trader_history([-700])))
    assert found.counts.sessions == 1
    assert found.policies["rules"]["trader_days"] == 1


def test_the_document_gives_the_evaluation_back():
    for found in (whole(), treated()):
        document = json.loads(json.dumps(to_document(found), allow_nan=False))
        assert from_document(Evaluation, document) == found


def test_each_step_is_told_as_it_begins():
    told: list[str] = []
    desk, paths = ordinary()
    evaluation.evaluate(desk, paths, of_last(20), told.append)
    assert tuple(told) == STEPS


def test_the_restricted_share_of_the_last_session_is_the_rules():
    desk, _ = ordinary()
    share = champion.restricted_share(desk, champion.walk(desk))
    assert whole().restricted.trailing[-1] == pytest.approx(float(share), abs=1e-6)


def test_the_reductions_compared_are_those_of_the_policies():
    names = (policies.NO_RESTRICTION, policies.BEST_CONSTANT, policies.RULES, policies.OVERLAY)
    assert list(whole().policies) == [*names, policies.UNCONSTRAINED]
    assert dataclasses.asdict(whole())["policies"]["best constant restriction"]["reduction"] % 5 == 0
    assert config.REDUCTION_STEP == 5


# --- the traders' own models -----------------------------------------------------------------
def test_own_models_are_told_of_traders_with_enough_history_of_their_own_only():
    assert whole().own_models == ()
    desk, paths = simulated_desk(3, 330, share=0.95)
    found = evaluated(desk, paths)
    assert {record.trader_id for record in found.own_models} == {h.trader_id for h in desk.traders}
    for record in found.own_models:
        assert 0 < record.days <= 330 - config.OWN_MODEL_ACTIVE_DAYS


def test_own_models_of_a_span_are_told_of_its_days_only():
    desk, paths = simulated_desk(3, 330, share=0.95)
    of_few = evaluated(desk, paths, of_last(20)).own_models
    assert all(record.days <= 20 for record in of_few)
