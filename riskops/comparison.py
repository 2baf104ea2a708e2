"""Champion against challenger: both complete policies replayed, weighed and put in a table.

The evidence is the gate's (see `riskops.evidence`); who decides follows from it and the ledger (see
`riskops.standing`). Everything else, the benchmark table and the figures labelled *for information*,
helps people to understand it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from riskops import challenger, config, demotion, economics, evidence, fixed_sample, policies, specification
from riskops.challenger import ChallengerWalk
from riskops.demotion import Watch
from riskops.evidence import Amount, Amounts, DeskDays, Gate
from riskops.history import DeskHistory, TradePaths
from riskops.records import Comparison, Verdict
from riskops.sessions import TradingCalendar
from riskops.standing import UNREGISTERED, Standing

if TYPE_CHECKING:
    from riskops.champion import RulesWalk


@dataclass(frozen=True, eq=False)
class Benefits:
    """Benefits in USD of the compared trader-days, one entry each.

    A censored day has no single benefit: `worst` holds what it adds to each of the gate's
    differences where the unknown is at its worst for the challenger, shape (n, 4); `advantage`
    what it adds to ``b_M - b_R`` at its best. `challenger` and `rules` take the middle.
    """

    challenger: np.ndarray
    rules: np.ndarray
    worst: np.ndarray
    advantage: np.ndarray
    censored: np.ndarray

    def take(self, rows: np.ndarray) -> Benefits:
        """Return the benefits of some of the trader-days."""
        return Benefits(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def compare(
    desk: DeskHistory,
    paths: TradePaths,
    rules_walk: Mapping[str, RulesWalk],
    now: Standing = UNREGISTERED,
) -> Comparison:
    """Compare the challenger's policy with the rules' over the whole history.

    Parameters
    ----------
    desk, paths, rules_walk
        The history, its trades and what the rules decided.
    now
        How the challenger stands: which desk-days are evidence, and how much of it is needed.

    Raises
    ------
    ModelError
        If the model gives a number that is not finite.
    """
    walked = challenger.walk(desk, paths, rules_walk)
    start = now.counts_from(desk.calendar)
    rows = walked.scored & (walked.panel.mornings.day >= (0 if start is None else start))
    benefits = _benefits(walked, walked.scored)
    followed = _desk_days(walked, walked.scored, benefits)
    days = followed if start is None else followed.since(start)
    amount = _amount(walked, rows, days)
    return _record(
        _Compared(
            walked=walked,
            rows=rows,
            benefits=benefits.take(rows[walked.scored]),
            days=days,
            amount=amount,
            gate=evidence.gate(days, amount, desk.position, now.number),
            watch=_watch(followed, now, desk),
        ),
        desk,
    )


def evidence_path(
    desk: DeskHistory, paths: TradePaths, rules_walk: Mapping[str, RulesWalk]
) -> tuple[DeskDays, Amounts]:
    """Return the evidence of the whole history and what the walls had counted after each desk-day.

    Every day is decided from earlier days, so each prefix is what `compare` saw that morning.

    Raises
    ------
    ModelError
        If the model gives a number that is not finite.
    """
    walked = challenger.walk(desk, paths, rules_walk)
    days = _desk_days(walked, walked.scored, _benefits(walked, walked.scored))
    large = economics.is_large_loss(walked.panel.net_cents, walked.panel.reference_cents)
    position = walked.panel.mornings.day
    return days, Amounts(
        trader_days=_known_by(days.day, position),
        large_loss_days=_known_by(days.day, position[large & walked.scored]),
    )


def _known_by(day: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return how many of the trader-days at `positions` lie on or before each day."""
    return np.searchsorted(np.sort(positions), day, side="right")


@dataclass(frozen=True, eq=False)
class _Compared:
    """All that a comparison has found; `rows` marks the trader-days that are evidence.

    `watch` follows a promoted challenger, ``None`` while the rules are champion.
    """

    walked: ChallengerWalk
    rows: np.ndarray
    benefits: Benefits
    days: DeskDays
    amount: Amount
    gate: Gate
    watch: Watch | None


def _watch(followed: DeskDays, now: Standing, desk: DeskHistory) -> Watch | None:
    if now.promoted is None:
        return None
    promoted = int(np.searchsorted(followed.day, desk.calendar.position(now.promoted.session)))
    return demotion.watch(followed.least_advantage, followed.clip_usd, promoted)


