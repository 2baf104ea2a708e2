"""What a page reads: the newest of what is asked for, of one session or trader, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from riskops.records import LimitOrigin, Rule, Rung, Signal, Verb
from riskops.store.database import Database
from riskops.store.mornings import Mornings
from riskops.store.outbox import Outbox
from riskops.store.page_reader import PageReader
from riskops.store.risk_store import RiskStore
from riskops.store.schema import upgrade
from riskops.store.seal import LIMITS_MAIL, seal
from riskops.store.tables import signals
from tests.builders import CALENDAR, SESSION
from tests.delivery_process import NOW, report
from tests.desks import database_url, opened
from tests.golden.mornings import check, comparison
from tests.small_desks import NIGHT, PUBLICATION

TRADER = PUBLICATION.decisions[0].trader_id


@pytest.fixture
def database(folder):
    made = Database(database_url(folder))
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def pages(database) -> PageReader:
    return RiskStore(database, CALENDAR).pages


@pytest.fixture
def mornings(database) -> Mornings:
    return Mornings(database)


def decide(mornings, session=SESSION, revision=0, **changes):
    made = replace(PUBLICATION, session=session, revision=revision, **changes)
    mornings.publish(made, {})


def mail(database, session=SESSION, revision=0):
    with database.writing() as connection:
        seal(connection, session, revision, NOW)


class TestDecided:
    def test_the_newest_comes_first_with_its_seal(self, pages, mornings, database):
        decide(mornings, NIGHT)
        decide(mornings)
        mail(database, NIGHT)
        found = pages.decided(5)
        assert [(one.session, one.sealed_at) for one in found] == [(SESSION, None), (NIGHT, NOW)]

    def test_a_later_revision_stands_before_an_earlier_one(self, pages, mornings):
        decide(mornings)
        decide(mornings, revision=1)
        assert [one.revision for one in pages.decided(5)] == [1, 0]

    def test_nothing_after_the_date_and_no_more_than_asked_for(self, pages, mornings):
        decide(mornings, NIGHT)
        decide(mornings)
        assert [one.session for one in pages.decided(5, NIGHT)] == [NIGHT]
        assert [one.session for one in pages.decided(1)] == [SESSION]

    def test_the_session_after_one(self, pages, mornings):
        decide(mornings)
        assert pages.next_decided(NIGHT) == SESSION
        assert pages.next_decided(SESSION) is None


class TestLimits:
    def test_the_newest_revision_of_each_session_counts(self, pages, mornings, database):
        decide(mornings, NIGHT)
        decide(mornings)
        decide(mornings, revision=1, rung=Rung.HOLD)
        mail(database, NIGHT)
        found = pages.limits_of(TRADER, SESSION, 10)
        assert [(one.session, one.revision) for one in found] == [(SESSION, 1), (NIGHT, 0)]
        assert [one.applied_cents for one in found] == [None, 300_000]
        assert found[1].origin is LimitOrigin.PUBLISHED
        assert found[0].reasons == PUBLICATION.decisions[0].reasons

    def test_of_one_trader_through_a_date_and_no_more_than_asked_for(self, pages, mornings):
        decide(mornings, NIGHT)
        decide(mornings)
        assert [one.session for one in pages.limits_of(TRADER, NIGHT, 10)] == [NIGHT]
        assert len(pages.limits_of(TRADER, SESSION, 1)) == 1
        assert pages.limits_of("nobody", SESSION, 10) == ()

    def test_what_was_in_force_is_known_of_mailed_sessions_before(self, pages, mornings, database):
        decide(mornings, NIGHT)
        mail(database, NIGHT)
        decide(mornings)
        mail(database)
        assert pages.in_force_of(TRADER, NIGHT, SESSION) == {NIGHT: (300_000, 500_000)}

    def test_a_decision_is_found_by_trader_session_and_revision(self, pages, mornings):
        decide(mornings)
        assert pages.decision_of(TRADER, SESSION, 0) == PUBLICATION.decisions[0]
        assert pages.decision_of(TRADER, SESSION, 1) is None


class TestEvidence:
    def test_points_are_in_order_the_newest_revision_counts(self, pages, mornings):
        first, second = comparison(), comparison()
        mornings.record_comparison(NIGHT, 0, first, {})
        mornings.record_comparison(SESSION, 0, first, {})
        mornings.record_comparison(SESSION, 1, replace(second, rules_benefit_usd=7.0), {})
        found = pages.evidence(SESSION, 10)
        assert [one.session for one in found] == [NIGHT, SESSION]
        assert found[0].e_values == pytest.approx(first.e_values)
        assert found[1].rules_benefit_usd == 7.0
        assert [one.session for one in pages.evidence(NIGHT, 10)] == [NIGHT]

    def test_a_comparison_without_a_bar_has_none(self, pages, mornings):
        mornings.record_comparison(SESSION, 0, replace(comparison(), information={}), {})
        assert pages.evidence(SESSION, 1)[0].bar is None


class TestMails:
    def test_a_mail_is_found_by_its_key_with_what_it_says(self, pages, database):
        key = Outbox(database).prepare(report(), "test", ["a@example.com", "b@example.com"])[0]
        found = pages.mail(key)
        assert found.state.key == key
        assert (found.text, found.html) == (report().text, report().html)
        assert pages.mail("0" * 64) is None

    def test_states_come_without_the_mails(self, pages, database):
        Outbox(database).prepare(report(), "test", ["a@example.com", "b@example.com"])
        assert [one.recipient for one in pages.mails(report().session)] == ["a@example.com", "b@example.com"]
        assert len(pages.newest_mails(1)) == 1
        assert pages.mails(report().session)[0].kind == LIMITS_MAIL


class TestHealth:
    def test_checks_and_failed_verbs_by_session(self, pages, mornings):
        mornings.record_quality(NIGHT, 0, [check()], {})
        mornings.record_quality(SESSION, 0, [check(), check("net adds up", passed=False)], {})
        mornings.fail(SESSION, 0, Verb.SCORE_MODEL, "too few days")
        newest, older = pages.health(NIGHT, SESSION)
        assert (newest.session, newest.checks) == (SESSION, 2)
        assert [failed.check for failed in newest.failed] == ["net adds up"]
        assert newest.problems == {"score_pooled_model": "too few days"}
        assert (older.session, older.checks, older.failed, older.problems) == (NIGHT, 1, (), {})

    def test_of_the_sessions_between_two_dates(self, pages, mornings):
        mornings.record_quality(NIGHT, 0, [check()], {})
        assert pages.health(SESSION, SESSION) == ()


class TestTrader:
    def test_results_and_trades_equal_those_of_the_whole_desk(self, small_desk):
        with opened(small_desk) as desk:
            session = desk.calendar.roll_back(desk.clock().date())
            known_by = desk.clock()
            whole = desk.store.history.desk(session, known_by)
            paths = desk.store.history.paths(whole, known_by)
            first = desk.calendar.shift(session, -30)
            start = desk.calendar.position(first)
            for index, history in enumerate(whole.traders[:4]):
                rows = history.day >= start
                found = desk.store.pages.results_of(history.trader_id, first, session, known_by)
                assert desk.calendar.positions(found.sessions).tolist() == history.day[rows].tolist()
                assert found.net_cents.tolist() == history.net_cents[rows].tolist()
                mine = (paths.trader == index) & (paths.day >= start)
                trades = desk.store.pages.trades_of(history.trader_id, first, session, known_by)
                assert trades.net_cents.tolist() == paths.net_cents[mine].tolist()

    def test_nothing_known_later_enters(self, small_desk):
        with opened(small_desk) as desk:
            session = desk.calendar.roll_back(desk.clock().date())
            long_ago = desk.clock() - timedelta(days=10_000)
            first = desk.calendar.shift(session, -30)
            trader_id = desk.store.roster.traders(desk.clock())[0].trader_id
            assert desk.store.pages.results_of(trader_id, first, session, long_ago).sessions == ()
            assert desk.store.pages.trades_of(trader_id, first, session, long_ago).sessions == ()


def test_signals_come_by_trader_in_the_order_of_their_reasons(pages, database):
    rows = [
        {"trader_id": TRADER, "rule": "drawdown", "position": 1, "level": 40},
        {"trader_id": TRADER, "rule": "loss_streak", "position": 0, "level": 30},
        {"trader_id": "3951", "rule": "volatility_spike", "position": 0, "level": 25},
    ]
    told = {"session": SESSION, "revision": 0, "reason": "why", "numbers": {"days": 3}}
    with database.writing() as connection:
        connection.execute(signals.insert(), [told | row for row in rows])
    found = pages.signals(SESSION, 0)
    assert [signal.level for signal in found[TRADER]] == [30, 40]
    assert found["3951"] == (Signal(Rule.VOLATILITY, 25, "why", {"days": 3}),)
    assert pages.signals(SESSION, 1) == {}
