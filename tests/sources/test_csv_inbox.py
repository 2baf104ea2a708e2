import csv
from datetime import UTC, date, datetime

import pytest

from riskops.errors import SourceError
from riskops.records import Account
from riskops.sources.csv_inbox import CsvInbox
from riskops.sources.mappings import CLOSED_TRADES
from riskops.sources.source import Fetched, Source
from tests.builders import CALENDAR

NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
THURSDAY, FRIDAY = date(2026, 3, 12), date(2026, 3, 13)
ACCOUNTS = [Account(account, f"T{account}", date(2026, 1, 2)) for account in ("3951", "3942")]


def trade(trade_id="T1", account="3942", closed="2026-03-13T15:30:00-04:00", net="-151.25"):
    return {
        "account": account,
        "trade_id": trade_id,
        "symbol": "AAPL",
        "side": "long",
        "quantity": 100,
        "opened_at": "",
        "closed_at": closed,
        "entry_price": 210,
        "exit_price": 208.5,
        "gross": net,
        "fees": 0,
        "net": net,
        "currency": "USD",
    }


@pytest.fixture
def drop(tmp_path):
    def write(name, *rows):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(trade()))
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / name

    return write


@pytest.fixture
def inbox(tmp_path) -> Source:
    return CsvInbox(tmp_path, CALENDAR, lambda: NOW)


def fetch(inbox, *sessions, accounts=ACCOUNTS):
    return list(inbox.fetch(accounts, sessions, CALENDAR.history_known_at))


def test_a_file_covers_every_account_of_the_desk_for_its_session(inbox, drop):
    drop(
        "venue_2026-03-13.csv",
        trade("T2", "3951"),
        trade("T9"),
        trade("T1", closed="2026-03-13T10:00:00-04:00"),
    )
    [fetched] = fetch(inbox, FRIDAY)
    assert [(t.account_id, t.trade_id) for t in fetched.trades] == [
        ("3942", "T1"),
        ("3942", "T9"),
        ("3951", "T2"),
    ]
    assert fetched.covered == (("3942", FRIDAY), ("3951", FRIDAY))
    assert fetched.failures == {}


def test_an_account_without_rows_in_the_file_was_quiet_and_is_covered(inbox, drop):
    drop("venue_2026-03-13.csv", trade())
    assert ("3951", FRIDAY) in fetch(inbox, FRIDAY)[0].covered


def test_a_session_without_a_file_is_not_covered(inbox, drop):
    drop("venue_2026-03-13.csv", trade())
    assert fetch(inbox, THURSDAY, FRIDAY)[0] == Fetched(trades=(), covered=(), failures={})


def test_there_is_one_answer_a_session_in_ascending_order(inbox, drop):
    drop("a_2026-03-13.csv", trade())
    drop("b_2026-03-12.csv", trade("T0", closed="2026-03-12T15:30:00-04:00"))
    answers = fetch(inbox, FRIDAY, THURSDAY)
    assert [answer.trades[0].session for answer in answers] == [THURSDAY, FRIDAY]


def test_a_file_that_cannot_be_read_fails_every_account_it_would_cover(inbox, drop):
    drop("venue_2026-03-13.csv", trade()).write_text("not,the,layout\n1,2,3\n")
    [fetched] = fetch(inbox, FRIDAY)
    assert (fetched.trades, fetched.covered) == ((), ())
    assert set(fetched.failures) == {"3942", "3951"}
    assert "venue_2026-03-13.csv:1: column 'trade_id': is missing" in fetched.failures["3951"]


def test_a_refused_row_fails_the_account_it_names_and_no_other(inbox, drop):
    drop("venue_2026-03-13.csv", trade("T1"), trade("T2", net="nan"), trade("T3", "3951"))
    [fetched] = fetch(inbox, FRIDAY)
    assert [t.trade_id for t in fetched.trades] == ["T3"]
    assert fetched.covered == (("3951", FRIDAY),)
    assert list(fetched.failures) == ["3942"]
    assert "venue_2026-03-13.csv:3: column 'gross': 'nan'" in fetched.failures["3942"]


def test_a_row_that_could_be_anybodys_fails_every_account(inbox, drop):
    with drop("venue_2026-03-13.csv", trade()).open("a") as stream:
        stream.write("3951,T2\n")
    [fetched] = fetch(inbox, FRIDAY)
    assert (fetched.trades, fetched.covered) == ((), ())
    assert set(fetched.failures) == {"3942", "3951"}


