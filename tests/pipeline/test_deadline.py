"""At half past seven on-call hears of a mail that is not out."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from riskops.desk import Desk, open_desk
from riskops.pipeline.deadline import tell_if_late
from riskops.records import RunType, Verb
from tests.builders import SESSION
from tests.desks import environment, on_the_morning, run_for

FRIDAY = SESSION - timedelta(days=3)


@pytest.fixture
def desk(folder: Path, listener: Any) -> Any:
    """Return a desk whose clock stands at 07:30 of the session; nothing was done yet."""
    settings = environment(folder, RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_port}/hook")
    with open_desk(settings, on_the_morning(SESSION, time(7, 30)), migrate=True) as desk:
        yield desk


def test_on_call_hears_that_todays_mail_is_late_and_where_to_look(desk: Desk, listener: Any):
    assert tell_if_late(desk, run_for(SESSION)) == {"late": True, "told": True}
    [(_, said)] = listener.heard
    assert f"the mail for {SESSION} is not out at 07:30. What to do:" in said["text"]
    assert said["text"].endswith("docs/runbook.md#the-mail-is-late")


@pytest.mark.parametrize(
    ("session", "run_type"),
    [(SESSION, RunType.BACKFILL), (FRIDAY, RunType.SCHEDULED), (FRIDAY, RunType.MANUAL)],
)
def test_another_day_or_a_backfill_has_no_mail_to_wait_for(session, run_type, desk: Desk, listener: Any):
    assert tell_if_late(desk, run_for(session, run_type)) == {"late": False}
    assert listener.heard == []


def test_a_mail_that_is_out_is_not_late(desk: Desk, listener: Any):
    desk.store.mornings.finish(SESSION, 0, Verb.SEND, {})
    assert tell_if_late(desk, run_for(SESSION)) == {"late": False}
    assert listener.heard == []


def test_on_call_that_cannot_be_told_is_no_failure_of_the_task(desk: Desk, listener: Any):
    listener.answer = 500
    assert tell_if_late(desk, run_for(SESSION)) == {"late": True, "told": False}
