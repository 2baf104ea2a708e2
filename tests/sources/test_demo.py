from collections import Counter, defaultdict
from datetime import date, datetime, time
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.config import DEFAULT_BASE_LIMIT_CENTS
from riskops.errors import SessionError
from riskops.records import Account, RosterState, Side
from riskops.sessions import DESK_ZONE
from riskops.sources.demo import FIRST_SESSION, PINNED_SESSION, STRONG_TILT, DemoDesk
from riskops.sources.source import Source
from tests.builders import CALENDAR

SHORT = CALENDAR.between(FIRST_SESSION, CALENDAR.shift(FIRST_SESSION, 49))
HALF_DAY = date(2023, 11, 24)


def fetched(desk, sessions, accounts=None):
    return list(desk.fetch(accounts or desk.accounts(), sessions, CALENDAR.history_known_at))


def trades_of(desk, sessions):
    return tuple(trade for answer in fetched(desk, sessions) for trade in answer.trades)


def trader_days(trades):
    """Group trades by (account, session), in the order they were delivered."""
    days = defaultdict(list)
    for trade in trades:
        days[trade.account_id, trade.session].append(trade)
    return days


def results(desk):
    """Return net results in base limits (NaN: idle) and trade counts, one row a session."""
    base = {f"A{limit.trader_id}": limit.base_limit_cents for limit in desk.base_limits()}
    row = {session: number for number, session in enumerate(desk.sessions())}
    column = {account: number for number, account in enumerate(base)}
    net, count = np.full((len(row), len(base)), np.nan), np.zeros((len(row), len(base)))
    for (account, session), day in trader_days(trades_of(desk, desk.sessions())).items():
        net[row[session], column[account]] = sum(trade.net_cents for trade in day) / base[account]
        count[row[session], column[account]] = len(day)
    return net, count


@pytest.fixture(scope="module")
def desk() -> DemoDesk:
    return DemoDesk(CALENDAR)


@pytest.fixture(scope="module")
def trades(desk):
    return trades_of(desk, SHORT)


@pytest.fixture(scope="module")
def whole(desk):
    return results(desk)


@pytest.fixture(scope="module")
def whole_with_tilt():
    return results(DemoDesk(CALENDAR, tilt=STRONG_TILT))


# --- the roster -----------------------------------------------------------------------------


def test_the_desk_has_fifteen_traders_with_one_account_each(desk):
    ids = [str(number) for number in range(3937, 3952)]
    assert [trader.trader_id for trader in desk.traders()] == ids
    assert [account.account_id for account in desk.accounts()] == [f"A{i}" for i in ids]
    assert [account.trader_id for account in desk.accounts()] == ids
    assert len({trader.name for trader in desk.traders()}) == 15


def test_everybody_is_active_from_the_first_session_on(desk):
    assert {entry.state for entry in desk.roster()} == {RosterState.ACTIVE}
    assert {entry.effective_from for entry in desk.roster()} == {desk.first_session}
    assert len(desk.roster()) == 15


def test_the_pinned_morning_looks_back_on_750_sessions(desk):
    assert len(desk.sessions()) == 750
    assert desk.sessions()[-1] == CALENDAR.previous(PINNED_SESSION) == date(2026, 10, 29)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_base_limits_are_steps_of_500_dollars_and_several_are_the_default(seed):
    limits = [limit.base_limit_cents for limit in DemoDesk(CALENDAR, seed=seed).base_limits()]
    assert all(limit >= 50_000 and limit % 50_000 == 0 for limit in limits)
    assert limits.count(DEFAULT_BASE_LIMIT_CENTS) >= 3
    assert len(set(limits)) >= 4


def test_base_limits_do_not_change_when_the_desk_trades():
    desk = DemoDesk(CALENDAR)
    before = desk.base_limits()
    fetched(desk, SHORT)
    assert desk.base_limits() == before


# --- one generator, however it is asked -----------------------------------------------------


def test_two_desks_of_one_seed_trade_alike(trades):
    assert trades_of(DemoDesk(CALENDAR), SHORT) == trades


def test_another_seed_is_another_desk(trades):
    other = trades_of(DemoDesk(CALENDAR, seed=99), SHORT)
    assert other[0].net_cents != trades[0].net_cents
    assert len(other) != len(trades)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from(SHORT), min_size=1, max_size=4))
def test_sessions_asked_for_in_any_order_have_the_trades_of_the_whole(asked):
    desk, whole = DemoDesk(CALENDAR), trader_days(trades_of(DemoDesk(CALENDAR), SHORT))
    for session in asked:
        alone = trader_days(trades_of(desk, [session]))
        assert alone == {key: day for key, day in whole.items() if key[1] == session}


