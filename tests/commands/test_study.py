"""`riskops study`: what it prints, the page it writes, and the bars that end it with an error."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.errors import StudyError
from riskops.study import page, running
from riskops.study.findings import QUESTIONS, Finding, Kind, Mean, Median, Share
from riskops.study.running import FULL, QUICK, Size


def keeping_its_bar(question) -> Finding:
    if question.kind is Kind.MEAN:
        return Finding(question, Mean(-250, 30, 20))
    if question.kind is Kind.MEDIAN:
        return Finding(question, Median(80, (60, float("inf")), 200))
    low = question.bar is not None and question.bar.at_most < 1
    return Finding(question, Share(0 if low else 180, 200))


@pytest.fixture
def study(monkeypatch):
    """Return the study the command is given: `findings` to find, `asked` as it was called."""

    class Study:
        findings = tuple(map(keeping_its_bar, QUESTIONS))
        asked: tuple[Size, int, int] | None = None

    def run(size, seed, workers, tell):
        Study.asked = (size, seed, workers)
        tell(1, 1)
        return Study.findings

    monkeypatch.setattr(running, "study", run)
    return Study


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["study", *arguments], env={"COLUMNS": "100"})


def test_every_question_is_printed_under_its_section(study):
    result = invoke()
    assert result.exit_code == 0
    printed = result.stdout
    positions = [printed.index(section) for section in dict.fromkeys(q.section for q in QUESTIONS)]
    assert positions == sorted(positions)
    assert printed.count("0.900 (180)") == sum(f.measured == Share(180, 200) for f in study.findings)


def test_the_options_say_how_much_is_drawn_from_which_seed(study):
    invoke("--seed", "5", "--workers", "1")
    assert study.asked == (FULL, 5, 1)
    invoke("--quick")
    assert study.asked[:2] == (QUICK, 1)
    invoke("--quick", "--panels", "50", "--desks", "2")
    assert study.asked[0] == Size(50, 2)


def test_a_missed_bar_ends_it_with_an_error_that_says_by_how_much(study, tmp_path):
    missing = replace(study.findings[0], measured=Share(16, 200))
    study.findings = (missing, *study.findings[1:])
    result = invoke("--write", str(tmp_path / "study.md"))
    assert result.exit_code == StudyError.exit_code
    assert "0.080, the bar is at most 0.05, missed by 0.030" in result.stderr
    assert missing.question.text in result.stderr
    written = (tmp_path / "study.md").read_text(encoding="utf-8")
    assert "misses 1 of its bars" in written
    assert "| 0.080 (16) | 0.050 to 0.126 | 0.019 | 200 | at most 0.05 | no |" in written


def test_the_document_has_every_finding_and_nothing_that_is_not_finite(study):
    result = invoke("--json")
    document = json.loads(result.stdout)
    assert [entry["question"] for entry in document["findings"]] == [q.text for q in QUESTIONS]
    assert document["versions"]["seed"] == "1"
    assert "Infinity" not in result.stdout
    assert "NaN" not in result.stdout
    delay = next(entry for entry in document["findings"] if entry["kind"] == "median sessions")
    assert delay["interval_95"] == [60, None]


def test_the_page_says_how_it_is_made_and_has_a_row_for_every_question(study, tmp_path):
    assert invoke("--write", str(tmp_path / "study.md")).exit_code == 0
    written = (tmp_path / "study.md").read_text(encoding="utf-8")
    assert f"`{page.command(FULL, 1)}`" in written
    assert "{" not in written
    assert "misses" not in written
    for finding in study.findings:
        assert f"| {' | '.join(page.cells(finding))} |" in written


def test_a_study_of_another_size_says_so_in_the_command_that_makes_its_page():
    assert (
        page.command(Size(100, 4), 7) == "riskops study --seed 7 --panels 100 --desks 4 --write docs/study.md"
    )
