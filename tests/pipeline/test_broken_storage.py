"""A full disk, a database that only reads or goes away: nothing is half written, later it works."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from riskops.errors import DeliveryError, ModelError, StoreError
from riskops.pipeline.choose import choose
from riskops.pipeline.ingest import ingest
from riskops.pipeline.load import load_file
from riskops.pipeline.send import send
from riskops.records import Rung, Verb
from riskops.store.outbox import Outbox
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, database_url, each_verb, on_the_morning, opened, run_for
from tests.postgres_server import ADMINISTRATION
from tests.small_desks import NIGHT, csv_desk, night_file, quiet, row, write_csv

RUN = run_for(SESSION)
TRADERS = ("3942", "3943", "3951")
MANY_ROWS = [row(trader, NIGHT, 1.0, f"{trader}-{n}") for trader in TRADERS for n in range(700)]
DECIDING = [verb for verb in each_verb() if verb.__name__ != "send"]


def fill(folder):
    """Make a desk of three traders whose night lies in the inbox, not fetched yet."""
    csv_desk(folder, dict.fromkeys(TRADERS, quiet()[:40]), last=CALENDAR.previous(NIGHT)).store.close()
    night_file(folder, MANY_ROWS)
    return folder


@pytest.fixture
def evening(sqlite_folder):
    return fill(sqlite_folder)


def open_again(folder, **changes):
    return opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv", **changes)


def perform(desk, verbs):
    for verb in verbs:
        try:
            verb(desk, RUN)
        except ModelError:
            continue


@contextmanager
def on_every_connection(desk, *statements):
    """Say something on every new connection of a desk on SQLite."""

    def speak(connection, _record):
        for statement in statements:
            connection.execute(statement)

    engines = (desk.store.database._writers, desk.store.database._readers)
    for engine in engines:
        event.listen(engine, "connect", speak)
    yield
    for engine in engines:
        event.remove(engine, "connect", speak)


def full_disk(desk):
    """Let the file of the database grow no further."""
    with desk.store.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return on_every_connection(desk, f"PRAGMA max_page_count = {pages + 4}")


def is_clear(error):
    assert (error.exit_code, error.retryable) == (22, True)
    assert "Look at its server, its disk and RISKOPS_DATABASE_URL." in str(error)


class TestFullDisk:
    @pytest.mark.fault(
        what="the disk of the risk database is full",
        gets="nothing half written; the same limits once there is room, tried again by itself",
        rung="2",
        label="StoreError, exit code 22",
        told="on-call, through the task that is given up",
    )
    def test_the_night_is_stored_whole_or_not_at_all_and_again_when_there_is_room(self, evening):
        with open_again(evening) as desk:
            before = content_of(desk, since=NIGHT)
            with full_disk(desk), pytest.raises(StoreError, match="full") as caught:
                ingest(desk, RUN)
            is_clear(caught.value)
            after = content_of(desk, since=NIGHT)
            kept = ("trades", "daily_results", "coverage", "cut_offs")
            assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
            assert ingest(desk, RUN)["new_trades"] == len(MANY_ROWS)

    def test_a_file_of_history_is_loaded_whole_or_not_at_all(self, evening):
        rows = [r | {"trade_id": "x" + r["trade_id"]} for r in MANY_ROWS]
        file = write_csv(evening / "more.csv", rows)
        with open_again(evening) as desk:
            before = content_of(desk)
            with full_disk(desk), pytest.raises(StoreError, match="full") as caught:
                load_file(desk, file, "closed_trades")
            is_clear(caught.value)
            assert content_of(desk) == before
            assert load_file(desk, file, "closed_trades")["new_trades"] == len(rows)


class TestOutput:
    @pytest.mark.fault(
        what="the output folder cannot be written",
        gets="committed limits; the mail leaves, once, when the folder is back",
        rung="2",
        label="DeliveryError, exit code 20, names RISKOPS_OUTPUT",
        told="on-call, through the task that is given up",
    )
    @pytest.mark.parametrize("place", ["/proc/riskops", "/dev/null", "/dev/full/out"])
    def test_the_limits_stand_and_the_mail_leaves_once_when_it_is_back(self, place, evening):
        with open_again(evening) as desk:
            perform(desk, DECIDING)
            broken = replace(desk, settings=replace(desk.settings, output=Path(place)))
            with pytest.raises(DeliveryError, match="RISKOPS_OUTPUT") as caught:
                send(broken, RUN)
            assert caught.value.retryable
            assert not desk.store.mornings.is_frozen(SESSION, 0)
            assert desk.store.mornings.publication(SESSION, 0).rung is Rung.RULES
            assert send(desk, RUN)["delivered"] == ["files"]
            assert [r.state for r in Outbox(desk.store.database).rows(SESSION, 0)] == ["sent"]


class TestReadOnly:
    @pytest.mark.fault(
        what="the risk database can be read and not written",
        gets="nothing half written; the record can still be asked; no mail until it can be written",
        rung="-",
        label="StoreError, exit code 22",
        told="on-call, through the task that is given up",
    )
    def test_on_sqlite_every_verb_says_so_and_changes_nothing(self, evening):
        with open_again(evening) as desk:
            perform(desk, DECIDING)
            before = content_of(desk)
            with on_every_connection(desk, "PRAGMA query_only = ON"):
                for verb in each_verb():
                    with pytest.raises(StoreError, match="readonly database") as caught:
                        verb(desk, RUN)
                    is_clear(caught.value)
                assert desk.store.mornings.publication(SESSION, 0) is not None
            assert content_of(desk) == before

    def test_on_postgresql_every_verb_says_so_and_changes_nothing(self, postgresql_folder):
        url = sa.make_url(database_url(fill(postgresql_folder)))
        with open_again(postgresql_folder) as desk:
            before = content_of(desk)
            administer(url, f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = on')
            desk.store.close()
            for verb in each_verb():
                with pytest.raises(StoreError, match="read-only transaction") as caught:
                    verb(desk, RUN)
                is_clear(caught.value)
            assert content_of(desk) == before


def administer(url, statement):
    engine = sa.create_engine(
        url.set(database=ADMINISTRATION), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def cut_connections(url):
    """End every connection to a database, as a server that restarts does."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    administer(url, f"{others}'{url.database}'")


