"""Watch over the morning from outside Airflow: finish what is late, tell on-call what is wrong.

Where the risk database is gone as well, limits are held from the limits file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, time

from riskops import clock_ladder, config, second_channel
from riskops.desk import Desk
from riskops.errors import DeliveryError, LimitsFileError, OlderRecordError, RiskOpsError, StoreError
from riskops.pipeline.emergency import fit_file, mail_from_file
from riskops.pipeline.escalate import escalate, escalate_again
from riskops.pipeline.export import export
from riskops.pipeline.mailed_since import know_what_left
from riskops.pipeline.morning import TIMED_OUT, Step
from riskops.pipeline.read_back import check_applied
from riskops.records import Run, Verb
from riskops.second_channel import Entry
from riskops.sessions import DESK_ZONE, TradingCalendar, desk_date
from riskops.settings import Settings


def watch(desk: Desk, run: Run, perform: Callable[[Verb], Step], report: Callable[[Step], None]) -> bool:
    """Perform what the clock says is due of today's morning, and raise the alarm where needed.

    It may act beside Airflow: verbs are idempotent, a mail that is out stays the only one. An
    emergency mail is taken over, a limits file that is behind is written.

    Returns
    -------
    bool
        Whether all is well: the mail is out, or nothing is due yet.

    Raises
    ------
    StoreError
        If the risk database cannot be used, or does not know of a mail that has left.
    """
    know_what_left(desk, run)
    done = _done(desk, run)
    verbs = clock_ladder.due(_time(desk.clock()), done, is_out=_is_out(desk, run))
    steps = _perform(verbs, perform, report)
    export(desk, _in_force(desk, run))
    alarm = clock_ladder.alarm(_time(desk.clock()), bool(_done(desk, run)), is_out=_is_out(desk, run))
    failed = [f"{step.verb.value}: {step.problem}" for step in steps if not step.succeeded]
    if alarm or failed:
        told = "; ".join(filter(None, [alarm, *failed]))
        second_channel.tell(desk.settings, f"{run.session}: {told}.", Entry.WATCHDOG)
    is_well = _look_after_the_mail(desk, run)
    return not alarm and not failed and is_well


def _look_after_the_mail(desk: Desk, run: Run) -> bool:
    """Escalate deep cuts, again where nobody has read of them, and look whether the limits are in force."""
    escalated = escalate(desk, run)
    try:
        escalate_again(desk, run)
        is_told = True
    except DeliveryError as error:
        told = f"{run.session}: nobody has acknowledged the mail, and that is not with everybody: {error}"
        second_channel.tell(desk.settings, told, Entry.ESCALATION)
        is_told = False
    return "escalation_problem" not in escalated and is_told and bool(check_applied(desk, run)["well"])


def _perform(
    verbs: Sequence[Verb], perform: Callable[[Verb], Step], report: Callable[[Step], None]
) -> list[Step]:
    """Perform verbs in order; the first that cannot use the database ends it, no other could either.

    Choosing and publishing do nothing but work on the database: where they run out of time, it is silent.
    """
    steps = []
    for verb in verbs:
        steps.append(perform(verb))
        report(steps[-1])
        if _cannot_use_the_database(steps[-1]):
            raise StoreError(steps[-1].problem)
    return steps


def _cannot_use_the_database(step: Step) -> bool:
    silent = step.exit_code == TIMED_OUT and step.verb in (Verb.CHOOSE, Verb.PUBLISH)
    return silent or step.exit_code in (StoreError.exit_code, OlderRecordError.exit_code)


def watch_without_database(
    settings: Settings, calendar: TradingCalendar, now: datetime, problem: str
) -> bool:
    """Hold limits from the limits file once they are due, and tell on-call in any case.

    Parameters
    ----------
    problem
        Why the risk database cannot be used, in words.

    Returns
    -------
    bool
        Whether the desk has its mail; ``False`` where none is due yet.

    Raises
    ------
    LimitsFileError
        If there is no limits file to hold from.
    DeliveryError
        If a mail was not accepted.
    """
    session = desk_date(now)
    if not calendar.is_session(session):
        return False
    gone = f"{session}, without the risk database: {problem}"
    if not clock_ladder.is_emergency(_time(now)):
        second_channel.tell(settings, f"{gone} {_outlook(settings, calendar, now)}", Entry.DATABASE_IS_GONE)
        return False
    try:
        done = mail_from_file(settings, calendar, now, problem)
    except RiskOpsError as error:
        second_channel.tell(settings, f"{gone} NOT EVERYBODY HAS LIMITS: {error}", Entry.DATABASE_IS_GONE)
        raise
    second_channel.tell(settings, f"{gone} {done}", Entry.DATABASE_IS_GONE)
    return True


def _outlook(settings: Settings, calendar: TradingCalendar, now: datetime) -> str:
    """Say what happens if the database does not come back."""
    at = f"At {config.RULES_UNTIL:%H:%M} New York"
    try:
        file = fit_file(settings, calendar, desk_date(now))
    except LimitsFileError as error:
        return f"{at} NO LIMITS CAN BE HELD: {error}"
    return f"{at} limits are mailed from the limits file of {file.session}, unless they are out."


def _time(moment: datetime) -> time:
    return moment.astimezone(DESK_ZONE).time()


def _done(desk: Desk, run: Run) -> set[Verb]:
    stages = desk.store.mornings.stages(run.session, run.revision)
    return {verb for verb, past in stages.items() if past.is_done}


def _is_out(desk: Desk, run: Run) -> bool:
    return desk.store.mornings.is_out(run.session)


def _in_force(desk: Desk, run: Run) -> Run:
    """Return the run of the newest revision whose mail is out."""
    return replace(run, revision=desk.store.mornings.newest_sealed(run.session) or 0)
