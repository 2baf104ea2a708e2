"""The rules as a complete policy: today's scores, and every past morning for the comparison.

Both go through `_mornings`: the rules on consecutive sessions, the base limit in force on each and
the relaxed reduction. A score honours what was really in force on lived sessions; a walk does not,
it is what the rules alone would have done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import numpy as np

from riskops import config, limits
from riskops.errors import SessionError
from riskops.history import DeskHistory, TraderHistory
from riskops.measures import Measures, measure
from riskops.money import dollars
from riskops.records import LivedReduction, RuleScore, Rung, Signal
from riskops.rules import Situation, fired_levels, is_gap, signals
from riskops.track_record import confidence, decisive, desk_large_losses, track_record
from riskops.way_back import flip_distance_cents, way_back

Lived = Mapping[int, LivedReduction]

_SESSIONS_THAT_MATTER = config.RELAXATION_SESSIONS + 1
_FAR_BEYOND_ANY_LOSS = 1_000  # times everything ever lost: by then every rule has fired


@dataclass(frozen=True, eq=False)
class RulesWalk:
    """What the rules alone decided before each active day of a trader, from earlier days only.

    Arrays have one entry an active day. `reduction` (after relaxation) and `raw_reduction` are
    percent of `base_cents`, the base limit in force; `fired` has shape (n, 5) in the order of
    `Rule`; `rules_only` and `probation` say what the count of earlier active days meant.
    """

    reduction: np.ndarray
    raw_reduction: np.ndarray
    fired: np.ndarray
    base_cents: np.ndarray
    limit_cents: np.ndarray
    rules_only: np.ndarray
    probation: np.ndarray


@dataclass(frozen=True, eq=False)
class _Mornings:
    """The rules on consecutive sessions of one trader, up to the session to be scored.

    `asked` is the reduction that was in force where the session was lived, else the raw one;
    `reduction` is `asked` after relaxation.
    """

    positions: np.ndarray
    rows: np.ndarray
    active_days: np.ndarray
    base_cents: np.ndarray
    levels: np.ndarray
    raw: np.ndarray
    asked: np.ndarray
    reduction: np.ndarray


def walk(desk: DeskHistory) -> dict[str, RulesWalk]:
    """Replay the rules over every active day of every trader, absent ones included.

    Lived records are not used: the walk is the rules' own policy, for comparison.
    """
    return {trader.trader_id: _walk(desk, trader, measure(trader)) for trader in desk.traders}


def score(desk: DeskHistory) -> tuple[RuleScore, ...]:
    """Score every trader who gets a limit for the desk's session, in the desk's order.

    A trader without history is on probation. Relaxation starts from what was in force on lived
    sessions; absent traders only inform the desk's figures.

    Raises
    ------
    SessionError
        If the desk's calendar labels its position with another date: reasons would name wrong days.
    """
    _check_calendar(desk)
    large_losses = desk_large_losses(desk.traders)
    present = (trader for trader in desk.traders if trader.trader_id not in desk.absent)
    return tuple(_score(desk, trader, large_losses) for trader in present)


def _check_calendar(desk: DeskHistory) -> None:
    if desk.calendar.position(desk.session) != desk.position:
        raise SessionError(
            f"{desk.session} is not session {desk.position} of {desk.calendar.name}: "
            "build the desk's history with the calendar its positions come from."
        )


def restricted_share(desk: DeskHistory, walks: Mapping[str, RulesWalk]) -> Fraction | None:
    """Return the share of the trailing 60 sessions' trader-days cut by 20 or more.

    ``None`` where there was no trader-day. A fraction, so that its counts can be printed and
    comparisons are exact.
    """
    first = desk.position - config.RESTRICTED_SHARE_WINDOW
    reductions = [
        walks[trader.trader_id].reduction[(trader.day >= first) & (trader.day < desk.position)]
        for trader in desk.traders
    ]
    days = sum(len(recent) for recent in reductions)
    restricted = sum(int((recent >= config.MODERATE_FROM).sum()) for recent in reductions)
    return Fraction(restricted, days) if days else None


def restricts_too_much(share: Fraction | None) -> bool:
    """Say whether the rules restrict so many trader-days that they want calibrating to the desk."""
    return share is not None and share > Fraction(config.RESTRICTED_SHARE_WARNING)


def _walk(desk: DeskHistory, trader: TraderHistory, measures: Measures) -> RulesWalk:
    mornings = _mornings(desk, trader, measures, {})
    at = trader.day - mornings.positions[0]
    base, reduction = mornings.base_cents[at], mornings.reduction[at]
    return RulesWalk(
        reduction=reduction,
        raw_reduction=mornings.raw[at],
        fired=mornings.levels[at] > 0,
        base_cents=base,
        limit_cents=limits.limit_cents(base, reduction),
        rules_only=limits.is_rules_only(mornings.active_days[at]),
        probation=limits.in_probation(mornings.active_days[at]),
    )


def _score(desk: DeskHistory, trader: TraderHistory, large_losses: tuple[int, int]) -> RuleScore:
    measures = measure(trader)
    mornings = _mornings(desk, trader, measures, _lived_before(desk, trader.trader_id))
    at = _situation(desk, measures, mornings)
    fired = _signals_at(at)
    easing = limits.eased_from(mornings.asked)
    rule = decisive(fired)
    reduction, raw = int(mornings.reduction[-1]), int(mornings.raw[-1])
    past = _walk(desk, trader, measures).fired
    return RuleScore(
        trader_id=trader.trader_id,
        base_limit_cents=at.base_cents,
        raw_reduction=raw,
        reduction=reduction,
        signals=fired,
        confidence=confidence(fired, len(trader)),
        track_record=track_record(rule, trader, past, large_losses) if rule else None,
        active_days=len(trader),
        last_active=desk.calendar.session_at(int(trader.day[-1])) if len(trader) else None,
        probation=bool(limits.in_probation(mornings.active_days[-1])),
        rules_only=bool(limits.is_rules_only(mornings.active_days[-1])),
        easing_from=_easing_from(desk, mornings, easing),
        way_back=way_back(at, [signal.rule for signal in fired], reduction, raw),
        flip_distance_cents=_flip_distance(desk, trader, mornings),
        notes=_notes(desk, trader, measures, mornings, easing),
    )


def _signals_at(at: Situation) -> tuple[Signal, ...]:
    return signals(at.measures, at.row, at.position, at.base_cents, at.calendar)


def _lived_before(desk: DeskHistory, trader_id: str) -> Lived:
    lived = desk.lived.get(trader_id, {})
    return {position: record for position, record in lived.items() if position < desk.position}


def _situation(desk: DeskHistory, measures: Measures, mornings: _Mornings, back: int = 0) -> Situation:
    """Return the situation on the session `back` sessions before the desk's."""
    session = -1 - back
    return Situation(
        measures=measures,
        row=int(mornings.rows[session]),
        position=int(mornings.positions[session]),
        base_cents=int(mornings.base_cents[session]),
        calendar=desk.calendar,
    )


