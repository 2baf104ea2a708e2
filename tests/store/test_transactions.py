"""Trades are never overwritten, and every cut-off can be read again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time, timedelta

import pytest
import sqlalchemy as sa

from riskops.errors import DuplicateLoadError, InputError, StoreError
from riskops.records import Origin
from riskops.sessions import desk_time
from riskops.store.tables import daily_results
from riskops.store.transactions import FileLoad, LoadRecord, RejectedRow
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import BASE_CENTS, NIGHT, account_of, trade

TRADER = "3942"
ACCOUNT = account_of(TRADER)
MORNING = desk_time(SESSION, time(6, 5))
LATER = MORNING + timedelta(hours=3)
FIRST = trade(TRADER, NIGHT, -200, trade_id="1")


@pytest.fixture
def desk(folder):
    from riskops.pipeline.enrol import enrol

    with opened(folder) as made:
        enrol(made, TRADER, "Daniel Mercer", ACCOUNT, BASE_CENTS, CALENDAR.shift(SESSION, -30))
        yield made


def add(desk, *trades, covered=(), load=None, rejected=()):
    return desk.store.transactions.add(trades, covered, "test", load, rejected)


def results(desk, cut_off=MORNING):
    """Return the daily results in USD, by session, as known at a cut-off."""
    (history,) = desk.store.history.desk(SESSION, cut_off).traders
    days = [CALENDAR.session_at(position) for position in history.day]
    return dict(zip(days, history.net_cents / 100, strict=True))


def versions(desk):
    query = sa.select(daily_results.c.known_at, daily_results.c.net_cents).order_by(daily_results.c.known_at)
    with desk.store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


class TestDailyResults:
    def test_a_day_is_the_sum_of_its_trades(self, desk):
        add(desk, FIRST, replace(FIRST, trade_id="2", gross_cents=5_000, fees_cents=100, net_cents=4_900))
        assert results(desk) == {NIGHT: -151.0}

    def test_a_late_trade_makes_a_new_version_and_the_old_cut_off_reads_the_old_one(self, desk):
        add(desk, FIRST)
        add(desk, trade(TRADER, NIGHT, -900, known_at=LATER))
        assert results(desk, MORNING) == {NIGHT: -200.0}
        assert results(desk, LATER) == {NIGHT: -1_100.0}

    def test_history_that_arrives_out_of_order_enters_the_later_versions_too(self, desk):
        add(desk, trade(TRADER, NIGHT, -900, known_at=LATER))
        add(desk, FIRST)
        assert versions(desk) == [(FIRST.known_at, -20_000), (LATER, -110_000)]
        assert results(desk, LATER) == {NIGHT: -1_100.0}

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
    def test_the_order_of_arrival_does_not_matter(self, order, desk):
        moments = (MORNING, LATER, LATER + timedelta(hours=1))
        trades = [trade(TRADER, NIGHT, -100 * 3**i, moments[i], str(i)) for i in range(3)]
        for i in order:
            add(desk, trades[i])
        assert [cents for _moment, cents in versions(desk)] == [-10_000, -40_000, -130_000]

    def test_a_session_is_not_part_of_its_own_history(self, desk):
        add(desk, trade(TRADER, SESSION, -900, known_at=MORNING), FIRST)
        assert list(results(desk)) == [NIGHT]

    def test_the_trades_behind_the_results_are_those_known_at_the_cut_off(self, desk):
        add(desk, FIRST, trade(TRADER, NIGHT, -900, known_at=LATER))
        for cut_off, cents in ((MORNING, [-20_000]), (LATER, [-20_000, -90_000])):
            history = desk.store.history.desk(SESSION, cut_off)
            assert sorted(desk.store.history.paths(history, cut_off).net_cents, reverse=True) == cents


class TestTrades:
    def test_a_trade_that_is_there_is_not_counted_again(self, desk):
        assert add(desk, FIRST) == 1
        assert add(desk, FIRST, trade(TRADER, NIGHT, 50, trade_id="2")) == 1
        assert desk.store.transactions.count() == 2

    def test_a_trade_that_arrives_twice_at_once_is_one(self, desk):
        assert add(desk, FIRST, FIRST) == 1
        assert results(desk) == {NIGHT: -200.0}

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_trade_with_another_content_is_refused_and_nothing_is_loaded(self, at_once, desk):
        changed = replace(FIRST, gross_cents=100, net_cents=100)
        other = trade(TRADER, NIGHT, 50, trade_id="2")
        before = 0 if at_once else add(desk, FIRST)
        with pytest.raises(InputError, match=rf"Trade 1 of account {ACCOUNT}.*net -\$200.*net \$1"):
            add(desk, other, *([FIRST] if at_once else []), changed, covered=[(ACCOUNT, NIGHT, MORNING)])
        assert desk.store.transactions.count() == before
        assert desk.store.transactions.covered_through() == {}

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_trade_with_another_result_can_be_set_aside_and_the_others_are_written(self, at_once, desk):
        changed = replace(FIRST, gross_cents=100, net_cents=100, origin=Origin("late.csv", 7))
        other = trade(TRADER, NIGHT, 50, trade_id="2")
        if not at_once:
            add(desk, FIRST)
        aside = []
        arriving = [*([FIRST] if at_once else []), changed, other]
        desk.store.transactions.add(arriving, [], "test", decide=aside.append)
        assert results(desk) == {NIGHT: -150.0}
        [contradiction] = aside
        assert str(contradiction) == (
            f"late.csv:7: Trade 1 of account {ACCOUNT} is known with net -$200 and gross -$200 on {NIGHT}, "
            f"here with net $1 and gross $1 on {NIGHT}. "
            "Write it as known, or give another trade an id of its own; "
            "`riskops load --correct` takes it as a correction."
        )

    def test_the_same_trade_from_another_file_is_no_contradiction(self, desk):
        add(desk, replace(FIRST, origin=Origin("one.csv", 2)))
        assert add(desk, replace(FIRST, origin=Origin("two.csv", 9))) == 0

    def test_runs_that_bring_the_same_trades_at_once_count_them_once(self, desk):
        night = [trade(TRADER, NIGHT, -100, trade_id=str(i)) for i in range(20)]
        with ThreadPoolExecutor(4) as pool:
            counted = list(pool.map(lambda _run: add(desk, *night), range(4)))
        assert sorted(counted) == [0, 0, 0, 20]
        assert results(desk) == {NIGHT: -2_000.0}

    def test_runs_that_bring_different_trades_of_a_day_at_once_make_one_result(self, desk):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda run: add(desk, replace(FIRST, trade_id=str(run))), range(8)))
        assert results(desk) == {NIGHT: -1_600.0}

    def test_the_same_id_in_another_account_is_another_trade(self, desk):
        assert add(desk, FIRST, replace(FIRST, account_id="another")) == 2


class TestLoads:
    LOAD = FileLoad("d" * 64, "closed_trades", "history.csv", MORNING)

    def test_the_same_file_is_refused_under_another_name_and_changes_nothing(self, desk):
        add(desk, FIRST, load=self.LOAD)
        again = replace(self.LOAD, file_name="copy.csv")
        with pytest.raises(DuplicateLoadError, match=r"copy\.csv was loaded before, as history\.csv"):
            add(desk, trade(TRADER, NIGHT, 50, trade_id="2"), load=again)
        assert desk.store.transactions.count() == 1
        assert desk.store.transactions.is_loaded(self.LOAD.digest) == self.LOAD

    def test_rows_set_aside_are_kept_with_their_problem(self, desk):
        rejected = (RejectedRow(3, "A,b,c", "no number"), RejectedRow(7, "", "empty"))
        add(desk, FIRST, load=self.LOAD, rejected=rejected)
        assert desk.store.transactions.rejected(self.LOAD.digest) == rejected

    def test_loads_are_listed_the_newest_first_with_what_they_brought(self, desk):
        later = replace(self.LOAD, digest="a" * 64, known_at=LATER)
        add(desk, FIRST, load=self.LOAD, rejected=[RejectedRow(3, "A,b,c", "no number")])
        add(desk, load=later)
        assert desk.store.transactions.loads() == (LoadRecord(later, 0, 0), LoadRecord(self.LOAD, 1, 1))


class TestALoadThatAMorningOvertakes:
    """Its rows would count as known at a cut-off that was fixed without them."""

    def test_a_cut_off_fixed_since_it_began_refuses_it_whole(self, desk):
        desk.store.mornings.record_cut_off(SESSION, 0, MORNING + timedelta(minutes=1))
        with pytest.raises(StoreError, match=r"fixed its cut-off while history\.csv came in"):
            add(desk, FIRST, load=TestLoads.LOAD)
        assert desk.store.transactions.count() == 0

    def test_so_does_one_that_is_fixed_while_its_rows_come_in(self, postgresql_folder):
        with opened(postgresql_folder) as desk:

            def arriving():
                yield FIRST
                desk.store.mornings.record_cut_off(SESSION, 0, MORNING)

            with pytest.raises(StoreError, match="load it again") as caught:
                desk.store.transactions.add(arriving(), [], "test", TestLoads.LOAD)
            assert caught.value.retryable
            assert desk.store.transactions.count() == 0

    def test_one_that_was_fixed_before_does_not(self, desk):
        desk.store.mornings.record_cut_off(SESSION, 0, MORNING - timedelta(minutes=1))
        assert add(desk, FIRST, load=TestLoads.LOAD) == 1


class TestCoverage:
    def test_the_first_confirmation_of_a_session_stands(self, desk):
        before = CALENDAR.previous(NIGHT)
        add(desk, covered=[(ACCOUNT, before, MORNING), (ACCOUNT, NIGHT, MORNING)])
        add(desk, covered=[(ACCOUNT, NIGHT, LATER)])
        assert desk.store.transactions.covered_sessions(ACCOUNT, before, NIGHT) == {before, NIGHT}
        assert desk.store.transactions.covered_through() == {ACCOUNT: NIGHT}

    def test_a_covered_session_without_trades_is_an_idle_day_not_a_zero(self, desk):
        add(desk, covered=[(ACCOUNT, NIGHT, MORNING)])
        assert results(desk) == {}
