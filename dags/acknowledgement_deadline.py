"""Escalate deep cuts that nobody has read of.

**Does** look at 07:50 whether somebody has acknowledged today's newest mail, where that cuts a trader by
more than 40 %. Where nobody has, the escalation list and the risk managers get a mail that says so.

**When** 07:50 New York on every session of the exchange. It needs a live scheduler; `riskops
watchdog` from outside does the same without one, and nobody gets the mail twice.

**Reads** the risk database. **Writes** the outbox and the mail (or files, on a demo desk).

**Safe to run again?** Yes, at any time: who has the mail does not get another, and none leaves once
somebody has acknowledged.

**Never** changes a limit, mails from a backfill, or speaks of a day that is not today.

**Parameters**: none.

**Triage**: a red run means that not everybody has the mail: see `docs/runbook.md`, *escalate-again*.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from morning_task import run_verb, tell_on_call
from riskops import config
from trading_sessions import TradingSessionTimetable


@dag(
    schedule=TradingSessionTimetable(os.environ.get("RISKOPS_CALENDAR", "XNYS"), config.ACKNOWLEDGED_BY),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    tags=["risk", "limits", "alert"],
    doc_md=__doc__,
)
def acknowledgement_deadline() -> None:
    """Look whether somebody has read today's mail."""

    @task(retries=1, retry_delay=timedelta(seconds=20), execution_timeout=timedelta(minutes=2))
    def escalate_again() -> dict:
        """Mail deep cuts again where nobody has acknowledged them."""
        from riskops.pipeline.escalate import escalate_again as verb

        return run_verb(verb, get_current_context())

    escalate_again()


acknowledgement_deadline()
