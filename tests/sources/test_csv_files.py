import csv
import gc
import hashlib
import io
import os
import subprocess
import sys
import tracemalloc
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskops.errors import InputError
from riskops.records import Side, Trade
from riskops.sessions import trading_calendar
from riskops.sources.csv_files import (
    LISTED_PROBLEMS,
    Extent,
    Rejected,
    coverage,
    file_digest,
    read_trades,
    read_with_rejects,
    row_texts,
)
from riskops.sources.mappings import CLOSED_TRADES, PERP_FILLS
from tests.builders import CALENDAR

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("RISKOPS_REAL_DATA", ROOT.parent / "shared" / "data" / "real")) / "perp_fills.csv"
NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
DESK = ("3942", "3951")
EVERY_DAY = trading_calendar("24/7")
TRADE = {
    "account": "3942",
    "trade_id": "T1",
    "symbol": "AAPL",
    "side": "long",
    "quantity": "100",
    "opened_at": "2026-03-13T09:45:00-04:00",
    "closed_at": "2026-03-13T15:30:00-04:00",
    "entry_price": "210.00",
    "exit_price": "208.50",
    "gross": "-150.00",
    "fees": "1.25",
    "net": "-151.25",
    "currency": "USD",
}
HEADER = ",".join(TRADE)
FILL = {
    "Account": "HL01",
    "Coin": "ETH",
    "Execution Price": "3209.6",
    "Size Tokens": "0.7145",
    "Size USD": "2293.26",
    "Side": "SELL",
    "Timestamp IST": "11-11-2024 8:28",
    "Start Position": "0.0",
    "Direction": "Open Short",
    "Closed PnL": "0.0",
    "Order ID": "1",
    "Crossed": "True",
    "Fee": "0.80264",
}


