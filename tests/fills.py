"""Executions as a broker reports them, in few words."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from riskops.records import Action, Fill
from tests.builders import CALENDAR, SESSION

ACCOUNT = "A1"


def fill(
    action: str,
    quantity: str | int | Decimal,
    price: str | int | Decimal,
    fees: str | int | Decimal = 0,
    *,
    fill_id: str,
    minute: float = 0,
    day: int = 0,
    symbol: str = "XYZ",
) -> Fill:
    """Build a fill, `minute` minutes after the open of the session `day` sessions after `SESSION`."""
    session = CALENDAR.session_at(CALENDAR.position(SESSION) + day)
    moment = datetime.combine(session, time(13, 30), UTC) + timedelta(minutes=minute)
    return Fill(
        account_id=ACCOUNT,
        fill_id=fill_id,
        symbol=symbol,
        action=Action(action),
        quantity=Decimal(quantity),
        price=Decimal(price),
        fees=Decimal(fees),
        executed_at=moment,
        session=session,
        known_at=moment + timedelta(hours=12),
    )
