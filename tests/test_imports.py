"""Heavy libraries are imported only by the verb that needs them.

pandas is not among them: the exchange's calendar, which every verb asks, is made of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from riskops.sources.demo import PINNED_SESSION
from tests.desks import copied, each_verb, on_the_morning, opened, run_for, whole_environment

HEAVY = {"scipy", "sklearn", "statsmodels", "great_expectations"}
COMMAND = """
import json, sys
from riskops.cli import app
try:
    app(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
NEEDS = {
    "ingest": set(),
    "validate": {"great_expectations", "scipy"},
    "score-rules": set(),
    "score-pooled-model": set(),
    "compare": {"statsmodels", "scipy"},
    "choose": set(),
    "publish": set(),
    "compose-report": set(),
    "send-report": set(),
    "status": set(),
}


@pytest.fixture(scope="module")
def decided(small_desk_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a desk on which every verb but the mail has run: each can run again."""
    folder = copied(small_desk_template, tmp_path_factory.mktemp("decided"))
    with opened(folder, on_the_morning()) as desk:
        for verb in list(each_verb())[:-1]:
            verb(desk, run_for())
    return folder


@pytest.mark.parametrize("command", NEEDS)
def test_a_command_imports_only_the_heavy_libraries_it_needs(command: str, decided: Path):
    deliver = ["--no-deliver"] if command == "send-report" else []
    arguments = [command, "--session", PINNED_SESSION.isoformat(), *deliver]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env=whole_environment(decided),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(json.loads(done.stdout.splitlines()[-1])) == NEEDS[command]
