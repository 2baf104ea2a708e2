"""Loading by hand: what is set aside is shown, and what is no file is told so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from tests.desks import environment
from tests.small_desks import NIGHT, row, write_csv


def run(folder: Path, *arguments: str):
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "500"}
    return CliRunner().invoke(app, arguments, env=environ)


def said(folder: Path, *arguments: str) -> str:
    """Return what a command printed, which has to succeed, with its spaces made one."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(folder: Path, *arguments: str) -> str:
    """Return what a command said that could not accept what it was given."""
    result = run(folder, *arguments)
    assert result.exit_code == 12, result.output
    return result.stderr


@pytest.fixture(scope="module")
def enrolled(keeper, tmp_path_factory):
    """Return the folder of a desk with one trader."""
    folder = keeper(tmp_path_factory.mktemp("enrolled"))
    assert run(folder, "migrate").exit_code == 0
    assert run(folder, "enrol", "3942", "A3942", "--since", "2026-03-02").exit_code == 0
    return folder


def file(folder: Path, name: str, good: int, bad: int) -> str:
    """Write a file with some good rows and some bad ones after them, and return its path."""
    rows = [row("3942", NIGHT, 1.0, f"{name}-{n}") for n in range(good + bad)]
    spoiled = [r | {"quantity": f"-{n}"} for n, r in enumerate(rows[good:], start=1)]
    return str(write_csv(folder / name, rows[:good] + spoiled))


class TestRejectedRows:
    def test_load_shows_the_first_twenty_and_how_to_see_the_rest(self, enrolled):
        text = said(enrolled, "load", file(enrolled, "many.csv", 30, 25), "--quarantine")
        assert "rejected │ 25" in text
        assert "│ 32 │ column 'quantity': '-1' is not above 0." in text
        assert "'-20' is not above 0" in text
        assert "'-21' is not above 0" not in text
        assert "and 5 more: `riskops rejected " in text

    def test_the_command_it_names_shows_them_all(self, enrolled):
        text = said(enrolled, "load", file(enrolled, "again.csv", 30, 25), "--quarantine")
        digest = text.split("`riskops rejected ")[1].split("`")[0]
        shown = said(enrolled, "rejected", digest)
        assert "Rejected rows: 25" in shown
        assert all(f"'-{n}' is not above 0" in shown for n in range(1, 26))
        assert shown == said(enrolled, "rejected", "again.csv")

    def test_the_text_of_the_row_is_shown_beside_its_problem(self, enrolled):
        said(enrolled, "load", file(enrolled, "text.csv", 1, 1), "--quarantine")
        assert "text.csv-1,A3942,SPY,long,-1," in said(enrolled, "rejected", "text.csv")

    def test_a_sound_file_has_none(self, enrolled):
        text = said(enrolled, "load", file(enrolled, "sound.csv", 2, 0))
        assert "rejected │ 0" in text
        assert "Problem" not in text

    def test_without_a_name_the_loads_are_listed_with_their_count(self, enrolled):
        said(enrolled, "load", file(enrolled, "listed.csv", 4, 3), "--quarantine")
        assert re.search(r"listed\.csv │ [\d-]+ [\d:]+ │ 4 │ 3 │ \w{12} │", said(enrolled, "rejected"))

    def test_a_file_that_was_not_loaded_is_refused_with_where_to_look(self, enrolled):
        assert "`riskops rejected` lists those that were" in refused(enrolled, "rejected", "absent.csv")


class TestWhatIsNoFile:
    def test_a_folder_is_told_to_be_one(self, enrolled, monkeypatch):
        monkeypatch.chdir(enrolled)
        assert "'.' is a folder, not a file. Name one CSV file in it." in refused(enrolled, "load", ".")

    def test_a_missing_file_is_told_to_be_missing(self, enrolled):
        said_of_it = refused(enrolled, "load", str(enrolled / "missing.csv"))
        assert "'missing.csv' does not exist. Check the path." in said_of_it

    def test_a_file_that_may_not_be_read_says_so(self, enrolled, monkeypatch):
        path = file(enrolled, "locked.csv", 1, 0)
        opened = Path.open
        denied = PermissionError(13, "Permission denied")

        def locked(self, *arguments, **options):
            if self.name == "locked.csv":
                raise denied
            return opened(self, *arguments, **options)

        monkeypatch.setattr(Path, "open", locked)
        assert "locked.csv cannot be read: Permission denied." in refused(enrolled, "load", path)


def test_accounts_nobody_enrolled_are_named_once_each_with_the_command_that_enrols(enrolled):
    rows = [row("3951", NIGHT, 1.0, f"{n}") for n in range(40)]
    text = refused(enrolled, "load", str(write_csv(enrolled / "strangers.csv", rows)))
    assert text.count("A3951") == 1
    assert "account 'A3951' is not enrolled: 40 rows, first in line 2. Enrol it with `riskops enrol " in text


def test_a_contradiction_is_refused_with_line_both_results_and_remedy(enrolled):
    said(enrolled, "load", str(write_csv(enrolled / "one.csv", [row("3942", NIGHT, 10.0, "T1")])))
    text = refused(enrolled, "load", str(write_csv(enrolled / "two.csv", [row("3942", NIGHT, -10.0, "T1")])))
    assert "two.csv:2: Trade T1 of account A3942 is known with net $10" in text
    assert "here with net -$10" in text
    assert "`riskops load --correct` takes it as a correction" in text