def _record(found: _Compared, desk: DeskHistory) -> Comparison:
    gate, amount, days = found.gate, found.amount, found.days
    to_go = evidence.sessions_to_go(days, gate, amount, desk.position)
    ours, theirs = float(found.benefits.challenger.sum()), float(found.benefits.rules.sum())
    position = found.walked.panel.mornings.day[found.rows]
    daily_rules = _by_day(position, found.benefits.rules)
    verdict = judge(gate, ours, theirs)
    return Comparison(
        verdict=verdict,
        reason=_reason(verdict, gate, amount, to_go),
        e_values=gate.latest,
        challenger_benefit_usd=ours,
        rules_benefit_usd=theirs,
        desk_days=amount.desk_days,
        trader_days=amount.trader_days,
        large_loss_days=amount.large_loss_days,
        clipped_days=gate.clipped_days,
        vetoed=gate.vetoed,
        sessions_to_go=to_go,
        smallest_detectable_usd=evidence.smallest_detectable_usd(days, daily_rules),
        specification=specification.digest(),
        table=policies.table(found.walked, found.walked.scored),
        information=_information(found),
        opens=gate.opens,
        demotion_e=1.0 if found.watch is None else found.watch.latest,
        demotion="" if found.watch is None else found.watch.reason,
        rules_course=_course(np.unique(position), daily_rules, desk.calendar),
    )


def _course(
    position: np.ndarray, daily_usd: np.ndarray, calendar: TradingCalendar
) -> tuple[tuple[date, float], ...]:
    """Return what was gained up to the last desk-day of each week, ascending."""
    days, gained = calendar.dates[position].tolist(), np.cumsum(daily_usd).round(2).tolist()
    by_week = {day.isocalendar()[:2]: (day, usd) for day, usd in zip(days, gained, strict=True)}
    return tuple(by_week.values())


def _benefits(walked: ChallengerWalk, compared: np.ndarray) -> Benefits:
    """Return the benefits of the compared trader-days under both policies."""
    ours = policies.limits_cents(walked, walked.reduction)
    theirs = policies.limits_cents(walked, walked.panel.mornings.rules_reduction)
    base = walked.panel.reference_cents
    scenarios = [
        [_benefit(walked, limit, deepest)[compared] for limit in (ours, theirs)]
        for deepest in (np.zeros_like(base), ours, theirs, base)
    ]
    pairs = np.array(scenarios) / 100
    differences = np.einsum("jp,spn->snj", evidence.WEIGHTS, pairs)
    known = [walked.replayed.bounds(limit) for limit in (ours, theirs, base)]
    ours_mid, theirs_mid = (known[i].middle - known[2].middle for i in (0, 1))
    return Benefits(
        challenger=ours_mid[compared] / 100,
        rules=theirs_mid[compared] / 100,
        worst=differences.min(axis=0),
        advantage=(pairs[:, 0] - pairs[:, 1]).max(axis=0),
        censored=np.logical_or.reduce([bounds.censored for bounds in known])[compared],
    )


def _benefit(walked: ChallengerWalk, limit: np.ndarray, deepest: np.ndarray) -> np.ndarray:
    """Return the benefit in cents had the unknown rest of a day gone as deep as `deepest`.

    Limits up to that depth would have been hit, looser ones not.
    """
    base = walked.panel.reference_cents
    bounds = walked.replayed.bounds
    return economics.difference_if(bounds(limit), bounds(base), limit <= deepest, base <= deepest)


def desk_days(walked: ChallengerWalk, compared: np.ndarray) -> DeskDays:
    """Return the evidence of the compared trader-days (booleans), session by session."""
    return _desk_days(walked, compared, _benefits(walked, compared))


def _desk_days(walked: ChallengerWalk, compared: np.ndarray, benefits: Benefits) -> DeskDays:
    mornings = walked.panel.mornings
    day, first = np.unique(mornings.day[compared], return_index=True)
    active = _by_day(mornings.day[compared], np.ones(int(compared.sum())))
    differences = np.column_stack([_by_day(mornings.day[compared], d) for d in benefits.worst.T])
    differences[:, 3] -= evidence.material_usd(active)
    return DeskDays(
        day=day,
        differences=differences,
        clip_usd=evidence.clip_usd(mornings.desk_size[compared][first]),
        advantage=_by_day(mornings.day[compared], benefits.advantage),
        active=active,
    )