def test_one_account_alone_has_the_trades_it_has_among_all(desk, trades):
    one = desk.accounts()[5]
    answers = fetched(desk, SHORT, [one])
    own = tuple(trade for trade in trades if trade.account_id == one.account_id)
    assert tuple(trade for answer in answers for trade in answer.trades) == own


def test_the_desk_goes_on_trading_after_the_pinned_session(desk):
    after = CALENDAR.shift(PINNED_SESSION, 3)
    (answer,) = fetched(desk, [after])
    assert len({trade.account_id for trade in answer.trades}) >= 5
    assert {trade.session for trade in answer.trades} == {after}


# --- what a source promises -----------------------------------------------------------------


def test_the_demo_desk_is_a_source(desk):
    source: Source = desk
    assert source.name == "demo"


def test_answers_come_one_a_session_in_ascending_order(desk):
    answers = fetched(desk, [SHORT[3], SHORT[1], SHORT[3], SHORT[2]])
    assert [answer.covered[0][1] for answer in answers] == SHORT[1:4]


def test_idle_accounts_are_covered_too(desk):
    answers = fetched(desk, SHORT)
    every = {account.account_id for account in desk.accounts()}
    assert all({account for account, _ in answer.covered} == every for answer in answers)
    assert any({trade.account_id for trade in answer.trades} < every for answer in answers)
    assert not any(answer.failures for answer in answers)


def test_trades_are_known_when_the_caller_says_so(desk):
    known = datetime(2023, 11, 3, 6, 40, tzinfo=DESK_ZONE)
    (answer,) = desk.fetch(desk.accounts(), SHORT[:1], lambda _: known)
    assert {trade.known_at for trade in answer.trades} == {known}


def test_an_unknown_account_fails_and_the_others_are_delivered(desk):
    stranger = Account("A9999", "9999", FIRST_SESSION)
    (answer,) = fetched(desk, SHORT[:1], [*desk.accounts(), stranger])
    assert list(answer.failures) == ["A9999"]
    assert len(answer.covered) == 15
    assert answer.trades


def test_sessions_before_the_first_are_failures_not_quiet_days(desk):
    (answer,) = fetched(desk, [CALENDAR.previous(FIRST_SESSION)])
    assert len(answer.failures) == 15
    assert answer.covered == ()
    assert answer.trades == ()


def test_a_date_without_a_session_is_refused(desk):
    with pytest.raises(SessionError, match="2023-11-23"):
        fetched(desk, [date(2023, 11, 23)])


# --- trades ---------------------------------------------------------------------------------


def test_money_is_exact_to_the_cent(trades):
    for trade in trades:
        sign = 1 if trade.side is Side.LONG else -1
        moved = (trade.exit_price - trade.entry_price) * trade.quantity * sign
        assert trade.gross_cents == moved * 100
        assert trade.net_cents == trade.gross_cents - trade.fees_cents
        assert trade.fees_cents > 0


def test_prices_and_quantities_are_plausible(trades):
    moves = [abs(trade.exit_price / trade.entry_price - 1) for trade in trades]
    assert all(5 < trade.entry_price < 1_500 for trade in trades)
    assert all(trade.quantity >= 5 for trade in trades)
    assert max(moves) < 0.25
    assert np.median([float(move) for move in moves]) < 0.01


def test_trade_ids_are_unique(trades):
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_a_trades_session_is_the_calendars_label_of_its_close(trades):
    assert all(trade.session == CALENDAR.label(trade.closed_at) for trade in trades)


def test_positions_are_opened_and_closed_in_new_york_trading_hours(trades):
    for trade in trades:
        assert time(9, 30) <= trade.opened_at.astimezone(DESK_ZONE).time() < time(16)
        assert time(9, 30) < trade.closed_at.astimezone(DESK_ZONE).time() < time(16)
        assert trade.opened_at < trade.closed_at


def test_a_half_day_ends_at_one_o_clock(trades):
    closes = [trade.closed_at for trade in trades if trade.session == HALF_DAY]
    assert len(closes) > 50
    assert max(closes).astimezone(DESK_ZONE).time() < time(13)


def test_trades_are_ordered_by_account_close_and_id(desk):
    for answer in fetched(desk, SHORT):
        keys = [(trade.account_id, trade.closed_at, trade.trade_id) for trade in answer.trades]
        assert keys == sorted(keys)


def test_both_sides_are_traded_alike(trades):
    sides = Counter(trade.side for trade in trades)
    assert sides[Side.LONG] / len(trades) == pytest.approx(0.5, abs=0.03)


def test_some_positions_are_carried_overnight_from_the_session_before(trades):
    carried = [trade for trade in trades if trade.opened_at.date() < trade.session]
    days = trader_days(trades)
    assert len(carried) >= 20
    for trade in carried:
        before = CALENDAR.previous(trade.session)
        assert trade.opened_at.date() == before
        assert (trade.account_id, before) in days


