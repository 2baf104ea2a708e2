"""Talking to a live Airflow as its users do: through its API, and with a signal where a task shall die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx

DAG = "daily_risk_limits"
ENDED = ("success", "failed")
POLL_SECONDS = 0.25
Found = TypeVar("Found")


@dataclass(frozen=True)
class Task:
    """One task of a run: its state, how often it was tried, and the process that performs it."""

    state: str | None
    tries: int
    pid: int | None


class LiveAirflow:
    """The API of an Airflow whose scheduler runs; without a login it has to let in everybody."""

    def __init__(self, url: str, login: Mapping[str, str] | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._http.headers["Authorization"] = f"Bearer {self._token(login)}"

    def close(self) -> None:
        self._http.close()

    def _token(self, login: Mapping[str, str] | None) -> str:
        answer = self._http.post("/auth/token", json=login) if login else self._http.get("/auth/token")
        answer.raise_for_status()
        return answer.json()["access_token"]

    def call(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        answer = self._http.request(method, f"/api/v2{path}", **how)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def knows(self, dag_id: str) -> bool:
        return self._http.get(f"/api/v2/dags/{dag_id}").is_success

    def has_looked_since(self, moment: datetime) -> bool:
        """Say whether the scheduler went through its loop since a moment."""
        beat = self.call("GET", "/monitor/health")["scheduler"]["latest_scheduler_heartbeat"]
        return datetime.fromisoformat(beat) > moment

    def forget_runs(self) -> None:
        """Delete every run but the scheduled ones, which the scheduler would only make anew."""
        for run_id, run in self.runs().items():
            if run["run_type"] != "scheduled":
                self.call("DELETE", f"/dags/{DAG}/dagRuns/{run_id}")

    def pause(self, *, paused: bool) -> None:
        self.call("PATCH", f"/dags/{DAG}", json={"is_paused": paused})

    def trigger(self, run_id: str, *, logical_date: datetime | None = None, **params: str) -> str:
        """Ask for a manual run, and return its id."""
        body = {"dag_run_id": run_id, "conf": params}
        body["logical_date"] = logical_date.isoformat() if logical_date else None
        return self.call("POST", f"/dags/{DAG}/dagRuns", json=body)["dag_run_id"]

    def backfill(self, first: datetime, last: datetime, parallel: int, *, reverse: bool = False) -> None:
        """Ask for a backfill between two moments."""
        body = {"dag_id": DAG, "from_date": first.isoformat(), "to_date": last.isoformat()}
        body |= {"max_active_runs": parallel, "reprocess_behavior": "completed", "run_backwards": reverse}
        until(lambda: self._has_closed_backfills() or None, 120, "the backfill before to be closed")
        self.call("POST", "/backfills", json=body)

    def _has_closed_backfills(self) -> bool:
        found = self.call("GET", "/backfills", params={"dag_id": DAG})["backfills"]
        return all(backfill["completed_at"] is not None for backfill in found)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return every run of the daily Dag by its id."""
        found = self.call("GET", f"/dags/{DAG}/dagRuns", params={"limit": 100})
        return {run["dag_run_id"]: run for run in found["dag_runs"]}

    def state(self, run_id: str) -> str:
        return self.call("GET", f"/dags/{DAG}/dagRuns/{run_id}")["state"]

    def tasks(self, run_id: str) -> dict[str, Task]:
        found = self.call("GET", f"/dags/{DAG}/dagRuns/{run_id}/taskInstances")
        return {
            row["task_id"]: Task(row["state"], row["try_number"], row["pid"])
            for row in found["task_instances"]
        }

    def clear(self, run_id: str, *task_ids: str) -> None:
        """Let tasks of a run run again, without those after them."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": list(task_ids)}
        body |= {"only_failed": False, "include_downstream": False, "reset_dag_runs": True}
        self.call("POST", f"/dags/{DAG}/clearTaskInstances", json=body)

    def ended(self, run_id: str, *, within: float = 240) -> str:
        """Wait until a run has ended, and return its state."""
        return until(lambda: self._if_ended(run_id), within, f"the end of {run_id}")

    def succeeds(self, run_id: str) -> None:
        """Wait until a run has ended, and see that it ended well."""
        assert self.ended(run_id) == "success", states(self.tasks(run_id))

    def _if_ended(self, run_id: str) -> str | None:
        state = self.state(run_id)
        return state if state in ENDED else None

    def kill(self, run_id: str, task_id: str) -> int:
        """Kill the process of a task once it runs; return which try that was."""
        task = self.running(run_id, task_id)
        os.kill(task.pid or 0, signal.SIGKILL)
        return task.tries

    def running(self, run_id: str, task_id: str) -> Task:
        """Wait until a task runs."""
        return until(lambda: self._if_running(run_id, task_id), 180, f"{task_id} of {run_id} to run")

    def _if_running(self, run_id: str, task_id: str) -> Task | None:
        task = self.tasks(run_id).get(task_id)
        return task if task is not None and task.state == "running" and task.pid else None


def until(found: Callable[[], Found | None], within: float, what: str) -> Found:
    """Return what `found` returns, once it is something; give up after `within` seconds."""
    last = time.monotonic() + within
    while time.monotonic() < last:
        if (result := found()) is not None:
            return result
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"waited {within:.0f} s for {what}")


def states(tasks: Mapping[str, Task]) -> dict[str, str | None]:
    """Return the state of every task."""
    return {task_id: task.state for task_id, task in tasks.items()}
