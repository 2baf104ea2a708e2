"""The commands that look at the history as a whole."""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.desk import open_desk
from riskops.sources.demo import PINNED_SESSION
from tests.builders import CALENDAR
from tests.desks import content_of, environment, on_the_morning, opened

LAST = CALENDAR.previous(PINNED_SESSION)
FIRST = CALENDAR.shift(LAST, -19)


@pytest.fixture
def run(small_desk: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what runs a command on the pinned morning of the small desk."""
    monkeypatch.setattr("riskops.commands.context.open_desk", partial(open_desk, clock=on_the_morning()))

    def invoke(*arguments: object, columns: int = 200):
        environ = environment(small_desk) | {"COLUMNS": str(columns)}
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)

    return invoke


class TestEvaluate:
    def test_report_and_figures_are_written_and_the_summary_printed(self, run, tmp_path):
        page, figures = tmp_path / "reports" / "page.html", tmp_path / "figures.json"
        result = run("evaluate", "--html", page, "--json", figures)
        assert result.exit_code == 0, result.output
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        document = json.loads(figures.read_text(encoding="utf-8"))
        assert document["format"] == "riskops evaluation 1"
        assert document["last_session"] == LAST.isoformat()
        assert f"{document['counts']['compared_trader_days']:,} trader-days" in result.stdout
        assert f"The report is in {page}." in result.stdout

    def test_figures_alone_go_to_standard_output_and_remarks_elsewhere(self, run, tmp_path):
        page = tmp_path / "page.html"
        result = run("evaluate", "--from", FIRST, "--to", LAST, "--json", "-", "--html", page)
        document = json.loads(result.stdout)
        assert (document["first_session"], document["last_session"]) == (FIRST.isoformat(), LAST.isoformat())
        assert document["counts"]["sessions"] == 20
        assert page.exists()

    def test_it_fits_80_columns_and_cuts_nothing_off(self, run):
        result = run("evaluate", "--from", FIRST, columns=80)
        tables = [line for line in result.stdout.splitlines() if line[:1] in "┏┃┡│└"]
        assert tables
        assert max(map(len, tables)) <= 80
        assert "…" not in result.stdout

    def test_it_writes_nothing_into_the_risk_database(self, run, small_desk):
        with opened(small_desk) as desk:
            before = content_of(desk)
        assert run("evaluate", "--from", FIRST).exit_code == 0
        with opened(small_desk) as desk:
            assert content_of(desk) == before

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("--from", LAST, "--to", FIRST), 14, "swap --from and --to"),
            (("--from", "2026-10-24"), 14, "is no session of XNYS; the next one is 2026-10-26"),
            (("--from", "tomorrow"), 14, "write YYYY-MM-DD"),
            (("--to", PINNED_SESSION), 14, f"give a --to of {LAST} or earlier"),
            (("--to", "2031-01-02"), 14, f"give a --to of {LAST} or earlier"),
            (("--from", "2015-01-05", "--to", "2015-02-02"), 16, "there are results from"),
        ],
    )
    def test_a_span_that_cannot_be_evaluated_is_refused_with_the_remedy(self, run, arguments, code, said):
        result = run("evaluate", *arguments)
        assert result.exit_code == code
        assert said in result.stderr

    def test_a_desk_without_history_says_how_to_bring_some_in(self, folder):
        with opened(folder):
            pass
        result = CliRunner().invoke(app, ["evaluate"], env=environment(folder))
        assert (result.exit_code, "riskops load" in result.stderr) == (16, True)

    def test_a_report_that_cannot_be_written_is_an_error_of_its_own(self, run, tmp_path):
        (tmp_path / "file").write_text("in the way")
        for path, said in ((tmp_path, "is a folder"), (tmp_path / "file" / "page.html", "cannot be written")):
            result = run("evaluate", "--from", FIRST, "--json", path)
            assert (result.exit_code, said in result.stderr) == (12, True)


class TestReview:
    def test_it_is_stored_printed_and_written(self, run, small_desk, tmp_path):
        page, figures = tmp_path / "review.html", tmp_path / "review.json"
        result = run("review", "--session", "2026-10-01", "--html", page, "--json", figures)
        assert result.exit_code == 0, result.output
        assert "stored" in result.stdout
        with opened(small_desk) as desk:
            kept = desk.store.evaluations.of(date(2026, 10, 1))
        assert page.read_text(encoding="utf-8") == kept.html
        assert json.loads(figures.read_text(encoding="utf-8")) == kept.document

    @pytest.mark.campaign
    def test_a_stored_one_is_handed_out_again(self, run, tmp_path):
        run("review", "--session", "2026-10-01")
        result = run("review", "--session", "2026-10-01", "--json", "-")
        assert json.loads(result.stdout)["format"] == "riskops review 1"
        assert "was stored before" in run("review", "--session", "2026-10-01").stdout

    def test_a_session_that_lies_ahead_is_refused(self, run):
        assert run("review", "--session", "2026-11-02").exit_code == 14


class TestCalibrate:
    def test_shares_options_and_base_limits_are_printed_and_nothing_is_written(self, run, small_desk):
        with opened(small_desk) as desk:
            before = content_of(desk)
        result = run("calibrate", columns=80)
        assert result.exit_code == 0, result.output
        assert "meant to be 26 % to 35 %" in result.stdout
        assert "Nothing was changed. A person decides" in result.stdout
        assert "DRAWDOWN_CAPITAL_MULTIPLE" in result.stdout
        assert "3942 Daniel Mercer" in result.stdout
        tables = [line for line in result.stdout.splitlines() if line[:1] in "┏┃┡│└"]
        assert max(map(len, tables)) <= 80
        with opened(small_desk) as desk:
            assert content_of(desk) == before

    def test_a_desk_without_history_says_how_to_bring_some_in(self, folder):
        with opened(folder):
            pass
        result = CliRunner().invoke(app, ["calibrate"], env=environment(folder))
        assert (result.exit_code, "riskops load" in result.stderr) == (16, True)
