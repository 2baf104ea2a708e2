import numpy as np
import pytest

from riskops import config
from riskops.models import pooled
from riskops.models.pooled import (
    Examples,
    WalkForward,
    fit_policy,
    fit_risk,
    level_weights,
    moments,
    risk_rows,
)

FAR = 10_000


def examples(days: int = 120, a_day: int = 6, width: int = 5, seed: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    count = days * a_day
    features = rng.standard_normal((count, width)) * np.array([1, 5, 0.1, 2, 1])[:width] + 1
    shared = np.repeat(rng.standard_normal((days, 8)), a_day, axis=0)
    benefits = features[:, :1] * np.linspace(0.1, 0.5, 8) + shared + rng.standard_normal((count, 8))
    chance = 1 / (1 + np.exp(2 - features[:, 0]))
    return Examples(
        day=np.repeat(np.arange(100, 100 + days), a_day),
        features=features,
        benefits=benefits * 2,
        large_loss=rng.random(count) < chance,
        large_loss_known=rng.random(count) < 0.95,
    )


def standardised(features: np.ndarray) -> np.ndarray:
    return (features - features.mean(axis=0)) / features.std(axis=0)


# --- the policy head ------------------------------------------------------------------------
def test_the_policy_head_is_scikit_learns_ridge():
    from sklearn.linear_model import Ridge

    past = examples()
    z = standardised(past.features)
    oracle = Ridge(alpha=0.1 * len(z)).fit(z, np.clip(past.benefits, -4, 4))
    fit = fit_policy(moments(past), FAR)
    np.testing.assert_allclose(fit.benefits(past.features), oracle.predict(z), atol=1e-10)


def test_targets_are_clipped():
    past = examples()
    wild = Examples(past.day, past.features, past.benefits * 1e6, past.large_loss, past.large_loss_known)
    assert np.abs(fit_policy(moments(wild), FAR).benefits(past.features)).max() < 2 * config.TARGET_CLIP


def naive_covariance(past: Examples, row: np.ndarray) -> np.ndarray:
    x = np.column_stack([np.ones(len(past.day)), past.features])
    y = np.clip(past.benefits, -4, 4)
    penalty = np.diag([0, *(0.1 * len(x) * past.features.var(axis=0))])
    bread = np.linalg.inv(x.T @ x + penalty)
    residual = y - x @ (bread @ x.T @ y)
    days = np.unique(past.day)
    pulls = [row @ bread @ (x[past.day == d].T @ residual[past.day == d]) for d in days]
    return np.array(pulls).T @ np.array(pulls) * len(days) / (len(days) - 1)


def test_standard_errors_are_the_day_clustered_sandwich():
    past = examples()
    fit = fit_policy(moments(past), FAR)
    row = past.features[17]
    expected = naive_covariance(past, np.append(1, row))
    np.testing.assert_allclose(fit.covariances(row[None])[0], expected, rtol=1e-6)


def test_a_feature_that_never_varies_gets_no_say():
    past = examples()
    constant = np.column_stack([past.features, np.full(len(past.day), 3.0)])
    same = Examples(past.day, constant, past.benefits, past.large_loss, past.large_loss_known)
    expected = fit_policy(moments(past), FAR).benefits(past.features)
    np.testing.assert_allclose(fit_policy(moments(same), FAR).benefits(constant), expected, atol=1e-8)


def test_contributions_explain_the_difference_to_the_average_day():
    past = examples()
    fit = fit_policy(moments(past), FAR)
    contrast = level_weights(np.array([60]))[0] - level_weights(np.array([20]))[0]
    here, average = fit.benefits(past.features[:1])[0], fit.benefits(fit.means[None])[0]
    assert fit.contributions(past.features[0], contrast).sum() == pytest.approx((here - average) @ contrast)


def test_there_is_no_policy_head_before_there_is_enough_to_learn():
    assert fit_policy(moments(examples(days=config.MIN_FIT_DESK_DAYS - 1)), FAR) is None
    assert fit_policy(moments(examples(days=100, a_day=2)), FAR) is None


@pytest.mark.parametrize(
    ("days", "a_day", "lacks"),
    [
        (60, 5, ()),
        (59, 5, ("59 of 60 sessions",)),
        (125, 2, ()),
        (124, 2, ("248 of 250 trader-days",)),
        (2, 3, ("2 of 60 sessions", "6 of 250 trader-days")),
    ],
)
def test_the_policy_head_is_there_from_exactly_the_least_amount_on(days, a_day, lacks):
    known = moments(examples(days=days, a_day=a_day))
    assert pooled.policy_lacks(known, FAR) == lacks
    assert (fit_policy(known, FAR) is None) == bool(lacks)


# --- the risk head --------------------------------------------------------------------------
def test_the_risk_head_is_scikit_learns_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    past = examples()
    known = past.large_loss_known
    z = standardised(past.features[known])
    oracle = LogisticRegression(C=0.02, solver="newton-cholesky", tol=1e-10, max_iter=200)
    oracle.fit(z, past.large_loss[known])
    fit = fit_risk(risk_rows(past), FAR)
    expected = oracle.predict_proba(z)[:, 1]
    np.testing.assert_allclose(fit.probability(past.features[known]), expected, atol=1e-8)


def test_unknown_outcomes_are_left_out():
    past = examples()
    flipped = np.where(past.large_loss_known, past.large_loss, ~past.large_loss)
    other = Examples(past.day, past.features, past.benefits, flipped, past.large_loss_known)
    np.testing.assert_array_equal(
        fit_risk(risk_rows(past), FAR).weights, fit_risk(risk_rows(other), FAR).weights
    )


def test_a_warm_start_changes_nothing():
    past = examples()
    cold = fit_risk(risk_rows(past), FAR).weights
    warm = fit_risk(risk_rows(past), FAR, start=cold + 0.5).weights
    np.testing.assert_allclose(cold, warm, atol=1e-8)


def test_there_is_no_risk_head_without_large_losses():
    past = examples()
    calm = Examples(
        past.day, past.features, past.benefits, np.zeros(len(past.day), bool), past.large_loss_known
    )
    assert fit_risk(risk_rows(calm), FAR) is None


@pytest.mark.parametrize(
    ("losses", "lacks"),
    [
        (10, ()),
        (9, ("9 of 10 large losses",)),
        (240, ()),
        (241, ("9 of 10 days without a large loss",)),
    ],
)
def test_the_risk_head_is_there_from_exactly_the_least_amount_on(losses, lacks):
    past = examples(days=50, a_day=5)
    known, large = np.ones(250, dtype=bool), np.arange(250) < losses
    few = Examples(past.day, past.features, past.benefits, large, known)
    assert pooled.risk_lacks(risk_rows(few), FAR) == lacks
    assert (fit_risk(risk_rows(few), FAR) is None) == bool(lacks)


def test_trader_days_of_unknown_outcome_teach_the_risk_head_nothing():
    past = examples(days=50, a_day=5)
    known = np.arange(250) > 0
    few = Examples(past.day, past.features, past.benefits, np.arange(250) % 2 == 0, known)
    assert pooled.risk_lacks(risk_rows(few), FAR) == ("249 of 250 trader-days of known outcome",)


# --- walking forward ------------------------------------------------------------------------
def test_a_week_knows_the_days_up_to_five_sessions_before_it():
    assert [pooled.knowledge_end(position) for position in (200, 204, 205)] == [195, 195, 200]
    last_day_known = pooled.knowledge_end(200) - 1
    assert 200 - last_day_known - 1 == config.EMBARGO_SESSIONS


@pytest.mark.parametrize("head", ["policy", "risk"])
def test_fits_of_a_week_do_not_change_with_the_days_after_its_knowledge(head):
    past = examples()
    later = past.day >= pooled.knowledge_end(200)
    changed = Examples(
        past.day,
        np.where(later[:, None], -7 * past.features, past.features),
        np.where(later[:, None], -past.benefits, past.benefits),
        past.large_loss ^ later,
        past.large_loss_known,
    )
    fits = [getattr(WalkForward(e), head)(202) for e in (past, changed)]
    weights = [fit.coefficients if head == "policy" else fit.weights for fit in fits]
    np.testing.assert_array_equal(weights[0], weights[1])


def test_the_moving_fit_is_the_fit_on_the_days_known():
    past = examples()
    known = past.day < pooled.knowledge_end(190)
    alone = Examples(
        *(getattr(past, f)[known] for f in ("day", "features", "benefits", "large_loss", "large_loss_known"))
    )
    moving = WalkForward(past).policy(190)
    np.testing.assert_allclose(moving.coefficients, fit_policy(moments(alone), FAR).coefficients, atol=1e-10)


def test_the_order_of_rows_does_not_matter():
    past = examples()
    order = np.random.default_rng(0).permutation(len(past.day))
    mixed = Examples(
        *(getattr(past, f)[order] for f in ("day", "features", "benefits", "large_loss", "large_loss_known"))
    )
    one, other = WalkForward(past).policy(215), WalkForward(mixed).policy(215)
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-10)


def test_a_reduction_between_two_levels_is_interpolated():
    weights = level_weights(np.array([0, 5, 10, 25, 80]))
    assert weights[0].tolist() == [0] * 8
    assert weights[1, 0] == 0.5
    assert weights[2].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert weights[3, 1:3].tolist() == [0.5, 0.5]
    assert weights[4, -1] == 1
