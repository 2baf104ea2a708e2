"""Tell on-call that today's mail is late.

**Does** look at 07:30 whether the mail of today's session is out, and tells on-call where it is not. It is a
Dag of its own, so that it also speaks when the morning's run was never made: a paused Dag, a full
pool, a run that hangs.

**When** 07:30 New York on every session of the exchange. It needs a live scheduler; `riskops
watchdog` from outside does not.

**Reads** the risk database. **Writes** nothing but run records and a message for on-call.

**Safe to run again?** Yes, at any time: it tells the truth of that moment.

**Never** decides or mails a limit, or speaks of a day that is not today.

**Parameters**: none.

**Triage**: a red run means that the risk database could not be read, or that a setting is wrong: the mail
is in danger as well, see `docs/runbook.md`, *The mail is late*.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from morning_task import run_verb, tell_on_call
from riskops import config
from trading_sessions import TradingSessionTimetable


@dag(
    schedule=TradingSessionTimetable(os.environ.get("RISKOPS_CALENDAR", "XNYS"), config.MAIL_DUE_AT),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    tags=["risk", "limits", "alert"],
    doc_md=__doc__,
)
def mail_deadline() -> None:
    """Look whether today's mail is out."""

    @task(retries=1, retry_delay=timedelta(seconds=20), execution_timeout=timedelta(minutes=2))
    def tell_if_late() -> dict:
        """Tell on-call where today's mail is not out."""
        from riskops.pipeline.deadline import tell_if_late as verb

        return run_verb(verb, get_current_context())

    tell_if_late()


mail_deadline()