# --- stops ----------------------------------------------------------------------------------


def test_a_trader_stops_at_the_trade_that_breaches_the_base_limit(desk, trades):
    base = {f"A{limit.trader_id}": limit.base_limit_cents for limit in desk.base_limits()}
    stopped = 0
    for (account, _), day in trader_days(trades).items():
        running = list(accumulate(trade.net_cents for trade in day))
        assert all(so_far > -base[account] for so_far in running[:-1])
        stopped += running[-1] <= -base[account]
    assert stopped >= 5


def test_the_overshoot_of_a_stop_is_kept(whole):
    net, _ = whole
    breaches = net[net <= -1]
    assert breaches.min() < -1.01
    assert np.median(breaches) > -1.3


# --- distributions, with generous bands -----------------------------------------------------


def test_traders_are_active_on_most_sessions(whole):
    active = np.isfinite(whole[0]).mean(axis=0)
    assert 0.65 < active.mean() < 0.9
    assert active.min() > 0.25


def test_a_day_has_about_thirty_trades_and_more_when_volatility_is_high(whole):
    net, count = whole
    assert 20 < np.median(count[count > 0]) < 40
    wild = np.abs(net) > np.nanpercentile(np.abs(net), 75, axis=0)
    assert count[wild & (net > 0)].mean() > 1.1 * count[(count > 0) & ~wild].mean()


def test_direction_cannot_be_predicted(whole):
    net, _ = whole
    before, after = net[:-1], net[1:]
    both = np.isfinite(before) & np.isfinite(after)
    loss = (after[both] < 0).mean()
    assert 0.44 < loss < 0.56
    assert (after[both & (before < 0)] < 0).mean() == pytest.approx(loss, abs=0.03)


def test_volatility_clusters(whole):
    size = np.abs(whole[0]) / np.nanmean(np.abs(whole[0]), axis=0)
    before, after = size[:-1], size[1:]
    both = np.isfinite(before) & np.isfinite(after)
    assert np.corrcoef(np.minimum(before[both], 3), np.minimum(after[both], 3))[0, 1] > 0.05


def test_results_have_heavy_tails(whole):
    gains = whole[0] / np.nanstd(whole[0], axis=0)
    gains = gains[np.isfinite(gains)]
    assert (gains**4).mean() / (gains**2).mean() ** 2 > 3.5


def test_breaches_and_large_losses_are_rare_but_there(whole):
    net = whole[0][np.isfinite(whole[0])]
    assert 0.005 < (net <= -1).mean() < 0.08
    assert 0.06 < (net <= -0.4).mean() < 0.25


# --- the planted signal ---------------------------------------------------------------------


def predictive_power(net, count):
    """Correlate a day's trade count, against the trader's median, with the next day's result."""
    busy = count / np.array([np.median(column[column > 0]) for column in count.T])
    both = np.isfinite(net[:-1]) & np.isfinite(net[1:])
    return np.corrcoef(busy[:-1][both], np.clip(net[1:][both], -1.2, 1.2))[0, 1]


def test_planted_tilt_shows_in_what_is_known_the_day_before(whole, whole_with_tilt):
    assert abs(predictive_power(*whole)) < 0.04
    assert predictive_power(*whole_with_tilt) < -0.06


def size_after_losses(trades):
    pairs = [(b, a) for day in trader_days(trades).values() for b, a in pairwise(day)]
    value = [(before.net_cents < 0, float(after.quantity * after.entry_price)) for before, after in pairs]
    after_loss = np.mean([v for lost, v in value if lost])
    return after_loss / np.mean([v for lost, v in value if not lost])


def test_planted_tilt_enlarges_the_trade_after_a_losing_trade(trades):
    tilted = trades_of(DemoDesk(CALENDAR, tilt=STRONG_TILT), SHORT)
    assert size_after_losses(trades) == pytest.approx(1, abs=0.1)
    assert size_after_losses(tilted) > size_after_losses(trades) + 0.05


def test_a_tilt_that_turns_changes_nothing_before_and_brings_gains_afterwards():
    turns = 60
    steady, turned = (DemoDesk(CALENDAR, tilt=STRONG_TILT, tilt_turns_at=at) for at in (None, turns))
    assert steady.base_limits() == turned.base_limits()
    first = CALENDAR.position(FIRST_SESSION)
    (_, before), (_, after) = steady.history(150), turned.history(150)
    same = [day.net_cents[day.day <= first + turns - 1].tolist() for day in (before, after)]
    assert same[0] == same[1]
    later = [day.net_cents[day.day > first + turns].sum() for day in (before, after)]
    assert later[1] > later[0] + 10_000_000
