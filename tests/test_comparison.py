import dataclasses
import json
from functools import lru_cache

import numpy as np
import pytest

from riskops import challenger, champion, comparison, config, evidence, specification
from riskops.history import DeskHistory, TradePaths
from riskops.records import Comparison, LedgerEntry, LedgerKind, Verdict
from riskops.sources.demo import DemoDesk
from riskops.standing import Standing
from riskops.store.documents import from_document, to_document
from tests.builders import CALENDAR, SESSION, desk_history, trade_paths, trader_history
from tests.simulated_desks import (
    reversed_desk,
    simulated_desk,
    stopped_live,
    truncated,
    with_changed_results,
)

TODAY = CALENDAR.position(SESSION)
NO_TRADES = trade_paths([])
WALK = challenger.walk
BENCHMARKS = ["no restriction", "best constant restriction", "rules", "overlay", "unconstrained model"]


def compared(desk: DeskHistory, paths: TradePaths = NO_TRADES, **kwargs) -> Comparison:
    return comparison.compare(desk, paths, champion.walk(desk), **kwargs)


@lru_cache
def ordinary() -> tuple[DeskHistory, TradePaths]:
    return simulated_desk(6, 180)


@lru_cache
def ordinary_comparison() -> Comparison:
    return compared(*ordinary())


# --- the verdict ----------------------------------------------------------------------------
def test_a_short_history_is_not_enough_evidence_and_says_what_is_missing():
    found = ordinary_comparison()
    assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert "of 5,000 trader-days" in found.reason
    assert found.reason.startswith("Not promoted: e = ")


@pytest.fixture
def low_walls(monkeypatch):
    monkeypatch.setattr(config, "MIN_SAMPLES_FOR_ML", 500)
    monkeypatch.setattr(config, "MIN_DESK_DAYS", 50)
    monkeypatch.setattr(config, "MIN_LARGE_LOSS_DAYS", 10)


def test_a_planted_strong_signal_wins_once_the_walls_are_passed(low_walls):
    found = compared(*simulated_desk(8, 260, tilt=4.0, seed=4))
    assert found.opens
    assert found.reason.startswith("The model beats the rules by more than 10 %: e = ")
    assert min(found.e_values) >= config.E_VALUE_BAR
    assert found.challenger_benefit_usd > 1.1 * found.rules_benefit_usd
    assert found.sessions_to_go == 0


def test_the_path_of_the_evidence_opens_the_gate_on_the_morning_the_comparison_finds_it_open(low_walls):
    desk, paths = simulated_desk(8, 260, tilt=4.0, seed=4)
    days, amounts = comparison.evidence_path(desk, paths, champion.walk(desk))
    opened = evidence.open_after(days, amounts)
    turning = np.flatnonzero(np.diff(opened))
    assert len(turning)
    for row in {int(turning[0]), int(turning[0]) + 1, len(days) - 1}:
        then = compared(*truncated(desk, paths, int(days.day[row]) + 1))
        assert then.opens == opened[row]
        assert then.trader_days == amounts.trader_days[row]
        assert then.large_loss_days == amounts.large_loss_days[row]


def test_a_worthless_challenger_does_not_win_even_with_low_walls(low_walls):
    for seed in range(4):
        assert not compared(*simulated_desk(6, 180, seed=seed)).opens


@pytest.mark.parametrize("cut", [40, 80])
@pytest.mark.parametrize("seed", [2, 7])
def test_a_challenger_that_restricts_everybody_does_not_win(monkeypatch, cut, seed):
    """On these demo desks it saves fees and is ahead in dollars: still no evidence, at any time."""

    def restricts(*args):
        walked = WALK(*args)
        return dataclasses.replace(walked, reduction=np.maximum(walked.panel.mornings.rules_reduction, cut))

    monkeypatch.setattr(challenger, "walk", restricts)
    desk, paths = DemoDesk(CALENDAR, seed=seed).history(756)
    found = compared(desk, paths)
    days, amounts = comparison.evidence_path(desk, paths, champion.walk(desk))
    assert found.challenger_benefit_usd > found.rules_benefit_usd
    assert min(found.e_values) < 2
    assert not evidence.open_after(days, amounts).any()


def test_a_day_with_evidence_the_other_way_holds_the_rules():
    days = 400
    losing = evidence.DeskDays(
        day=np.arange(days),
        differences=np.full((days, 4), -900.0),
        clip_usd=np.full(days, 15_000.0),
        advantage=np.full(days, -900.0),
        active=np.full(days, 15.0),
    )
    gate = evidence.gate(losing, evidence.Amount(9_000, days, 300), days)
    assert comparison.judge(gate, challenger_usd=-1.0, rules_usd=0.0) is Verdict.RULES_HOLD
    assert comparison.judge(gate, challenger_usd=1.0, rules_usd=0.0) is Verdict.NOT_ENOUGH_EVIDENCE


