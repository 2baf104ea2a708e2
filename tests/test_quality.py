from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pandas as pd
import pytest

from riskops import quality
from riskops.quarantine import desk_is_critical, problems, quarantined
from riskops.records import CheckResult, Severity
from riskops.sessions import desk_time
from riskops.store.tables import accounts, coverage, daily_results, loads, roster, traders, trades
from riskops.suites import Slices
from tests.builders import CALENDAR, SESSION
from tests.nights import (
    CUT_OFF,
    ENROLLED,
    PREVIOUS,
    TRADERS,
    Night,
    covered,
    trade,
    trade_id,
)

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
ROGUE = "3948"
ACCOUNT = f"A{ROGUE}"
NIGHT_TRADE = trade_id(ROGUE)


@pytest.fixture
def night(folder: Path) -> Iterator[Night]:
    sound = Night(folder)
    yield sound
    sound.database.close()


def failures(results: tuple[CheckResult, ...]) -> set[tuple[str, Severity, str | None]]:
    return {(r.check, r.severity, r.trader_id) for r in results if not r.passed}


def named(results: tuple[CheckResult, ...], check: str) -> CheckResult:
    (result,) = [r for r in results if r.check == check]
    return result


# --- a sound night ------------------------------------------------------------------------


def test_a_clean_night_passes_all_31_checks_and_holds_nobody(night):
    results = night.check()
    assert len(results) == 31
    assert failures(results) == set()
    assert not desk_is_critical(results)
    assert quarantined(results) == frozenset()


def test_every_check_has_a_name_of_its_own(night):
    names = [result.check for result in night.check()]
    assert len(names) == len(set(names))


def test_checking_prints_nothing_and_opens_no_connection(night, monkeypatch, capfd):
    def refuse(*_args: object) -> None:
        raise AssertionError("a check opened a connection")

    slices = night.slices()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    quality.check(slices, SESSION, PREVIOUS, CUT_OFF)
    assert capfd.readouterr() == ("", "")


def test_checking_twice_gives_the_same_results(night):
    night.spoil(NIGHT_TRADE, quantity=0)
    slices = night.slices()
    once, again = (quality.check(slices, SESSION, PREVIOUS, CUT_OFF) for _ in range(2))
    assert once == again


# --- injected faults ----------------------------------------------------------------------


def account_not_fetched(night: Night) -> None:
    night.delete(coverage, coverage.c.account_id == ACCOUNT, coverage.c.session == PREVIOUS)


def earlier_session_not_fetched(night: Night) -> None:
    missing = CALENDAR.shift(PREVIOUS, -2)
    night.delete(coverage, coverage.c.account_id == ACCOUNT, coverage.c.session == missing)


def trader_without_account(night: Night) -> None:
    night.insert(traders, [{"trader_id": "4001", "name": "Newcomer"}])
    night.insert(roster, [{"trader_id": "4001", "effective_from": ENROLLED, "state": "active"}])


def file_loaded_twice(night: Night) -> None:
    twins = [
        trade(ACCOUNT, f"{copy}-{n}", closed_at=desk_time(PREVIOUS, time(12, n)))
        for copy in ("first", "second")
        for n in range(8)
    ]
    night.delete(trades, trades.c.account_id == ACCOUNT, trades.c.session == PREVIOUS)
    night.insert(trades, twins)
    night.settle()


def two_twin_fills(night: Night) -> None:
    night.insert(trades, [trade(ACCOUNT, "twin-1"), trade(ACCOUNT, "twin-2")])
    night.settle()


def two_trades_loaded_twice(night: Night) -> None:
    night.delete(trades, trades.c.account_id == ACCOUNT, trades.c.session == PREVIOUS)
    night.insert(
        trades, [trade(ACCOUNT, f"{n}", symbol=s) for n, s in enumerate(["SPY", "SPY", "QQQ", "QQQ"])]
    )
    night.settle()


def one_trade_nobody_owns(night: Night) -> None:
    night.insert(trades, [trade("X-9", "stray")])


def many_trades_nobody_owns(night: Night) -> None:
    night.insert(trades, [trade("X-9", f"stray-{n}", symbol=f"S{n}") for n in range(6)])


def account_given_back_before_the_night(night: Night) -> None:
    night.update(accounts, accounts.c.account_id == ACCOUNT, effective_to=PREVIOUS)


def unknown_side(night: Night) -> None:
    night.spoil(NIGHT_TRADE, side="sideways")


