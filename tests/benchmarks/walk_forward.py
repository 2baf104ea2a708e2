"""Both heads of the pooled model, refitted every week of the small desk, against scikit-learn."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from riskops import challenger, champion, config
from riskops.models.pooled import Examples, WalkForward, knowledge_end
from tests.benchmarks.desks import SMALL, drawn_desk
from tests.benchmarks.measuring import Bar, Bars, faster

Week = tuple[int, slice]


def bars() -> Bars:
    """Measure both heads; what they predict is the same in every week."""
    examples = small_examples()
    ridge = weeks(examples, "policy")
    logistic = weeks(examples, "risk")
    _demand_the_same(ridge_predictions(examples, ridge), naive_ridge(examples, ridge), 1e-10)
    _demand_the_same(logistic_predictions(examples, logistic), naive_logistic(examples, logistic), 1e-8)
    yield Bar(
        f"ridge walk-forward, 15 x 750, {len(ridge)} weeks",
        "scikit-learn: StandardScaler and Ridge, fitted anew every week",
        faster(
            lambda: naive_ridge(examples, ridge),
            lambda: ridge_predictions(examples, ridge),
            rounds=7,
            times=10,
        ),
        100,
        at_least=True,
    )
    yield Bar(
        f"logistic walk-forward, 15 x 750, {len(logistic)} weeks",
        "scikit-learn: StandardScaler and LogisticRegression (newton-cholesky, tol 1e-10), likewise",
        faster(
            lambda: naive_logistic(examples, logistic),
            lambda: logistic_predictions(examples, logistic),
            rounds=3,
        ),
        10,
        at_least=True,
    )


@lru_cache(maxsize=1)
def small_examples() -> Examples:
    """Return the trader-days of the small desk, ordered by day."""
    desk, paths = drawn_desk(*SMALL)
    return challenger.learn(desk, paths, champion.walk(desk)).model.examples


def weeks(examples: Examples, head: str) -> list[Week]:
    """Return the weeks in which there is a head: a position of each, and its rows."""
    model = WalkForward(examples)
    return [
        (position, slice(rows[0], rows[-1] + 1))
        for position, rows in challenger.weeks(examples.day)
        if getattr(model, head)(position)
    ]


def ridge_predictions(examples: Examples, wanted: list[Week]) -> list[np.ndarray]:
    """Return what the product expects of every level, week by week, moments included."""
    fits = WalkForward(examples).policies([position for position, _ in wanted])
    return [fit.benefits(examples.features[rows]) for fit, (_, rows) in zip(fits, wanted, strict=True)]


def naive_ridge(examples: Examples, wanted: list[Week]) -> list[np.ndarray]:
    """Return the same from scikit-learn."""
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    targets = np.clip(examples.benefits, -config.TARGET_CLIP, config.TARGET_CLIP)
    predicted = []
    for position, rows in wanted:
        known = examples.day < knowledge_end(position)
        scaler = StandardScaler().fit(examples.features[known])
        ridge = Ridge(alpha=config.RIDGE_PENALTY_PER_ROW * known.sum())
        ridge.fit(scaler.transform(examples.features[known]), targets[known])
        predicted.append(ridge.predict(scaler.transform(examples.features[rows])))
    return predicted


def logistic_predictions(examples: Examples, wanted: list[Week]) -> list[np.ndarray]:
    """Return the risks the product gives, week by week, each fit starting from the last."""
    model = WalkForward(examples)
    return [model.risk(position).probability(examples.features[rows]) for position, rows in wanted]


def naive_logistic(examples: Examples, wanted: list[Week]) -> list[np.ndarray]:
    """Return the same from scikit-learn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    predicted = []
    for position, rows in wanted:
        known = (examples.day < knowledge_end(position)) & examples.large_loss_known
        scaler = StandardScaler().fit(examples.features[known])
        logistic = LogisticRegression(C=config.LOGISTIC_C, solver="newton-cholesky", tol=1e-10, max_iter=200)
        logistic.fit(scaler.transform(examples.features[known]), examples.large_loss[known])
        predicted.append(logistic.predict_proba(scaler.transform(examples.features[rows]))[:, 1])
    return predicted


def _demand_the_same(ours: list[np.ndarray], theirs: list[np.ndarray], tolerance: float) -> None:
    np.testing.assert_allclose(np.concatenate(ours), np.concatenate(theirs), rtol=0, atol=tolerance)
