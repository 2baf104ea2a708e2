"""Archives: exact on both databases and between them, whole or refused, restored wholly or not at all."""

from __future__ import annotations

import json
import os
import stat
import tracemalloc
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random

import pytest
import sqlalchemy as sa

from riskops.errors import InputError, StoreError
from riskops.records import Run, RunType, Verb
from riskops.store import archive, schema
from riskops.store.database import Database
from riskops.store.journal import Journal
from riskops.store.tables import (
    loads,
    metadata,
    report_images,
    run_records,
    stage_outcomes,
    traders,
    trades,
)
from tests.builders import SESSION
from tests.desks import database_url, forgotten, keep_on_postgresql, keep_on_sqlite
from tests.postgres_server import new_database

NOW = datetime(2026, 3, 16, 11, 45, 0, 123456, tzinfo=UTC)
EXACT = Decimal("1234567890123456.12345678")
RUN = Run(SESSION, RunType.SCHEDULED, "test")


@pytest.fixture
def place(tmp_path, request):
    """Return what makes a place for one more risk database, by the database's kind."""
    places = []

    def make(kind):
        folder = tmp_path / f"{kind}-{len(places)}"
        folder.mkdir()
        if kind == "postgresql":
            keep_on_postgresql(folder, new_database(request.getfixturevalue("postgresql")))
        else:
            keep_on_sqlite(folder)
        database = Database(database_url(folder))
        database.create()
        places.append(database)
        return database

    yield make
    for database in places:
        database.close()
    forgotten(tmp_path)


def trade(number, **changes):
    return {
        "account_id": "ACC-3942",
        "trade_id": f"T{number:05d}",
        "session": SESSION,
        "symbol": "SPY",
        "side": "long",
        "quantity": Decimal("0.1"),
        "opened_at": None,
        "closed_at": NOW,
        "entry_price": Decimal("500.25"),
        "exit_price": None,
        "gross_cents": 9_007_199_254_740_993,
        "fees_cents": 0,
        "net_cents": 9_007_199_254_740_993,
        "notional_cents": 1,
        "known_at": NOW.astimezone(timezone(timedelta(hours=5, minutes=30))),
    } | changes


def quantities():
    """Return quantities of every size and with more decimals than are declared, halves included."""
    draw = Random(3942)  # noqa: S311 - chosen once, no secret
    drawn = [Decimal(repr(draw.uniform(1, 10) * 10 ** draw.randint(-8, 14))) for _ in range(400)]
    return [*drawn, Decimal("1E-8"), Decimal("0.123456785"), Decimal("999999999999999.99999999")]


def filled(database, rows=()):
    """Migrate a database and put a row of every kind of cell into it."""
    schema.upgrade(database)
    detail = {
        "text": "Ünïcode \n ' \" \\ =1+1 \u2028",
        "float": 0.1 + 0.2,
        "none": None,
        "list": [1, {"b": True}],
    }
    stages = [
        {"session": SESSION, "revision": 0, "verb": verb.value, "state": "done", "detail": detail}
        for verb in Verb
    ]
    load = {"digest": "d" * 64, "source": "=cmd", "file_name": "x", "rows": 1, "rejected": 0, "known_at": NOW}
    picture = {
        "session": SESSION,
        "revision": 0,
        "kind": "limits",
        "content_id": "a",
        "png": bytes(range(256)),
    }
    with database.writing() as connection:
        connection.execute(
            traders.insert(), [{"trader_id": t, "name": n} for t, n in (("3942", "É"), ("b", "B"))]
        )
        connection.execute(stage_outcomes.insert(), stages)
        connection.execute(loads.insert(), [load])
        connection.execute(trades.insert(), [trade(1), *rows])
        connection.execute(report_images.insert(), [picture])
    Journal(database).note(RUN, Verb.INGEST, "done", NOW)
    return database


def rows_of(database):
    with database.reading() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(table.select()))
            for table in metadata.sorted_tables
        }


