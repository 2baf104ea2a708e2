"""History from a file, through Airflow: all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskops.errors import InputError
from riskops.pipeline.load import load_from_inbox
from riskops.store.roster import NEWEST
from riskops.store.tables import loads, rejected_rows, trades
from tests.airflow_desk import PREVIOUS_SESSION, AirflowDesk, Outcome, parsed

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

HEADER = (
    "account,trade_id,symbol,side,quantity,opened_at,closed_at,entry_price,exit_price,gross,fees,net,currency"
)
GOOD_ROW = "{account},{trade_id},SPY,long,100,{day}T14:00:00Z,{day}T14:30:00Z,500,501,100.00,2.00,98.00,USD"
BAD_ROW = "{account},{trade_id},SPY,long,100,{day}T14:00:00Z,{day}T14:30:00Z,500,501,much,2.00,98.00,USD"
TABLES = ("trades", "daily_results", "coverage", "loads", "rejected_rows")


@pytest.fixture
def desk(first_morning: AirflowDesk) -> AirflowDesk:
    """Return a desk with an empty inbox."""
    (first_morning.folder / "inbox").mkdir()
    return first_morning


def rows(desk: AirflowDesk, *patterns: str) -> str:
    """Return the text of a file whose rows belong to an account of the desk."""
    with desk.opened() as opened:
        account = opened.store.roster.accounts(NEWEST)[0].account_id
    filled = [
        pattern.format(account=account, trade_id=f"late-{number}", day=PREVIOUS_SESSION)
        for number, pattern in enumerate(patterns)
    ]
    return "\n".join([HEADER, *filled]) + "\n"


def put(folder: Path, text: str, name: str = "trades.csv") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def loaded(desk: AirflowDesk, file: str = "trades.csv", **params: object) -> Outcome:
    """Run the Dag for one file."""
    return desk.run("ingest_transactions", file=file, mapping="closed_trades", **params)


def kept(desk: AirflowDesk) -> dict[str, list[tuple]]:
    """Return what a load writes."""
    content = desk.content()
    return {table: content[table] for table in TABLES}


@pytest.mark.usefixtures("migrated_airflow")
def test_it_runs_on_demand_only_and_one_file_at_a_time():
    dag = parsed("ingest_transactions")
    assert [task.task_id for task in dag.tasks] == ["load_history"]
    assert dag.schedule is None
    assert dag.max_active_runs == 1
    assert dag.tags == {"risk", "history"}


def test_a_file_of_the_inbox_is_loaded(desk: AirflowDesk):
    before = kept(desk)
    put(desk.folder / "inbox", rows(desk, GOOD_ROW, GOOD_ROW))
    assert loaded(desk).state == "success"
    after = kept(desk)
    new = set(after[trades.name]) - set(before[trades.name])
    assert sorted(name for row in new for name in ("late-0", "late-1") if repr(name) in row) == [
        "late-0",
        "late-1",
    ]
    assert len(new) == 2
    assert len(after[loads.name]) == len(before[loads.name]) + 1


def test_a_file_that_was_loaded_before_is_refused_and_changes_nothing(desk: AirflowDesk):
    put(desk.folder / "inbox", rows(desk, GOOD_ROW))
    loaded(desk)
    before = kept(desk)
    assert loaded(desk).state == "failed"
    assert kept(desk) == before


def test_a_file_with_a_bad_row_leaves_the_run_red_and_nothing_loaded(desk: AirflowDesk):
    before = kept(desk)
    put(desk.folder / "inbox", rows(desk, GOOD_ROW, BAD_ROW))
    outcome = loaded(desk)
    assert (outcome.state, outcome.tries["load_history"]) == ("failed", 1)
    assert kept(desk) == before


def test_bad_rows_are_set_aside_where_that_was_asked_for(desk: AirflowDesk):
    before = kept(desk)
    put(desk.folder / "inbox", rows(desk, GOOD_ROW, BAD_ROW))
    assert loaded(desk, quarantine=True).state == "success"
    after = kept(desk)
    assert len(after[trades.name]) == len(before[trades.name]) + 1
    assert len(after[rejected_rows.name]) == 1


def test_a_path_out_of_the_inbox_is_refused_at_once(desk: AirflowDesk):
    before = kept(desk)
    put(desk.folder / "outside", rows(desk, GOOD_ROW))
    outcome = loaded(desk, "../outside/trades.csv")
    assert (outcome.state, outcome.tries["load_history"]) == ("failed", 1)
    assert kept(desk) == before


@pytest.mark.parametrize("file", ["{folder}/outside/trades.csv", "link.csv", "", ".", "missing.csv"])
def test_what_is_no_file_of_the_inbox_is_refused(file: str, desk: AirflowDesk):
    put(desk.folder / "outside", rows(desk, GOOD_ROW))
    (desk.folder / "inbox" / "link.csv").symlink_to(desk.folder / "outside" / "trades.csv")
    before = kept(desk)
    with desk.opened() as opened, pytest.raises(InputError):
        load_from_inbox(opened, file.format(folder=desk.folder), "closed_trades")
    assert kept(desk) == before
