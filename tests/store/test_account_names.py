"""Whose the accounts of a source are is remembered from fetch to fetch."""

from __future__ import annotations

import pytest

from riskops.store.account_names import AccountNames
from tests.desks import opened
from tests.names_in_memory import NamesInMemory


@pytest.fixture(params=["in the risk database", "in memory"])
def names(request, folder):
    if request.param == "in memory":
        yield NamesInMemory()
        return
    with opened(folder) as desk:
        yield AccountNames(desk.store.database, "propreports")


def test_nothing_is_known_at_first(names):
    assert names.known() == {}


def test_a_number_stays_the_account_it_was(names):
    names.learn("17", "A-1", "A-1")
    names.learn("99", "A-1", "A-1")
    assert names.known() == {"17": "A-1", "99": "A-1"}


def test_another_source_has_numbers_of_its_own(folder):
    with opened(folder) as desk:
        AccountNames(desk.store.database, "propreports").learn("17", "A-1", "A-1")
        assert AccountNames(desk.store.database, "another").known() == {}


def test_what_was_learnt_first_stands(folder):
    with opened(folder) as desk:
        names = AccountNames(desk.store.database, "propreports")
        names.learn("17", "A-1", "A-1")
        names.learn("17", "B-2", "A-1_OLD")
        assert names.known() == {"17": "A-1"}
