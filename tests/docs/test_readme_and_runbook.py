"""What the README and the runbook list is what the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from riskops import errors
from riskops.cli import app
from riskops.second_channel import Entry
from riskops.settings import Fault
from riskops.sources.demo import PINNED_SESSION

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
DAGS = sorted(path.name for path in (ROOT / "dags").glob("*.py"))
COMMANDS = sorted(get_command(app).commands)
ERRORS = sorted(
    (e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.RiskOpsError)),
    key=lambda e: e.exit_code,
)


def _settings_read() -> set[str]:
    sources = [*ROOT.glob("riskops/**/*.py"), *ROOT.glob("plugins/*.py"), *ROOT.glob("dags/*.py")]
    return {n for s in sources for n in re.findall(r'"(RISKOPS_[A-Z_]+)"', s.read_text(encoding="utf-8"))}


def _tasks(dag_file: str) -> set[str]:
    tree = ast.parse((ROOT / "dags" / dag_file).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("task" in ast.unparse(d) for d in f.decorator_list)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`{command}`" in README


def test_every_command_the_readme_lists_exists() -> None:
    table = README.split("| command | does |")[1].split("\n\n")[0]
    names = [re.findall(r"`([a-z-]+)`", row.split("|")[1]) for row in table.splitlines() if "|" in row[1:]]
    assert sorted(name for row in names for name in row) == COMMANDS


def test_the_readme_lists_exactly_the_settings_the_code_reads() -> None:
    listed = set(re.findall(r"`(RISKOPS_[A-Z_]+)`", README))
    assert {name for name in listed if not name.endswith("_FILE")} == _settings_read()


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.NONE])
def test_every_fault_is_in_the_readme_and_among_the_drills(fault: Fault) -> None:
    assert f"`{fault}`" in README
    assert f"`{fault}`" in RUNBOOK.split("## Drills")[1]


TASKS = {task for dag in DAGS for task in _tasks(dag)}
ENTRIES = sorted({*(task.replace("_", "-") for task in TASKS), *Entry, "airflow-is-gone"})


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_task_and_every_alert_has_a_whole_runbook_entry(entry: str) -> None:
    said = _runbook_entries()[entry]
    for part in ("Symptom", "The desk has", "First look", "Safe", "Unsafe"):
        assert f"* **{part}**: " in said, f"{entry} does not say: {part}"


@pytest.mark.parametrize("entry", [*Entry, "airflow-is-gone", "correct-a-session-whose-mail-is-out"])
def test_every_alert_has_an_end(entry: str) -> None:
    assert "* **Over**: " in _runbook_entries()[entry], f"{entry} does not say when it is over"


def test_every_message_for_on_call_names_its_entry() -> None:
    for source in [*ROOT.glob("riskops/**/*.py"), *ROOT.glob("plugins/*.py")]:
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "second_channel.tell":
                assert ast.unparse(call.args[2]).startswith("Entry."), f"{source}: {ast.unparse(call)}"


def _runbook_entries() -> dict[str, str]:
    """Return the text of every entry by the anchor that leads to it."""
    sections = [section.partition("\n") for section in RUNBOOK.split("\n## ")[1:]]
    return {title.lower().replace(" ", "-"): text for title, _, text in sections}


def test_exit_codes_are_unique_and_the_runbook_lists_them_with_what_retrying_does() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)`.*\| (yes|no) \|$", RUNBOOK, flags=re.MULTILINE)
    assert rows == [(str(e.exit_code), e.__name__, "yes" if e.retryable else "no") for e in ERRORS]
    assert len({e.exit_code for e in ERRORS}) == len(ERRORS)


def test_make_run_decides_the_pinned_session() -> None:
    assert f"SESSION ?= {PINNED_SESSION}" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_requirement_says_why_it_is_there() -> None:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert all(re.search(r"\S\s+# \S", line) for line in wanted)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith("http")]
    assert [target for target in targets if not _is_there(page, target)] == []


def _is_there(page: Path, target: str) -> bool:
    """Say whether a page leads somewhere: to a file, and in a page to one of its headings."""
    file, _, anchor = target.partition("#")
    found = page.parent / file if file else page
    return found.exists() and (not anchor or anchor in _anchors(found))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
