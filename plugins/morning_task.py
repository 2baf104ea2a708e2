"""Between Airflow and the verbs: a task's context becomes a `Run`, an error the right failure."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from riskops.budget import budget
from riskops.errors import RiskOpsError
from riskops.records import Run, RunType, Verb

PROPREPORTS = "propreports"  # the source, and the connection that may carry its login
DELIVER = {"default": None, "yes": True, "no": False}

log = logging.getLogger(__name__)


def run_verb(verb: Callable[..., Mapping[str, Any]], context: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the session of a run and call the verb; return its receipt for XCom.

    Raises
    ------
    AirflowFailException
        Where trying again cannot help.
    """
    return on_desk(lambda desk: verb(desk, resolve_run(context, desk)))


def on_desk(work: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    """Open the desk of the environment, do `work` on it and return its receipt for XCom.

    Raises
    ------
    AirflowFailException
        Where trying again cannot help.
    """
    from riskops.desk import open_desk

    with translated(), open_desk(desk_environment()) as desk:
        return dict(work(desk))


def desk_environment() -> Mapping[str, str]:
    """Return the environment, with what a connection ``propreports`` knows where it says nothing of it.

    Host (or whole address), login and password of the connection stand in for the three variables of
    PropReports, all of them or none.
    """
    names = ("RISKOPS_PROPREPORTS_URL", "RISKOPS_PROPREPORTS_USER", "RISKOPS_PROPREPORTS_PASSWORD")
    asked = os.environ.get("RISKOPS_SOURCE") == PROPREPORTS
    if not asked or any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in names):
        return os.environ
    try:
        connection = BaseHook.get_connection(PROPREPORTS)
    except AirflowNotFoundException:
        return os.environ
    values = (_address(connection.host or ""), connection.login or "", connection.password or "")
    return {**os.environ, **dict(zip(names, values, strict=True))}


def _address(host: str) -> str:
    return host if not host or "://" in host else f"https://{host}"


@contextmanager
def translated() -> Iterator[None]:
    """Turn an error that trying again cannot mend into a failure without retries."""
    try:
        yield
    except RiskOpsError as error:
        if error.retryable:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def resolve_run(context: Mapping[str, Any], desk: Any) -> Run:
    """Build the `Run` of a scheduled, backfilled or manual Dag run."""
    from riskops.sessions import session_for_run

    dag_run, params = context["dag_run"], context["params"]
    session = session_for_run(desk.calendar, params.get("session"), dag_run.logical_date, desk.clock())
    known = {str(kind): kind for kind in RunType}
    run = Run(
        session=session,
        run_type=known.get(str(getattr(dag_run.run_type, "value", dag_run.run_type)), RunType.MANUAL),
        run_id=dag_run.run_id,
        deliver=DELIVER[params.get("deliver", "default")],
    )
    return _revised(run, context, desk) if (params.get("revise") or "").strip() else run


def _revised(run: Run, context: Mapping[str, Any], desk: Any) -> Run:
    """Return the run of the correction that a Dag run asks for; its first task opens it, the others find it.

    By default whoever triggered the Dag run asks for it.
    """
    from riskops.pipeline.revise import revise

    params = context["params"]
    by = params.get("by") or getattr(context["dag_run"], "triggering_user_name", None) or ""
    return revise(desk, run, by=by, why=params["revise"])


def budgeted(verb: Verb) -> dict[str, Any]:
    """Return the task arguments that keep a verb within its minutes."""
    allowed = budget(verb, os.environ)
    return {
        "retries": allowed.retries,
        "retry_delay": allowed.delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": allowed.longest_delay,
        "execution_timeout": allowed.time_out,
    }


def tell_on_call(context: Mapping[str, Any]) -> None:
    """Tell on-call which task was given up and where the runbook stands; a backfill only logs."""
    from riskops.second_channel import link_to, tell_anyway
    from riskops.settings import readable_runbook

    task_id = context["task_instance"].task_id
    entry = task_id.replace("_", "-")
    told = f"{task_id} was given up for run {context['run_id']}: {context.get('exception')}."
    log.error("%s What to do: %s", told, link_to(readable_runbook(os.environ), entry))
    if str(context["dag_run"].run_type) != RunType.BACKFILL:
        tell_anyway(os.environ, told, entry)
