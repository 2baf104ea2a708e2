"""A verb killed at any commit, then run again, ends where an undisturbed one ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import pytest

from riskops.records import Verb
from tests.builders import SESSION
from tests.desks import content_of, copied, each_verb, forgotten, is_on_sqlite, keep_on_sqlite, run_for
from tests.killing import TRADERS, Moment, evening_desk, morning_desk

ROOT = Path(__file__).resolve().parents[2]
VERBS = [verb.__name__ for verb in each_verb()]
CORRECTION = [f"correct_{name}" for name in VERBS]
KILLED_OF_A_CORRECTION = ["correct_ingest", "correct_publish_rules", "correct_compose", "correct_send"]
OTHERS = {"publish_model": "publish_rules", "hold_limits": "publish_rules", "load": "ingest"}
MORE_THAN_ANY_VERB_COMMITS = 30
ATTEMPTS = {"outbox": {"attempts"}}

pytestmark = [pytest.mark.campaign, pytest.mark.xdist_group("kill")]


class Killer:
    """Talks to the process that performs verbs in children."""

    def __init__(self, inbox: Path, warm_up: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing", str(inbox), str(warm_up)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def perform(self, folder: Path, verb: str, moment: Moment = Moment.NEVER, commit: int = 0) -> int:
        job = {"folder": str(folder), "verb": verb, "moment": moment, "commit": commit}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def evening(keeper, tmp_path_factory):
    """Return the folder of a desk whose last night lies in the inbox, not fetched yet."""
    return evening_desk(keeper(tmp_path_factory.mktemp("evening")))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Return the folder below which the desks of this module lie."""
    folder = tmp_path_factory.mktemp("stage")
    yield folder
    forgotten(folder)


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    """Return the one who kills, on both databases: the nights of their desks are the same."""
    own = evening_desk(keep_on_sqlite(tmp_path_factory.mktemp("killer")))
    made = Killer(own / "inbox", copied(own, tmp_path_factory.mktemp("warm_up")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def morning(evening, stage, killer):
    """Return for every verb the folder of the desk before it and of the desk after it, undisturbed."""
    stations, folder = {}, evening
    for verb in (*VERBS, *CORRECTION):
        after = copied(folder, Path(mkdtemp(dir=stage)))
        assert killer.perform(after, verb) == 0
        stations[verb] = (folder, after)
        folder = after
    for verb, instead_of in OTHERS.items():
        before = stations[instead_of][0]
        stations[verb] = (before, copied(before, Path(mkdtemp(dir=stage))))
        assert killer.perform(stations[verb][1], verb) == 0
    return stations


@pytest.fixture
def moments(evening):
    """Return when to kill; what a kill after a commit leaves is what one before the next commit does.

    So on PostgreSQL the latter alone is tried: the former differs in how the process was doing.
    """
    every = (Moment.BEFORE, Moment.AFTER)
    return every if is_on_sqlite(evening) else every[:1]


@pytest.fixture
def killed_desks(tmp_path):
    """Return the folder below which a test's own desks lie."""
    yield tmp_path
    forgotten(tmp_path)


def left_in(folder):
    """Return every row and every mail file below a folder, without the folder's own name."""
    with morning_desk(folder, folder / "inbox") as desk:
        rows = content_of(desk, ATTEMPTS)
    named = {table: [tuple(c.replace(str(folder), "") for c in row) for row in rows[table]] for table in rows}
    out = folder / "out"
    return named | {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("limits.*")}


@pytest.mark.fault(
    what="a task is killed (SIGKILL) between any two of its writes",
    gets="the same limits and the same mail, once the task runs again",
    rung="-",
    label="-",
    told="nobody: Airflow runs the task again",
)
@pytest.mark.parametrize("verb", [*VERBS, *OTHERS, *KILLED_OF_A_CORRECTION])
def test_a_verb_killed_at_any_commit_and_run_again_ends_as_if_undisturbed(
    verb, moments, morning, killer, killed_desks
):
    before, after = morning[verb]
    undisturbed = left_in(after)
    for moment in moments:
        for commit in count(1):
            assert commit < MORE_THAN_ANY_VERB_COMMITS
            folder = copied(before, killed_desks / f"{moment}{commit}")
            status = killer.perform(folder, verb, moment, commit)
            assert status in (0, -signal.SIGKILL)
            if status == 0:
                break
            assert killer.perform(folder, verb) == 0
            assert left_in(folder) == undisturbed
        if verb != "load":  # one transaction, and nothing else
            assert commit > 4, "a verb commits at least its record, its start, its results and its end"


def test_a_verb_killed_before_its_results_are_committed_is_not_done(morning, evening, killer, killed_desks):
    folder = copied(morning["score_rules"][0], killed_desks / "killed")
    assert killer.perform(folder, "score_rules", Moment.BEFORE, 3) == -signal.SIGKILL
    with morning_desk(folder, evening / "inbox") as desk:
        assert desk.store.mornings.stages(SESSION, 0)[Verb.SCORE_RULES].state == "started"
        assert desk.store.mornings.rule_scores(SESSION, 0) == ()


def test_the_undisturbed_correction_of_the_campaign_is_a_real_one(morning, evening):
    with morning_desk(morning["correct_send"][1], evening / "inbox") as desk:
        stages = desk.store.mornings.stages(SESSION, 1)
        assert {verb: past.state for verb, past in stages.items()} == dict.fromkeys(Verb, "done")
        assert desk.store.mornings.newest_sealed(SESSION) == 1
        assert len(desk.store.revisions.of(SESSION)) == 1


def test_the_undisturbed_morning_of_the_campaign_is_a_real_one(morning, evening):
    with morning_desk(morning["send"][1], evening / "inbox") as desk:
        run = run_for(SESSION)
        stages = desk.store.mornings.stages(run.session, run.revision)
        assert {verb: past.state for verb, past in stages.items()} == dict.fromkeys(Verb, "done")
        decided = desk.store.mornings.publication(run.session, run.revision).decisions
        assert {decision.quarantined for decision in decided} == {False}
        assert any(decision.reduction > 0 for decision in decided)
        assert len(decided) == TRADERS
        assert desk.store.mornings.is_frozen(run.session, run.revision)
