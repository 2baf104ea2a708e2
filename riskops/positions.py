"""From fills to closed trades: positions by account and symbol, first in, first out.

The position decides what a fill does, not its letter: a fill against the position closes the oldest
lots of it, whatever is left of the fill opens a lot of its own, and a lot that stays open is carried
into the next session. Adding up what was paid and received instead is wrong by the whole position
wherever one is short or stays open overnight.

Quantities, prices and fees are exact to the last digit. A fill's fee goes with its pieces, by
quantity. Cents come last: within a session they are rounded with carry, so that the cents of the
trades add up to the exact sum, rounded once.

`Fill.quantity` times a difference of `Fill.price` has to be USD: a contract of 50 units is 50.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from riskops import config
from riskops.errors import InputError
from riskops.money import cents
from riskops.records import Action, Fill, Side, Trade

MAX_TRADE_ID_LENGTH = 128

_EXACT = Context(prec=600)  # wide enough that no sum or product of a fill's numbers is ever rounded
_BETWEEN_IDS = "/"
_RATIOS = (Fraction(3, 2), *map(Fraction, config.SPLIT_RATIOS))


@dataclass(frozen=True, slots=True)
class Lot:
    """What is still open of the fill that opened it: `left`, above 0 and at most the fill's quantity.

    Nothing else needs to be carried. What of the fill's fee went with earlier pieces follows from what
    is left of it, and the fill's action and id settle which of two lots of the same second is older.
    """

    fill: Fill
    left: Decimal

    @property
    def account_id(self) -> str:
        """The account that holds it."""
        return self.fill.account_id

    @property
    def symbol(self) -> str:
        """What is held."""
        return self.fill.symbol

    @property
    def side(self) -> Side:
        """Long where the fill bought, short where it sold."""
        return Side.LONG if self.fill.action.sign > 0 else Side.SHORT

    @property
    def signed_left(self) -> Decimal:
        """What is left, below 0 where it is short."""
        return self.left.copy_sign(self.fill.action.sign)

    @property
    def apportioned_fees(self) -> Fraction:
        """The part of the fill's fee, in USD, that went with its earlier pieces."""
        return Fraction(self.fill.fees) - _fees_of(self.fill, self.left)


@dataclass(frozen=True, slots=True)
class Matched:
    """The trades that an account closed in a session, in order, and the lots it carries out of it."""

    trades: tuple[Trade, ...]
    carried: tuple[Lot, ...]


def match(carried: Iterable[Lot], fills: Iterable[Fill], *, account_id: str, session: date) -> Matched:
    """Close an account's lots with its fills of a session, first in, first out.

    Every pair of a lot and a fill that closes some of it is one trade. Its id follows from the ids of
    the two fills, its session is that of the closing fill, and it is known once both fills are.

    Parameters
    ----------
    carried
        The lots the account carries into the session, in any order.
    fills
        All its fills of the session, in any order. Within the same moment purchases (B) and short sales
        (T) come before sales (S) and covers (C), then the fill's id decides: brokers print whole
        seconds, and an opening and its close within one must not look like a cover of nothing.
    account_id
        The account.
    session
        The session.

    Returns
    -------
    Matched
        Its trades in the order of their closes, and its open lots by symbol, the oldest first.

    Raises
    ------
    InputError
        If a fill covers where nothing was short in the session so far, belongs to another account or
        session, comes twice, has no quantity or is not in USD, or if a lot is of another account, of no
        earlier session, or against another lot of its symbol. A cover of more than is short turns the
        position, in one fill as in two.

    See Also
    --------
    suspected_split : A split overnight makes trades of a carried lot that never were.
    """
    lots, given = sorted(carried, key=_age_of_lot), sorted(fills, key=_age)
    _refuse_lots(lots, account_id, session)
    _refuse_fills(given, lots, account_id, session)
    with localcontext(_EXACT):
        book = _Book(lots)
        trades = [trade for fill in given for trade in book.take(fill)]
    return Matched(tuple(trades), tuple(book.lots()))


def charged_fees_cents(fills: Iterable[Fill]) -> int:
    """Return the fees of an account's fills of a session as the broker charges them, rounded once.

    A broker charges every fill on the day it is executed, openings too. The fees of the session's
    trades differ from that where a position is carried: they contain the opening fees of earlier days
    and leave out those of what stays open. Over the life of a position both come to the same. The daily
    result and the reconciliation with the broker go by the fees charged.
    """
    with localcontext(_EXACT):
        return cents(sum((fill.fees for fill in fills), start=Decimal(0)))


