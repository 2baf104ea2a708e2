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

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from riskops import config
from riskops.errors import ModelError

LEVELS = np.array(config.POLICY_LEVELS)
_TOLERANCE = 1e-11  # of the slope, a row
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
        if (self.day[1:] >= self.day[:-1]).all():
            return self
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
    matrix; `means` of the features over the training days, the first `days` of those `known`.
    """

    coefficients: np.ndarray
    inverse: np.ndarray
    means: np.ndarray
    known: Moments
    days: int

    def benefits(self, features: np.ndarray) -> np.ndarray:
        """Return the expected benefit of every level in units of scale, shape (n, levels)."""
        return features @ self.coefficients[1:] + self.coefficients[0]

    def covariances(self, features: np.ndarray) -> np.ndarray:
        """Return the sandwich covariance between levels of each row, (n, levels, levels).

        Residuals of one day may hang together; days are taken for independent.
        """
        width, levels = self.coefficients.shape
        influence = features @ self.inverse[1:] + self.inverse[0]
        half = (influence @ self._meat).reshape(-1, width, levels**2)
        return np.matmul(influence[:, None], half).reshape(-1, levels, levels)

    @cached_property
    def _meat(self) -> np.ndarray:
        """The summed products of the days' residual scores, shape (1 + p, (1 + p) levels^2)."""
        width, levels = self.coefficients.shape
        moments = self.known.by_day[: self.days].reshape(self.days * width, width + levels)
        off = np.vstack([-self.coefficients, np.eye(levels)])
        scores = (moments @ off).reshape(self.days, width * levels)
        clustered = scores.T @ scores * (self.days / (self.days - 1))
        products = clustered.reshape(width, levels, width, levels)
        return products.transpose(0, 2, 1, 3).reshape(width, width * levels**2)

    def contributions(self, features: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """Return what each feature adds to a contrast of levels, in units of scale, shape (p,)."""
        return (self.coefficients[1:] @ contrast) * (features - self.means)


@dataclass(frozen=True, eq=False)
class RiskFit:
    """The logistic head: `weights` with the intercept first, shape (1 + p,), feature `means`.

    `spread` is the inverse of the second derivatives near the optimum times the number of
    trader-days: it hardly changes from week to week, and the next fit starts from it.
    """

    weights: np.ndarray
    means: np.ndarray
    spread: np.ndarray

    def probability(self, features: np.ndarray) -> np.ndarray:
        """Return the probability of a large loss, shape (n,)."""
        return _expit(features @ self.weights[1:] + self.weights[0])

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return what each feature adds to the log-odds, against the average day, shape (p,)."""
        return self.weights[1:] * (features - self.means)


@dataclass(frozen=True, eq=False)
class Moments:
    """What the policy head learns from, and its second moments: Gram matrix with cross moments beside it.

    `day` and `rows` of the trader-days, ascending by day: a one, the features and the clipped
    targets, shape (n, 1 + p + levels); `width` is 1 + p.
    """

    day: np.ndarray
    rows: np.ndarray
    width: int

    @cached_property
    def days(self) -> np.ndarray:
        """The calendar positions that have trader-days, ascending, shape (d,)."""
        return self.day[np.flatnonzero(np.diff(self.day, prepend=-1))]

    @cached_property
    def by_day(self) -> np.ndarray:
        """The moments of each day, shape (d, 1 + p, 1 + p + levels)."""
        return self._moments(np.searchsorted(self.day, self.days))

    def until(self, ends: Sequence[int]) -> np.ndarray:
        """Return the moments of the days before the ends of knowledge of some weeks, summed up.

        Sums go week by week, so those of a week are the same bits whatever follows it.
        """
        weeks, until = self._by_week
        return until[np.searchsorted(weeks, _week_of_knowledge(np.array(ends, dtype=np.int64)))]

    @cached_property
    def _by_week(self) -> tuple[np.ndarray, np.ndarray]:
        weeks, first = np.unique(_week_of_knowledge(self.day), return_index=True)
        until = np.zeros((len(weeks) + 1, self.width, self.rows.shape[1]))
        np.cumsum(self._moments(first), axis=0, out=until[1:])
        return weeks, until

    def _moments(self, first: np.ndarray) -> np.ndarray:
        """Return the moments of stretches of rows that begin at `first`."""
        moments = np.empty((len(first), self.width, self.rows.shape[1]))
        for found, (start, end) in zip(moments, pairwise([*first.tolist(), len(self.rows)]), strict=True):
            np.matmul(self.rows[start:end, : self.width].T, self.rows[start:end], out=found)
        return moments


@dataclass(frozen=True, eq=False)
class RiskRows:
    """What the risk head learns from: the trader-days of known outcome, ascending by day.

    `rows` features with a leading one, shape (n, 1 + p); `labels` 1.0 for a large loss.
    """

    day: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    def until(self, end: int) -> int:
        """Return how many rows lie before the position `end`."""
        return int(np.searchsorted(self.day, end))

    def moments(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of each feature over the first `count` rows, a whole day's last."""
        sums, squares = (sums[np.searchsorted(self._ends, count)] for sums in self._sums)
        means = sums / count
        return means[1:], _or_one(squares / count - means**2)[1:]

    @cached_property
    def _ends(self) -> np.ndarray:
        """How many rows lie up to and with each day."""
        return np.flatnonzero(np.diff(self.day, append=self.day[-1:] + 1)) + 1

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """The sums of the columns and of their squares up to and with each day."""
        starts = np.append(0, self._ends)[:-1]
        parts = (np.add.reduceat(values, starts, axis=0) for values in (self.rows, self.rows**2))
        sums, squares = (np.cumsum(part, axis=0) for part in parts)
        return sums, squares


@dataclass(eq=False)
class WalkForward:
    """Both heads as they stood in any week, fitted on demand and kept.

    The risk head of a week starts from that of the week fitted before it; the optimum is unique,
    so the order of questions matters only to the last bits.
    """

    examples: Examples
    _policies: dict[int, PolicyFit | None] = field(default_factory=dict, init=False)
    _risks: dict[int, RiskFit | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.examples = self.examples.by_day()

    @cached_property
    def moments(self) -> Moments:
        """What the policy head learns from."""
        return moments(self.examples)

    @cached_property
    def risk_rows(self) -> RiskRows:
        """What the risk head learns from."""
        return risk_rows(self.examples)

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

    def _start(self, known: int) -> RiskFit | None:
        fitted = [k for k, fit in self._risks.items() if fit is not None and k < known]
        return self._risks[max(fitted)] if fitted else None


def week_start(position: int) -> int:
    """Return the first position of the week (block of refit sessions) of `position`."""
    return position - position % config.REFIT_EVERY_SESSIONS


def knowledge_end(position: int) -> int:
    """Return the position before which days may be learnt from: the embargo before the week."""
    return week_start(position) - config.EMBARGO_SESSIONS


def _week_of_knowledge(day: np.ndarray) -> np.ndarray:
    """Return the number of the week that is the last not to know a day."""
    return (day + config.EMBARGO_SESSIONS) // config.REFIT_EVERY_SESSIONS


def moments(examples: Examples) -> Moments:
    """Return what the policy head learns from trader-days ordered by day."""
    targets = np.clip(examples.benefits, -config.TARGET_CLIP, config.TARGET_CLIP)
    rows = np.column_stack([np.ones(len(targets)), examples.features, targets])
    return Moments(examples.day, rows, examples.features.shape[1] + 1)


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
    days, rows = int(np.searchsorted(known.days, end)), int(np.searchsorted(known.day, end))
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
    """Fit the ridge on the days before each of the positions `ends`, where knowledge of weeks ends.

    Minimises the squared error plus ``0.1 n`` times the squared coefficients of the standardised
    features; the intercept is free. ``None`` where there are too few days.

    Raises
    ------
    ModelError
        If a coefficient is not finite.
    """
    # Knowledge only grows: what is enough before one position is enough before every later one.
    enough = sorted(ends)[bisect_left(sorted(ends), True, key=lambda end: not policy_lacks(known, end)) :]
    gram, cross = np.split(known.until(enough), [known.width], axis=2)
    means, variances = _feature_moments(gram)
    at = np.arange(1, known.width)
    penalised = gram.copy()
    penalised[:, at, at] += config.RIDGE_PENALTY_PER_ROW * gram[:, :1, 0] * variances
    inverse = np.linalg.inv(penalised)
    coefficients = inverse @ cross
    if not np.isfinite(coefficients).all():
        raise ModelError("The policy head has coefficients that are not finite: look at the features.")
    days = np.searchsorted(known.days, enough).tolist()
    fits = {
        end: PolicyFit(weights, bread, mean, known, count)
        for end, count, weights, bread, mean in zip(enough, days, coefficients, inverse, means, strict=True)
    }
    return [fits.get(end) for end in ends]


def fit_risk(known: RiskRows, end: int, start: RiskFit | None = None) -> RiskFit | None:
    """Fit the logistic on the days before the position `end` whose outcome is known.

    Minimises ``C`` times the log loss plus half the squared weights of the standardised
    features; the intercept is free. Returns ``None`` where there are too few days or losses.
    """
    if risk_lacks(known, end):
        return None
    count = known.until(end)
    means, variances = known.moments(count)
    loss = _Loss(known.rows[:count], known.labels[:count], np.append(0.0, variances / config.LOGISTIC_C))
    weights, spread = _newton(loss, start)
    return RiskFit(weights, means, spread)


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
    """Weights of the risk head, the odds and chances they give, and the gradient of the loss."""

    loss_function: _Loss
    weights: np.ndarray
    odds: np.ndarray
    chance: np.ndarray
    gradient: np.ndarray

    @cached_property
    def slope(self) -> float:
        """The steepest partial derivative, a trader-day: 0 at the optimum."""
        return float(np.abs(self.gradient).max()) / len(self.odds)

    @cached_property
    def loss(self) -> float:
        """The penalised log loss, seldom asked for."""
        losses = np.logaddexp(0, self.odds).sum() - self.loss_function.labels @ self.odds
        return float(losses + self.loss_function.penalty @ self.weights**2 / 2)


@dataclass(frozen=True, eq=False)
class _Loss:
    """The penalised log loss of `rows` with `labels`: one convex function of the weights."""

    rows: np.ndarray
    labels: np.ndarray
    penalty: np.ndarray

    def at(self, weights: np.ndarray) -> _Point:
        odds = self.rows @ weights
        chance = _expit(odds)
        gradient = (chance - self.labels) @ self.rows + self.penalty * weights
        return _Point(self, weights, odds, chance, gradient)

    def spread(self, at: _Point) -> np.ndarray:
        halves = self.rows * np.sqrt(at.chance * (1 - at.chance))[:, None]
        return np.linalg.inv(halves.T @ halves + np.diag(self.penalty)) * len(self.rows)


def _expit(odds: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(odds / 2)) / 2


def _newton(loss: _Loss, start: RiskFit | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the optimal weights and the spread there.

    Second derivatives are computed at a cold start only. From there each step corrects them by
    what the gradient did (BFGS), which near the optimum is as good as computing them anew.
    """
    count = len(loss.rows)
    at = loss.at(np.zeros(loss.rows.shape[1]) if start is None else start.weights)
    spread = loss.spread(at) if start is None else start.spread
    for _ in range(_MAX_STEPS):
        if at.slope <= _TOLERANCE:
            return at.weights, spread
        before, at = at, _descended(loss, at, spread @ at.gradient / count)
        change = (at.gradient - before.gradient) / count
        spread = _corrected(spread, at.weights - before.weights, change)
    raise ModelError("The risk head did not converge: look at the features for extreme values.")


def _corrected(spread: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the spread that turns the `change` of the gradient into the step that was taken.

    References
    ----------
    Nocedal and Wright (2006), Numerical optimization, equation 6.17.
    """
    met = change @ step
    if met <= 0:  # only rounding is left of both
        return spread
    turned = spread @ change
    across = np.outer(step, turned)
    return spread + ((1 + turned @ change / met) * np.outer(step, step) - across - across.T) / met


def _descended(loss: _Loss, at: _Point, step: np.ndarray) -> _Point:
    """Take a step, halved until the slope falls or the loss does not grow (up to rounding)."""
    for halving in range(_MAX_HALVINGS):
        tried = loss.at(at.weights - step / 2**halving)
        if tried.slope < at.slope or tried.loss <= at.loss + 1e-9 * abs(at.loss):
            return tried
    raise ModelError("The risk head found no descent: look at the features for extreme values.")


def _feature_moments(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each feature from Gram matrices with a leading intercept."""
    count = gram[:, :1, 0]
    means = gram[:, 0, 1:] / count
    squares = np.diagonal(gram, axis1=1, axis2=2)[:, 1:]
    return means, _or_one(squares / count - means**2)


def _or_one(variances: np.ndarray) -> np.ndarray:
    """Return the variances, 1 for a feature that does not vary."""
    return np.where(variances > 1e-12, variances, 1.0)
