"""Corrections for tests: late news of the last night, and the verbs of a correction in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from pathlib import Path

from riskops.desk import Desk
from riskops.pipeline.choose import choose
from riskops.pipeline.publish import hold_limits, publish_model, publish_rules
from riskops.pipeline.revise import revise
from riskops.records import Run, RunType
from tests.builders import SESSION
from tests.desks import each_verb, on_the_morning
from tests.small_desks import NIGHT, night_file, rows_of

LATE = time(7, 40)
BY, WHY = "R. Manager", "a late file of the night"
PUBLISHED = {"publish_rules": publish_rules, "publish_model": publish_model, "hold_limits": hold_limits}


def late_night(folder: Path, results_usd: Mapping[str, list[float]], **other: float) -> None:
    """Drop a file of the last night into the inbox; `other` results are not those that were told before."""
    rows = {trader: [other.get(f"t{trader}", usd[-1])] for trader, usd in results_usd.items()}
    night_file(folder, rows_of(rows), NIGHT)


def asking(run_id: str = "a correction", **changes: object) -> Run:
    """Return a run of somebody who asks for a correction."""
    return replace(Run(SESSION, RunType.MANUAL, run_id), **changes)


def at(desk: Desk, moment: time) -> Desk:
    """Return the desk at a New York time of its session."""
    return replace(desk, clock=on_the_morning(SESSION, moment))


def correct(desk: Desk, moment: time = LATE, run: Run | None = None) -> Run:
    """Make a correction from asking for it to its mail; return its run."""
    late = at(desk, moment)
    corrected = revise(late, run or asking(), by=BY, why=WHY)
    for verb in each_verb():
        routed(verb, late, corrected)(late, corrected)
    return corrected


def routed(verb: Callable, desk: Desk, run: Run) -> Callable:
    """Return a verb, and in the place of publishing by the rules what was chosen."""
    return PUBLISHED[choose(desk, run)["route"]] if verb is publish_rules else verb
