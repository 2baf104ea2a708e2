"""Review the evidence of the past months.

**Does** evaluate rules and model over all of the history, as known on the morning of its session,
try other numbers for the rules, and store the report with its figures. Where another number
beats today's beyond chance it is proposed, in words, in the report and in the log.

**When** 18:00 New York on the first session of each month, when the morning is long over.

**Reads** the risk database. **Writes** one row of `evaluations`, under its own session.

**Safe to run again?** Yes: a session that has an evaluation keeps the one it has. A backfill stores
each month under that month's session, from what was known then, and touches no other.

**Never** changes a number of the rules, the ledger, or a limit; mails nothing.

**Parameters**: `session` (`2026-10-01`; empty: the run's own date).

**Triage**: a red run stored nothing, and no limit depends on it: look after the morning, see
`docs/runbook.md`, *review*. `riskops review --session 2026-10-01` does the same by hand.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task

from morning_task import run_verb, tell_on_call
from riskops import config
from trading_sessions import TradingSessionTimetable

CALENDAR = os.environ.get("RISKOPS_CALENDAR", "XNYS")


@dag(
    schedule=TradingSessionTimetable(CALENDAR, config.REVIEW_AT, monthly=True),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    params={
        "session": Param(
            None, type=["null", "string"], format="date", description="The session; empty: the run's date"
        )
    },
    tags=["risk", "evidence", "monthly"],
    doc_md=__doc__,
)
def review_evidence() -> None:
    """Evaluate, propose, store."""

    @task(retries=1, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=1))
    def review() -> dict:
        """Evaluate the history, propose other numbers where they pay, and store both."""
        from riskops.pipeline.review import review as verb

        return run_verb(verb, get_current_context())

    review()


review_evidence()
