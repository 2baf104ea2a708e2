"""The fault table of docs/reliability.md, made of the `fault` markers that tests carry.

``python -m tests.reliability`` writes the page anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
HEAD = """# What may fail, and what the desk gets

Made from the tests by `python -m tests.reliability`: every row is what its test shows. Tests marked † are
long campaigns or need a live scheduler; `make check` runs them, `make test` leaves them out. Tests that
touch the risk database run on SQLite and on PostgreSQL.

Rungs: 1 the model's limits, 2 the rules', 3 held limits (never looser than before), 4 half the base limit.
A dash means that no limits are concerned. Where a row names the webhook, its test listens there.

| fault | the desk gets | rung | label | who is told | test |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Fault:
    """One row: a fault, what the desk gets, and the test that shows it."""

    rung: str
    what: str
    gets: str
    label: str
    told: str
    test: str


def faults() -> list[Fault]:
    """Return every marked fault of the test suite, sorted."""
    return sorted(fault for path in TESTS.rglob("test_*.py") for fault in _faults_of(path))


def page() -> str:
    """Return the page as it has to be."""
    return HEAD + "".join(f"{_row(fault)}\n" for fault in faults())


def _row(fault: Fault) -> str:
    cells = (fault.what, fault.gets, fault.rung, fault.label, fault.told, fault.test)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _faults_of(path: Path) -> Iterator[Fault]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    of_file = _is_long(_module_marks(tree))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            long = of_file or any(_is_long([decorator]) for decorator in function.decorator_list)
            test = f"`{path.relative_to(TESTS)}` {_title(function.name)}{' †' if long else ''}"
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and _mark(decorator.func) == "fault":
                    yield _fault(decorator, test)


def _fault(marker: ast.Call, test: str) -> Fault:
    said = {keyword.arg: ast.literal_eval(keyword.value) for keyword in marker.keywords}
    assert set(said) == {field.name for field in fields(Fault)} - {"test"}, f"{test}: {set(said)}"
    return Fault(test=test, **said)


def _title(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _module_marks(tree: ast.Module) -> list[ast.expr]:
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    marks = [node.value for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"]
    return [mark for value in marks for mark in (value.elts if isinstance(value, ast.List) else [value])]


def _is_long(marks: list[ast.expr]) -> bool:
    return any(_mark(mark.func if isinstance(mark, ast.Call) else mark) == "campaign" for mark in marks)


def _mark(node: ast.expr) -> str:
    """Return the name of a marker, or nothing where it is none."""
    text = ast.unparse(node)
    return text.removeprefix("pytest.mark.") if text.startswith("pytest.mark.") else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
