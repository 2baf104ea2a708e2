"""Limits without the risk database: every trader of the limits file is held, as on rung 3.

A file of this very session needs no hold: what was decided this morning is mailed as it stands. A hold
stands on what was decided; an override that is not over stands where it is tighter than the hold.
"""

from __future__ import annotations

from datetime import date

import riskops
from riskops import config, ladder, overrides
from riskops.errors import LimitsFileError
from riskops.limits_file import LimitLine, LimitsFile
from riskops.records import Confidence, Decision, Engine, LivedReduction, Publication, Rung, Verdict
from riskops.sessions import TradingCalendar

ENGINES = {Rung.MODEL: Engine.POOLED_MODEL, Rung.RULES: Engine.RULES}


def age(file: LimitsFile, session: date, calendar: TradingCalendar) -> int:
    """Return how many sessions before `session` a file's own lies; 0 is the same."""
    return calendar.position(session) - calendar.position(file.session)


def refuse_unfit(file: LimitsFile, session: date, deployment: str, calendar: TradingCalendar) -> None:
    """Refuse a file from which no limit of `session` may be held.

    Raises
    ------
    LimitsFileError
        If it is another deployment's, empty, of a date that is no session, of a later session, or
        older than `config.LIMITS_FILE_MAX_SESSIONS`.
    """
    of = f"The limits file of {file.session} is refused:"
    if file.deployment != deployment:
        raise LimitsFileError(f"{of} it is {file.deployment!r}'s, this is {deployment!r}.")
    if not calendar.is_session(file.session):
        raise LimitsFileError(f"{of} that is no session of {calendar.name}.")
    if not file.lines:
        raise LimitsFileError(f"{of} it has no trader.")
    sessions = age(file, session, calendar)
    if sessions < 0:
        raise LimitsFileError(f"{of} it is of a later session than {session}.")
    if sessions > config.LIMITS_FILE_MAX_SESSIONS:
        oldest = config.LIMITS_FILE_MAX_SESSIONS
        raise LimitsFileError(f"{of} it is {sessions} sessions old, {oldest} at the most.")


def hold(file: LimitsFile, session: date, calendar: TradingCalendar) -> Publication:
    """Return the limits of `session` as far as a limits file that `refuse_unfit` lets pass knows them."""
    if file.session == session:
        made = [_as_decided(line) for line in file.lines]
        return _publication(file, session, file.rung, file.why, file.code_version, made)
    decisions = [_held(line, file, session, calendar) for line in file.lines]
    floor = all(decision.rung is Rung.FLOOR for decision in decisions)
    why = f"the risk database was out of reach, limits stand on the limits file of {file.session}"
    rung = Rung.FLOOR if floor else Rung.HOLD
    return _publication(file, session, rung, why, riskops.__version__, decisions)


def _publication(
    file: LimitsFile, session: date, rung: Rung, why: str, code_version: str, decisions: list[Decision]
) -> Publication:
    return Publication(
        session=session,
        revision=0,
        rung=rung,
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        why=why,
        cut_off=file.cut_off,
        code_version=code_version,
        decisions=tuple(decisions),
    )


def _as_decided(line: LimitLine) -> Decision:
    """Return this morning's decision, as much of it as the file keeps."""
    return Decision(
        trader_id=line.trader_id,
        name=line.name,
        base_limit_cents=line.base_limit_cents,
        reduction=line.reduction,
        limit_cents=line.limit_cents,
        rung=line.rung,
        engine=ENGINES.get(line.rung),
        reasons=line.reasons,
        confidence=Confidence.LOW,
        track_record=None,
        way_back="",
        flip_distance_cents=None,
        held_from=line.held_from,
        held_sessions=line.held_sessions,
        held_reduction=line.held_reduction,
        held_limit_cents=line.held_limit_cents,
        override=line.override,
    )


def _held(line: LimitLine, file: LimitsFile, session: date, calendar: TradingCalendar) -> Decision:
    """Hold a trader's limit; the base limit's schedule is unknown, so the last one counts."""
    lived = _lived(line, file, calendar)
    held = ladder.held(line.trader_id, line.name, calendar.position(session), line.base_limit_cents, lived)
    if line.override is None:
        return held
    return overrides.still_tighter(held, session, line.reduction, line.override)


def _lived(line: LimitLine, file: LimitsFile, calendar: TradingCalendar) -> dict[int, LivedReduction]:
    """Return the sessions a line tells of: the file's own, and those it was held from."""
    last = calendar.position(file.session)
    lived = {
        last - back: LivedReduction(
            trader_id=line.trader_id,
            session=calendar.session_at(last - back),
            reduction=line.decided_reduction,
            limit_cents=line.decided_limit_cents,
            base_limit_cents=line.base_limit_cents,
            rung=line.rung,
        )
        for back in range(max(line.held_sessions, 1))
    }
    if line.held_from is not None and line.held_reduction is not None and line.held_limit_cents is not None:
        lived[calendar.position(line.held_from)] = LivedReduction(
            trader_id=line.trader_id,
            session=line.held_from,
            reduction=line.held_reduction,
            limit_cents=line.held_limit_cents,
            base_limit_cents=line.base_limit_cents,
            rung=Rung.RULES,
        )
    return lived
