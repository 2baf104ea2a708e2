"""What is kept is found once a key, by however many threads, and the oldest is forgotten."""

from __future__ import annotations

import pytest

from riskops.desk_page.kept import Kept


def test_it_is_worked_out_once_a_key():
    kept, worked = Kept(), []
    assert [kept.of("key", lambda: worked.append(1) or "found") for _ in range(3)] == ["found"] * 3
    assert worked == [1]
    assert kept.of("another", lambda: "other") == "other"


def test_the_least_used_is_forgotten():
    kept = Kept(most=2)
    for key in ("a", "b", "a", "c"):
        kept.of(key, lambda key=key: key)
    assert kept.of("a", lambda: "anew") == "a"
    assert kept.of("b", lambda: "anew") == "anew"


def test_what_fails_is_not_kept():
    kept = Kept()
    with pytest.raises(KeyError):
        kept.of("key", lambda: {}["nothing"])
    assert kept.of("key", lambda: "found") == "found"
