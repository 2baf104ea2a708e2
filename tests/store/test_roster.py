"""Who trades, by effective dates: an account has one owner a day, and only active traders get limits."""

from __future__ import annotations

from datetime import date, time

import pytest

from riskops.errors import InputError
from riskops.pipeline.enrol import enrol
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader
from riskops.sessions import desk_time
from riskops.store.roster import NEWEST
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, opened
from tests.small_desks import BASE_CENTS, NIGHT, account_of, trade

SINCE = CALENDAR.shift(SESSION, -10)
MOVED = CALENDAR.shift(SESSION, -3)
CUT_OFF = desk_time(SESSION, time(6, 30))
ACCOUNT = account_of("3942")


@pytest.fixture
def desk(folder):
    with opened(folder) as made:
        enrol(made, "3942", "Daniel Mercer", ACCOUNT, BASE_CENTS, SINCE)
        yield made


def results(desk):
    """Return the sessions with a result of every trader."""
    history = desk.store.history.desk(SESSION, CUT_OFF)
    return {t.trader_id: [CALENDAR.session_at(day) for day in t.day] for t in history.traders}


def trade_on(desk, *sessions):
    trades = [trade("3942", session, -100, trade_id=str(session)) for session in sessions]
    desk.store.transactions.add(trades, [], "test")


class TestAccounts:
    def test_an_account_that_moves_leaves_its_past_with_its_former_trader(self, desk):
        trade_on(desk, SINCE, NIGHT)
        enrol(desk, "3951", "Owen Gallagher", ACCOUNT, BASE_CENTS, MOVED)
        assert results(desk) == {"3942": [SINCE], "3951": [NIGHT]}

    def test_an_account_has_one_owner_on_every_day(self, desk):
        enrol(desk, "3951", "", ACCOUNT, BASE_CENTS, MOVED)
        owners = {
            day: [a.trader_id for a in desk.store.roster.accounts(NEWEST, day)]
            for day in (SINCE, MOVED, SESSION)
        }
        assert owners == {SINCE: ["3942"], MOVED: ["3951"], SESSION: ["3951"]}

    def test_enrolling_a_trader_again_from_a_later_date_counts_no_result_twice(self, desk):
        trade_on(desk, SINCE, NIGHT)
        enrol(desk, "3942", "Daniel Mercer", ACCOUNT, 2 * BASE_CENTS, MOVED)
        (history,) = desk.store.history.desk(SESSION, CUT_OFF).traders
        assert list(history.net_cents) == [-10_000, -10_000]
        assert list(history.base_cents) == [BASE_CENTS, 2 * BASE_CENTS]

    def test_an_earlier_period_enrolled_afterwards_ends_where_the_known_one_begins(self, desk):
        enrol(desk, "3951", "", ACCOUNT, BASE_CENTS, date(2025, 1, 2))
        assert [a.effective_to for a in desk.store.roster.accounts(NEWEST)] == [SINCE, None]

    def test_saying_the_same_again_changes_nothing(self, desk):
        enrol(desk, "3951", "", ACCOUNT, BASE_CENTS, MOVED)
        before = content_of(desk)
        enrol(desk, "3942", "Daniel Mercer", ACCOUNT, BASE_CENTS, SINCE)
        enrol(desk, "3951", "", ACCOUNT, BASE_CENTS, MOVED)
        assert content_of(desk) == before

    def test_an_account_of_two_traders_at_once_is_refused_whole(self, desk):
        before = content_of(desk)
        with pytest.raises(InputError, match=f"Account {ACCOUNT} belongs to 3942 .* and to 3951"):
            desk.store.roster.enrol(
                [Trader("3951", "Owen Gallagher")], [Account(ACCOUNT, "3951", MOVED)], [], []
            )
        assert content_of(desk) == before

    @pytest.mark.parametrize("word", ["", "  ", "39\n42", "39\u200b42", "3" * 65])
    def test_an_identifier_no_file_could_name_is_refused(self, word, desk):
        with pytest.raises(InputError, match="identifier"):
            enrol(desk, "3951", "", word, BASE_CENTS, SINCE)

    def test_a_base_limit_of_nothing_is_refused(self, desk):
        with pytest.raises(InputError, match="above"):
            enrol(desk, "3951", "", "A3951", 0, SINCE)


class TestStates:
    def entry(self, desk, state, since=MOVED):
        desk.store.roster.enrol([], [], [], [RosterEntry("3942", since, state)])

    def active(self, desk, on=SESSION):
        return [trader.trader_id for trader in desk.store.roster.active(on, NEWEST)]

    @pytest.mark.parametrize("state", [RosterState.LEFT, RosterState.SUSPENDED])
    def test_who_left_or_is_suspended_gets_no_limit_from_that_day_on(self, state, desk):
        self.entry(desk, state)
        assert self.active(desk) == []
        assert self.active(desk, CALENDAR.previous(MOVED)) == ["3942"]

    @pytest.mark.parametrize("state", [RosterState.LEFT, RosterState.SUSPENDED])
    def test_the_results_of_who_left_still_inform(self, state, desk):
        trade_on(desk, SINCE)
        self.entry(desk, state)
        history = desk.store.history.desk(SESSION, CUT_OFF)
        assert history.absent == {"3942"}
        assert results(desk) == {"3942": [SINCE]}

    def test_who_comes_back_gets_a_limit_again(self, desk):
        self.entry(desk, RosterState.SUSPENDED)
        self.entry(desk, RosterState.ACTIVE, SESSION)
        assert self.active(desk) == ["3942"]
        assert self.active(desk, NIGHT) == []

    def test_nobody_is_active_before_the_first_entry(self, desk):
        assert self.active(desk, CALENDAR.previous(SINCE)) == []


class TestBaseLimits:
    def test_each_day_has_the_base_limit_in_force_on_it(self, desk):
        desk.store.roster.enrol([], [], [BaseLimit("3942", MOVED, 300_000)], [])
        trade_on(desk, SINCE, CALENDAR.previous(MOVED), MOVED, NIGHT)
        (history,) = desk.store.history.desk(SESSION, CUT_OFF).traders
        assert list(history.base_cents) == [500_000, 500_000, 300_000, 300_000]
        assert desk.store.history.base_limits_on(SESSION, CUT_OFF) == {"3942": 300_000}

    def test_a_change_on_a_weekend_holds_from_the_next_session_on(self, desk):
        saturday = date(2026, 3, 14)
        desk.store.roster.enrol([], [], [BaseLimit("3942", saturday, 300_000)], [])
        assert desk.store.history.base_limits_on(NIGHT, CUT_OFF) == {"3942": 500_000}
        assert desk.store.history.base_limits_on(SESSION, CUT_OFF) == {"3942": 300_000}

    def test_a_trader_without_a_base_limit_has_the_default(self, desk):
        states = [RosterEntry("3999", SINCE, RosterState.ACTIVE)]
        desk.store.roster.enrol([Trader("3999", "Ida Holm")], [], [], states)
        assert desk.store.history.base_limits_on(SESSION, CUT_OFF)["3999"] == BASE_CENTS