def foreign_currency(night: Night) -> None:
    night.update(accounts, accounts.c.account_id == ACCOUNT, currency="EUR")


def free_entry(night: Night) -> None:
    night.spoil(NIGHT_TRADE, entry_price=0)


def negative_exit(night: Night) -> None:
    night.spoil(NIGHT_TRADE, exit_price=-1.5)


def no_quantity(night: Night) -> None:
    night.spoil(NIGHT_TRADE, quantity=0)


def closed_before_opened(night: Night) -> None:
    night.spoil(NIGHT_TRADE, opened_at=desk_time(PREVIOUS, time(10)) + timedelta(seconds=1))


def net_a_cent_off(night: Night) -> None:
    night.spoil(NIGHT_TRADE, fees_cents=201)


def closed_after_the_cut_off(night: Night) -> None:
    future = CALENDAR.shift(SESSION, 3)
    night.insert(trades, [trade(ACCOUNT, "ahead", future, known_at=CUT_OFF)])


def account_enrolled_twice(night: Night) -> None:
    row = {"account_id": ACCOUNT, "trader_id": ROGUE, "effective_from": CALENDAR.shift(PREVIOUS, -1)}
    night.insert(accounts, [row | {"currency": "USD"}])


def daily_result_off(night: Night) -> None:
    where = (daily_results.c.account_id == ACCOUNT, daily_results.c.session == CALENDAR.shift(PREVIOUS, -3))
    night.update(daily_results, *where, net_cents=daily_results.c.net_cents + 1)


def daily_result_lost(night: Night) -> None:
    night.delete(daily_results, daily_results.c.account_id == ACCOUNT, daily_results.c.session == PREVIOUS)


def trades_lost(night: Night) -> None:
    night.delete(trades, trades.c.trade_id == NIGHT_TRADE)


def result_out_of_all_proportion(night: Night) -> None:
    night.spoil(NIGHT_TRADE, gross_cents=-90_000_000, net_cents=-90_000_200)


def idle_for_once(night: Night) -> None:
    night.delete(trades, trades.c.account_id == ACCOUNT, trades.c.session == PREVIOUS)
    night.settle()


def nobody_fetched(night: Night) -> None:
    night.delete(coverage, coverage.c.session == PREVIOUS)


def nobody_enrolled(night: Night) -> None:
    night.delete(roster)


def far_too_many_trades(night: Night) -> None:
    rows = [trade(f"A{t}", f"more-{t}-{n}", symbol=f"S{n}") for t in TRADERS for n in range(20)]
    night.insert(trades, rows)
    night.settle()


def rows_of_the_file(accepted: int, rejected: int) -> Callable[[Night], None]:
    row = {"digest": "d", "source": "csv", "file_name": "night.csv", "rows": accepted}
    row |= {"rejected": rejected, "known_at": desk_time(SESSION, time(5))}
    return lambda night: night.insert(loads, [row])


@pytest.mark.parametrize(
    ("fault", "check", "severity", "trader"),
    [
        (account_not_fetched, "account_covered", CRITICAL, ROGUE),
        (earlier_session_not_fetched, "coverage_without_gaps", CRITICAL, ROGUE),
        (trader_without_account, "trader_has_account", CRITICAL, "4001"),
        (file_loaded_twice, "duplicate_load", CRITICAL, ROGUE),
        (two_trades_loaded_twice, "duplicate_load", CRITICAL, ROGUE),
        (two_twin_fills, "duplicate_load", WARNING, ROGUE),
        (one_trade_nobody_owns, "account_known", WARNING, None),
        (many_trades_nobody_owns, "account_known", CRITICAL, None),
        (unknown_side, "side_known", CRITICAL, ROGUE),
        (foreign_currency, "currency_supported", CRITICAL, ROGUE),
        (free_entry, "entry_price_positive", CRITICAL, ROGUE),
        (negative_exit, "exit_price_positive", CRITICAL, ROGUE),
        (no_quantity, "quantity_positive", CRITICAL, ROGUE),
        (closed_before_opened, "closed_after_opened", CRITICAL, ROGUE),
        (net_a_cent_off, "net_is_gross_less_fees", CRITICAL, ROGUE),
        (closed_after_the_cut_off, "closed_by_cut_off", CRITICAL, ROGUE),
        (daily_result_off, "daily_net_cents_match_trades", CRITICAL, ROGUE),
        (result_out_of_all_proportion, "result_usual", WARNING, ROGUE),
        (idle_for_once, "normally_active", WARNING, ROGUE),
        (nobody_enrolled, "roster_not_empty", CRITICAL, None),
        (far_too_many_trades, "trades_row_count", WARNING, None),
        (rows_of_the_file(100, 1), "rows_rejected", WARNING, None),
    ],
)
def test_a_fault_is_caught_by_its_check_and_concerns_nobody_else(night, fault, check, severity, trader):
    fault(night)
    results = night.check()
    found = {f for f in failures(results) if f[0] == check}
    assert found == {(check, severity, trader)}
    held = severity is CRITICAL
    assert quarantined(results) == (frozenset({trader}) if held and trader else frozenset())
    assert desk_is_critical(results) == (held and trader is None)
    assert all(result.detail for result in problems(results))