def is_empty(database):
    with database.reading() as connection:
        there = sa.inspect(connection).get_table_names()
    return not there or not any(rows_of(database).values())


def written(database, path):
    archive.write(database, path, "desk", NOW)
    return path


def rewritten(path, change):
    """Rewrite the members of an archive; `change` takes and returns a dict of name to bytes."""
    with zipfile.ZipFile(path) as old:
        members = change({name: old.read(name) for name in old.namelist()})
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def with_manifest(**changes):
    def change(members):
        manifest = json.loads(members[archive.MANIFEST]) | changes
        return members | {archive.MANIFEST: json.dumps(manifest).encode()}

    return change


class TestRestored:
    @pytest.mark.parametrize("source", ["sqlite", "postgresql"])
    @pytest.mark.parametrize("target", ["sqlite", "postgresql"])
    def test_every_cell_is_what_it_was_on_either_database(self, source, target, place, tmp_path):
        old, new = filled(place(source)), place(target)
        assert archive.restore(new, written(old, tmp_path / "a.zip"))
        assert rows_of(new) == rows_of(old)

    def test_both_databases_write_the_same_rows(self, place, tmp_path):
        members = {}
        for kind in ("sqlite", "postgresql"):
            with zipfile.ZipFile(written(filled(place(kind)), tmp_path / f"{kind}.zip")) as file:
                members[kind] = {
                    name: file.read(name) for name in file.namelist() if name != archive.MANIFEST
                }
        trades_of = [json.loads(kind.pop("trades.jsonl")) for kind in members.values()]
        assert members["sqlite"] == members["postgresql"]
        assert [Decimal(row[5]) for row in trades_of] == [Decimal("0.1")] * 2

    def test_decimals_beyond_the_precision_of_floats_survive(self, place, tmp_path):
        old, new = filled(place("postgresql"), [trade(2, quantity=EXACT)]), place("postgresql")
        archive.restore(new, written(old, tmp_path / "a.zip"))
        kept = sa.select(sa.cast(trades.c.quantity, sa.Text)).where(trades.c.trade_id == "T00002")
        with new.reading() as connection:
            assert connection.execute(kept).scalar_one() == str(EXACT)

    def test_whatever_quantity_sqlite_keeps_moves_to_postgresql_and_back(self, place, tmp_path):
        old, middle, new = (place(kind) for kind in ("sqlite", "postgresql", "sqlite"))
        filled(old, [trade(n, quantity=quantity) for n, quantity in enumerate(quantities(), start=2)])
        for source, target in [(old, middle), (middle, new)]:
            path = written(source, tmp_path / f"{target.is_sqlite}.zip")
            assert archive.restore(target, path)
            assert not archive.restore(target, path)

    @pytest.mark.parametrize("target", ["sqlite", "postgresql"])
    def test_new_rows_are_numbered_after_the_restored_ones(self, target, place, tmp_path):
        new = place(target)
        archive.restore(new, written(filled(place("sqlite")), tmp_path / "a.zip"))
        Journal(new).note(RUN, Verb.SEND, "done", NOW)
        with new.reading() as connection:
            numbers = connection.execute(sa.select(run_records.c.record_id)).scalars().all()
        assert len(set(numbers)) == 2

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_a_database_that_holds_it_already_is_left_alone(self, kind, place, tmp_path):
        database = filled(place(kind))
        before = rows_of(database)
        assert not archive.restore(database, written(database, tmp_path / "a.zip"))
        assert rows_of(database) == before

    def test_a_migrated_empty_database_is_filled(self, place, tmp_path):
        old, new = filled(place("sqlite")), place("sqlite")
        schema.upgrade(new)
        assert archive.restore(new, written(old, tmp_path / "a.zip"))
        assert rows_of(new) == rows_of(old)

    def test_a_database_that_is_not_there_is_created(self, place, tmp_path):
        old, new = filled(place("sqlite")), Database(f"sqlite:///{tmp_path / 'new' / 'risk.db'}")
        assert archive.restore(new, written(old, tmp_path / "a.zip"))
        assert rows_of(new) == rows_of(old)
        new.close()