class TestDatabaseGone:
    @pytest.mark.fault(
        what="the database server restarts between two verbs",
        gets="the limits of an undisturbed morning",
        rung="2",
        label="rules",
        told="nobody: nothing is lost",
    )
    def test_connections_lost_between_two_verbs_are_made_again(self, postgresql_folder):
        url = sa.make_url(database_url(fill(postgresql_folder)))
        with open_again(postgresql_folder) as desk:
            for verb in each_verb():
                perform(desk, [verb])
                cut_connections(url)
            assert desk.store.mornings.is_frozen(SESSION, 0)
            assert desk.store.mornings.publication(SESSION, 0).rung is Rung.RULES

    @pytest.mark.fault(
        what="the database server goes while the night is being stored",
        gets="nothing half written; tried again by itself, then the same limits",
        rung="2",
        label="StoreError, exit code 22",
        told="on-call, through the task that is given up",
    )
    def test_a_connection_lost_in_the_middle_leaves_nothing_and_again_it_works(self, postgresql_folder):
        url = sa.make_url(database_url(fill(postgresql_folder)))
        with open_again(postgresql_folder) as desk:
            before = content_of(desk)
            with pytest.raises(StoreError) as caught, cut_while_stored(desk, url):
                ingest(desk, RUN)
            is_clear(caught.value)
            after = content_of(desk)
            assert {name for name in after if after[name] != before[name]} <= {"stage_outcomes"}
            assert ingest(desk, RUN)["new_trades"] == len(MANY_ROWS)

    def test_a_server_that_is_not_there_at_all_is_an_error_with_a_name(self, evening):
        with open_again(evening) as desk:
            perform(desk, DECIDING)
        with pytest.raises(StoreError, match=r"[Cc]onnection") as caught:
            open_again(evening, RISKOPS_DATABASE_URL="postgresql+psycopg://127.0.0.1:9/risk")
        is_clear(caught.value)

    def test_what_was_not_done_when_the_database_went_is_chosen_from_as_missing(self, postgresql_folder):
        url = sa.make_url(database_url(fill(postgresql_folder)))
        with open_again(postgresql_folder) as desk:
            with pytest.raises(StoreError), cut_while_stored(desk, url):
                ingest(desk, RUN)
            perform(desk, DECIDING[1:5])
            assert Verb.INGEST in desk.store.mornings.stages(SESSION, 0)
            assert choose(desk, RUN)["route"] == "hold_limits"


@contextmanager
def cut_while_stored(desk, url):
    """Let the database go while the days that a source told are written."""
    tell = desk.store.transactions.tell

    def cut(days, *more):
        def told():
            for day in days:
                yield day
                cut_connections(url)

        return tell(told(), *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.store.transactions, "tell", cut)
        yield
