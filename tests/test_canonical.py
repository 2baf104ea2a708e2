"""A record of decision is the same bytes for the same decision, and says where another one differs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from riskops import canonical
from riskops.canonical import RecordOfDecision, as_text, first_difference

MOMENT = datetime(2026, 3, 16, 10, 5, tzinfo=UTC)
RECORD = RecordOfDecision(
    session=date(2026, 3, 16),
    revision=0,
    cut_off=MOMENT,
    code_version="1",
    rung=2,
    verdict="rules_hold",
    why="the rules",
    decisions={"3942": {"reasons": ["Drawdown 18.2%"], "limit_cents": 300_000}},
    stages={"ingest": {"state": "done", "detail": {"accounts": 15, "failures": {}}}},
    quality=[],
    rules={"3942": {"reduction": 40}},
    model={},
    own_models={},
    comparison={"e_values": [0.1, 1e-7, 3.0, 0.30000000000000004]},
    ledger=[],
)
DOCUMENT = RECORD.document()


def changed(path, value):
    """Return the document with another value at a place."""
    document = json.loads(as_text(DOCUMENT))
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    place[last] = value
    return document


def test_the_text_has_sorted_keys_fixed_separators_and_short_floats():
    text = as_text({"b": [0.1, 1e-7, 3.0, -0.0], "a": {"ž": "é", "e": True, "d": None}})
    assert text == '{"a":{"d":null,"e":true,"ž":"é"},"b":[0.1,1e-07,3.0,-0.0]}'


def test_the_order_in_which_a_document_was_made_does_not_matter():
    turned = dict(reversed(list(DOCUMENT.items())))
    assert as_text(turned) == as_text(DOCUMENT)


def test_a_moment_is_the_same_text_in_every_zone():
    elsewhere = replace(RECORD, cut_off=MOMENT.astimezone(timezone(timedelta(hours=-4))))
    assert elsewhere.document()["cut_off"] == "2026-03-16T10:05:00Z"
    assert as_text(elsewhere.document()) == as_text(DOCUMENT)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_told_and_stops_no_morning(value):
    assert as_text({"gain": value}) == f'{{"gain":"{value!r}"}}'


def test_what_is_read_back_is_the_document():
    assert json.loads(as_text(DOCUMENT)) == DOCUMENT
    assert first_difference(json.loads(as_text(DOCUMENT)), DOCUMENT) is None


def test_the_digest_is_of_the_bytes():
    assert canonical.digest("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (
            ("decisions", "3942", "reasons", 0),
            "none",
            "decisions[3942].reasons[0]: recorded 'Drawdown 18.2%', replayed 'none'",
        ),
        (("decisions", "3943"), {}, "decisions[3943]: recorded nothing there, replayed {}"),
        (("comparison", "e_values", 1), 2e-7, "comparison.e_values[1]: recorded 1e-07, replayed 2e-07"),
        (("comparison", "e_values", 2), 3, "comparison.e_values[2]: recorded 3.0, replayed 3"),
        (("rules", "3942", "reduction"), True, "rules[3942].reduction: recorded 40, replayed True"),
        (("ledger",), [{}], "ledger[0]: recorded nothing there, replayed {}"),
        (("comparison",), None, "comparison: recorded {'e_values': [0.1, 1e-07, 3.0, 0.3"),
    ],
)
def test_the_first_difference_is_named_by_its_place(path, value, named):
    assert str(first_difference(DOCUMENT, changed(path, value))).startswith(named)


def test_a_long_value_is_cut_in_the_message():
    found = first_difference({"text": "a" * 10_000}, {"text": "b"})
    assert len(str(found)) < 300
