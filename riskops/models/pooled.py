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

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

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
    matrix; `means` of the features over the training days; `gram` and `cross` the moments of each
    training day.
    """

    coefficients: np.ndarray
    inverse: np.ndarray
    means: np.ndarray
    gram: np.ndarray
    cross: np.ndarray

    def benefits(self, features: np.ndarray) -> np.ndarray:
        """Return the expected benefit of every level in units of scale, shape (n, levels)."""
        return with_intercept(features) @ self.coefficients

    def covariances(self, features: np.ndarray) -> np.ndarray:
        """Return the sandwich covariance between levels of each row, (n, levels, levels).

        Residuals of one day may hang together; days are taken for independent.
        """
        width, levels = self.coefficients.shape
        influence = with_intercept(features) @ self.inverse
        half = (influence @ self._meat).reshape(-1, width, levels**2)
        return np.matmul(influence[:, None], half).reshape(-1, levels, levels)

    @cached_property
    def _meat(self) -> np.ndarray:
        """The summed products of the days' residual scores, shape (1 + p, (1 + p) levels^2)."""
        days, width, levels = self.cross.shape
        fitted = self.gram.reshape(days * width, width) @ self.coefficients
        scores = (self.cross - fitted.reshape(self.cross.shape)).reshape(days, width * levels)
        products = (scores.T @ scores * (days / (days - 1))).reshape(width, levels, width, levels)
        return products.transpose(0, 2, 1, 3).reshape(width, width * levels**2)

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


@dataclass(frozen=True, eq=False)
class RiskRows:
    """What the risk head learns from: the days of known outcome, ascending.

    `rows` features with a leading one, shape (n, 1 + p); `labels` 1.0 for a large loss.
    """

    day: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    def until(self, end: int) -> int:
        """Return how many rows lie before the position `end`."""
        return int(np.searchsorted(self.day, end))


