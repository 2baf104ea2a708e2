"""Rules and model on history: what each would have been worth, how sure that is, and on what it rests.

Everything is walked forward: a day is decided from earlier days only, also where the span that is
evaluated begins in the middle of the history. The rules are shown on all trader-days of the span;
policies are compared where there was a model, each on the same days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from riskops import (
    challenger,
    champion,
    comparison,
    config,
    displayed_risk,
    economics,
    evidence,
    fixed_sample,
    own_models,
    policies,
    specification,
)
from riskops.challenger import ChallengerWalk
from riskops.champion import RulesWalk
from riskops.displayed_risk import Area, Calibration
from riskops.errors import MissingResultError, SessionError
from riskops.evidence import Amount
from riskops.history import DeskHistory, TradePaths
from riskops.own_models import OwnRecord
from riskops.policies import Days, Figures
from riskops.records import Rule
from riskops.sessions import TradingCalendar

Told = Callable[[str], None]

DISPLAYED_RISK = "displayed risk"
VOLATILITY = "volatility"
TIERS = (
    (Rule.BREACH, config.BREACH_LEVEL),
    (Rule.STREAK, config.STREAK_LEVEL),
    (Rule.STREAK, config.LONG_STREAK_LEVEL),
    (Rule.DRAWDOWN, config.DRAWDOWN_LEVEL),
    (Rule.DRAWDOWN, config.DEEP_DRAWDOWN_LEVEL),
    (Rule.VOLATILITY, config.VOLATILITY_LEVEL),
    (Rule.LARGE_LOSS, config.LARGE_LOSS_LEVEL),
)
STEPS = ("walk-forward", "policies", "evidence", "displayed risk", "levels", "traders", "own models", "rules")


@dataclass(frozen=True, slots=True)
class Span:
    """The sessions to evaluate, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Course:
    """A policy's cumulative benefit in USD after every session, and what treated days leave open."""

    benefit_usd: list[float]
    least_usd: list[float]
    most_usd: list[float]


@dataclass(frozen=True, slots=True)
class Cumulative:
    """The cumulative benefits by policy; `treated` counts the days our own limit stopped, a session."""

    sessions: list[date]
    treated: list[int]
    policies: dict[str, Course]


@dataclass(frozen=True, slots=True)
class EvidencePath:
    """The four e-processes of the gate over the sessions of the span, from 1 on.

    Over another span than the whole history this is the evidence of the span alone, not the gate's.
    `sums_usd` are the unclipped sums of the four differences, `missing` what the walls still lack.
    """

    sessions: list[date]
    beats_by_margin: list[float]
    not_worse_by_margin: list[float]
    better_than_none: list[float]
    material: list[float]
    bar: float
    sums_usd: list[float]
    clipped_days: int
    vetoed: bool
    missing: list[str]
    sessions_to_go: int | None
    smallest_detectable_usd: float | None

    @property
    def courses(self) -> tuple[list[float], ...]:
        """The four e-processes, in the order in which the gate names them."""
        return self.beats_by_margin, self.not_worse_by_margin, self.better_than_none, self.material

    @property
    def smallest(self) -> float:
        """The smallest of the four after the last session; 1 before the first."""
        return min((course[-1] for course in self.courses if course), default=1.0)


@dataclass(frozen=True, slots=True)
class LevelWorth:
    """What one constant reduction would have been worth: for everybody, and where a rule had fired."""

    reduction: int
    everybody: Figures
    where_a_rule_fired: Figures


@dataclass(frozen=True, slots=True)
class MonthShare:
    """How many trader-days of a month were restricted (20 % or more), by policy."""

    month: date
    sessions: int
    trader_days: int
    policies: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class RestrictedShare:
    """The restricted share by month, and the rules' over the 60 sessions up to each one."""

    months: tuple[MonthShare, ...]
    sessions: list[date]
    trailing: list[float]