def _by_day(day: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sums of each session, ascending."""
    sessions, at = np.unique(day, return_inverse=True)
    return np.bincount(at, weights=values, minlength=len(sessions)).astype(float)


def _amount(walked: ChallengerWalk, compared: np.ndarray, days: DeskDays) -> Amount:
    large = economics.is_large_loss(walked.panel.net_cents, walked.panel.reference_cents)
    return Amount(len(walked.panel), len(days), int((large & compared).sum()))


def judge(found: Gate, challenger_usd: float, rules_usd: float) -> Verdict:
    """Return what the evidence alone says; only the ledger makes a model win.

    The rules hold where a bet on ``b_R > b_M`` has reached 20 and the challenger's total is the
    smaller one; short of that a closed gate only means that there is not enough evidence.
    """
    if not found.opens and found.speaks_for_rules and challenger_usd < rules_usd:
        return Verdict.RULES_HOLD
    return Verdict.NOT_ENOUGH_EVIDENCE


def _reason(verdict: Verdict, found: Gate, amount: Amount, to_go: int | None) -> str:
    """Say in a sentence or two what the evidence says."""
    if not amount.desk_days:
        return f"Nothing to compare yet: {'; '.join(found.missing)}."
    e_value = f"e = {_shown(min(found.latest))} of {found.bar:.0f}"
    if found.opens:
        return f"The model beats the rules by more than 10 %: {e_value} on {amount.desk_days:,} desk-days."
    if verdict is Verdict.RULES_HOLD:
        return f"The evidence is against the model: e = {_shown(found.against)} for the rules; {e_value}."
    return f"Not promoted: {e_value}, {evidence.pace(to_go)}{_obstacles(found)}."


def _shown(e_value: float) -> str:
    return f"{e_value:.1f}" if e_value < 1_000 else "more than 1,000"


def _obstacles(found: Gate) -> str:
    obstacles = list(found.missing)
    if found.vetoed:
        obstacles.append(f"vetoed by a ruinous day within {config.VETO_SESSIONS} sessions")
    if not (found.sums_usd > 0).all():
        obstacles.append("in dollars the model is not ahead")
    return "".join(f"; {obstacle}" for obstacle in obstacles)


# --- for information ----------------------------------------------------------------------
def _information(found: _Compared) -> dict[str, float]:
    """Return the figures that explain and never decide."""
    return {
        "e_value_for_the_rules": found.gate.against,
        "bar": found.gate.bar,
        "challenger_benefit_low_usd": float(found.benefits.worst[:, 2].sum()),
        "censored_trader_days": float(found.benefits.censored.sum()),
        "estimated_trader_days": float(found.walked.replayed.estimated[found.rows].sum()),
        **fixed_sample.information(found.days.advantage),
        **_discrimination(found.walked),
    }


def _discrimination(walked: ChallengerWalk) -> dict[str, float]:
    """Return how well the displayed risk ranks large losses, beside plain volatility.

    A risk head that only matches EWMA volatility has learned volatility, not behaviour.
    """
    known = economics.large_loss_known(walked.replayed) & np.isfinite(walked.risk)
    large = economics.is_large_loss(walked.panel.net_cents, walked.panel.reference_cents)[known]
    if large.all() or not large.any():
        return {}
    volatility = walked.panel.mornings.volatility_cents / walked.panel.reference_cents
    return {
        "auc_risk_head": area_under_curve(walked.risk[known], large),
        "auc_volatility": area_under_curve(volatility[known], large),
        "mean_risk": float(walked.risk[known].mean()),
        "large_loss_share": float(large.mean()),
    }


def area_under_curve(score: np.ndarray, event: np.ndarray) -> float:
    """Return the chance that a day with the event scores higher than one without; ties count half."""
    ordered = np.sort(score)
    ranks = (np.searchsorted(ordered, score, "left") + np.searchsorted(ordered, score, "right") + 1) / 2
    events = int(event.sum())
    above = ranks[event].sum() - events * (events + 1) / 2
    return float(above / (events * (len(event) - events)))