def csv_text(*rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def file(tmp_path):
    """Write a file of trades, of fills, of text or of bytes."""

    def write(*content):
        path = tmp_path / "trades.csv"
        data = content[0] if isinstance(content[0], str | bytes) else csv_text(*content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def load(path, mapping=CLOSED_TRADES, accounts=DESK, **more):
    return list(read_trades(path, mapping, CALENDAR, accounts, NOW, CALENDAR.history_known_at, **more))


def load_fills(path):
    return list(read_trades(path, PERP_FILLS, EVERY_DAY, ["HL01", "HL14"], NOW, EVERY_DAY.history_known_at))


def quarantine(path, mapping=CLOSED_TRADES, accounts=DESK):
    return list(read_with_rejects(path, mapping, CALENDAR, accounts, NOW, CALENDAR.history_known_at))


def refusal(path, mapping=CLOSED_TRADES, **more):
    with pytest.raises(InputError) as caught:
        load(path, mapping, **more)
    return str(caught.value)


# --- what is read -------------------------------------------------------------------------


def test_a_closed_trade_is_read_with_all_its_fields(file):
    [trade] = load(file(TRADE))
    assert trade == Trade(
        account_id="3942",
        trade_id="T1",
        symbol="AAPL",
        side=Side.LONG,
        quantity=Decimal(100),
        opened_at=datetime(2026, 3, 13, 13, 45, tzinfo=UTC),
        closed_at=datetime(2026, 3, 13, 19, 30, tzinfo=UTC),
        entry_price=Decimal(210),
        exit_price=Decimal("208.5"),
        gross_cents=-15_000,
        fees_cents=125,
        net_cents=-15_125,
        session=date(2026, 3, 13),
        known_at=CALENDAR.history_known_at(date(2026, 3, 13)),
    )


def test_an_empty_opening_time_and_empty_prices_are_unknown_not_zero(file):
    [trade] = load(file(TRADE | {"opened_at": "", "entry_price": "", "exit_price": ""}))
    assert (trade.opened_at, trade.entry_price, trade.exit_price) == (None, None, None)


def test_an_opening_fill_has_an_entry_price_and_a_closing_one_an_exit_price(file):
    opening, closing = load_fills(file(FILL, FILL | {"Direction": "Close Short", "Closed PnL": "12.5"}))
    assert (opening.entry_price, opening.exit_price) == (Decimal("3209.6"), None)
    assert (closing.entry_price, closing.exit_price) == (None, Decimal("3209.6"))
    assert {opening.side, closing.side} == {Side.SHORT}


def test_a_trade_knows_its_line_which_is_no_part_of_what_it_is(file):
    first, second = load(file(TRADE, TRADE | {"trade_id": "T2"}))
    assert [str(first.origin), str(second.origin)] == ["trades.csv:2", "trades.csv:3"]
    assert replace(second, trade_id="T1") == first


def test_the_texts_of_rows_are_found_again_by_line(file):
    path = file(TRADE, TRADE | {"trade_id": "T2"})
    second = ",".join((TRADE | {"trade_id": "T2"}).values())
    assert row_texts(path, CLOSED_TRADES, {3, 99}) == {3: second}


def test_a_close_on_a_weekend_belongs_to_the_next_session(file):
    [trade] = load(file(TRADE | {"closed_at": "2026-03-14T12:00:00-04:00"}))
    assert trade.session == date(2026, 3, 16)


def test_the_trades_of_a_session_are_known_from_one_moment(file):
    moments = iter([NOW, NOW.replace(hour=11)])
    path = file(TRADE, TRADE | {"trade_id": "T2"})
    rows = list(read_with_rejects(path, CLOSED_TRADES, CALENDAR, DESK, NOW, lambda session: next(moments)))
    assert [row.known_at for row in rows] == [NOW, NOW]


def test_columns_are_found_by_name_in_any_order_among_others(file):
    turned = dict(reversed(TRADE.items())) | {"desk note": "x"}
    assert load(file(turned)) == load(file(TRADE))


def test_unneeded_columns_may_share_a_title(file):
    assert load(file(f"Misc,{HEADER},Misc\n0,{','.join(TRADE.values())},0\n")) == load(file(TRADE))


def test_a_byte_order_mark_crlf_blank_lines_and_a_missing_last_line_end_are_tolerated(file):
    text = csv_text(TRADE).replace("\n", "\r\n\r\n").strip()
    assert load(file(b"\xef\xbb\xbf" + text.encode())) == load(file(TRADE))


def test_quoted_commas_and_doubled_quotes_stay_in_their_cell(file):
    assert load(file(TRADE | {"symbol": 'BRK,"B"'}))[0].symbol == 'BRK,"B"'


@pytest.mark.parametrize(
    "symbol", ['=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "@SUM(A1)", "../../etc/passwd"]
)
def test_formula_text_and_path_tricks_are_just_data(file, symbol):
    assert load(file(TRADE | {"symbol": symbol}))[0].symbol == symbol


def test_another_encoding_delimiter_and_decimal_comma_are_read(file):
    mapping = replace(CLOSED_TRADES, delimiter=";", encoding="cp1252", decimal_mark=",", thousands_mark=".")
    cells = TRADE | {
        "symbol": "Süd",
        "entry_price": "1.210,00",
        "gross": "-150,00",
        "fees": "1,25",
        "net": "-151,25",
    }
    cells |= {"exit_price": "1.208,50"}
    text = f"{HEADER.replace(',', ';')}\n{';'.join(cells.values())}\n"
    [trade] = load(file(text.encode("cp1252")), mapping)
    assert (trade.symbol, trade.entry_price, trade.net_cents) == ("Süd", Decimal(1210), -15_125)


def test_an_id_may_be_composed_of_columns(file):
    mapping = replace(CLOSED_TRADES, trade_id=("symbol", "trade_id"))
    assert load(file(TRADE), mapping)[0].trade_id == "AAPL/T1"


def test_fees_may_be_spread_over_columns(file):
    mapping = replace(CLOSED_TRADES, fees=("comm", "sec"), net=None)
    [trade] = load(file(TRADE | {"comm": "1.00", "sec": "0.40"}), mapping)
    assert (trade.fees_cents, trade.net_cents) == (140, -15_140)


def test_gross_follows_from_net_where_only_net_is_told(file):
    [trade] = load(file(TRADE), replace(CLOSED_TRADES, gross=None))
    assert (trade.gross_cents, trade.fees_cents, trade.net_cents) == (-15_000, 125, -15_125)


def test_the_same_id_in_two_accounts_is_two_trades(file):
    assert len(load(file(TRADE, TRADE | {"account": "3951"}))) == 2


def test_a_dated_rate_converts_amounts_and_prices_before_rounding(file):
    asked = []

    def rate(currency, session):
        asked.append((currency, session))
        return Decimal("1.0855")

    [trade] = load(file(TRADE | {"currency": "EUR"}), usd_rate=rate)
    assert set(asked) == {("EUR", date(2026, 3, 13))}
    assert (trade.gross_cents, trade.net_cents, trade.currency) == (-16_282, -16_418, "USD")
    assert trade.exit_price == Decimal("226.32675")


# --- derived ids --------------------------------------------------------------------------


def test_reading_a_file_again_gives_the_same_ids(file):
    path = file(FILL, FILL, FILL | {"Fee": "0.9"})
    assert [t.trade_id for t in load_fills(path)] == [t.trade_id for t in load_fills(path)]


def test_true_duplicate_fills_stay_distinct(file):
    trades = load_fills(file(FILL, FILL, FILL))
    assert len({trade.trade_id for trade in trades}) == 3
    assert sum(trade.net_cents for trade in trades) == -241


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["0.1", "0.1", "0.2", "0.3"]))
def test_ids_do_not_depend_on_the_order_of_the_rows(file, order):
    ids = {trade.trade_id for trade in load_fills(file(*[FILL | {"Fee": fee} for fee in order]))}
    assert ids == {trade.trade_id for trade in load_fills(file(*[FILL | {"Fee": f} for f in sorted(order)]))}


# --- money --------------------------------------------------------------------------------

amounts = st.decimals(min_value=-9_999, max_value=9_999, places=7)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.sampled_from(["HL01", "HL14"]), amounts, amounts), min_size=1, max_size=15))
def test_the_cents_of_an_account_day_add_up_to_its_exact_sum_rounded_once(file, rows):
    trades = load_fills(
        file(*[FILL | {"Account": a, "Closed PnL": str(g), "Fee": str(f)} for a, g, f in rows])
    )
    for account in {account for account, _, _ in rows}:
        mine = [trade for trade in trades if trade.account_id == account]
        assert sum(t.net_cents for t in mine) == rounded(sum(g - f for a, g, f in rows if a == account))
        assert sum(t.gross_cents for t in mine) == rounded(sum(g for a, g, _ in rows if a == account))
    assert all(trade.net_cents == trade.gross_cents - trade.fees_cents for trade in trades)


