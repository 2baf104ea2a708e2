"""The trading platform's file: all of it is taken, or nothing and what is wrong, line by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from riskops import limits_file
from riskops.errors import InputError
from riskops.limits_file import State
from riskops.sources.read_back_file import MAX_FILE_BYTES, read_back_file
from tests.builders import SESSION
from tests.small_desks import DECISION, PUBLICATION

TRADERS = ("3942", "3951", "=4001")
GOOD = "trader_id,limit_usd\n3942,2500\n3951,3500.50\n"


@pytest.fixture
def reading(tmp_path):
    """Return what reads a file with a content."""

    def read(content, traders=TRADERS):
        path = tmp_path / "applied.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_back_file(path, SESSION, traders)

    return read


def refused(reading, content):
    with pytest.raises(InputError) as caught:
        reading(content)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        "note,limit_usd,trader_id\nx,2500,3942\n\n,3500.5,3951",
        f"trader_id,limit_usd,session\n3942,2500.00,{SESSION}\n3951,3500.50,{SESSION}\n",
    ],
    ids=["plain", "CRLF", "BOM", "other columns and blank lines", "with the session"],
)
def test_limits_are_read_in_cents(content, reading):
    assert reading(content).limits == {"3942": 250_000, "3951": 350_050}


def test_a_limit_of_nothing_blocks_and_is_read(reading):
    assert reading("trader_id,limit_usd\n3942,0\n").limits == {"3942": 0}


def test_our_own_file_given_back_is_accepted(reading):
    decisions = (DECISION, replace(DECISION, trader_id="=4001", limit_cents=123_456))
    ours = limits_file.limits_file(replace(PUBLICATION, decisions=decisions), "desk", State.SEALED)
    assert reading(limits_file.as_csv(ours)).limits == {"3942": 300_000, "=4001": 123_456}


def test_our_own_file_of_another_session_is_refused(reading):
    ours = limits_file.limits_file(
        replace(PUBLICATION, session=SESSION - timedelta(days=3)), "desk", State.SEALED
    )
    assert f"applied.csv:2: is of session '2026-03-13', not of {SESSION}" in refused(
        reading, limits_file.as_csv(ours)
    )


def test_the_digest_is_that_of_the_bytes(reading):
    assert reading(GOOD).digest != reading(GOOD + "\n").digest == reading(GOOD + "\n").digest


HEAD = "trader_id,limit_usd\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "applied.csv is empty"),
        ("\n \n", "applied.csv is empty"),
        (HEAD, "has a header and no rows"),
        ("trader,limit_usd\n3942,1\n", "applied.csv:1: column 'trader_id' is missing from the header"),
        ("trader_id,limit_usd,limit_usd\n", "applied.csv:1: column 'limit_usd' appears more than once"),
        (HEAD + "3942,1\n3942,2\n", "applied.csv:3: trader '3942' stands in line 2 already"),
        (HEAD + "4711,1\n", "applied.csv:2: trader '4711' is not on the roster"),
        (HEAD + ",1\n", "applied.csv:2: trader '' is not on the roster"),
        (HEAD + "3942,-1\n", "applied.csv:2: the limit '-1' is negative"),
        (HEAD + "3942,\n", "applied.csv:2: the limit '' is no amount"),
        (HEAD + "3942,many\n", "applied.csv:2: the limit 'many' is no amount"),
        (HEAD + "3942,nan\n", "applied.csv:2: the limit 'nan' is no amount"),
        (HEAD + "3942,1e3\n", "applied.csv:2: the limit '1e3' is no amount"),
        (HEAD + "3942,2500.505\n", "applied.csv:2: the limit '2500.505' is no amount"),
        (HEAD + "3942,٢٥\n", "applied.csv:2: the limit '٢٥' is no amount"),
        (HEAD + '3942,"2,500"\n', "applied.csv:2: the limit '2,500' is no amount"),
        (HEAD + "3942,99999999999\n", "applied.csv:2: the limit '99999999999' is above $1,000,000,000"),
        (HEAD + "3942\n", "applied.csv:2: has 1 cells, the header 2"),
        (HEAD + '"3942,1\n', "applied.csv:2: has quotes that do not close on the same line"),
        (HEAD + "39\x0042,1\n", "applied.csv:2: holds control characters"),
        (HEAD.encode() + b"M\xfcller,1\n", "applied.csv:2: is no UTF-8 text (byte 1)"),
        (GOOD.encode("utf-16"), "applied.csv:1: is no UTF-8 text"),
        (HEAD + "3942," + "1" * 70_000 + "\n", "applied.csv:2: the line is longer than 65,536 bytes"),
        ("trader_id,limit_usd,session\n3942,1,\n", "applied.csv:2: is of session '', not of"),
        (b" " * (MAX_FILE_BYTES + 1), "applied.csv is larger than 4,194,304 bytes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(content, told, reading):
    assert told in refused(reading, content)


def test_every_wrong_line_is_told_at_once(reading):
    said = refused(reading, HEAD + "4711,1\n3942,2500\n3951,-3\n")
    assert "Problems: 2." in said
    assert "applied.csv:2: trader" in said
    assert "applied.csv:4: the limit" in said


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_back_file(tmp_path / "none.csv", SESSION, TRADERS)
    with pytest.raises(InputError, match="is a folder"):
        read_back_file(tmp_path, SESSION, TRADERS)
