"""Desks whose every result a test writes itself: one closed trade a day, loaded from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import numpy as np

from riskops.desk import Desk
from riskops.pipeline.enrol import enrol
from riskops.pipeline.load import load_file
from riskops.records import Confidence, Decision, Engine, Publication, Rung, Side, Trade, Verdict
from riskops.sessions import desk_time
from riskops.sources.mappings import CLOSED_TRADES
from riskops.store.tables import published_limits, seals
from tests.builders import CALENDAR, SESSION, trader_3951
from tests.desks import on_the_morning, opened

NIGHT = CALENDAR.previous(SESSION)
BASE_CENTS = 500_000
HEADER = CLOSED_TRADES.columns
Row = dict[str, str]

DECISION = Decision(
    trader_id="3942",
    name="Daniel Mercer",
    base_limit_cents=500_000,
    reduction=40,
    limit_cents=300_000,
    rung=Rung.RULES,
    engine=Engine.RULES,
    reasons=("Drawdown 18.2%",),
    confidence=Confidence.MEDIUM,
    track_record=None,
    way_back="",
    flip_distance_cents=None,
)
PUBLICATION = Publication(
    SESSION, 0, Rung.RULES, Verdict.RULES_HOLD, "why", desk_time(SESSION, time(6, 30)), "1", (DECISION,)
)


def account_of(trader_id: str) -> str:
    """Return the account of a trader of these desks."""
    return f"A{trader_id}"


def quiet() -> list[float]:
    """Return 96 daily results in USD for which no rule fires."""
    return [*trader_3951()[:-3], 640.0, -870.0, 450.0]


def stormy(traders: int = 15, days: int = 80) -> dict[str, list[float]]:
    """Return results in USD with enough large losses to fit the pooled model."""
    drawn = np.random.default_rng(3942).normal(60, 1_800, size=(traders, days)).round(2)
    return {str(3937 + i): results.tolist() for i, results in enumerate(drawn)}


def row(trader_id: str, session: date, usd: float, trade_id: str = "") -> Row:
    """Return the row of a trade that closed at 15:00 New York time with a result."""
    closed = desk_time(session, time(15)).astimezone(UTC)
    cells = {
        "account": account_of(trader_id),
        "trade_id": trade_id or f"{session}-{trader_id}",
        "symbol": "SPY",
        "side": "long",
        "quantity": "100",
        "opened_at": closed.replace(minute=0, hour=closed.hour - 1).isoformat(),
        "closed_at": closed.isoformat(),
        "entry_price": "500.00",
        "exit_price": str(500 + Decimal(str(usd)) / 100),
        "gross": str(usd),
        "fees": "0",
        "net": str(usd),
        "currency": "USD",
    }
    return {name: cells[name] for name in HEADER}


def trade(
    trader_id: str, session: date, usd: float, known_at: datetime | None = None, trade_id: str = "late"
) -> Trade:
    """Return a closed trade, known early on the next session unless told otherwise."""
    closed = desk_time(session, time(15))
    return Trade(
        account_id=account_of(trader_id),
        trade_id=trade_id,
        symbol="SPY",
        side=Side.LONG,
        quantity=Decimal(100),
        opened_at=None,
        closed_at=closed,
        entry_price=Decimal(500),
        exit_price=None,
        gross_cents=round(usd * 100),
        fees_cents=0,
        net_cents=round(usd * 100),
        session=session,
        known_at=known_at or CALENDAR.history_known_at(session),
    )


def rows_of(results_usd: Mapping[str, Sequence[float]], last: date = NIGHT) -> list[Row]:
    """Return one row an active day, on consecutive sessions that end with `last`."""
    end = CALENDAR.position(last)
    return [
        row(trader_id, CALENDAR.session_at(end - len(usd) + 1 + i), result)
        for trader_id, usd in results_usd.items()
        for i, result in enumerate(usd)
    ]


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    """Write closed trades in the layout RiskOps reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def night_file(folder: Path, rows: Iterable[Row], night: date = NIGHT) -> Path:
    """Drop the file of a night into the inbox of the desk below `folder`."""
    return write_csv(folder / "inbox" / f"trades_{night}.csv", rows)


def csv_desk(
    folder: Path,
    results_usd: Mapping[str, Sequence[float]],
    last: date = NIGHT,
    clock: Callable[[], datetime] | None = None,
    **changes: str,
) -> Desk:
    """Open a new desk of these traders, on the morning of `SESSION`; close it after use."""
    file = write_csv(folder / "history.csv", rows_of(results_usd, last))
    desk = opened(folder, clock or on_the_morning(SESSION), RISKOPS_SOURCE="csv", **changes)
    first = CALENDAR.session_at(CALENDAR.position(last) - max(map(len, results_usd.values())) + 1)
    for trader_id in results_usd:
        enrol(desk, trader_id, "", account_of(trader_id), BASE_CENTS, first)
    load_file(desk, file, CLOSED_TRADES.name)
    return desk


def lived(desk: Desk, session: date, reductions: Mapping[str, int], rung: int = 2) -> None:
    """Note the limits of a session as if its mail had left."""
    rows = [
        {
            "session": session,
            "revision": 0,
            "trader_id": trader_id,
            "reduction": reduction,
            "limit_cents": BASE_CENTS * (100 - reduction) // 100,
            "base_limit_cents": BASE_CENTS,
            "decided_reduction": reduction,
            "decided_limit_cents": BASE_CENTS * (100 - reduction) // 100,
            "rung": rung,
        }
        for trader_id, reduction in reductions.items()
    ]
    with desk.store.database.writing() as connection:
        connection.execute(published_limits.insert(), rows)
        connection.execute(
            seals.insert(),
            [{"session": session, "revision": 0, "sealed_at": CALENDAR.history_known_at(session)}],
        )
