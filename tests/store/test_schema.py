"""The schema's versions, and the moments the risk database accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from riskops.desk import open_desk
from riskops.errors import ConfigurationError
from riskops.pipeline.change_roster import Order, change_base_limit, rename, suspend, withdraw
from riskops.records import Verb
from riskops.store import schema
from riskops.store.database import Database
from riskops.store.read_backs import Reading
from riskops.store.roster import NEWEST
from riskops.store.tables import UtcDateTime, applied_limits, cut_offs, metadata, published_limits, seals
from riskops.store.tables import stage_outcomes as stages
from tests.builders import CALENDAR, SESSION
from tests.desks import database_url, environment, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, lived, quiet

MOMENT = datetime(2026, 3, 16, 10, 5, tzinfo=UTC)
ENTERED = {"known_at": MOMENT, "recorded_at": MOMENT, "recorded_by": "test", "reason": "", "withdrawn": False}
OLDER_VERSIONS = [script.revision for script in ScriptDirectory(str(schema.SCRIPTS)).walk_revisions()][1:]

IDENTIFIERS = {"trader_id", "account_id", "trade_id", "kind", "recipient"}
COLLATIONS = (
    "SELECT column_name, collation_name FROM information_schema.columns WHERE table_schema = 'public'"
)


@pytest.fixture
def database(folder):
    made = Database(database_url(folder))
    yield made
    made.close()


def tables(database):
    with database.reading() as connection:
        return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def fill(folder):
    """Make a desk with a row in the tables of what comes in, of what left and of what ran."""
    with csv_desk(folder, {"3942": quiet()[:20]}) as desk:
        lived(desk, SESSION, {"3942": 40})
        desk.store.journal.note(run_for(SESSION), Verb.SEND, "adopted", MOMENT)


def rows(database):
    """Return every row as the database keeps it, by table."""
    with database.reading() as connection:
        found = {
            name: connection.execute(sa.select("*").select_from(sa.table(name))) for name in tables(database)
        }
        content = {name: [dict(sorted(row.items())) for row in of.mappings()] for name, of in found.items()}
        return {name: sorted(of_table, key=repr) for name, of_table in content.items()}


def only(columns_of, content):
    """Return `content` with the tables of `columns_of`, and with the columns these have there."""
    columns = {name: set().union(*map(set, rows)) for name, rows in columns_of.items()}
    return {
        name: sorted(({c: row[c] for c in row if c in columns[name]} for row in content[name]), key=repr)
        for name in columns
    }


def declared_checks(table):
    checks = [c for c in table.constraints if isinstance(c, sa.CheckConstraint)]
    return {str(check.name): str(check.sqltext) for check in checks}


class TestMigrations:
    @pytest.mark.parametrize("filled", [False, True])
    def test_up_and_down_and_up_again(self, filled, database, folder):
        if filled:
            fill(folder)
        schema.upgrade(database)
        assert tables(database) == set(metadata.tables)
        schema.downgrade(database)
        assert tables(database) == set()
        schema.upgrade(database)
        assert schema.is_current(database)

    def test_the_verb_that_records_outcomes_comes_and_goes_with_its_tables(self, database):
        stage = {"session": SESSION, "revision": 0, "state": "done", "detail": {"kept": True}}
        schema.upgrade(database)
        with database.writing() as connection:
            connection.execute(stages.insert(), [stage | {"verb": v} for v in ("record_outcomes", "choose")])
        schema.downgrade(database, "0001")
        with database.writing() as connection:
            assert [row.verb for row in connection.execute(sa.select(stages))] == ["choose"]
        with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
            connection.execute(stages.insert(), [stage | {"verb": "record_outcomes"}])

    def test_every_version_down_and_up_again_keeps_the_rows_of_its_tables(self, database, folder):
        fill(folder)
        before = rows(database)
        assert all(before[name] for name in ("trades", "published_limits", "run_records"))
        for version in OLDER_VERSIONS:
            schema.downgrade(database, version)
            kept = rows(database)
            assert kept == only(kept, before)
        schema.upgrade(database)
        assert only(kept, rows(database)) == kept
        assert schema.drift(database) == []

    def test_a_roster_from_before_it_had_a_history_was_known_ever_since(self, database, folder):
        fill(folder)
        with opened(folder) as desk:
            early, now = CALENDAR.history_known_at(CALENDAR.shift(SESSION, -30)), desk.clock()
            before = desk.store.roster.view(now)
            schema.downgrade(database, "0004")
            schema.upgrade(database)
            assert desk.store.roster.view(early) == desk.store.roster.view(now) == before
            assert {c.entered.by for c in desk.store.roster.history()} == {"not recorded"}

    def test_a_roster_without_a_history_keeps_what_counts_now(self, database, folder):
        fill(folder)
        words = (SESSION, "R. Manager", "test")
        with opened(folder, on_the_morning(SESSION)) as desk:
            change_base_limit(desk, "3942", 700_000, Order(*words, correction=True))
            rename(desk, "3942", "Daniel Holm", Order(*words, correction=True))
            suspend(desk, "3942", Order(*words))
            withdraw(desk, "3942", Order(*words, correction=True))
            change_base_limit(desk, "3942", 300_000, Order(*words, correction=True))
            counts = desk.store.roster.view(NEWEST)
            schema.downgrade(database, "0004")
            schema.upgrade(database)
            assert desk.store.roster.view(NEWEST) == counts
            assert [limit.base_limit_cents for limit in counts.base_limits] == [500_000, 300_000]

    def test_limits_in_force_from_before_they_had_versions_are_known_since_their_mail_left(
        self, database, folder
    ):
        early, late = MOMENT, MOMENT + timedelta(hours=2)
        fill(folder)
        schema.downgrade(database, "0009")
        applied = sa.table(
            "applied_limits", *map(sa.column, ("session", "trader_id", "limit_cents", "origin"))
        )
        unsealed = CALENDAR.previous(SESSION)
        with database.writing() as connection:
            connection.execute(sa.delete(seals))
            for revision, sealed_at in enumerate((early, late)):
                row = {"session": SESSION, "revision": revision, "sealed_at": sealed_at}
                connection.execute(sa.insert(seals), row)
            for session in (unsealed, SESSION):
                row = {"session": session, "trader_id": "3942", "limit_cents": 200_000, "origin": "published"}
                connection.execute(sa.insert(applied), row)
        schema.upgrade(database)
        with database.reading() as connection:
            known = connection.execute(sa.select(applied_limits.c.session, applied_limits.c.known_at)).all()
        assert dict(map(tuple, known)) == {SESSION: late, unsealed: datetime(1970, 1, 1, tzinfo=UTC)}

    def test_without_versions_the_limit_that_counts_is_kept(self, database, folder):
        fill(folder)
        found = [("published", 0, 300_000), ("read_back", 1, 200_000), ("read_back", 2, 250_000)]
        with opened(folder) as desk, desk.store.database.writing() as connection:
            for origin, minutes, limit in [*found, ("published", 3, 100_000)]:
                known_at = MOMENT + timedelta(minutes=minutes)
                row = {"session": SESSION, "trader_id": "3942", "origin": origin, "known_at": known_at}
                connection.execute(sa.insert(applied_limits), row | {"limit_cents": limit})
        schema.downgrade(database, "0009")
        assert [row["limit_cents"] for row in rows(database)["applied_limits"]] == [250_000]

    def test_a_file_that_was_read_twice_keeps_its_newest_reading(self, database, folder):
        fill(folder)
        times = [MOMENT + timedelta(minutes=minutes) for minutes in range(3)]
        readings = [Reading(SESSION, at, d, "f", {"3942": 1}) for at, d in zip(times, "aba", strict=True)]
        with opened(folder) as desk:
            for reading in readings:
                assert desk.store.read_backs.record(reading)
        schema.downgrade(database, "0009")
        kept = rows(database)
        assert sorted(row["digest"] for row in kept["read_back_files"]) == ["a", "b"]
        schema.upgrade(database)
        with opened(folder) as desk:
            assert desk.store.read_backs.newest(SESSION) == readings[-1]
        assert only(kept, rows(database))["read_backs"] == kept["read_backs"]

    def test_a_row_that_a_new_check_refuses_stops_the_migration_and_nothing_has_changed(
        self, database, folder
    ):
        fill(folder)
        schema.downgrade(database, "0001")
        with database.writing() as connection:
            connection.execute(sa.update(published_limits).values(reduction=90))
        before = rows(database)
        with pytest.raises(sa.exc.IntegrityError, match="ck_published_limits_reduction"):
            schema.upgrade(database)
        assert rows(database) == before
        with database.reading() as connection:
            assert schema.version(connection) == "0001"

    def test_the_migrations_make_exactly_the_tables_the_code_declares(self, database):
        schema.upgrade(database)
        assert schema.drift(database) == []

    def test_the_migrations_make_exactly_the_checks_the_code_declares(self, sqlite_folder):
        """SQLite keeps a check as it was written; the migrations are the same for both."""
        with opened(sqlite_folder) as desk, desk.store.database.reading() as connection:
            inspector = sa.inspect(connection)
            made = {table: inspector.get_check_constraints(table) for table in metadata.tables}
        assert {
            table: {check["name"]: check["sqltext"] for check in checks} for table, checks in made.items()
        } == {table.name: declared_checks(table) for table in metadata.sorted_tables}

    def test_drift_would_be_seen(self, database):
        schema.upgrade(database)
        with database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE seals ADD COLUMN by_whom TEXT")
        assert schema.drift(database) != []

    def test_postgresql_orders_identifiers_by_code_point_whatever_its_language(self, postgresql_folder):
        with opened(postgresql_folder) as desk, desk.store.database.reading() as connection:
            rows = connection.exec_driver_sql(COLLATIONS).all()
        assert {collation for column, collation in rows if column in IDENTIFIERS} == {"C"}
        assert {column for column, _collation in rows} > IDENTIFIERS

    def test_up_again_keeps_what_is_there(self, database, folder):
        fill(folder)
        schema.upgrade(database)
        with database.reading() as connection:
            found = connection.execute(sa.select(sa.func.count()).select_from(metadata.tables["trades"]))
            assert found.scalar_one() == 20

    def test_a_database_that_is_not_migrated_is_refused_with_the_remedy(self, folder):
        with pytest.raises(ConfigurationError, match="riskops migrate"):
            open_desk(environment(folder))


class TestMoments:
    def written(self, database, moment):
        schema.upgrade(database)
        row = {"session": SESSION, "revision": 0, "cut_off_at": moment}
        with database.writing() as connection:
            connection.execute(sa.insert(cut_offs), row)
        with database.reading() as connection:
            return connection.execute(sa.select(cut_offs.c.cut_off_at)).scalar_one()

    def test_a_naive_moment_is_refused(self, database):
        with pytest.raises(sa.exc.StatementError, match="has no time zone"):
            self.written(database, datetime(2026, 3, 16, 6, 5))  # noqa: DTZ001 - the point of the test

    def test_a_moment_comes_back_in_utc_whatever_zone_it_was_written_in(self, database):
        elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
        found = self.written(database, elsewhere)
        assert found == MOMENT
        assert found.tzinfo is UTC

    def test_postgresql_gets_the_moment_with_its_zone(self):
        from sqlalchemy.dialects import postgresql

        assert UtcDateTime().process_bind_param(MOMENT, postgresql.dialect()).tzinfo is UTC


class TestDatabase:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "mysql://u:canary@db/risk",
            "postgresql+foo://u:canary@db/risk",
            "sqlite://u:canary@db:x/",
        ],
    )
    def test_a_url_that_is_none_is_refused_without_showing_it(self, url):
        with pytest.raises(ConfigurationError, match="RISKOPS_DATABASE_URL") as caught:
            Database(url)
        assert "canary" not in str(caught.value)

    def test_a_failed_transaction_leaves_nothing(self, database):
        schema.upgrade(database)
        row = {"session": SESSION, "revision": 0, "cut_off_at": MOMENT}

        def twice():
            with database.writing() as connection:
                connection.execute(sa.insert(cut_offs), row)
                connection.execute(sa.insert(cut_offs), row)

        with pytest.raises(sa.exc.IntegrityError):
            twice()
        with database.reading() as connection:
            assert connection.execute(sa.select(cut_offs)).all() == []

    def test_an_owner_that_nobody_knows_is_refused(self, database):
        schema.upgrade(database)
        row = {"trader_id": "nobody", "effective_from": SESSION, "state": "active", **ENTERED}
        with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
            connection.execute(sa.insert(metadata.tables["roster"]), row)