def test_a_row_is_never_more_than_a_cent_away_from_what_it_says(file):
    trades = load_fills(file(*[FILL] * 50))
    assert {trade.net_cents for trade in trades} == {-80, -81}
    assert sum(trade.net_cents for trade in trades) == -4_013


def rounded(usd):
    return int(Decimal(usd).scaleb(2).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@pytest.fixture(scope="module")
def real_trades():
    if not REAL.exists():
        pytest.skip("the real record is not here; set RISKOPS_REAL_DATA")
    accounts = {"HL01", "HL14", "HL17", "HL26"}
    return list(read_trades(REAL, PERP_FILLS, EVERY_DAY, accounts, NOW, EVERY_DAY.history_known_at))


def test_the_real_record_gives_the_exact_net_of_every_account_day(real_trades):
    import pandas as pd

    frame = pd.read_csv(REAL, dtype=str)
    moments = pd.to_datetime(frame["Timestamp IST"], format="%d-%m-%Y %H:%M").dt.tz_localize("Asia/Kolkata")
    days = moments.dt.tz_convert("UTC").dt.date
    expected = defaultdict(Decimal)
    for account, day, pnl, fee in zip(frame["Account"], days, frame["Closed PnL"], frame["Fee"], strict=True):
        expected[account, day] += Decimal(pnl) - Decimal(fee)
    found = defaultdict(int)
    for trade in real_trades:
        found[trade.account_id, trade.session] += trade.net_cents
    assert dict(found) == {key: rounded(usd) for key, usd in expected.items()}
    assert len(found) > 100


def test_the_real_record_is_read_whole_with_distinct_ids(real_trades):
    assert len(real_trades) == 15_629
    assert len({(trade.account_id, trade.trade_id) for trade in real_trades}) == 15_629


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column", "complaint", "remedy"),
    [
        ({"side": "B"}, "side", "is no known side", "Use one of"),
        ({"net": "nan"}, "net", "is no finite number", "Write it like"),
        ({"gross": "-inf"}, "gross", "is no finite number", "Write it like"),
        ({"fees": "free"}, "fees", "is no finite number", "Write it like"),
        ({"fees": ""}, "fees", "is no finite number", "Write it like"),
        ({"closed_at": "2026-03-13T09:00:00-04:00"}, "closed_at", "before the opening", "Correct the times"),
        ({"closed_at": "2026-03-16T06:01:00-04:00"}, "closed_at", "lies in the future", "Correct the date"),
        ({"opened_at": "", "closed_at": "1999-03-12T15:00Z"}, "closed_at", "before the calendar", "Correct"),
        ({"closed_at": "13.03.2026"}, "closed_at", "is no time", "Write it like"),
        ({"account": ""}, "account", "is empty", "Fill it in"),
        ({"account": "39\u202e42"}, "account", "control or invisible characters", "Remove them"),
        ({"trade_id": ""}, "trade_id", "is empty", "Fill it in"),
        ({"symbol": ""}, "symbol", "is empty", "Fill it in"),
        ({"currency": "EUR"}, "currency", "has no USD rate for 2026-03-13", "amounts to USD"),
        ({"net": "-151.27"}, "net", "is not gross -150.00 less fees 1.25", "Correct the amounts"),
        ({"quantity": "0"}, "quantity", "is not above 0", "positive"),
        ({"quantity": "-100"}, "quantity", "is not above 0", "positive"),
        ({"entry_price": "-210"}, "entry_price", "is not above 0", "positive"),
        ({"exit_price": "0.00"}, "exit_price", "is not above 0", "positive"),
        ({"quantity": "1e14"}, "quantity", "too large to be true", "Correct quantity or price"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_with_file_line_column_and_remedy(file, change, column, complaint, remedy):
    message = refusal(file(TRADE | {"trade_id": "T0"}, TRADE | change))
    [line] = [line for line in message.splitlines() if line.startswith("trades.csv:3: ")]
    assert f"column {column!r}: " in line
    assert complaint in line
    assert remedy in line


def test_a_net_that_is_off_by_a_cent_is_still_accepted(file):
    assert load(file(TRADE | {"net": "-151.26"}))[0].net_cents == -15_126


def test_an_account_nobody_enrolled_is_named_once_with_its_rows_and_the_command(file):
    strangers = [TRADE | {"trade_id": f"X{n}", "account": "9999", "net": "-151.25"} for n in range(1_204)]
    message = refusal(file(TRADE, *strangers, TRADE | {"trade_id": "Y", "account": "8888"}))
    enrol = "Enrol it with `riskops enrol TRADER ACCOUNT --since YYYY-MM-DD` or take its rows out."
    assert message.splitlines() == [
        "trades.csv is refused, nothing was loaded. Problems: 2.",
        f"trades.csv: account '9999' is not enrolled: 1,204 rows, first in line 3. {enrol}",
        f"trades.csv: account '8888' is not enrolled: 1 row, first in line 1207. {enrol}",
    ]


def test_other_problems_of_rows_nobody_enrolled_are_listed_all_the_same(file):
    message = refusal(file(TRADE | {"account": "9999", "side": "B"}))
    assert "account '9999' is not enrolled: 1 row" in message
    assert "trades.csv:2: column 'side': 'B' is no known side" in message
    assert message.count("9999") == 1


def test_a_refused_row_of_an_account_nobody_enrolled_says_so_on_its_own(file):
    rows = quarantine(file(TRADE, TRADE | {"account": "9999"}))
    assert (rows[1].account_id, rows[1].is_stranger) == ("9999", True)
    assert "column 'account': '9999' is not enrolled. Enrol it with `riskops enrol" in rows[1].problem


def test_an_id_that_occurs_twice_with_the_same_result_names_the_first_line(file):
    message = refusal(file(TRADE, TRADE))
    problem = "'T1' was in line 2 before, with the same result. Remove the duplicate row."
    assert f"trades.csv:3: column 'trade_id': {problem}" in message


@pytest.mark.parametrize(
    ("change", "here"),
    [
        ({"net": "-150", "fees": "0"}, "net -150.00 and gross -150.00 on 2026-03-13"),
        (
            {"closed_at": "2026-03-12T15:30:00Z", "opened_at": ""},
            "net -151.25 and gross -150.00 on 2026-03-12",
        ),
    ],
)
def test_an_id_that_occurs_twice_with_different_results_names_both(file, change, here):
    message = refusal(file(TRADE, TRADE | {"trade_id": "T2"}, TRADE | change))
    first = "'T1' was in line 2 before with net -151.25 and gross -150.00 on 2026-03-13"
    remedy = "Remove the wrong row; another trade needs an id of its own."
    assert f"trades.csv:4: column 'trade_id': {first}, here with {here}. {remedy}" in message


def test_a_composed_id_that_is_too_long_to_be_recorded_is_refused(file):
    mapping = replace(CLOSED_TRADES, trade_id=("trade_id", "symbol", "note"))
    message = refusal(file(TRADE | {"trade_id": "x" * 64, "symbol": "y" * 64, "note": "z"}), mapping)
    assert "column 'trade_id'" in message
    assert "longer than 128 characters" in message


@pytest.mark.parametrize("column", CLOSED_TRADES.columns)
def test_every_missing_column_is_named(file, column):
    cells = {name: text for name, text in TRADE.items() if name != column}
    message = refusal(file(cells))
    assert message.startswith(f"trades.csv:1: column {column!r}: is missing from the header.")
    assert "Correct the header" in message


def test_a_needed_column_that_appears_twice_is_refused(file):
    message = refusal(file(f"{HEADER},net\n{','.join(TRADE.values())},0\n"))
    assert "column 'net': appears more than once" in message


@pytest.mark.parametrize(("extra", "count"), [(",surplus", 14), (None, 12)])
def test_a_row_with_too_many_or_too_few_columns_is_refused(file, extra, count):
    cells = ",".join(TRADE.values())
    row = cells + extra if extra else cells.rsplit(",", 1)[0]
    message = refusal(file(f"{HEADER}\n{row}\n"))
    assert f"trades.csv:2: the line has {count} columns where the header has 13. Quote texts" in message


@pytest.mark.parametrize(
    ("text", "complaint"), [("", "is empty"), ("\n\n", "is empty"), (f"{HEADER}\n\n", "no rows")]
)
def test_an_empty_file_and_a_bare_header_are_refused(file, text, complaint):
    message = refusal(file(text))
    assert message.startswith("trades.csv ")
    assert complaint in message
    assert "Export it again" in message


def test_the_wrong_encoding_is_named_with_its_line(file):
    message = refusal(file(csv_text(TRADE, TRADE | {"trade_id": "T2", "symbol": "Süd"}).encode("cp1252")))
    assert "trades.csv:3: the line is no utf-8 text (byte 9). Save the file as utf-8" in message


def test_a_utf_16_file_is_refused_at_its_header(file):
    assert "trades.csv:1: the header is no utf-8 text" in refusal(file(csv_text(TRADE).encode("utf-16")))


@pytest.mark.parametrize("account", ["39\n42", "39\x0042", "39\r42", "39\x1b[31m42"])
def test_accounts_with_line_breaks_or_control_characters_are_refused(file, account):
    assert "trades.csv:2: " in refusal(file(TRADE | {"account": account}))


def test_a_stray_quote_spoils_its_own_line_only(file):
    header, *lines = csv_text(*[TRADE | {"trade_id": f"T{n}"} for n in range(3)]).splitlines()
    rows = quarantine(file("\n".join([header, lines[0], '"' + lines[1], lines[2]])))
    assert [type(row) for row in rows] == [Trade, Rejected, Trade]
    assert "quotes that do not close" in rows[1].problem


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (".", "is a folder, not a file. Name one CSV file in it."),
        ("absent.csv", "'absent.csv' does not exist. Check the path."),
        ("a\0b", "is no name for a file"),
        ("file.csv/below.csv", "below.csv cannot be read: Not a directory. Check the path"),
    ],
)
def test_what_is_no_file_is_refused_with_what_it_is(tmp_path, name, complaint):
    (tmp_path / "file.csv").touch()
    path = tmp_path / name
    assert complaint in refusal(path)
    with pytest.raises(InputError) as caught:
        file_digest(path)
    assert complaint in str(caught.value)


def test_a_folder_without_a_name_is_named_as_it_was_written():
    assert refusal(Path()).startswith("'.' is a folder")


def test_a_file_that_may_not_be_read_says_so(file, monkeypatch):
    path = file(TRADE)
    denied = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "open", lambda *_arguments, **_options: (_ for _ in ()).throw(denied))
    assert "trades.csv cannot be read: Permission denied. Check the path and its permissions." in refusal(
        path
    )


