"""One model for all traders, fitted once a week on everything known by then.

Two heads share the features. The *policy* head is a ridge regression of the benefit of every
reduction, in units of the trader's scale; it says what a cut is expected to gain and how sure
that is. The *risk* head is a logistic regression of a large loss; it is shown, and decides
nothing. Both standardise the features on their training days by putting the moving scale into
the penalty, so that a refit costs a few small matrices: the ridge needs the cumulative moments
of the days, the logistic starts from last week's weights.

A fit for the session at `position` is that of its week: the calendar is cut into blocks of five
positions, and a block's fit knows the days up to five sessions before the block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from riskops import config
from riskops.errors import ModelError

LEVELS = np.array(config.POLICY_LEVELS)
_TOLERANCE = 1e-10
_MAX_STEPS = 100
_MAX_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Examples:
    """Past trader-days to learn from, in any order.

    `features` shape (n, p), `benefits` shape (n, levels) in units of the trader's scale, `day`
    calendar positions, `large_loss` and `large_loss_known` booleans of shape (n,).
    """

    day: np.ndarray
    features: np.ndarray
    benefits: np.ndarray
    large_loss: np.ndarray
    large_loss_known: np.ndarray

    def by_day(self) -> Examples:
        """Return the same trader-days ordered by day."""
        order = np.argsort(self.day, kind="stable")
        return Examples(
            self.day[order],
            self.features[order],
            self.benefits[order],
            self.large_loss[order],
            self.large_loss_known[order],
        )


@dataclass(frozen=True, eq=False)
class PolicyFit:
    """The ridge head: expected benefits of the policy levels, with day-clustered errors.

    `coefficients` shape (1 + p, levels), intercept first; `inverse` that of the penalised Gram
    matrix; `scores` shape (days, 1 + p, levels), the summed residual scores of each day;
    `means` of the features over the training days.
    """

    coefficients: np.ndarray
    inverse: np.ndarray
    scores: np.ndarray
    means: np.ndarray

    def benefits(self, features: np.ndarray) -> np.ndarray:
        """Return the expected benefit of every level in units of scale, shape (n, levels)."""
        return with_intercept(features) @ self.coefficients

    def covariances(self, features: np.ndarray) -> np.ndarray:
        """Return the sandwich covariance between levels of each row, (n, levels, levels).

        Residuals of one day may hang together; days are taken for independent.
        """
        days, width, levels = self.scores.shape
        influence = with_intercept(features) @ self.inverse
        flat = self.scores.transpose(1, 0, 2).reshape(width, days * levels)
        pulls = (influence @ flat).reshape(len(features), days, levels)
        return np.matmul(pulls.transpose(0, 2, 1), pulls) * (days / (days - 1))

    def contributions(self, features: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """Return what each feature adds to a contrast of levels, in units of scale, shape (p,)."""
        return (self.coefficients[1:] @ contrast) * (features - self.means)


@dataclass(frozen=True, eq=False)
class RiskFit:
    """The logistic head: `weights` with the intercept first, shape (1 + p,), feature `means`."""

    weights: np.ndarray
    means: np.ndarray

    def probability(self, features: np.ndarray) -> np.ndarray:
        """Return the probability of a large loss, shape (n,)."""
        return _expit(with_intercept(features) @ self.weights)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return what each feature adds to the log-odds, against the average day, shape (p,)."""
        return self.weights[1:] * (features - self.means)


@dataclass(frozen=True, eq=False)
class Moments:
    """Gram matrix and cross moments of the policy head, by day and cumulated over days.

    `day` ascending, shape (d,); `gram` (d, 1 + p, 1 + p); `cross` (d, 1 + p, levels);
    the cumulated ones start with zeros and have one entry more.
    """

    day: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    gram_until: np.ndarray
    cross_until: np.ndarray


