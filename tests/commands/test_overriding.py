"""`riskops override`: what it records, prints and refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.errors import OverrideError, SessionError
from riskops.sessions import desk_date
from tests.builders import CALENDAR
from tests.desks import copied, environment, forgotten

FIRST = CALENDAR.roll_forward(desk_date(datetime.now(UTC)) + timedelta(days=7))
LAST = CALENDAR.shift(FIRST, 2)
WHEN = ("--from", str(FIRST), "--through", str(LAST))
SAID = ("--by", "anna", "--why", "news on the stock")


def run(folder, *arguments):
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "300"}
    return CliRunner().invoke(app, ["override", *arguments], env=environ)


def told(folder, *arguments):
    """Return the JSON that a command printed, which has to succeed."""
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def enrolled(keeper, tmp_path_factory):
    """Return the folder of a desk with two traders; only ever copied."""
    folder = keeper(tmp_path_factory.mktemp("enrolled"))
    environ = environment(folder, RISKOPS_SOURCE="csv")
    assert CliRunner().invoke(app, ["migrate"], env=environ).exit_code == 0
    for trader, name in (("3942", "Daniel Mercer"), ("3951", "Owen Gallagher")):
        words = ["enrol", trader, f"A{trader}", "--since", "2026-03-02", "--name", name]
        assert CliRunner().invoke(app, words, env=environ).exit_code == 0
    yield folder
    forgotten(folder)


@pytest.fixture
def folder(enrolled, tmp_path):
    mine = copied(enrolled, tmp_path / "desk")
    yield mine
    forgotten(tmp_path)


def test_it_is_set_listed_and_taken_back(folder):
    made = told(folder, "set", "3942", "--cut", "60%", *WHEN, *SAID)
    assert (made["number"], made["acts from"]) == (1, str(FIRST))
    (coming,) = told(folder, "list")["overrides"]
    assert (coming["phase"], coming["reduction_percent"], coming["through"]) == ("coming", 60, str(LAST))
    assert (coming["by"], coming["why"], coming["worth_usd"]) == ("anna", "news on the stock", None)
    told(folder, "take-back", "1", "--by", "bob", "--why", "calm again")
    (ended,) = told(folder, "list")["overrides"]
    assert (ended["phase"], ended["taken_back"]["by"]) == ("taken back", "bob")


def test_the_table_says_where_each_one_is(folder):
    assert "No override is on record" in run(folder, "list").stdout
    for cut in ("60", "40"):
        run(folder, "set", "3942", "--cut", cut, *WHEN, *SAID)
    run(folder, "set", "3951", "--cut", "0", *WHEN, *SAID)
    run(folder, "take-back", "3", "--by", "bob", "--why", "calm again")
    printed = " ".join(run(folder, "list", "--session", str(FIRST)).stdout.split())
    assert "60%" in printed
    assert "in force, behind 2" in printed
    assert "taken back by bob" in printed
    assert "over" in run(folder, "list", "--session", str(CALENDAR.shift(LAST, 1))).stdout


@pytest.mark.parametrize(
    ("changed", "code", "why"),
    [
        ({"--cut": "sixty"}, OverrideError.exit_code, "whole number of percent"),
        ({"--cut": "81"}, OverrideError.exit_code, "from 0 to 80"),
        ({"--by": "daniel mercer"}, OverrideError.exit_code, "trader concerned"),
        ({"--through": "2020-01-02"}, OverrideError.exit_code, "before it begins"),
        ({"--through": "soon"}, SessionError.exit_code, "is no date"),
    ],
)
def test_what_is_refused_ends_with_its_code_and_says_why(changed, code, why, folder):
    options = {"--cut": "60", "--from": str(FIRST), "--through": str(LAST), "--by": "anna", "--why": "news"}
    words = [word for pair in (options | changed).items() for word in pair]
    result = run(folder, "set", "3942", *words)
    assert (result.exit_code, why in result.stderr) == (code, True)
    assert told(folder, "list") == {"overrides": []}


def test_an_unknown_number_is_refused(folder):
    result = run(folder, "take-back", "7", *SAID)
    assert (result.exit_code, "There is no override 7" in result.stderr) == (OverrideError.exit_code, True)
