"""Any chunk of transactions may be sent again, out of order or be interrupted: counts and sums end right."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskops.sessions import desk_time
from riskops.store import schema
from riskops.store.database import Database
from riskops.store.tables import daily_results, trades
from riskops.store.transactions import Transactions
from tests.builders import CALENDAR, SESSION
from tests.small_desks import trade

SESSIONS = [CALENDAR.shift(SESSION, -back) for back in (3, 2, 1)]
EARLY = {session: desk_time(CALENDAR.shift(session, 1), time(5)) for session in SESSIONS}
ALL = [
    replace(
        trade(trader, session, usd * 7 - 20, trade_id=f"{session}-{usd}"),
        known_at=EARLY[session],
    )
    for trader in ("3942", "3951")
    for session in SESSIONS
    for usd in range(5)
]
NUMBERS = st.sampled_from(range(len(ALL)))


class PulledPlugError(RuntimeError):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exactly_once") / "empty.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    database.close()
    return path


def chunk(numbers, *, breaks_off):
    """Yield some trades, in that order, and break off at the end where asked for."""
    yield from (ALL[number] for number in numbers)
    if breaks_off:
        raise PulledPlugError


def content(database):
    columns = (trades.c.account_id, trades.c.trade_id, trades.c.net_cents, trades.c.superseded_at)
    with database.reading() as connection:
        kept = set(map(tuple, connection.execute(sa.select(*columns))))
        days = set(map(tuple, connection.execute(sa.select(daily_results))))
    return kept, days


def loaded(empty, chunks):
    path = empty.with_name("loaded.db")
    shutil.copy(empty, path)
    database = Database(f"sqlite:///{path}")
    transactions = Transactions(database)
    new = 0
    for numbers, breaks_off in chunks:
        try:
            new += transactions.add(chunk(numbers, breaks_off=breaks_off), [], "test")
        except PulledPlugError:
            assert breaks_off
    found = content(database)
    database.close()
    return new, found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(st.tuples(st.lists(NUMBERS, max_size=12), st.booleans()), max_size=6), rest=st.randoms())
def test_however_chunks_come_in_they_end_as_one_whole_load(sent, rest, empty):
    everything = list(range(len(ALL)))
    whole = loaded(empty, [(everything, False)])
    rest.shuffle(everything)
    new, found = loaded(empty, [*sent, (everything, False)])
    assert (new, found) == whole
    assert new == len(ALL)
    assert len(found[1]) == 2 * len(SESSIONS)
