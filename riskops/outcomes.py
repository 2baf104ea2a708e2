"""What became of the days that were lived: results against the limits and numbers they had.

A day is judged *prequentially*: by the limit that was in force and by the numbers both engines had
stored before the open. Nothing is recomputed with what is known today. A result that is corrected
later gives a new version of its outcome; the earlier one stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType

import numpy as np

from riskops import config, economics, features, limits
from riskops.economics import Replay, TraderDays
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import LimitOrigin
from riskops.rules import is_large_loss
from riskops.sessions import TradingCalendar

_FAR = 1 << 32  # more than any calendar position
Key = tuple[date, str]
NOBODY: Mapping[Key, OverriddenDay] = MappingProxyType({})


class Policy(StrEnum):
    """Whose limit the economics of a day are told for, against the base limit.

    The last two are told of overridden days only: what had been decided without the override, and the
    override, against that.
    """

    APPLIED = "applied"
    RULES = "rules"
    POOLED_MODEL = "pooled_model"
    DECIDED = "decided"
    OVERRIDE = "override"


class Method(StrEnum):
    """How an outcome under another limit is found: trade by trade, or from the day's result alone."""

    REPLAY = "replay"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Ended:
    """A trader-day that is over and the limit it had.

    `net_cents` is ``None`` where the trader was idle. `known_at` is when the result became known.
    """

    session: date
    trader_id: str
    known_at: datetime
    net_cents: int | None
    limit_cents: int
    base_limit_cents: int
    limit_origin: LimitOrigin

    @property
    def key(self) -> Key:
        """The session and the trader."""
        return self.session, self.trader_id

    def says(self, other: Ended) -> bool:
        """Say whether `other` tells the same of the day, whenever it became known."""
        return replace(self, known_at=other.known_at) == other


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the engines had stored of a trader-day before the open; ``None`` where nothing.

    Reductions are percent of the base limit, `large_loss_probability` is 0..1.
    """

    rules_reduction: int | None = None
    model_reduction: int | None = None
    large_loss_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trader-day that is over, judged.

    `large_loss` is ``None`` where the trader was idle, and where our own limit stopped the day
    before it could become one: that day is unknown, not harmless.
    """

    day: Ended
    forecast: Forecast
    large_loss: bool | None
    breached: bool


@dataclass(frozen=True, slots=True)
class OverriddenDay:
    """The limit that left under an override of that number, and the one decided without it, in cents."""

    number: int
    limit_cents: int
    decided_limit_cents: int


@dataclass(frozen=True, slots=True)
class DayEconomics:
    """What a policy's limit was worth on a trader-day against the base limit, in cents.

    An override's is against the limit that had been decided without it.

    The benefit lies between `benefit_low_cents` and `benefit_high_cents`; `identified` says that
    both are the same.
    """

    session: date
    trader_id: str
    policy: Policy
    known_at: datetime
    limit_cents: int
    prevented_cents: int
    cost_cents: int
    benefit_low_cents: int
    benefit_high_cents: int
    identified: bool
    method: Method


@dataclass(frozen=True, slots=True)
class Breach:
    """A result below the limit that was in force."""

    session: date
    trader_id: str
    net_cents: int
    limit_cents: int

    @property
    def beyond_cents(self) -> int:
        """By how much the loss exceeds the limit."""
        return -self.net_cents - self.limit_cents

    @property
    def key(self) -> str:
        """What this is told under, once."""
        return f"breach {self.session} {self.trader_id}"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A breach that was told and, by a corrected result or limit, was none."""

    session: date
    trader_id: str

    @property
    def key(self) -> str:
        """What this is told under, once."""
        return f"withdrawn {self.session} {self.trader_id}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Large losses that were seen and that the displayed risks promised, over so many sessions."""

    observed: int
    expected: float
    sessions: int

    @property
    def ratio(self) -> float:
        """Large losses seen as a multiple of those promised."""
        return self.observed / self.expected

    @property
    def key(self) -> str:
        """What this is told under, once in a while."""
        return f"displayed risk too {'low' if self.ratio > 1 else 'high'}"


@dataclass(frozen=True, slots=True)
class OverrideWorth:
    """What an override was worth on a lived day against the limit decided without it, in cents.

    It lies between the two; below 0 it cost money.
    """

    session: date
    trader_id: str
    number: int
    low_cents: int
    high_cents: int

    @property
    def key(self) -> str:
        """What this is told under, once."""
        return f"override {self.session} {self.trader_id}"