def test_an_account_that_was_not_asked_for_is_reported_and_stops_nobody(inbox, drop):
    drop("venue_2026-03-13.csv", trade("T1"), trade("T2", "9999"))
    [fetched] = fetch(inbox, FRIDAY)
    assert [t.trade_id for t in fetched.trades] == ["T1"]
    assert fetched.covered == (("3942", FRIDAY), ("3951", FRIDAY))
    told = "venue_2026-03-13.csv:3: account '9999' belongs to no trader who gets a limit. Enrol it with"
    assert fetched.failures["9999"].startswith(told)


def test_a_trade_told_twice_with_different_results_fails_its_account_and_neither_is_kept(inbox, drop):
    drop("venue_2026-03-13.csv", trade("T1"), trade("T3", "3951"), trade("T1", net="75"))
    [fetched] = fetch(inbox, FRIDAY)
    assert [t.trade_id for t in fetched.trades] == ["T3"]
    assert fetched.covered == (("3951", FRIDAY),)
    assert list(fetched.failures) == ["3942"]
    assert "venue_2026-03-13.csv:4: column 'trade_id': 'T1' was in line 2" in fetched.failures["3942"]
    assert "net -151.25 and gross -151.25 on 2026-03-13, here with net 75.00" in fetched.failures["3942"]


def test_a_trade_knows_the_row_it_was_read_from(inbox, drop):
    drop("venue_2026-03-13.csv", trade("T1"))
    assert str(fetch(inbox, FRIDAY)[0].trades[0].origin) == "venue_2026-03-13.csv:2"


def test_two_files_for_a_session_are_refused_not_merged(inbox, drop):
    drop("a_2026-03-13.csv", trade())
    drop("b_2026-03-13.csv", trade())
    [fetched] = fetch(inbox, FRIDAY)
    assert fetched.covered == ()
    assert "a_2026-03-13.csv, b_2026-03-13.csv. Leave one" in fetched.failures["3942"]


def test_rows_of_earlier_sessions_are_left_to_their_own_file(inbox, drop):
    drop("month_2026-03-13.csv", trade("T0", closed="2026-03-12T15:30:00-04:00"), trade("T1"))
    [fetched] = fetch(inbox, FRIDAY)
    assert [t.trade_id for t in fetched.trades] == ["T1"]
    assert {session for _, session in fetched.covered} == {FRIDAY}


def test_a_row_of_a_later_session_means_a_wrong_file_name(inbox, drop):
    drop("venue_2026-03-12.csv", trade())
    [fetched] = fetch(inbox, THURSDAY)
    assert fetched.covered == ()
    assert "belongs to 2026-03-13, after the session in the file's name" in fetched.failures["3942"]


@pytest.mark.parametrize(
    "name", ["2026-03-13.csv", "x_2026-03-13.csv.part", "x_2026-13-45.csv", "x_20260313.csv"]
)
def test_files_with_other_names_are_not_read(inbox, drop, name):
    drop(name, trade())
    assert fetch(inbox, FRIDAY) == [Fetched(trades=(), covered=())]


def test_a_folder_with_the_name_of_a_file_is_a_failure_not_a_crash(inbox, tmp_path):
    (tmp_path / "x_2026-03-13.csv").mkdir()
    assert "is a folder, not a file" in fetch(inbox, FRIDAY)[0].failures["3942"]


def test_an_inbox_that_cannot_be_listed_is_the_sources_failure(tmp_path):
    with pytest.raises(
        SourceError, match=r"cannot be listed: No such file or directory\. Check RISKOPS_INBOX"
    ):
        fetch(CsvInbox(tmp_path / "absent", CALENDAR, lambda: NOW), FRIDAY)


def test_the_clock_is_read_once_a_fetch(tmp_path, drop):
    drop("a_2026-03-12.csv", trade("T0", closed="2026-03-12T15:30:00-04:00"))
    drop("a_2026-03-13.csv", trade())
    readings = iter([NOW])
    inbox = CsvInbox(tmp_path, CALENDAR, lambda: next(readings), CLOSED_TRADES)
    assert [len(answer.trades) for answer in fetch(inbox, THURSDAY, FRIDAY)] == [1, 1]


def test_the_source_is_called_csv(inbox):
    assert inbox.name == "csv"


def test_a_file_whose_name_cannot_be_printed_fails_every_account_in_words_that_can(inbox, drop):
    drop("\udcff_2026-03-13.csv", trade())
    assert all(problem.isprintable() for problem in fetch(inbox, FRIDAY)[0].failures.values())
    drop("b_2026-03-13.csv", trade())
    [fetched] = fetch(inbox, FRIDAY)
    assert set(fetched.failures) == {"3942", "3951"}
    assert all(problem.isprintable() for problem in fetched.failures.values())
