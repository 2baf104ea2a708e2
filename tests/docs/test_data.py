"""The page of the risk database is the one made from the tables, and tells of every table."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import sqlalchemy as sa

from riskops.store import catalogue
from riskops.store.tables import metadata

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
TABLES = sorted(metadata.tables)


def test_the_page_is_the_one_made_from_the_tables():
    assert PAGE.read_text(encoding="utf-8") == catalogue.page(), f"run `{catalogue.COMMAND}`"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_says_what_a_row_of_it_is(name):
    sentence = catalogue.grain(metadata.tables[name])
    assert sentence.startswith("One row a"), (
        f"say it in riskops/store/tables.py: info={{'grain': ...}} of {name}"
    )
    assert sentence.endswith(".")


def test_every_table_belongs_to_one_subject():
    assert Counter(chain(*catalogue.SUBJECTS.values())) == Counter(TABLES)


def part(name):
    return catalogue.page().split(f"### {name}\n")[1].split("\n#")[0]


@pytest.mark.parametrize("name", TABLES)
def test_every_column_and_check_of_a_table_is_told(name):
    table, told = metadata.tables[name], part(name).splitlines()
    checks = [check for check in table.constraints if isinstance(check, sa.CheckConstraint)]
    checks += [index for index in table.indexes if index.unique]
    cells = [line.split(" | ")[0].strip("|` ") for line in told if line.startswith("| `")]
    assert cells == table.columns.keys()
    assert len([line for line in told if line.startswith("* ")]) == len(checks)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("roster", "| `trader_id` | text, up to 64 |  | 1 | `traders.trader_id` |"),
        ("roster", "| `effective_from` | date |  | 2 |  |"),
        ("outcomes", "| `net_cents` | integer, 64 bits | may be |  |  |"),
        ("fills", "| `price` | decimal, 8 places |  |  |  |"),
        ("fills", "| `known_at` | moment, UTC |  | 3 |  |"),
        ("outcomes", "| `large_loss_probability` | number | may be |  |  |"),
        ("decisions", "| `detail` | JSON |  |  |  |"),
        ("quality_results", "| `passed` | yes or no |  |  |  |"),
        ("loads", "| `rows` | integer |  |  |  |"),
        ("rejected_rows", "| `text` | text |  |  |  |"),
        ("trades", "* `net_cents` is `gross_cents` - `fees_cents`."),
        ("trades", "* `opened_at` is empty or `opened_at` is at most `closed_at`."),
        ("trades", "* No two rows where `superseded_at` is empty agree in `account_id`, `trade_id`."),
        ("decisions", "* `rung` is one of 1, 2, 3, 4."),
        ("signals", "* `level` is between 0 and 80."),
        ("run_records", "* `state` is `started` exactly where `finished_at` is empty."),
    ],
)
def test_types_keys_and_checks_are_told_in_words(table, line):
    assert line in part(table).splitlines()
