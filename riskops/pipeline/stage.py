"""What every verb does around its work: note that it began, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any

from riskops import config
from riskops.desk import Desk
from riskops.errors import RiskOpsError
from riskops.history import DeskHistory
from riskops.pipeline.mailed_since import know_what_left
from riskops.records import Run, RunType, Verb
from riskops.sessions import desk_date, desk_time

Receipt = Mapping[str, Any]
NO_SCORES = "no_scores"  # in the model's receipt: why a morning without a failure has none


class stage:  # noqa: N801 - reads as a statement: `with stage(desk, run, verb):`
    """Journal a verb and mark it started; a failure is marked with its reason and passed on."""

    def __init__(self, desk: Desk, run: Run, verb: Verb) -> None:
        self._desk, self._run, self._verb = desk, run, verb

    def __enter__(self) -> datetime:
        """Note the beginning, and return when that was."""
        begun = self._desk.clock()
        self._record = self._desk.store.journal.begin(self._run, self._verb, begun)
        self._desk.store.mornings.start(self._run.session, self._run.revision, self._verb)
        return begun

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Note the end; exceptions go on to whoever called the verb."""
        problem = "" if error is None else _in_words(error)
        if error is not None:
            self._desk.store.mornings.fail(self._run.session, self._run.revision, self._verb, problem)
        state = "done" if error is None else "failed"
        self._desk.store.journal.end(self._record, state, problem, self._desk.clock())


def _in_words(error: BaseException) -> str:
    """Return what a mail says of an error: our own ones are sentences, others say what they are."""
    if isinstance(error, RiskOpsError):
        return str(error)
    if not isinstance(error, Exception):  # a time-out's signal, an interrupt, an exit
        return "it was stopped: its time was over, or somebody ended it"
    return f"{type(error).__name__}: {error}"


def settled(desk: Desk, run: Run, verb: Verb) -> Receipt | None:
    """Return the receipt of a verb that is done for a session whose mail is out, else ``None``.

    Automatic change has ended there: running such a verb again is a quiet no-op. A score that
    comes late is stored all the same; limits and reports that come late are not. A mail that left
    while the risk database was gone is taken over first: it is out like any other.

    Raises
    ------
    OlderRecordError
        If a mail has left that the risk database does not know.
    """
    know_what_left(desk, run)
    mornings = desk.store.mornings
    if not mornings.is_frozen(run.session, run.revision):
        return None
    past = mornings.stages(run.session, run.revision).get(verb)
    is_done = past is not None and past.is_done
    if not is_done and verb not in (Verb.PUBLISH, Verb.COMPOSE):
        return None
    desk.store.journal.note(run, verb, "nothing new", desk.clock())
    return {**(past.detail if past is not None else {}), "sealed": True}


def cut_off(desk: Desk, run: Run) -> datetime:
    """Return the cut-off of a session: the recorded one, or 06:30 for one never lived.

    A correction that has none yet knows what the revision before it knew.
    """
    recorded = desk.store.mornings.cut_off(run.session, run.revision)
    if recorded is None and run.revision:
        return cut_off(desk, replace(run, revision=run.revision - 1))
    return recorded or desk_time(run.session, config.UNLIVED_CUT_OFF)


def live_cut_off(desk: Desk, run: Run) -> datetime:
    """Return the cut-off of a session that is fixed now, today.

    That is now, but at most 07:20. A correction is asked for because something came later: it is now,
    whenever that is.
    """
    if run.revision:
        return max(desk.clock(), cut_off(desk, run))
    return min(desk.clock(), desk_time(run.session, config.LATEST_CUT_OFF))


def roster_known_by(desk: Desk, run: Run) -> datetime:
    """Return the moment whose roster a session goes by: its cut-off, or now while today's is to come."""
    recorded = desk.store.mornings.cut_off(run.session, run.revision)
    if recorded is not None or not is_today(desk, run):
        return cut_off(desk, run)
    return live_cut_off(desk, run)


def read_history(desk: Desk, run: Run) -> DeskHistory:
    """Return the desk as it was known at the session's cut-off."""
    return desk.store.history.desk(run.session, cut_off(desk, run))


def read_readings(desk: Desk, run: Run) -> tuple[DeskHistory, DeskHistory | None]:
    """Return the desk at the cut-off, and as the fills have it where these and the broker disagree."""
    return desk.store.history.readings(run.session, cut_off(desk, run))


def is_today(desk: Desk, run: Run) -> bool:
    """Say whether a run is for the session of today, New York time."""
    return run.session == desk_date(desk.clock())


def may_mail(desk: Desk, run: Run) -> bool:
    """Say whether a mail may leave: never from a backfill, by itself only for today.

    Somebody has asked for a correction, so it leaves whatever run makes it, today and never later.
    """
    if run.run_type is RunType.BACKFILL:
        return False
    if run.revision:
        return is_today(desk, run) and run.deliver is not False
    if run.deliver is not None:
        return run.deliver
    return is_today(desk, run) and run.run_type is not RunType.MANUAL
