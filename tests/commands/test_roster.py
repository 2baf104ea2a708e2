"""`riskops roster`: who trades, how it came to be, and every change by somebody's word."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from riskops.cli import app
from riskops.commands import roster
from riskops.sessions import desk_date
from tests.builders import CALENDAR
from tests.desks import environment

NEXT = CALENDAR.roll_forward(desk_date(datetime.now(UTC)) + timedelta(days=7))
FROM = ("--from", str(NEXT))
SAID = ("--by", "R. Manager", "--why", "cooling off")
CHANGES = {
    "join": ("3999", "A3999", "--name", "Ida Holm", "--base-limit", "2500.50"),
    "suspend": ("3942",),
    "base-limit": ("3942", "$3,000"),
    "rename": ("3942", "Daniel Holm"),
    "add-account": ("3942", "B3942"),
    "end-account": ("A3942",),
    "hand-over": ("A3951", "3942"),
    "leave": ("3951",),
    "reinstate": ("3942",),
    "withdraw": ("3942",),
}


def run(folder: Path, *arguments: str):
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "500"}
    return CliRunner().invoke(app, ["roster", *arguments], env=environ)


def said(folder: Path, *arguments: str) -> str:
    """Return what a command printed, which has to succeed, with its spaces made one."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def told(folder: Path, *arguments: str):
    """Return the JSON that a command printed."""
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def enrolled(keeper, tmp_path_factory):
    """Return the folder of a desk with two traders."""
    folder = keeper(tmp_path_factory.mktemp("enrolled"))
    environ = environment(folder, RISKOPS_SOURCE="csv")
    assert CliRunner().invoke(app, ["migrate"], env=environ).exit_code == 0
    for trader, name in (("3942", "Daniel Mercer"), ("3951", "Owen Gallagher")):
        words = ["enrol", trader, f"A{trader}", "--since", "2026-03-02", "--name", name]
        assert CliRunner().invoke(app, words, env=environ).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def changed(enrolled):
    """Return the folder of a desk on which every change was made once, and what each printed."""
    printed = {name: told(enrolled, name, *words, *FROM, *SAID) for name, words in CHANGES.items()}
    return enrolled, printed


def test_every_command_that_changes_something_is_tried_here():
    commands = get_command(roster.roster).commands
    assert {*CHANGES, "history"} == commands.keys()


def test_each_change_says_what_was_entered_and_from_when_on_it_acts(changed):
    _, printed = changed
    assert {receipt["acts from"] for receipt in printed.values()} == {str(NEXT)}
    assert printed["suspend"]["result"] == f"3942 suspended from {NEXT}"
    assert f"3999 base limit $2,500.50 from {NEXT}" in printed["join"]["result"]
    assert f"3942 account A3951 from {NEXT}" in printed["hand-over"]["result"]
    assert printed["reinstate"]["result"] == f"3942 active from {NEXT}"
    assert f"withdrawn: 3942 base limit $3,000 from {NEXT}" in printed["withdraw"]["result"]


def test_the_same_again_is_nothing_new(changed):
    folder, _ = changed
    assert "nothing new" in said(folder, "leave", "3951", *FROM, *SAID)


def test_the_roster_shows_who_trades_and_what_is_planned(changed):
    folder, _ = changed
    shown = said(folder)
    assert "│ 3942 │ Daniel Holm │ active │ 2026-03-02 │ A3942 │ $5,000 │ 2026-03-02 │" in shown
    assert f"left from {NEXT}" in shown
    assert "│ 3999 │ Ida Holm │ to come │ - │ none │ $5,000 │ - │" in shown


def test_on_a_later_day_the_plan_has_come_true(changed):
    folder, _ = changed
    on = told(folder, "--on", str(NEXT))
    assert on["session"] == str(NEXT)
    lines = {line["trader_id"]: line for line in on["traders"]}
    assert lines["3999"] == {
        "trader_id": "3999",
        "name": "Ida Holm",
        "state": "active",
        "state_since": str(NEXT),
        "accounts": ["A3999"],
        "base_limit_usd": "2500.50",
        "base_limit_since": str(NEXT),
        "planned": [],
    }
    assert "3951" not in lines


def test_a_decided_session_shows_what_was_known_then(keeper, tmp_path):
    from tests.desks import forgotten, opened
    from tests.small_desks import BASE_CENTS, SESSION

    folder = keeper(tmp_path)
    with opened(folder) as desk:
        from riskops.pipeline.enrol import enrol

        enrol(desk, "3942", "", "A3942", BASE_CENTS, SESSION)
        desk.store.mornings.record_cut_off(SESSION, 0, CALENDAR.history_known_at(CALENDAR.previous(SESSION)))
    day = str(SESSION)
    said(folder, "suspend", "3942", "--from", day, *SAID, "--correction")
    assert f"Roster for {day}, as known at {day} 05:00" in said(folder, "--on", day)
    assert told(folder, "--on", day)["traders"][0]["state"] == "active"
    assert told(folder, "--on", str(NEXT))["traders"][0]["state"] == "suspended"
    forgotten(folder)


def test_history_tells_every_change_with_who_and_why(changed):
    folder, _ = changed
    shown = said(folder, "history", "3942")
    assert f"│ 3942 │ {NEXT} │ suspended from {NEXT} │" in shown
    assert "│ R. Manager │ cooling off │" in shown
    assert "│ set up │ set up │" in shown
    everybody = told(folder, "history")["changes"]
    assert {change["trader_id"] for change in everybody} == {"3942", "3951", "3999"}
    assert sum(change["withdrawn"] for change in everybody) == 4


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (("suspend", "1", *FROM, *SAID), 12, "`riskops roster` lists who is"),
        (("history", "1"), 12, "`riskops roster` lists who is"),
        (("suspend", "3942", "--from", "soon", *SAID), 14, "write YYYY-MM-DD"),
        (("--on", "soon"), 14, "write YYYY-MM-DD"),
        (("suspend", "3942", "--from", "2026-03-16", *SAID), 12, "--correction"),
        (("suspend", "3942", *FROM, "--by", "", "--why", "x"), 12, "Say who"),
        (("base-limit", "3942", "0", *FROM, *SAID), 12, "must be above $0"),
        (("base-limit", "3942", "much", *FROM, *SAID), 12, "write it like 5000"),
        (("suspend", "3942", "--from", "2999-01-01", *SAID), 14, "update exchange-calendars"),
        (("suspend", "3942", *FROM, "--by", "R. Manager"), 2, "--why"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(words, code, remedy, enrolled):
    result = run(enrolled, *words)
    assert result.exit_code == code, result.output
    assert remedy in result.stderr