def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "'pipe.csv' is no regular file" in refusal(tmp_path / "pipe.csv")


# --- strict -------------------------------------------------------------------------------


def test_all_problems_of_all_rows_are_listed_at_once(file):
    message = refusal(
        file(TRADE | {"side": "B", "net": "x"}, TRADE, TRADE | {"trade_id": "T3", "quantity": "0"})
    )
    assert message.splitlines()[0] == "trades.csv is refused, nothing was loaded. Problems: 3."
    assert [line.split(" ")[2] for line in message.splitlines()[1:]] == ["'side':", "'net':", "'quantity':"]


def test_a_long_list_of_problems_is_cut_and_counted(file):
    message = refusal(file(*[TRADE | {"side": "B"}] * 50))
    assert message.splitlines()[0] == "trades.csv is refused, nothing was loaded. Problems: 50. The first 20:"
    assert len(message.splitlines()) == 1 + LISTED_PROBLEMS


def test_from_a_bad_row_on_no_trade_is_handed_over_and_the_end_refuses_the_file(file):
    good = [TRADE | {"trade_id": f"T{n}"} for n in range(200)]
    path = file(*good[:100], TRADE | {"side": "B"}, *good[100:])
    handed = []
    with pytest.raises(InputError, match="nothing was loaded"):
        handed.extend(read_trades(path, CLOSED_TRADES, CALENDAR, DESK, NOW, CALENDAR.history_known_at))
    assert len(handed) <= 100