def test_no_coverage_at_all_is_critical_for_the_desk_and_for_everybody(night):
    nobody_fetched(night)
    results = night.check()
    assert ("desk_covered", CRITICAL, None) in failures(results)
    assert quarantined(results) == frozenset(TRADERS)


def test_a_covered_night_without_any_trade_is_only_a_warning(night):
    night.delete(trades, trades.c.session == PREVIOUS)
    night.settle()
    results = night.check()
    assert ("trades_row_count", WARNING, None) in failures(results)
    assert not desk_is_critical(results)
    assert quarantined(results) == frozenset()


def test_an_empty_database_is_critical(night):
    for table in (trades, daily_results, coverage, roster, accounts):
        night.delete(table)
    results = night.check()
    assert {("roster_not_empty", CRITICAL, None), ("desk_covered", CRITICAL, None)} <= failures(results)
    assert desk_is_critical(results)
    assert not any(result.raised for result in results)


def test_a_desk_too_young_to_have_a_usual_night_is_sound(night):
    first = CALENDAR.shift(PREVIOUS, -5)
    for table in (trades, daily_results, coverage):
        night.delete(table, table.c.session < first)
    assert failures(night.check()) == set()


@pytest.mark.parametrize("fault", [daily_result_lost, trades_lost])
def test_results_without_trades_and_trades_without_results_quarantine_their_trader(night, fault):
    fault(night)
    results = night.check()
    expected = {f"daily_{column}_match_trades" for column in ("net_cents", "trades")}
    assert {f for f in failures(results) if f[1] is CRITICAL} == {(c, CRITICAL, ROGUE) for c in expected}


def test_results_the_broker_states_are_not_compared_with_the_trades(night):
    where = (daily_results.c.account_id == ACCOUNT, daily_results.c.session == PREVIOUS)
    night.update(daily_results, *where, basis="broker", net_cents=123_456)
    assert quarantined(night.check()) == frozenset()


def test_overlapping_periods_of_an_account_are_a_double_trade_id(night):
    account_enrolled_twice(night)
    assert ("trade_id_unique", CRITICAL, ROGUE) in failures(night.check())


def test_an_account_whose_period_has_ended_is_unknown(night):
    account_given_back_before_the_night(night)
    result = named(night.check(), "account_known")
    assert result.unexpected_count == 4
    assert f"trade {NIGHT_TRADE} of account {ACCOUNT}" in result.detail


def test_a_bad_row_of_an_unknown_account_is_a_warning_for_nobody(night):
    night.insert(trades, [trade("X-9", "stray", quantity=0)])
    result = named(night.check(), "quantity_positive")
    assert (result.severity, result.trader_id) == (WARNING, None)


def test_many_rejected_rows_are_critical_for_the_desk(night):
    rows_of_the_file(90, 10)(night)
    results = night.check()
    assert {("rows_rejected", WARNING, None), ("rejected_share", CRITICAL, None)} == failures(results)


def test_faults_of_two_traders_are_told_apart(night):
    night.spoil(NIGHT_TRADE, quantity=0)
    night.spoil(trade_id("3951", number=1), quantity=0)
    night.spoil(trade_id("3951", number=2), quantity=0)
    failed = {r.trader_id: r for r in night.check() if r.check == "quantity_positive"}
    assert {t: r.unexpected_count for t, r in failed.items()} == {ROGUE: 1, "3951": 2}
    assert "A3942" not in "".join(r.detail for r in failed.values())


def test_a_new_account_that_was_not_in_effect_on_the_night_needs_no_coverage(night):
    row = {"account_id": "B1", "trader_id": ROGUE, "effective_from": SESSION, "currency": "USD"}
    night.insert(accounts, [row])
    assert failures(night.check()) == set()


