"""A month of the demo desk, with all that goes wrong in one, is replayed: every session is equal."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from riskops import desk as desks
from riskops.errors import RiskOpsError
from riskops.pipeline.change_roster import Order, change_base_limit, rename
from riskops.pipeline.choose import choose
from riskops.pipeline.compose import compose
from riskops.pipeline.explain import explain
from riskops.pipeline.publish import hold_limits, publish_model, publish_rules
from riskops.pipeline.replay import asked_sessions, replay
from riskops.records import Rung, Side, Trade, Verb
from riskops.sessions import desk_time
from riskops.settings import Fault
from riskops.sources.demo import PINNED_SESSION, DemoDesk
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import daily_results, trades
from tests.builders import CALENDAR
from tests.desks import build_small_desk, content_of, each_verb, on_the_morning, opened, run_for
from tests.numbers import numbers_of
from tests.places import rows_at
from tests.tracing import parts_untraced

HISTORY_SESSIONS = 60
SESSIONS = [CALENDAR.shift(PINNED_SESSION, i) for i in range(21)]
FAULTS = {
    4: Fault.INGEST_RAISES,
    8: Fault.MODEL_RAISES,
    12: Fault.QUALITY_CRITICAL,
    16: Fault.RULES_RAISE,
}
LAST_RESORT = 19  # the report could not be composed: a minimal mail left
CORRECTED = {3: 2, 5: 3, 9: 4, 14: 2, 18: 8}  # on which mornings, and how many sessions back
LATE = {7: 3, 15: 2}
RAISED, RENAMED = 6, 11  # a base limit, and a trader
HELD = [SESSIONS[i] for i in (4, 12, 16)]
PUBLISHED = {"publish_rules": publish_rules, "publish_model": publish_model, "hold_limits": hold_limits}

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """Return the folder of a desk that lived the month; it is only read."""
    from tests.desks import keep_on_sqlite

    folder = keep_on_sqlite(tmp_path_factory.mktemp("month"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.desks.SMALL_DESK_SESSIONS", HISTORY_SESSIONS)
        build_small_desk(folder)
        demo = DemoDesk(CALENDAR)  # one for all mornings: each new one draws three years again
        patch.setitem(desks._SOURCES, "demo", lambda _desk: demo)
        for number, session in enumerate(SESSIONS):
            fault = FAULTS.get(number, Fault.NONE)
            with opened(folder, on_the_morning(session), RISKOPS_FAULT=fault.value) as desk:
                _come_in(desk, number, session)
                _change_roster(desk, number, session)
                _live(desk, session, is_composed=number != LAST_RESORT)
    return folder


def _live(desk, session, *, is_composed):
    run = run_for(session)
    for verb in each_verb():
        if verb is compose and not is_composed:
            desk.store.mornings.fail(session, 0, Verb.COMPOSE, "TemplateError: broken")
            continue
        _perform(PUBLISHED[choose(desk, run)["route"]] if verb is publish_rules else verb, desk, run)
    assert desk.store.mornings.is_frozen(session, 0)


def _perform(verb, desk, run):
    try:
        verb(desk, run)
    except RiskOpsError:
        assert desk.settings.fault is not Fault.NONE


def _come_in(desk, number, session):
    """Let a correction, or a trade that nobody told in time, arrive before the morning."""
    known_at = desk_time(session, time(5, 30))
    if number in CORRECTED:
        known = _largest(desk, CALENDAR.shift(session, -CORRECTED[number]))
        worse = replace(known, known_at=known_at, gross_cents=known.gross_cents - 900_000)
        worse = replace(worse, net_cents=worse.gross_cents - worse.fees_cents)
        desk.store.transactions.add([worse], [], "test", decide=lambda _found: known_at)
    if number in LATE:
        known = _largest(desk, CALENDAR.shift(session, -LATE[number]))
        late = replace(known, trade_id=f"late-{session}", known_at=known_at)
        desk.store.transactions.add([late], [], "test")


def _change_roster(desk, number, session):
    order = Order(session, "the head of the desk", "a month has such days")
    if number == RAISED:
        change_base_limit(desk, "3941", 1_200_000, order)
    if number == RENAMED:
        rename(desk, "3942", "Daniel Mercer-Hale", order)


def _largest(desk, session):
    """Return the trade with the largest notional of a session, as it is known now."""
    query = sa.select(trades).where(trades.c.session == session, trades.c.superseded_at.is_(None))
    with desk.store.database.reading() as connection:
        row = connection.execute(query.order_by(trades.c.notional_cents.desc()).limit(1)).one()
    return Trade(
        account_id=row.account_id,
        trade_id=row.trade_id,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=Decimal(str(row.quantity)),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        entry_price=Decimal(str(row.entry_price)),
        exit_price=Decimal(str(row.exit_price)),
        gross_cents=row.gross_cents,
        fees_cents=row.fees_cents,
        net_cents=row.net_cents,
        session=row.session,
        known_at=row.known_at,
    )


@pytest.fixture(scope="module")
def reread(month):
    """Return the desk, two days after the month."""
    later = on_the_morning(SESSIONS[-1])() + timedelta(days=2)
    with opened(month, lambda: later) as desk:
        yield desk


def test_every_session_of_the_month_is_equal_and_nothing_has_changed(reread):
    before = content_of(reread)
    found = replay(reread, asked_sessions(reread, SESSIONS[0], SESSIONS[-1], None))
    assert [one.session for one in found] == SESSIONS
    assert {one.session: str(one.difference or one.impossible) for one in found if not one.is_equal} == {}
    assert all(one.compared["limits"] == 15 and one.compared["mails"] == 1 for one in found)
    assert content_of(reread) == before


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_every_number_of_every_mail_of_the_month_is_traced_to_rows_that_are_there(session, reread):
    found = explain(reread, session)
    left = reread.store.mornings.report(session, 0, LIMITS_MAIL)
    if session == SESSIONS[LAST_RESORT]:
        assert found.remarks == ("The mail that left is one of last resort: it has the limits alone.",)
        return
    assert found.remarks == ()
    assert parts_untraced(found.material, left.subject, left.text) == {}
    traders = [found.trader(made.trader_id) for made in found.material.publication.decisions]
    places = {place for number in numbers_of(found.desk(), *traders) for place in number.places}
    assert {str(p) for p in places if not rows_at(reread.store.database, p, session, 0)} == set()


def test_the_month_had_all_of_it(reread):
    """So that what is equal above is not a month in which nothing happened."""
    mornings = reread.store.mornings
    assert [s for s in SESSIONS if mornings.publication(s, 0).rung >= Rung.HOLD] == HELD
    assert not mornings.stages(SESSIONS[8], 0)[Verb.SCORE_MODEL].is_done
    assert mornings.model_scores(SESSIONS[9], 0)
    names = [{d.trader_id: d.name for d in mornings.publication(s, 0).decisions}["3942"] for s in SESSIONS]
    assert [name == "Daniel Mercer-Hale" for name in names] == [i >= RENAMED for i in range(len(SESSIONS))]
    corrected = sa.select(sa.func.count()).where(trades.c.superseded_at.is_not(None))
    versions = sa.select(daily_results.c.session).group_by(
        daily_results.c.session, daily_results.c.account_id
    )
    with reread.store.database.reading() as connection:
        assert connection.execute(corrected).scalar_one() == len(CORRECTED)
        twice = connection.execute(versions.having(sa.func.count() > 1)).all()
    assert len(twice) >= len(CORRECTED) + len(LATE) - 1
