"""One code path: a morning on PostgreSQL leaves exactly what it leaves on SQLite."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from riskops.store.tables import metadata
from tests.builders import CALENDAR, SESSION
from tests.desks import each_verb, forgotten, keep_on_postgresql, keep_on_sqlite, run_for
from tests.postgres_server import new_database
from tests.small_desks import NIGHT, csv_desk, night_file, rows_of, stormy

RUN = run_for(SESSION)
RESULTS = stormy()


@contextmanager
def morning(folder):
    """Go through one whole morning whose last night lies in the inbox."""
    night_file(folder, rows_of({trader: usd[-1:] for trader, usd in RESULTS.items()}))
    earlier = {trader: usd[:-1] for trader, usd in RESULTS.items()}
    with csv_desk(folder, earlier, last=CALENDAR.previous(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, RUN)
        yield desk


@pytest.fixture(scope="module")
def desks(postgresql, tmp_path_factory):
    """Return the desk after its morning, on both databases."""
    one, other = tmp_path_factory.mktemp("sqlite"), tmp_path_factory.mktemp("postgresql")
    keep_on_sqlite(one)
    keep_on_postgresql(other, new_database(postgresql))
    with morning(one) as on_sqlite, morning(other) as on_postgresql:
        yield on_sqlite, on_postgresql
    forgotten(other)


def shown(cell, folder):
    return cell if isinstance(cell, int | float) else repr(cell).replace(str(folder), "")


def left_by(desk):
    """Return every row, in order, and every limits file a desk has left, without its folder's name."""
    folder = desk.settings.output.parent
    left = {path.name: path.read_bytes() for path in desk.settings.output.rglob("limits.*")}
    with desk.store.database.reading() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(table.select().order_by(*table.primary_key))
            left[table.name] = [tuple(shown(cell, folder) for cell in row) for row in rows]
    return left


def test_the_databases_are_two(desks):
    assert [desk.store.database.is_sqlite for desk in desks] == [True, False]


def test_both_leave_the_same_rows_and_the_same_files(desks):
    on_sqlite, on_postgresql = map(left_by, desks)
    assert on_postgresql == on_sqlite
    assert {"limits.txt", "limits.html"} <= on_sqlite.keys()


def test_the_morning_of_these_tests_is_a_real_one(desks):
    for desk in desks:
        mornings = desk.store.mornings
        assert {past.state for past in mornings.stages(SESSION, 0).values()} == {"done"}
        assert len(mornings.rule_scores(SESSION, 0)) == len(mornings.model_scores(SESSION, 0)) == len(RESULTS)
        assert any(decision.reduction for decision in mornings.publication(SESSION, 0).decisions)
        assert mornings.is_frozen(SESSION, 0)