class TestRefused:
    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_a_database_that_holds_something_else(self, kind, place, tmp_path):
        path = written(filled(place("sqlite")), tmp_path / "a.zip")
        database = filled(place(kind), [trade(7)])
        before = rows_of(database)
        with pytest.raises(
            InputError, match=r"not empty and differs .* row 2 of trades.*RISKOPS_DATABASE_URL"
        ):
            archive.restore(database, path)
        assert rows_of(database) == before

    def test_a_database_of_another_program(self, place, tmp_path):
        path, database = written(filled(place("sqlite")), tmp_path / "a.zip"), place("sqlite")
        with database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE dag_run (id INTEGER)")
        with pytest.raises(InputError, match=r"another program \(dag_run\)"):
            archive.restore(database, path)

    def test_a_damaged_archive_creates_no_database(self, tmp_path):
        (tmp_path / "a.zip").write_text("no archive")
        with pytest.raises(InputError):
            archive.restore(Database(f"sqlite:///{tmp_path / 'new' / 'risk.db'}"), tmp_path / "a.zip")
        assert not (tmp_path / "new").exists()

    def test_an_archive_of_another_schema_version(self, place, tmp_path):
        path, database = written(filled(place("sqlite")), tmp_path / "a.zip"), place("sqlite")
        rewritten(path, with_manifest(schema="0000"))
        with pytest.raises(InputError, match=r"schema version 0000, this RiskOps has .*riskops migrate"):
            archive.restore(database, path)
        assert is_empty(database)

    @pytest.mark.parametrize(
        "change",
        [
            lambda m: m | {"trades.jsonl": m["trades.jsonl"].replace(b"SPY", b"QQQ")},
            lambda m: m | {"traders.jsonl": b"".join(m["traders.jsonl"].splitlines(keepends=True)[:1])},
            lambda m: m | {"traders.jsonl": m["traders.jsonl"] * 2},
            lambda m: {k: v for k, v in m.items() if k != "seals.jsonl"},
            lambda m: {k: v for k, v in m.items() if k != archive.MANIFEST},
            lambda m: m | {archive.MANIFEST: b"[]"},
            lambda m: m | {archive.MANIFEST: b"\xff"},
            with_manifest(format="a novel"),
            with_manifest(tables={}),
            with_manifest(tables=None),
        ],
    )
    def test_an_archive_that_is_not_what_its_manifest_says(self, change, place, tmp_path):
        path, database = written(filled(place("sqlite")), tmp_path / "a.zip"), place("sqlite")
        rewritten(path, change)
        with pytest.raises(InputError, match=r"a\.zip is no whole backup.*take another one"):
            archive.restore(database, path)
        assert is_empty(database)

    def test_an_archive_with_any_byte_missing_or_changed(self, place, tmp_path):
        path = written(filled(place("sqlite")), tmp_path / "a.zip")
        whole = path.read_bytes()
        damaged = [whole[:n] for n in range(0, len(whole), 97)]
        middle = len(whole) // 2
        damaged.append(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
        for content in damaged:
            path.write_bytes(content)
            with pytest.raises(InputError, match="no whole backup"):
                archive.check(path)

    def test_rows_that_the_tables_do_not_accept(self, place, tmp_path):
        """A forger can make the checksums right; the tables' own constraints still hold."""

        def forged(members):
            lines = members["trades.jsonl"].replace(b'"long"', b'"sideways"')
            manifest = json.loads(members[archive.MANIFEST])
            manifest["tables"]["trades"]["sha256"] = archive.hashlib.sha256(lines).hexdigest()
            return members | {"trades.jsonl": lines, archive.MANIFEST: json.dumps(manifest).encode()}

        path, database = written(filled(place("sqlite")), tmp_path / "a.zip"), place("sqlite")
        rewritten(path, forged)
        with pytest.raises(InputError, match="cannot be restored, nothing was"):
            archive.restore(database, path)
        assert is_empty(database)

    def test_a_file_that_is_not_there(self, place, tmp_path):
        with pytest.raises(InputError, match="cannot be read: No such file"):
            archive.check(tmp_path / "a.zip")


class TestWritten:
    def test_only_its_owner_may_read_it(self, place, tmp_path):
        before = os.umask(0)
        try:
            path = written(filled(place("sqlite")), tmp_path / "a.zip")
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_file_that_is_there_stays(self, place, tmp_path):
        (tmp_path / "a.zip").write_text("precious")
        with pytest.raises(InputError, match=r"is there already.*another"):
            written(filled(place("sqlite")), tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_text() == "precious"

    def test_a_folder_that_is_not_there_has_a_remedy(self, place, tmp_path):
        with pytest.raises(InputError, match=r"cannot be written .*No such file.*Name a folder"):
            written(filled(place("sqlite")), tmp_path / "missing" / "a.zip")

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_it_shows_one_state_although_others_write(self, kind, place, tmp_path, monkeypatch):
        database = filled(place(kind))
        before, write_table = rows_of(database), archive._write_table

        def interrupted(connection, file, table):
            if table is trades:
                with database.writing() as other:
                    other.execute(trades.insert(), [trade(99)])
                    other.execute(traders.insert(), [{"trader_id": "late", "name": "late"}])
            return write_table(connection, file, table)

        monkeypatch.setattr(archive, "_write_table", interrupted)
        path, new = written(database, tmp_path / "a.zip"), place(kind)
        monkeypatch.undo()
        archive.restore(new, path)
        assert rows_of(new) == before != rows_of(database)

    def test_what_was_stopped_half_way_leaves_no_file(self, place, tmp_path, monkeypatch):
        database = filled(place("sqlite"))
        monkeypatch.setattr(archive, "_rows", _stopped_after(archive._rows, 3))
        with pytest.raises(KeyboardInterrupt):
            written(database, tmp_path / "a.zip")
        assert list(tmp_path.glob("**/*a.zip*")) == []

    def test_a_table_missing_from_the_database_is_an_error_with_a_name(self, place, tmp_path):
        with pytest.raises(StoreError):
            written(place("sqlite"), tmp_path / "a.zip")
        assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restore_stopped_half_way_leaves_an_empty_database(kind, place, tmp_path, monkeypatch):
    old, new = filled(place("sqlite")), place(kind)
    path = written(old, tmp_path / "a.zip")
    monkeypatch.setattr(archive, "_archived", _stopped_after(archive._archived, 5))
    with pytest.raises(KeyboardInterrupt):
        archive.restore(new, path)
    assert is_empty(new)
    monkeypatch.undo()
    assert archive.restore(new, path)
    assert rows_of(new) == rows_of(old)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.campaign
def test_memory_does_not_grow_with_the_desk(kind, place, tmp_path, monkeypatch):
    """Six times the trades take less than twice the memory, to write and to restore."""
    monkeypatch.setattr(archive, "CHUNK", 50)
    few, many = (_peak(place, kind, tmp_path / f"{rows}.zip", rows) for rows in (500, 3_000))
    assert many < 2 * few


def _peak(place, kind, path, rows):
    database, new = filled(place(kind), [trade(n) for n in range(2, rows)]), place(kind)
    schema.upgrade(new)
    with _traced() as peak:
        archive.restore(new, written(database, path))
    return peak[0]


@contextmanager
def _traced():
    peak = []
    tracemalloc.start()
    yield peak
    peak.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()


def _stopped_after(function, tables):
    """Return the function, interrupted as by Ctrl-C when it is called once too often."""
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) > tables:
            raise KeyboardInterrupt
        return function(*arguments)

    return stopped
