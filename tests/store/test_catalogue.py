"""The queries of docs/data.md trace a limit down to its fills, as they were known that morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from riskops.store import schema
from riskops.store.catalogue import TRACE
from riskops.store.database import Database
from riskops.store.tables import metadata
from tests.builders import SESSION
from tests.desks import database_url

DAY = date(2026, 3, 13)
CLOSE = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
CUT_OFF = datetime(2026, 3, 16, 10, 30, tzinfo=UTC)
LATER = CUT_OFF + timedelta(hours=1)
KEY = {"session": SESSION, "revision": 0}
OWN = {"account_id": "A3942", "session": DAY}
CORRECTED = (
    {"known_at": CLOSE, "superseded_at": CLOSE + timedelta(hours=1)},
    {"known_at": CLOSE + timedelta(hours=1), "superseded_at": LATER},
    {"known_at": LATER, "superseded_at": None},
)


def money(usd):
    return {"gross_cents": 100 * usd, "fees_cents": 0, "net_cents": 100 * usd}


def trade(trade_id, version, usd, **fills):
    details = {"symbol": "SPY", "side": "short", "quantity": 100, "opened_at": CLOSE, "closed_at": CLOSE}
    prices = {"entry_price": 500, "exit_price": 500 - usd / 100, "notional_cents": 5_000_000}
    return OWN | {"trade_id": trade_id} | details | prices | money(usd) | version | fills


def execution(fill_id, action, price, version=CORRECTED[1], account_id="A3942"):
    details = {"symbol": "SPY", "quantity": 100, "fees": 1, "executed_at": CLOSE}
    known = OWN | {"account_id": account_id, "fill_id": fill_id}
    return known | {"action": action, "price": price} | details | version


def result(usd, version, session=DAY, account_id="A3942"):
    counted = {"trades": 1, "volume_cents": 0, "basis": "realised net", "positions": 0}
    identity = {"session": session, "account_id": account_id, "known_at": version["known_at"]}
    return identity | money(usd) | counted


PAIR = {"opening_fill": "1", "closing_fill": "2"}
LIMIT = {"reduction": 40, "limit_cents": 300_000, "base_limit_cents": 500_000, "rung": 2}
ROWS = {
    "traders": [{"trader_id": "3942", "name": "Daniel Mercer"}],
    "accounts": [
        {
            "account_id": "A3942",
            "effective_from": DAY,
            "effective_to": None,
            "trader_id": "3942",
            "currency": "USD",
        }
    ],
    "publications": [
        KEY | {"rung": 2, "verdict": "rules_hold", "why": "", "cut_off_at": CUT_OFF, "code_version": "1"}
    ],
    "decisions": [
        KEY | LIMIT | {"trader_id": trader, "position": 0, "detail": {}} for trader in ("3942", "1")
    ],
    "signals": [
        KEY | {"trader_id": "3942", "rule": rule, "position": i, "level": 40, "reason": "", "numbers": {}}
        for i, rule in enumerate(("loss_streak", "drawdown"))
    ],
    "scores": [KEY | {"trader_id": "3942", "engine": "rules", "reduction": 40, "detail": {}}],
    "daily_results": [
        *(result(usd, version) for usd, version in zip((100, 200, 300), CORRECTED, strict=True)),
        result(9, CORRECTED[0], session=SESSION),  # the session itself is no history
        result(9, CORRECTED[0], session=DAY - timedelta(days=1)),  # before the account was his
        result(9, CORRECTED[0], account_id="A1"),
    ],
    "trades": [
        *(
            trade("1/2", version, usd, **PAIR)
            for usd, version in zip((100, 200, 300), CORRECTED, strict=True)
        ),
        trade("told closed", CORRECTED[1], 7, opening_fill=None, closing_fill=None),
    ],
    "fills": [
        execution("1", "T", 500),
        execution("2", "C", 499, CORRECTED[0]),
        execution("2", "C", 498),
        execution("2", "C", 497, CORRECTED[2]),
        execution("3", "B", 1),
        execution("1", "B", 1, account_id="A1"),
    ],
    "broker_days": [
        OWN | money(usd) | version | {"adjustments_cents": 0, "unrealised_change_cents": None}
        for usd, version in zip((100, 200, 300), CORRECTED, strict=True)
    ],
}
FOUND = [
    ["limit_cents", [300_000]],
    ["rule", ["loss_streak", "drawdown"]],
    ["engine", ["rules"]],
    ["net_cents", [20_000]],
    ["net_cents", [20_000, 700]],
    ["price", [500, 498]],
    ["net_cents", [20_000]],
]
ASKED = KEY | {"trader_id": "3942", "account_id": "A3942", "day": DAY, "trade_id": "1/2"}


@pytest.fixture
def database(folder):
    made = Database(database_url(folder))
    schema.upgrade(made)
    with made.writing() as connection:
        for table, rows in ROWS.items():
            connection.execute(sa.insert(metadata.tables[table]), rows)
    yield made
    made.close()


def test_every_step_finds_what_was_known_that_morning_and_nothing_else(database):
    with database.reading() as connection:
        for step, (column, values) in zip(TRACE, FOUND, strict=True):
            query = sa.text(step.query)
            asked = {name: ASKED[name] for name in query.compile().params}
            dates = [sa.bindparam(name, type_=sa.Date) for name in ("session", "day") if name in asked]
            rows = connection.execute(query.bindparams(*dates), asked).mappings().all()
            assert [row[column] for row in rows] == values, step.title
