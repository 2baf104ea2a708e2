"""The fall-back of a promoted model that is broken: each trader's own model may tighten the rules.

It goes by the challenger's rules of engagement: it never loosens, above 40 % a rule must have fired,
a raise must pay for its standard error, and at most 30 % of the desk is raised, the largest gains
first. It needs 250 active days of the trader's own, and it is never promoted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskops import fixed_sample, policies
from riskops.challenger import (
    ChallengerWalk,
    Easing,
    Learned,
    Offers,
    decide,
    explained,
    follow,
    learn,
    offer,
    weeks,
)
from riskops.features import Mornings, this_morning
from riskops.history import DeskHistory, TradePaths
from riskops.models.pooled import PolicyFit
from riskops.models.trader_specific import OwnModels, learn_own
from riskops.records import ModelScore, RuleScore

if TYPE_CHECKING:
    from riskops.champion import RulesWalk


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """How one trader's own model would have done over history, against the rules alone.

    `days` active days with a model, `raised` those it tightened, `advantage_usd` what that gained
    over the rules' limits, with the 95 % interval of a day-block bootstrap (``None``: too few days).
    """

    trader_id: str
    days: int
    raised: int
    advantage_usd: float
    interval_usd: tuple[float, float] | None


def score(
    desk: DeskHistory,
    paths: TradePaths,
    rules_walk: Mapping[str, RulesWalk],
    champion_scores: Sequence[RuleScore],
) -> tuple[ModelScore, ...]:
    """Return the scores of the traders whose own model tightens the rules' limit, in the rules' order.

    Raises
    ------
    ModelError
        If a number is not finite.
    """
    learned = learn(desk, paths, rules_walk)
    mornings = this_morning(learned.observed, champion_scores)
    fits = _fits_of(_own(learned), mornings)
    offers = _offered(fits, mornings)
    reduction, _ = decide(mornings, offers, Easing(len(desk.traders)))
    ids = learned.panel.trader_ids
    raised = {}
    for row in np.flatnonzero(reduction > mornings.rules_reduction).tolist():
        trader_id, fit = ids[mornings.trader[row]], fits[row]
        if fit is not None:
            here = mornings.take(np.array([row]))
            raised[trader_id] = explained(trader_id, fit, here, int(reduction[row]))
    return tuple(raised[s.trader_id] for s in champion_scores if s.trader_id in raised)


def walk(desk: DeskHistory, paths: TradePaths, rules_walk: Mapping[str, RulesWalk]) -> ChallengerWalk:
    """Replay the own models' policy over every active day, as if each morning had fallen back to it.

    Raises
    ------
    ModelError
        If a number is not finite.
    """
    learned = learn(desk, paths, rules_walk)
    offers, scored = _offer_history(learned)
    return follow(learned, offers, scored, np.full(len(scored), np.nan))


def records(walked: ChallengerWalk, rows: np.ndarray) -> tuple[OwnRecord, ...]:
    """Return each trader's record over the chosen `rows` of the replayed history, in the desk's order."""
    rules = policies.benefit_cents(walked, walked.panel.mornings.rules_reduction)
    gained = (policies.benefit_cents(walked, walked.reduction) - rules) / 100
    return tuple(
        _record(trader_id, walked, gained, rows & walked.scored & (walked.panel.mornings.trader == index))
        for index, trader_id in enumerate(walked.panel.trader_ids)
    )


def _record(trader_id: str, walked: ChallengerWalk, gained_usd: np.ndarray, rows: np.ndarray) -> OwnRecord:
    return OwnRecord(
        trader_id=trader_id,
        days=int(rows.sum()),
        raised=int((rows & (walked.raised > 0)).sum()),
        advantage_usd=float(gained_usd[rows].sum()),
        interval_usd=fixed_sample.total_interval(gained_usd[rows]),
    )


def _own(learned: Learned) -> OwnModels:
    rows = learned.panel.mornings
    return learn_own(learned.examples, rows.trader, len(learned.panel.trader_ids))


def _fits_of(own: OwnModels, mornings: Mornings) -> list[PolicyFit | None]:
    """Return the fit in force for each of some mornings."""
    rows = zip(mornings.trader.tolist(), mornings.day.tolist(), strict=True)
    return [own.policies(trader, [day])[0] for trader, day in rows]


def _offered(fits: Sequence[PolicyFit | None], mornings: Mornings) -> Offers:
    offers = _no_offers(len(mornings))
    for row, fit in enumerate(fits):
        if fit is not None:
            _put(offers, np.array([row]), offer(fit, mornings.take(np.array([row]))))
    return offers


def _offer_history(learned: Learned) -> tuple[Offers, np.ndarray]:
    """Return what the own models offer on every active day, and whether there was one."""
    mornings, own = learned.panel.mornings, _own(learned)
    offers, scored = _no_offers(len(mornings)), np.zeros(len(mornings), dtype=bool)
    for trader in range(len(learned.panel.trader_ids)):
        mine = np.flatnonzero(mornings.trader == trader)
        wanted = weeks(mornings.day[mine])
        fits = own.policies(trader, [position for position, _ in wanted])
        for fit, (_, at) in zip(fits, wanted, strict=True):
            if fit is not None:
                _put(offers, mine[at], offer(fit, mornings.take(mine[at])))
                scored[mine[at]] = True
    return offers, scored


def _no_offers(count: int) -> Offers:
    return Offers(np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count, dtype=np.int64))


def _put(offers: Offers, rows: np.ndarray, made: Offers) -> None:
    offers.level[rows], offers.gain_usd[rows], offers.free[rows] = made.level, made.gain_usd, made.free
