import numpy as np

from riskops import config
from riskops.models.pooled import Examples, WalkForward
from riskops.models.trader_specific import learn_own

DAYS = 400


def two_traders() -> tuple[Examples, np.ndarray]:
    rng = np.random.default_rng(5)
    features = rng.standard_normal((2 * DAYS, 4))
    benefits = features[:, :1] * np.linspace(0.1, 0.4, 8) + rng.standard_normal((2 * DAYS, 8))
    trader = np.repeat([0, 1], DAYS)
    day = np.concatenate([np.arange(DAYS), np.arange(DAYS)])
    large = rng.random(2 * DAYS) < 0.1
    return Examples(day, features, benefits, large, np.ones(2 * DAYS, dtype=bool)), trader


def of(examples: Examples, rows: np.ndarray) -> Examples:
    columns = (examples.day, examples.features, examples.benefits, examples.large_loss)
    return Examples(*(column[rows] for column in columns), examples.large_loss_known[rows])


def test_a_traders_model_is_the_pooled_one_learnt_from_his_own_days():
    examples, trader = two_traders()
    own = learn_own(examples, trader, 2)
    for index in (0, 1):
        alone = WalkForward(of(examples, trader == index)).policy(DAYS)
        (fit,) = own.policies(index, [DAYS])
        np.testing.assert_array_equal(fit.coefficients, alone.coefficients)


def test_another_traders_days_change_nothing():
    examples, trader = two_traders()
    turned = Examples(
        examples.day,
        examples.features,
        np.where(trader[:, None] == 1, -examples.benefits, examples.benefits),
        examples.large_loss,
        examples.large_loss_known,
    )
    before, after = (learn_own(e, trader, 2).policies(0, [DAYS])[0] for e in (examples, turned))
    np.testing.assert_array_equal(before.coefficients, after.coefficients)


def test_it_needs_two_hundred_and_fifty_active_days_of_his_own():
    examples, trader = two_traders()
    own = learn_own(examples, trader, 2)
    known = [fit is not None for fit in own.policies(0, list(range(DAYS)))]
    first = known.index(True)
    assert first >= config.OWN_MODEL_ACTIVE_DAYS
    assert not any(known[:first])
    assert all(known[first:])


def test_a_trader_without_a_day_has_none():
    examples, trader = two_traders()
    assert learn_own(examples, trader, 3).policies(2, [0, DAYS]) == [None, None]
