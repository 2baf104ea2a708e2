"""The rules as a complete policy: today's scores, and every past morning for the comparison.

Both go through `_mornings`: the rules on consecutive sessions, the base limit in force on each and
the relaxed reduction. A score honours what was really in force on lived sessions; a walk does not,
it is what the rules alone would have done. Thresholds use the base limit of the day they look at:
the one on record where the day was lived, else the one the replay finds in force.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property

import numpy as np

from riskops import config, limits
from riskops.errors import SessionError
from riskops.history import DeskHistory, TraderHistory
from riskops.measures import Measures, after_losing_more, measure
from riskops.money import dollars
from riskops.records import LivedReduction, RuleScore, Rung, Signal, TrackRecord
from riskops.rules import Situation, fired_levels, is_gap, is_large_loss, signals
from riskops.thresholds import TODAY, Thresholds
from riskops.track_record import confidence, decisive, desk_large_losses, track_record
from riskops.way_back import flip_distance_cents, way_back

Lived = Mapping[int, LivedReduction]

_SESSIONS_THAT_MATTER = config.RELAXATION_SESSIONS + 1
_FAR_BEYOND_ANY_LOSS = 1_000  # times everything ever lost: by then every rule has fired


@dataclass(frozen=True, eq=False)
class RulesWalk:
    """What the rules alone decided before each active day of a trader, from earlier days only.

    Arrays have one entry an active day. `reduction` (after relaxation) and `raw_reduction` are
    percent of `base_cents`, the base limit in force; `levels` has shape (n, 5) in the order of
    `Rule`, 0 where a rule did not fire; `rules_only` and `probation` say what the count of earlier
    active days meant; `large_loss` whether the day brought a large loss, by the base limit in force.
    `measures` are those of the trader by the scheduled base limits.
    """

    reduction: np.ndarray
    raw_reduction: np.ndarray
    levels: np.ndarray
    base_cents: np.ndarray
    limit_cents: np.ndarray
    rules_only: np.ndarray
    probation: np.ndarray
    large_loss: np.ndarray
    measures: Measures

    @property
    def fired(self) -> np.ndarray:
        """Which rules fired, shape (n, 5)."""
        return self.levels > 0


@dataclass(frozen=True, eq=False)
class _Replay:
    """What the mornings of a trader are recomputed from.

    `measures` rest on the base limits of `trader`, the scheduled ones; `on_record` says on which
    active days these are known to have been in force.
    """

    trader: TraderHistory
    measures: Measures
    on_record: np.ndarray
    positions: np.ndarray
    lived: Lived
    thresholds: Thresholds

    @cached_property
    def lived_positions(self) -> list[int]:
        return sorted(self.lived)


@dataclass(frozen=True, eq=False)
class _Mornings:
    """The rules on consecutive sessions of one trader, up to the session to be scored.

    `trader` and its `measures` have the base limits in force. `asked` is the reduction that was in
    force where the session was lived, else the raw one; `reduction` is `asked` after relaxation.
    """

    trader: TraderHistory
    measures: Measures
    positions: np.ndarray
    rows: np.ndarray
    active_days: np.ndarray
    base_cents: np.ndarray
    levels: np.ndarray
    raw: np.ndarray
    asked: np.ndarray
    reduction: np.ndarray


def walk(desk: DeskHistory, thresholds: Thresholds = TODAY) -> dict[str, RulesWalk]:
    """Replay the rules over every active day of every trader, absent ones included.

    Lived records are not used: the walk is the rules' own policy, for comparison. With other
    `thresholds` than today's it is what the rules would have decided with those.
    """
    return {trader.trader_id: _walked(desk, trader, thresholds) for trader in desk.traders}


def score(desk: DeskHistory, walks: Mapping[str, RulesWalk] | None = None) -> tuple[RuleScore, ...]:
    """Score every trader who gets a limit for the desk's session, in the desk's order.

    A trader without history is on probation. Relaxation starts from what was in force on lived
    sessions; absent traders only inform the desk's figures.

    Parameters
    ----------
    desk
        The desk before the session.
    walks
        What `walk` says of the same desk, where it is at hand.

    Raises
    ------
    SessionError
        If the desk's calendar labels its position with another date: reasons would name wrong days.
    """
    _check_calendar(desk)
    alone = walk(desk) if walks is None else walks
    large_losses = desk_large_losses(alone[trader.trader_id].large_loss for trader in desk.traders)
    present = (trader for trader in desk.traders if trader.trader_id not in desk.absent)
    return tuple(_score(desk, trader, alone[trader.trader_id], large_losses) for trader in present)


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


def _walked(desk: DeskHistory, trader: TraderHistory, thresholds: Thresholds) -> RulesWalk:
    measures = measure(trader)
    mornings = _mornings(desk, trader, {}, measures, thresholds)
    at = mornings.trader.day - mornings.positions[0]
    base, reduction = mornings.base_cents[at], mornings.reduction[at]
    return RulesWalk(
        reduction=reduction,
        raw_reduction=mornings.raw[at],
        levels=mornings.levels[at],
        base_cents=base,
        limit_cents=limits.limit_cents(base, reduction),
        rules_only=limits.is_rules_only(mornings.active_days[at]),
        probation=limits.in_probation(mornings.active_days[at]),
        large_loss=is_large_loss(mornings.trader.net_cents, mornings.trader.base_cents),
        measures=measures,
    )


def _score(
    desk: DeskHistory, trader: TraderHistory, alone: RulesWalk, large_losses: tuple[int, int]
) -> RuleScore:
    lived = _lived_before(desk, trader.trader_id)
    mornings = _mornings(desk, trader, lived, alone.measures)
    at = _situation(desk, mornings)
    fired = _signals_at(at)
    easing = limits.eased_from(mornings.asked)
    reduction, raw = int(mornings.reduction[-1]), int(mornings.raw[-1])
    return RuleScore(
        trader_id=trader.trader_id,
        base_limit_cents=at.base_cents,
        raw_reduction=raw,
        reduction=reduction,
        signals=fired,
        confidence=confidence(fired, len(trader)),
        track_record=_track_record(fired, alone, large_losses),
        active_days=len(trader),
        last_active=desk.calendar.session_at(int(trader.day[-1])) if len(trader) else None,
        probation=bool(limits.in_probation(mornings.active_days[-1])),
        rules_only=bool(limits.is_rules_only(mornings.active_days[-1])),
        easing_from=_easing_from(desk, mornings, easing),
        way_back=way_back(at, [signal.rule for signal in fired], reduction, raw),
        flip_distance_cents=_flip_distance(mornings, lived),
        notes=_notes(desk, mornings, easing, lived),
    )


def _track_record(
    fired: tuple[Signal, ...], alone: RulesWalk, large_losses: tuple[int, int]
) -> TrackRecord | None:
    rule = decisive(fired)
    return None if rule is None else track_record(rule, alone.large_loss, alone.fired, large_losses)


def _signals_at(at: Situation) -> tuple[Signal, ...]:
    return signals(at.measures, at.row, at.position, at.base_cents, at.calendar)


def _lived_before(desk: DeskHistory, trader_id: str) -> Lived:
    lived = desk.lived.get(trader_id, {})
    return {position: record for position, record in lived.items() if position < desk.position}


def _situation(desk: DeskHistory, mornings: _Mornings, back: int = 0) -> Situation:
    """Return the situation on the session `back` sessions before the desk's."""
    session = -1 - back
    return Situation(
        measures=mornings.measures,
        row=int(mornings.rows[session]),
        position=int(mornings.positions[session]),
        base_cents=int(mornings.base_cents[session]),
        calendar=desk.calendar,
    )


