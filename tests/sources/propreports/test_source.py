"""The source: whole account-days or a failure that says why, whatever the back office does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from riskops.errors import ConfigurationError, SourceError, SourceRefusedError
from riskops.records import Account
from riskops.sessions import trading_calendar
from riskops.sources.propreports.source import PropReports
from tests.builders import CALENDAR
from tests.names_in_memory import NamesInMemory
from tests.propreports_server import (
    PASSWORD,
    cut_short,
    fill,
    says,
    summary,
    without_last_line,
)

THURSDAY, FRIDAY, MONDAY = date(2026, 3, 12), date(2026, 3, 13), date(2026, 3, 16)
ROSTER = [Account(account, f"T{account}", date(2026, 1, 2)) for account in ("B-2", "A-1")]


@pytest.fixture
def names():
    return NamesInMemory()


@pytest.fixture
def source(connect, names):
    return PropReports(connect, CALENDAR, names)


@pytest.fixture
def desk(office):
    """Return two accounts: the first traded on Thursday, Friday and the weekend, the second was idle."""
    first = office.account("17", "A-1")
    first.fills = [
        fill("2026-03-12 09:31:05", "A-1", "T", 100, "210.50", 1),
        fill("2026-03-13 10:00:00", "A-1", "C", 100, "209.50", 2),
        fill("2026-03-15 11:00:00", "A-1", "B", 1, "209.00", 3),
    ]
    first.days = [
        summary(THURSDAY, "-0.36", gross="0.00"),
        summary(FRIDAY, "99.64", gross="100.00", start="99999.64"),
        summary(date(2026, 3, 14), "0.00", adjusted="-25.00", start="100099.28", Fills="0"),
        summary(MONDAY, "3.00", start="100074.28", Fills="0"),
    ]
    office.account("18", "B-2")
    return office


def fetch(source, *sessions, accounts=ROSTER):
    return list(source.fetch(accounts, sessions, CALENDAR.history_known_at))


@pytest.mark.usefixtures("desk")
class TestFetched:
    def test_a_session_has_its_fills_and_the_broker_s_summary(self, source):
        (fetched,) = fetch(source, FRIDAY)
        assert [f.fill_id for f in fetched.fills] == ["O2/F2"]
        assert [(d.account_id, d.net_cents, d.fees_cents) for d in fetched.broker_days] == [
            ("A-1", 9_964, 36)
        ]
        assert fetched.covered == (("A-1", FRIDAY), ("B-2", FRIDAY))
        assert (fetched.trades, fetched.failures) == ((), {})

    def test_an_idle_account_is_covered(self, source):
        assert ("B-2", MONDAY) in fetch(source, MONDAY)[0].covered

    def test_a_range_is_asked_for_in_one_go_from_the_day_after_the_session_before(self, source, desk):
        fetch(source, MONDAY, THURSDAY, FRIDAY)
        asked = [form for form in desk.asked if form["action"] in ("fills", "report")]
        assert len(asked) == 4
        assert {(form["startDate"], form["endDate"]) for form in asked} == {("2026-03-12", "2026-03-16")}
        desk.asked.clear()
        fetch(source, MONDAY)
        assert desk.asked[2]["startDate"] == "2026-03-14"

    def test_what_is_booked_on_a_weekend_belongs_to_monday(self, source):
        (monday,) = fetch(source, MONDAY)
        assert [f.fill_id for f in monday.fills] == ["O3/F3"]
        (day,) = monday.broker_days
        assert (day.net_cents, day.adjustments_cents) == (300, -2_500)

    def test_answers_ascend_and_are_the_same_when_asked_again(self, source):
        together = fetch(source, MONDAY, THURSDAY, FRIDAY)
        assert together == [fetch(source, session)[0] for session in (THURSDAY, FRIDAY, MONDAY)]

    def test_a_correction_is_seen_when_asked_again(self, source, desk):
        fetch(source, FRIDAY)
        desk.accounts[0].fills[1]["Price"] = "209.40"
        assert str(fetch(source, FRIDAY)[0].fills[0].price) == "209.40"

    def test_long_histories_are_asked_for_in_blocks(self, source, desk):
        sessions = CALENDAR.between(date(2025, 9, 2), FRIDAY)
        assert len(fetch(source, *sessions)) == len(sessions)
        asked = [form for form in desk.asked if form["action"] == "fills" and form["accountId"] == "17"]
        assert len(asked) == 3
        for form in asked:
            assert date.fromisoformat(form["endDate"]) - date.fromisoformat(form["startDate"]) < timedelta(97)

    def test_last_night_is_asked_for_before_its_history(self, source, desk):
        desk.fail("fills", says(503, ""), times=6, accountId="17", startDate="2026-01-31")
        before, last_night = fetch(source, date(2026, 2, 2), FRIDAY)
        assert list(before.failures) == ["A-1"]
        assert last_night.covered == (("A-1", FRIDAY), ("B-2", FRIDAY))
        asked = [form["endDate"] for form in desk.asked if form["action"] == "fills"]
        assert asked[:2] == ["2026-03-13", "2026-03-13"]

    def test_sessions_far_apart_do_not_fetch_what_lies_between(self, source, desk):
        early = date(2026, 2, 2)
        assert len(fetch(source, early, FRIDAY)) == 2
        spans = {(form["startDate"], form["endDate"]) for form in desk.asked if form["action"] == "fills"}
        assert spans == {("2026-01-31", "2026-02-02"), ("2026-03-13", "2026-03-13")}

    def test_fills_without_a_summary_are_covered_without_the_broker_s_day(self, source, desk):
        desk.accounts[0].days.clear()
        (fetched,) = fetch(source, FRIDAY)
        assert (len(fetched.fills), fetched.broker_days) == (1, ())

    def test_nobody_and_nothing_is_asked_without_need(self, source, desk):
        assert fetch(source) == []
        assert len(fetch(source, FRIDAY, accounts=[])) == 1
        assert desk.asked == []

    def test_the_layout_of_the_server_does_not_matter(self, source, desk):
        usual = fetch(source, THURSDAY, FRIDAY, MONDAY)
        desk.lacks, desk.reordered, desk.delta, desk.day_format = {"ORF", "CAT", "Acc"}, True, "δ", "%m/%d/%y"
        assert fetch(source, THURSDAY, FRIDAY, MONDAY) == usual

    def test_pages_are_put_together(self, source, desk):
        usual = fetch(source, THURSDAY, FRIDAY, MONDAY)
        desk.page_rows = 1
        assert fetch(source, THURSDAY, FRIDAY, MONDAY) == usual


@pytest.mark.usefixtures("desk")
class TestRenamed:
    def test_the_old_account_and_the_one_that_took_its_name_are_one(self, source, desk, names):
        fetch(source, THURSDAY)
        desk.accounts[0].name = "A-1_OLD"
        newer = desk.account("57", "A-1")
        newer.fills = [fill("2026-03-13 15:00:00", "A-1", "B", 5, "209.00", 2)]
        newer.days = [summary(FRIDAY, "-0.36", gross="0.00")]
        (fetched,) = fetch(source, FRIDAY)
        assert [f.fill_id for f in fetched.fills] == ["O2/F2", "57:O2/F2"]
        assert {f.account_id for f in fetched.fills} == {"A-1"}
        assert [d.net_cents for d in fetched.broker_days] == [9_928]
        assert names.known() == {"17": "A-1", "18": "B-2", "57": "A-1"}

    def test_where_one_of_the_two_fails_the_account_fails(self, source, desk):
        desk.account("57", "A-1_OLD2")
        desk.fail("fills", says(500, "Account 57 not found"), accountId="57")
        (fetched,) = fetch(source, FRIDAY)
        assert fetched.covered == (("B-2", FRIDAY),)
        assert "account 'A-1', PropReports id '57': fills: PropReports answers 500" in fetched.failures["A-1"]
        assert fetched.fills == fetched.broker_days == ()


@pytest.mark.usefixtures("desk")
class TestOneAccountFails:
    @pytest.mark.fault(
        what="PropReports fails for one account: an error, a cut or missing page, a foreign currency",
        gets="every other account, whole; this one is not covered, it is never a quiet day",
        rung="-",
        label="account ..., PropReports id ...: what was asked for and what was answered",
        told="risk managers, in data health",
    )
    @pytest.mark.parametrize("action", ["fills", "summaryByDate"])
    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (says(500, "Internal error"), "PropReports answers 500, 'Internal error'."),
            (says(500, "Account 17 not found"), "PropReports answers 500, 'Account 17 not found'."),
            (says(503, ""), "PropReports answers 503."),
            (cut_short, "PropReports broke its answer off (RemoteProtocolError)."),
            (without_last_line, "cut short."),
            (says(200, "Date\n"), ""),
        ],
    )
    def test_it_alone_fails_with_what_was_said(self, source, desk, action, fault, told):
        desk.fail(action, fault, times=9, accountId="17")
        (fetched,) = fetch(source, FRIDAY)
        assert fetched.covered == (("B-2", FRIDAY),)
        assert list(fetched.failures) == ["A-1"]
        reason = fetched.failures["A-1"]
        assert reason.startswith(f"account 'A-1', PropReports id '17': {action}")
        assert told in reason
        assert reason.isprintable()

    def test_a_trouble_that_passes_is_not_even_told(self, source, desk):
        usual = fetch(source, FRIDAY)
        desk.fail("fills", says(503, ""))
        desk.forget_tokens()
        assert fetch(source, FRIDAY) == usual

    def test_an_account_that_is_not_listed_fails_visibly(self, source, desk):
        del desk.accounts[1]
        (fetched,) = fetch(source, FRIDAY)
        assert fetched.covered == (("A-1", FRIDAY),)
        assert "account 'B-2': PropReports does not list it" in fetched.failures["B-2"]

    def test_an_account_in_another_currency_is_refused(self, source, desk):
        desk.accounts[0].currency = "CAD"
        assert "it is kept in 'CAD'. Only accounts in USD" in fetch(source, FRIDAY)[0].failures["A-1"]

    def test_a_row_of_another_account_is_refused(self, source, desk):
        desk.accounts[0].fills[1]["Account"] = "B-2"
        (fetched,) = fetch(source, FRIDAY)
        assert "column 'Account': 'B-2' is not the account" in fetched.failures["A-1"]

    def test_a_wrong_row_fails_its_own_session_only(self, source, desk):
        desk.accounts[0].fills[1]["Qty"] = "many"
        thursday, friday, monday = fetch(source, THURSDAY, FRIDAY, MONDAY)
        assert ("A-1", THURSDAY) in thursday.covered
        assert "fills line 3: column 'Qty': 'many'" in friday.failures["A-1"]
        assert friday.fills == friday.broker_days == ()
        assert ("A-1", MONDAY) in monday.covered

    def test_a_row_without_a_date_fails_every_session(self, source, desk):
        desk.accounts[0].fills[1]["Date/Time"] = ""
        desk.fail("fills", lambda answer: answer, accountId="17")
        desk._booked = lambda form, booked=desk._booked: (
            booked(form)
            if form["action"] != "fills"
            else (desk._paged(list(desk.accounts[0].fills[0]), desk.accounts[0].fills[1:2], form))
        )
        answers = fetch(source, THURSDAY, FRIDAY)
        assert all("column 'Date/Time': '' is no time" in answer.failures["A-1"] for answer in answers)

    @pytest.mark.parametrize("column", ["Total Δ", "End Balance"])
    def test_a_summary_that_contradicts_itself_fails_its_session(self, source, desk, column):
        desk.accounts[0].days[1][column] = "1.00"
        thursday, friday = fetch(source, THURSDAY, FRIDAY)
        assert thursday.failures == {}
        assert f"summaryByDate line 3: column '{column}': 1.00 is not" in friday.failures["A-1"]

    def test_fills_the_summary_counts_and_that_do_not_come_are_no_quiet_day(self, source, desk):
        desk.accounts[0].fills.clear()
        (fetched,) = fetch(source, FRIDAY)
        assert "none came for 2026-03-13, summaryByDate counts 2" in fetched.failures["A-1"]

    def test_who_could_not_be_asked_is_not_asked_again_in_this_fetch(self, source, desk):
        desk.fail("fills", says(503, ""), times=99, accountId="17")
        answers = fetch(source, date(2026, 2, 2), FRIDAY)
        assert [list(answer.failures) for answer in answers] == [["A-1"], ["A-1"]]
        assert sum(f["action"] == "fills" and f["accountId"] == "17" for f in desk.asked) == 6

    def test_one_slow_account_does_not_take_the_time_of_the_others(self, source, desk, clock):
        def slow(answer):
            clock.now += 31
            return answer

        desk.fail("fills", slow, times=99, accountId="17")
        started = clock.now
        (fetched,) = fetch(source, FRIDAY)
        assert fetched.covered == (("B-2", FRIDAY),)
        assert "too slow" in fetched.failures["A-1"]
        assert clock.now - started < 120

    def test_when_the_time_is_over_the_rest_fails_and_says_so(self, connect, desk, names, clock):
        def very_slow(answer):
            clock.now += 400
            return answer

        desk.fail("fills", very_slow, accountId="17")
        (fetched,) = fetch(PropReports(connect, CALENDAR, names), FRIDAY)
        assert fetched.covered == ()
        assert "no time is left of the 360 s" in fetched.failures["B-2"]


@pytest.mark.usefixtures("desk")
class TestTheWholeSourceFails:
    def test_a_refused_password_is_not_retryable_and_said_once(self, connect, desk, names):
        source = PropReports(lambda: connect(password="wrong"), CALENDAR, names)
        with pytest.raises(SourceRefusedError):
            fetch(source, FRIDAY)
        assert desk.actions() == ["login"]

    def test_a_login_refused_in_the_middle_ends_the_fetch(self, source, desk):
        def expire(answer):
            desk.password = "changed"
            desk.forget_tokens()
            return says(500, "Invalid token")(answer)

        desk.fail("fills", expire)
        with pytest.raises(SourceRefusedError):
            fetch(source, FRIDAY)
        assert desk.actions().count("login") == 2

    @pytest.mark.fault(
        what="PropReports cannot be reached, or does not list its accounts",
        gets="nothing is taken for known; the fetch is tried again",
        rung="-",
        label="SourceError, exit code 17",
        told="on-call, through the task that is given up",
    )
    @pytest.mark.parametrize(
        "fault", [says(503, "Maintenance"), without_last_line, says(200, "Account Id\nPage 1/1")]
    )
    def test_without_its_accounts_nothing_is_answered(self, source, desk, fault):
        desk.fail("accounts", fault, times=9)
        with pytest.raises(SourceError, match="accounts") as caught:
            fetch(source, FRIDAY)
        assert caught.value.retryable
        assert PASSWORD not in str(caught.value)

    def test_a_calendar_of_another_zone_is_refused(self, connect, names):
        with pytest.raises(ConfigurationError, match="use RISKOPS_CALENDAR=XNYS"):
            PropReports(connect, trading_calendar("24/7"), names)


def test_the_source_is_called_propreports(source):
    assert source.name == "propreports"