def test_a_suspended_trader_needs_no_coverage(night):
    account_not_fetched(night)
    night.insert(roster, [{"trader_id": ROGUE, "effective_from": SESSION, "state": "suspended"}])
    assert quarantined(night.check()) == frozenset()


def test_coverage_that_came_after_the_cut_off_does_not_count(night):
    account_not_fetched(night)
    night.insert(coverage, [covered(ACCOUNT, PREVIOUS, CUT_OFF + timedelta(seconds=1))])
    assert ("account_covered", CRITICAL, ROGUE) in failures(night.check())


@pytest.mark.parametrize(
    ("arrived", "told"),
    [
        (timedelta(minutes=71), "arrived 07:41 New York, after the cut-off"),
        (timedelta(days=2), f"arrived {SESSION + timedelta(days=2)} 06:30 New York, after the cut-off"),
    ],
)
def test_a_night_that_arrives_after_the_cut_off_is_called_late_not_missing(night, arrived, told):
    for session in (PREVIOUS, CALENDAR.shift(PREVIOUS, -2)):
        night.delete(coverage, coverage.c.account_id == ACCOUNT, coverage.c.session == session)
        night.insert(coverage, [covered(ACCOUNT, session, CUT_OFF + arrived)])
    results = night.check()
    for check in ("account_covered", "coverage_without_gaps"):
        assert told in named(results, check).detail
        assert "last fetched" not in named(results, check).detail


def test_a_desk_whose_whole_night_arrives_late_is_told_when_it_came(night):
    night.update(coverage, coverage.c.session == PREVIOUS, known_at=CUT_OFF + timedelta(minutes=71))
    (result,) = [r for r in night.check() if r.check == "desk_covered"]
    assert "the first arrived 07:41 New York, after the cut-off" in result.detail


def test_an_account_that_never_arrived_is_called_so(night):
    account_not_fetched(night)
    assert "arrived" not in named(night.check(), "account_covered").detail


# --- broken slices ------------------------------------------------------------------------


def with_trades(slices: Slices, **columns: object) -> Slices:
    return replace(slices, trades=slices.trades.assign(**columns))


@pytest.mark.parametrize("column", ["net_cents", "symbol", "closed_at"])
def test_a_missing_value_is_critical_for_its_trader(night, column):
    slices = night.slices()
    values = slices.trades[column].astype(object).where(slices.trades["trade_id"] != NIGHT_TRADE, None)
    results = quality.check(with_trades(slices, **{column: values}), SESSION, PREVIOUS, CUT_OFF)
    assert (f"{column}_given", CRITICAL, ROGUE) in failures(results)


def test_a_trade_that_occurs_twice_under_one_id_is_critical_for_its_trader(night):
    slices = night.slices()
    again = slices.trades[slices.trades["trade_id"] == NIGHT_TRADE]
    doubled = replace(slices, trades=pd.concat([slices.trades, again], ignore_index=True))
    results = quality.check(doubled, SESSION, PREVIOUS, CUT_OFF)
    assert ("trade_id_unique", CRITICAL, ROGUE) in failures(results)


def test_a_check_that_raises_is_critical_for_the_desk(night):
    slices = night.slices()
    words = with_trades(slices, quantity=["a hundred"] * len(slices.trades))
    results = quality.check(words, SESSION, PREVIOUS, CUT_OFF)
    broken = named(results, "quantity_positive")
    assert broken.raised
    assert not broken.passed
    assert broken.severity is CRITICAL
    assert broken.detail
    assert desk_is_critical(results)


def test_a_warning_check_that_raises_is_critical_all_the_same(night):
    slices = night.slices()
    words = replace(slices, loads=pd.DataFrame({"file_name": ["f"], "accepted": [1], "rejected": [0]}))
    words.loads["rejected"] = pd.Series([1 + 2j])
    broken = named(quality.check(words, SESSION, PREVIOUS, CUT_OFF), "rows_rejected")
    assert (broken.raised, broken.severity) == (True, CRITICAL)


def test_a_missing_column_is_critical_and_stops_the_other_checks(night):
    slices = night.slices()
    poorer = replace(slices, trades=slices.trades.drop(columns="net_cents"))
    results = quality.check(poorer, SESSION, PREVIOUS, CUT_OFF)
    assert failures(results) == {("columns_present", CRITICAL, None)}
    assert "net_cents of trades" in results[0].detail
    assert len(results) == 1
