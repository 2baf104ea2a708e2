"""The client: it asks as documented, tries again what may pass, and never says a refused password twice."""

from __future__ import annotations

import logging
import traceback
from datetime import date

import pytest

from riskops.budget import BUDGETS
from riskops.errors import SourceError, SourceRefusedError
from riskops.records import Verb
from riskops.sources.propreports.client import ReportType
from riskops.sources.propreports.patience import REQUESTS, Patience
from riskops.sources.propreports.refusals import (
    FinalAnswerError,
    IncompleteAnswerError,
    PassingError,
    StaleTokenError,
    refusal,
)
from tests.certificates import self_signed
from tests.propreports_server import (
    PASSWORD,
    HurriedClock,
    back_office,
    closed_trade,
    cut_short,
    fill,
    last_line,
    says,
    slow,
    summary,
    without_last_line,
)

FRIDAY = date(2026, 3, 13)


@pytest.fixture
def account(office):
    account = office.account("17", "A-3942")
    account.fills = [fill("2026-03-13 09:31:05", "A-3942", "B", 100, "210.5", n) for n in range(1, 6)]
    account.days = [summary(FRIDAY, "-12.50")]
    return account


def fills(client):
    return client.fills("17", FRIDAY, FRIDAY)


@pytest.mark.usefixtures("account")
class TestAsking:
    def test_a_login_is_followed_by_the_question_and_a_logout(self, connect, office):
        with connect() as client:
            (page,) = fills(client)
        assert len(page.splitlines()) == 1 + 5
        assert office.actions() == ["login", "fills", "logout"]
        asked = office.asked[1]
        assert (asked["accountId"], asked["startDate"], asked["endDate"]) == (
            "17",
            "2026-03-13",
            "2026-03-13",
        )
        assert asked["page"] == "1"
        assert asked["token"] == asked["token"].strip()

    def test_nothing_is_asked_that_nobody_wanted(self, connect, office):
        with connect():
            pass
        assert office.asked == []

    def test_every_action_of_the_api_is_there(self, connect, account, office):
        account.trades = {FRIDAY: [closed_trade()]}
        with connect() as client:
            client.login()
            assert client.version().startswith("v1.10.41")
            assert "A-3942" in client.accounts()[0]
            assert "-12.50" in client.report(ReportType.SUMMARY_BY_DATE, "17", FRIDAY, FRIDAY)[0]
            assert "AAPL" in client.report(ReportType.TRADES, "17", FRIDAY, FRIDAY)[0]
            assert "-12.50" in client.report_of_all(ReportType.TOTALS_BY_DATE, FRIDAY, FRIDAY)[0]
        assert office.actions() == [
            *("login", "version", "accounts", "summaryByDate", "trades", "totalsByDate", "logout")
        ]
        assert office.asked[-2]["groupId"] == "-2"

    def test_all_pages_are_fetched(self, connect, office):
        office.page_rows = 2
        with connect() as client:
            pages = fills(client)
        assert [len(page.splitlines()) - 1 for page in pages] == [2, 2, 1]
        assert not any("Page" in page for page in pages)

    def test_an_account_without_fills_has_one_page(self, connect, account):
        account.fills = []
        with connect() as client:
            assert len(fills(client)[0].splitlines()) == 1

    def test_a_logout_that_fails_is_no_failure(self, connect, office):
        office.fail("logout", says(500, "Internal error"))
        with connect() as client:
            fills(client)


@pytest.mark.usefixtures("account")
class TestToken:
    def test_an_expired_token_is_replaced_and_the_question_asked_again(self, connect, office):
        with connect() as client:
            fills(client)
            office.forget_tokens()
            fills(client)
        assert office.actions() == ["login", "fills", "fills", "login", "fills", "logout"]

    def test_it_is_replaced_before_its_two_hours_are_over(self, connect, office, clock):
        with connect(fetch_seconds=1e6) as client:
            fills(client)
            clock.now += 111 * 60
            fills(client)
        assert office.actions() == ["login", "fills", "login", "fills", "logout"]

    def test_one_that_is_refused_again_is_final(self, connect, office):
        office.fail("fills", says(500, "Invalid token"), times=9)
        with connect() as client, pytest.raises(StaleTokenError):
            fills(client)
        assert office.actions().count("fills") == 2

    def test_what_is_no_token_is_not_taken_for_one(self, connect, office):
        office.fail("login", says(200, "Welcome to the new login page"))
        with connect() as client:
            fills(client)
        assert office.actions().count("login") == 2


