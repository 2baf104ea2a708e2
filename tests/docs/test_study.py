"""The page of the simulation study is the one the command writes, for the challenger there is now."""

from __future__ import annotations

import re
from pathlib import Path

from riskops import specification
from riskops.study.findings import QUESTIONS
from riskops.study.page import command
from riskops.study.running import FULL

PAGE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\|.*\|$", PAGE, re.MULTILINE)
ROWS = [[cell.strip() for cell in row.split("|")[1:-1]] for row in TABLE]
ANSWERS = [row for row in ROWS if row[0] != "question" and not row[0].startswith("---")]


def test_the_page_answers_every_question_of_the_full_study():
    assert [(row[0], row[5]) for row in ANSWERS] == [(q.text, str(q.bar or "")) for q in QUESTIONS]
    assert f"`{command(FULL, 1)}`" in PAGE
    assert {row[4] for row in ANSWERS} >= {f"{FULL.series:,}", f"{FULL.desks}"}


def test_every_bar_is_kept():
    assert {row[6] for row in ANSWERS if row[5]} == {"yes"}


def test_the_page_was_made_for_the_specification_there_is_now():
    assert f"specification {specification.digest()[:12]}" in PAGE, f"run `{command(FULL, 1)}`"
