"""Whole walk-forwards, every week of a simulated desk, against scikit-learn."""

from functools import lru_cache

import numpy as np
import pytest

from riskops import challenger, champion
from riskops.models.pooled import Examples, WalkForward, knowledge_end
from tests.simulated_desks import simulated_desk


@lru_cache
def desk_examples() -> Examples:
    """Return the trader-days of a desk with a year and a half behind it."""
    desk, paths = simulated_desk(10, 380, tilt=0.8, seed=6)
    return challenger.learn(desk, paths, champion.walk(desk)).model.examples


def predictions(head: str, predict) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return what the head and the oracle say of every week in which there is a head."""
    examples, model = desk_examples(), WalkForward(desk_examples())
    weeks = [(p, rows, getattr(model, head)(p)) for p, rows in challenger.weeks(examples.day)]
    return [predict(examples, fit, examples.day < knowledge_end(p), rows) for p, rows, fit in weeks if fit]


def ridge(examples, fit, known, rows):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(examples.features[known])
    oracle = Ridge(alpha=0.1 * known.sum())
    oracle.fit(scaler.transform(examples.features[known]), np.clip(examples.benefits[known], -4, 4))
    return fit.benefits(examples.features[rows]), oracle.predict(scaler.transform(examples.features[rows]))


def logistic(examples, fit, known, rows):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    known = known & examples.large_loss_known
    scaler = StandardScaler().fit(examples.features[known])
    oracle = LogisticRegression(C=0.02, solver="newton-cholesky", tol=1e-10, max_iter=200)
    oracle.fit(scaler.transform(examples.features[known]), examples.large_loss[known])
    expected = oracle.predict_proba(scaler.transform(examples.features[rows]))[:, 1]
    return fit.probability(examples.features[rows]), expected


@pytest.mark.parametrize(
    ("head", "predict", "tolerance"),
    [("policy", ridge, 1e-10), ("risk", logistic, 1e-8)],
    ids=["ridge", "logistic"],
)
def test_every_week_of_the_walk_is_what_scikit_learn_fits_anew(head, predict, tolerance):
    weeks = predictions(head, predict)
    assert len(weeks) > 50
    for ours, theirs in weeks:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def test_weeks_asked_for_together_are_those_asked_for_one_by_one():
    examples = desk_examples()
    positions = [position for position, _ in challenger.weeks(examples.day)]
    together = WalkForward(examples).policies(positions)
    alone = [WalkForward(examples).policy(position) for position in positions[::9]]
    for one, other in zip(together[::9], alone, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one.coefficients, other.coefficients)
