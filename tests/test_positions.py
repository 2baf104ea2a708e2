"""What fills close and carry, on small books that can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from riskops.errors import InputError
from riskops.positions import Lot, Matched, charged_fees_cents, match, suspected_split
from riskops.records import Fill, Side
from tests.builders import SESSION
from tests.fills import ACCOUNT, fill


def matched(*fills: Fill, carried: Sequence[Lot] = ()) -> Matched:
    return match(carried, fills, account_id=ACCOUNT, session=fills[0].session)


def told(result: Matched) -> list[tuple[str, str, int, int, int]]:
    """Return id, quantity with its side, gross, fees and net in cents of every trade."""
    return [
        (t.trade_id, f"{t.side} {t.quantity}", t.gross_cents, t.fees_cents, t.net_cents)
        for t in result.trades
    ]


def left(result: Matched) -> list[tuple[str, str, Decimal]]:
    return [(lot.symbol, lot.fill.fill_id, lot.signed_left) for lot in result.carried]


class TestMatching:
    def test_a_purchase_and_its_sale_are_one_trade_with_everything_the_fills_say(self):
        bought, sold = (
            fill("B", 100, "10.00", "0.50", fill_id="1"),
            fill("S", 100, "10.25", 1, fill_id="2", minute=5),
        )
        [trade] = matched(bought, sold).trades
        assert (trade.account_id, trade.symbol, trade.side, trade.quantity) == (
            ACCOUNT,
            "XYZ",
            Side.LONG,
            100,
        )
        assert (trade.opened_at, trade.entry_price) == (bought.executed_at, bought.price)
        assert (trade.closed_at, trade.exit_price, trade.session) == (
            sold.executed_at,
            sold.price,
            sold.session,
        )
        assert (trade.gross_cents, trade.fees_cents, trade.net_cents) == (2_500, 150, 2_350)
        assert trade.currency == "USD"

    def test_a_short_over_two_nights_with_partial_covers(self):
        """300 short at 50 and 100 at 52, covered 100 at 49, 250 at 48.50 and 50 at 53."""
        first = matched(
            fill("T", 300, "50.00", "3.00", fill_id="1"),
            fill("C", 100, "49.00", "1.00", fill_id="2", minute=1),
        )
        assert told(first) == [("1/2", "short 100", 10_000, 200, 9_800)]
        assert left(first) == [("XYZ", "1", -200)]
        second = matched(
            fill("T", 100, "52.00", "1.00", fill_id="3", day=1),
            fill("C", 250, "48.50", "2.50", fill_id="4", day=1, minute=1),
            carried=first.carried,
        )
        assert told(second) == [
            ("1/4", "short 200", 30_000, 400, 29_600),
            ("3/4", "short 50", 17_500, 100, 17_400),
        ]
        assert left(second) == [("XYZ", "3", -50)]
        assert {trade.session for trade in second.trades} == {SESSION + timedelta(days=1)}
        third = matched(fill("C", 50, "53.00", "0.50", fill_id="5", day=2), carried=second.carried)
        assert told(third) == [("3/5", "short 50", -5_000, 100, -5_100)]
        assert left(third) == []

    def test_a_fill_through_zero_closes_and_opens_the_other_side(self):
        result = matched(
            fill("B", 100, 10, "1", fill_id="1"),
            fill("S", 250, 11, "5", fill_id="2", minute=1),
            fill("B", 150, 10, "3", fill_id="3", minute=2),
        )
        assert told(result) == [
            ("1/2", "long 100", 10_000, 300, 9_700),
            ("2/3", "short 150", 15_000, 600, 14_400),
        ]
        assert left(result) == []

    def test_what_is_left_of_a_fill_through_zero_is_carried_with_the_rest_of_its_fee(self):
        result = matched(fill("B", 100, 10, "1", fill_id="1"), fill("S", 250, 11, "5", fill_id="2", minute=1))
        [lot] = result.carried
        assert (lot.side, lot.left, lot.apportioned_fees) == (Side.SHORT, 150, 2)
        assert (lot.account_id, lot.symbol) == (ACCOUNT, "XYZ")

    def test_the_oldest_lot_is_closed_first_whatever_the_letters_say(self):
        result = matched(
            fill("B", 10, 10, fill_id="9"),
            fill("B", 10, 20, fill_id="1", minute=1),
            fill("T", 15, 30, fill_id="5", minute=2),
        )
        assert told(result) == [("9/5", "long 10", 20_000, 0, 20_000), ("1/5", "long 5", 5_000, 0, 5_000)]
        assert left(result) == [("XYZ", "1", 5)]

    def test_fractions_of_a_share_are_exact(self):
        result = matched(
            fill("B", "0.1", "33.33", "0.01", fill_id="1"),
            fill("B", "0.2", "33.33", "0.02", fill_id="2", minute=1),
            fill("S", "0.3", "66.66", "0.03", fill_id="3", minute=2),
        )
        assert told(result) == [("1/3", "long 0.1", 333, 2, 331), ("2/3", "long 0.2", 667, 4, 663)]
        assert left(result) == []

    def test_no_digit_is_lost(self):
        """The last digit decides the cent, and that something stays open."""
        tiny = Decimal(1).scaleb(-30)
        result = matched(
            fill("B", "1." + "0" * 29 + "1", "10", fill_id="1"),
            fill("S", 1, Decimal("20.005" + "0" * 27 + "1"), fill_id="2", minute=1),
        )
        assert told(result) == [("1/2", "long 1", 1_001, 0, 1_001)]
        assert left(result) == [("XYZ", "1", tiny)]

    def test_symbols_do_not_meet(self):
        result = matched(
            fill("B", 10, 10, fill_id="1", symbol="B"), fill("S", 10, 10, fill_id="2", symbol="A", minute=1)
        )
        assert told(result) == []
        assert left(result) == [("A", "2", -10), ("B", "1", 10)]

    def test_an_opening_and_its_close_in_the_same_second_are_one_trade(self):
        covered, shorted = fill("C", 10, 9, fill_id="1"), fill("T", 10, 10, fill_id="2")
        assert told(matched(covered, shorted)) == [("2/1", "short 10", 1_000, 0, 1_000)]
        sold, bought = fill("S", 10, 10, fill_id="3"), fill("B", 10, 9, fill_id="4")
        assert told(matched(sold, bought)) == [("4/3", "long 10", 1_000, 0, 1_000)]

    def test_lots_of_the_same_second_keep_their_age_overnight(self):
        """The short sale comes before the sale, although its id does not."""
        overnight = matched(fill("S", 10, 10, fill_id="1"), fill("T", 10, 12, fill_id="2"))
        cover = fill("C", 10, 9, fill_id="3", day=1)
        for carried in (overnight.carried, overnight.carried[::-1]):
            assert told(matched(cover, carried=carried)) == [("2/3", "short 10", 3_000, 0, 3_000)]

    def test_a_session_without_fills_carries_what_there_is(self):
        before = matched(fill("B", 10, 10, fill_id="1"))
        later = fill("B", 1, 1, fill_id="2", day=1).session
        assert match(before.carried, (), account_id=ACCOUNT, session=later) == Matched((), before.carried)

    def test_a_trade_is_known_once_both_fills_are(self):
        bought, sold = fill("B", 1, 1, fill_id="1"), fill("S", 1, 1, fill_id="2", minute=1)
        late = replace(bought, known_at=sold.known_at + timedelta(days=3))
        assert matched(bought, sold).trades[0].known_at == sold.known_at
        assert matched(late, sold).trades[0].known_at == late.known_at

    def test_ids_that_are_long_or_hold_a_slash_still_make_ids_that_differ(self):
        def trade_id(one: str, other: str) -> str:
            [trade] = matched(fill("B", 1, 1, fill_id=one), fill("S", 1, 1, fill_id=other, minute=1)).trades
            return trade.trade_id

        pairs = [("a/b", "c"), ("a", "b/c"), ("x" * 64, "y" * 63), ("x" * 64, "y" * 64), ("x" * 65, "y" * 63)]
        ids = [trade_id(*pair) for pair in pairs]
        assert len(set(ids)) == len(pairs)
        assert [len(found) for found in ids] == [64, 64, 128, 64, 64]


class TestFees:
    def test_the_cents_of_the_pieces_of_a_fee_add_up_to_it(self):
        sales = [fill("S", 1, 10, fill_id=f"s{i}", minute=1 + i) for i in range(3)]
        result = matched(fill("B", 3, 10, "1.00", fill_id="1"), *sales)
        assert [trade.fees_cents for trade in result.trades] == [33, 34, 33]

    def test_a_carried_fill_goes_on_where_its_fee_was_left(self):
        first = matched(fill("B", 3, 10, "1.00", fill_id="1"), fill("S", 1, 10, fill_id="2", minute=1))
        assert first.carried[0].apportioned_fees == Fraction(1, 3)
        second = matched(fill("S", 2, 10, fill_id="3", day=1), carried=first.carried)
        assert [trade.fees_cents for trade in (*first.trades, *second.trades)] == [33, 67]

    def test_gross_cents_add_up_to_the_exact_sum_rounded_once(self):
        pairs = [
            fill(letter, 1, price, fill_id=f"{letter}{i}", minute=2 * i + (letter == "S"))
            for i in range(4)
            for letter, price in (("B", "10"), ("S", "10.0026"))
        ]
        assert [trade.gross_cents for trade in matched(*pairs).trades] == [0, 1, 0, 0]

    def test_halves_of_a_cent_go_to_even_like_all_money(self):
        for fees, expected in (("0.005", 0), ("0.015", 2), ("0.025", 2), ("-0.015", -2)):
            bought = fill("B", 1, 10, fees, fill_id="1")
            [trade] = matched(bought, fill("S", 1, 10, fill_id="2", minute=1)).trades
            assert (trade.fees_cents, charged_fees_cents([bought])) == (expected, expected)

    def test_openings_are_charged_on_their_day_and_not_when_they_are_closed(self):
        bought, sold = fill("B", 10, 10, "1.00", fill_id="1"), fill("S", 10, 10, "2.00", fill_id="2", day=1)
        opened = matched(bought)
        closed = matched(sold, carried=opened.carried)
        assert (charged_fees_cents([bought]), charged_fees_cents([sold])) == (100, 200)
        assert [trade.fees_cents for trade in (*opened.trades, *closed.trades)] == [300]

    def test_the_fees_of_a_session_are_rounded_once(self):
        assert charged_fees_cents([fill("B", 1, 1, "0.004", fill_id=str(i)) for i in range(3)]) == 1
        assert charged_fees_cents([]) == 0


class TestRefusals:
    def refused(self, *fills: Fill, carried: Sequence[Lot] = (), **given: Any) -> str:
        asked = {"account_id": ACCOUNT, "session": fill("B", 1, 1, fill_id="0", day=1).session} | given
        with pytest.raises(InputError) as caught:
            match(carried, fills, **asked)
        return str(caught.value)

    def test_a_cover_of_nothing_names_the_fill_and_the_remedy(self):
        assert self.refused(fill("C", 100, 10, fill_id="17", day=1, minute=3)) == (
            "Account 'A1', 'XYZ': fill '17' of 2026-03-17 13:33:00+00:00 covers 100, but nothing was short. "
            "The fill that opened the position is missing: load the earlier fills of the account."
        )

    def test_a_short_in_another_symbol_does_not_help(self):
        shorted = fill("T", 100, 10, fill_id="1", day=1, symbol="ABC")
        assert "'XYZ': fill '2'" in self.refused(shorted, fill("C", 100, 10, fill_id="2", day=1, minute=1))

    def test_a_cover_against_a_long_position_is_a_cover_of_nothing(self):
        message = self.refused(
            fill("B", 9, 10, fill_id="1", day=1), fill("C", 9, 10, fill_id="2", day=1, minute=1)
        )
        assert "fill '2'" in message
        assert "nothing was short" in message

    def test_a_cover_of_more_than_is_short_turns_the_position_in_one_fill_as_in_two(self):
        shorted, covered = fill("T", 5, 10, fill_id="1"), fill("C", 9, 10, fill_id="2", minute=1)
        assert left(matched(shorted, covered)) == [("XYZ", "2", 4)]
        five, four = (fill("C", parts, 10, fill_id=f"2{parts}", minute=1) for parts in (5, 4))
        assert left(matched(shorted, four, five)) == [("XYZ", "25", 4)]

    def test_a_cover_of_what_was_short_on_an_earlier_day_alone_is_a_cover_of_nothing(self):
        flat = matched(fill("T", 5, 10, fill_id="1"), fill("C", 5, 10, fill_id="2", minute=1))
        assert "fill '3'" in self.refused(fill("C", 4, 10, fill_id="3", day=1), carried=flat.carried)

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"account_id": "B2"}, "is given under account 'A1'. Give each account its own fills."),
            (
                {"session": fill("B", 1, 1, fill_id="0").session},
                "is of session 2026-03-16 and given under 2026-03-17",
            ),
            ({"quantity": Decimal(0)}, "has the quantity 0. Correct it"),
            ({"quantity": Decimal(-1)}, "has the quantity -1. Correct it"),
            ({"currency": "EUR"}, "is in 'EUR'. Convert its price and fees to USD."),
        ],
    )
    def test_a_fill_that_does_not_belong_is_named(self, changes, problem):
        message = self.refused(replace(fill("B", 1, 1, fill_id="17", day=1), **changes))
        assert (
            f"{changes.get('account_id', ACCOUNT)!r}, 'XYZ': fill '17' of 2026-03-17 13:30:00+00:00 "
            in message
        )
        assert problem in message

    def test_a_fill_that_comes_twice_is_refused_also_where_its_first_coming_is_carried(self):
        again = fill("B", 1, 1, fill_id="17", day=1)
        assert "fill '17'" in self.refused(again, again)
        before = matched(fill("B", 1, 1, fill_id="17"))
        assert "was there before" in self.refused(again, carried=before.carried)

    @pytest.mark.parametrize(
        ("lots", "problem"),
        [
            ([Lot(replace(fill("B", 1, 1, fill_id="1"), account_id="B2"), Decimal(1))], "in account 'A1'"),
            ([Lot(fill("B", 1, 1, fill_id="1", day=1), Decimal(1))], "is carried into 2026-03-17"),
            ([Lot(fill("B", 1, 1, fill_id="1"), Decimal(2))], "has 2 of 1 left"),
            ([Lot(fill("B", 1, 1, fill_id="1"), Decimal(0))], "has 0 of 1 left"),
            (
                [Lot(fill(a, 1, 1, fill_id=a), Decimal(1)) for a in "BS"],
                "is carried as short, another lot as long",
            ),
        ],
    )
    def test_a_lot_that_cannot_be_is_named(self, lots, problem):
        assert problem in self.refused(carried=lots)


class TestSplits:
    def asked(self, before: str, after: str, day: int = 1) -> str | None:
        lot = Lot(fill("B", 100, before, fill_id="1"), Decimal(100))
        fills = [
            fill("S", 1, before, fill_id="8", day=day, minute=9),
            fill("S", 1, after, fill_id="9", day=day),
        ]
        return suspected_split([lot], fills)

    def test_a_price_that_halves_overnight_is_told_with_the_remedy(self):
        assert self.asked("100.00", "50.40") == (
            "Account 'A1', 'XYZ': the lot of 2026-03-16 was opened at 100.00, the first fill of 2026-03-17, "
            "'9', is at 50.40: that looks like a split of 2:1. Ask the back office to book it as a sale and "
            "a purchase before the open."
        )

    @pytest.mark.parametrize(
        ("before", "after", "ratio"),
        [
            *[("90", "60.5", "3:2"), ("60", "90.5", "2:3"), ("100", "10.2", "10:1"), ("1.00", "50", "1:50")],
            *[("40", "1", "40:1"), ("97.1", "50", "2:1"), ("102.9", "50", "2:1")],
        ],
    )
    def test_the_nearest_ratio_is_told(self, before, after, ratio):
        assert f"a split of {ratio}." in (self.asked(before, after) or "")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            *[("100", "100"), ("100", "72"), ("96.9", "50"), ("103.1", "50"), ("52", "1")],
            *[("-2", "-1"), ("0", "0")],
        ],
    )
    def test_other_changes_of_price_are_none(self, before, after):
        assert self.asked(before, after) is None

    def test_only_a_lot_from_an_earlier_session_and_its_own_symbol_can_be_split(self):
        assert self.asked("100", "50", day=0) is None
        lot = Lot(fill("B", 100, 100, fill_id="1"), Decimal(100))
        assert suspected_split([lot], [fill("S", 1, 50, fill_id="2", day=1, symbol="ABC")]) is None