def suspected_split(carried: Iterable[Lot], fills: Iterable[Fill]) -> str | None:
    """Say which lot looks as though its symbol was split overnight, ``None`` where none does.

    That is a lot whose price is within 3 % of a simple multiple (or fraction) of the price of the first
    fill that its symbol has in this session. A price may fall or rise as much by itself. So ask only
    where the broker's own result is absent or does not agree with ours: where it agrees to the cent,
    there was no split.

    Parameters
    ----------
    carried
        The lots an account carried into a session.
    fills
        Its fills of the session.

    Returns
    -------
    str or None
        Account, symbol, the lot's date and price, the fill's price, the ratio and the remedy.
    """
    first: dict[str, Fill] = {}
    for fill in sorted(fills, key=_age):
        first.setdefault(fill.symbol, fill)
    for lot in sorted(carried, key=_age_of_lot):
        fill = first.get(lot.symbol, lot.fill)
        ratio = _split_ratio(lot.fill.price, fill.price)
        if lot.fill.session < fill.session and ratio is not None:
            return _told_split(lot, fill, ratio)
    return None


def _age(fill: Fill) -> tuple[date, datetime, bool, str]:
    return fill.session, fill.executed_at, fill.action in (Action.SELL, Action.COVER), fill.fill_id


def _age_of_lot(lot: Lot) -> tuple[str, tuple[date, datetime, bool, str]]:
    return lot.fill.symbol, _age(lot.fill)


# --- matching -----------------------------------------------------------------------------


class _Book:
    """The open lots of one account by symbol, and its ledger of one session."""

    def __init__(self, lots: Iterable[Lot]) -> None:
        self._open: defaultdict[str, deque[Lot]] = defaultdict(deque)
        self._shorted: set[str] = set()
        self._ledger = _Ledger()
        for lot in lots:
            self._add(lot)

    def lots(self) -> list[Lot]:
        """Return the open lots by symbol, the oldest first."""
        return [lot for symbol in sorted(self._open) for lot in self._open[symbol]]

    def take(self, fill: Fill) -> list[Trade]:
        """Close what the fill closes, open what is left of it, and return the trades."""
        queue, left, trades = self._open[fill.symbol], fill.quantity, []
        if fill.action is Action.COVER and fill.symbol not in self._shorted:
            raise InputError(
                f"{_named(fill)} covers {fill.quantity}, but nothing was short. The fill that opened the "
                "position is missing: load the earlier fills of the account."
            )
        while left and queue and queue[0].fill.action.sign != fill.action.sign:
            lot = queue.popleft()
            piece = min(left, lot.left)
            trades.append(self._close(lot.fill, fill, piece))
            left -= piece
            if piece < lot.left:
                queue.appendleft(Lot(lot.fill, lot.left - piece))
        if left:
            self._add(Lot(fill, left))
        return trades

    def _add(self, lot: Lot) -> None:
        self._open[lot.symbol].append(lot)
        if lot.side is Side.SHORT:
            self._shorted.add(lot.symbol)

    def _close(self, opening: Fill, closing: Fill, quantity: Decimal) -> Trade:
        """Return the trade that a piece of two fills makes."""
        gross = (closing.price - opening.price) * quantity * opening.action.sign
        fees = _fees_of(opening, quantity) + _fees_of(closing, quantity)
        gross_cents, fees_cents = self._ledger.book(gross, fees)
        return Trade(
            account_id=closing.account_id,
            trade_id=_trade_id(opening.fill_id, closing.fill_id),
            symbol=closing.symbol,
            side=Side.LONG if opening.action.sign > 0 else Side.SHORT,
            quantity=quantity,
            opened_at=opening.executed_at,
            closed_at=closing.executed_at,
            entry_price=opening.price,
            exit_price=closing.price,
            gross_cents=gross_cents,
            fees_cents=fees_cents,
            net_cents=gross_cents - fees_cents,
            session=closing.session,
            known_at=max(opening.known_at, closing.known_at),
            currency=closing.currency,
            opening_fill=opening.fill_id,
            closing_fill=closing.fill_id,
        )


class _Ledger:
    """Rounds gross and fees to cents and carries the rounding from trade to trade."""

    def __init__(self) -> None:
        self._gross, self._fees = Decimal(0), Fraction(0)
        self._told = (0, 0)

    def book(self, gross: Decimal, fees: Fraction) -> tuple[int, int]:
        """Return the cents by which the rounded sums of gross and fees move."""
        self._gross, self._fees = self._gross + gross, self._fees + fees
        before, self._told = self._told, (cents(self._gross), _fraction_cents(self._fees))
        return self._told[0] - before[0], self._told[1] - before[1]