def _mornings(
    desk: DeskHistory,
    trader: TraderHistory,
    lived: Lived,
    measures: Measures,
    thresholds: Thresholds = TODAY,
) -> _Mornings:
    """Run the rules on every session since the trader's first with the base limits really in force.

    On lived sessions the base in force is on record. On the others a lower base limit acts from its
    start and a raise from the first session without a cut, which only earlier days decide.
    """
    first = min([desk.position, *trader.day[:1].tolist(), *lived])
    replay = _Replay(
        trader=trader,
        measures=measures,
        on_record=np.isin(trader.day, list(desk.lived.get(trader.trader_id, {}))),
        positions=np.arange(first - config.RELAXATION_SESSIONS, desk.position + 1),
        lived=lived,
        thresholds=thresholds,
    )
    mornings = _with_base(replay, _carried_base(desk, replay, first))
    for start in _base_changes(desk, replay, first):
        mornings = _change_base(desk, replay, mornings, start)
    return mornings


def _carried_base(desk: DeskHistory, replay: _Replay, first: int) -> np.ndarray:
    """Return the base limit of the first session, from lived ones on theirs, as if none changed."""
    lived = [replay.lived[position].base_limit_cents for position in replay.lived_positions]
    base = np.array([desk.base_cents(replay.trader.trader_id, first), *lived])
    return base[np.searchsorted(replay.lived_positions, replay.positions, side="right")]