@pytest.mark.parametrize(
    ("to_go", "words"),
    [
        (70, "about 70 more sessions at this pace"),
        (2_521, "more than ten years to go at this pace"),
        (None, "the evidence is not growing"),
    ],
)
def test_the_reason_says_how_long_it_may_take(monkeypatch, to_go, words):
    monkeypatch.setattr(evidence, "sessions_to_go", lambda *_: to_go)
    assert f"of 20, {words}" in compared(*ordinary()).reason


def test_days_before_a_later_registration_are_no_evidence():
    registered = LedgerEntry(CALENDAR.session_at(TODAY - 20), LedgerKind.REGISTERED, "abc", 2, "another")
    late = compared(*ordinary(), now=Standing(registered))
    assert late.desk_days <= 20 < ordinary_comparison().desk_days
    assert late.information["bar"] == pytest.approx(evidence.bar(2))


# --- the table ------------------------------------------------------------------------------
def test_every_benchmark_is_in_the_table():
    assert list(ordinary_comparison().table) == BENCHMARKS


@pytest.mark.parametrize("policy", BENCHMARKS)
def test_the_benefit_is_prevented_less_cost(policy):
    row = ordinary_comparison().table[policy]
    assert row["benefit_usd"] == pytest.approx(row["prevented_usd"] - row["cost_usd"])


def test_no_restriction_has_no_benefit_and_hits_nothing():
    row = ordinary_comparison().table["no restriction"]
    assert (row["benefit_usd"], row["hit_rate"], row["restricted_share"]) == (0, 0, 0)
    assert "precision" not in row
    assert row["precision_of"] == 0


def test_rates_come_with_denominators_and_an_interval_around_them():
    row = ordinary_comparison().table["rules"]
    for rate in ("hit_rate", "precision", "false_positive_rate", "restricted_share"):
        assert row[rate] == row[f"{rate}_hits"] / row[f"{rate}_of"]
        assert row[f"{rate}_low"] <= row[rate] <= row[f"{rate}_high"]


def test_hit_rate_and_precision_share_their_hits():
    row = ordinary_comparison().table["overlay"]
    assert row["hit_rate_hits"] == row["precision_hits"]


def test_the_best_constant_restriction_is_not_worse_than_none():
    assert ordinary_comparison().table["best constant restriction"]["benefit_usd"] >= 0


def test_the_rules_row_is_the_rules_walk_replayed_by_hand():
    desk, paths = ordinary()
    found, walk = ordinary_comparison(), champion.walk(desk)
    first = first_compared_day(desk)
    total = 0
    for index, history in enumerate(desk.traders):
        for row in np.flatnonzero(history.day >= first):
            trades = paths.net_cents[(paths.trader == index) & (paths.day == history.day[row])]
            limit, base = walk[history.trader_id].limit_cents[row], history.base_cents[row]
            total += ended(trades, limit) - ended(trades, base)
    assert found.table["rules"]["benefit_usd"] == pytest.approx(total / 100)
    assert found.rules_benefit_usd == pytest.approx(total / 100)


def first_compared_day(desk: DeskHistory) -> int:
    walk = challenger.walk(desk, ordinary()[1], champion.walk(desk))
    return int(walk.panel.mornings.day[walk.scored].min())


def ended(trades: np.ndarray, limit: int) -> int:
    running = np.cumsum(trades)
    hit = np.flatnonzero(running <= -limit)
    return int(running[hit[0]] if len(hit) else running[-1])


def test_the_overlay_row_is_the_challengers_benefit():
    found = ordinary_comparison()
    assert found.table["overlay"]["benefit_usd"] == pytest.approx(found.challenger_benefit_usd)


# --- days our own limit cut short -----------------------------------------------------------
def test_censored_days_are_counted_and_the_gate_takes_the_worse_bound():
    found = compared(*stopped_live(*ordinary()))
    assert found.information["censored_trader_days"] > 0
    assert found.information["challenger_benefit_low_usd"] < found.challenger_benefit_usd


def test_without_censored_days_there_is_only_one_benefit():
    found = ordinary_comparison()
    assert found.information["censored_trader_days"] == 0
    assert found.information["challenger_benefit_low_usd"] == pytest.approx(found.challenger_benefit_usd)


# --- desks of every kind --------------------------------------------------------------------
def test_an_empty_desk_has_nothing_to_compare():
    for desk in (desk_history(), desk_history(trader_history([]))):
        found = compared(desk)
        assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
        assert found.desk_days == 0
        assert found.sessions_to_go is None
        assert found.reason.startswith("Nothing to compare yet")