@dataclass(frozen=True, slots=True)
class TraderRecord:
    """One trader's days under each policy; on the days where there was a model, if there was one."""

    trader_id: str
    name: str
    policies: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """What followed when a rule fired at a level, and what a cut to that level was worth there.

    `figures` hold the rate of large losses (``large_loss``) with its counts, that of all other
    days (``elsewhere``), their ratio ``lift``, and the money.
    """

    rule: Rule
    level: int
    fired_days: int
    alone_days: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Counts:
    """What the evaluation rests on."""

    sessions: int
    traders: int
    trader_days: int
    compared_sessions: int
    compared_trader_days: int
    large_loss_days: int
    unknown_outcome_days: int
    treated_days: int
    estimated_days: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Rules and model over a span, as known on the morning of `session`.

    `model_from` is the first session of the span with a model; ``None`` without one, and then
    nothing is compared: evidence and displayed risk are ``None``, policies are the rules' and the
    benchmarks'. `advantage` is what the model was worth on top of the rules. `own_models` has the
    traders with enough history for a model of their own.
    """

    session: date
    first_session: date
    last_session: date
    model_from: date | None
    specification: str
    counts: Counts
    policies: dict[str, Figures]
    advantage: Figures
    cumulative: Cumulative
    evidence: EvidencePath | None
    calibration: Calibration | None
    areas: dict[str, Area]
    levels: tuple[LevelWorth, ...]
    restricted: RestrictedShare
    traders: tuple[TraderRecord, ...]
    own_models: tuple[OwnRecord, ...]
    rules: tuple[RuleRecord, ...]


@dataclass(frozen=True, eq=False)
class _Ground:
    """What all parts are computed from: the walks, the span's days and those compared."""

    desk: DeskHistory
    paths: TradePaths
    walked: ChallengerWalk
    levels: np.ndarray
    rows: np.ndarray
    compared: np.ndarray
    has_model: bool

    @property
    def day(self) -> np.ndarray:
        return self.walked.panel.mornings.day

    @property
    def net(self) -> np.ndarray:
        return self.walked.panel.net_cents

    @property
    def large(self) -> np.ndarray:
        return economics.is_large_loss(self.net, self.walked.panel.reference_cents)

    @property
    def outcome_known(self) -> np.ndarray:
        return economics.large_loss_known(self.walked.replayed)

    def dates(self, positions: np.ndarray) -> list[date]:
        return [self.desk.calendar.session_at(int(position)) for position in positions]


def span_of(calendar: TradingCalendar, first: date, last: date, session: date) -> Span:
    """Return the span from `first` to `last`, of which the morning of `session` knows the results.

    Raises
    ------
    SessionError
        If a date is no session, the span is turned round, or results are not known yet.
    """
    if first > last:
        raise SessionError(f"The span from {first} to {last} is turned round: swap --from and --to.")
    if last >= session:
        raise SessionError(
            f"The results of {last} are not known on the morning of {session}: "
            f"give a --to of {calendar.previous(session)} or earlier."
        )
    for end in (first, last):
        calendar.position(end)
    return Span(first, last)


def known_span(desk: DeskHistory) -> Span:
    """Return the sessions with results: from the first one to the last.

    Raises
    ------
    MissingResultError
        If there are none.
    """
    days = [trader.day for trader in desk.traders if len(trader)]
    if not days:
        raise MissingResultError(
            f"Nobody traded before {desk.session}: bring history in with `riskops load`, then evaluate."
        )
    ends = min(int(d[0]) for d in days), max(int(d[-1]) for d in days)
    return Span(*(desk.calendar.session_at(end) for end in ends))


def evaluate(
    desk: DeskHistory,
    paths: TradePaths,
    span: Span,
    told: Told = lambda _step: None,
    *,
    specification_number: int = 1,
) -> Evaluation:
    """Evaluate rules and model on the sessions of a span.

    Parameters
    ----------
    desk, paths
        The history up to the last session of the span (or beyond: what is later is not used), and
        its trades.
    span
        The sessions to evaluate.
    told
        Is told each of `STEPS` as it begins.
    specification_number
        The model's running number in the ledger, which sets the promotion line.

    Raises
    ------
    MissingResultError
        If nobody traded in the span.
    ModelError
        If the model gives a number that is not finite.
    """
    known = known_span(desk)
    told("walk-forward")
    ground = _ground(desk, paths, span)
    if not ground.rows.any():
        raise MissingResultError(
            f"Nobody traded from {span.first} to {span.last}: there are results from {known.first} to "
            f"{known.last}. Choose a span within, or bring history in with `riskops load`."
        )
    return _evaluated(ground, span, told, specification_number)


def _ground(desk: DeskHistory, paths: TradePaths, span: Span) -> _Ground:
    rules_walk = champion.walk(desk)
    walked = challenger.walk(desk, paths, rules_walk)
    first, last = desk.calendar.position(span.first), desk.calendar.position(span.last)
    rows = (walked.panel.mornings.day >= first) & (walked.panel.mornings.day <= last)
    scored = rows & walked.scored
    return _Ground(
        desk=desk,
        paths=paths,
        walked=walked,
        levels=_levels(desk, rules_walk),
        rows=rows,
        compared=scored if scored.any() else rows,
        has_model=bool(scored.any()),
    )


