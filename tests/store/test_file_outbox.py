"""The outbox in files makes the promises of the outbox in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from riskops.errors import LimitsFileError, SealedError
from riskops.store.file_outbox import FileOutbox
from riskops.store.outbox import PENDING, REFUSED, SENDING, SENT, Outbox
from riskops.store.schema import upgrade
from tests.delivery_process import NOW, SESSION, database, report

TWO = ("a@example.com", "b@example.com")


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def outbox(request, tmp_path):
    """Return each kind of outbox: both pass the same tests."""
    if request.param == "files":
        yield FileOutbox(tmp_path / "mails")
        return
    made = database(request.getfixturevalue(f"{request.param}_folder"))
    upgrade(made)
    yield Outbox(made)
    made.close()


def prepared(outbox, mail=None):
    return outbox.prepare(mail or report(), "desk", TWO)


def test_a_mail_has_the_same_key_and_message_id_in_either(folder):
    (one, _) = prepared(FileOutbox(folder / "one"))
    made = database(folder)
    upgrade(made)
    assert prepared(Outbox(made))[0] == one
    assert Outbox(made).row(one) == FileOutbox(folder / "one").row(one)
    made.close()


def test_preparing_again_refreshes_pending_mails_and_no_others(outbox):
    first, second = prepared(outbox)
    outbox.begin(first)
    prepared(outbox, report(text="newer"))
    assert (outbox.row(first).text, outbox.row(second).text) == (report().text, "newer")


STEPS: dict[str, tuple[Callable, str]] = {
    "accepted": (lambda o, key: o.accepted(key, NOW), SENT),
    "refused": (lambda o, key: o.not_accepted(key, "550 no", final=True), REFUSED),
    "postponed": (lambda o, key: o.not_accepted(key, "451 busy", final=False), PENDING),
    "in doubt": (lambda o, key: o.in_doubt(key, "cut off"), SENDING),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_outcome_has_its_state(name, outbox):
    step, state = STEPS[name]
    key, _ = prepared(outbox)
    assert not outbox.begin(key)
    step(outbox, key)
    row = outbox.row(key)
    assert (row.state, row.attempts) == (state, 1)


def test_a_sender_that_left_no_word_is_noticed_by_the_next(outbox):
    key, _ = prepared(outbox)
    assert not outbox.begin(key)
    assert outbox.begin(key)


@pytest.mark.parametrize("name", ["accepted", "refused"])
def test_a_mail_that_has_ended_is_not_begun_again(name, outbox):
    key, _ = prepared(outbox)
    outbox.begin(key)
    STEPS[name][0](outbox, key)
    with pytest.raises(SealedError):
        outbox.begin(key)


def test_files_tell_all_mails_and_when_the_first_was_accepted(tmp_path):
    outbox = FileOutbox(tmp_path / "mails")
    assert (outbox.rows(), outbox.first_accepted_at()) == ((), None)
    first, second = prepared(outbox)
    for key, moment in ((first, NOW + timedelta(minutes=1)), (second, NOW)):
        outbox.begin(key)
        outbox.accepted(key, moment)
    assert [row.recipient for row in outbox.rows()] == list(TWO)
    assert outbox.first_accepted_at() == NOW
    assert replace(outbox.row(first), state=PENDING).session == SESSION


@pytest.mark.parametrize("what", [b"", b"{", b"[]", b'{"mail": {}}', b'{"mail": 7, "accepted_at": 7}'])
def test_a_file_that_is_no_mail_is_told_by_name_with_the_remedy(what, tmp_path):
    outbox = FileOutbox(tmp_path / "mails")
    key, _ = prepared(outbox)
    (tmp_path / "mails" / f"{key}.json").write_bytes(what)
    for reading in (lambda: outbox.row(key), outbox.rows, outbox.first_accepted_at):
        with pytest.raises(LimitsFileError, match=rf"{key}.json cannot be read: .* then remove it"):
            reading()
