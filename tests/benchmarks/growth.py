"""How processor time grows with the rows, from 15 x 750 to 1,500 x 1,250 trader-days."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np

from riskops import champion
from riskops.features import observe
from riskops.history import DeskHistory, TradePaths
from riskops.models.pooled import Examples
from tests.benchmarks.desks import FEW_TRADES_A_DAY, LARGE, SMALL, drawn_desk
from tests.benchmarks.measuring import Bar, Bars, processor_time
from tests.benchmarks.walk_forward import ridge_predictions, weeks

ROUNDS = 3
Job = Callable[[], object]


def bars() -> Bars:
    """Measure the features, the ridge walk-forward on them, and the rules' walk."""
    small, large = (drawn_desk(*size, FEW_TRADES_A_DAY) for size in (SMALL, LARGE))
    yield _bar("features of the whole history", *(_features(*desk) for desk in (small, large)))
    yield _bar("ridge walk-forward", *(_walk_forward(*desk) for desk in (small, large)))
    yield _bar("rules on every past morning", *(_rules(*desk) for desk in (small, large)))


def _bar(what: str, small: tuple[int, Job], large: tuple[int, Job]) -> Bar:
    turns = [(processor_time(small[1], 5), processor_time(large[1])) for _ in range(ROUNDS)]
    short, long = (statistics.median(times) for times in zip(*turns, strict=True))
    exponent = math.log(long / short) / math.log(large[0] / small[0])
    return Bar(f"growth of the {what}", "exponent of time in rows", exponent, 1.1, unit="")


def _features(desk: DeskHistory, paths: TradePaths) -> tuple[int, Job]:
    return _rows(desk), lambda: observe(desk, paths)


def _rules(desk: DeskHistory, _paths: TradePaths) -> tuple[int, Job]:
    return _rows(desk), lambda: champion.walk(desk)


def _walk_forward(desk: DeskHistory, paths: TradePaths) -> tuple[int, Job]:
    examples = _examples(desk, paths)
    wanted = weeks(examples, "policy")
    return len(examples.day), lambda: ridge_predictions(examples, wanted)


def _examples(desk: DeskHistory, paths: TradePaths) -> Examples:
    """Return trader-days with the desk's features and drawn targets, ordered by day."""
    seen = observe(desk, paths)
    past = ~seen.today
    rng, count = np.random.default_rng(5), int(past.sum())
    return Examples(
        day=seen.day[past],
        features=np.column_stack([seen.features[past], np.zeros(count)]),
        benefits=rng.standard_normal((count, 8)),
        large_loss=rng.random(count) < 0.1,
        large_loss_known=np.ones(count, dtype=bool),
    ).by_day()


def _rows(desk: DeskHistory) -> int:
    return sum(len(history) for history in desk.traders)