class TestRefusedLogin:
    @pytest.mark.fault(
        what="PropReports refuses the password",
        gets="no second try, by the client or by the task: the login is not locked",
        rung="-",
        label="SourceRefusedError, exit code 27",
        told="on-call, through the task that is given up",
    )
    def test_a_refused_password_is_said_once(self, connect, office):
        with (
            connect(password="wrong") as client,
            pytest.raises(SourceRefusedError, match="Invalid user") as no,
        ):
            client.accounts()
        assert office.actions() == ["login"]
        assert not no.value.retryable

    @pytest.mark.parametrize("said", ["", "Access denied", "Login failed", "Account locked", "Nope"])
    def test_whatever_a_login_is_refused_with_is_final(self, connect, office, said):
        office.fail("login", says(500, said), times=9)
        with connect() as client, pytest.raises(SourceRefusedError, match="RISKOPS_PROPREPORTS_USER"):
            client.accounts()
        assert office.actions() == ["login"]

    def test_a_login_that_meets_a_trouble_that_passes_is_tried_again(self, connect, office):
        office.fail("login", says(500, "Internal error, please try again"))
        office.fail("login", says(503, ""))
        with connect() as client:
            client.accounts()
        assert office.actions() == ["login", "login", "login", "accounts", "logout"]

    def test_an_address_without_an_api_is_named(self, connect, office):
        office.fail("login", says(404, "<html>Not here</html>"))
        with (
            connect() as client,
            pytest.raises(FinalAnswerError, match=r"404, 'Not here'\. Check RISKOPS_PROP"),
        ):
            client.accounts()


@pytest.mark.usefixtures("account")
class TestTryingAgain:
    @pytest.mark.parametrize(
        "fault",
        [
            says(500, "Internal error"),
            says(500, ""),
            says(429, "Slow down"),
            says(502, ""),
            says(503, "<html>Maintenance</html>"),
            says(504, ""),
            says(200, "<html>Maintenance</html>"),
            cut_short,
            without_last_line,
            last_line("Page 2/2"),
            last_line("Page 1/999999"),
        ],
    )
    def test_what_may_pass_is_asked_again(self, connect, office, fault, clock):
        office.fail("fills", fault, times=2)
        with connect() as client:
            assert len(fills(client)[0].splitlines()) == 1 + 5
        assert office.actions().count("fills") == 3
        first, second = clock.slept
        assert 1 <= first <= 2
        assert 2 <= second <= 3

    def test_it_is_given_up_after_six_tries(self, connect, office):
        office.fail("fills", says(503, "Maintenance"), times=9)
        with connect() as client, pytest.raises(PassingError, match="fills: PropReports answers 503, 'Maint"):
            fills(client)
        assert office.actions().count("fills") == 6

    @pytest.mark.parametrize(
        "fault", [says(500, "Account 17 not found"), says(500, "No permission"), says(404, ""), says(302, "")]
    )
    def test_what_is_final_is_asked_once(self, connect, office, fault):
        office.fail("fills", fault, times=9)
        with connect() as client, pytest.raises(FinalAnswerError):
            fills(client)
        assert office.actions().count("fills") == 1

    def test_an_answer_that_does_not_come_is_waited_for_only_so_long(self, connect, office):
        office.fail("fills", slow(0.4))
        with connect(answer_seconds=0.1) as client:
            assert len(fills(client)[0].splitlines()) == 1 + 5

    def test_an_answer_that_comes_in_drops_is_given_up(self, connect, office, clock):
        def drops(answer):
            clock.now += 31
            return answer

        office.fail("fills", drops)
        with connect() as client:
            fills(client)
        assert office.actions().count("fills") == 2

    def test_a_port_nobody_listens_on_is_named_without_the_address(self, connect):
        with connect(url="http://127.0.0.1:9/api.php") as client, pytest.raises(PassingError) as caught:
            client.accounts()
        assert str(caught.value) == "login: PropReports cannot be reached (ConnectError)."


@pytest.mark.usefixtures("account")
class TestPages:
    @pytest.fixture(autouse=True)
    def _small_pages(self, office):
        office.page_rows = 2

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (without_last_line, "page 2 lacks its last line"),
            (last_line("Page 3/3"), "page 2 was asked for, page 3 of 3 was answered"),
            (last_line("Page 2/4"), "page 2 is one of 4, the pages before were of 3"),
        ],
    )
    def test_a_page_that_is_lost_is_an_incomplete_answer(self, connect, office, fault, told):
        office.fail("fills", fault, times=9, page="2")
        with connect() as client, pytest.raises(IncompleteAnswerError, match=told):
            fills(client)

    def test_rows_told_on_two_pages_are_an_incomplete_answer(self, connect, office, account):
        def first_page_again(answer):
            return last_line("Page 2/3")(office._right(office.asked[-1] | {"page": "1"}))

        office.fail("fills", first_page_again, times=9, page="2")
        with (
            connect() as client,
            pytest.raises(IncompleteAnswerError, match="page 1 told is told again on page 2"),
        ):
            fills(client)

    def test_the_whole_answer_is_asked_for_again(self, connect, office):
        office.fail("fills", without_last_line, page="3")
        with connect() as client:
            assert len(fills(client)) == 3
        assert [form["page"] for form in office.asked if form["action"] == "fills"] == [*"123", *"123"]

    def test_a_report_without_its_total_line_is_incomplete(self, connect, office):
        office.fail("summaryByDate", without_last_line, times=9)
        with connect() as client, pytest.raises(IncompleteAnswerError, match="ends without its total line"):
            client.report(ReportType.SUMMARY_BY_DATE, "17", FRIDAY, FRIDAY)


