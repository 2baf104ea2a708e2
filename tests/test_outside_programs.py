"""What is absent skips a test loudly, and fails it where it must be there."""

from __future__ import annotations

import pytest

from tests.outside_programs import require

ABSENT = "no-such-program"


def test_a_program_that_is_here_is_found():
    assert require("sh").endswith("/sh")


def test_what_is_absent_skips_the_test_and_is_named(monkeypatch):
    monkeypatch.setenv("RISKOPS_REQUIRE", "something-else")
    with pytest.raises(pytest.skip.Exception, match=f"NOT TESTED: {ABSENT}"):
        require(ABSENT)


def test_what_has_to_be_there_fails_it(monkeypatch):
    monkeypatch.setenv("RISKOPS_REQUIRE", f"something-else,{ABSENT}")
    with pytest.raises(pytest.fail.Exception, match=f"{ABSENT} is not here"):
        require(ABSENT)