def test_the_lines_read_are_told_now_and_then(file):
    told = []
    path = file(*[TRADE | {"trade_id": f"T{n}"} for n in range(2_500)])
    wanted = (path, CLOSED_TRADES, CALENDAR, DESK, NOW, CALENDAR.history_known_at)
    assert len(list(read_trades(*wanted, progress=told.append))) == 2_500
    assert told == [1_000, 1_000]


# --- quarantine ---------------------------------------------------------------------------


def test_refused_rows_come_out_among_the_good_ones(file):
    first, refused, last = quarantine(file(TRADE, TRADE | {"side": "B"}, TRADE | {"trade_id": "T3"}))
    assert [first.trade_id, last.trade_id] == ["T1", "T3"]
    assert (refused.line_number, refused.account_id) == (3, "3942")
    assert refused.text == ",".join((TRADE | {"side": "B"}).values())
    assert refused.problem.startswith("column 'side': 'B' is no known side.")


def test_a_refused_row_adds_nothing_to_the_carried_rounding(file):
    third = {"gross": "0.005", "fees": "0", "net": "0.005"}
    rows = quarantine(file(TRADE | third, TRADE | third | {"side": "B"}, TRADE | third | {"trade_id": "T2"}))
    assert [row.net_cents for row in rows if isinstance(row, Trade)] == [0, 1]


