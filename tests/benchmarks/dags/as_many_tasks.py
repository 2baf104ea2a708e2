"""A DAG with the tasks and edges of the daily one that does nothing: what Airflow alone takes."""

from __future__ import annotations

from airflow.sdk import TriggerRule, dag, task


@task
def nothing() -> dict:
    """Do nothing."""
    return {}


@task.branch(trigger_rule=TriggerRule.ALL_DONE)
def choose() -> str:
    """Choose the usual branch."""
    return "publish_rules"


@dag(schedule=None, catchup=False)
def as_many_tasks() -> None:
    """Lay the edges out as on a usual morning."""
    names = ["ingest", "validate", "score_rules", "score_pooled_model", "compare"]
    ingest, validate, rules, model, compare = (nothing.override(task_id=name)() for name in names)
    routes = [nothing.override(task_id=name)() for name in ("publish_rules", "publish_model", "hold_limits")]
    compose = nothing.override(
        task_id="compose_report", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    )()
    send = nothing.override(task_id="send_report")()
    ingest >> validate >> [rules, model] >> compare >> choose() >> routes >> compose >> send


as_many_tasks()