def test_one_trader_is_never_raised():
    found = compared(*simulated_desk(1, 320, share=1.0))
    assert found.desk_days > 0
    assert found.challenger_benefit_usd == found.rules_benefit_usd


def test_a_trader_who_left_still_counts_as_evidence():
    desk, paths = ordinary()
    left = dataclasses.replace(desk, absent=frozenset({"3900"}))
    assert compared(left, paths).trader_days == ordinary_comparison().trader_days


def test_a_gap_of_months_is_skipped():
    early = np.arange(TODAY - 300, TODAY - 200)
    days = np.concatenate([early, np.arange(TODAY - 60, TODAY)])
    rng = np.random.default_rng(3)
    desk = desk_history(
        *(
            trader_history(rng.normal(0, 1_500, len(days)).tolist(), trader_id=str(i), days=days)
            for i in range(4)
        )
    )
    found = compared(desk)
    assert 0 < found.desk_days < len(days)
    assert found.information["estimated_trader_days"] == 4 * found.desk_days


@pytest.mark.parametrize("result", [0, -500, -5_000])
def test_days_of_zeros_and_of_losses_only_give_finite_figures(result):
    desk = desk_history(*(trader_history([result] * 150, trader_id=str(i)) for i in range(4)))
    found = compared(desk)
    assert not found.opens
    assert np.isfinite(found.e_values).all()


def test_the_order_of_traders_does_not_matter():
    turned = compared(*reversed_desk(*ordinary()))
    found = ordinary_comparison()
    assert turned.e_values == pytest.approx(found.e_values)
    assert turned.challenger_benefit_usd == pytest.approx(found.challenger_benefit_usd)
    assert turned.table["overlay"] == pytest.approx(found.table["overlay"])


def test_comparing_twice_gives_the_same_record_and_it_fits_a_document():
    again = compared(*ordinary())
    assert again == ordinary_comparison()
    kept = json.dumps(to_document(again), allow_nan=False)
    assert from_document(Comparison, json.loads(kept)) == again


def test_the_rules_course_ends_at_their_benefit_and_has_a_point_a_week():
    found = ordinary_comparison()
    days = [day for day, _ in found.rules_course]
    assert found.rules_course[-1][1] == pytest.approx(found.rules_benefit_usd, abs=0.01)
    assert days == sorted(days)
    assert len({day.isocalendar()[:2] for day in days}) == len(days) > 10


def test_the_comparison_names_the_registered_specification():
    assert ordinary_comparison().specification == specification.digest()


def test_the_area_under_the_curve_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(6)
    score, event = rng.integers(0, 20, 300) / 20, rng.random(300) < 0.3
    assert comparison.area_under_curve(score, event) == pytest.approx(roc_auc_score(event, score))


# --- what the ledger remembers and history does not -------------------------------------------
REGISTERED = LedgerEntry(CALENDAR.session_at(TODAY - 100), LedgerKind.REGISTERED, "abc", 1, "the first")


def promoted(offset: int) -> Standing:
    session = CALENDAR.session_at(TODAY + offset)
    return Standing(REGISTERED, LedgerEntry(session, LedgerKind.PROMOTED, "abc", 1, "it wins"))


@pytest.mark.parametrize("offset", [-60, -1, 0])
def test_a_promoted_model_is_watched_from_its_promotion_on(offset):
    found = compared(*ordinary(), now=promoted(offset))
    assert found.demotion_e >= 1
    assert found.demotion_e == 1 or offset < 0


def test_history_restated_after_a_promotion_is_watched_as_it_is_known_now():
    desk, paths = ordinary()
    restated = with_changed_results(desk, paths, TODAY - 80)
    before, after = (compared(*d, now=promoted(-60)) for d in ((desk, paths), restated))
    assert np.isfinite([before.demotion_e, after.demotion_e]).all()
    assert after.e_values != before.e_values


def test_in_the_cool_off_nothing_is_evidence_yet():
    demoted = LedgerEntry(CALENDAR.session_at(TODAY - 5), LedgerKind.DEMOTED, "abc", 1, "it lost")
    found = compared(*ordinary(), now=Standing(REGISTERED, demoted))
    assert found.desk_days == 0
    assert found.e_values == (1.0, 1.0, 1.0, 1.0)
    assert found.table["rules"] == ordinary_comparison().table["rules"]


def test_a_day_whose_applied_limit_is_unknown_counts_as_if_the_base_had_been_in_force():
    desk, paths = ordinary()
    assert all(history.assumed.all() for history in desk.traders)
    known = tuple(dataclasses.replace(h, assumed=np.zeros(len(h), dtype=bool)) for h in desk.traders)
    assert compared(dataclasses.replace(desk, traders=known), paths) == ordinary_comparison()
