"""What the package's source never does, found by reading all of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for folder in ("riskops", "plugins", "dags") for path in (ROOT / folder).rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
CODE_CARRIERS = {
    "pickle",
    "cPickle",
    "joblib",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "jsonpickle",
    "yaml",
}
CODE_RUNNERS = {"eval", "exec", "compile", "__import__"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
SQL_TAKERS = {"text", "exec_driver_sql", "execute", "executemany", "executescript", "read_sql"}
CSV_WRITERS = {"csv.writer", "csv.DictWriter", "writer", "DictWriter"}
WEAK_TLS = {"_create_unverified_context", "CERT_NONE", "check_hostname", "verify_mode"}


def named(path):
    return str(path.relative_to(ROOT))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def calls(tree):
    """Yield (written name, call) of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def found(offence):
    """Return where in the source an offence, a function of a tree that yields nodes, is found."""
    return [f"{named(path)}:{node.lineno}" for path, tree in TREES.items() for node in offence(tree)]


def test_the_whole_source_is_read():
    assert {"riskops/settings.py", "riskops/models/pooled.py", "riskops/store/database.py"} <= set(
        map(named, TREES)
    )
    assert len(TREES) > 60


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_module_reads_or_writes_formats_that_carry_code(path):
    """Models are numbers that are fitted anew or kept as JSON: a file can never run in our name."""
    assert CODE_CARRIERS.isdisjoint(imported(TREES[path]))


def test_no_text_is_run_as_code():
    assert found(lambda tree: (node for name, node in calls(tree) if name in CODE_RUNNERS)) == []


def test_no_command_goes_through_a_shell():
    def offence(tree):
        for name, node in calls(tree):
            shell = [word.value for word in node.keywords if word.arg == "shell"]
            if name in SHELLS or any(not _is_false(value) for value in shell):
                yield node

    assert found(offence) == []


def _is_false(value):
    return isinstance(value, ast.Constant) and value.value is False


def test_no_value_is_formatted_into_a_statement():
    """Statements are constants or files; what is put into one is a constant of the module, in capitals."""

    def offence(tree):
        for name, node in calls(tree):
            if name.rpartition(".")[2] in SQL_TAKERS and node.args and _is_formatted(node.args[0]):
                yield node

    assert found(offence) == []


def _is_formatted(node):
    if isinstance(node, ast.JoinedStr):
        parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return not all(isinstance(part, ast.Name) and part.id.isupper() for part in parts)
    if isinstance(node, ast.BinOp):
        return any(isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) for leaf in ast.walk(node))
    is_format = (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    )
    return is_format and not ast.unparse(node.func.value).startswith("SQL(")


@pytest.mark.parametrize(
    ("source", "is_offence"),
    [
        ('c.execute(f"DELETE FROM trades WHERE id = {trade_id}")', True),
        ('c.execute("DELETE FROM trades WHERE id = %s" % trade_id)', True),
        ('c.execute("DELETE FROM trades WHERE id = {}".format(trade_id))', True),
        ('c.execute("DELETE FROM " + table)', True),
        ('c.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))', False),
        ('c.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")', False),
        ('c.execute("DELETE FROM trades WHERE id = :id", {"id": trade_id})', False),
        ('c.execute(sa.text(statement("day_totals")), values)', False),
    ],
)
def test_the_check_of_statements_tells_good_from_bad(source, is_offence):
    _name, call = next(calls(ast.parse(source)))
    assert _is_formatted(call.args[0]) is is_offence


def test_csv_is_written_in_one_place_only_which_makes_cells_inert():
    """`riskops.limits_file` is tested to write no cell that a spreadsheet would run."""
    writers = found(
        lambda tree: (node for name, node in calls(tree) if name in CSV_WRITERS or "to_csv" in name)
    )
    assert {place.partition(":")[0] for place in writers} == {"riskops/limits_file.py"}


def test_certificates_are_verified_everywhere():
    def offence(tree):
        for node in ast.walk(tree):
            is_weak = isinstance(node, ast.Attribute) and node.attr in WEAK_TLS
            if is_weak or (isinstance(node, ast.keyword) and node.arg == "verify"):
                yield node

    assert found(offence) == []


def test_templates_escape_what_they_show():
    """Autoescape is on for every HTML template, and no template switches it off for a value."""
    templates = sorted((ROOT / "riskops").glob("*/templates/*"))
    assert {path.suffix for path in templates} == {".html", ".txt", ".css"}
    for path in templates:
        if path.suffix == ".html":
            assert not re.search(r"\|\s*safe|autoescape\s+false|Markup", path.read_text(encoding="utf-8")), (
                path
            )
    assert found(lambda tree: (n for name, n in calls(tree) if name.rpartition(".")[2] == "Markup")) == []


class TestLintExceptions:
    """Ruff's security rules are on; where one is silenced, a reason stands beside it."""

    LINES = tuple(
        (named(path), number, line)
        for path in [*MODULES, *sorted(set((ROOT / "tests").rglob("*.py")) - {Path(__file__)})]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"#\s*(noqa|ruff|nosec)\b", line)
    )

    def test_security_rules_are_on(self):
        settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        selected = re.search(r"^select = \[(.*)\]", settings, re.MULTILINE)
        ignored = re.search(r"^ignore = \[(.*?)^\]", settings, re.MULTILINE | re.DOTALL)
        assert '"S"' in selected.group(1)
        assert not re.search(r'"S\d', ignored.group(1))

    def test_only_tests_are_excepted_from_some_of_them(self):
        settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        section = settings.split("[tool.ruff.lint.per-file-ignores]")[1].split("\n[")[0]
        excepted = re.findall(r'^"([^"]+)" = \[(.*?)\]', section, re.MULTILINE)
        assert {pattern for pattern, rules in excepted if re.search(r'"S\d', rules)} == {"tests/**"}

    def test_every_exception_names_its_rule_and_its_reason(self):
        unexplained = [
            f"{name}:{number}"
            for name, number, line in self.LINES
            if "noqa" in line and not re.search(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* - \w", line)
        ]
        assert unexplained == []