def _base_changes(desk: DeskHistory, replay: _Replay, first: int) -> list[int]:
    """Return the sessions not lived on which the schedule may want another base limit."""
    scheduled = [start for start, _ in desk.base_limits[replay.trader.trader_id] if start > first]
    after_lived = [position + 1 for position in replay.lived]
    return sorted(s for s in {*scheduled, *after_lived} - replay.lived.keys() if s <= desk.position)


def _change_base(desk: DeskHistory, replay: _Replay, mornings: _Mornings, start: int) -> _Mornings:
    """Let the base limit scheduled from `start` on act: a lower one at once, a raise without a cut."""
    sessions = slice(start - replay.positions[0], _next_lived(replay, start) - replay.positions[0])
    scheduled = desk.base_cents(replay.trader.trader_id, start)
    if (mornings.base_cents[sessions] == scheduled).all():
        return mornings
    before = int(mornings.base_cents[sessions][0])
    open_to_it = [
        limits.base_in_force(scheduled, before, int(cut)) == scheduled for cut in mornings.reduction[sessions]
    ]
    if not any(open_to_it):
        return mornings
    base = mornings.base_cents.copy()
    base[sessions][open_to_it.index(True) :] = scheduled
    return _with_base(replay, base)


def _next_lived(replay: _Replay, start: int) -> int:
    later = bisect_right(replay.lived_positions, start)
    return [*replay.lived_positions[later : later + 1], int(replay.positions[-1]) + 1][0]


def _with_base(replay: _Replay, base: np.ndarray) -> _Mornings:
    """Replay the mornings with the given base limits, which are also those of the days not on record."""
    trader, measures = replay.trader, replay.measures
    waiting = base[trader.day - replay.positions[0]] < trader.base_cents
    if (lowered := waiting & ~replay.on_record).any():
        trader = _lower_base(trader, lowered, base[trader.day - replay.positions[0]])
        measures = measure(trader)
    return _apply(trader, measures, replay.positions, base, replay.lived, replay.thresholds)


def _lower_base(trader: TraderHistory, days: np.ndarray, base: np.ndarray) -> TraderHistory:
    """Return the history with another base limit on some days; an assumed limit goes with it."""
    applied = np.where(days & trader.assumed, base, trader.applied_cents)
    return replace(trader, base_cents=np.where(days, base, trader.base_cents), applied_cents=applied)


