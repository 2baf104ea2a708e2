"""Watch over the morning from outside Airflow: finish what is late, tell on-call what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

from riskops import clock_ladder, second_channel
from riskops.desk import Desk
from riskops.pipeline.morning import Step, perform_all
from riskops.records import Run, Verb
from riskops.sessions import DESK_ZONE


def watch(desk: Desk, run: Run, perform: Callable[[Verb], Step], report: Callable[[Step], None]) -> bool:
    """Perform what the clock says is due of today's morning, and raise the alarm where needed.

    It may act beside Airflow: verbs are idempotent, a mail that is out stays the only one.

    Returns
    -------
    bool
        Whether all is well: the mail is out, or nothing is due yet.
    """
    done = _done(desk, run)
    verbs = clock_ladder.due(_now(desk), done, is_out=_is_out(desk, run))
    steps = perform_all(verbs, perform, report)
    alarm = clock_ladder.alarm(_now(desk), bool(_done(desk, run)), is_out=_is_out(desk, run))
    failed = [f"{step.verb.value}: {step.problem}" for step in steps if not step.succeeded]
    if alarm or failed:
        second_channel.tell(desk.settings, f"{run.session}: {'; '.join(filter(None, [alarm, *failed]))}")
    return not alarm and not failed


def _now(desk: Desk) -> time:
    return desk.clock().astimezone(DESK_ZONE).time()


def _done(desk: Desk, run: Run) -> set[Verb]:
    stages = desk.store.mornings.stages(run.session, run.revision)
    return {verb for verb, past in stages.items() if past.is_done}


def _is_out(desk: Desk, run: Run) -> bool:
    return Verb.SEND in _done(desk, run)