def test_the_kept_text_can_be_stored_anywhere(file):
    [row, _] = quarantine(
        file(b"\n".join([HEADER.encode(), b"\x00\xff" + b"x" * 5_000, ",".join(TRADE.values()).encode()]))
    )
    assert row.text.isprintable()
    assert len(row.text) < 2_100
    assert row.account_id is None


def test_a_file_of_mostly_refused_rows_is_refused_as_a_whole(file):
    with pytest.raises(
        InputError, match=r"1,001 of the first 1,001 rows are refused. Check that the file has the layout"
    ):
        quarantine(file(HEADER + "\n" + "garbage\n" * 1_500))


# --- coverage and digest ------------------------------------------------------------------

FRIDAY, MONDAY = date(2026, 3, 13), date(2026, 3, 16)
TUESDAY_BEFORE = "2026-03-10T15:00:00-04:00"


def test_a_file_confirms_its_accounts_on_every_session_it_spans(file):
    path = file(TRADE | {"opened_at": "", "closed_at": TUESDAY_BEFORE}, TRADE | {"trade_id": "T2"})
    week = [date(2026, 3, day) for day in (10, 11, 12, 13)]
    assert coverage(Extent.of(quarantine(path)), CALENDAR) == [("3942", day) for day in week]


def test_a_caller_may_say_that_all_accounts_are_covered_through_a_date(file):
    found = coverage(Extent.of(load(file(TRADE))), CALENDAR, accounts=DESK, through=MONDAY)
    assert found == [(account, day) for account in DESK for day in (FRIDAY, MONDAY)]