def _mornings(desk: DeskHistory, trader: TraderHistory, measures: Measures, lived: Lived) -> _Mornings:
    """Run the rules on consecutive sessions with the base limits really in force.

    Without lived sessions the walk starts at the trader's first active day; with them the base in
    force is known on the last one and only what follows is recomputed.
    """
    oldest = int(trader.day[0]) if len(trader) else desk.position
    anchor = max(lived) if lived else min(oldest, desk.position)
    positions = np.arange(anchor - config.RELAXATION_SESSIONS, desk.position + 1)
    in_force = lived[anchor].base_limit_cents if lived else desk.base_cents(trader.trader_id, anchor)
    started = _apply(measures, trader.day, positions, np.full(len(positions), in_force), lived)
    for start in _base_changes(desk, trader.trader_id, anchor):
        started = _change_base(desk, trader, measures, started, lived, start)
    return started


def _base_changes(desk: DeskHistory, trader_id: str, anchor: int) -> list[int]:
    """Return the positions after `anchor` at which the schedule may want another base limit."""
    scheduled = [start for start, _ in desk.base_limits[trader_id] if anchor < start <= desk.position]
    return sorted({min(anchor + 1, desk.position), *scheduled})


def _change_base(
    desk: DeskHistory,
    trader: TraderHistory,
    measures: Measures,
    mornings: _Mornings,
    lived: Lived,
    start: int,
) -> _Mornings:
    """Let the base limit scheduled from `start` on act: a lower one at once, a raise without a cut."""
    first = start - int(mornings.positions[0])
    scheduled = desk.base_cents(trader.trader_id, start)
    open_to_it = [
        limits.base_in_force(scheduled, int(mornings.base_cents[first]), int(cut)) == scheduled
        for cut in mornings.reduction[first:]
    ]
    if not any(open_to_it) or (mornings.base_cents[first:] == scheduled).all():
        return mornings
    base = mornings.base_cents.copy()
    base[first + open_to_it.index(True) :] = scheduled
    return _apply(measures, trader.day, mornings.positions, base, lived)


