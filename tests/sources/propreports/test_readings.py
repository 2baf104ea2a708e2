"""What the answers say: columns by name, numbers and dates as PropReports writes them, nothing guessed."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from riskops.records import Action, BrokerDay, Fill, Side
from riskops.sources.propreports.closed_trades import read_closed_trades
from riskops.sources.propreports.fills import FillReading
from riskops.sources.propreports.summaries import broker_day, read_summaries
from riskops.sources.propreports.tables import UnreadableAnswerError, WrongRow
from tests.builders import CALENDAR
from tests.propreports_server import (
    FEES,
    FILL_COLUMNS,
    SUMMARY_COLUMNS,
    TRADE_COLUMNS,
    BackOffice,
    closed_trade,
    fill,
    summary,
)

THURSDAY, FRIDAY, MONDAY = date(2026, 3, 12), date(2026, 3, 13), date(2026, 3, 16)
MORNING = "2026-03-13 09:31:05"


@pytest.fixture
def writer():
    """Return a back office that is only used to write tables."""
    return BackOffice()


def reading(*, first=FRIDAY, last=MONDAY, prefix=""):
    names = frozenset({"A-1", "A-1_OLD"})
    return FillReading("A-1", names, prefix, first, last, CALENDAR, CALENDAR.history_known_at)


def fills(writer, *rows, columns=FILL_COLUMNS, **more):
    return list(reading(**more).of([writer._written(columns, rows)]))


def problem(writer, *rows, **more):
    (wrong,) = [row for row in fills(writer, *rows, **more) if isinstance(row, WrongRow)]
    return wrong.problem


class TestFills:
    def test_a_fill_is_read_with_all_its_fields(self, writer):
        assert fills(writer, fill(MORNING, "A-1", "B", 100, "210.5", 7)) == [
            Fill(
                account_id="A-1",
                fill_id="O7/F7",
                symbol="AAPL",
                action=Action.BUY,
                quantity=Decimal(100),
                price=Decimal("210.5"),
                fees=Decimal("0.3623"),
                executed_at=datetime(2026, 3, 13, 9, 31, 5, tzinfo=ZoneInfo("America/New_York")),
                session=FRIDAY,
                known_at=CALENDAR.history_known_at(FRIDAY),
            )
        ]

    @pytest.mark.parametrize(
        ("letter", "action"),
        [
            ("B", Action.BUY),
            ("S", Action.SELL),
            ("T", Action.SHORT),
            ("C", Action.COVER),
            ("c", Action.COVER),
        ],
    )
    def test_a_short_sale_and_a_cover_have_letters_of_their_own(self, writer, letter, action):
        assert fills(writer, fill(MORNING, "A-1", letter, 1, 1))[0].action is action

    def test_fees_are_the_exact_sum_of_all_fee_columns_credits_included(self, writer):
        fees = {name: f"0.{number:05d}" for number, name in enumerate(FEES, start=1)} | {"Ecn Fee": "-1.5"}
        assert fills(writer, fill(MORNING, "A-1", "B", 1, 1, **fees))[0].fees == Decimal("-1.49936")

    @pytest.mark.parametrize(
        "lacking", [{"ORF", "CAT", "FTT", "Acc"}, {"Comm"}, {"Route", "ISIN", "Status"}, set(FEES) - {"Comm"}]
    )
    def test_optional_columns_may_be_missing(self, writer, lacking):
        writer.lacks = lacking
        (read,) = fills(writer, fill(MORNING, "A-1", "B", 1, 1))
        assert read.fees == (0 if "Comm" in lacking else Decimal("0.35")) + (
            0 if "SEC" in lacking else Decimal("0.0123")
        )

    def test_without_any_fee_column_nothing_is_guessed(self, writer):
        writer.lacks = set(FEES)
        assert "neither it nor any other fee is told" in problem(writer, fill(MORNING, "A-1", "B", 1, 1))

    def test_columns_may_stand_in_any_order_among_others(self, writer):
        row = fill(MORNING, "A-1", "S", "0.5", "210.5", Strategy="=1+1")
        usual = fills(writer, row)
        writer.reordered = True
        assert fills(writer, row, columns=(*FILL_COLUMNS, "Strategy")) == usual

    def test_numbers_may_have_thousands_in_quotes(self, writer):
        (read,) = fills(writer, fill(MORNING, "A-1", "B", "12,500", "1,234.50", Comm="1,000.25"))
        assert (read.quantity, read.price) == (12_500, Decimal("1234.50"))
        assert read.fees == Decimal("1000.2623")

    def test_weekend_fills_belong_to_monday(self, writer):
        assert fills(writer, fill("2026-03-14 10:00:00", "A-1", "B", 1, 1))[0].session == MONDAY

    def test_a_renamed_account_keeps_its_rows_and_ids_stay_apart(self, writer):
        rows = [fill(MORNING, "A-1", "B", 1, 1, 1), fill(MORNING, "A-1_OLD", "S", 1, 1, 2)]
        assert [read.fill_id for read in fills(writer, *rows, prefix="57:")] == ["57:O1/F1", "57:O2/F2"]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"B/S": "X"}, "column 'B/S': 'X' is none of B, S, T (short sale) and C (cover)"),
            ({"Qty": "0"}, "column 'Qty': '0' is not above 0"),
            ({"Qty": "nan"}, "column 'Qty': 'nan' is no finite number"),
            ({"Qty": "1e14", "Price": "10"}, "column 'Qty'"),
            ({"Price": "-1"}, "column 'Price': '-1' is below 0"),
            ({"Price": ""}, "column 'Price': '' is no finite number"),
            ({"SEC": "free"}, "column 'SEC': 'free' is no finite number"),
            ({"Symbol": ""}, "column 'Symbol': is empty"),
            ({"Symbol": "A\u202eB"}, "column 'Symbol': 'A\\u202eB' holds control or invisible"),
            ({"Order Id": "x" * 65}, "column 'Order Id'"),
            ({"Fill Id": ""}, "column 'Fill Id': is empty"),
            ({"Currency": "CAD"}, "column 'Currency': 'CAD' is not USD"),
            ({"Account": "B-2"}, "column 'Account': 'B-2' is not the account that was asked for"),
            ({"Date/Time": "2026-03-13 09:31"}, "column 'Date/Time': '2026-03-13 09:31' is no time"),
            ({"Date/Time": "03/12/2026 09:31:05"}, "2026-03-12 is not among the dates that were asked for"),
        ],
    )
    def test_a_wrong_cell_names_its_line_and_column(self, writer, change, told):
        said = problem(
            writer, fill(MORNING, "A-1", "B", 1, 1, 1), fill(MORNING, "A-1", "B", 1, 1, 2, **change)
        )
        assert said.startswith("fills line 3: ")
        assert told in said

    def test_a_wrong_row_spoils_its_own_date_where_that_can_be_read(self, writer):
        dated, undated = fills(
            writer,
            fill(MORNING, "A-1", "X", 1, 1),
            fill(MORNING, "A-1", "B", 1, 1, **{"Date/Time": "yesterday"}),
        )
        assert (dated.day, undated.day) == (FRIDAY, None)

    def test_a_fill_that_is_told_twice_is_refused(self, writer):
        row = fill(MORNING, "A-1", "B", 1, 1)
        assert "'O1/F1' was told before" in problem(writer, row, row)

    def test_a_row_that_is_too_long_or_too_short_is_refused(self, writer):
        text = writer._written(FILL_COLUMNS, [fill(MORNING, "A-1", "B", 1, 1)]).rstrip()
        for damaged in (f"{text},more\n", text.rpartition(",")[0]):
            (wrong,) = reading().of([damaged])
            assert "fills line 2: has not as many cells as the header" in wrong.problem

    def test_the_header_of_the_first_page_holds_for_one_without(self, writer):
        page = writer._written(FILL_COLUMNS, [fill(MORNING, "A-1", "B", 1, 1, 1)])
        bare = writer._written(FILL_COLUMNS, [fill(MORNING, "A-1", "X", 1, 1, 2)]).partition("\n")[2]
        first, wrong = reading().of([page, bare])
        assert first.fill_id == "O1/F1"
        assert wrong.problem.startswith("fills page 2 line 1: column 'B/S'")

    def test_a_symbol_may_read_like_a_total(self, writer):
        row = fill(MORNING, "A-1", "B", 1, 1, Symbol="TOTAL")
        assert fills(writer, row, columns=sorted(FILL_COLUMNS, key="Symbol".__ne__))[0].symbol == "TOTAL"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("Date/Time,Account\n1,2\n", "fills line 1: no header with the columns 'B/S', 'Qty', 'Symbol'"),
            ('Date/Time,"Acc\n', "no CSV"),
            (",".join([*FILL_COLUMNS, "Qty"]), "column 'Qty' appears more than once"),
        ],
    )
    def test_what_is_no_table_of_fills_is_refused_whole(self, text, told):
        with pytest.raises(UnreadableAnswerError, match=told):
            list(reading().of([text]))

    def test_no_rows_are_no_fills(self, writer):
        assert fills(writer) == []
        assert list(reading().of([""])) == []


def summaries(writer, *rows, total="Equities,,2\n"):
    text = writer._written(SUMMARY_COLUMNS, [writer._dated(row) for row in rows])
    return list(read_summaries([text + total], "summaryByDate"))


class TestSummaries:
    def test_a_day_is_read_and_the_total_line_skipped(self, writer):
        row = summary(FRIDAY, "-151.25", gross="-150.00", adjusted="-3.10", unrealised="20.00")
        assert broker_day(
            "A-1", FRIDAY, summaries(writer, row), CALENDAR.history_known_at(FRIDAY)
        ) == BrokerDay(
            account_id="A-1",
            session=FRIDAY,
            gross_cents=-15_000,
            fees_cents=125,
            net_cents=-15_125,
            adjustments_cents=-310,
            unrealised_change_cents=2_000,
            known_at=CALENDAR.history_known_at(FRIDAY),
        )

    @pytest.mark.parametrize("day_format", ["%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "{0.month}/{0.day}/{0.year}"])
    @pytest.mark.parametrize("delta", ["Δ", "δ", "∆"])
    def test_dates_and_deltas_are_written_in_several_ways(self, writer, day_format, delta):
        writer.delta = delta
        row = summary(FRIDAY, "1.00", unrealised="2.00")
        text = writer._written(SUMMARY_COLUMNS, [row])
        shown = FRIDAY.strftime(day_format) if "%" in day_format else day_format.format(FRIDAY)
        (read,) = read_summaries([text.replace("2026-03-13", shown)], "summaryByDate")
        assert (read.day, read.unrealised_change) == (FRIDAY, 2)

    def test_quoted_thousands_are_read(self, writer):
        (read,) = summaries(
            writer, summary(FRIDAY, "1234.50") | {"Net": "1,234.50", "End Balance": "101,234.50"}
        )
        assert (read.net, read.end_balance) == (Decimal("1234.50"), Decimal("101234.50"))

    def test_columns_in_any_order_with_the_kind_first_are_no_total_lines(self, writer):
        text = writer._written(sorted(SUMMARY_COLUMNS, reverse=True), [summary(FRIDAY, "5.00")])
        (read,) = read_summaries([text + "Equities,,\n"], "summaryByDate")
        assert read.net == 5

    def test_without_the_change_of_what_is_unrealised_it_is_unknown(self, writer):
        writer.lacks = {"Unrealized Δ", "Total Δ", "End Balance", "Trade Fees", "ORF"}
        day = broker_day(
            "A-1", FRIDAY, summaries(writer, summary(FRIDAY, "5.00")), CALENDAR.history_known_at(FRIDAY)
        )
        assert (day.unrealised_change_cents, day.result_cents) == (None, 500)

    def test_adjusted_fees_follow_from_the_net_after_them(self, writer):
        writer.lacks = {"Adj Fees"}
        assert summaries(writer, summary(FRIDAY, "5.00", adjusted="-1.25"))[0].adjustments == Decimal("-1.25")

    def test_kinds_of_one_date_are_added_up(self, writer):
        rows = [summary(FRIDAY, "5.00"), summary(FRIDAY, "-2.00", Type="Options")]
        day = broker_day("A-1", FRIDAY, summaries(writer, *rows), CALENDAR.history_known_at(FRIDAY))
        assert day.net_cents == 300

    def test_a_total_that_is_not_its_parts_is_refused(self, writer):
        wrong, right = summaries(
            writer,
            summary(THURSDAY, "5.00") | {"Total Δ": "5.01"},
            summary(FRIDAY, "1.00", start="100005.00"),
        )
        assert wrong.day == THURSDAY
        assert "column 'Total Δ': 5.01 is not net 5.00, adjusted fees 0.00 and unrealised" in wrong.problem
        assert right.net == 1

    def test_balances_follow_from_one_another(self, writer):
        rows = [
            summary(THURSDAY, "5.00"),
            summary(FRIDAY, "1.00", adjusted="-2.00", transfers="500.00", start="100005.00"),
            summary(MONDAY, "1.00", start="100504.01"),
        ]
        good, also_good, wrong = summaries(writer, *rows)
        assert (good.day, also_good.day) == (THURSDAY, FRIDAY)
        assert "'End Balance': 100505.01 is not the balance of 2026-03-13, 100504.00" in wrong.problem

    @pytest.mark.parametrize("day", ["Equities 2026", "13.03.2026", "2026-02-30", ""])
    def test_what_is_no_date_is_refused(self, writer, day):
        text = writer._written(SUMMARY_COLUMNS, [summary(FRIDAY, "5.00") | {"Date": day}])
        (wrong,) = read_summaries([text], "summaryByDate")
        assert "line 2: column 'Date'" in wrong.problem

    def test_a_date_that_is_told_twice_is_refused(self, writer):
        _first, wrong = summaries(writer, summary(FRIDAY, "5.00"), summary(FRIDAY, "5.00"))
        assert "2026-03-13 is told twice for 'Equities'" in wrong.problem

    def test_totals_of_the_group_are_read_alike(self, office, connect):
        office.account("17", "A-1").days = [summary(FRIDAY, "5.00")]
        with connect() as client:
            pages = client.report_of_all("totalsByDate", FRIDAY, FRIDAY)
        (read,) = read_summaries(pages, "totalsByDate")
        assert (read.day, read.kind, read.net) == (FRIDAY, "", 5)


class TestClosedTrades:
    def test_sections_rows_and_total_lines(self, office, connect):
        account = office.account("17", "A-1")
        account.trades = {
            THURSDAY: [closed_trade(), closed_trade()],
            FRIDAY: [closed_trade("MSFT", "-1,010.00", Type="Short")],
        }
        office.day_format = "%m/%d/%y"
        with connect() as client:
            trades = list(read_closed_trades(client.report("trades", "17", THURSDAY, FRIDAY)))
        assert [(t.day, t.symbol, t.net) for t in trades] == [
            (THURSDAY, "AAPL", 10),
            (THURSDAY, "AAPL", 10),
            (FRIDAY, "MSFT", -1_010),
        ]
        assert trades[2].side is Side.SHORT
        assert (trades[0].opened, trades[0].closed) == ("09:31:05", "09:45:00")

    def test_a_trade_below_no_date_is_refused(self, writer):
        (wrong,) = read_closed_trades([writer._written(TRADE_COLUMNS, [closed_trade()])])
        assert wrong == WrongRow(
            None, "trades line 2: no line with a date stands above it. Ask for it again."
        )


def damaged(text: str, random: Random) -> str:
    """Return a text with some characters replaced, lost or doubled."""
    characters = list(text)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(characters))
        characters[at] = random.choice(
            ["", '"', ",", "\n", "\r", "\0", "9", "-", "e", "Δ", "x" * 50, characters[at] * 2]
        )
    return "".join(characters)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_answers_are_read_or_refused_in_words_that_can_be_printed(writer, seed):
    random = Random(seed)  # noqa: S311 - damage, no secret
    fill_rows = [fill(MORNING, "A-1", side, 100, "210.5", n) for n, side in enumerate("BSTC")]
    day_rows = [summary(THURSDAY, "5.00"), summary(FRIDAY, "1.00", start="100005.00")]
    for _ in range(40):
        tables = (
            (reading().of, writer._written(FILL_COLUMNS, fill_rows)),
            (
                lambda pages: read_summaries(pages, "summaryByDate"),
                writer._written(SUMMARY_COLUMNS, day_rows),
            ),
            (read_closed_trades, f"2026-03-13\n{writer._written(TRADE_COLUMNS, [closed_trade()])}"),
        )
        for read, text in tables:
            try:
                wrong = [row.problem for row in read([damaged(text, random)]) if isinstance(row, WrongRow)]
            except UnreadableAnswerError as error:
                wrong = [str(error)]
            assert all(problem.isprintable() and len(problem) < 600 for problem in wrong)