def _levels(desk: DeskHistory, rules_walk: Mapping[str, RulesWalk]) -> np.ndarray:
    """Return the level of every rule on every day of the walk, shape (n, 5)."""
    own = [rules_walk[trader.trader_id].levels for trader in desk.traders if len(trader)]
    return np.concatenate([np.empty((0, len(Rule)), dtype=np.int64), *own])


def _evaluated(ground: _Ground, span: Span, told: Told, number: int) -> Evaluation:
    told("policies")
    by_policy = _reductions(ground)
    table = _table(ground, by_policy)
    advantage = _advantage(ground)
    cumulative = _cumulative(ground, by_policy)
    told("evidence")
    path = _evidence(ground, span, number)
    told("displayed risk")
    calibration, areas = _displayed_risk(ground)
    told("levels")
    levels = tuple(_level(ground, int(cut)) for cut in economics.LEVELS)
    told("traders")
    restricted, traders = _restricted(ground), _traders(ground)
    told("own models")
    own = _own_models(ground)
    told("rules")
    return Evaluation(
        session=ground.desk.session,
        first_session=span.first,
        last_session=span.last,
        model_from=_model_from(ground),
        specification=specification.digest(),
        counts=_counts(ground),
        policies=table,
        advantage=advantage,
        cumulative=cumulative,
        evidence=path,
        calibration=calibration,
        areas=areas,
        levels=levels,
        restricted=restricted,
        traders=traders,
        own_models=own,
        rules=tuple(_rule(ground, rule, level) for rule, level in TIERS),
    )


def _own_models(ground: _Ground) -> tuple[OwnRecord, ...]:
    walked = own_models.walk(ground.desk, ground.paths, champion.walk(ground.desk))
    return tuple(record for record in own_models.records(walked, ground.rows) if record.days)


def _model_from(ground: _Ground) -> date | None:
    if not ground.has_model:
        return None
    return ground.desk.calendar.session_at(int(ground.day[ground.compared].min()))


def _counts(ground: _Ground) -> Counts:
    rows, replayed = ground.rows, ground.walked.replayed
    return Counts(
        sessions=len(np.unique(ground.day[rows])),
        traders=len(np.unique(ground.walked.panel.mornings.trader[rows])),
        trader_days=int(rows.sum()),
        compared_sessions=len(np.unique(ground.day[ground.compared])),
        compared_trader_days=int(ground.compared.sum()),
        large_loss_days=int((ground.large & ground.outcome_known & rows).sum()),
        unknown_outcome_days=int((~ground.outcome_known & rows).sum()),
        treated_days=int(replayed.stopped[rows].sum()),
        estimated_days=int(replayed.estimated[rows].sum()),
    )


# --- policies -------------------------------------------------------------------------------
def _reductions(ground: _Ground) -> dict[str, np.ndarray]:
    """Return the reductions of every policy there is; the model's only where there was one."""
    found = policies.reductions(ground.walked, ground.compared)
    of_the_model = () if ground.has_model else (policies.OVERLAY, policies.UNCONSTRAINED)
    return {name: reduction for name, reduction in found.items() if name not in of_the_model}


def _table(ground: _Ground, by_policy: Mapping[str, np.ndarray]) -> dict[str, Figures]:
    days = policies.days_of(ground.walked, ground.compared)
    found = {name: policies.figures(ground.walked, days, cut) for name, cut in by_policy.items()}
    found[policies.BEST_CONSTANT]["reduction"] = float(by_policy[policies.BEST_CONSTANT].max(initial=0))
    return found


def _advantage(ground: _Ground) -> Figures:
    """Return what the overlay was worth against the rules."""
    if not ground.has_model:
        return {}
    walked = ground.walked
    ours, rules = (policies.limits_cents(walked, cut) for cut in _both(ground))
    return policies.money(walked, policies.days_of(walked, ground.compared), ours, rules)


def _both(ground: _Ground) -> tuple[np.ndarray, np.ndarray]:
    return ground.walked.reduction, ground.walked.panel.mornings.rules_reduction