def _fees_of(fill: Fill, quantity: Decimal) -> Fraction:
    """Return the part of a fill's fee, in USD, that goes with a piece of it."""
    top, bottom = _EXACT.multiply(fill.fees, quantity).as_integer_ratio()
    whole, parts = fill.quantity.as_integer_ratio()
    return Fraction(top * parts, bottom * whole)


def _fraction_cents(usd: Fraction) -> int:
    """Return the same as `riskops.money.cents`, of a fraction: halves go to even."""
    return round(usd * 100)


def _trade_id(opening_id: str, closing_id: str) -> str:
    """Return an id that no other two fills of the account have, of at most 128 characters."""
    plain = f"{opening_id}{_BETWEEN_IDS}{closing_id}"
    if len(plain) <= MAX_TRADE_ID_LENGTH and plain.count(_BETWEEN_IDS) == 1:
        return plain
    return hashlib.sha256(f"{len(opening_id)}:{plain}".encode()).hexdigest()


# --- what is refused ----------------------------------------------------------------------


def _named(fill: Fill) -> str:
    return (
        f"Account {fill.account_id!r}, {fill.symbol!r}: fill {fill.fill_id!r} of "
        f"{fill.executed_at.isoformat(' ')}"
    )


def _refuse_lots(lots: Sequence[Lot], account_id: str, session: date) -> None:
    """Raise what is wrong with carried lots."""
    sides: dict[str, Side] = {}
    for lot in lots:
        if problem := _problem_of_lot(lot, account_id, session):
            raise InputError(f"{_named(lot.fill)} {problem}")
        if sides.setdefault(lot.symbol, lot.side) is not lot.side:
            raise InputError(
                f"{_named(lot.fill)} is carried as {lot.side}, another lot as {sides[lot.symbol]}. "
                "Match the account again from its first fill."
            )


def _problem_of_lot(lot: Lot, account_id: str, session: date) -> str:
    if lot.account_id != account_id:
        return f"is carried in account {account_id!r}. Give each account its own lots."
    if lot.fill.session >= session:
        return f"is carried into {session}. Carry only what earlier sessions left open."
    if not 0 < lot.left <= lot.fill.quantity:
        return f"has {lot.left} of {lot.fill.quantity} left. Match the account again from its first fill."
    return ""


def _refuse_fills(fills: Sequence[Fill], lots: Iterable[Lot], account_id: str, session: date) -> None:
    """Raise what is wrong with the fills of a session."""
    seen = {lot.fill.fill_id for lot in lots}
    for fill in fills:
        if problem := _problem_of_fill(fill, account_id, session):
            raise InputError(f"{_named(fill)} {problem}")
        if fill.fill_id in seen:
            raise InputError(f"{_named(fill)} was there before. Give every execution once, and its own id.")
        seen.add(fill.fill_id)


def _problem_of_fill(fill: Fill, account_id: str, session: date) -> str:
    if fill.account_id != account_id:
        return f"is given under account {account_id!r}. Give each account its own fills."
    if fill.session != session:
        return f"is of session {fill.session} and given under {session}. Give each session its own fills."
    if not fill.quantity > 0:
        return f"has the quantity {fill.quantity}. Correct it: it is above 0, the action says the direction."
    if fill.currency not in config.SUPPORTED_CURRENCIES:
        return f"is in {fill.currency!r}. Convert its price and fees to USD."
    return ""


# --- splits -------------------------------------------------------------------------------


def _split_ratio(before: Decimal, after: Decimal) -> str | None:
    """Return the ratio, new units for old, that explains a change of price; ``None`` where none does."""
    if before <= 0 or after <= 0:
        return None
    fell = Fraction(before) / Fraction(after)
    change = max(fell, 1 / fell)
    nearest = min(_RATIOS, key=lambda ratio: abs(change / ratio - 1))
    if abs(change / nearest - 1) > Fraction(config.SPLIT_TOLERANCE):
        return None
    many, few = nearest.as_integer_ratio()
    return f"{many}:{few}" if fell > 1 else f"{few}:{many}"


def _told_split(lot: Lot, fill: Fill, ratio: str) -> str:
    return (
        f"Account {lot.account_id!r}, {lot.symbol!r}: the lot of {lot.fill.session} was opened at "
        f"{lot.fill.price}, the first fill of {fill.session}, {fill.fill_id!r}, is at {fill.price}: that "
        f"looks like a split of {ratio}. Ask the back office to book it as a sale and a purchase before "
        "the open."
    )
