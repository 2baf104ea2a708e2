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
KEY, REVISED = {"session": SESSION, "revision": 0}, {"session": SESSION, "revision": 1}
CORRECTED = (
    {"known_at": CLOSE, "superseded_at": CLOSE + timedelta(hours=1)},
    {"known_at": CLOSE + timedelta(hours=1), "superseded_at": LATER},
    {"known_at": LATER, "superseded_at": None},
)
THEN = CORRECTED[1]


def money(usd):
    return {"gross_cents": 100 * usd, "fees_cents": 0, "net_cents": 100 * usd}


def own(day=DAY, account_id="A3942"):
    return {"account_id": account_id, "session": day}


def trade(trade_id, usd, version=THEN, closed=CLOSE, pair=("9", "2"), **of):
    details = {"symbol": "SPY", "side": "short", "quantity": 100, "opened_at": CLOSE, "closed_at": closed}
    prices = {"entry_price": 500, "exit_price": 500 - usd / 100, "notional_cents": 5_000_000}
    fills = dict(zip(("opening_fill", "closing_fill"), pair, strict=True))
    return own(**of) | {"trade_id": trade_id} | details | prices | fills | money(usd) | version


def execution(fill_id, price, version=THEN, executed=CLOSE, **of):
    details = {"symbol": "SPY", "action": "T", "quantity": 100, "fees": 1, "executed_at": executed}
    return own(**of) | {"fill_id": fill_id, "price": price} | details | version


def result(usd, known_at=THEN["known_at"], **of):
    counted = {"trades": 1, "volume_cents": 0, "basis": "realised net", "positions": 0}
    return own(**of) | {"known_at": known_at} | money(usd) | counted


def summary(usd, version=THEN, **of):
    return own(**of) | money(usd) | version | {"adjustments_cents": 0, "unrealised_change_cents": None}


def account(account_id, trader_id, since=DAY, until=None, known_at=CLOSE, *, withdrawn=False):
    span = {"effective_from": since, "effective_to": until}
    entered = {"known_at": known_at, "recorded_at": known_at, "recorded_by": "", "reason": ""}
    entered |= {"withdrawn": withdrawn}
    return span | entered | {"account_id": account_id, "trader_id": trader_id, "currency": "USD"}


def publication(key, cut_off):
    return key | {"rung": 2, "verdict": "rules_hold", "why": "", "cut_off_at": cut_off, "code_version": "1"}


def decision(key, trader_id, limit_cents):
    limit = {"reduction": 40, "limit_cents": limit_cents, "base_limit_cents": 500_000, "rung": 2}
    limit |= {"decided_reduction": 40, "decided_limit_cents": limit_cents}
    return key | limit | {"trader_id": trader_id, "position": 0, "detail": {}}


def signal(key, trader_id, rule, position=0):
    fired = {"rule": rule, "position": position, "level": 40, "reason": "", "numbers": {}}
    return key | {"trader_id": trader_id} | fired


def score(key, trader_id, engine):
    return key | {"trader_id": trader_id, "engine": engine, "reduction": 40, "detail": {}}


EARLIER, MINUTE = DAY - timedelta(days=1), timedelta(minutes=1)
ROWS = {
    "traders": [{"trader_id": trader, "name": ""} for trader in ("3942", "1")],
    "accounts": [
        account("A3942", "1", known_at=CLOSE - MINUTE),
        account("A3942", "3942"),
        account("A3942", "3942", known_at=LATER, withdrawn=True),
        account("B3942", "3942", EARLIER, SESSION),
        account("C3942", "3942", EARLIER, DAY),
        account("A1", "3942", known_at=CLOSE - MINUTE),
        account("A1", "3942", withdrawn=True),
        account("A1", "1", known_at=CUT_OFF),
        account("A1", "3942", known_at=LATER),
    ],
    "publications": [publication(KEY, CUT_OFF), publication(REVISED, LATER)],
    "decisions": [decision(KEY, "3942", 300_000), decision(KEY, "1", 1), decision(REVISED, "3942", 2)],
    "signals": [
        signal(KEY, "3942", "drawdown", 1),
        signal(KEY, "3942", "loss_streak", 0),
        signal(KEY, "1", "drawdown"),
        signal(REVISED, "3942", "drawdown"),
    ],
    "scores": [
        score(KEY, "3942", "rules"),
        score(KEY, "3942", "own_models"),
        score(KEY, "1", "rules"),
        score(REVISED, "3942", "rules"),
    ],
    "daily_results": [
        result(5, day=EARLIER, account_id="B3942"),
        result(6, account_id="B3942"),
        *(result(usd, version["known_at"]) for usd, version in zip((1, 2, 3), CORRECTED, strict=True)),
        result(9, day=SESSION),
        result(9, day=EARLIER),
        result(9, account_id="C3942"),
        result(9, THEN["known_at"] + MINUTE, account_id="A1"),
    ],
    "trades": [
        trade("told closed", 7, closed=CLOSE + MINUTE, pair=(None, None)),
        trade("same minute", 8, closed=CLOSE + MINUTE, pair=("3", "3")),
        *(trade("9/2", usd, version) for usd, version in zip((1, 2, 3), CORRECTED, strict=True)),
        trade("other day", 9, day=EARLIER),
        trade("9/2", 9, account_id="A1", pair=("9", "4")),
    ],
    "fills": [
        execution("2", 499, CORRECTED[0]),
        execution("2", 498),
        execution("2", 497, CORRECTED[2]),
        execution("9", 500, executed=CLOSE - MINUTE),
        *(execution(fill_id, 1) for fill_id in ("3", "4")),
        execution("9", 1, account_id="A1"),
    ],
    "broker_days": [
        *(summary(usd, version) for usd, version in zip((1, 2, 3), CORRECTED, strict=True)),
        summary(9, day=EARLIER),
        summary(9, account_id="A1"),
    ],
}
FOUND = [
    ["limit_cents", [300_000]],
    ["rule", ["loss_streak", "drawdown"]],
    ["engine", ["own_models", "rules"]],
    ["net_cents", [200, 600, 500]],
    ["net_cents", [200, 800, 700]],
    ["price", [500, 498]],
    ["net_cents", [200]],
]
ASKED = KEY | {"trader_id": "3942", "account_id": "A3942", "day": DAY, "trade_id": "9/2"}


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
