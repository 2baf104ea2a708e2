"""Account-days are told whole: corrections get versions, and every cut-off can be read again."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from riskops.errors import InputError
from riskops.records import Action, BrokerDay, Fill
from riskops.sessions import desk_time
from riskops.store.account_days import BROKERS_NET, BROKERS_TOTAL, FROM_FILLS, ToldDay
from riskops.store.tables import daily_results, fills, open_lots, trades
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, opened
from tests.small_desks import BASE_CENTS, NIGHT, account_of, trade

TRADER, OTHER = "3942", "3951"
ACCOUNT, OTHERS_ACCOUNT = account_of(TRADER), account_of(OTHER)
BEFORE = CALENDAR.previous(NIGHT)
EARLY = desk_time(NIGHT, time(6, 5))
MORNING = desk_time(SESSION, time(6, 5))
NOON = desk_time(SESSION, time(12))


@pytest.fixture
def desk(folder):
    from riskops.pipeline.enrol import enrol

    with opened(folder) as made:
        for trader in (TRADER, OTHER):
            enrol(
                made, trader, f"Trader {trader}", account_of(trader), BASE_CENTS, CALENDAR.shift(SESSION, -30)
            )
        yield made


class Told:
    """A source that tells days; remembers what was refused, and what contradicts."""

    def __init__(self, desk):
        self._desk = desk
        self.refused: dict[str, str] = {}
        self.contradictions: list[str] = []

    def tell(self, *days):
        covered = [(a, day.session, day.known_at) for day in days for a in sorted(day.account_ids)]
        return self._desk.store.transactions.tell(
            days,
            (row for row in covered if row[0] not in self.refused),
            "test",
            lambda found: self.contradictions.append(str(found)),
            self.refused.setdefault,
        )


@pytest.fixture
def source(desk):
    return Told(desk)


def day(*told, at=MORNING, session=NIGHT, accounts=(ACCOUNT,), broker=(), in_fills=None):
    """Return a told day; `told` are trades or fills."""
    of = [one for one in told if isinstance(one, Fill)]
    return ToldDay(
        session=session,
        previous=CALENDAR.previous(session),
        account_ids=frozenset(accounts),
        trades=tuple(one for one in told if not isinstance(one, Fill)),
        fills=tuple(of),
        broker_days=tuple(broker),
        in_fills=bool(of or broker) if in_fills is None else in_fills,
        known_at=at,
        now=at,
    )


def fill(action, quantity, price, number, session=NIGHT, at=time(10), fees="0", symbol="SPY"):
    moment = desk_time(session, at) + timedelta(seconds=number)
    amounts = (Decimal(str(quantity)), Decimal(str(price)), Decimal(fees))
    return Fill(
        ACCOUNT, f"{session:%m%d}/{number}", symbol, Action(action), *amounts, moment, session, MORNING
    )


def broker_day(net, session=NIGHT, *, fees=0, adjustments=0, unrealised=None):
    return BrokerDay(ACCOUNT, session, net + fees, fees, net, adjustments, unrealised, MORNING)


def results(desk, cut_off: datetime, trader=TRADER):
    """Return the daily results in cents by session, as known at a cut-off."""
    traders = desk.store.history.desk(SESSION, cut_off).traders
    history = next(t for t in traders if t.trader_id == trader)
    return {CALENDAR.session_at(p): int(c) for p, c in zip(history.day, history.net_cents, strict=True)}


def rows(desk, table, *columns):
    query = sa.select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
    with desk.store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


class TestClosedTrades:
    FIRST = trade(TRADER, NIGHT, -200, trade_id="1")
    SECOND = trade(TRADER, NIGHT, 50, trade_id="2")

    def test_a_corrected_trade_gets_a_version_and_the_old_cut_off_reads_the_old_one(self, desk, source):
        source.tell(day(self.FIRST, self.SECOND))
        source.tell(day(trade(TRADER, NIGHT, -900, trade_id="1"), self.SECOND, at=NOON))
        assert results(desk, MORNING) == {NIGHT: -15_000}
        assert results(desk, NOON - timedelta(seconds=1)) == {NIGHT: -15_000}
        assert results(desk, NOON) == {NIGHT: -85_000}

    def test_nothing_is_overwritten(self, desk, source):
        source.tell(day(self.FIRST))
        source.tell(day(trade(TRADER, NIGHT, -900, trade_id="1"), at=NOON))
        versions = rows(desk, trades, "net_cents", "known_at", "superseded_at")
        assert versions == [(-20_000, MORNING, NOON), (-90_000, NOON, None)]
        assert desk.store.transactions.count() == 1

    def test_what_is_not_told_again_was_withdrawn(self, desk, source):
        source.tell(day(self.FIRST, self.SECOND))
        source.tell(day(self.SECOND, at=NOON))
        assert results(desk, MORNING) == {NIGHT: -15_000}
        assert results(desk, NOON) == {NIGHT: 5_000}

    def test_a_day_whose_every_trade_was_withdrawn_is_idle(self, desk, source):
        source.tell(day(self.FIRST, trade(OTHER, NIGHT, 10), accounts=(ACCOUNT, OTHERS_ACCOUNT)))
        source.tell(day(trade(OTHER, NIGHT, 10), at=NOON, accounts=(ACCOUNT, OTHERS_ACCOUNT)))
        assert results(desk, NOON) == {}
        assert results(desk, NOON, OTHER) == {NIGHT: 1_000}

    def test_what_was_withdrawn_may_come_back(self, desk, source):
        evening = NOON + timedelta(hours=6)
        source.tell(day(self.FIRST))
        source.tell(day(at=NOON))
        source.tell(day(self.FIRST, at=evening))
        assert results(desk, NOON) == {}
        assert results(desk, evening) == {NIGHT: -20_000}

    def test_a_correction_in_the_same_moment_is_known_later_than_what_it_corrects(self, desk, source):
        source.tell(day(self.FIRST))
        source.tell(day(trade(TRADER, NIGHT, -900, trade_id="1")))
        assert results(desk, MORNING) == {NIGHT: -20_000}
        assert results(desk, MORNING + timedelta(microseconds=1)) == {NIGHT: -90_000}

    def test_told_again_nothing_changes(self, desk, source):
        told = day(self.FIRST, self.SECOND)
        assert source.tell(told) == 2
        before = content_of(desk)
        assert source.tell(day(self.SECOND, self.FIRST, at=NOON)) == 0
        assert content_of(desk) == before

    def test_an_account_that_is_not_told_whole_keeps_what_it_has(self, desk, source):
        source.tell(day(self.FIRST))
        source.tell(day(self.SECOND, at=NOON, accounts=()))
        assert results(desk, NOON) == {NIGHT: -15_000}

    def test_what_another_source_told_is_not_withdrawn_and_may_be_corrected(self, desk, source):
        source.tell(day(self.FIRST))
        late = trade(TRADER, NIGHT, 30, trade_id="late", known_at=NOON)
        desk.store.transactions.add([late], [], "late.csv")
        evening = NOON + timedelta(hours=6)
        source.tell(day(self.FIRST, at=evening))
        assert results(desk, evening) == {NIGHT: -17_000}
        source.tell(day(self.FIRST, trade(TRADER, NIGHT, 40, trade_id="late"), at=evening))
        assert results(desk, evening) == {NIGHT: -16_000}

    def test_a_trade_known_under_another_session_is_set_aside_and_withdraws_nothing(self, desk, source):
        source.tell(day(trade(TRADER, BEFORE, 30, trade_id="1"), session=BEFORE, at=EARLY))
        source.tell(day(self.SECOND))
        source.tell(day(self.FIRST, at=NOON))
        assert "known with net $30" in source.contradictions[0]
        assert results(desk, NOON) == {BEFORE: 3_000, NIGHT: 5_000}


class TestFills:
    def test_closed_trades_are_matched_and_name_their_fills(self, desk, source):
        told = day(fill("T", 100, 50, 1, fees="1.05"), fill("C", 100, 49, 2, fees="0.95"))
        assert source.tell(told) == 1
        assert results(desk, MORNING) == {NIGHT: 9_800}
        assert rows(desk, trades, "opening_fill", "closing_fill", "side") == [("0313/1", "0313/2", "short")]
        assert rows(desk, daily_results, "basis", "trades", "positions") == [(FROM_FILLS, 1, 0)]

    def test_a_position_is_carried_into_the_next_session_and_its_day_is_active(self, desk, source):
        source.tell(day(fill("B", 100, 50, 1, BEFORE, fees="1"), session=BEFORE, at=EARLY))
        assert results(desk, EARLY) == {BEFORE: -100}
        source.tell(day(fill("S", 60, 51, 2), broker=()))
        assert results(desk, MORNING) == {BEFORE: -100, NIGHT: 6_000}
        assert rows(desk, open_lots, "session", "fill_id", "quantity") == [
            (BEFORE, "0312/1", 100.0),
            (NIGHT, "0312/1", 40.0),
        ]

    def test_an_idle_day_carries_what_was_open_and_is_active(self, desk, source):
        source.tell(day(fill("B", 100, 50, 1, BEFORE), session=BEFORE, at=EARLY))
        source.tell(day(in_fills=True))
        assert results(desk, MORNING) == {BEFORE: 0, NIGHT: 0}

    def test_a_day_on_which_nothing_happened_has_no_result(self, desk, source):
        source.tell(day(in_fills=True))
        assert rows(desk, daily_results, "session") == []

    def test_a_corrected_fill_changes_the_days_it_reaches_from_then_on(self, desk, source):
        first = day(fill("B", 100, 50, 1, BEFORE), session=BEFORE, at=EARLY)
        second = day(fill("S", 100, 51, 2))
        source.tell(first)
        source.tell(second)
        corrected = day(fill("B", 100, "49.50", 1, BEFORE), session=BEFORE, at=NOON)
        source.tell(corrected, day(fill("S", 100, 51, 2), at=NOON))
        assert results(desk, MORNING) == {BEFORE: 0, NIGHT: 10_000}
        assert results(desk, NOON) == {BEFORE: 0, NIGHT: 15_000}
        assert len(rows(desk, fills, "fill_id")) == 3

    def test_a_fill_that_moves_to_another_session_ends_where_it_was(self, desk, source):
        opening = fill("B", 10, 50, 1, BEFORE)
        source.tell(day(opening, session=BEFORE, at=EARLY), day(fill("S", 10, 51, 2)))
        moved = fill("S", 10, 51, 2)
        moved = Fill(**{f: getattr(moved, f) for f in Fill.__slots__} | {"session": BEFORE})
        source.tell(day(opening, moved, session=BEFORE, at=NOON), day(at=NOON, in_fills=True))
        assert results(desk, NOON) == {BEFORE: 1_000}
        assert results(desk, MORNING) == {BEFORE: 0, NIGHT: 1_000}

    def test_told_again_nothing_changes(self, desk, source):
        told = [fill("T", "10.5", "50.0125", 1, fees="0.0035"), fill("C", "4.25", "49.9", 2, fees="0.0012")]
        source.tell(day(*told, broker=[broker_day(48)]))
        before = content_of(desk)
        source.tell(day(*reversed(told), broker=[broker_day(48)], at=NOON))
        assert content_of(desk) == before

    def test_a_cover_of_nothing_fails_its_account_and_writes_nothing(self, desk, source):
        source.tell(day(fill("C", 10, 50, 1)))
        assert "nothing was short" in source.refused[ACCOUNT]
        assert rows(desk, fills, "fill_id") == []
        assert desk.store.transactions.covered_through() == {}

    def test_after_a_gap_positions_are_not_guessed(self, desk, source):
        first = CALENDAR.shift(NIGHT, -2)
        source.tell(day(in_fills=True, session=first, at=EARLY))
        source.tell(day(fill("B", 10, 50, 1)))
        assert f"was fetched through {first} only" in source.refused[ACCOUNT]

    def test_a_split_overnight_is_refused_unless_the_broker_proves_there_was_none(self, desk, source):
        source.tell(day(fill("B", 100, 100, 1, BEFORE), session=BEFORE, at=EARLY))
        fallen = fill("S", 100, 50, 2)
        source.tell(day(fallen))
        assert "2:1" in source.refused.pop(ACCOUNT)
        source.tell(day(fallen, broker=[broker_day(-500_000)]))
        assert source.refused == {}
        assert results(desk, MORNING) == {BEFORE: 0, NIGHT: -500_000}


class TestTheBrokersSummary:
    ROUND_TRIP = (fill("B", 100, 50, 1), fill("S", 100, 49, 2, fees="2.004"))

    def test_it_is_the_result_with_adjustments_and_unrealised_and_says_so(self, desk, source):
        told = broker_day(-10_200, fees=200, adjustments=-50, unrealised=700)
        source.tell(day(*self.ROUND_TRIP, broker=[told]))
        assert results(desk, MORNING) == {NIGHT: -9_550}
        assert rows(desk, daily_results, "basis", "other_net_cents") == [(BROKERS_TOTAL, None)]

    def test_without_unrealised_the_label_says_so(self, desk, source):
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(-10_200, fees=200)]))
        assert rows(desk, daily_results, "basis") == [(BROKERS_NET,)]

    @pytest.mark.parametrize(("net", "other"), [(-10_201, None), (-10_199, None), (-10_198, -10_200)])
    def test_a_difference_above_a_cent_is_kept_beside_it(self, net, other, desk, source):
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(net)]))
        assert rows(desk, daily_results, "net_cents", "other_net_cents") == [(net, other)]

    def test_both_readings_of_a_desk_can_be_read(self, desk, source):
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(-2_000, unrealised=100)]))
        on_record, by_the_fills = desk.store.history.readings(SESSION, MORNING)
        assert on_record.traders[0].net_cents.tolist() == [-1_900]
        assert by_the_fills.traders[0].net_cents.tolist() == [-10_100]

    def test_where_they_agree_there_is_one_reading(self, desk, source):
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(-10_200)]))
        assert desk.store.history.readings(SESSION, MORNING)[1] is None

    def test_a_summary_that_becomes_right_ends_the_doubt_and_the_old_cut_off_keeps_it(self, desk, source):
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(-2_000)]))
        source.tell(day(*self.ROUND_TRIP, broker=[broker_day(-10_200)], at=NOON))
        assert desk.store.history.readings(SESSION, NOON)[1] is None
        assert desk.store.history.readings(SESSION, MORNING)[1] is not None


def test_closed_trades_cannot_change_a_day_that_is_told_in_fills(desk, source):
    source.tell(day(*TestTheBrokersSummary.ROUND_TRIP))
    with pytest.raises(InputError, match=f"riskops ask-again {NIGHT}"):
        desk.store.transactions.add([trade(TRADER, NIGHT, 50, trade_id="2")], [], "late.csv")
    assert results(desk, MORNING) == {NIGHT: -10_200}
