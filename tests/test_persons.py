"""Whose word it is: a trader is known by whatever way his name is written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops.errors import InputError
from riskops.persons import in_one_line, said, trader_named
from riskops.records import Trader

DANIEL, OWEN = Trader("3942", "Daniel Mercer"), Trader("3951", "")
DESK = (DANIEL, OWEN)


@pytest.mark.parametrize(
    "by",
    [
        *("3942", " 3942 ", "Daniel Mercer", "daniel  MERCER", "Daniel\tMercer", "Trader 3942"),
        *("trader 3942 (Daniel Mercer)", "3942@desk.example", "daniel.mercer@desk.example"),
        *("Daniel_Mercer@desk.example", "daniel-mercer+risk@desk.example", "３９４２", "Ｄaniel Mercer"),
    ],
)
def test_a_trader_is_known_by_id_name_label_and_mail_address(by):
    assert trader_named(by, DESK) is DANIEL


@pytest.mark.parametrize("by", ["", "anna", "Daniel", "Mercer", "39", "39422", "anna@3942.example", "@"])
def test_whoever_is_not_named_in_full_is_nobody_of_them(by):
    assert trader_named(by, DESK) is None


def test_a_trader_without_a_name_is_known_by_the_id_alone():
    assert trader_named("3951", DESK) is OWEN


@given(st.text(max_size=20), st.text(max_size=20))
def test_whoever_writes_a_trader_s_own_id_or_name_is_that_trader(trader_id, name):
    trader = Trader(trader_id, name)
    for word in (trader_id, name):
        named = trader_named(word, [trader])
        assert named is (trader if in_one_line(unicodedata.normalize("NFKC", word)) else None)


@pytest.mark.parametrize(
    ("text", "recorded"), [("why", "why"), (" a  lot\nof it", "a lot of it"), ("ünï", "ünï")]
)
def test_words_are_recorded_in_one_line(text, recorded):
    assert said(text, "why", 11) == recorded


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" \n", "Say why: nothing is said"),
        ("a" * 9, "write up to 8 printable characters"),
        ("a\x07b", "does not say why"),
        ("a\u202eb", "does not say why"),
    ],
)
def test_no_words_too_many_or_some_that_hide_others_are_refused(text, told):
    with pytest.raises(InputError, match=told):
        said(text, "why", 8)
