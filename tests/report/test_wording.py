"""The words of the mail, one at a time."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.records import Engine, Rung
from riskops.report.wording import (
    flip_distance,
    listing,
    notes,
    one_line,
    printable,
    reasons,
    share,
    trader_label,
    way_back,
)
from tests.golden.mornings import decision, held


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_one_line_is_one_printable_line_however_hostile_the_text(text):
    line = one_line(text)
    assert len(line) <= 300
    assert not any(unicodedata.category(c)[0] == "C" for c in line)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=600))
def test_a_printable_text_is_one_line_of_which_one_line_is_the_start(text):
    line = printable(text)
    assert len(line.splitlines()) <= 1
    assert line.startswith(one_line(text).removesuffix("…"))


def test_our_own_sentences_are_never_cut_short():
    long = "word " * 200 + "end"
    said = decision("1", 50, reasons=(long,), way_back=long, notes=(long + " of note",))
    assert reasons(said) == long
    assert way_back(said) == (long.capitalize(),)
    assert notes(said) == (long + " of note",)


def test_a_note_takes_the_place_of_the_reason_it_tells_more_fully():
    said = decision(
        "1",
        20,
        reasons=("Loss streak (3 days)", "Probation (6 active days)", "2 large losses of late"),
        notes=("Probation: 6 of 10 active days", "2 results estimated"),
    )
    assert reasons(said) == "Loss streak (3 days), Probation: 6 of 10 active days, 2 large losses of late"
    assert notes(said) == ("2 results estimated",)


def test_the_model_s_part_of_a_cut_is_part_of_the_way_back():
    raised = decision("1", 40, engine=Engine.POOLED_MODEL, way_back="")
    assert way_back(raised) == ("Pooled model: it scores anew every morning",)


def test_one_line_keeps_ordinary_text():
    assert one_line("Zoë  Müller\t(desk 2)") == "Zoë Müller (desk 2)"


@pytest.mark.parametrize(
    ("name", "label"),
    [("Trader 7", "Trader 7"), ("7", "Trader 7"), ("", "Trader 7"), ("Ann Lee", "Trader 7 (Ann Lee)")],
)
def test_a_trader_is_called_by_id_and_by_name_where_it_says_more(name, label):
    assert trader_label("7", name) == label


@pytest.mark.parametrize(("part", "told"), [(0, "0 %"), (0.5, "0.5 %"), (12, "12 %"), (100, "100 %")])
def test_a_small_share_is_not_rounded_to_nothing(part, told):
    assert share(part, 100) == told


def test_a_listing_counts_what_it_leaves_out():
    assert listing(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listing(["a", "b"], 2) == "a, b"


def test_the_flip_distance_is_told_only_where_an_engine_decided():
    assert flip_distance(decision("1", 30)) == "$310 more loss on the last active day would raise the cut"
    assert flip_distance(decision("1", 80, flip_distance_cents=None)) == ""
    cents = decision("1", 30, flip_distance_cents=31_001)
    assert flip_distance(cents) == "$311 more loss on the last active day would raise the cut"
    model = decision("1", 30, engine=Engine.POOLED_MODEL)
    assert flip_distance(model) == "$310 more loss on the last active day would raise the rules' cut"
    assert flip_distance(held("1", 40)) == ""
    assert flip_distance(held("1", 50, rung=Rung.FLOOR)) == ""
