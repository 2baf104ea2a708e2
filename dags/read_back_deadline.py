"""Look whether the trading platform has the limits.

**Does** take at 08:00 the file that the trading platform has dropped into the inbox, compare it with what
was sent, and tell on-call of a limit that is looser than it was sent, of a trader who is missing, of a
file that is refused, and of none at all on a desk that usually has one.

**When** 08:00 New York on every session of the exchange. It needs a live scheduler; `riskops
watchdog` from outside does not.

**Reads** the inbox and the risk database. **Writes** what was read back, and a message for on-call.

**Safe to run again?** Yes, at any time: the same file again changes nothing.

**Never** decides or mails a limit, or speaks of a day that is not today.

**Parameters**: none.

**Triage**: a red run means that the risk database could not be read, or that a setting is wrong: see
`docs/runbook.md`, *check-applied*.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from morning_task import run_verb, tell_on_call
from riskops import config
from trading_sessions import TradingSessionTimetable


@dag(
    schedule=TradingSessionTimetable(os.environ.get("RISKOPS_CALENDAR", "XNYS"), config.READ_BACK_DUE_AT),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    tags=["risk", "limits", "alert"],
    doc_md=__doc__,
)
def read_back_deadline() -> None:
    """Look whether today's limits are in force."""

    @task(retries=1, retry_delay=timedelta(seconds=20), execution_timeout=timedelta(minutes=2))
    def check_applied() -> dict:
        """Tell on-call of limits that are not in force."""
        from riskops.pipeline.read_back import check_applied as verb

        return run_verb(verb, get_current_context())

    check_applied()


read_back_deadline()
