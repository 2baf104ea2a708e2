"""How good the displayed risk is: against libraries, and on risks whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest

from riskops import config, displayed_risk

SESSIONS, TRADERS = 300, 12


def drawn(power: float = 1.0, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return displayed risks, large losses and days; the log-odds shown are `power` times the true ones."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(SESSIONS), TRADERS)
    odds = rng.normal(-1.5, 0.8, len(day))
    large = rng.random(len(day)) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-power * odds)), large, day


def test_a_true_risk_is_calibrated_and_its_interval_holds_one():
    fit = displayed_risk.calibration(*drawn())
    assert fit.slope_low < 1 < fit.slope_high
    assert fit.expected == pytest.approx(fit.large_losses, rel=0.1)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_a_risk_that_exaggerates_or_understates_differences_shows_in_the_slope(power):
    fit = displayed_risk.calibration(*drawn(power))
    assert fit.slope == pytest.approx(1 / power, rel=0.15)
    assert not fit.slope_low < 1 < fit.slope_high


def test_slope_and_clustered_error_are_those_of_statsmodels():
    import statsmodels.api as sm

    risk, large, day = drawn(1.3)
    odds = sm.add_constant(np.log(risk / (1 - risk)))
    theirs = sm.Logit(large.astype(float), odds).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": day}, tol=1e-12
    )
    ours = displayed_risk.calibration(risk, large, day)
    half = (ours.slope_high - ours.slope_low) / 2 / displayed_risk.Z_95
    assert ours.slope == pytest.approx(theirs.params[1], rel=1e-6)
    assert half == pytest.approx(theirs.bse[1], rel=2e-3)


def test_the_reliability_table_counts_every_day_once_from_low_to_high():
    risk, large, day = drawn()
    bins = displayed_risk.calibration(risk, large, day).bins
    assert len(bins) == config.RELIABILITY_BINS
    assert sum(b.days for b in bins) == len(risk)
    assert sum(b.large_losses for b in bins) == large.sum()
    assert [b.risk_from for b in bins] == sorted(b.risk_from for b in bins)
    assert all(b.rate_low <= b.rate == b.large_losses / b.days <= b.rate_high for b in bins)


@pytest.mark.parametrize(
    ("risk", "large"),
    [([0.1, 0.2, 0.3], [0, 0, 0]), ([0.2, 0.2, 0.2], [1, 0, 1]), ([0.1, 0.2, 0.9], [0, 0, 1])],
    ids=["no large loss", "one risk for all", "separated"],
)
def test_a_slope_that_cannot_be_told_is_not_told(risk, large):
    fit = displayed_risk.calibration(np.array(risk), np.array(large, dtype=bool), np.arange(3))
    assert fit.slope is None
    assert len(fit.bins) == 3


def test_without_days_there_is_no_calibration():
    assert displayed_risk.calibration(np.empty(0), np.empty(0, dtype=bool), np.empty(0)) is None


def test_the_area_under_the_curve_is_scikit_learns_ties_and_all():
    from sklearn.metrics import roc_auc_score

    risk, large, day = drawn()
    scores = {"a": np.round(risk, 1), "b": np.random.default_rng(1).random(len(risk))}
    found = displayed_risk.areas(scores, large, day)
    for name, score in scores.items():
        assert found[name].value == pytest.approx(roc_auc_score(large, score))
    assert found["a - b"].value == pytest.approx(found["a"].value - found["b"].value)


def test_a_useless_score_is_a_coin_and_a_good_one_beats_it():
    risk, large, day = drawn()
    noise = np.random.default_rng(2).random(len(risk))
    found = displayed_risk.areas({"risk": risk, "noise": noise}, large, day)
    assert found["noise"].low < 0.5 < found["noise"].high
    assert found["risk - noise"].low > 0
    assert (found["risk"].large_losses, found["risk"].other_days) == (large.sum(), (~large).sum())


def test_two_copies_of_a_score_do_not_differ():
    risk, large, day = drawn()
    found = displayed_risk.areas({"risk": risk, "again": risk.copy()}, large, day)["risk - again"]
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_days_of_one_kind_only_have_no_ranking():
    risk, large, day = drawn()
    for outcome in (np.zeros_like(large), np.ones_like(large)):
        assert displayed_risk.areas({"risk": risk, "other": risk}, outcome, day) == {}