def _apply(
    measures: Measures, day: np.ndarray, positions: np.ndarray, base: np.ndarray, lived: Lived
) -> _Mornings:
    """Run rules, combination and relaxation with the given base limits."""
    active_days = np.searchsorted(day, positions)
    computed_from = len(day) - len(measures)
    rows = np.maximum(active_days - 1 - computed_from, -1)
    levels = fired_levels(measures, rows, positions, base)
    raw = limits.raw_reductions(levels, active_days)
    asked = raw.copy()
    for position, record in lived.items():
        if position >= positions[0]:
            asked[position - positions[0]] = record.reduction
    return _Mornings(positions, rows, active_days, base, levels, raw, asked, limits.relax(asked))


def _easing_from(desk: DeskHistory, mornings: _Mornings, back: int | None) -> tuple[int, date] | None:
    if back is None:
        return None
    session = desk.calendar.session_at(int(mornings.positions[-1 - back]))
    return int(mornings.asked[-1 - back]), session


def _flip_distance(desk: DeskHistory, trader: TraderHistory, mornings: _Mornings) -> int | None:
    if len(trader) == 0:
        return None
    recent = slice(-_SESSIONS_THAT_MATTER, None)
    positions, base = mornings.positions[recent], mornings.base_cents[recent].copy()
    base[-1] = base[-2:].min()  # a raise would not act on the morning of a cut
    lived = _lived_before(desk, trader.trader_id)

    def cut_after(extra_cents: int) -> int:
        worse = _with_extra_loss(trader, extra_cents)
        measures = measure(worse, last=_SESSIONS_THAT_MATTER)
        return int(_apply(measures, trader.day, positions, base, lived).reduction[-1])

    most = _FAR_BEYOND_ANY_LOSS * int(np.abs(trader.net_cents).sum() + base[-1])
    return flip_distance_cents(cut_after, most)


def _with_extra_loss(trader: TraderHistory, extra_cents: int) -> TraderHistory:
    net = trader.net_cents.copy()
    net[-1] -= extra_cents
    return replace(trader, net_cents=net)


def _notes(
    desk: DeskHistory, trader: TraderHistory, measures: Measures, mornings: _Mornings, back: int | None
) -> tuple[str, ...]:
    """Return what a reader has to know besides the signals."""
    scheduled = desk.base_cents(trader.trader_id, desk.position)
    notes = [
        _experience_note(len(trader)),
        _gap_note(measures, desk.position),
        _base_note(scheduled, int(mornings.base_cents[-1])),
        _easing_note(desk, trader.trader_id, measures, mornings, back),
    ]
    return tuple(note for note in notes if note)


def _experience_note(active_days: int) -> str:
    if active_days < config.PROBATION_DAYS:
        return f"Probation: {active_days} of {config.PROBATION_DAYS} active days"
    if active_days < config.RULES_ONLY_DAYS:
        return f"Rules only: {active_days} of {config.RULES_ONLY_DAYS} active days"
    return ""


def _gap_note(measures: Measures, position: int) -> str:
    if len(measures) == 0:
        return ""
    since = 0 if is_gap(position - int(measures.day[-1])) else int(measures.days_since_gap[-1])
    missing = config.GAP_RECOVERY_DAYS - since
    if missing <= 0 or since == len(measures):
        return ""
    return f"After a long gap: volatility and large-loss rules wait for {missing} more active days"


def _base_note(scheduled_cents: int, base_cents: int) -> str:
    if scheduled_cents <= base_cents:
        return ""
    return f"Base limit stays {dollars(base_cents)} while cut (scheduled: {dollars(scheduled_cents)})"


def _easing_note(
    desk: DeskHistory, trader_id: str, measures: Measures, mornings: _Mornings, back: int | None
) -> str:
    origin = _easing_from(desk, mornings, back)
    if back is None or origin is None:
        return ""
    cut, session = origin
    lived = _lived_before(desk, trader_id).get(desk.position - back)
    fired = _signals_at(_situation(desk, measures, mornings, back))
    return f"Easing from {cut}% ({session:%a} {session.isoformat()}: {_origin_words(fired, lived)})"


def _origin_words(fired: tuple[Signal, ...], lived: LivedReduction | None) -> str:
    if lived is not None and lived.rung is not Rung.RULES:
        return f"{lived.rung.label} limit"
    return ", ".join(signal.reason for signal in fired) or "earlier cut"
