"""What every source promises, tried on each of them: the demo desk, the inbox, PropReports."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from riskops import settings
from riskops.records import Account
from riskops.settings import Secret
from riskops.sources.csv_inbox import CsvInbox
from riskops.sources.demo import FIRST_SESSION, TRADERS, DemoDesk
from riskops.sources.propreports.client import PropReportsClient
from riskops.sources.propreports.source import PropReports
from riskops.sources.source import Fetched, Source
from tests.builders import CALENDAR
from tests.names_in_memory import NamesInMemory
from tests.propreports_server import PASSWORD, USER, back_office, fill, summary

SESSIONS = [date(2026, 3, 12), date(2026, 3, 13), date(2026, 3, 16)]
TRADED, IDLE = "A-1", "B-2"


@dataclass
class Stand:
    """A source with some accounts of which one is idle, and a way to spoil one of them."""

    source: Source
    account_ids: list[str]
    sessions: list[date]
    spoil: Callable[[], str]

    def fetch(
        self,
        account_ids: Sequence[str] | None = None,
        sessions: Sequence[date] | None = None,
        known_at: Callable[[date], datetime] = CALENDAR.history_known_at,
    ) -> list[Fetched]:
        ids = self.account_ids if account_ids is None else account_ids
        asked = [Account(account_id, f"T{account_id}", date(2023, 1, 3)) for account_id in ids]
        return list(self.source.fetch(asked, self.sessions if sessions is None else sessions, known_at))


@contextmanager
def demo(_folder: Path) -> Iterator[Stand]:
    sessions = CALENDAR.between(FIRST_SESSION, FIRST_SESSION + timedelta(days=6))
    accounts = [f"A{trader_id}" for trader_id, _ in TRADERS]
    yield Stand(DemoDesk(calendar=CALENDAR), accounts, sessions, lambda: "A-unknown")


@contextmanager
def inbox(folder: Path) -> Iterator[Stand]:
    header = (
        *("account", "trade_id", "symbol", "side", "quantity", "opened_at", "closed_at"),
        *("entry_price", "exit_price", "gross", "fees", "net", "currency"),
    )

    def write(session: date, *rows: Sequence[object]) -> None:
        with (folder / f"venue_{session}.csv").open("a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)

    for session in SESSIONS:
        closed = f"{session}T10:00:00-04:00"
        row = (TRADED, f"T{session:%d}", "AAPL", "long", 100, "", closed, 210, 211, 100, 1, 99, "USD")
        write(session, header, row)

    def spoil() -> str:
        for session in SESSIONS:
            write(session, (IDLE, "T1", "AAPL", "long", "many", "", "", "", "", 1, 0, 1, "USD"))
        return IDLE

    clock = datetime(2026, 3, 17, 10, tzinfo=UTC)
    yield Stand(CsvInbox(folder, CALENDAR, lambda: clock), [TRADED, IDLE], SESSIONS, spoil)


@contextmanager
def propreports(_folder: Path) -> Iterator[Stand]:
    with back_office() as office:
        account, idle = office.account("17", TRADED), office.account("18", IDLE)
        for number, session in enumerate(SESSIONS):
            account.fills += [
                fill(f"{session} 10:00:00", TRADED, "B", 100, "210", 2 * number),
                fill(f"{session} 10:05:00", TRADED, "S", 100, "211", 2 * number + 1),
            ]
            account.days.append(
                summary(session, "99.28", gross="100.00", start=f"{100_000 + number * 99.28:.2f}")
            )

        def spoil() -> str:
            office.accounts.remove(idle)
            return IDLE

        login = settings.BackOffice(office.url, USER, Secret(PASSWORD))
        source = PropReports(lambda: PropReportsClient(login), CALENDAR, NamesInMemory())
        yield Stand(source, [TRADED, IDLE], SESSIONS, spoil)


@pytest.fixture(params=[demo, inbox, propreports], ids=lambda kind: kind.__name__)
def stand(request, tmp_path):
    with request.param(tmp_path) as stand:
        yield stand


def told(answer):
    """Return everything an answer says of account-days."""
    return (*answer.trades, *answer.fills, *answer.broker_days)


def identities(answers):
    return [
        *((trade.account_id, trade.trade_id) for answer in answers for trade in answer.trades),
        *((fill.account_id, fill.fill_id) for answer in answers for fill in answer.fills),
    ]


def test_there_is_one_answer_a_session_in_ascending_order_however_they_are_asked_for(stand):
    answers = stand.fetch(sessions=stand.sessions[::-1])
    assert [{session for _, session in answer.covered} for answer in answers] == [{s} for s in stand.sessions]


def test_what_is_told_lies_within_its_session_and_is_of_accounts_that_were_asked_for(stand):
    answers = stand.fetch()
    assert identities(answers)
    for session, answer in zip(stand.sessions, answers, strict=True):
        assert {item.session for item in told(answer)} <= {session}
        assert {item.account_id for item in told(answer)} <= set(stand.account_ids)
        assert {CALENDAR.label(trade.closed_at) for trade in answer.trades} <= {session}
        assert {CALENDAR.label(fill.executed_at) for fill in answer.fills} <= {session}


def test_only_what_was_asked_for_is_covered_each_pair_once(stand):
    wanted = stand.account_ids[:1]
    for session, answer in zip(stand.sessions, stand.fetch(wanted), strict=True):
        assert answer.covered == ((wanted[0], session),)
        assert {item.account_id for item in told(answer)} <= set(wanted)


def test_what_is_told_is_covered(stand):
    for answer in stand.fetch():
        assert {(item.account_id, item.session) for item in told(answer)} <= set(answer.covered)


def test_it_delivers_either_fills_or_trades(stand):
    for answer in stand.fetch():
        assert (answer.trades if stand.source.tells_fills else answer.fills) == ()


def test_a_day_without_trades_is_covered(stand):
    quiet = [
        account
        for answer in stand.fetch()
        for account, _ in answer.covered
        if account not in {item.account_id for item in told(answer)}
    ]
    assert quiet


def test_a_failure_has_a_reason_is_never_covered_and_stops_nobody_else(stand):
    spoiled = stand.spoil()
    others = [account for account in stand.account_ids if account != spoiled]
    for session, answer in zip(stand.sessions, stand.fetch([*others, spoiled]), strict=True):
        assert list(answer.failures) == [spoiled]
        assert answer.failures[spoiled].isprintable()
        assert set(answer.covered) == {(account, session) for account in others}
        assert spoiled not in {item.account_id for item in told(answer)}


def test_everything_is_known_from_the_moment_that_was_given(stand):
    def known_at(session: date) -> datetime:
        return datetime(2030, 1, session.day, 12, tzinfo=UTC)

    for session, answer in zip(stand.sessions, stand.fetch(known_at=known_at), strict=True):
        assert {item.known_at for item in told(answer)} == {known_at(session)}


def test_asked_again_it_answers_the_same(stand):
    assert stand.fetch() == stand.fetch()


def test_asked_for_one_session_alone_it_answers_the_same(stand):
    assert stand.fetch(sessions=stand.sessions[1:2]) == stand.fetch()[1:2]


def test_identities_are_unique(stand):
    found = identities(stand.fetch())
    assert len(set(found)) == len(found)


def test_asked_for_no_session_it_says_nothing(stand):
    assert stand.fetch(sessions=[]) == []


def test_asked_for_no_account_nothing_is_covered(stand):
    assert [(answer.covered, told(answer)) for answer in stand.fetch([])] == [((), ())] * len(stand.sessions)


def test_the_name_of_the_source_is_stable(stand):
    before = stand.source.name
    stand.fetch()
    assert before == stand.source.name != ""
