"""What every source brings ends up in the risk database the same way, on both databases."""

from __future__ import annotations

from datetime import time

import pytest

from riskops.desk import Desk
from riskops.pipeline.ingest import ingest
from riskops.records import Account, RosterEntry, RosterState, Trader
from tests.builders import CALENDAR
from tests.desks import content_of, on_the_morning, opened, run_for
from tests.sources.test_contract import demo, inbox, propreports


@pytest.fixture(params=[demo, inbox, propreports], ids=lambda kind: kind.__name__)
def stand(request, tmp_path):
    (tmp_path / "source").mkdir()
    with request.param(tmp_path / "source") as stand:
        yield stand


@pytest.fixture
def session(stand):
    return CALENDAR.shift(stand.sessions[-1], 1)


@pytest.fixture
def desk(folder, stand, session, monkeypatch):
    """Return a desk of a trader an account, on the morning after the last session of the source."""
    first = stand.sessions[0]
    monkeypatch.setattr(Desk, "source", lambda _desk: stand.source)
    with opened(folder, on_the_morning(session, at=time(6, 5))) as desk:
        desk.store.roster.enrol(
            [Trader(f"T{account}", account) for account in stand.account_ids],
            [Account(account, f"T{account}", first) for account in stand.account_ids],
            [],
            [RosterEntry(f"T{account}", first, RosterState.ACTIVE) for account in stand.account_ids],
        )
        yield desk


def results(desk, session):
    """Return every daily result in cents by (account, session)."""
    traders = desk.store.history.desk(session, desk.clock()).traders
    return {
        (trader.trader_id[1:], CALENDAR.session_at(int(day))): int(net)
        for trader in traders
        for day, net in zip(trader.day, trader.net_cents, strict=True)
    }


def told(stand):
    """Return the results that the source's own answers come to, by (account, session)."""
    sums = {}
    for answer in stand.fetch():
        for trade in answer.trades:
            key = (trade.account_id, trade.session)
            sums[key] = sums.get(key, 0) + trade.net_cents
        sums |= {(day.account_id, day.session): day.result_cents for day in answer.broker_days}
    return sums


def test_results_are_those_the_source_told_and_every_session_is_covered(stand, desk, session):
    receipt = ingest(desk, run_for(session))
    assert receipt["failures"] == {}
    assert results(desk, session) == told(stand) != {}
    for account in stand.account_ids:
        covered = desk.store.transactions.covered_sessions(account, stand.sessions[0], stand.sessions[-1])
        assert covered == set(stand.sessions)


def test_brought_in_again_nothing_changes(stand, desk, session):
    ingest(desk, run_for(session))
    before = content_of(desk)
    assert ingest(desk, run_for(session))["new_trades"] == 0
    assert content_of(desk) == before


def test_an_account_that_fails_is_not_covered_and_the_others_are(stand, desk, session):
    spoiled = stand.spoil()
    if spoiled not in stand.account_ids:
        stranger = Account(spoiled, f"T{stand.account_ids[0]}", stand.sessions[0])
        desk.store.roster.enrol([], [stranger], [], [])
    receipt = ingest(desk, run_for(session))
    covered = desk.store.transactions.covered_through()
    assert list(receipt["failures"]) == [spoiled]
    assert covered == dict.fromkeys(set(stand.account_ids) - {spoiled}, stand.sessions[-1])