def _apply(
    trader: TraderHistory,
    measures: Measures,
    positions: np.ndarray,
    base: np.ndarray,
    lived: Lived,
    thresholds: Thresholds = TODAY,
) -> _Mornings:
    """Run rules, combination and relaxation with the given base limits."""
    active_days = np.searchsorted(trader.day, positions)
    computed_from = len(trader) - len(measures)
    rows = np.maximum(active_days - 1 - computed_from, -1)
    levels = fired_levels(measures, rows, positions, base, thresholds)
    raw = limits.raw_reductions(levels, active_days, thresholds.deep_drawdown_level)
    asked = _asked(raw, positions, lived)
    reduction = limits.relax(asked)
    return _Mornings(trader, measures, positions, rows, active_days, base, levels, raw, asked, reduction)


def _asked(raw: np.ndarray, positions: np.ndarray, lived: Lived) -> np.ndarray:
    """Return what relief starts from: the reduction in force where lived, else the raw one.

    No rule judged a held session. What the rules ask for it by the data known since counts, where
    it is more than was held: a hold must not swallow a breach.
    """
    asked = raw.copy()
    for position, record in lived.items():
        if (i := position - positions[0]) >= 0:
            held = record.rung >= Rung.HOLD
            asked[i] = np.maximum(record.reduction, raw[i]) if held else record.reduction
    return asked


def _easing_from(desk: DeskHistory, mornings: _Mornings, back: int | None) -> tuple[int, date] | None:
    if back is None:
        return None
    session = desk.calendar.session_at(int(mornings.positions[-1 - back]))
    return int(mornings.asked[-1 - back]), session


def _flip_distance(mornings: _Mornings, lived: Lived) -> int | None:
    known = mornings.measures
    if len(known) == 0:
        return None
    recent = slice(-_SESSIONS_THAT_MATTER, None)
    positions, base = mornings.positions[recent], mornings.base_cents[recent].copy()
    base[-1] = base[-2:].min()  # a raise would not act on the morning of a cut
    recently = {position: record for position, record in lived.items() if position >= positions[0]}
    since = np.flatnonzero(mornings.rows[recent] == len(known) - 1)

    def cuts_after(extra_cents: np.ndarray) -> np.ndarray:
        session, extra = (grid.ravel() for grid in np.indices((len(since), len(extra_cents))))
        worse = after_losing_more(known, extra_cents)
        levels = fired_levels(worse, extra, positions[since][session], base[since][session])
        raw = np.tile(mornings.raw[recent][:, None], len(extra_cents))
        raw[since] = limits.raw_reductions(levels, np.full(len(extra), len(known))).reshape(len(since), -1)
        return limits.relax(_asked(raw, positions, recently))[-1]

    most = _FAR_BEYOND_ANY_LOSS * int(np.abs(known.net_cents).sum() + base[-1])
    return flip_distance_cents(cuts_after, most)


def _notes(desk: DeskHistory, mornings: _Mornings, back: int | None, lived: Lived) -> tuple[str, ...]:
    """Return what a reader has to know besides the signals."""
    scheduled = desk.base_cents(mornings.trader.trader_id, desk.position)
    notes = [
        _experience_note(len(mornings.trader)),
        _gap_note(mornings.measures, desk.position),
        _base_note(scheduled, int(mornings.base_cents[-1])),
        _easing_note(desk, mornings, back, lived),
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


def _easing_note(desk: DeskHistory, mornings: _Mornings, back: int | None, lived: Lived) -> str:
    origin = _easing_from(desk, mornings, back)
    if back is None or origin is None:
        return ""
    cut, session = origin
    fired = _signals_at(_situation(desk, mornings, back))
    origin_words = _origin_words(cut, fired, lived.get(desk.position - back))
    return f"Easing from {cut}% ({session:%a} {session.isoformat()}: {origin_words})"


def _origin_words(cut: int, fired: tuple[Signal, ...], lived: LivedReduction | None) -> str:
    reasons = ", ".join(signal.reason for signal in fired) or "earlier cut"
    if lived is None or lived.rung is Rung.RULES:
        return reasons
    if cut > lived.reduction:
        return f"{lived.rung.label} limit then, known since: {reasons}"
    return f"{lived.rung.label} limit"
