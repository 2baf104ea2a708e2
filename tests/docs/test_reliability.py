"""The fault table says what the tests show, and covers what it has to cover."""

from __future__ import annotations

import ast

from tests.reliability import PAGE, TESTS, faults, page

HEARING = {"listener", "on_call", "heard"}  # fixtures through which a test hears the webhook


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


def test_a_row_that_names_the_webhook_is_of_a_test_that_listens():
    deaf = [
        f"{path.relative_to(TESTS)} {function.name}"
        for path in TESTS.rglob("test_*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and _names_the_webhook(function)
        if not HEARING & {argument.arg for argument in function.args.args}
    ]
    assert deaf == []


def _names_the_webhook(function: ast.FunctionDef) -> bool:
    marks = [ast.unparse(mark) for mark in function.decorator_list]
    return any("mark.fault" in mark and "webhook" in mark.split("told=")[1] for mark in marks)
