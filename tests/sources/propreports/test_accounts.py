"""Whose account is whose, through every renaming."""

from __future__ import annotations

import pytest

from riskops.sources.propreports.accounts import (
    ListedAccount,
    owned_accounts,
    read_accounts,
)
from riskops.sources.propreports.tables import UnreadableAnswerError
from tests.names_in_memory import NamesInMemory

ROSTER = ("A-1", "B-2")


def listed(**names):
    return [ListedAccount(number.strip("n"), name, "USD") for number, name in names.items()]


def numbers(owned, account_id):
    return [account.listed.external_id for account in owned.get(account_id, ())]


def test_an_account_is_known_by_its_name():
    owned = owned_accounts(listed(n17="A-1", n18="B-2", n19="C-3"), NamesInMemory(), ROSTER)
    assert {account_id: numbers(owned, account_id) for account_id in owned} == {
        "A-1": ["17"],
        "B-2": ["18"],
        "C-3": ["19"],
    }


def test_a_number_keeps_its_account_when_another_takes_the_name():
    names = NamesInMemory()
    owned_accounts(listed(n17="A-1"), names, ROSTER)
    owned = owned_accounts(listed(n57="A-1", n17="A-1_OLD"), names, ROSTER)
    assert numbers(owned, "A-1") == ["17", "57"]
    assert [account.fill_id_prefix for account in owned["A-1"]] == ["", "57:"]
    assert owned["A-1"][0].names == {"A-1", "A-1_OLD"}


@pytest.mark.parametrize("name", ["A-1_OLD", "A-1_OLD2", "A-1_OLD17", "A-1_old", "A-1_OLD_OLD"])
def test_an_old_name_never_seen_before_is_the_account_s_as_well(name):
    owned = owned_accounts(listed(n3=name, n17="A-1"), NamesInMemory(), ROSTER)
    assert numbers(owned, "A-1") == ["3", "17"]


@pytest.mark.parametrize("name", ["GOLD", "A-1_OLDER", "_OLD", "A-1 OLD"])
def test_what_only_looks_like_an_old_name_is_a_name(name):
    assert list(owned_accounts(listed(n3=name), NamesInMemory(), ROSTER)) == [name]


def test_a_name_of_the_roster_is_taken_as_it_stands():
    assert numbers(owned_accounts(listed(n3="A_OLD"), NamesInMemory(), ["A_OLD"]), "A_OLD") == ["3"]


def test_a_number_that_was_known_stays_whatever_it_is_called():
    owned = owned_accounts(listed(n17="B-2"), NamesInMemory({"17": "A-1"}), ROSTER)
    assert (numbers(owned, "A-1"), numbers(owned, "B-2")) == (["17"], [])


def test_the_first_number_stays_the_first_when_it_is_listed_no_more():
    owned = owned_accounts(listed(n57="A-1"), NamesInMemory({"9": "A-1", "57": "A-1"}), ROSTER)
    assert owned["A-1"][0].fill_id_prefix == "57:"


def test_only_what_is_new_is_learnt():
    learnt = []

    class Names(NamesInMemory):
        def learn(self, external_id, account_id, name):
            learnt.append((external_id, account_id, name))

    owned_accounts(listed(n17="A-1", n3="B-2_OLD"), Names({"17": "A-1"}), ROSTER)
    assert learnt == [("3", "B-2", "B-2_OLD")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Account Id,Account Name\n17,\n", "accounts line 2: column 'Account Name': is empty"),
        ("Account Id,Account Name\n17,A\n17,B\n", "the id '17' is listed twice"),
        ("Account Id\n17\n", "no header with the columns 'Account Name'"),
    ],
)
def test_a_list_that_is_wrong_is_refused_whole(text, told):
    with pytest.raises(UnreadableAnswerError, match=told):
        read_accounts([text])


def test_a_currency_that_is_not_told_is_not_foreign():
    (account,) = read_accounts(["Account Name,Account Id\nA-1,17\n"])
    assert not account.is_foreign
