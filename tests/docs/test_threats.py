"""The page on threats: each claim names a test, and the test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
THREATS = [section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:] if "\nDoes:\n" in section]


def titles(section):
    return section.splitlines()[0]


def defined_in(path):
    """Return the names of the tests of a file, those of classes with the class before them."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    names = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    return names | {f"{c.name}::{m.name}" for c in classes for m in c.body if isinstance(m, ast.FunctionDef)}


def test_the_page_is_read():
    assert len(THREATS) >= 8
    assert len(TEST_ID.findall(PAGE)) > 30


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST_ID.findall(PAGE))))
def test_every_test_it_names_exists(path, name):
    assert name in defined_in(path)


@pytest.mark.parametrize("section", THREATS, ids=titles)
def test_every_claim_of_what_riskops_does_names_a_test(section):
    claims = re.split(r"^\* ", section.split("\nDoes:\n")[1].split("\nDoes not:")[0], flags=re.MULTILINE)[1:]
    assert claims
    assert [claim for claim in claims if not TEST_ID.search(claim)] == []


@pytest.mark.parametrize("section", THREATS, ids=titles)
def test_every_threat_says_what_riskops_does_not_and_what_is_left_to_do(section):
    assert "\nDoes not: " in section
    assert "\nYou do: " in section
