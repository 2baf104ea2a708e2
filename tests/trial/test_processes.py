"""Children are on record before they run, and only they are ever stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from riskops.trial.processes import Children
from tests.trial.conftest import living_below
from tests.trial.fake_programs import notes, program, stubborn, until

ROOT = Path(__file__).parents[2]
KILLED_BEFORE_THE_RECORD = """
import os, sys
from pathlib import Path
from riskops.trial.processes import Children
from tests.trial.fake_programs import program
children = Children(Path(sys.argv[1]))
children._enter = lambda program, pid: os.kill(os.getpid(), 9)
children.start(program("unknown"))
"""


@pytest.fixture
def bystander(folder):
    """Return a process that is none of the children, and leads a session."""
    process = subprocess.Popen(["sleep", "60"], cwd="/", start_new_session=True)
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def record(folder: Path, pid: int, started: float) -> None:
    entry = {"name": "child", "pid": pid, "started": started, "stop_signal": 15, "grace_seconds": 1}
    (folder / "children.json").write_text(json.dumps([entry]))


def test_a_child_leads_a_session_and_its_files_are_for_this_user_only(folder):
    children = Children(folder)
    child = children.start(program("writer", "touch mine; exit 4"))
    assert child.process.wait(10) == 4
    children.stop([child])
    assert (folder / "mine").stat().st_mode & 0o777 == 0o600


def test_all_that_a_child_has_started_ends_with_it(folder):
    children = Children(folder)
    child = children.start(stubborn("parent"))
    until(lambda: "parent started" in notes(folder))
    assert len(living_below(folder)) > 1
    children.stop([child])
    assert living_below(folder) == []


def test_the_record_is_empty_once_everything_was_stopped(folder):
    children = Children(folder)
    child = children.start(program("one"))
    assert json.loads((folder / "children.json").read_text())[0]["pid"] == child.process.pid
    children.stop([child])
    assert json.loads((folder / "children.json").read_text()) == []


def test_a_child_that_could_not_be_recorded_never_runs(folder):
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_RECORD, folder], cwd=ROOT, check=False)
    assert killed.returncode == -9
    until(lambda: living_below(folder) == [])
    assert notes(folder) == []


def test_a_process_that_was_given_a_child_s_number_is_left_alone(folder, bystander):
    record(folder, bystander.pid, bystander.create_time() - 100)
    assert Children(folder).reap() == []
    assert bystander.is_running()


def test_a_process_that_works_elsewhere_is_left_alone(folder, bystander):
    record(folder, bystander.pid, bystander.create_time())
    assert Children(folder).reap() == []
    assert bystander.is_running()


def test_what_a_dead_child_left_is_found_by_its_session(folder):
    children = Children(folder)
    child = children.start(stubborn("leader"))
    until(lambda: "leader started" in notes(folder))
    child.process.kill()
    child.process.wait()
    assert living_below(folder)
    assert Children(folder).reap() == ["leader"]
    assert living_below(folder) == []


def test_a_child_that_ended_by_itself_is_nothing_to_reap(folder):
    child = Children(folder).start(program("short", "exit 0"))
    child.process.wait(10)
    assert Children(folder).reap() == []


def test_without_a_record_there_is_nothing_to_reap(folder):
    assert Children(folder).reap() == []
