"""The ledger: appended to by mornings that are lived, and never changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops.records import LedgerEntry, LedgerKind
from riskops.standing import in_order
from riskops.store.seal import seal
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off
LATER = CALENDAR.shift(SESSION, 1)
REGISTERED = LedgerEntry(SESSION, LedgerKind.REGISTERED, "one", 1, "first", {"specification": "words"})
PROMOTED = LedgerEntry(SESSION, LedgerKind.PROMOTED, "one", 1, "it wins", {"e_values": [25.0, 30.0]})


@pytest.fixture
def desk(folder):
    with opened(folder) as made:
        yield made


def test_what_is_appended_comes_back_with_its_evidence(desk):
    assert desk.store.ledger.append(SESSION, [REGISTERED, PROMOTED], NOW)
    assert in_order(desk.store.ledger.entries()) == [REGISTERED, PROMOTED]


def test_an_entry_that_is_there_stands(desk):
    desk.store.ledger.append(SESSION, [PROMOTED], NOW)
    assert desk.store.ledger.append(SESSION, [replace(PROMOTED, why="another story")], NOW)
    assert desk.store.ledger.entries() == (PROMOTED,)


def test_nothing_is_appended_before_the_newest_entry(desk):
    desk.store.ledger.append(LATER, [replace(REGISTERED, session=LATER)], NOW)
    assert not desk.store.ledger.append(SESSION, [PROMOTED], NOW)
    assert [entry.session for entry in desk.store.ledger.entries()] == [LATER]


@pytest.mark.parametrize("sealed", [SESSION, LATER])
def test_nothing_is_appended_to_a_morning_whose_limits_have_left(desk, sealed):
    desk.store.mornings.publish(replace(PUBLICATION, session=sealed), {})
    with desk.store.database.writing() as connection:
        seal(connection, sealed, 0, NOW)
    assert not desk.store.ledger.append(SESSION, [PROMOTED], NOW)
    assert desk.store.ledger.entries() == ()
