"""Overrides: a person's word instead of a decided cut, for so many sessions, never silently.

It is applied last, on every rung. What had been decided without it stays on record beside it: relaxation
and holds go by that, so an override that ends leaves nothing behind. Where a limit can only be held, one
that is still in force may tighten it and never loosens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from riskops import config, limits
from riskops.errors import OverrideError
from riskops.persons import trader_named
from riskops.records import AskedOverride, Decision, Overridden, Override, RosterState
from riskops.roster import RosterView
from riskops.sessions import TradingCalendar


class Phase(StrEnum):
    """Where an override is on a session."""

    IN_FORCE = "in force"
    COMING = "coming"
    OVER = "over"
    TAKEN_BACK = "taken back"


# --- which holds ------------------------------------------------------------------------------


def holds(override: Override, session: date, cut_off: datetime) -> bool:
    """Say whether an override is for a session, was on record at its cut-off and not ended by then."""
    return phase_known(override, session, cut_off) is Phase.IN_FORCE


def phase_known(override: Override, session: date, cut_off: datetime) -> Phase | None:
    """Return where an override is on a session by what `cut_off` knows; ``None``: it was not on record."""
    if override.recorded_at > cut_off:
        return None
    ended = override.taken_back
    is_known = ended is None or ended.recorded_at <= cut_off
    return phase(override if is_known else replace(override, taken_back=None), session)


def phase(override: Override, session: date) -> Phase:
    """Return where an override is on a session, by everything that is on record of it."""
    if override.taken_back is not None:
        return Phase.TAKEN_BACK
    if override.asked.first_session > session:
        return Phase.COMING
    return Phase.OVER if override.asked.last_session < session else Phase.IN_FORCE


def newest_of_each(found: Iterable[Override]) -> dict[str, Override]:
    """Return the override that counts of those that hold, by trader: the newest on record."""
    return {override.asked.trader_id: override for override in sorted(found, key=lambda found: found.number)}


@dataclass(frozen=True, slots=True)
class Others:
    """What a mail tells of overrides beside its entries; each one as the mail's cut-off knows it.

    `now` are those that count, by trader. `ended` counted for the mail before and hold no more,
    `given_way` hold and are behind the newer one of that number, `ending` have their last session.
    """

    now: Mapping[str, Override]
    ended: tuple[Override, ...]
    given_way: tuple[tuple[Override, int], ...]
    ending: tuple[Override, ...]
    coming: tuple[Override, ...]


def others(
    found: Iterable[Override], session: date, cut_off: datetime, before: tuple[date, datetime] | None
) -> Others:
    """Return what is to be told of overrides beside the decisions of a session.

    Parameters
    ----------
    before
        The session and the cut-off of the mail before, ``None`` where there was none.
    """
    known = [override for override in found if override.recorded_at <= cut_off]
    hold = [override for override in known if holds(override, session, cut_off)]
    now = newest_of_each(hold)
    then = newest_of_each(o for o in known if before is not None and holds(o, *before))
    behind = [(o, now[o.asked.trader_id].number) for o in hold if now[o.asked.trader_id] is not o]
    return Others(
        now=now,
        ended=tuple(o for o in then.values() if not holds(o, session, cut_off)),
        given_way=tuple(behind),
        ending=tuple(o for o in now.values() if o.asked.last_session == session),
        coming=tuple(o for o in known if phase_known(o, session, cut_off) is Phase.COMING),
    )


# --- what it makes of a decision --------------------------------------------------------------


def applied(decisions: Iterable[Decision], found: Iterable[Override]) -> list[Decision]:
    """Return decisions with the overrides that hold applied to them."""
    newest = newest_of_each(found)
    return [
        overridden(decision, newest[decision.trader_id]) if decision.trader_id in newest else decision
        for decision in decisions
    ]


def applied_if_tighter(decisions: Iterable[Decision], found: Iterable[Override]) -> list[Decision]:
    """Return held limits with the overrides that hold applied, but for those that would loosen one."""
    decided = list(decisions)
    return [_tighter(*pair) for pair in zip(decided, applied(decided, found), strict=True)]


def overridden(decision: Decision, override: Override) -> Decision:
    """Return a decision with somebody's cut instead of the decided one, which it keeps beside it."""
    asked = override.asked
    made_by = Overridden(
        number=override.number,
        by=asked.by,
        why=asked.why,
        last_session=asked.last_session,
        decided_reduction=decision.decided_reduction,
        decided_limit_cents=decision.decided_limit_cents,
    )
    return _with_cut(decision, asked.reduction, made_by)


