from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import time, timedelta
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from riskops import config
from riskops.sessions import desk_time
from riskops.store.database import SQL_FOLDER
from riskops.store.tables import accounts, coverage, daily_results, loads, roster, trades
from riskops.suites import COLUMNS, Slices
from tests.builders import CALENDAR, SESSION
from tests.nights import (
    CUT_OFF,
    PREVIOUS,
    SESSIONS,
    TRADERS,
    TRADES_A_DAY,
    Night,
    covered,
    daily_result,
    trade,
    trade_id,
)

LATE = CUT_OFF + timedelta(minutes=1)


@pytest.fixture
def night(folder: Path) -> Iterator[Night]:
    sound = Night(folder)
    yield sound
    sound.database.close()


def a_load(digest: str, at, rejected: int = 0) -> dict:
    row = {"digest": digest, "source": "csv", "file_name": f"{digest}.csv", "rows": 10}
    return row | {"rejected": rejected, "known_at": at}


def assert_same(one: Slices, other: Slices, but: tuple[str, ...] = ()) -> None:
    for field in fields(Slices):
        frames = (getattr(slices, field.name) for slices in (one, other))
        assert_frame_equal(*(frame.drop(columns=list(but), errors="ignore") for frame in frames))


def test_every_slice_has_the_columns_the_checks_need(night):
    slices = night.slices()
    assert set(COLUMNS) == {field.name for field in fields(Slices)}
    for name, columns in COLUMNS.items():
        assert tuple(getattr(slices, name).columns) == columns


def test_every_slice_has_one_statement_with_purpose_grain_and_parameters():
    found = {path.stem.removeprefix("quality_"): path for path in SQL_FOLDER.glob("quality_*.sql")}
    assert set(found) == set(COLUMNS)
    for path in found.values():
        text = path.read_text()
        assert all(f"-- {word}:" in text for word in ("Purpose", "Grain", "Parameters"))


def test_the_slices_of_an_empty_database_are_empty_and_typed(night):
    for table in (trades, daily_results, coverage, roster, accounts):
        night.delete(table)
    slices = night.slices()
    assert all(getattr(slices, name).empty for name in COLUMNS)
    assert slices.trades["quantity"].dtype == float
    assert isinstance(slices.trades["closed_at"].dtype, pd.DatetimeTZDtype)


def test_the_night_is_the_previous_session_with_its_traders(night):
    found = night.slices().trades
    assert set(found["session"]) == {PREVIOUS}
    assert set(zip(found["account_id"], found["trader_id"], strict=True)) == {(f"A{t}", t) for t in TRADERS}
    assert len(found) == TRADES_A_DAY * len(TRADERS)


def test_a_trade_of_an_unknown_account_is_read_without_a_trader(night):
    night.insert(trades, [trade("X-9", "stray")])
    found = night.slices().trades.set_index("trade_id")
    assert pd.isna(found.loc["stray", "trader_id"])


def test_a_trade_closed_after_the_cut_off_is_read_whatever_its_session(night):
    future = CALENDAR.shift(SESSION, 2)
    night.insert(trades, [trade("A3942", "ahead", future, known_at=CUT_OFF)])
    assert "ahead" in set(night.slices().trades["trade_id"])


def test_todays_trades_closed_before_the_cut_off_are_not_the_nights(night):
    early = desk_time(SESSION, time(5))
    row = trade("A3942", "early", SESSION, opened_at=early, closed_at=early, known_at=CUT_OFF)
    night.insert(trades, [row])
    assert "early" not in set(night.slices().trades["trade_id"])


def test_rows_known_after_the_cut_off_are_invisible_but_for_the_moment_they_arrived(night):
    night.delete(coverage, coverage.c.account_id == "A3951", coverage.c.session == PREVIOUS)
    before = night.slices()
    night.insert(coverage, [covered("A3951", PREVIOUS, LATE), covered("A3942", SESSION, LATE)])
    night.insert(trades, [trade("A3942", f"late-{s}", s, known_at=LATE) for s in SESSIONS])
    night.insert(daily_results, [daily_result(s, "A3942", [], known_at=LATE) for s in SESSIONS])
    night.insert(loads, [a_load("late", LATE, rejected=9)])
    assert_same(night.slices(), before, but=("arrived_at",))
    assert len(night.slices(LATE).trades) == len(before.trades) + 1


def test_rows_known_at_the_cut_off_itself_are_seen(night):
    night.insert(trades, [trade("A3942", "just", known_at=CUT_OFF)])
    assert "just" in set(night.slices().trades["trade_id"])


def test_an_account_says_whether_it_was_covered_and_when_it_was_last(night):
    night.delete(coverage, coverage.c.account_id == "A3948", coverage.c.session >= SESSIONS[-2])
    found = night.slices().accounts.set_index("account_id")
    assert found["is_covered"].to_dict() == {"A3942": 1, "A3948": 0, "A3951": 1}
    assert found.loc["A3948", "last_covered"] == SESSIONS[-3]
    assert found.loc["A3948", "last_active"] == PREVIOUS