@dataclass(eq=False)
class WalkForward:
    """Both heads as they stood in any week, fitted on demand and kept.

    The risk head of a week starts from that of the week fitted before it; the optimum is unique,
    so the order of questions matters only to the last bits.
    """

    examples: Examples
    moments: Moments = field(init=False)
    risk_rows: RiskRows = field(init=False)
    _policies: dict[int, PolicyFit | None] = field(default_factory=dict, init=False)
    _risks: dict[int, RiskFit | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.examples = self.examples.by_day()
        self.moments = moments(self.examples)
        self.risk_rows = risk_rows(self.examples)

    def policy(self, position: int) -> PolicyFit | None:
        """Return the policy head in force at `position`; ``None`` before there is one."""
        return self.policies([position])[0]

    def policies(self, positions: Sequence[int]) -> list[PolicyFit | None]:
        """Return the policy heads in force at `positions`; those not fitted yet are fitted together."""
        ends = [knowledge_end(position) for position in positions]
        missing = sorted(set(ends) - self._policies.keys())
        self._policies |= dict(zip(missing, fit_policies(self.moments, missing), strict=True))
        return [self._policies[end] for end in ends]

    def lacks(self, position: int) -> tuple[str, ...]:
        """Return what either head is short of at `position`, in words; nothing where both can be fitted."""
        known = knowledge_end(position)
        return policy_lacks(self.moments, known) or risk_lacks(self.risk_rows, known)

    def risk(self, position: int) -> RiskFit | None:
        """Return the risk head in force at `position`; ``None`` before there is one."""
        known = knowledge_end(position)
        if known not in self._risks:
            self._risks[known] = fit_risk(self.risk_rows, known, self._start(known))
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
    parts = list(pairwise([*first.tolist(), len(rows)]))
    width, levels = rows.shape[1], targets.shape[1]
    gram, cross = np.empty((len(day), width, width)), np.empty((len(day), width, levels))
    for i, (start, end) in enumerate(parts):
        here = rows[start:end].T
        np.matmul(here, rows[start:end], out=gram[i])
        np.matmul(here, targets[start:end], out=cross[i])
    return Moments(day, gram, cross, _cumulated(gram), _cumulated(cross))


def risk_rows(examples: Examples) -> RiskRows:
    """Return the rows of known outcome of trader-days ordered by day."""
    known = examples.large_loss_known
    return RiskRows(
        examples.day[known],
        with_intercept(examples.features[known]),
        examples.large_loss[known].astype(float),
    )


def policy_lacks(known: Moments, end: int) -> tuple[str, ...]:
    """Return what the ridge lacks before the position `end`: ``120 of 250 trader-days``."""
    days = int(np.searchsorted(known.day, end))
    rows = int(known.gram_until[days][0, 0])
    return _short_of(
        (days, config.MIN_FIT_DESK_DAYS, "sessions"), (rows, config.MIN_FIT_TRADER_DAYS, "trader-days")
    )


def risk_lacks(known: RiskRows, end: int) -> tuple[str, ...]:
    """Return what the logistic lacks before the position `end`: ``7 of 10 large losses``."""
    count = known.until(end)
    losses = int(known.labels[:count].sum())
    return _short_of(
        (count, config.MIN_FIT_TRADER_DAYS, "trader-days of known outcome"),
        (losses, config.MIN_FIT_LARGE_LOSSES, "large losses"),
        (count - losses, config.MIN_FIT_LARGE_LOSSES, "days without a large loss"),
    )


def _short_of(*walls: tuple[int, int, str]) -> tuple[str, ...]:
    """Return the walls (seen, needed, of what) that are not reached, in words."""
    return tuple(f"{seen:,} of {needed:,} {name}" for seen, needed, name in walls if seen < needed)


def fit_policy(known: Moments, end: int) -> PolicyFit | None:
    """Fit the ridge on the days before the position `end`; see `fit_policies`."""
    return fit_policies(known, [end])[0]


def fit_policies(known: Moments, ends: Sequence[int]) -> list[PolicyFit | None]:
    """Fit the ridge on the days before each of the positions `ends`.

    Minimises the squared error plus ``0.1 n`` times the squared coefficients of the standardised
    features; the intercept is free. ``None`` where there are too few days.

    Raises
    ------
    ModelError
        If a coefficient is not finite.
    """
    enough = [end for end in ends if not policy_lacks(known, end)]
    days = np.searchsorted(known.day, enough)
    gram = known.gram_until[days]
    means, variances = _feature_moments(gram)
    at = np.arange(1, gram.shape[-1])
    penalised = gram.copy()
    penalised[:, at, at] += config.RIDGE_PENALTY_PER_ROW * gram[:, :1, 0] * variances
    inverse = np.linalg.inv(penalised)
    coefficients = inverse @ known.cross_until[days]
    if not np.isfinite(coefficients).all():
        raise ModelError("The policy head has coefficients that are not finite: look at the features.")
    fits = {
        end: PolicyFit(coefficients[i], inverse[i], means[i], known.gram[:n], known.cross[:n])
        for i, (end, n) in enumerate(zip(enough, days.tolist(), strict=True))
    }
    return [fits.get(end) for end in ends]


def fit_risk(known: RiskRows, end: int, start: np.ndarray | None = None) -> RiskFit | None:
    """Fit the logistic on the days before the position `end` whose outcome is known.

    Minimises ``C`` times the log loss plus half the squared weights of the standardised
    features; the intercept is free. Returns ``None`` where there are too few days or losses.
    """
    if risk_lacks(known, end):
        return None
    count = known.until(end)
    rows, labels = known.rows[:count], known.labels[:count]
    variances = _or_one(rows[:, 1:].var(axis=0))
    penalty = np.append(0.0, variances / config.LOGISTIC_C)
    return RiskFit(_newton(rows, labels, penalty, start), rows[:, 1:].mean(axis=0))


def level_weights(reduction: np.ndarray) -> np.ndarray:
    """Return how the benefit of a reduction is read off the policy levels, shape (n, levels).

    Between two levels it is interpolated; the benefit of 0 is 0.
    """
    return _LEVEL_WEIGHTS[reduction]


def _interpolated() -> np.ndarray:
    """Return the weights of every reduction from 0 to the largest one."""
    knots, reductions = np.append(0, LEVELS), np.arange(config.MAX_REDUCTION + 1)
    return np.column_stack([np.interp(reductions, knots, unit) for unit in np.eye(len(knots))[1:]])


_LEVEL_WEIGHTS = _interpolated()


def with_intercept(features: np.ndarray) -> np.ndarray:
    """Return the features with a leading column of ones."""
    return np.column_stack([np.ones(len(features)), features])


@dataclass(frozen=True, eq=False)
class _Point:
    """Weights of the risk head, the penalised loss there and the chances they give."""

    weights: np.ndarray
    loss: float
    chance: np.ndarray


def _newton(
    rows: np.ndarray, labels: np.ndarray, penalty: np.ndarray, start: np.ndarray | None
) -> np.ndarray:
    at = _evaluated(rows, labels, penalty, np.zeros(rows.shape[1]) if start is None else start)
    for _ in range(_MAX_STEPS):
        gradient = (at.chance - labels) @ rows + penalty * at.weights
        if np.abs(gradient).max() <= _TOLERANCE * len(labels):
            return at.weights
        halves = rows * np.sqrt(at.chance * (1 - at.chance))[:, None]
        step = np.linalg.solve(halves.T @ halves + np.diag(penalty), gradient)
        at = _descended(rows, labels, penalty, at, step)
    raise ModelError("The risk head did not converge: look at the features for extreme values.")


def _descended(
    rows: np.ndarray, labels: np.ndarray, penalty: np.ndarray, at: _Point, step: np.ndarray
) -> _Point:
    """Take a Newton step, halved until the loss does not grow (up to rounding)."""
    for halving in range(_MAX_HALVINGS):
        tried = _evaluated(rows, labels, penalty, at.weights - step / 2**halving)
        if tried.loss <= at.loss + 1e-9 * abs(at.loss):
            return tried
    raise ModelError("The risk head found no descent: look at the features for extreme values.")


def _evaluated(rows: np.ndarray, labels: np.ndarray, penalty: np.ndarray, weights: np.ndarray) -> _Point:
    odds = rows @ weights
    small = np.exp(-np.abs(odds))
    losses = np.maximum(odds, 0) + np.log(1 + small)
    loss = float(losses.sum() - labels @ odds + (penalty * weights**2).sum() / 2)
    return _Point(weights, loss, np.where(odds >= 0, 1, small) / (1 + small))


def _expit(odds: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(odds / 2)) / 2


def _cumulated(parts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, *parts.shape[1:])), np.cumsum(parts, axis=0)])


def _feature_moments(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each feature from Gram matrices with a leading intercept."""
    count = gram[:, :1, 0]
    means = gram[:, 0, 1:] / count
    squares = np.diagonal(gram, axis1=1, axis2=2)[:, 1:]
    return means, _or_one(squares / count - means**2)


def _or_one(variances: np.ndarray) -> np.ndarray:
    """Return the variances, 1 for a feature that does not vary."""
    return np.where(variances > 1e-12, variances, 1.0)
