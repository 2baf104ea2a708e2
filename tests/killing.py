"""A process that performs verbs in children of its own and lets them die at a commit.

``python -m tests.killing INBOX WARM_UP`` reads one job a line, JSON, and answers with the exit status of the
child that did it, ``-9`` if it was killed. Everything is imported once, before the first child.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, event

from riskops.desk import Desk, open_desk
from riskops.errors import DuplicateLoadError
from riskops.pipeline.load import load_file
from riskops.pipeline.publish import hold_limits, publish_model
from riskops.pipeline.revise import revise
from riskops.records import Run
from tests.builders import SESSION
from tests.desks import each_verb, environment, on_the_morning, run_for
from tests.small_desks import CALENDAR, NIGHT, csv_desk, lived, night_file, rows_of, stormy

TRADERS = 8
HISTORY = "history.csv"


class Moment(StrEnum):
    """When a process dies: before a commit reaches the database, or right after it did."""

    BEFORE = "before"
    AFTER = "after"
    NEVER = "never"


def die_at(writers: Engine, moment: Moment, commit: int) -> None:
    """Kill this process at the `commit`-th commit of an engine, counted from 1."""
    if moment is Moment.BEFORE:
        event.listen(writers, "commit", _on_call(commit, _die))
    if moment is Moment.AFTER:
        event.listen(writers, "checkin", _on_call(commit, _die))


def _on_call(number: int, act: Callable[[], None]) -> Callable[..., None]:
    """Return a listener that acts on its `number`-th call."""
    calls = 0

    def listener(*_arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            act()

    return listener


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def evening_desk(folder: Path) -> Path:
    """Make a desk below `folder` whose last night lies in the inbox, not fetched yet; return `folder`.

    It has lived the session before that night, whose outcomes nobody has recorded yet.
    """
    results, before = stormy(TRADERS), CALENDAR.previous(NIGHT)
    with csv_desk(folder, results, last=before) as desk:
        lived(desk, before, dict.fromkeys(results, 0))
    night = night_file(folder, rows_of({trader: usd[:1] for trader, usd in results.items()}))
    shutil.copy(night, night.with_name(HISTORY))
    return folder


def morning_desk(folder: Path, inbox: Path) -> Desk:
    """Open the desk below `folder`, whose nights come from an inbox."""
    environ = environment(folder, RISKOPS_SOURCE="csv", RISKOPS_INBOX=str(inbox))
    return open_desk(environ, on_the_morning(SESSION))


def perform(inbox: Path, folder: Path, verb: str, moment: Moment, commit: int) -> None:
    """Perform a verb on the desk below `folder`, and die on the way if told to."""
    with morning_desk(folder, inbox) as desk:
        die_at(desk.store.database._writers, moment, commit)
        verbs(inbox)[verb](desk, run_for(SESSION))


def verbs(inbox: Path) -> dict[str, Callable[[Desk, Run], object]]:
    """Return every verb by its name: of a morning, of other rungs, of a correction, and loading history."""
    others = (publish_model, hold_limits)
    known = {verb.__name__: verb for verb in (*each_verb(), *others)}
    corrections = {f"correct_{verb.__name__}": partial(correct, verb) for verb in each_verb()}
    return known | corrections | {"load": partial(load, inbox / HISTORY)}


def correct(verb: Callable[[Desk, Run], object], desk: Desk, run: Run) -> None:
    """Perform a verb of a correction as each of its tasks does: open the revision or find it first."""
    asking = replace(run, run_id="a correction")
    verb(desk, revise(desk, asking, by="R. Manager", why="a late file"))


def load(file: Path, desk: Desk, _run: Run) -> None:
    """Load a file of history; that it was loaded before is as good."""
    with suppress(DuplicateLoadError):
        load_file(desk, file, "closed_trades")


def in_a_child(work: Callable[[], None]) -> int:
    """Do `work` in a child and return its exit status: 0, 1 where it raised, or minus a signal."""
    return exit_status(begun(work))


def begun(work: Callable[[], None]) -> int:
    """Begin `work` in a child and return the child's process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except SystemExit as end:
            os._exit(int(end.code or 0))
        finally:  # nothing may come back into the parent's code
            if status:
                traceback.print_exc()
            os._exit(status)
    return child


def exit_status(child: int) -> int:
    """Wait for a child and return how it ended: 0, 1 where its work raised, or minus a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def import_everything(inbox: Path, warm_up: Path) -> None:
    """Go through one whole morning, so that no child has to import anything or collect its garbage."""
    with morning_desk(warm_up, inbox) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    gc.collect()
    gc.freeze()


def main() -> None:
    """Answer every job with the exit status of the child that did it."""
    inbox = Path(sys.argv[1])
    import_everything(inbox, Path(sys.argv[2]))
    for line in sys.stdin:
        job = json.loads(line)
        arguments = (inbox, Path(job["folder"]), job["verb"], Moment(job["moment"]), job["commit"])
        status = in_a_child(lambda arguments=arguments: perform(*arguments))
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
