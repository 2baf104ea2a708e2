from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.errors import ConfigurationError
from riskops.records import Side
from riskops.sources.mappings import (
    CLOSED_TRADES,
    MAPPINGS,
    PERP_FILLS,
    ColumnMapping,
    UnreadableCellError,
    mapping_named,
    read_identifier,
    shown,
)

LEAST = {
    "name": "least",
    "account": "a",
    "symbol": "s",
    "side": "d",
    "sides": {"b": Side.LONG},
    "quantity": "q",
    "closed_at": "t",
    "net": "n",
}
EUROPEAN = ColumnMapping(**LEAST, decimal_mark=",", thousands_mark=".", delimiter=";")
NEW_YORK = ColumnMapping(**LEAST, time_format="%m/%d/%Y %H:%M:%S", time_zone="America/New_York")


def test_the_shipped_mappings_are_found_by_name():
    assert set(MAPPINGS) == {"closed_trades", "perp_fills"}
    assert mapping_named("perp_fills") is PERP_FILLS


def test_an_unknown_mapping_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="'trades' is no column mapping; use one of closed_trades"):
        mapping_named("trades")


def test_a_mapping_lists_every_column_it_needs_once():
    assert CLOSED_TRADES.columns == (
        *("trade_id", "account", "symbol", "side", "quantity", "opened_at", "closed_at"),
        *("entry_price", "exit_price", "gross", "fees", "net", "currency"),
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"net": None}, "gross or of net"),
        ({"price": "p", "exit_price": "x"}, "entry and exit price"),
        ({"opening": frozenset({"o"})}, "opening word"),
        ({"sides": {"B": Side.LONG}}, "lower case"),
        ({"delimiter": "||"}, "one character"),
        ({"thousands_mark": "."}, "are equal"),
        ({"encoding": "utf-16"}, "contains ASCII"),
        ({"encoding": "klingon"}, "contains ASCII"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"time_zone": "../../etc/passwd"}, "no time zone"),
    ],
)
def test_a_mapping_that_contradicts_itself_cannot_be_built(change, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        ColumnMapping(**(LEAST | change))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.80264", "0.80264"),
        ("-12", "-12"),
        ("+1.", "1"),
        (".5", "0.5"),
        ("1e-05", "0.00001"),
        ("2E3", "2000"),
    ],
)
def test_numbers_are_read_exactly(text, value):
    assert CLOSED_TRADES.read_number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "-Infinity", "", "abc", "1_000", "1,000", "٣", "0x1F", "--1", "$5"]
)
def test_what_is_no_finite_number_is_refused(text):
    with pytest.raises(UnreadableCellError, match="is no finite number"):
        CLOSED_TRADES.read_number(text)


@pytest.mark.parametrize("text", ["1e99", "1e15", "-999999999999999e1"])
def test_numbers_too_large_to_be_true_are_refused(text):
    with pytest.raises(UnreadableCellError, match="too large"):
        CLOSED_TRADES.read_number(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1.234.567,89", "1234567.89"), ("-0,5", "-0.5"), ("1234", "1234")]
)
def test_decimal_comma_and_grouped_thousands_are_read(text, value):
    assert EUROPEAN.read_number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1.23", "12.34,5", "1,234.56", "1.2345,6"])
def test_marks_in_impossible_places_are_refused_not_guessed(text):
    with pytest.raises(UnreadableCellError):
        EUROPEAN.read_number(text)


@settings(max_examples=60, deadline=None)
@given(st.decimals(min_value=-(10**12), max_value=10**12, places=9))
def test_every_plain_decimal_survives_the_reading(value):
    assert CLOSED_TRADES.read_number(str(value)) == value


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_number_below_the_bound_or_refused(text):
    try:
        value = CLOSED_TRADES.read_number(text)
    except UnreadableCellError:
        return
    assert abs(value) < 10**15


@pytest.mark.parametrize(
    ("text", "complaint"), [("0", "not above 0"), ("-1", "not above 0"), ("1e-9", "too small")]
)
def test_prices_and_quantities_are_positive_and_recordable(text, complaint):
    with pytest.raises(UnreadableCellError, match=complaint):
        CLOSED_TRADES.read_positive(text)


def test_iso_times_keep_their_offset():
    moment = CLOSED_TRADES.read_moment("2026-03-13T15:30:00-04:00")
    assert moment.astimezone(UTC) == datetime(2026, 3, 13, 19, 30, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(hours=-4)


def test_iso_times_without_an_offset_are_refused():
    with pytest.raises(UnreadableCellError, match="no UTC offset"):
        CLOSED_TRADES.read_moment("2026-03-13T15:30:00")


def test_indian_times_with_a_single_digit_hour_are_read():
    assert PERP_FILLS.read_moment("11-11-2024 8:28") == datetime(2024, 11, 11, 2, 58, tzinfo=UTC)


def test_zone_times_follow_daylight_saving():
    assert NEW_YORK.read_moment("03/06/2026 15:30:00") == datetime(2026, 3, 6, 20, 30, tzinfo=UTC)
    assert NEW_YORK.read_moment("03/13/2026 15:30:00") == datetime(2026, 3, 13, 19, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "31-02-2025 9:00", "2025-01-02 09:00"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(UnreadableCellError, match=r"is no time\. Write it like 13-03-2026 15:30"):
        PERP_FILLS.read_moment(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-05:00"])
def test_impossible_years_are_refused(text):
    with pytest.raises(UnreadableCellError, match="impossible year"):
        CLOSED_TRADES.read_moment(text)


def test_side_words_do_not_mind_case_and_spaces():
    assert PERP_FILLS.read_side("  close   LONG ") is Side.LONG
    assert PERP_FILLS.read_side("Short > Long") is Side.SHORT


def test_an_unknown_side_is_refused_with_the_known_words():
    with pytest.raises(UnreadableCellError, match=r"'B' is no known side\. Use one of: long, short"):
        CLOSED_TRADES.read_side("B")


def test_only_opening_words_open():
    assert PERP_FILLS.is_opening("Open Short")
    assert not PERP_FILLS.is_opening("Long > Short")
    assert not CLOSED_TRADES.is_opening("long")


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "../../etc/passwd", "'; DROP TABLE trades; --", "Ünïcode 7"]
)
def test_formulas_paths_and_statements_are_just_text(text):
    assert read_identifier(text) == text


@pytest.mark.parametrize("text", ["", "39\n42", "39\x0042", "39\u202e42", "39\u200b42", "\x1b[31m", "x" * 65])
def test_identifiers_with_line_breaks_control_or_invisible_characters_are_refused(text):
    with pytest.raises(UnreadableCellError):
        read_identifier(text)


def test_quoted_text_is_short_and_on_one_line():
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 10_000)) < 50
