"""A closed trade and a fill as rows of the risk database, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from riskops.records import Action, Fill, Trade

PLACES = Decimal("0.00000001")  # that the database keeps of quantities, prices and fees


def trade_row(trade: Trade, source: str) -> dict[str, Any]:
    """Return a trade that a source told as a row of `trades`, without the end of its version."""
    return {
        "account_id": trade.account_id,
        "trade_id": trade.trade_id,
        "session": trade.session,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "quantity": trade.quantity,
        "opened_at": trade.opened_at,
        "closed_at": trade.closed_at,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "gross_cents": trade.gross_cents,
        "fees_cents": trade.fees_cents,
        "net_cents": trade.net_cents,
        "notional_cents": notional_cents(trade),
        "opening_fill": trade.opening_fill,
        "closing_fill": trade.closing_fill,
        "source": source,
        "known_at": trade.known_at,
    }


def notional_cents(trade: Trade) -> int:
    """Return the traded value of a trade in cents: quantity times the price it went in, or out, at."""
    price = trade.entry_price if trade.entry_price is not None else trade.exit_price
    return round(abs(trade.quantity * (price or Decimal(0))) * 100)


def fill_row(fill: Fill) -> dict[str, Any]:
    """Return a fill as a row of `fills`, without the end of its version."""
    return {
        "account_id": fill.account_id,
        "fill_id": fill.fill_id,
        "session": fill.session,
        "symbol": fill.symbol,
        "action": fill.action.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "fees": fill.fees,
        "executed_at": fill.executed_at,
        "known_at": fill.known_at,
    }


def fill_of(row: sa.Row) -> Fill:
    """Return the fill that a row of `fills` holds."""
    return Fill(
        account_id=row.account_id,
        fill_id=row.fill_id,
        symbol=row.symbol,
        action=Action(row.action),
        quantity=exact(row.quantity),
        price=exact(row.price),
        fees=exact(row.fees),
        executed_at=row.executed_at,
        session=row.session,
        known_at=row.known_at,
    )


def exact(number: float) -> Decimal:
    """Return the decimal that was written, which the database hands back as a float."""
    return Decimal(repr(number)).quantize(PLACES).normalize()
