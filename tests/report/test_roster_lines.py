"""Changes of the roster in words: each says who, what, from when on, by whom and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from riskops.records import Account, BaseLimit, Entered, RosterChange, RosterEntry, RosterState, Trader
from riskops.report.roster_lines import MOST_CHANGES, in_words, roster_lines

MOMENT = datetime(2026, 3, 16, 10, 5, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 3, 16), date(2026, 3, 17)
NAMES = {"3951": "Owen Gallagher"}


def changed(record, why="cooling off", *, withdrawn=False):
    return RosterChange(record, Entered(MOMENT, MOMENT, "R. Manager", why), withdrawn)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (RosterEntry("3951", MONDAY, RosterState.SUSPENDED), "3951 suspended from 2026-03-16"),
        (BaseLimit("3951", MONDAY, 250_050), "3951 base limit $2,500.50 from 2026-03-16"),
        (Account("A1", "3951", MONDAY), "3951 account A1 from 2026-03-16"),
        (Account("A1", "3951", MONDAY, TUESDAY), "3951 account A1 from 2026-03-16 until 2026-03-17"),
        (Trader("3951", "Owen Holm"), "3951 is called Owen Holm"),
    ],
)
def test_a_change_says_what_it_is(record, said):
    assert in_words(changed(record)) == said
    assert in_words(changed(record, withdrawn=True)) == f"withdrawn: {said}"


def test_a_line_of_the_mail_names_the_trader_and_whose_word_it_is():
    (line,) = roster_lines([changed(RosterEntry("3951", MONDAY, RosterState.LEFT))], NAMES)
    assert line == "Roster: Trader 3951 (Owen Gallagher) left from Mon 16 Mar (R. Manager: cooling off)"


def test_a_reason_can_neither_begin_a_line_nor_go_on_for_ever():
    (line,) = roster_lines([changed(BaseLimit("3951", MONDAY, 100), "a\nb\u202e" + "c" * 900)], NAMES)
    assert "(R. Manager: a b" in line
    assert line.isprintable()
    assert len(line) < 450


def test_many_changes_are_counted():
    lines = roster_lines([changed(BaseLimit("3951", MONDAY, 100))] * (MOST_CHANGES + 2), NAMES)
    assert len(lines) == MOST_CHANGES + 1
    assert lines[-1] == "Roster: 2 more changes, see `riskops roster history`"


def test_no_change_is_no_line():
    assert roster_lines([], NAMES) == []
