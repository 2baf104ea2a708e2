"""The challenger: one pooled model that may tighten the rules' limits, never loosen them.

It starts from the rules' reduction and raises it to the level with the largest expected gain
over the rules, where that gain exceeds its standard error. At most 30 % of the traders are
raised a morning, the largest gains first; above 40 % only where a rule fired as well; traders
who are new keep the rules' limit. What it raised goes back by at most 20 points a session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from riskops import config, economics
from riskops.economics import Replay, TraderDays
from riskops.errors import ModelError
from riskops.features import FEATURES, Mornings, Observed, Panel, observe, panel, this_morning
from riskops.history import DeskHistory, TradePaths
from riskops.models.pooled import LEVELS, Examples, PolicyFit, RiskFit, WalkForward, level_weights
from riskops.money import whole_dollars
from riskops.records import ModelScore, RuleScore

if TYPE_CHECKING:
    from riskops.champion import RulesWalk


@dataclass(frozen=True, eq=False)
class Learned:
    """What there is to learn from: the desk's rows, their panel and replay, and the model.

    `examples` are in the order of the panel.
    """

    observed: Observed
    panel: Panel
    replayed: Replay
    examples: Examples
    model: WalkForward


@dataclass(frozen=True, eq=False)
class ChallengerWalk:
    """The challenger's complete policy over history, decided from earlier days only.

    Arrays have one entry an active day, in the order of `panel`: `scored` whether there was a
    model that morning, `reduction` the policy's in percent, `raised` the level the overlay
    asked for (0: none), `unconstrained` the model's own choice without rules or caps (for
    information), `risk` the displayed probability (NaN before there is one).
    """

    panel: Panel
    replayed: Replay
    scored: np.ndarray
    reduction: np.ndarray
    raised: np.ndarray
    unconstrained: np.ndarray
    risk: np.ndarray


@dataclass(frozen=True, eq=False)
class Offers:
    """What the model would do on some mornings, before caps: shape (n,) each.

    `level` is the best reduction above the rules' that pays for its error (0: none), `gain_usd`
    its expected gain, `free` the model's own choice without any constraint.
    """

    level: np.ndarray
    gain_usd: np.ndarray
    free: np.ndarray

    def take(self, rows: np.ndarray) -> Offers:
        """Return the offers at `rows`."""
        return Offers(self.level[rows], self.gain_usd[rows], self.free[rows])


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of a morning; `lacks` names what there is too little of to fit the model at all.

    A young desk has no scores yet. That is no failure of the model.
    """

    scores: tuple[ModelScore, ...]
    lacks: tuple[str, ...] = ()

    @property
    def why_none(self) -> str:
        """Why there are no scores: ``too little data yet (120 of 250 trader-days)``, or nothing."""
        return f"too little data yet ({' and '.join(self.lacks)})" if self.lacks else ""


