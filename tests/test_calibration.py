"""Numbers that fit the desk: shares against their bands, the smallest change proposed, none applied."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pytest

from riskops import calibration, champion, config, economics, thresholds, what_if
from riskops.calibration import BANDS, BASE_LIMITS, DeskCalibration, Option
from riskops.history import DeskHistory, TradePaths
from riskops.store.documents import from_document, to_document
from tests.builders import CALENDAR, SESSION, desk_history, trader_history
from tests.simulated_desks import NO_TRADES, simulated_desk

TODAY = CALENDAR.position(SESSION)


def with_bases(desk: DeskHistory, factor: float) -> DeskHistory:
    """Return the desk with every base limit multiplied; the trades stay as they are."""
    bases = {t.trader_id: int(t.base_cents[0] * factor) // 5_000 * 5_000 for t in desk.traders}
    return calibration.with_base_limits(desk, bases)


@lru_cache
def tight() -> DeskCalibration:
    """A desk whose base limits are two fifths of what fits its traders."""
    desk, paths = simulated_desk(6, 200)
    return calibration.calibrate(with_bases(desk, 0.4), paths)


@lru_cache
def loose() -> DeskCalibration:
    """A desk whose base limits are four times what fits its traders."""
    desk, paths = simulated_desk(6, 200)
    return calibration.calibrate(with_bases(desk, 4.0), paths)


# --- the shares -----------------------------------------------------------------------------
def test_today_s_shares_are_those_of_the_rules():
    desk, paths = simulated_desk(6, 200)
    found = calibration.calibrate(desk, paths)
    walk = champion.walk(desk)
    cuts = np.concatenate([w.reduction for w in walk.values()])
    assert found.today.shares["restricted_share"] == pytest.approx((cuts >= 20).mean())
    assert found.today.shares["immediate_share"] == pytest.approx((cuts > 40).mean())
    assert found.today.recent["restricted_share"] == pytest.approx(
        float(champion.restricted_share(desk, walk))
    )
    assert found.today.worth["benefit_usd"] == 0


def test_only_the_last_year_counts():
    desk, paths = simulated_desk(3, 400)
    found = calibration.calibrate(desk, paths)
    assert found.sessions == config.CALIBRATION_SESSIONS
    first = int(np.unique(np.concatenate([t.day for t in desk.traders]))[-config.CALIBRATION_SESSIONS])
    assert found.today.shares["restricted_share_of"] == sum(int((t.day >= first).sum()) for t in desk.traders)


@pytest.mark.parametrize(
    ("restricted", "immediate", "distance"),
    [(0.30, 0.05, 0.0), (0.26, 0.07, 0.0), (0.44, 0.05, 1.0), (0.30, 0.01, 0.5), (0.08, 0.15, 4.0)],
)
def test_the_distance_counts_how_far_shares_lie_outside_their_bands(restricted, immediate, distance):
    shares = {"restricted_share": restricted, "immediate_share": immediate}
    assert calibration.distance(shares) == pytest.approx(distance)


def test_the_bands_are_those_of_the_config():
    assert BANDS == {
        "restricted_share": config.RESTRICTED_SHARE_BAND,
        "immediate_share": config.IMMEDIATE_SHARE_BAND,
    }


# --- what is proposed -----------------------------------------------------------------------
def test_a_desk_within_its_bands_gets_no_proposal_and_sees_what_else_there_is():
    desk, paths = simulated_desk(6, 200)
    options = {factor: calibration.calibrate(with_bases(desk, factor), paths) for factor in (1.0, 1.2, 1.5)}
    within = [found for found in options.values() if found.is_in_bands]
    assert within
    for found in within:
        assert found.proposed is None
        assert len(found.options) > 20


def test_tight_base_limits_restrict_too_much_and_the_change_proposed_brings_that_down():
    found = tight()
    assert found.is_due
    assert found.today.shares["restricted_share"] > 0.45
    assert found.proposed is not None
    assert found.proposed.changes
    assert found.proposed.distance < found.today.distance


def test_loose_base_limits_cut_too_few_days_hard_and_the_change_proposed_brings_that_up():
    found = loose()
    assert found.today.shares["immediate_share"] < 0.03
    assert not found.is_due
    assert found.proposed is not None
    assert found.proposed.shares["immediate_share"] > found.today.shares["immediate_share"]
    assert found.proposed.distance < found.today.distance


@pytest.mark.parametrize("found", [tight, loose])
def test_of_single_changes_that_reach_the_bands_the_smallest_is_proposed(found):
    reached = [option for option in found().options if option.distance == 0]
    if reached:
        assert found().proposed in reached
        return
    assert len(found().proposed.changes) >= 1
    assert found().proposed.distance <= min(option.distance for option in found().options)


def test_every_option_changes_something_and_says_from_what_to_what():
    for option in tight().options:
        assert option.changes
        for change in option.changes:
            assert change.today != change.proposed
            if change.name != BASE_LIMITS:
                assert float(change.today) == float(getattr(config, change.name))


def test_an_option_s_shares_are_the_rules_with_these_numbers():
    desk, paths = simulated_desk(6, 200)
    found = calibration.calibrate(desk, paths)
    [option] = [
        o for o in found.options if o.changes[0].name == "VOLATILITY_RATIO" and o.changes[0].proposed == "3"
    ]
    walk = champion.walk(desk, dataclasses.replace(thresholds.TODAY, volatility_ratio=Decimal(3)))
    cuts = np.concatenate([w.reduction for w in walk.values()])
    assert option.shares["restricted_share_hits"] == (cuts >= 20).sum()


def test_calibrating_changes_no_number_and_no_score():
    desk, paths = simulated_desk(4, 150)
    numbers = {name: getattr(config, name) for name in vars(config) if name.isupper()}
    scores = champion.score(desk)
    calibration.calibrate(desk, paths)
    assert {name: getattr(config, name) for name in numbers} == numbers
    assert champion.score(desk) == scores


# --- base limits ----------------------------------------------------------------------------
def test_a_fitting_base_limit_is_two_and_a_half_robust_sds_in_steps_of_500():
    rng = np.random.default_rng(7)
    usual = trader_history(rng.normal(0, 2_000, 240).round(2).tolist(), trader_id="usual")
    calm = trader_history(rng.normal(0, 20, 240).round(2).tolist(), trader_id="calm")
    young = trader_history([100.0, -100.0] * 9, trader_id="young")
    found = {
        b.trader_id: b for b in calibration.calibrate(desk_history(usual, calm, young), NO_TRADES).base_limits
    }
    assert found["usual"].fitting_cents == pytest.approx(500_000, abs=50_000)
    assert found["usual"].fitting_cents % config.BASE_LIMIT_STEP_CENTS == 0
    assert found["calm"].fitting_cents == config.BASE_LIMIT_STEP_CENTS
    assert "young" not in found


def test_other_base_limits_leave_what_was_really_in_force_on_record():
    history = trader_history([100.0, -200.0], applied_usd=[3_000, 4_000])
    changed = calibration.with_base_limits(desk_history(history), {"3942": 700_000})
    assert changed.traders[0].base_cents.tolist() == [700_000, 700_000]
    assert changed.traders[0].applied_cents.tolist() == [300_000, 400_000]
    assert changed.base_cents("3942", TODAY) == 700_000
    assumed = calibration.with_base_limits(desk_history(trader_history([100.0])), {"3942": 700_000})
    assert assumed.traders[0].applied_cents.tolist() == [700_000]


def test_a_looser_limit_than_the_one_that_stopped_a_day_is_only_bounded():
    """At its base limit of $2,000 the day ended; at $4,000 nobody knows."""
    desk = desk_history(trader_history([-2_000.0, 300.0], base_usd=2_000))
    day = int(desk.traders[0].day[0])
    paths = TradePaths(
        np.array([0, 0, 0]),
        np.array([day, day, day + 1]),
        np.array([-150_000, -50_000, 30_000]),
        np.array([1_000, 1_000, 1_000]),
    )
    on = what_if.ground(desk, paths)
    looser = what_if.play(calibration.with_base_limits(desk, {"3942": 400_000}))
    worth = what_if.worth(on, looser)
    limit = looser.limit_cents[0]
    assert limit > 200_000
    assert worth.censored.tolist() == [True, False]
    assert worth.low[0] == -limit + 200_000
    assert worth.high[0] > 0
    assert isinstance(on.replayed, economics.Replay)


# --- odd desks ------------------------------------------------------------------------------
@pytest.mark.parametrize("results", [[-700.0], [0.0] * 60, [-5_000.0] * 60])
def test_a_young_desk_and_desks_of_one_kind_are_calibrated(results):
    found = calibration.calibrate(desk_history(trader_history(results)), NO_TRADES)
    json.dumps(to_document(found), allow_nan=False)
    assert found.today.shares["restricted_share_of"] == len(results)


def test_the_calibration_fits_a_document_and_comes_back():
    document = json.loads(json.dumps(to_document(tight()), allow_nan=False))
    assert from_document(DeskCalibration, document) == tight()
    assert all(isinstance(option, Option) for option in tight().options)
