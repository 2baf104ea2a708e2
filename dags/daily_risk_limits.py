"""Set the daily loss limits.

**Decides** the daily loss limit of every trader for one session, mails the risk managers and
keeps the record.

**When** 06:00 New York on every session of the exchange. Limits stand by 07:20, the mail is out
by 07:30.

**Reads** the source of transactions and the risk database. **Writes** the risk database and the
mail (or files, on a demo desk).

**Safe to run again?** Yes: every task, in any order, at any time. Once the mail of a session is
out nothing changes any more and nothing is mailed twice.

**Never** mails from a backfill, loosens a limit because something failed, or lets an error look
like a quiet day.

**Parameters**: `session` (`2026-03-16`; empty: the run's own date), `deliver` (`default`, `yes`,
`no`; `default` mails scheduled runs for today, and corrections), `revise` and `by`.

**Correct today's limits** once their mail is out: trigger a run with the reason in `revise`, and
who asks in `by` (empty: whoever triggers it). It decides again from what is known now and mails what
differs, as a reply to the mail before; after 08:00 New York no limit rises. Where it fails the mail
before stands: mend the cause and clear the red task with downstream.

**Triage**

| red task | what the desk got | first look |
|---|---|---|
| `ingest` | held limits (rung 3) | is the source up? then clear `ingest`: the data are stored |
| `validate` | held limits (rung 3) | the task's log names the check that could not run |
| `score_rules` | held limits (rung 3) | `riskops score-rules --session ...` shows the error |
| `score_pooled_model`, `compare` | the rules' limits (rung 2) | after the open is early enough |
| `record_outcomes` | its limits, and the mail says so | after the open is early enough |
| `choose`, `compose_report` | a minimal text mail | mend it before the next morning: the session is sealed |
| `publish_rules`, `publish_model`, `hold_limits` | a minimal text mail | the same |
| `send_report` | **no mail** | the mail server; then clear the task; else `riskops send-report` |

Once the mail of a session is out, what comes later is stored and its limits stand, until somebody
asks for a correction. A red task of a correction changes nothing of what the desk got.

The whole story is in `docs/runbook.md`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, TriggerRule, dag, get_current_context, task

from morning_task import budgeted, run_verb, tell_on_call
from riskops import config
from riskops.records import Verb
from trading_sessions import TradingSessionTimetable

PARAMS = {
    "session": Param(
        None, type=["null", "string"], format="date", description="The session; empty: the run's date"
    ),
    "deliver": Param("default", enum=["default", "yes", "no"], description="Whether a mail may leave"),
    "revise": Param(
        "",
        type="string",
        maxLength=1_000,
        description="Why today's limits are to be corrected; empty: they are not",
    ),
    "by": Param(
        "",
        type="string",
        maxLength=200,
        description="Who asks for the correction; empty: whoever triggers the run",
    ),
}


@task(**budgeted(Verb.INGEST))
def ingest() -> dict:
    """Fetch the night's transactions and fix the cut-off."""
    from riskops.pipeline.ingest import ingest as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.VALIDATE))
def validate() -> dict:
    """Check the night's data with Great Expectations."""
    from riskops.pipeline.validate import validate as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.SCORE_RULES))
def score_rules() -> dict:
    """Score every trader by the rules, the champion."""
    from riskops.pipeline.score_rules import score_rules as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.SCORE_MODEL))
def score_pooled_model() -> dict:
    """Score every trader by the pooled model, the challenger."""
    from riskops.pipeline.score_model import score_pooled_model as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.COMPARE))
def compare() -> dict:
    """Compare challenger and champion on the whole history."""
    from riskops.pipeline.compare import compare as verb

    return run_verb(verb, get_current_context())


@task(**budgeted(Verb.RECORD_OUTCOMES))
def record_outcomes() -> dict:
    """Record what became of the days that were lived; nobody waits for it."""
    from riskops.pipeline.record_outcomes import record_outcomes as verb

    return run_verb(verb, get_current_context())


@task.branch(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.CHOOSE))
def choose() -> str:
    """Route to the limits of the rung that the morning has earned."""
    from riskops.pipeline.choose import choose as verb

    return run_verb(verb, get_current_context())["route"]


@task(**budgeted(Verb.PUBLISH))
def publish_rules() -> dict:
    """Commit the rules' limits (rung 2)."""
    from riskops.pipeline.publish import publish_rules as verb

    return run_verb(verb, get_current_context())


@task(**budgeted(Verb.PUBLISH))
def publish_model() -> dict:
    """Commit the pooled model's limits (rung 1)."""
    from riskops.pipeline.publish import publish_model as verb

    return run_verb(verb, get_current_context())


@task(**budgeted(Verb.PUBLISH))
def hold_limits() -> dict:
    """Commit held limits (rung 3), or the floor (rung 4)."""
    from riskops.pipeline.publish import hold_limits as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, **budgeted(Verb.COMPOSE))
def compose_report() -> dict:
    """Compose the mail, text and HTML."""
    from riskops.pipeline.compose import compose as verb

    return run_verb(verb, get_current_context())


@task(trigger_rule=TriggerRule.ALL_DONE, **budgeted(Verb.SEND))
def send_report() -> dict:
    """Send the mail; its outcome is the run's colour."""
    from riskops.pipeline.send import send as verb

    return run_verb(verb, get_current_context())


@dag(
    schedule=TradingSessionTimetable(os.environ.get("RISKOPS_CALENDAR", "XNYS"), config.MORNING_AT),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(minutes=100),
    default_args={"owner": "risk-desk", "on_failure_callback": tell_on_call},
    params=PARAMS,
    tags=["risk", "limits", "daily"],
    doc_md=__doc__,
)
def daily_risk_limits() -> None:
    """Check, score, compare, choose, publish, compose, send; record outcomes beside it."""
    checked = validate()
    ingest() >> checked
    scored = [score_rules(), score_pooled_model()]
    published = [publish_rules(), publish_model(), hold_limits()]
    checked >> record_outcomes().as_teardown()  # the one kind of task whose failure leaves a run green
    checked >> scored >> compare() >> choose() >> published >> compose_report() >> send_report()


daily_risk_limits()