def _cumulative(ground: _Ground, by_policy: Mapping[str, np.ndarray]) -> Cumulative:
    days = policies.days_of(ground.walked, ground.compared)
    stopped = days.daily(ground.day, ground.walked.replayed.stopped.astype(float))
    return Cumulative(
        sessions=ground.dates(days.sessions),
        treated=stopped.astype(int).tolist(),
        policies={name: _course(ground, days, cut) for name, cut in by_policy.items()},
    )


def _course(ground: _Ground, days: Days, reduction: np.ndarray) -> Course:
    worth = economics.benefit(ground.walked.replayed, policies.limits_cents(ground.walked, reduction))
    summed = [_running(days.daily(ground.day, part)) for part in (worth.middle, worth.low, worth.high)]
    return Course(*summed)


def _running(daily_cents: np.ndarray) -> list[float]:
    return np.round(np.cumsum(daily_cents) / 100, 2).tolist()


# --- evidence -------------------------------------------------------------------------------
def _evidence(ground: _Ground, span: Span, number: int) -> EvidencePath | None:
    if not ground.has_model:
        return None
    days = comparison.desk_days(ground.walked, ground.compared)
    seen = Amount(
        trader_days=int(ground.rows.sum()),
        desk_days=len(days),
        large_loss_days=int((ground.large & ground.compared).sum()),
    )
    position = ground.desk.calendar.position(span.last) + 1
    gate = evidence.gate(days, seen, position, number)
    rules = policies.benefit_cents(ground.walked, ground.walked.panel.mornings.rules_reduction) / 100
    daily_rules = policies.days_of(ground.walked, ground.compared).daily(ground.day, rules)
    courses = np.minimum(gate.e_values, evidence.LARGEST_RECORDED).T.tolist()
    return EvidencePath(
        sessions=ground.dates(days.day),
        beats_by_margin=courses[0],
        not_worse_by_margin=courses[1],
        better_than_none=courses[2],
        material=courses[3],
        bar=gate.bar,
        sums_usd=gate.sums_usd.tolist(),
        clipped_days=gate.clipped_days,
        vetoed=gate.vetoed,
        missing=list(gate.missing),
        sessions_to_go=evidence.sessions_to_go(days, gate, seen, position),
        smallest_detectable_usd=evidence.smallest_detectable_usd(days, daily_rules),
    )


# --- the displayed risk ---------------------------------------------------------------------
def _displayed_risk(ground: _Ground) -> tuple[Calibration | None, dict[str, Area]]:
    """Return calibration and ranking of the displayed risk, on days whose outcome is known."""
    shown = ground.rows & ground.outcome_known & np.isfinite(ground.walked.risk)
    if not ground.has_model or not shown.any():
        return None, {}
    risk, large, day = ground.walked.risk[shown], ground.large[shown], ground.day[shown]
    panel = ground.walked.panel
    volatility = (panel.mornings.volatility_cents / panel.reference_cents)[shown]
    scores = {DISPLAYED_RISK: risk, VOLATILITY: volatility}
    return displayed_risk.calibration(risk, large, day), displayed_risk.areas(scores, large, day)


# --- levels and rules -----------------------------------------------------------------------
def _level(ground: _Ground, reduction: int) -> LevelWorth:
    everybody = np.full(len(ground.rows), reduction)
    fired = np.where((ground.levels > 0).any(axis=1), reduction, 0)
    return LevelWorth(reduction, _worth(ground, everybody), _worth(ground, fired))


def _worth(ground: _Ground, reduction: np.ndarray) -> Figures:
    days = policies.days_of(ground.walked, ground.rows)
    found = policies.money(ground.walked, days, policies.limits_cents(ground.walked, reduction))
    return found | {"cut_trader_days": float((reduction[ground.rows] > 0).sum())}


def _rule(ground: _Ground, rule: Rule, level: int) -> RuleRecord:
    column = ground.levels[:, list(Rule).index(rule)]
    fired = (column == level) & ground.rows
    alone = fired & ((ground.levels > 0).sum(axis=1) == 1)
    return RuleRecord(
        rule=rule,
        level=level,
        fired_days=int(fired.sum()),
        alone_days=int(alone.sum()),
        figures=_followed(ground, fired) | _worth(ground, np.where(fired, level, 0)),
    )