@dataclass(eq=False)
class WalkForward:
    """Both heads as they stood in any week, fitted on demand and kept.

    The risk head of a week starts from that of the week fitted before it; the optimum is unique,
    so the order of questions matters only to the last bits.
    """

    examples: Examples
    moments: Moments = field(init=False)
    _policies: dict[int, PolicyFit | None] = field(default_factory=dict, init=False)
    _risks: dict[int, RiskFit | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.examples = self.examples.by_day()
        self.moments = moments(self.examples)

    def policy(self, position: int) -> PolicyFit | None:
        """Return the policy head in force at `position`; ``None`` before there is one."""
        known = knowledge_end(position)
        if known not in self._policies:
            self._policies[known] = fit_policy(self.moments, known)
        return self._policies[known]

    def lacks(self, position: int) -> tuple[str, ...]:
        """Return what either head is short of at `position`, in words; nothing where both can be fitted."""
        known = knowledge_end(position)
        return policy_lacks(self.moments, known) or risk_lacks(self.examples, known)

    def risk(self, position: int) -> RiskFit | None:
        """Return the risk head in force at `position`; ``None`` before there is one."""
        known = knowledge_end(position)
        if known not in self._risks:
            self._risks[known] = fit_risk(self.examples, known, self._start(known))
        return self._risks[known]

    def _start(self, known: int) -> np.ndarray | None:
        fitted = [k for k, fit in self._risks.items() if fit is not None and k < known]
        nearest = self._risks[max(fitted)] if fitted else None
        return None if nearest is None else nearest.weights


def week_start(position: int) -> int:
    """Return the first position of the week (block of refit sessions) of `position`."""
    return position - position % config.REFIT_EVERY_SESSIONS


def knowledge_end(position: int) -> int:
    """Return the position before which days may be learnt from: the embargo before the week."""
    return week_start(position) - config.EMBARGO_SESSIONS


def moments(examples: Examples) -> Moments:
    """Return the moments of trader-days ordered by day."""
    day, first = np.unique(examples.day, return_index=True)
    rows = with_intercept(examples.features)
    targets = np.clip(examples.benefits, -config.TARGET_CLIP, config.TARGET_CLIP)
    parts = list(zip(first, np.append(first, len(rows))[1:], strict=True))
    width, levels = rows.shape[1], targets.shape[1]
    gram = np.array([rows[a:b].T @ rows[a:b] for a, b in parts]).reshape(-1, width, width)
    cross = np.array([rows[a:b].T @ targets[a:b] for a, b in parts]).reshape(-1, width, levels)
    return Moments(day, gram, cross, _cumulated(gram), _cumulated(cross))


def policy_lacks(known: Moments, end: int) -> tuple[str, ...]:
    """Return what the ridge lacks before the position `end`: ``120 of 250 trader-days``."""
    days = int(np.searchsorted(known.day, end))
    rows = int(known.gram_until[days][0, 0])
    return _short_of(
        (days, config.MIN_FIT_DESK_DAYS, "sessions"), (rows, config.MIN_FIT_TRADER_DAYS, "trader-days")
    )


def risk_lacks(examples: Examples, end: int) -> tuple[str, ...]:
    """Return what the logistic lacks before the position `end`: ``7 of 10 large losses``."""
    labels = examples.large_loss[_outcome_known(examples, end)]
    losses = int(labels.sum())
    return _short_of(
        (len(labels), config.MIN_FIT_TRADER_DAYS, "trader-days of known outcome"),
        (losses, config.MIN_FIT_LARGE_LOSSES, "large losses"),
        (len(labels) - losses, config.MIN_FIT_LARGE_LOSSES, "days without a large loss"),
    )


def _short_of(*walls: tuple[int, int, str]) -> tuple[str, ...]:
    """Return the walls (seen, needed, of what) that are not reached, in words."""
    return tuple(f"{seen:,} of {needed:,} {name}" for seen, needed, name in walls if seen < needed)


def _outcome_known(examples: Examples, end: int) -> np.ndarray:
    """Return the rows before the position `end` of which it is known whether they are large losses."""
    return np.flatnonzero(examples.large_loss_known[: int(np.searchsorted(examples.day, end))])


def fit_policy(known: Moments, end: int) -> PolicyFit | None:
    """Fit the ridge on the days before the position `end`.

    Minimises the squared error plus ``0.1 n`` times the squared coefficients of the standardised
    features; the intercept is free. Returns ``None`` where there are too few days.

    Raises
    ------
    ModelError
        If a coefficient is not finite.
    """
    if policy_lacks(known, end):
        return None
    days = int(np.searchsorted(known.day, end))
    gram, cross = known.gram_until[days], known.cross_until[days]
    count = gram[0, 0]
    means, variances = _feature_moments(gram)
    penalty = np.diag(np.append(0.0, config.RIDGE_PENALTY_PER_ROW * count * variances))
    inverse = np.linalg.inv(gram + penalty)
    coefficients = inverse @ cross
    if not np.isfinite(coefficients).all():
        raise ModelError("The policy head has coefficients that are not finite: look at the features.")
    scores = known.cross[:days] - known.gram[:days] @ coefficients
    return PolicyFit(coefficients, inverse, scores, means)


def fit_risk(examples: Examples, end: int, start: np.ndarray | None = None) -> RiskFit | None:
    """Fit the logistic on the days before the position `end` whose outcome is known.

    Minimises ``C`` times the log loss plus half the squared weights of the standardised
    features; the intercept is free. Returns ``None`` where there are too few days or losses.
    """
    if risk_lacks(examples, end):
        return None
    known = _outcome_known(examples, end)
    labels, features = examples.large_loss[known].astype(float), examples.features[known]
    variances = _or_one(features.var(axis=0))
    penalty = np.append(0.0, variances / config.LOGISTIC_C)
    weights = _newton(with_intercept(features), labels, penalty, start)
    return RiskFit(weights, features.mean(axis=0))


def level_weights(reduction: np.ndarray) -> np.ndarray:
    """Return how the benefit of a reduction is read off the policy levels, shape (n, levels).

    Between two levels it is interpolated; the benefit of 0 is 0.
    """
    knots = np.append(0, LEVELS)
    columns = [np.interp(reduction, knots, unit) for unit in np.eye(len(knots))[1:]]
    return np.column_stack(columns)


def with_intercept(features: np.ndarray) -> np.ndarray:
    """Return the features with a leading column of ones."""
    return np.column_stack([np.ones(len(features)), features])


def _newton(
    rows: np.ndarray, labels: np.ndarray, penalty: np.ndarray, start: np.ndarray | None
) -> np.ndarray:
    weights = np.zeros(rows.shape[1]) if start is None else start
    loss = _penalised_loss(rows, labels, penalty, weights)
    for _ in range(_MAX_STEPS):
        chance = _expit(rows @ weights)
        gradient = rows.T @ (chance - labels) + penalty * weights
        if np.abs(gradient).max() <= _TOLERANCE * len(labels):
            return weights
        hessian = (rows.T * (chance * (1 - chance))) @ rows + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        weights, loss = _descend(rows, labels, penalty, weights, step, loss)
    raise ModelError("The risk head did not converge: look at the features for extreme values.")


def _descend(
    rows: np.ndarray,
    labels: np.ndarray,
    penalty: np.ndarray,
    weights: np.ndarray,
    step: np.ndarray,
    loss: float,
) -> tuple[np.ndarray, float]:
    """Take a Newton step, halved until the loss does not grow (up to rounding)."""
    for halving in range(_MAX_HALVINGS):
        tried = weights - step / 2**halving
        new_loss = _penalised_loss(rows, labels, penalty, tried)
        if new_loss <= loss + 1e-9 * abs(loss):
            return tried, new_loss
    raise ModelError("The risk head found no descent: look at the features for extreme values.")


def _penalised_loss(rows: np.ndarray, labels: np.ndarray, penalty: np.ndarray, weights: np.ndarray) -> float:
    odds = rows @ weights
    return float((np.logaddexp(0, odds) - labels * odds).sum() + (penalty * weights**2).sum() / 2)


def _expit(odds: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(odds / 2)) / 2


def _cumulated(parts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, *parts.shape[1:])), np.cumsum(parts, axis=0)])


def _feature_moments(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each feature from a Gram matrix with a leading intercept."""
    count = gram[0, 0]
    means = gram[0, 1:] / count
    return means, _or_one(np.diag(gram)[1:] / count - means**2)


def _or_one(variances: np.ndarray) -> np.ndarray:
    """Return the variances, 1 for a feature that does not vary."""
    return np.where(variances > 1e-12, variances, 1.0)
