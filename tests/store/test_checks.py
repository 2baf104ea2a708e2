"""Every check of the risk database refuses a row that breaks it, and only such a row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from riskops.store import schema
from riskops.store.database import Database
from riskops.store.tables import metadata
from tests.builders import SESSION
from tests.desks import database_url

MOMENT = datetime(2026, 3, 16, 10, 5, tzinfo=UTC)
LATER = MOMENT + timedelta(minutes=1)
SINCE = date(2026, 1, 2)
KEY = {"session": SESSION, "revision": 0}
MONEY = {"gross_cents": 1_000, "fees_cents": 200, "net_cents": 800}
ENTERED = {"known_at": MOMENT, "recorded_at": MOMENT, "recorded_by": "test", "reason": "", "withdrawn": False}
LIMIT = {
    "reduction": 40,
    "limit_cents": 300_000,
    "base_limit_cents": 500_000,
    "decided_reduction": 30,
    "decided_limit_cents": 350_000,
    "rung": 2,
}
RECORDED = {"recorded_at": MOMENT, "recorded_by": "test", "reason": ""}

OWNERS = {
    "traders": {"trader_id": "3942", "name": ""},
    "loads": {
        "digest": "d",
        "source": "csv",
        "file_name": "history.csv",
        "rows": 1,
        "rejected": 0,
        "known_at": MOMENT,
    },
    "read_back_files": {"session": SESSION, "known_at": MOMENT, "digest": "r", "file_name": "applied.csv"},
}
SOUND = {
    "roster": {"trader_id": "3942", "effective_from": SINCE, **ENTERED, "state": "active"},
    "accounts": {
        "account_id": "A3942",
        "effective_from": SINCE,
        **ENTERED,
        "effective_to": SESSION,
        "trader_id": "3942",
        "currency": "USD",
    },
    "base_limits": {"trader_id": "3942", "effective_from": SINCE, **ENTERED, "base_limit_cents": 500_000},
    "trades": {
        "account_id": "A3942",
        "trade_id": "1",
        "session": SESSION,
        "symbol": "SPY",
        "side": "long",
        "quantity": 100,
        "opened_at": MOMENT,
        "closed_at": LATER,
        **MONEY,
        "notional_cents": 5_000_000,
        "known_at": LATER,
        "superseded_at": None,
    },
    "fills": {
        "account_id": "A3942",
        "fill_id": "17/1",
        "session": SESSION,
        "symbol": "SPY",
        "action": "T",
        "quantity": 100,
        "price": 500.25,
        "fees": 0.35,
        "executed_at": MOMENT,
        "known_at": LATER,
        "superseded_at": LATER + timedelta(seconds=1),
    },
    "open_lots": {
        "account_id": "A3942",
        "session": SESSION,
        "fill_id": "17/1",
        "quantity": 40,
        "known_at": LATER,
    },
    "broker_days": {
        "account_id": "A3942",
        "session": SESSION,
        **MONEY,
        "adjustments_cents": -150,
        "unrealised_change_cents": None,
        "known_at": LATER,
    },
    "daily_results": {
        "session": SESSION,
        "account_id": "A3942",
        "known_at": MOMENT,
        **MONEY,
        "trades": 1,
        "volume_cents": 5_000_000,
        "basis": "realised",
    },
    "stage_outcomes": {**KEY, "verb": "ingest", "state": "done", "detail": {}},
    "quality_results": {
        **KEY,
        "position": 0,
        "check": "a check",
        "severity": "warning",
        "passed": True,
        "raised": False,
        "observed": "",
        "unexpected_count": 0,
        "detail": "",
    },
    "signals": {
        **KEY,
        "trader_id": "3942",
        "rule": "drawdown",
        "position": 0,
        "level": 40,
        "reason": "",
        "numbers": {},
    },
    "scores": {**KEY, "engine": "rules", "trader_id": "3942", "reduction": 40, "detail": {}},
    "comparisons": {**KEY, "verdict": "rules_hold", "detail": {}},
    "publications": {
        **KEY,
        "rung": 2,
        "verdict": "rules_hold",
        "why": "",
        "cut_off_at": MOMENT,
        "code_version": "1",
    },
    "decisions": {**KEY, "trader_id": "3942", "position": 0, **LIMIT, "detail": {}},
    "outbox": {
        **KEY,
        "key": "k",
        "deployment": "test",
        "kind": "limits",
        "recipient": "risk@example.com",
        "message_id": "<k@example.com>",
        "subject": "",
        "text": "",
        "html": "",
        "state": "pending",
        "attempts": 0,
        "problem": "",
    },
    "published_limits": {**KEY, "trader_id": "3942", **LIMIT},
    "overrides": {
        "number": 1,
        "trader_id": "3942",
        "first_session": SINCE,
        "last_session": SINCE,
        "reduction": 80,
        **RECORDED,
    },
    "revisions": {**KEY, "revision": 1, **RECORDED, "run_id": "test"},
    "read_backs": {
        "session": SESSION,
        "trader_id": "3942",
        "known_at": MOMENT,
        "limit_cents": 0,
        "digest": "r",
    },
    "applied_limits": {
        "session": SESSION,
        "trader_id": "3942",
        "origin": "read_back",
        "known_at": MOMENT,
        "limit_cents": 300_000,
    },
    "run_records": {
        **KEY,
        "verb": "ingest",
        "run_id": "test",
        "run_type": "scheduled",
        "started_at": MOMENT,
        "finished_at": LATER,
        "state": "done",
        "problem": "",
    },
    "ledger": {
        "session": SESSION,
        "kind": "promoted",
        "specification": "abc",
        "number": 1,
        "why": "",
        "evidence": {},
        "recorded_at": MOMENT,
    },
    "outcomes": {
        "session": SESSION,
        "trader_id": "3942",
        "known_at": MOMENT,
        "net_cents": -350_000,
        "limit_cents": 300_000,
        "base_limit_cents": 500_000,
        "limit_origin": "published",
        "rules_reduction": 40,
        "model_reduction": 50,
        "large_loss_probability": 0.2,
        "large_loss": True,
        "breached": True,
    },
    "economics": {
        "session": SESSION,
        "trader_id": "3942",
        "policy": "rules",
        "known_at": MOMENT,
        "limit_cents": 300_000,
        "prevented_cents": 50_000,
        "cost_cents": 0,
        "benefit_low_cents": 40_000,
        "benefit_high_cents": 60_000,
        "identified": False,
        "method": "replay",
    },
    "evaluations": {
        "session": SESSION,
        "first_session": SINCE,
        "last_session": SESSION,
        "specification": "abc",
        "document": {},
        "html": "",
        "recorded_at": MOMENT,
    },
}

BROKEN = {
    "ck_roster_state": [{"state": "asleep"}],
    "ck_accounts_dates": [{"effective_to": SINCE}],
    "ck_accounts_currency": [{"currency": "EUR"}],
    "ck_base_limits_positive": [{"base_limit_cents": 0}],
    "ck_trades_side": [{"side": "B"}],
    "ck_trades_quantity": [{"quantity": 0}],
    "ck_trades_net": [{"net_cents": 1_200}],
    "ck_trades_order": [{"opened_at": LATER + timedelta(seconds=1)}],
    "ck_daily_results_net": [{"net_cents": 801}],
    "ck_trades_version": [{"superseded_at": LATER}],
    "ck_fills_action": [{"action": "X"}],
    "ck_fills_amounts": [{"quantity": 0}, {"price": -0.01}],
    "ck_fills_version": [{"superseded_at": LATER}],
    "ck_open_lots_quantity": [{"quantity": 0}],
    "ck_open_lots_version": [{"superseded_at": MOMENT}],
    "ck_broker_days_net": [{"net_cents": 801}],
    "ck_broker_days_version": [{"superseded_at": LATER}],
    "ck_daily_results_trades": [{"trades": -1}, {"positions": -1}],
    "ck_stage_outcomes_verb": [{"verb": "guess"}],
    "ck_stage_outcomes_state": [{"state": "nearly done"}],
    "ck_quality_results_severity": [{"severity": "fatal"}],
    "ck_signals_level": [{"level": -1}, {"level": 81}],
    "ck_scores_engine": [{"engine": "oracle"}],
    "ck_scores_reduction": [{"reduction": -1}, {"reduction": 81}],
    "ck_comparisons_verdict": [{"verdict": "draw"}],
    "ck_publications_verdict": [{"verdict": "draw"}],
    "ck_publications_rung": [{"rung": 0}, {"rung": 5}],
    "ck_decisions_reduction": [{"reduction": -1}, {"reduction": 81}],
    "ck_decisions_limit": [{"limit_cents": 0}, {"limit_cents": 500_001}],
    "ck_decisions_decided_reduction": [{"decided_reduction": -1}, {"decided_reduction": 81}],
    "ck_decisions_decided_limit": [{"decided_limit_cents": 0}, {"decided_limit_cents": 500_001}],
    "ck_decisions_rung": [{"rung": 0}, {"rung": 5}],
    "ck_outbox_state": [{"state": "lost"}],
    "ck_published_limits_reduction": [{"reduction": -1}, {"reduction": 81}],
    "ck_published_limits_limit": [{"limit_cents": 0}, {"limit_cents": 500_001}],
    "ck_published_limits_decided_reduction": [{"decided_reduction": -1}, {"decided_reduction": 81}],
    "ck_published_limits_decided_limit": [{"decided_limit_cents": 0}, {"decided_limit_cents": 500_001}],
    "ck_published_limits_rung": [{"rung": 0}, {"rung": 5}],
    "ck_overrides_reduction": [{"reduction": -1}, {"reduction": 81}],
    "ck_overrides_sessions": [{"last_session": SINCE - timedelta(days=1)}],
    "ck_revisions_revision": [{"revision": 0}],
    "ck_read_backs_limit": [{"limit_cents": -1}],
    "ck_applied_limits_origin": [{"origin": "hearsay"}],
    "ck_applied_limits_limit": [{"limit_cents": 0}],
    "ck_run_records_verb": [{"verb": "guess"}],
    "ck_run_records_run_type": [{"run_type": "by chance"}],
    "ck_run_records_state": [{"state": "nearly done"}],
    "ck_run_records_finished": [{"finished_at": None}, {"state": "started"}],
    "ck_ledger_kind": [{"kind": "crowned"}],
    "ck_ledger_number": [{"number": 0}],
    "ck_outcomes_limit": [{"limit_cents": 0}, {"base_limit_cents": 0}],
    "ck_outcomes_limit_origin": [{"limit_origin": "hearsay"}],
    "ck_outcomes_rules_reduction": [{"rules_reduction": -1}, {"rules_reduction": 81}],
    "ck_outcomes_model_reduction": [{"model_reduction": -1}, {"model_reduction": 81}],
    "ck_outcomes_probability": [{"large_loss_probability": -0.1}, {"large_loss_probability": 1.1}],
    "ck_economics_policy": [{"policy": "hope"}],
    "ck_economics_method": [{"method": "guess"}],
    "ck_economics_limit": [{"limit_cents": 0}],
    "ck_economics_split": [{"prevented_cents": -1}, {"cost_cents": -1}],
    "ck_economics_bounds": [{"benefit_low_cents": 60_001}],
    "ck_evaluations_span": [{"first_session": SESSION, "last_session": SINCE}],
}
CHECKED = {
    str(check.name): table.name
    for table in metadata.sorted_tables
    for check in table.constraints
    if isinstance(check, sa.CheckConstraint)
}


@pytest.fixture(scope="module")
def database(keeper, tmp_path_factory):
    """Return a database that holds a trader and a load; every test takes back what it writes."""
    made = Database(database_url(keeper(tmp_path_factory.mktemp("checks"))))
    schema.upgrade(made)
    with made.writing() as connection:
        for name, row in OWNERS.items():
            connection.execute(sa.insert(metadata.tables[name]), row)
    yield made
    made.close()


def insert(database, table, row):
    with database.writing() as connection:
        connection.execute(sa.insert(metadata.tables[table]), row)
        connection.rollback()


def test_every_table_that_is_checked_has_a_sound_row_here():
    assert SOUND.keys() == set(CHECKED.values())


@pytest.mark.parametrize("table", sorted(set(CHECKED.values())))
def test_a_sound_row_is_accepted(table, database):
    insert(database, table, SOUND[table])


@pytest.mark.parametrize("check", sorted(CHECKED))
def test_a_row_that_breaks_a_check_is_refused_by_its_name(check, database):
    table = CHECKED[check]
    assert BROKEN.get(check), f"Add rows of {table} that break {check}."
    for changes in BROKEN[check]:
        with pytest.raises(sa.exc.IntegrityError, match=check):
            insert(database, table, SOUND[table] | changes)


def test_no_check_is_named_that_is_gone():
    assert BROKEN.keys() <= CHECKED.keys()
