"""`riskops explain`: any number of the mail, what it is, how it was computed, where it is on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from tests.builders import SESSION, trader_3942
from tests.desks import each_verb, environment, run_for
from tests.numbers import numbers_in
from tests.small_desks import PUBLICATION, csv_desk


@pytest.fixture(scope="module")
def decided(keeper, tmp_path_factory):
    """Return the folder of a desk of one trader, decided and mailed."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    with csv_desk(folder, {"3942": trader_3942()}) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


def run(folder: Path, *arguments: str):
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "80"}
    return CliRunner().invoke(app, ["explain", *arguments], env=environ)


def lines(folder: Path, *arguments: str) -> list[str]:
    """Return the lines the command printed, which has to succeed."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def said(folder: Path, *arguments: str) -> str:
    """Return what the command printed with its spaces made one."""
    return " ".join(" ".join(lines(folder, *arguments)).split())


def test_a_trader_s_limit_is_told_as_arithmetic_with_its_place_on_record(decided):
    text = said(decided, "3942", str(SESSION))
    assert "New limit: $2,500 $5,000 x (100 - 50) % = $2,500, rounded down to $50 (LIMIT_STEP_CENTS)" in text
    assert "on record: decisions.limit_cents [trader_id=3942]" in text


def test_the_numbers_behind_a_signal_are_told_with_what_they_rest_on(decided):
    text = said(decided, "3942", str(SESSION))
    assert "Drawdown: percent: 18.2% 100 x $18,200 / $100,000; fires above 15 (DRAWDOWN_PERCENT)" in text
    assert "on record: signals.numbers.percent [trader_id=3942, rule=drawdown]" in text
    assert "Flip distance: $964 the smallest extra loss" in text
    assert "raises the rules' cut, $963.34" in text


def test_the_whole_desk_is_explained_by_the_session_alone(decided):
    text = said(decided, str(SESSION))
    for part in ("SUBJECT:", "CHANGES:", "SUMMARY:", "EVIDENCE METER:", "DATA HEALTH:", "FOOTER:"):
        assert part in text
    assert "PAGE OF" not in text
    assert "Cut-off: 06:05 New York time, Mon 16 Mar 2026" in text


def test_what_the_desk_s_pages_add_is_told_at_the_end(decided):
    text = said(decided, str(SESSION), "--page")
    order = [text.index(f"PAGE OF THE {page}:") for page in ("LIMITS", "EVIDENCE", "MAILS", "DATA HEALTH")]
    assert order == sorted(order)
    assert text.index("FOOTER:") < order[0]
    assert "Mails delivered: 1 of 1 mail" in text


def test_a_trader_s_page_is_told_with_its_results_levels_and_earlier_limits(decided):
    text = said(decided, "3942", str(SESSION), "--page")
    assert text.index("RESULTS:") < text.index("PAGE OF THE TRADER:")
    for part in ("Last 20: worst", "Cut of 80%: benefit", f"Limit for {SESSION}: limit: $2,500"):
        assert part in text


def test_one_may_point_at_a_number_of_a_page(decided):
    shown = lines(decided, "3942", str(SESSION), "--page", "--number", "80%")
    values = [line for line in shown if line.startswith("  ") and not line.startswith("   ")]
    assert "  Cut of 80%: level: 80%" in values


def test_the_pages_of_a_revision_that_is_not_shown_cannot_be_asked_for(decided):
    result = run(decided, str(SESSION), "--page", "--revision", "0")
    assert (result.exit_code, "leave --revision out" in " ".join(result.stderr.split())) == (2, True)


PAGES = [("3942", str(SESSION), "--page"), (str(SESSION), "--page")]


@pytest.mark.parametrize("asked", [("3942", str(SESSION)), (str(SESSION),), *PAGES])
def test_it_fits_80_columns_and_is_cut_short_nowhere(asked, decided):
    shown = lines(decided, *asked)
    assert max(map(len, shown)) <= 80
    assert "…" not in "".join(shown)


def test_one_may_point_at_a_number(decided):
    shown = lines(decided, "3942", str(SESSION), "--number", "$18,200")
    values = [line for line in shown if line.startswith("  ") and not line.startswith("   ")]
    assert values == ["  Drawdown: lost from the peak: $18,200"]


def test_a_part_of_a_number_is_not_that_number(decided):
    result = run(decided, "3942", str(SESSION), "--number", "8.2%")
    assert (result.exit_code, "No number is printed as '8.2%' there" in result.stderr) == (16, True)


def test_every_number_of_the_entry_may_be_pointed_at(decided):
    entry = (decided / "out" / str(SESSION) / "limits.txt").read_text(encoding="utf-8")
    (entry,) = [part for part in entry.split("\n\n") if "New limit" in part]
    for number in numbers_in(entry.replace("Trader 3942", "")):
        assert run(decided, "3942", str(SESSION), "--number", number).exit_code == 0, number


def test_a_revision_may_be_asked_for(decided):
    assert "REVISION 0" in said(decided, str(SESSION), "--revision", "0")
    assert run(decided, str(SESSION), "--revision", "1").exit_code == 16


def test_the_trader_is_named(folder):
    with csv_desk(folder, {"3942": trader_3942()}) as desk:
        desk.store.mornings.publish(PUBLICATION, {})
    text = said(folder, "3942", str(SESSION))
    assert text.startswith("TRADER 3942 (DANIEL MERCER) ON 2026-03-16, REVISION 0")
    assert "! No mail was composed of these limits yet" in text


def test_somebody_without_a_limit_is_an_error_that_names_who_has_one(decided):
    result = run(decided, "nobody", str(SESSION))
    assert (result.exit_code, "'nobody' had no limit on 2026-03-16; traders: 3942" in result.stderr) == (
        16,
        True,
    )


def test_two_traders_at_once_are_wrong_usage(decided):
    assert run(decided, "3942", "3951", str(SESSION)).exit_code == 2


def test_a_date_that_is_none_is_refused(decided):
    assert run(decided, "3942", "yesterday").exit_code == 14
