import dataclasses

import numpy as np
import pytest

from riskops import champion, config
from riskops.features import FEATURES, observe, panel, this_morning
from riskops.history import TradePaths
from tests.builders import CALENDAR, SESSION, desk_history, trade_paths, trader_history
from tests.simulated_desks import reversed_desk, simulated_desk, truncated, with_changed_results

NAMES = [feature.name for feature in FEATURES]
TODAY = CALENDAR.position(SESSION)
NO_TRADES = trade_paths([])


def today(desk, paths: TradePaths = NO_TRADES, trader: int = 0) -> dict[str, float]:
    rows = this_morning(observe(desk, paths), champion.score(desk))
    return dict(zip(NAMES, rows.features[trader].tolist(), strict=True))


def scale_today(desk, trader: int = 0) -> float:
    return float(this_morning(observe(desk, NO_TRADES), champion.score(desk)).scale_cents[trader]) / 100


def test_there_are_at_most_sixteen_features_with_different_names():
    assert len(set(NAMES)) == len(NAMES) <= 16


def test_every_feature_reads_as_a_phrase():
    assert all(feature.words(0.5).strip() for feature in FEATURES)


# --- one feature at a time ------------------------------------------------------------------
def test_dollars_are_divided_by_the_shrunk_scale():
    desk = desk_history(trader_history([400, -300, 200, -100] * 10))
    assert today(desk)["last_result"] == pytest.approx(-100 / scale_today(desk))
    assert today(desk)["last_5_results"] == pytest.approx((-100 + 400 - 300 + 200 - 100) / scale_today(desk))


def test_the_scale_is_shrunk_towards_the_pool_of_the_desk():
    quiet, wild = [100, -100] * 15, [1_000, -1_000] * 15
    desk = desk_history(trader_history(quiet, trader_id="a"), trader_history(wild, trader_id="b"))
    own = np.subtract(*np.percentile(quiet, [75, 25])) / 1.349
    pool = np.subtract(*np.percentile(quiet + wild, [75, 25])) / 1.349
    assert scale_today(desk) == pytest.approx((30 * own + 20 * pool) / 50)


def test_a_trader_without_history_has_the_scale_of_the_pool():
    wild = [1_000, -1_000] * 15
    desk = desk_history(trader_history([], trader_id="new"), trader_history(wild, trader_id="old"))
    assert scale_today(desk) == pytest.approx(2_000 / 1.349)


def test_streak_and_drawdown_are_those_of_the_rules():
    desk = desk_history(trader_history([1_000] * 20 + [-2_000] * 5))
    assert today(desk)["loss_streak"] == 5
    assert today(desk)["drawdown_20"] == pytest.approx(10_000 / (20 * 5_000 + 15_000))


def test_the_downside_ratio_compares_five_days_with_the_sixty_before():
    desk = desk_history(trader_history([-100] * 60 + [-300] * 5))
    assert today(desk)["downside_ratio"] == pytest.approx(3)


def test_losing_days_and_large_losses_are_counted():
    desk = desk_history(trader_history([500] * 15 + [-100, -2_000, -3_000, 500, 500]))
    assert today(desk)["losing_share_20"] == pytest.approx(3 / 20)
    assert today(desk)["large_loss_5"] == 2


def test_activity_is_measured_against_the_trailing_median():
    trades, volume = [10] * 20 + [43], [100_000] * 20 + [300_000]
    desk = desk_history(trader_history([100, -100, 50] * 7, trades=trades, volume_usd=volume))
    assert today(desk)["trades"] == pytest.approx(np.log(44 / 11))
    assert today(desk)["volume"] == pytest.approx(np.log(3), abs=1e-4)


def tilting_paths(days: int, after_losing: int) -> TradePaths:
    """Trades that lose and win in turn; what follows a loss has another size."""
    one_day = [-100, 100] * 6
    paths = trade_paths([(0, TODAY - days + i, one_day) for i in range(days)])
    losing_before = np.roll(paths.net_cents, 1) < 0
    return dataclasses.replace(paths, notional_cents=np.where(losing_before, after_losing, 1) * 10_000)


def test_tilt_is_size_after_losing_against_size_after_winning_trades():
    desk = desk_history(trader_history([0] * 20))
    assert today(desk, tilting_paths(20, after_losing=3))["tilt"] == pytest.approx(np.log(3))


def test_no_tilt_is_claimed_from_a_handful_of_trades():
    desk = desk_history(trader_history([0] * 20))
    assert today(desk, tilting_paths(1, after_losing=3))["tilt"] == 0


def test_tilt_does_not_look_across_the_night():
    desk = desk_history(trader_history([0] * 20))
    one_trade_a_day = trade_paths([(0, TODAY - 20 + i, [100 if i % 2 else -100]) for i in range(20)])
    assert today(desk, one_trade_a_day)["tilt"] == 0