def _followed(ground: _Ground, fired: np.ndarray) -> Figures:
    """Return how often a large loss followed where a rule had fired, and where it had not."""
    known, large = ground.outcome_known, ground.large
    rest = ground.rows & ~fired
    return {
        **policies.share("large_loss", large & known & fired, known & fired, ~known & fired),
        **policies.rate("elsewhere", large & known & rest, known & rest),
        **_lift(ground, fired & known, rest & known),
    }


def _lift(ground: _Ground, fired: np.ndarray, rest: np.ndarray) -> Figures:
    """Return how many times as likely a large loss was, with a 95 % day-block bootstrap interval."""
    days = policies.days_of(ground.walked, ground.rows)
    parts = (ground.large & fired, fired, ground.large & rest, rest)
    daily = np.column_stack([days.daily(ground.day, part.astype(float)) for part in parts])
    totals = daily.sum(axis=0)
    if not totals.all():
        return {}
    found = {"lift": float(totals[0] / totals[1] / (totals[2] / totals[3]))}
    if len(daily) <= config.BOOTSTRAP_BLOCK_DAYS:
        return found
    drawn = fixed_sample.resampled_sessions(len(daily)) @ daily
    drawn = drawn[(drawn[:, 1:] > 0).all(axis=1)]
    lifts = drawn[:, 0] / drawn[:, 1] / (drawn[:, 2] / drawn[:, 3])
    low, high = np.quantile(lifts, [0.025, 0.975])
    return found | {"lift_low": float(low), "lift_high": float(high)}


# --- over time and by trader ----------------------------------------------------------------
def _by_policy(ground: _Ground) -> dict[str, np.ndarray]:
    overlay, rules = _both(ground)
    return {policies.RULES: rules, policies.OVERLAY: overlay} if ground.has_model else {policies.RULES: rules}


def _restricted(ground: _Ground) -> RestrictedShare:
    positions = np.unique(ground.day[ground.rows])
    dates = ground.dates(positions)
    by_month = groupby(zip(dates, positions.tolist(), strict=True), key=lambda pair: pair[0].replace(day=1))
    return RestrictedShare(
        months=tuple(_month(ground, month, [position for _, position in pairs]) for month, pairs in by_month),
        sessions=dates,
        trailing=_trailing_shares(ground, positions),
    )


def _month(ground: _Ground, month: date, positions: list[int]) -> MonthShare:
    rows = ground.rows & np.isin(ground.day, positions)
    shares = {name: _share(ground, name, rows, cut) for name, cut in _by_policy(ground).items()}
    return MonthShare(month, len(positions), int(rows.sum()), shares)


def _share(ground: _Ground, name: str, rows: np.ndarray, reduction: np.ndarray) -> Figures:
    """Return the restricted shares of a month; the overlay's only on days with a model."""
    counted = rows & ground.compared if name == policies.OVERLAY else rows
    cut = reduction[counted]
    return {
        **policies.rate("restricted_share", cut >= config.MODERATE_FROM, np.ones_like(cut)),
        **policies.rate("immediate_share", cut > config.IMMEDIATE_ABOVE, np.ones_like(cut)),
    }


def _trailing_shares(ground: _Ground, positions: np.ndarray) -> list[float]:
    """Return the rules' restricted share of the 60 sessions up to each one, itself included."""
    cut = ground.walked.panel.mornings.rules_reduction >= config.MODERATE_FROM
    order = np.sort(ground.day)
    restricted = np.sort(ground.day[cut])
    first = positions - config.RESTRICTED_SHARE_WINDOW

    def between(days: np.ndarray) -> np.ndarray:
        return np.searchsorted(days, positions, "right") - np.searchsorted(days, first, "right")

    return np.round(between(restricted) / between(order), 6).tolist()


def _traders(ground: _Ground) -> tuple[TraderRecord, ...]:
    """Return every trader of the compared days, the one the rules were worth most for first."""
    trader = ground.walked.panel.mornings.trader
    present = np.unique(trader[ground.compared]).tolist()
    found = [_trader(ground, index, trader == index) for index in present]
    return tuple(sorted(found, key=lambda t: -t.policies[policies.RULES]["benefit_usd"]))


def _trader(ground: _Ground, index: int, mine: np.ndarray) -> TraderRecord:
    trader_id = ground.walked.panel.trader_ids[index]
    days = policies.days_of(ground.walked, mine & ground.compared)
    return TraderRecord(
        trader_id=trader_id,
        name=ground.desk.names.get(trader_id, trader_id),
        policies={
            name: policies.figures(ground.walked, days, cut) for name, cut in _by_policy(ground).items()
        },
    )
