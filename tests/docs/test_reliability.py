"""The fault table says what the tests show, and covers what it has to cover."""

from __future__ import annotations

from tests.reliability import PAGE, faults, page


def test_the_page_is_the_one_made_from_the_tests():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.reliability`"


def test_every_row_is_filled_in():
    for fault in faults():
        assert all((fault.rung, fault.what, fault.gets, fault.label, fault.told)), fault


def test_no_two_tests_claim_the_same_fault_with_different_rungs():
    rungs: dict[str, set[str]] = {}
    for fault in faults():
        rungs.setdefault(fault.what, set()).add(fault.rung)
    assert {what: found for what, found in rungs.items() if len(found) > 1} == {}
