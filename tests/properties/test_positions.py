"""What must hold for matched positions whatever was executed.

The twin knows no lots: it takes every fill apart into quarters of a unit and lets each meet the oldest
open one of the other direction. Exact sums are fractions; they are rounded once, at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.positions import MAX_TRADE_ID_LENGTH, Lot, Matched, charged_fees_cents, match
from riskops.records import Fill
from tests.fills import ACCOUNT, fill

Session = list[Fill]
SIMILAR = settings(deadline=None, max_examples=80)
PARTS = 4  # of a unit: the smallest quantity drawn
ROWS = st.tuples(
    st.sampled_from("BBSSTC"),
    st.integers(1, 12),
    st.integers(1, 200_000),
    st.integers(-200, 2_000) | st.just(50),
    st.integers(0, 5),
    st.sampled_from("XY"),
)
IDS = st.permutations([f"{number:02}" for number in range(24)])


def in_order(fills: Session) -> Session:
    return sorted(fills, key=lambda f: (f.executed_at, "BTSC".index(f.action) // 2, f.fill_id))


@st.composite
def two_sessions(draw: st.DrawFn) -> list[Session]:
    """Draw two sessions of an account, without covers of nothing."""
    ids = iter(draw(IDS))
    held: Counter[str] = Counter()
    days = []
    for day in range(2):
        shorted = {symbol for symbol, parts in held.items() if parts < 0}
        drawn = [made(row, next(ids), day) for row in draw(st.lists(ROWS, max_size=12))]
        days.append([one for one in in_order(drawn) if is_possible(one, held, shorted)])
    return [draw(st.permutations(fills)) for fills in days]


def made(row: tuple[str, int, int, int, int, str], fill_id: str, day: int) -> Fill:
    letter, parts, price, fees, minute, symbol = row
    amounts = (Decimal(parts) / PARTS, Decimal(price).scaleb(-4), Decimal(fees).scaleb(-4))
    return fill(letter, *amounts, fill_id=fill_id, day=day, minute=minute, symbol=symbol)


def is_possible(one: Fill, held: Counter[str], shorted: set[str]) -> bool:
    """Say whether a fill is no cover of nothing, and hold what it makes."""
    if one.action == "C" and one.symbol not in shorted:
        return False
    held[one.symbol] += parts_of(one.quantity) * one.action.sign
    if held[one.symbol] < 0:
        shorted.add(one.symbol)
    return True


def parts_of(quantity: Decimal) -> int:
    return int(quantity * PARTS)


def matched(days: Sequence[Session]) -> list[Matched]:
    """Match sessions one after the other."""
    results, carried = [], ()
    for day, fills in enumerate(days):
        session = fill("B", 1, 1, fill_id="any", day=day).session
        results.append(match(carried, fills, account_id=ACCOUNT, session=session))
        carried = results[-1].carried
    return results


def twin(days: Sequence[Session]) -> Iterator[tuple[Fraction, Fraction, Counter, Counter]]:
    """Yield of every session: exact gross and fees, parts closed by pair of fills, and parts held."""
    queues: defaultdict[str, deque[Fill]] = defaultdict(deque)
    for fills in days:
        gross, fees, pairs = Fraction(0), Fraction(0), Counter()
        for closing in in_order(fills):
            for _ in range(parts_of(closing.quantity)):
                queue = queues[closing.symbol]
                if not queue or queue[0].action.sign == closing.action.sign:
                    queue.append(closing)
                    continue
                opening = queue.popleft()
                gross += opening.action.sign * Fraction(closing.price - opening.price) / PARTS
                fees += sum(Fraction(f.fees) / parts_of(f.quantity) for f in (opening, closing))
                pairs[f"{opening.fill_id}/{closing.fill_id}"] += 1
        yield gross, fees, pairs, Counter(f.fill_id for queue in queues.values() for f in queue)


def sums(result: Matched) -> tuple[int, int]:
    return sum(t.gross_cents for t in result.trades), sum(t.fees_cents for t in result.trades)


def position(lots: Sequence[Lot]) -> Counter[str]:
    held: Counter[str] = Counter()
    for lot in lots:
        held[lot.symbol] += parts_of(lot.signed_left)
    return held


@SIMILAR
@given(two_sessions())
def test_two_sessions_one_after_the_other_are_what_the_twin_finds(days: list[Session]) -> None:
    for result, (gross, fees, pairs, held) in zip(matched(days), twin(days), strict=True):
        assert sums(result) == (round(gross * 100), round(fees * 100))
        assert {t.trade_id: parts_of(t.quantity) for t in result.trades} == pairs
        assert {lot.fill.fill_id: parts_of(lot.left) for lot in result.carried} == held


@SIMILAR
@given(two_sessions())
def test_signed_quantities_are_conserved(days: list[Session]) -> None:
    results = matched(days)
    for before, fills, result in zip([(), results[0].carried], days, results, strict=True):
        expected = position(before)
        for one in fills:
            expected[one.symbol] += parts_of(one.quantity) * one.action.sign
        assert {k: v for k, v in position(result.carried).items() if v} == {
            k: v for k, v in expected.items() if v
        }


@SIMILAR
@given(two_sessions())
def test_a_book_that_is_closed_the_same_day_makes_its_cash_flow_less_its_fees(days: list[Session]) -> None:
    [open_book, _] = matched(days)
    closing = [
        fill(
            "S" if parts > 0 else "B",
            Decimal(abs(parts)) / PARTS,
            7,
            "0.333",
            fill_id=symbol,
            minute=9,
            symbol=symbol,
        )
        for symbol, parts in position(open_book.carried).items()
    ]
    fills = [*days[0], *closing]
    [result] = matched([fills])
    assert result.carried == ()
    cash = -sum(f.action.sign * Fraction(f.quantity) * Fraction(f.price) for f in fills)
    assert sums(result) == (round(cash * 100), charged_fees_cents(fills))


@SIMILAR
@given(two_sessions())
def test_over_the_life_of_a_fill_its_pieces_carry_its_whole_fee(days: list[Session]) -> None:
    fees = [exact for _gross, exact, _pairs, _held in twin(days)]
    pending = sum(Fraction(lot.fill.fees) - lot.apportioned_fees for lot in matched(days)[-1].carried)
    assert sum(fees) + pending == sum(Fraction(f.fees) for fills in days for f in fills)


@SIMILAR
@given(two_sessions(), st.randoms(use_true_random=False))
def test_the_order_of_fills_and_lots_changes_nothing(days: list[Session], random) -> None:
    first, second = matched(days)
    shuffled = [random.sample(rows, len(rows)) for rows in (days[0], days[1], list(first.carried))]
    session = fill("B", 1, 1, fill_id="any", day=1).session
    assert matched(shuffled[:1]) == [first]
    assert match(shuffled[2], shuffled[1], account_id=ACCOUNT, session=session) == second


@SIMILAR
@given(two_sessions(), st.data())
def test_a_fill_in_two_parts_changes_no_sum(days: list[Session], data: st.DataObject) -> None:
    cut = [[piece for one in fills for piece in in_two(one, data)] for fills in days]
    whole, parts = matched(days), matched(cut)
    assert [sums(result) for result in parts] == [sums(result) for result in whole]
    assert [position(result.carried) for result in parts] == [position(result.carried) for result in whole]
    assert [charged_fees_cents(fills) for fills in cut] == [charged_fees_cents(fills) for fills in days]


def in_two(one: Fill, data: st.DataObject) -> list[Fill]:
    """Return a fill, or two of the same moment and price that are the same together."""
    parts = parts_of(one.quantity)
    taken = data.draw(st.integers(0, parts - 1))
    if not taken or parts not in (2, 4, 5, 8, 10):  # fees of other pieces are no decimals
        return [one]
    share = Decimal(taken) / parts
    first = replace(one, fill_id=f"{one.fill_id}a", quantity=one.quantity * share, fees=one.fees * share)
    rest = (one.quantity - first.quantity, one.fees - first.fees)
    return [first, replace(one, fill_id=f"{one.fill_id}b", quantity=rest[0], fees=rest[1])]


@SIMILAR
@given(two_sessions())
def test_every_trade_has_a_quantity_a_net_and_an_id_of_its_own(days: list[Session]) -> None:
    trades = [trade for result in matched(days) for trade in result.trades]
    assert all(trade.quantity > 0 for trade in trades)
    assert all(trade.net_cents == trade.gross_cents - trade.fees_cents for trade in trades)
    assert all(trade.opened_at is not None and trade.opened_at <= trade.closed_at for trade in trades)
    assert len({trade.trade_id for trade in trades}) == len(trades)


@SIMILAR
@given(
    st.lists(st.tuples(*[st.text("a/:1", min_size=1, max_size=80)] * 2), min_size=2, max_size=2, unique=True)
)
def test_other_fills_make_another_id(pairs: list[tuple[str, str]]) -> None:
    ids = set()
    for opening, closing in pairs:
        [trade] = match(
            [Lot(fill("B", 1, 1, fill_id=opening), Decimal(1))],
            [fill("S", 1, 1, fill_id=f"{closing}-", day=1)],
            account_id=ACCOUNT,
            session=fill("S", 1, 1, fill_id="any", day=1).session,
        ).trades
        ids.add(trade.trade_id)
    assert len(ids) == 2
    assert max(map(len, ids)) <= MAX_TRADE_ID_LENGTH
