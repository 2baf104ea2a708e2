"""Overrides that a mail has no entry of, in words."""

from __future__ import annotations

from dataclasses import replace

from riskops.overrides import Others
from riskops.records import TakenBack
from riskops.report.override_lines import MOST_OVERRIDES, override_lines
from tests.golden.mornings import CUT_OFF, word

WORD = word(12, "3942", 60, "news on the stock")
NAMES = {"3942": "Daniel Mercer"}
LABEL = "Override 12 of Trader 3942 (Daniel Mercer)"
NOTHING = Others({}, (), (), (), ())


def lines(**of):
    return override_lines(replace(NOTHING, **of), NAMES)


def test_nothing_to_tell_is_no_line():
    assert lines() == []


def test_one_that_is_over_says_that_the_decided_limit_is_back():
    assert lines(ended=(WORD,)) == [f"{LABEL} is over, the decided limit is back"]


def test_one_that_is_over_behind_another_says_which_counts():
    now = {"3942": replace(WORD, number=11)}
    assert lines(ended=(WORD,), now=now) == [f"{LABEL} is over, override 11 counts"]


def test_one_that_was_taken_back_says_by_whom_and_why():
    ended = replace(WORD, taken_back=TakenBack(CUT_OFF, "bob", "calm\nagain"))
    assert lines(ended=(ended,)) == [f"{LABEL} was taken back by bob (calm again), the decided limit is back"]


def test_one_that_is_to_come_says_what_it_is():
    assert lines(coming=(WORD,)) == [
        f"{LABEL} does not act yet: 60% from Mon 16 Mar until Fri 20 Mar by anna: news on the stock"
    ]


def test_one_that_gives_way_and_one_that_ends_say_so():
    assert lines(given_way=((WORD, 13),)) == [f"{LABEL} gives way to override 13"]
    assert lines(ending=(WORD,)) == [f"{LABEL} ends with this session"]


def test_many_are_counted_not_listed():
    told = lines(coming=(WORD,) * (MOST_OVERRIDES + 2))
    assert (len(told), told[-1]) == (
        MOST_OVERRIDES + 1,
        "and 2 more lines of overrides: riskops override list",
    )