def test_an_account_with_a_refused_row_is_not_confirmed(file):
    path = file(TRADE, TRADE | {"trade_id": "T2", "net": "x"}, TRADE | {"account": "3951"})
    assert coverage(Extent.of(quarantine(path)), CALENDAR, accounts=DESK) == [("3951", FRIDAY)]


def test_nothing_is_confirmed_where_a_refused_row_could_be_anybodys(file):
    assert coverage(Extent.of(quarantine(file(csv_text(TRADE) + "3951,T2\n"))), CALENDAR) == []


def test_nothing_read_confirms_nothing():
    assert coverage(Extent(), CALENDAR, accounts=DESK, through=FRIDAY) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_the_digest_is_the_sha_256_of_the_bytes(file, data):
    assert file_digest(file(data)) == hashlib.sha256(data).hexdigest()


# --- hostile bytes ------------------------------------------------------------------------

VALID = csv_text(TRADE, TRADE | {"trade_id": "T2", "account": "3951"}, TRADE | {"trade_id": "T3"}).encode()
VALID_FILLS = csv_text(FILL, FILL, FILL | {"Direction": "Close Short", "Closed PnL": "7.25"}).encode()
FRAGMENTS = [
    *(b'"', b",", b"\n", b"\r", b"\r\n", b"\0", b"-", b"nan", b"1e99", b"9" * 30, b"+99:99"),
    *(b"\xef\xbb\xbf", "é".encode(), b"\xff"),
]
mutations = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 8), st.sampled_from(FRAGMENTS) | st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)


def mutated(data, changes):
    for position, removed, inserted in changes:
        data = data[:position] + inserted + data[position + removed :]
    return data


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(valid=st.sampled_from([VALID, VALID_FILLS]), changes=mutations)
def test_mutated_bytes_load_cleanly_or_are_an_input_error(file, valid, changes):
    path = file(mutated(valid, changes))
    mapping, accounts = (CLOSED_TRADES, DESK) if valid is VALID else (PERP_FILLS, ["HL01"])
    strict = outcome(lambda: load(path, mapping, accounts))
    lenient = outcome(lambda: quarantine(path, mapping, accounts))
    assert strict is None or all(isinstance(row, Trade) for row in strict)
    if strict is not None:
        assert lenient == strict
    if lenient is not None and any(isinstance(row, Rejected) for row in lenient):
        assert strict is None


