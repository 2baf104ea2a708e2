"""Override a trader's cut by somebody's word, from a session through a session, and take it back.

Both say from which session on they act: a session goes by what was on record at its cut-off, and a
limit whose mail is out changes only by a revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from riskops import config, limits, overrides
from riskops.desk import Desk
from riskops.errors import OverrideError
from riskops.money import dollars
from riskops.outcomes import OverrideWorth
from riskops.overrides import Phase
from riskops.persons import said
from riskops.pipeline.change_roster import acts_from
from riskops.pipeline.record_outcomes import known_worths
from riskops.pipeline.stage import Receipt
from riskops.records import AskedOverride, Decision, Override, TakenBack
from riskops.sessions import desk_date, desk_time

LONGEST_NAME, LONGEST_REASON = 80, 300  # so much of them the mail shows whole


@dataclass(frozen=True, slots=True)
class Listed:
    """An override on record: where it is on a session, which newer one counts instead, and its worth.

    `days` are the lived days on which it was in force and whose result is known; it was worth between
    `low_cents` and `high_cents` on them together, against the decided limits.
    """

    override: Override
    phase: Phase
    behind: int | None
    days: int
    low_cents: int
    high_cents: int


def override(desk: Desk, asked: AskedOverride) -> Receipt:
    """Record an override; said again it records nothing new.

    Returns
    -------
    Receipt
        Its ``number``, and from which session on it acts.

    Raises
    ------
    InputError
        If nobody says who, or why; nothing was recorded then.
    OverrideError
        If it cannot be, or it is a trader's word; nothing was recorded then.
    """
    now = desk.clock()
    asked = _said(asked)
    overrides.refuse_unfit(asked, desk.store.roster.view(now), desk.calendar, desk_date(now))
    same = [found for found in desk.store.overrides.all() if found.asked == asked and not found.taken_back]
    if same:
        known = same[-1]
        return {"result": f"nothing new: override {known.number} says so already", "number": known.number}
    return _recorded(desk, desk.store.overrides.record(asked, now))


def take_back(desk: Desk, number: int, *, by: str, why: str) -> Receipt:
    """End an override before its time: the decided limits are back.

    Raises
    ------
    InputError
        If nobody says who, or why.
    OverrideError
        If there is none of that number, it is over or taken back already, or it is a trader's word.
    """
    now = desk.clock()
    ended = TakenBack(now, said(by, "who", LONGEST_NAME), said(why, "why", LONGEST_REASON))
    found = _numbered(desk, number)
    _refuse_ended(found, desk_date(now))
    roster = desk.store.roster.view(now)
    overrides.refuse_trader_s_word(ended.by, found.asked.trader_id, roster, desk_date(now))
    desk.store.overrides.take_back(number, ended)
    if (kept := _numbered(desk, number)).taken_back != ended:
        _refuse_ended(kept, desk_date(now))  # somebody else was a moment faster
    return _ended(desk, found, now)


def on_record(desk: Desk, session: date | None = None) -> tuple[Listed, ...]:
    """Return the overrides on record, the newest first, as they are today or were on a session.

    A session that has its cut-off shows what was on record then; what they were worth is today's word.
    """
    now = desk.clock()
    day = session or desk_date(now)
    known_by = (desk.store.mornings.cut_off(day, 0) if session else None) or now
    found = desk.store.overrides.all()
    worths = _worths(desk, found, now)
    behind = {o.number: by for o, by in overrides.others(found, day, known_by, None).given_way}
    phases = [(override, overrides.phase_known(override, day, known_by)) for override in reversed(found)]
    return tuple(
        _listed(override, phase, behind.get(override.number), worths)
        for override, phase in phases
        if phase is not None
    )


# --- what is said and refused -----------------------------------------------------------------


def _said(asked: AskedOverride) -> AskedOverride:
    return replace(
        asked,
        trader_id=asked.trader_id.strip(),
        by=said(asked.by, "who", LONGEST_NAME),
        why=said(asked.why, "why", LONGEST_REASON),
    )


def _numbered(desk: Desk, number: int) -> Override:
    found = {override.number: override for override in desk.store.overrides.all()}
    if number not in found:
        raise OverrideError(f"There is no override {number}: `riskops override list` shows those on record.")
    return found[number]


def _refuse_ended(found: Override, today: date) -> None:
    ended, last = found.taken_back, found.asked.last_session
    if ended is not None:
        since = f"{desk_date(ended.recorded_at)} by {ended.by}"
        raise OverrideError(f"Override {found.number} was taken back on {since}: {ended.why}.")
    if overrides.phase(found, today) is Phase.OVER:
        raise OverrideError(f"Override {found.number} is over since {last}: there is nothing to take back.")


# --- what is on record ------------------------------------------------------------------------


def _worths(desk: Desk, found: Sequence[Override], now: datetime) -> tuple[OverrideWorth, ...]:
    if not found:
        return ()
    first = min(override.asked.first_session for override in found)
    return known_worths(desk, first, desk_date(now), now)


def _listed(override: Override, phase: Phase, behind: int | None, worths: Sequence[OverrideWorth]) -> Listed:
    mine = [worth for worth in worths if worth.number == override.number]
    low, high = sum(worth.low_cents for worth in mine), sum(worth.high_cents for worth in mine)
    return Listed(override, phase, behind, len(mine), low, high)


# --- from when on it acts ---------------------------------------------------------------------


def _recorded(desk: Desk, made: Override) -> Receipt:
    asked = made.asked
    first = acts_from(desk, asked.first_session, made.recorded_at)
    receipt = {
        "result": f"override {made.number}: trader {asked.trader_id} is cut by {asked.reduction}% "
        f"from {asked.first_session} through {asked.last_session}",
        "number": made.number,
        "acts from": _session_or_never(first, asked.last_session),
    }
    today = _decided_today(desk, asked.trader_id, made.recorded_at)
    if first == asked.first_session or today is None:
        return receipt
    wanted = limits.limit_cents(today.base_limit_cents, asked.reduction)
    return receipt | {"note": _of_today(today, wanted, made.recorded_at)}


def _ended(desk: Desk, found: Override, now: datetime) -> Receipt:
    first = acts_from(desk, desk_date(now), now)
    asked = found.asked
    receipt = {
        "result": f"override {found.number} of trader {asked.trader_id} is taken back",
        "number": found.number,
        "acts from": _session_or_never(max(first, asked.first_session), asked.last_session),
    }
    today = _decided_today(desk, asked.trader_id, now)
    if today is None or today.override is None or today.override.number != found.number:
        return receipt
    if first == desk_date(now):  # decided before, and decided again from what is known now
        return receipt
    return receipt | {"note": _of_today(today, today.decided_limit_cents, now)}


def _session_or_never(first: date, last: date) -> str:
    return first.isoformat() if first <= last else f"no session by itself: {last}, its last one, is decided"


def _decided_today(desk: Desk, trader_id: str, now: datetime) -> Decision | None:
    """Return what is decided for a trader for the session of today, in its newest revision."""
    newest = desk.store.mornings.newest_published(through=desk_date(now))
    if newest is None or newest[0] != desk_date(now):
        return None
    publication = desk.store.mornings.publication(*newest)
    decisions = () if publication is None else publication.decisions
    return next((decision for decision in decisions if decision.trader_id == trader_id), None)


def _of_today(today: Decision, wanted_cents: int, now: datetime) -> str:
    """Say what becomes of a limit that is decided, where somebody wants another one for the same day."""
    stands = f"Today's limit of {dollars(today.limit_cents)} is decided and stands"
    too_late = now >= desk_time(desk_date(now), config.REVISIONS_LOOSEN_UNTIL)
    if too_late and wanted_cents > today.limit_cents:
        until = f"{config.REVISIONS_LOOSEN_UNTIL:%H:%M}"
        return f"{stands}: after {until} New York time a revision only tightens, and this would loosen it."
    return f"{stands}: to have {dollars(wanted_cents)} today, ask for a revision (`riskops revise`)."
