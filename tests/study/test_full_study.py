"""The whole study, as docs/study.md keeps it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riskops.study.findings import Finding
from riskops.study.page import cells
from riskops.study.running import FULL, study

PAGE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")


def on_the_page(finding: Finding) -> list[str]:
    """Return the row of the page that answers a question, without its first cell."""
    rows = re.findall(rf"^\| {re.escape(finding.question.text)} \|(.*)\|$", PAGE, re.MULTILINE)
    assert len(rows) == 1
    return [cell.strip() for cell in rows[0].split("|")]


def agree(finding: Finding) -> bool:
    """Compare what was found with the page: other processors round otherwise, so within the interval."""
    figure = on_the_page(finding)[0]
    if figure == cells(finding)[1]:
        return True
    low, high = finding.measured.interval
    return low <= float(figure.split(" ")[0].replace(",", "")) <= high


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
def test_the_full_study_keeps_its_bars_and_finds_what_its_page_says():
    findings = study(FULL, seed=1, workers=2, tell=lambda *_: None)
    assert [finding for finding in findings if finding.missed_by] == []
    assert [finding for finding in findings if not agree(finding)] == []
