"""The outbox: what a mail goes through, and what it does to its session."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from riskops.errors import SealedError, StoreError
from riskops.records import Picture
from riskops.store import database as store_database
from riskops.store import mornings as store_mornings
from riskops.store.database import Database
from riskops.store.mornings import Mornings, put_report
from riskops.store.outbox import Outbox, message_id, outbox_key
from riskops.store.schema import upgrade
from riskops.store.seal import is_frozen
from riskops.store.tables import report_images
from tests.delivery_process import NOW, SESSION, report
from tests.desks import database_url
from tests.golden.mornings import publication


@pytest.fixture
def database(folder):
    made = Database(database_url(folder))
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def outbox(database):
    return Outbox(database)


@pytest.fixture
def key(outbox):
    return outbox.prepare(report(), "test", ["a@example.com"])[0]


def test_every_recipient_has_a_pending_row(outbox):
    keys = outbox.prepare(report(), "test", ["a@example.com", "b@example.com"])
    rows = outbox.rows(SESSION, 0)
    assert [row.recipient for row in rows] == ["a@example.com", "b@example.com"]
    assert {row.key for row in rows} == set(keys)
    assert {(row.state, row.attempts) for row in rows} == {("pending", 0)}


def test_preparing_again_refreshes_what_is_pending(outbox, key):
    outbox.prepare(report(subject="newer"), "test", ["a@example.com"])
    assert [row.subject for row in outbox.rows(SESSION, 0)] == ["newer"]
    assert outbox.row(key).attempts == 0


@pytest.mark.parametrize("state", ["sending", "sent", "refused"])
def test_preparing_again_never_changes_what_has_begun(outbox, key, state):
    outbox.begin(key)
    if state == "sent":
        outbox.accepted(key, NOW)
    if state == "refused":
        outbox.not_accepted(key, "550 no", final=True)
    before = outbox.row(key)
    assert before.state == state
    outbox.prepare(report(subject="newer", text="newer"), "test", ["a@example.com"])
    assert outbox.row(key) == before


def drawn(*names):
    html = "".join(f'<img src="cid:{name}" alt="">' for name in names)
    return report(html=html, pictures=tuple(Picture(name, name.encode()) for name in names))


def test_a_mail_has_the_pictures_that_its_html_names_in_its_order(database, outbox):
    archived = drawn("b@riskops", "a@riskops")
    Mornings(database).archive(archived, {})
    (key,) = outbox.prepare(archived, "test", ["a@example.com"])
    assert outbox.pictures(outbox.row(key)) == archived.pictures
    assert Mornings(database).report(SESSION, 0, "limits") == archived


def test_a_mail_that_has_begun_keeps_its_pictures_whatever_is_composed_later(database, outbox):
    first, second = drawn("a@riskops"), drawn("b@riskops")
    Mornings(database).archive(first, {})
    (key,) = outbox.prepare(first, "test", ["a@example.com"])
    outbox.begin(key)
    with database.writing() as connection:
        put_report(connection, second, {})
    outbox.prepare(second, "test", ["a@example.com"])
    assert outbox.pictures(outbox.row(key)) == first.pictures


def test_pictures_of_an_earlier_composition_are_forgotten_while_no_mail_names_them(database, outbox):
    first, second = drawn("a@riskops", "b@riskops"), drawn("b@riskops", "c@riskops")
    Mornings(database).archive(first, {})
    Mornings(database).archive(second, {})
    with database.reading() as connection:
        kept = set(connection.execute(sa.select(report_images.c.content_id)).scalars())
    assert kept == {"b@riskops", "c@riskops"}


def test_a_mail_of_last_resort_has_no_pictures(database, outbox, key):
    Mornings(database).archive(drawn("a@riskops"), {})
    assert outbox.pictures(outbox.row(key)) == ()


def test_the_key_tells_mails_apart_and_gives_the_message_id():
    parts = ("test", SESSION, "limits", 0, "a@example.com")
    others = [
        ("prod", *parts[1:]),
        (*parts[:2], "minimal", *parts[3:]),
        (*parts[:3], 1, parts[4]),
        (*parts[:4], "b@example.com"),
    ]
    assert len({outbox_key(*parts), *(outbox_key(*other) for other in others)}) == 5
    assert message_id("ab" * 32) == f"<{'ab' * 16}@riskops>"


def test_the_first_begin_is_not_doubtful_and_one_after_a_crash_is(outbox, key):
    assert outbox.begin(key) is False
    assert outbox.begin(key) is True
    assert outbox.row(key).attempts == 2


def test_a_mail_that_was_surely_not_accepted_is_pending_again_with_its_problem(outbox, key):
    outbox.begin(key)
    outbox.not_accepted(key, "451 later", final=False)
    assert (outbox.row(key).state, outbox.row(key).problem) == ("pending", "451 later")
    assert outbox.begin(key) is False


@pytest.mark.parametrize("final", [True, None])
def test_a_mail_that_was_sent_or_refused_cannot_begin_again(outbox, key, final):
    outbox.begin(key)
    if final:
        outbox.not_accepted(key, "550 no", final=True)
    else:
        outbox.accepted(key, NOW)
    with pytest.raises(SealedError, match="ask for a revision"):
        outbox.begin(key)


def test_a_limits_mail_that_is_leaving_freezes_its_session(database, outbox, key):
    mornings = Mornings(database)
    assert not mornings.is_frozen(SESSION, 0)
    outbox.begin(key)
    assert mornings.is_frozen(SESSION, 0)
    assert mornings.publish(publication(), {}) is False


def test_no_mail_begins_while_the_limits_of_its_session_are_being_published(
    database, outbox, key, monkeypatch
):
    def asked_meanwhile(connection, session, revision):
        with pytest.raises(StoreError, match="lock"):
            outbox.begin(key)
        return is_frozen(connection, session, revision)

    monkeypatch.setattr(store_database, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(store_mornings, "is_frozen", asked_meanwhile)
    assert Mornings(database).publish(publication(), {}) is True
    assert outbox.row(key).state == "pending"
    assert outbox.begin(key) is False


def test_a_mail_that_did_not_leave_lets_its_session_go(database, outbox, key):
    outbox.begin(key)
    outbox.not_accepted(key, "451 later", final=False)
    assert Mornings(database).publish(publication(), {}) is True


def test_a_doubt_keeps_the_session_frozen_and_the_reason(database, outbox, key):
    outbox.begin(key)
    outbox.in_doubt(key, "cut off")
    assert (outbox.row(key).state, outbox.row(key).problem) == ("sending", "cut off")
    assert Mornings(database).is_frozen(SESSION, 0)


def test_acceptance_seals_the_session_and_keeps_the_published_limits(database, outbox, key):
    Mornings(database).publish(publication(), {})
    outbox.begin(key)
    outbox.accepted(key, NOW)
    with database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM published_limits").scalar_one()
        sealed = connection.exec_driver_sql("SELECT count(*) FROM seals").scalar_one()
    assert (outbox.row(key).state, kept, sealed) == ("sent", 15, 1)


def test_another_kind_of_mail_seals_nothing(database, outbox):
    key = outbox.prepare(report(kind="alert"), "test", ["a@example.com"])[0]
    outbox.begin(key)
    outbox.accepted(key, NOW)
    assert not Mornings(database).is_frozen(SESSION, 0)


def test_rows_are_those_of_one_session_and_revision(outbox, key):
    outbox.prepare(report(revision=1), "test", ["a@example.com"])
    assert [row.key for row in outbox.rows(SESSION, 0)] == [key]
    assert [row.revision for row in outbox.rows(SESSION, 1)] == [1]