class Easing:
    """Relief of the challenger's own raises: 20 points a session, like everything else.

    What a raise to a level still asks for falls by the same amount each session, so of several
    raises of a trader the largest sum of level and relief up to its session asks most for good.
    """

    def __init__(self, traders: int) -> None:
        self._until = np.zeros(traders, dtype=np.int64)

    def record(self, trader: np.ndarray, day: np.ndarray, level: np.ndarray) -> None:
        """Remember that traders were raised to `level` on the sessions at `day`, a trader once."""
        until = config.RELIEF_PER_SESSION * day + level
        self._until[trader] = np.maximum(self._until[trader], until)

    def on(self, trader: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Return the reduction earlier raises still ask for on the sessions at `day`, shape (n,)."""
        return np.maximum(self._until[trader] - config.RELIEF_PER_SESSION * day, 0)

    def traders(self, day: int) -> int:
        """Return how many traders an earlier raise still asks something of on the session at `day`."""
        return int((self._until > config.RELIEF_PER_SESSION * day).sum())


def score(
    desk: DeskHistory,
    paths: TradePaths,
    walk: Mapping[str, RulesWalk],
    champion_scores: Sequence[RuleScore],
) -> Scored:
    """Score every trader the champion scored, in its order; nobody while there are too few days to fit.

    Raises
    ------
    ModelError
        If a number is not finite, or a head cannot be fitted to days that suffice.
    """
    learned = learn(desk, paths, walk)
    policy = learned.model.policy(desk.position)
    risk = None if policy is None else learned.model.risk(desk.position)
    if policy is None or risk is None:
        return Scored((), learned.model.lacks(desk.position))
    mornings = this_morning(learned.observed, champion_scores)
    past_offers, _ = _offer_history(learned)
    easing, _, _ = decide_history(learned, past_offers)
    offers = offer(policy, mornings)
    reduction, _ = decide(mornings, offers, easing)
    ids = learned.panel.trader_ids
    scored = {
        ids[mornings.trader[row]]: _model_score(
            ids[mornings.trader[row]], policy, risk, mornings, row, int(reduction[row])
        )
        for row in range(len(mornings))
    }
    return Scored(tuple(scored[s.trader_id] for s in champion_scores if s.trader_id in scored))


def walk(desk: DeskHistory, paths: TradePaths, rules_walk: Mapping[str, RulesWalk]) -> ChallengerWalk:
    """Replay the challenger's policy over every active day; lived records are not used.

    Before there is a model the policy is the rules'.

    Raises
    ------
    ModelError
        If a number is not finite.
    """
    learned = learn(desk, paths, rules_walk)
    return follow(learned, *_offer_history(learned), _risk_history(learned))


def follow(learned: Learned, offers: Offers, scored: np.ndarray, risk: np.ndarray) -> ChallengerWalk:
    """Return the policy that follows from what was offered on every active day.

    Parameters
    ----------
    learned
        The desk's rows and their replay.
    offers, scored, risk
        What a model would do on each active day, whether there was one, and the risk it displays.
    """
    _, reduction, raised = decide_history(learned, offers)
    return ChallengerWalk(
        panel=learned.panel,
        replayed=learned.replayed,
        scored=scored,
        reduction=reduction,
        raised=raised,
        unconstrained=offers.free,
        risk=risk,
    )


def learn(desk: DeskHistory, paths: TradePaths, rules_walk: Mapping[str, RulesWalk]) -> Learned:
    """Compute features, replay every day under every reduction and set up the model."""
    observed = observe(desk, paths)
    rows = panel(observed, rules_walk)
    mornings = rows.mornings
    days = TraderDays(
        trader=mornings.trader,
        day=mornings.day,
        net_cents=rows.net_cents,
        reference_cents=rows.reference_cents,
        applied_cents=rows.applied_cents,
        volatility_cents=mornings.volatility_cents,
    )
    replayed = economics.replay(days, paths)
    outcomes = economics.grid(replayed, mornings.base_cents, np.append(0, LEVELS))
    benefits = outcomes[:, 1:] - outcomes[:, :1]
    examples = Examples(
        day=mornings.day,
        features=mornings.features,
        benefits=benefits / mornings.scale_cents[:, None],
        large_loss=economics.is_large_loss(rows.net_cents, rows.reference_cents),
        large_loss_known=economics.large_loss_known(replayed),
    )
    return Learned(observed, rows, replayed, examples, WalkForward(examples))


def offer(policy: PolicyFit, mornings: Mornings) -> Offers:
    """Return what the model would do on each morning, before the cap on raised traders.

    Raises
    ------
    ModelError
        If an expected gain or its error is not finite.
    """
    values = policy.benefits(mornings.features)
    covariances = policy.covariances(mornings.features)
    usd = mornings.scale_cents / 100
    rules = level_weights(mornings.rules_reduction)
    gains, errors = _contrasts(values, covariances, rules)
    _demand_finite(gains, errors)
    worth = gains - config.OVERLAY_STANDARD_ERRORS * errors > 0
    level, gain = _best(np.where(worth & _allowed(mornings), gains, -np.inf))
    pays = values - config.OVERLAY_STANDARD_ERRORS * _errors(covariances) > 0
    free, _ = _best(np.where(pays, values, -np.inf))
    return Offers(level, gain * usd, free)


def decide(mornings: Mornings, offers: Offers, easing: Easing) -> tuple[np.ndarray, np.ndarray]:
    """Decide one session: return the reductions and the levels freshly raised to (0: none).

    Relief comes first: who is still eased from an earlier raise counts as raised, idle or not.
    What is left of the 30 % goes to the largest gains; equal gains to the trader listed first.
    """
    eased = easing.on(mornings.trader, mornings.day)
    start = np.maximum(mornings.rules_reduction, eased)
    carried = eased > mornings.rules_reduction
    asking = np.flatnonzero(offers.level > 0)
    fresh = asking[~carried[asking]]
    free = max(_most_raised(mornings) - int(carried.sum()) - _idle(mornings, easing, eased), 0)
    chosen = fresh[np.argsort(-offers.gain_usd[fresh], kind="stable")[:free]]
    raised = np.zeros(len(mornings), dtype=np.int64)
    for rows in (chosen, asking[carried[asking]]):
        raised[rows] = offers.level[rows]
    return np.maximum(start, raised), raised


def _most_raised(mornings: Mornings) -> int:
    return int(config.OVERLAY_SHARE_CAP * mornings.desk_size.max(initial=0) + 1e-9)


def _idle(mornings: Mornings, easing: Easing, eased: np.ndarray) -> int:
    """Return how many traders without a row are still eased from an earlier raise."""
    if not len(mornings):
        return 0
    return easing.traders(int(mornings.day[0])) - int((eased > 0).sum())


def _allowed(mornings: Mornings) -> np.ndarray:
    """Say which levels the overlay may raise each trader to, shape (n, levels)."""
    tighter = mornings.rules_reduction[:, None] < LEVELS
    confirmed = mornings.confirmed[:, None] | (LEVELS <= config.IMMEDIATE_ABOVE)
    return tighter & confirmed & ~mornings.rules_only[:, None]


def _contrasts(
    values: np.ndarray, covariances: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gains of every level over a start and their standard errors, in units of scale."""
    gains = values - (values * start).sum(axis=1, keepdims=True)
    mixed = np.matmul(covariances, start[:, :, None])[:, :, 0]
    between = (mixed * start).sum(axis=1, keepdims=True)
    return gains, _errors(covariances, between - 2 * mixed)


def _errors(covariances: np.ndarray, more: np.ndarray | float = 0.0) -> np.ndarray:
    own = np.diagonal(covariances, axis1=1, axis2=2)
    return np.sqrt(np.maximum(own + more, 0.0))


def _best(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return level and gain of the largest finite gain of each row; 0 where there is none."""
    at = gains.argmax(axis=1)
    gain = gains[np.arange(len(gains)), at]
    some = np.isfinite(gain)
    return np.where(some, LEVELS[at], 0), np.where(some, gain, 0.0)


def _demand_finite(*numbers: np.ndarray) -> None:
    if not all(np.isfinite(n).all() for n in numbers):
        raise ModelError("The model gave a number that is not finite: look at the features of the day.")


def _offer_history(learned: Learned) -> tuple[Offers, np.ndarray]:
    """Return the offers of every active day and whether there was a model, week by week."""
    mornings = learned.panel.mornings
    count = len(mornings)
    level, free = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    gain, scored = np.zeros(count), np.zeros(count, dtype=bool)
    wanted = weeks(mornings.day)
    policies = learned.model.policies([position for position, _ in wanted])
    for policy, (_, rows) in zip(policies, wanted, strict=True):
        if policy is not None:
            offers = offer(policy, mornings.take(rows))
            level[rows], gain[rows], free[rows] = offers.level, offers.gain_usd, offers.free
            scored[rows] = True
    return Offers(level, gain, free), scored


def decide_history(learned: Learned, offers: Offers) -> tuple[Easing, np.ndarray, np.ndarray]:
    """Decide every past session in turn: easing afterwards, reductions and raises."""
    mornings = learned.panel.mornings
    reduction = mornings.rules_reduction.copy()
    raised = np.zeros(len(mornings), dtype=np.int64)
    easing = Easing(len(learned.panel.trader_ids))
    for rows in sessions(mornings.day):
        if offers.level[rows].any() or easing.traders(int(mornings.day[rows[0]])):
            reduction[rows], raised[rows] = decide(mornings.take(rows), offers.take(rows), easing)
            up = rows[raised[rows] > 0]
            easing.record(mornings.trader[up], mornings.day[up], raised[up])
    return easing, reduction, raised


def _risk_history(learned: Learned) -> np.ndarray:
    mornings = learned.panel.mornings
    risk = np.full(len(mornings), np.nan)
    for position, rows in weeks(mornings.day):
        fit = learned.model.risk(position)
        if fit is not None:
            risk[rows] = fit.probability(mornings.features[rows])
    return risk


def weeks(day: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the rows of every refit week, ascending, with a position of that week."""
    return [(int(day[rows[0]]), rows) for rows in _groups(day // config.REFIT_EVERY_SESSIONS)]


def sessions(day: np.ndarray) -> list[np.ndarray]:
    """Return the rows of every session, ascending."""
    return _groups(day)


def _groups(key: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(key, kind="stable")
    if not len(order):
        return []
    return np.split(order, np.flatnonzero(np.diff(key[order])) + 1)


# --- a score with its reasons -------------------------------------------------------------
def _model_score(
    trader_id: str, policy: PolicyFit, risk: RiskFit, mornings: Mornings, row: int, reduction: int
) -> ModelScore:
    here = mornings.take(np.array([row]))
    probability = float(risk.probability(here.features)[0])
    _demand_finite(np.array([probability]))
    raised = explained(trader_id, policy, here, reduction)
    reasons = raised.reasons if raised.gain_usd else _risk_reasons(risk, here.features[0])
    return replace(raised, large_loss_probability=probability, reasons=reasons)


def explained(trader_id: str, policy: PolicyFit, here: Mornings, reduction: int) -> ModelScore:
    """Return the score of one trader: what a reduction gains over the rules', and why.

    Parameters
    ----------
    trader_id, policy
        The trader, and the fit that asks for the reduction.
    here
        The trader's morning, a single row.
    reduction
        What the overlay decided, in percent of the base limit.

    Raises
    ------
    ModelError
        If the gain or its error is not finite.
    """
    contrast = (level_weights(np.array([reduction])) - level_weights(here.rules_reduction))[0]
    usd = float(here.scale_cents[0]) / 100
    gain = float((policy.benefits(here.features)[0] * contrast).sum()) * usd
    variance = float(contrast @ policy.covariances(here.features)[0] @ contrast)
    _demand_finite(np.array([gain, variance]))
    return ModelScore(
        trader_id=trader_id,
        large_loss_probability=None,
        reduction=reduction,
        gain_usd=gain,
        gain_se_usd=max(variance, 0.0) ** 0.5 * usd,
        reasons=_gain_reasons(policy, here.features[0], contrast, usd),
    )


def _gain_reasons(
    policy: PolicyFit, features: np.ndarray, contrast: np.ndarray, usd: float
) -> tuple[str, ...]:
    """Return the largest contributions to the expected gain of a raise, in plain words."""
    gains = policy.contributions(features, contrast) * usd
    told = tuple(_gain_words(i, features, gains) for i in _largest(gains) if gains[i] > 0)
    return told or ("no feature stands out: what a cut gained on the average day",)


def _risk_reasons(risk: RiskFit, features: np.ndarray) -> tuple[str, ...]:
    """Return the largest contributions to the displayed risk, in plain words."""
    odds = risk.contributions(features)
    return tuple(
        f"{FEATURES[i].words(float(features[i]))} (odds of a large loss x{np.exp(odds[i]):.2f})"
        for i in _largest(np.abs(odds))
    )


def _gain_words(feature: int, features: np.ndarray, gains_usd: np.ndarray) -> str:
    gain = whole_dollars(float(gains_usd[feature]) * 100)
    return f"{FEATURES[feature].words(float(features[feature]))} (+{gain} of expected gain)"


def _largest(contributions: np.ndarray) -> list[int]:
    order = np.argsort(-contributions, kind="stable")[: config.REASONS_SHOWN]
    return [int(i) for i in order]