@dataclass(frozen=True, slots=True)
class News:
    """What the outcomes have to tell on one morning."""

    breaches: tuple[Breach, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    calibration: Calibration | None = None
    overrides: tuple[OverrideWorth, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What is told with it, by key."""
        calibrated = (self.calibration.key,) if self.calibration else ()
        of_days = (*(b.key for b in self.breaches), *(w.key for w in self.withdrawn))
        return (*of_days, *(o.key for o in self.overrides), *calibrated)


# --- which days are to be recorded ------------------------------------------------------------


def ended(
    desk: DeskHistory,
    results: Mapping[Key, tuple[int | None, datetime]],
    in_force: Mapping[Key, tuple[int, LimitOrigin]],
) -> list[Ended]:
    """Return the trader-days that are over, with the limits they had.

    Parameters
    ----------
    desk
        The desk before the session of the run.
    results
        Result in cents (``None``: idle) and the moment it was known.
    in_force
        Limits in cents that are known to have been in force, and how that is known. Without one the
        limit that left counts, and where none left the base limit, assumed. An idle day without a
        limit is no day at all.
    """
    base = _base_limits(desk)
    found = []
    positions = desk.calendar.positions([session for session, _ in results]).tolist() if results else []
    for (key, (net, known_at)), position in zip(results.items(), positions, strict=True):
        lived = desk.lived.get(key[1], {}).get(position)
        if net is None and lived is None:
            continue
        base_cents = base[key[1], position] if lived is None else lived.base_limit_cents
        otherwise = (base_cents, LimitOrigin.ASSUMED)
        if lived is not None:
            otherwise = (lived.limit_cents, LimitOrigin.PUBLISHED)
        limit_cents, origin = in_force.get(key, otherwise)
        found.append(Ended(*key, known_at, net, limit_cents, base_cents, origin))
    return found


def waiting(desk: DeskHistory, results: Collection[Key]) -> int:
    """Return how many limits that left wait for a result: their day was not fetched whole yet."""
    lived = [(record.session, t) for t, days in desk.lived.items() for record in days.values()]
    return sum(key not in results for key in lived)


def _base_limits(desk: DeskHistory) -> dict[tuple[str, int], int]:
    return {
        (trader.trader_id, day): base
        for trader in desk.traders
        for day, base in zip(trader.day.tolist(), trader.base_cents.tolist(), strict=True)
    }


def unrecorded(days: Iterable[Ended], newest: Mapping[Key, Ended], cut_off: datetime) -> list[Ended]:
    """Return the days that were not recorded yet, or tell something else than was recorded.

    Parameters
    ----------
    days
        As known at `cut_off`.
    newest
        The newest version recorded of each day. One that became known after `cut_off` stands.
    """
    found = []
    for day in days:
        known = newest.get(day.key)
        if known is None:
            found.append(day)
        elif not known.says(day) and known.known_at < cut_off:
            # where the limit changed and the result did not, it is known since this cut-off
            found.append(day if day.known_at > known.known_at else replace(day, known_at=cut_off))
    return found


# --- how they are judged ----------------------------------------------------------------------


def replay_history(desk: DeskHistory, paths: TradePaths) -> Replay:
    """Return the replay of every active day of the desk: days to be judged and those like them."""
    counts = [len(trader) for trader in desk.traders]
    days = TraderDays(
        trader=np.repeat(np.arange(len(counts)), counts),
        day=_joined(desk, "day"),
        net_cents=_joined(desk, "net_cents"),
        reference_cents=_joined(desk, "base_cents"),
        applied_cents=np.concatenate([np.empty(0, np.int64), *map(partial(_applied, desk), desk.traders)]),
        volatility_cents=features.volatilities_cents(desk),
    )
    return economics.replay(days, paths)


def _joined(desk: DeskHistory, name: str) -> np.ndarray:
    arrays = [getattr(trader, name) for trader in desk.traders]
    return np.concatenate([np.empty(0, dtype=np.int64), *arrays]).astype(np.int64)


def _applied(desk: DeskHistory, trader: TraderHistory) -> np.ndarray:
    """Return the limits in force on the days of a trader; where only assumed, the one that left counts."""
    applied, lived = trader.applied_cents.copy(), desk.lived.get(trader.trader_id, {})
    for row in np.flatnonzero(trader.assumed).tolist():
        if (record := lived.get(int(trader.day[row]))) is not None:
            applied[row] = record.limit_cents
    return applied


def judge(
    days: Sequence[Ended],
    forecasts: Mapping[Key, Forecast],
    desk: DeskHistory,
    replayed: Replay,
    overridden: Mapping[Key, OverriddenDay] = NOBODY,
) -> tuple[list[Outcome], list[DayEconomics]]:
    """Judge days that are over: what they brought, and what each policy's limit was worth on them."""
    known = economics.large_loss_known(replayed)
    large = is_large_loss(replayed.days.net_cents, replayed.days.reference_cents)
    rows = _rows(days, desk, replayed)
    judged = [
        Outcome(
            day=day,
            forecast=forecasts.get(day.key, Forecast()),
            large_loss=bool(large[row]) if row is not None and known[row] else None,
            breached=is_breach(day.net_cents, day.limit_cents),
        )
        for day, row in zip(days, rows, strict=True)
    ]
    active = [(outcome, row) for outcome, row in zip(judged, rows, strict=True) if row is not None]
    return judged, [e for policy in Policy for e in _economics(policy, active, replayed, overridden)]


def is_breach(net_cents: int | None, limit_cents: int) -> bool:
    """Say whether a result lies below the limit by more than limits are rounded by."""
    return net_cents is not None and net_cents < -limit_cents - config.LIMIT_STEP_CENTS


def _rows(days: Sequence[Ended], desk: DeskHistory, replayed: Replay) -> list[int | None]:
    """Return the row of each day in the replay; ``None`` where the trader was idle."""
    code = {trader.trader_id: i for i, trader in enumerate(desk.traders)}
    keys = replayed.days.trader.astype(np.int64) * _FAR + replayed.days.day
    at = {key: row for row, key in enumerate(keys.tolist())}
    positions = desk.calendar.positions([day.session for day in days]).tolist() if days else []
    return [
        None if day.net_cents is None else at[code[day.trader_id] * _FAR + position]
        for day, position in zip(days, positions, strict=True)
    ]


def _economics(
    policy: Policy,
    active: Sequence[tuple[Outcome, int]],
    replayed: Replay,
    overridden: Mapping[Key, OverriddenDay],
) -> Iterable[DayEconomics]:
    """Yield the economics of the days on which a policy had a limit of its own."""
    limit, against = replayed.days.reference_cents.copy(), replayed.days.reference_cents.copy()
    concerned = []
    for outcome, row in active:
        instead = overridden.get(outcome.day.key)
        asked = _limit_cents(policy, outcome, instead)
        if asked is not None:
            limit[row] = asked
            concerned.append((outcome.day, row))
            if policy is Policy.OVERRIDE and instead is not None:
                against[row] = instead.decided_limit_cents
    low, high, middle = _benefit(replayed, limit, against)
    for day, row in concerned:
        yield DayEconomics(
            session=day.session,
            trader_id=day.trader_id,
            policy=policy,
            known_at=day.known_at,
            limit_cents=int(limit[row]),
            prevented_cents=max(int(middle[row]), 0),
            cost_cents=max(-int(middle[row]), 0),
            benefit_low_cents=int(low[row]),
            benefit_high_cents=int(high[row]),
            identified=bool(low[row] == high[row]),
            method=Method.BRIDGE if replayed.estimated[row] else Method.REPLAY,
        )


def _limit_cents(policy: Policy, outcome: Outcome, overridden: OverriddenDay | None) -> int | None:
    """Return the limit a policy had for a day, ``None`` where it had none or nobody knows it.

    An override had one where the limit in force was its own: what is read back may be another.
    """
    day, forecast = outcome.day, outcome.forecast
    if policy is Policy.DECIDED:
        return None if overridden is None else overridden.decided_limit_cents
    if policy is Policy.OVERRIDE:
        is_in_force = overridden is not None and overridden.limit_cents == day.limit_cents
        return day.limit_cents if is_in_force else None
    if policy is Policy.APPLIED:
        return None if day.limit_origin is LimitOrigin.ASSUMED else day.limit_cents
    asked = forecast.rules_reduction if policy is Policy.RULES else forecast.model_reduction
    return None if asked is None else limits.limit_cents(day.base_limit_cents, asked)


def _benefit(
    replayed: Replay, limit: np.ndarray, against: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the bounds of each day's benefit over another limit, and the middle, in whole cents."""
    under, usual = replayed.bounds(limit), replayed.bounds(against)
    middle = under.middle - usual.middle
    low, high = under.low - usual.high, under.high - usual.low
    daily = replayed.estimated & ~(under.censored | usual.censored)
    low_daily, high_daily = _bridge_bounds(replayed.days.net_cents, limit, against)
    low, high = np.where(daily, low_daily, low), np.where(daily, high_daily, high)
    same = limit == against
    low, high, middle = (np.where(same, 0.0, values) for values in (low, high, middle))
    return np.floor(low), np.ceil(high), np.round(np.clip(middle, low, high))


def _bridge_bounds(net: np.ndarray, limit: np.ndarray, against: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the benefit may be where only the day's result is known.

    At best both limits were touched, at worst only the tighter one.
    """
    tight, loose = np.minimum(limit, against), np.maximum(limit, against)
    best = loose - tight
    worst = np.minimum(-(tight + net), best)
    is_tight = limit <= against
    return np.where(is_tight, worst, -best), np.where(is_tight, best, -worst)


# --- what is told of them ---------------------------------------------------------------------


def override_worths(
    worth: Iterable[DayEconomics], overridden: Mapping[Key, OverriddenDay]
) -> tuple[OverrideWorth, ...]:
    """Return what overrides were worth on lived days, in the order of the days."""
    found = [
        OverrideWorth(e.session, e.trader_id, overridden[e.session, e.trader_id].number, *_bounds(e))
        for e in worth
        if e.policy is Policy.OVERRIDE and (e.session, e.trader_id) in overridden
    ]
    return tuple(sorted(found, key=lambda day: (day.session, day.trader_id)))


def _bounds(worth: DayEconomics) -> tuple[int, int]:
    return worth.benefit_low_cents, worth.benefit_high_cents


def news(
    outcomes: Sequence[Outcome],
    told: Collection[str],
    calendar: TradingCalendar,
    session: date,
    worths: Sequence[OverrideWorth] = (),
) -> News:
    """Return what the outcomes known on the morning of `session` have to tell.

    Parameters
    ----------
    outcomes
        The newest version of every day before `session` within the calibration's window.
    told
        The keys of what recent mails have told: it is not told again.
    worths
        What overrides were worth on days before `session`.
    """
    since = calendar.shift(session, -config.BREACH_TOLD_SESSIONS)
    breaches = [breach for breach in _breaches(outcomes, since) if breach.key not in told]
    found = _persisting(outcomes, calendar, session)
    return News(
        breaches=tuple(sorted(breaches, key=_gravest_first)),
        withdrawn=tuple(w for w in _withdrawn(outcomes, told) if w.key not in told),
        calibration=found if found is not None and found.key not in told else None,
        overrides=tuple(worth for worth in worths if worth.session >= since and worth.key not in told),
    )


def restricted_share(outcomes: Sequence[Outcome], calendar: TradingCalendar, session: date) -> float | None:
    """Return the share (0..1) of the trailing 60 sessions' active trader-days whose limit was cut.

    Cut means by 20 % of the base or more, by the limit in force. ``None`` without such days.
    """
    since = calendar.shift(session, -config.RESTRICTED_SHARE_WINDOW)
    days = [o.day for o in outcomes if o.day.session >= since and o.day.net_cents is not None]
    known = [day for day in days if day.limit_origin is not LimitOrigin.ASSUMED]
    cut = [day for day in known if _is_restricted(day)]
    return len(cut) / len(known) if known else None


def _is_restricted(day: Ended) -> bool:
    return day.limit_cents * 100 <= day.base_limit_cents * (100 - config.MODERATE_FROM)


def _breaches(outcomes: Iterable[Outcome], since: date) -> list[Breach]:
    """Return the breaches of limits that were known to be in force, of sessions from `since` on."""
    days = [outcome.day for outcome in outcomes if outcome.breached and outcome.day.session >= since]
    return [
        Breach(day.session, day.trader_id, day.net_cents, day.limit_cents)
        for day in days
        if day.net_cents is not None and day.limit_origin is not LimitOrigin.ASSUMED
    ]


def _gravest_first(breach: Breach) -> tuple[int, date, str]:
    return -breach.beyond_cents, breach.session, breach.trader_id


def _withdrawn(outcomes: Iterable[Outcome], told: Collection[str]) -> list[Withdrawn]:
    sound = [Withdrawn(*outcome.day.key) for outcome in outcomes if not outcome.breached]
    return [w for w in sound if f"breach {w.session} {w.trader_id}" in told]


def _persisting(outcomes: Sequence[Outcome], calendar: TradingCalendar, session: date) -> Calibration | None:
    """Return this morning's calibration if it lay out of its band, on one side, for sessions in a row."""
    judged = [o for o in outcomes if o.large_loss is not None and _probability(o) is not None]
    day = calendar.positions([o.day.session for o in judged]) if judged else np.empty(0, np.int64)
    seen = np.array([o.large_loss for o in judged], dtype=float)
    promised = np.array([_probability(o) for o in judged], dtype=float)
    end = calendar.position(session)
    found = [_calibration(day, seen, promised, end - back) for back in range(config.PERSISTS_SESSIONS)]
    out = {None if one is None or not _is_out(one) else one.key for one in found}
    return found[0] if len(out) == 1 and None not in out else None


def _probability(outcome: Outcome) -> float | None:
    return outcome.forecast.large_loss_probability


def _calibration(day: np.ndarray, seen: np.ndarray, promised: np.ndarray, end: int) -> Calibration | None:
    """Return the calibration over the sessions before `end`; ``None`` where too little was promised."""
    within = (day >= end - config.CALIBRATION_SESSIONS) & (day < end)
    expected = float(promised[within].sum())
    if expected < config.CALIBRATION_MIN_EXPECTED:
        return None
    return Calibration(int(seen[within].sum()), expected, len(np.unique(day[within])))


def _is_out(found: Calibration) -> bool:
    lowest, highest = config.CALIBRATION_BAND
    return not float(lowest) <= found.ratio <= float(highest)
