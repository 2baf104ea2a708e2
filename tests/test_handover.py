"""The fence: each sender hears what the other said of a mail."""

from __future__ import annotations

import pytest

from riskops.handover import Sender, Word, handing_over, last_word


def test_nothing_was_said_of_a_new_mail(tmp_path):
    assert last_word(tmp_path, "key", Sender.OUTBOX) is None
    with handing_over(tmp_path, "key") as handover:
        assert handover.last_word(Sender.OUTBOX) is None


@pytest.mark.parametrize("word", Word)
def test_the_last_word_of_each_sender_counts_and_is_its_own(word, tmp_path):
    with handing_over(tmp_path, "key") as handover:
        handover.say(Sender.OUTBOX, Word.SENDING)
        handover.say(Sender.OUTBOX, word)
        assert handover.last_word(Sender.OUTBOX) is word
        assert handover.last_word(Sender.EMERGENCY) is None
    assert last_word(tmp_path, "key", Sender.OUTBOX) is word


def test_another_mail_has_words_of_its_own(tmp_path):
    with handing_over(tmp_path, "key") as handover:
        handover.say(Sender.OUTBOX, Word.ACCEPTED)
    assert last_word(tmp_path, "other", Sender.OUTBOX) is None


def test_a_torn_line_is_no_word(tmp_path):
    (tmp_path / "key.handover").write_bytes(b"outbox accepted\noutbox sen\xff\nout")
    assert last_word(tmp_path, "key", Sender.OUTBOX) is Word.ACCEPTED


def test_where_no_word_can_be_kept_the_mail_leaves_all_the_same(tmp_path, caplog):
    (tmp_path / "locks").touch()
    with handing_over(tmp_path / "locks", "key") as handover:
        handover.say(Sender.OUTBOX, Word.SENDING)
    assert "Nothing keeps two senders apart" in caplog.text