def without(decision: Decision) -> Decision:
    """Return what had been decided without anybody's override."""
    return replace(
        decision,
        reduction=decision.decided_reduction,
        limit_cents=decision.decided_limit_cents,
        override=None,
    )


def still_tighter(held: Decision, session: date, reduction: int, past: Overridden) -> Decision:
    """Let an earlier session's override stand on a held limit where it is not over and is tighter.

    Parameters
    ----------
    held
        The limit of `session`, which nothing but a hold decided.
    reduction
        What the override cuts, in percent of the base limit.
    past
        The override as the earlier session had it.
    """
    if session > past.last_session:
        return held
    now = replace(past, decided_reduction=held.reduction, decided_limit_cents=held.limit_cents)
    return _tighter(held, _with_cut(held, reduction, now))


def _with_cut(decision: Decision, reduction: int, made_by: Overridden) -> Decision:
    limit_cents = limits.limit_cents(decision.base_limit_cents, reduction)
    return replace(decision, reduction=reduction, limit_cents=limit_cents, override=made_by)


def _tighter(held: Decision, made: Decision) -> Decision:
    return made if made.limit_cents < held.limit_cents else held


# --- what is refused --------------------------------------------------------------------------


def read_cut(text: str) -> int:
    """Read a cut as a person writes it, ``60`` or ``60%``.

    Raises
    ------
    OverrideError
        If it is no whole number of percent.
    """
    found = re.fullmatch(r"\s*([0-9]{1,3})\s*%?\s*", text)
    if found is None:
        raise OverrideError(f"{text[:40]!a} is no cut: {_A_CUT}")
    return int(found[1])


def refuse_unfit(asked: AskedOverride, roster: RosterView, calendar: TradingCalendar, today: date) -> None:
    """Refuse an override that cannot be, or that a trader asks for.

    Raises
    ------
    OverrideError
        Names what is wrong and how to put it right.
    """
    _refuse_cut(asked.reduction)
    _refuse_sessions(asked, calendar, today)
    _refuse_trader(asked, roster)
    refuse_trader_s_word(asked.by, asked.trader_id, roster, today)


def refuse_trader_s_word(by: str, trader_id: str, roster: RosterView, today: date) -> None:
    """Refuse the word of whoever trades: about his own limit, and about anybody's.

    Raises
    ------
    OverrideError
        If `by` names the trader concerned, or another one who is on the roster.
    """
    states = roster.states(today)
    concerned = [trader for trader in roster.traders if trader.trader_id == trader_id]
    others = [t for t in roster.traders if states.get(t.trader_id) is not RosterState.LEFT]
    if trader_named(by, concerned):
        raise OverrideError(f"{by} is the trader concerned: nobody decides on his own limit. {_WHOSE_WORD}")
    if (trader := trader_named(by, others)) is not None:
        raise OverrideError(f"{by} is trader {trader.trader_id}: a trader does not set limits. {_WHOSE_WORD}")


_A_CUT = f"give a whole number of percent of the base limit from 0 to {config.MAX_REDUCTION}."
_WHOSE_WORD = "Say whose word it is who does not trade, by full name or mail address."


def _refuse_cut(reduction: int) -> None:
    is_whole = isinstance(reduction, int) and not isinstance(reduction, bool)
    if not is_whole or not 0 <= reduction <= config.MAX_REDUCTION:
        raise OverrideError(f"{reduction!a} is no cut of an override: {_A_CUT}")


def _refuse_sessions(asked: AskedOverride, calendar: TradingCalendar, today: date) -> None:
    first, last = asked.first_session, asked.last_session
    for day in (first, last):
        if not calendar.is_session(day):
            raise OverrideError(f"{day} is no session of {calendar.name}: give the date of a session.")
    if first < today:
        raise OverrideError(f"{first} lies in the past: an override begins on {today} or later.")
    if last < first:
        raise OverrideError(f"It would end on {last}, before it begins on {first}: give a later end.")
    sessions, most = len(calendar.between(first, last)), config.OVERRIDE_MAX_SESSIONS
    if sessions > most:
        raise OverrideError(
            f"{first} to {last} are {sessions} sessions, {most} are the most: an override is no new base "
            "limit. End it earlier, or change the base limit (`riskops roster base-limit`)."
        )


def _refuse_trader(asked: AskedOverride, roster: RosterView) -> None:
    trader_id, session = asked.trader_id, asked.first_session
    if trader_id not in {trader.trader_id for trader in roster.traders}:
        raise OverrideError(
            f"Nobody on the roster is called {trader_id[:64]!a}: `riskops roster` lists who is."
        )
    if trader_id not in {trader.trader_id for trader in roster.active(session)}:
        raise OverrideError(f"Trader {trader_id} gets no limit on {session}: there is nothing to override.")