def test_idle_sessions_are_those_since_the_last_active_day():
    desk = desk_history(trader_history([100] * 5, last_active_ago=4))
    assert today(desk)["idle_sessions"] == pytest.approx(np.log1p(3))


def test_after_a_long_gap_volatility_starts_again_from_the_scale():
    wild = [100, -100] * 20 + [-4_000] * 5
    fresh = desk_history(trader_history(wild, last_active_ago=1))
    stale = desk_history(trader_history(wild, last_active_ago=30))
    rows = this_morning(observe(stale, NO_TRADES), champion.score(stale))
    assert rows.volatility_cents[0] == pytest.approx(rows.scale_cents[0])
    assert today(fresh)["volatility_level"] > today(stale)["volatility_level"]


def test_the_desk_features_describe_the_last_session_with_results():
    desk = desk_history(
        trader_history([100, -100] * 10 + [-500], trader_id="a"),
        trader_history([100, -100] * 10 + [500], trader_id="b"),
        trader_history([100, -100] * 10, trader_id="idle", last_active_ago=2),
    )
    seen = today(desk, trader=2)
    assert seen["desk_losers"] == pytest.approx(1 / 2)
    assert seen["desk_result"] == pytest.approx(0, abs=1e-12)
    assert seen["desk_spread"] > 0


def test_the_rules_feature_is_what_their_signals_ask_for():
    desk = desk_history(trader_history([100] * 30 + [-100] * 3))
    assert today(desk)["rules_cut"] == pytest.approx(champion.score(desk)[0].raw_reduction / 100)


def test_volatility_level_is_one_median_on_a_steady_trader():
    desk = desk_history(trader_history([1_000, -1_000] * 100))
    assert today(desk)["volatility_level"] == pytest.approx(0, abs=0.05)


# --- whole panels ---------------------------------------------------------------------------
def test_features_of_a_day_do_not_change_with_that_day_or_later_ones():
    desk, paths = simulated_desk(4, 120)
    cut = TODAY - 40
    changed = observe(*with_changed_results(desk, paths, cut))
    original = observe(desk, paths)
    before = original.day <= cut
    assert before.sum() > 200
    np.testing.assert_array_equal(original.features[before], changed.features[before])
    np.testing.assert_array_equal(original.scale_cents[before], changed.scale_cents[before])
    np.testing.assert_array_equal(original.volatility_cents[before], changed.volatility_cents[before])


def test_the_row_of_a_past_day_is_what_that_morning_saw():
    desk, paths = simulated_desk(4, 120)
    position = TODAY - 25
    then = observe(*truncated(desk, paths, position))
    whole = observe(desk, paths)
    for trader in np.unique(whole.trader[whole.day == position]):
        past = (whole.trader == trader) & (whole.day == position)
        morning = (then.trader == trader) & then.today
        np.testing.assert_allclose(whole.features[past], then.features[morning], atol=1e-12)
        np.testing.assert_allclose(whole.scale_cents[past], then.scale_cents[morning])
        np.testing.assert_array_equal(whole.desk_size[past], then.desk_size[morning])


def test_the_order_of_traders_does_not_matter():
    desk, paths = simulated_desk(4, 100)
    straight, turned = observe(desk, paths), observe(*reversed_desk(desk, paths))
    for trader in range(4):
        np.testing.assert_allclose(
            straight.features[straight.trader == trader],
            turned.features[turned.trader == 3 - trader],
            atol=1e-12,
        )


def test_features_are_finite_and_cut_off_whatever_happens():
    desk = desk_history(
        trader_history([0] * 80, trader_id="nothing"),
        trader_history([1e7, -1e7] * 40, trader_id="absurd"),
        trader_history([], trader_id="new"),
        trader_history([100], trader_id="first", trades=[0], volume_usd=[0]),
    )
    seen = observe(desk, NO_TRADES)
    assert np.isfinite(seen.features).all()
    assert np.abs(seen.features).max() <= config.FEATURE_CLIP
    assert (seen.scale_cents > 0).all()


def test_the_panel_has_a_row_for_every_active_day_with_the_rules_of_that_morning():
    desk, paths = simulated_desk(3, 80)
    walk = champion.walk(desk)
    rows = panel(observe(desk, paths), walk)
    assert len(rows) == sum(len(history) for history in desk.traders)
    second = rows.mornings.trader == 1
    np.testing.assert_array_equal(rows.mornings.rules_reduction[second], walk["3901"].reduction)
    np.testing.assert_array_equal(rows.mornings.day[second], desk.traders[1].day)


def test_only_scored_traders_have_a_row_this_morning():
    desk, paths = simulated_desk(3, 80)
    desk = dataclasses.replace(desk, absent=frozenset({"3901"}))
    rows = this_morning(observe(desk, paths), champion.score(desk))
    assert rows.trader.tolist() == [0, 2]


def test_an_empty_desk_has_no_rows():
    seen = observe(desk_history(), NO_TRADES)
    assert seen.features.shape == (0, len(FEATURES) - 1)