class TestPatience:
    def test_forty_requests_go_at_once_and_the_next_waits_for_the_window(self, clock):
        patience = Patience(clock=clock, sleep=clock.sleep)
        for _ in range(REQUESTS):
            patience.wait_for_a_place()
        assert clock.slept == []
        patience.wait_for_a_place()
        assert 4 <= sum(clock.slept) <= 5

    def test_no_four_seconds_see_more_than_forty_requests(self, clock):
        patience = Patience(clock=clock, sleep=clock.sleep)
        sent = []
        for _ in range(300):
            patience.wait_for_a_place()
            sent.append(clock.now)
            clock.now += 0.03
        assert all(later - earlier > 4 for earlier, later in zip(sent, sent[REQUESTS:], strict=False))

    def test_a_request_that_would_end_too_late_is_not_tried_again(self, connect, office, account):
        office.fail("fills", says(503, ""), times=9)
        with connect(request_seconds=2.5) as client, pytest.raises(PassingError):
            fills(client)
        assert office.actions().count("fills") < 4

    def test_pages_share_the_time_of_their_request(self, connect, office, account, clock):
        def takes_its_time(answer):
            clock.now += 29
            return answer

        office.page_rows = 1
        office.fail("fills", takes_its_time, times=9)
        with connect() as client, pytest.raises(PassingError, match="too slow"):
            fills(client)
        assert office.actions().count("fills") == 3

    def test_the_ingest_task_outlives_the_fetch(self):
        patience = Patience()
        longest = patience.fetch_seconds + 2 * patience.answer_seconds  # the last answer, and the logout
        assert longest < BUDGETS[Verb.INGEST].time_out.total_seconds()

    def test_when_the_time_of_the_fetch_is_over_nothing_more_is_asked(self, connect, office, account, clock):
        with connect(fetch_seconds=60) as client:
            fills(client)
            clock.now += 61
            with pytest.raises(SourceError, match="no time is left of the 60 s"):
                fills(client)
        assert office.actions() == ["login", "fills", "logout"]

    def test_time_is_real_by_default(self):
        patience = Patience()
        assert patience.latest_answer() > patience.clock()


@pytest.mark.usefixtures("account")
class TestSecrets:
    def test_neither_password_nor_token_is_ever_told(self, connect, office, caplog):
        with caplog.at_level(logging.DEBUG), connect() as client:
            fills(client)
            token = office.asked[-1]["token"]
            office.fail("fills", says(500, f"No permission for {token} of {PASSWORD}"))
            with pytest.raises(FinalAnswerError, match=r"No permission for \*\*\* of \*\*\*") as caught:
                fills(client)
        told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(client))
        assert token not in told
        assert PASSWORD not in told

    def test_a_server_with_a_certificate_nobody_vouches_for_hears_no_password(self, connect, tmp_path):
        certificate = self_signed(tmp_path / "localhost.pem", "localhost")
        with back_office(certificate) as stranger, connect(url=stranger.url) as client:
            with pytest.raises(PassingError, match="ConnectError"):
                client.accounts()
            assert stranger.asked == []

    def test_what_the_server_says_is_shortened_and_on_one_line(self, connect, office):
        office.fail("fills", says(500, "No permission\n\x1b[31m" + "x" * 9_000))
        with connect() as client, pytest.raises(FinalAnswerError) as caught:
            fills(client)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300

    def test_bytes_that_are_no_text_are_told(self, connect, office):
        office.fail("fills", says(200, "\udcff\udcfe"))
        with connect() as client, pytest.raises(FinalAnswerError, match="no UTF-8 text"):
            fills(client)

    def test_an_answer_without_end_is_not_kept(self, connect, monkeypatch):
        monkeypatch.setattr("riskops.sources.propreports.client.MAX_ANSWER_BYTES", 200)
        with connect() as client, pytest.raises(FinalAnswerError, match="more than 200 bytes"):
            fills(client)


@pytest.mark.parametrize(
    ("action", "status", "text", "kind"),
    [
        ("fills", 500, "Your session has expired, log in again", StaleTokenError),
        ("fills", 500, "Token not valid", StaleTokenError),
        ("fills", 500, "Unknown account", FinalAnswerError),
        ("fills", 500, "Deadlock found", PassingError),
        ("fills", 401, "", StaleTokenError),
        ("login", 500, "Database temporarily unavailable", PassingError),
        ("login", 500, "User database says: wrong password", SourceRefusedError),
        ("login", 401, "", SourceRefusedError),
        ("login", 301, "", FinalAnswerError),
    ],
)
def test_what_a_no_means(action, status, text, kind):
    assert type(refusal(action, status, text)) is kind


def test_the_hurried_clock_moves_when_somebody_sleeps():
    clock = HurriedClock()
    clock.sleep(2)
    assert clock() == 1_002