def test_coverage_that_came_after_the_cut_off_tells_only_when(night):
    for session in (PREVIOUS, SESSIONS[-3]):
        night.delete(coverage, coverage.c.account_id == "A3948", coverage.c.session == session)
        night.insert(coverage, [covered("A3948", session, LATE)])
    slices = night.slices()
    found = slices.accounts.set_index("account_id")
    assert found.loc["A3948", "is_covered"] == 0
    assert found.loc["A3948", "arrived_at"] == LATE
    assert found.drop("A3948")["arrived_at"].isna().all()
    assert list(slices.coverage_gaps["arrived_at"]) == [LATE]


def test_an_account_that_never_arrived_has_no_moment_of_arrival(night):
    for session in (PREVIOUS, SESSIONS[-3]):
        night.delete(coverage, coverage.c.account_id == "A3948", coverage.c.session == session)
    slices = night.slices()
    assert slices.accounts["arrived_at"].isna().all()
    assert slices.coverage_gaps["arrived_at"].isna().all()


def test_the_roster_of_the_session_decides_who_is_looked_at(night):
    state = {"trader_id": "3948", "state": "left"}
    night.insert(roster, [state | {"effective_from": SESSION}])
    assert set(night.slices().accounts["trader_id"]) == {"3942", "3951"}


def test_an_account_opened_for_the_session_is_not_due(night):
    row = {"account_id": "B1", "trader_id": "3942", "effective_from": SESSION, "currency": "USD"}
    night.insert(accounts, [row])
    assert night.slices().accounts.set_index("account_id").loc["B1", "is_due"] == 0


def test_counts_are_of_covered_sessions_and_a_quiet_one_counts_zero(night):
    night.delete(trades, trades.c.session == SESSIONS[-3])
    counts = night.slices().session_counts.set_index("session")["trades"]
    assert list(counts.index) == SESSIONS[:-1]
    assert counts[SESSIONS[-3]] == 0
    assert counts[SESSIONS[-2]] == TRADES_A_DAY * len(TRADERS)


def test_counts_look_back_a_limited_number_of_sessions(night, monkeypatch):
    monkeypatch.setattr(config, "ROW_COUNT_SESSIONS", 7)
    slices = night.slices()
    assert list(slices.session_counts["session"]) == SESSIONS[-8:-1]
    assert slices.account_days["session"].min() == SESSIONS[-8]


def test_daily_results_are_those_known_at_the_cut_off(night):
    newer = daily_result(PREVIOUS, "A3942", [], net_cents=77, gross_cents=77, trades=1, known_at=CUT_OFF)
    newest = daily_result(PREVIOUS, "A3942", [], net_cents=99, gross_cents=99, trades=1, known_at=LATE)
    night.insert(daily_results, [newer, newest])
    found = night.slices().account_days
    of_the_night = found[(found["session"] == PREVIOUS) & (found["account_id"] == "A3942")]
    assert list(of_the_night["net_cents"]) == [77]


def test_trade_totals_are_integer_sums_of_the_last_sessions(night):
    found = night.slices().trade_totals
    assert found["session"].min() == SESSIONS[-config.RECONCILED_SESSIONS]
    assert found["net_cents"].dtype == "int64"
    assert set(found["trades"]) == {4}


def test_a_session_only_one_account_misses_is_a_gap(night):
    missing = SESSIONS[-3]
    night.delete(coverage, coverage.c.account_id == "A3951", coverage.c.session == missing)
    gaps = night.slices().coverage_gaps
    shown = gaps[["account_id", "trader_id", "session"]].to_dict("records")
    assert shown == [{"account_id": "A3951", "trader_id": "3951", "session": missing}]


@pytest.mark.parametrize("account", ["A3942", None], ids=["before its first coverage", "nobody fetched"])
def test_it_is_no_gap(night, account):
    """Sessions before an account was ever fetched, and those nobody was fetched for."""
    if account is None:
        night.delete(coverage, coverage.c.session == SESSIONS[-3])
    else:
        night.delete(coverage, coverage.c.account_id == account, coverage.c.session < SESSIONS[-2])
    assert night.slices().coverage_gaps.empty


def test_files_are_those_that_came_since_the_previous_session_began(night):
    midnight = desk_time(PREVIOUS, time())
    old = a_load("old", midnight - timedelta(seconds=1))
    night.insert(loads, [old, a_load("new", midnight, rejected=3)])
    found = night.slices().loads
    assert found.to_dict("records") == [{"file_name": "new.csv", "accepted": 10, "rejected": 3}]


def test_the_order_in_which_rows_were_written_does_not_matter(night):
    before = night.slices()
    with night.database.reading() as connection:
        rows = [dict(row) for row in connection.execute(trades.select()).mappings()]
    night.delete(trades)
    night.insert(trades, rows[::-1])
    assert trade_id("3942") in set(night.slices().trades["trade_id"])
    assert_same(night.slices(), before)
