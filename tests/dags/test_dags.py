"""What holds for every Dag: it parses, cheaply; somebody owns it; its tasks are thin and time-boxed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.airflow_home import DAGS, PLUGINS

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

DAG_IDS = {
    *("acknowledgement_deadline", "daily_risk_limits", "ingest_transactions", "mail_deadline"),
    *("read_back_deadline", "review_evidence"),
}
LONGEST_BODY_LINES = 5
HEAVY = {
    "numpy",
    "matplotlib",
    "pandas",
    "scipy",
    "sklearn",
    "statsmodels",
    "great_expectations",
    "exchange_calendars",
}
MODULES_OF_DAGS = """
import importlib, json, sys
import airflow.sdk, airflow.plugins_manager, airflow.timetables.base, pendulum
by_airflow = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - by_airflow)))
"""


@pytest.fixture(scope="module")
def dags(migrated_airflow: Path) -> dict:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS))
    assert not bag.import_errors, bag.import_errors
    return bag.dags


@pytest.fixture(scope="module")
def tasks(dags: dict) -> list:
    return [task for dag in dags.values() for task in dag.tasks]


def test_the_dags_are_exactly_these(dags: dict):
    assert dags.keys() == DAG_IDS


def test_every_dag_file_holds_the_dag_of_its_name():
    assert {file.stem for file in DAGS.glob("*.py")} == DAG_IDS


def test_every_dag_says_whose_it_is_and_what_to_do_about_it(dags: dict):
    for dag in dags.values():
        assert dag.owner == "risk-desk"
        assert "risk" in dag.tags
        for said in ("Safe to run again?", "**Never**", "**Parameters**", "**Triage**"):
            assert said in dag.doc_md, f"{dag.dag_id} does not say: {said}"


def test_no_dag_catches_up_by_itself(dags: dict):
    assert not any(dag.catchup for dag in dags.values())


def test_every_task_says_what_it_does(tasks: list):
    assert all(task.doc_md for task in tasks)


def test_every_task_is_retried_and_has_a_time_out(tasks: list):
    assert all(task.retries >= 1 and task.execution_timeout for task in tasks)


def test_every_failure_is_told_to_on_call(tasks: list):
    for task in tasks:
        assert [callback.__name__ for callback in task.on_failure_callback] == ["tell_on_call"], task.task_id


def test_every_dag_can_be_stored_by_the_scheduler(dags: dict):
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dags.values():
        stored = json.loads(json.dumps(DagSerialization.serialize_dag(dag)))
        assert DagSerialization.deserialize_dag(stored).task_dict.keys() == dag.task_dict.keys()


@pytest.mark.parametrize("file", sorted(DAGS.glob("*.py")), ids=lambda file: file.stem)
def test_a_task_body_is_at_most_five_lines(file: Path):
    bodies = dict(_task_bodies(file))
    assert bodies, "the file has no tasks"
    assert {name: lines for name, lines in bodies.items() if lines > LONGEST_BODY_LINES} == {}


def test_parsing_the_dags_imports_nothing_heavy():
    command = [sys.executable, "-c", MODULES_OF_DAGS, *sorted(DAG_IDS)]
    path = os.pathsep.join(map(str, (DAGS, PLUGINS, DAGS.parent)))
    parsing = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    imported = json.loads(parsing.stdout.splitlines()[-1])
    assert "daily_risk_limits" in imported
    assert {module.partition(".")[0] for module in imported} & HEAVY == set()


def _task_bodies(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of every task and the lines of its body, docstring and blank lines left out."""
    source = file.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(ast.parse("\n".join(source))):
        if isinstance(node, ast.FunctionDef) and any(map(_is_task, node.decorator_list)):
            has_docstring = ast.get_docstring(node) is not None
            first = node.body[1 if has_docstring else 0]
            yield node.name, sum(bool(line.strip()) for line in source[first.lineno - 1 : node.end_lineno])


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).partition(".")[0] == "task"
