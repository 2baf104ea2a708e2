"""Least privilege on a real PostgreSQL: what the roles of include/sql/roles.sql may do, and what not."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa

from riskops.desk import open_desk
from riskops.errors import StoreError
from riskops.pipeline.backup import back_up, restore_backup
from riskops.pipeline.change_roster import Order, join, suspend
from riskops.pipeline.replay import replay
from riskops.settings import read_settings
from riskops.store import schema
from riskops.store.database import SQL_FOLDER, Database
from riskops.store.tables import metadata
from tests.builders import CALENDAR, SESSION
from tests.desks import database_url, environment, forgotten, keep_on_postgresql, on_the_morning, run_for
from tests.desks import each_verb as verbs
from tests.postgres_server import new_database
from tests.small_desks import BASE_CENTS, csv_desk, stormy

TABLES = sorted([*metadata.tables, "alembic_version"])
MEDDLING = [
    "DROP TABLE trades",
    "ALTER TABLE decisions DROP COLUMN reduction",
    "CREATE TABLE mine (id INTEGER)",
    "CREATE TEMPORARY TABLE mine (id INTEGER)",
    "TRUNCATE trades",
    "UPDATE alembic_version SET version_num = 'x'",
    "DELETE FROM seals",
    "UPDATE published_limits SET limit_cents = base_limit_cents",
    "UPDATE outcomes SET breached = FALSE",
    "DELETE FROM economics",
    "UPDATE roster SET state = 'active'",
    "DELETE FROM base_limits",
    "UPDATE accounts SET effective_to = NULL",
    "CREATE ROLE intruder SUPERUSER",
    "COPY trades TO '/tmp/trades.csv'",
]


@pytest.fixture(scope="module")
def desk_folder(postgresql, tmp_path_factory):
    """Return the folder of a desk on PostgreSQL whose database has the roles; its morning is to come."""
    folder = tmp_path_factory.mktemp("roles")
    keep_on_postgresql(folder, new_database(postgresql))
    csv_desk(folder, stormy()).store.close()
    for _ in range(2):
        grant(folder)
    yield folder
    forgotten(folder)


def grant(folder):
    url = sa.make_url(database_url(folder)).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        connection.execute((SQL_FOLDER / "roles.sql").read_text(encoding="utf-8"))


def url_as(folder, role):
    url = sa.make_url(database_url(folder))
    return url.update_query_dict({"options": f"-c role={role}"}).render_as_string(hide_password=False)


@contextmanager
def connected(folder, role):
    engine = sa.create_engine(url_as(folder, role), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT current_user")).scalar_one() == role
        yield connection


def refused(folder, role, statement):
    with connected(folder, role) as connection, pytest.raises(sa.exc.ProgrammingError) as raised:
        connection.exec_driver_sql(statement)
    return type(raised.value.orig)


def environment_as(folder, role):
    return environment(folder, RISKOPS_SOURCE="csv", RISKOPS_DATABASE_URL=url_as(folder, role))


def test_the_runtime_role_lives_a_morning(desk_folder, tmp_path):
    with open_desk(environment_as(desk_folder, "riskops_runtime"), on_the_morning(SESSION)) as desk:
        for _ in range(2):
            for verb in verbs():
                verb(desk, run_for(SESSION))
        assert desk.store.mornings.is_frozen(SESSION, 0)
        assert {past.state for past in desk.store.mornings.stages(SESSION, 0).values()} == {"done"}
        assert back_up(desk, tmp_path)["rows"] > 0


def test_the_runtime_role_changes_the_roster_by_adding_to_it(desk_folder):
    following = CALENDAR.shift(SESSION, 1)
    with open_desk(environment_as(desk_folder, "riskops_runtime"), on_the_morning(following)) as desk:
        before = desk.store.roster.history()
        order = Order(CALENDAR.shift(following, 1), "R. Manager", "test")
        join(desk, "4001", "Ida Holm", "A4001", BASE_CENTS, order)
        suspend(desk, "3937", order)
        after = desk.store.roster.history()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 4


@pytest.mark.parametrize("statement", MEDDLING)
def test_the_runtime_role_changes_neither_tables_nor_what_has_left(statement, desk_folder):
    assert refused(desk_folder, "riskops_runtime", statement) is psycopg.errors.InsufficientPrivilege


@pytest.mark.parametrize("statement", MEDDLING)
def test_nor_does_the_auditor(statement, desk_folder):
    assert refused(desk_folder, "riskops_auditor", statement) is psycopg.errors.InsufficientPrivilege


@pytest.mark.parametrize("table", TABLES)
def test_the_auditor_reads_every_table_and_writes_none(table, desk_folder):
    with connected(desk_folder, "riskops_auditor") as connection:
        connection.exec_driver_sql(f'SELECT * FROM "{table}" LIMIT 1')  # noqa: S608 - a table's own name
    for statement in (f'INSERT INTO "{table}" DEFAULT VALUES', f'DELETE FROM "{table}"'):  # noqa: S608 - as above
        assert refused(desk_folder, "riskops_auditor", statement) is psycopg.errors.InsufficientPrivilege


def test_the_auditor_may_ask_but_not_act(desk_folder):
    with open_desk(environment_as(desk_folder, "riskops_auditor"), on_the_morning(SESSION)) as desk:
        assert desk.store.transactions.count() > 0
        with pytest.raises(StoreError, match="permission denied"):
            next(verbs())(desk, run_for(SESSION))


def test_the_auditor_replays_a_session_with_nothing_but_the_right_to_read(desk_folder):
    with open_desk(environment_as(desk_folder, "riskops_runtime"), on_the_morning(SESSION)) as desk:
        for verb in verbs():
            verb(desk, run_for(SESSION))
    with open_desk(environment_as(desk_folder, "riskops_auditor")) as desk:
        (found,) = replay(desk, [(SESSION, 0)])
    assert found.is_equal, found.difference


def test_the_owner_migrates_and_the_runtime_role_may_use_what_comes_new(desk_folder):
    with connected(desk_folder, "riskops_owner") as connection:
        connection.exec_driver_sql("CREATE TABLE newer (id SERIAL PRIMARY KEY)")
        connection.commit()
    try:
        with connected(desk_folder, "riskops_runtime") as connection:
            connection.exec_driver_sql("INSERT INTO newer DEFAULT VALUES")
        assert (
            refused(desk_folder, "riskops_runtime", "DROP TABLE newer")
            is psycopg.errors.InsufficientPrivilege
        )
    finally:
        with connected(desk_folder, "riskops_owner") as connection:
            connection.exec_driver_sql("DROP TABLE newer")
            connection.commit()


def test_the_owner_restores_into_a_database_of_its_own(desk_folder, postgresql, tmp_path):
    with open_desk(environment_as(desk_folder, "riskops_owner"), on_the_morning(SESSION)) as desk:
        back_up(desk, tmp_path / "a.zip")
    new = tmp_path / "new"
    keep_on_postgresql(new, new_database(postgresql))
    empty = Database(database_url(new))
    schema.upgrade(empty)
    empty.close()
    grant(new)
    receipt = restore_backup(read_settings(environment_as(new, "riskops_owner")), tmp_path / "a.zip")
    assert receipt["result"] == "restored and compared"
    forgotten(tmp_path)
