"""One morning's rules and model, as the verbs compute them, against the bare arithmetic."""

from __future__ import annotations

import numpy as np

from riskops import challenger, champion
from riskops.history import DeskHistory, TradePaths
from riskops.records import Rule
from tests.benchmarks import bare_model, bare_rules
from tests.benchmarks.desks import lived_desk
from tests.benchmarks.measuring import Bar, Bars, faster


def bars() -> Bars:
    """Measure both verbs without the reading and the writing, on the small desk and its trades."""
    desk, paths = lived_desk()
    _demand_the_same_rules(desk)
    yield Bar(
        "compute of `score_rules`, 15 x 750",
        "bare numpy of the same arithmetic",
        1 / faster(lambda: bare_rules.morning(desk), lambda: score_rules(desk), rounds=15),
        2,
    )
    _demand_the_same_model(desk, paths)
    yield Bar(
        "compute of `score_pooled_model`, 15 x 750",
        "bare numpy of the same arithmetic",
        1 / faster(lambda: bare_model.morning(desk, paths), lambda: score_model(desk, paths), rounds=9),
        2,
    )


def score_rules(desk: DeskHistory) -> tuple:
    """Compute what the verb computes."""
    walks = champion.walk(desk)
    return champion.score(desk, walks), champion.restricted_share(desk, walks), walks


def score_model(desk: DeskHistory, paths: TradePaths) -> challenger.Scored:
    """Compute what the verb computes."""
    walks = champion.walk(desk)
    return challenger.score(desk, paths, walks, champion.score(desk, walks))


def _demand_the_same_rules(desk: DeskHistory) -> None:
    scores, _, walks = score_rules(desk)
    for score, bare in zip(scores, bare_rules.morning(desk), strict=True):
        raw, reduction, levels, flip, followed, (_, alone, _) = bare
        assert (score.raw_reduction, score.reduction, score.flip_distance_cents) == (raw, reduction, flip)
        assert [(s.rule, s.level) for s in score.signals] == [
            (rule, level) for rule, level in zip(Rule, levels.tolist(), strict=True) if level
        ]
        if (record := score.track_record) is not None:
            assert (record.hits, record.days) == followed[list(Rule).index(record.rule)]
        np.testing.assert_array_equal(walks[score.trader_id].reduction, alone)


def _demand_the_same_model(desk: DeskHistory, paths: TradePaths) -> None:
    found = score_model(desk, paths).scores
    for score, bare in zip(found, bare_model.morning(desk, paths), strict=True):
        reduction, risk, gain, error = bare
        assert score.reduction == reduction
        ours = (score.large_loss_probability, score.gain_usd, score.gain_se_usd)
        np.testing.assert_allclose(ours, (risk, gain, error), rtol=1e-6, atol=1e-6)