def outcome(reading):
    """Return the rows, or nothing where the file was refused."""
    try:
        return reading()
    except InputError:
        return None


HOSTILE = f"""
import resource, sys
from datetime import datetime, UTC
from pathlib import Path
from riskops.errors import InputError
from riskops.sessions import trading_calendar
from riskops.sources.csv_files import read_trades, read_with_rejects
from riskops.sources.mappings import CLOSED_TRADES

SIZE, HEADER = 200 * 2**20, b"{HEADER}\\n"
path, calendar = Path(sys.argv[1]), trading_calendar("XNYS")

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def filled(start, piece):
    block = piece * (2**20 // len(piece))
    with path.open("wb") as stream:
        stream.write(start)
        for _ in range(200):
            stream.write(block)

def sparse(start):
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(SIZE)

def refused(read):
    try:
        for row in read(path, CLOSED_TRADES, calendar, ["A"], datetime.now(UTC), calendar.history_known_at):
            pass
    except InputError as error:
        return str(error)
    raise AssertionError("nothing was refused")

block = bytes(2**20) * 2  # what writing needs is not charged to the reading
del block
before = peak_kib()
for make in (
    lambda: sparse(b""),
    lambda: sparse(HEADER),
    lambda: filled(b"", b"x"),
    lambda: filled(HEADER, b"garbage,"),
    lambda: filled(HEADER, b"garbage line\\n"),
    lambda: filled(HEADER, b'"never closed\\n'),
    lambda: filled(HEADER, b"\\n"),
):
    make()
    for read in (read_trades, read_with_rejects):
        message = refused(read)
        assert path.name in message, message
        assert len(message) < 10_000, len(message)
print(peak_kib() - before)
"""


def test_200_megabytes_of_garbage_are_refused_within_bounded_memory(tmp_path):
    command = [sys.executable, "-c", HOSTILE, str(tmp_path / "garbage.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 24 * 1024  # KiB


@pytest.mark.campaign
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path):
    few, many = (many_fills(tmp_path / f"{count}.csv", count) for count in (1_000, 20_000))
    peak_bytes(few)  # fills the caches that are filled once
    grown = peak_bytes(many) - peak_bytes(few)
    assert grown < 5 * 19_000  # bytes: a kept row would be hundreds


def many_fills(path, count):
    path.write_text(csv_text(*[FILL | {"Size Tokens": str(n)} for n in range(1, count + 1)]))
    return path


def peak_bytes(path):
    gc.collect()
    tracemalloc.start()
    for _ in read_with_rejects(path, PERP_FILLS, EVERY_DAY, ["HL01"], NOW, EVERY_DAY.history_known_at):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class TestBoundsOfADay:
    """Amounts that are believable one by one and cannot be added up in 64 bits."""

    def test_a_row_with_which_a_day_gets_too_large_is_refused_and_the_rows_before_stand(self, tmp_path):
        huge = {"gross": "40000000000000", "fees": "0", "net": "40000000000000"}
        path = tmp_path / "huge.csv"
        path.write_text(csv_text(*[TRADE | huge | {"trade_id": f"T{n}"} for n in range(3)]))
        first, *others = quarantine(path)
        assert first.net_cents == 4 * 10**15
        assert ["is too large to be true. Correct the amounts." in row.problem for row in others] == [
            True
        ] * 2

    def test_other_days_and_accounts_have_room_of_their_own(self, tmp_path):
        huge = TRADE | {"gross": "40000000000000", "fees": "0", "net": "40000000000000"}
        path = tmp_path / "huge.csv"
        path.write_text(csv_text(huge, huge | {"account": "3951"}))
        assert len(load(path)) == 2


@pytest.mark.parametrize("name", ["bad\udcff.csv", "two\nlines.csv", "\x1b[2J.csv", "\u202evsc.csv"])
def test_a_name_that_cannot_be_printed_is_refused_in_words_that_can(name, tmp_path):
    (tmp_path / name).write_text(csv_text(TRADE))
    message = refusal(tmp_path / name)
    assert "cannot be printed. Rename the file." in message
    assert message.isprintable()
