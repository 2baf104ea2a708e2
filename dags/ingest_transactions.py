"""Load history.

**Does** load one file of transactions from the inbox, as history: its days count as known early
on the session after each, so past sessions can be backfilled from them. A day that the desk has
lived past counts as known from now on, so that no lived session changes.

**When** on demand only. **Reads** a CSV file below `RISKOPS_INBOX`. **Writes** trades, daily
results and coverage of the risk database; all of the file or nothing.

**Safe to run again?** Yes: a file that was loaded before is refused and changes nothing.

**Never** decides or mails a limit.

**Parameters**: `file` (`trades_2026-03.csv`, below the inbox), `mapping` (`closed_trades`,
`perp_fills`), `quarantine` (set bad rows aside instead of refusing the file).

**Triage**: a red run changed nothing; the log names file, line, column and remedy. "Loaded before" after
a retry means that the first try did load it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task

from morning_task import on_desk, tell_on_call


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    params={
        "file": Param("", type="string", description="A file below the inbox"),
        "mapping": Param("closed_trades", enum=["closed_trades", "perp_fills"]),
        "quarantine": Param(False, type="boolean"),
    },
    tags=["risk", "history"],
    doc_md=__doc__,
)
def ingest_transactions() -> None:
    """Load one file of history."""

    @task(retries=1, retry_delay=timedelta(minutes=1), execution_timeout=timedelta(hours=2))
    def load_history() -> dict:
        """Load one file from the inbox, whole or not at all."""
        from riskops.pipeline.load import load_from_inbox

        params = get_current_context()["params"]
        asked = params["file"], params["mapping"]
        return on_desk(lambda desk: load_from_inbox(desk, *asked, quarantine=params["quarantine"]))

    load_history()


ingest_transactions()
