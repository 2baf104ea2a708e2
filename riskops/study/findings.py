"""The table of the study: every question with its figure, the error of the figure, and its bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from riskops import config, fixed_sample
from riskops.study.scenarios import FOLLOWED, FOUR_YEARS, PEEKING_FROM, RULES_USD, THREE_YEARS, Observations

Z = 1.959964


@dataclass(frozen=True, slots=True)
class Bar:
    """What a share must be: at most, or at least, so much."""

    at_most: float = 1.0
    at_least: float = 0.0

    def missed_by(self, value: float) -> float:
        """Return by how much a share misses the bar; 0 where it keeps it."""
        return max(value - self.at_most, self.at_least - value, 0.0)

    def __str__(self) -> str:
        return f"at most {self.at_most:.2f}" if self.at_most < 1 else f"at least {self.at_least:.2f}"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of panels."""

    hits: int
    panels: int

    @property
    def value(self) -> float:
        """The share; NaN without a panel."""
        return self.hits / self.panels if self.panels else math.nan

    @property
    def standard_error(self) -> float:
        """The Monte-Carlo standard error; NaN without a panel."""
        return math.sqrt(self.value * (1 - self.value) / self.panels) if self.panels else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval."""
        return fixed_sample.wilson_interval(self.hits, self.panels) or (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Median:
    """A median of sessions over panels, infinite where half of them saw no end, with a 95 % interval."""

    value: float
    interval: tuple[float, float]
    panels: int


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of USD a desk-day over panels."""

    value: float
    standard_error: float
    panels: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a normal mean."""
        return self.value - Z * self.standard_error, self.value + Z * self.standard_error


Measured = Share | Median | Mean


class Kind(Enum):
    """What is made of the observations: the share of panels, the median of sessions, the mean of USD."""

    SHARE = auto()
    MEDIAN = auto()
    MEAN = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """A row: which observation of which scenario, in words.

    `within` makes it the share of panels whose sessions are at most so many.
    """

    section: str
    text: str
    scenario: str
    observed: str
    bar: Bar | None = None
    within: int | None = None
    kind: Kind = Kind.SHARE


@dataclass(frozen=True, slots=True)
class Finding:
    """A question with its answer."""

    question: Question
    measured: Measured

    @property
    def missed_by(self) -> float:
        """By how much the bar is missed; 0 where it is kept or there is none."""
        bar = self.question.bar
        if bar is None:
            return 0.0
        return bar.missed_by(self.measured.value) if self.measured.panels else 1.0


FALSE_PROMOTION = f"False promotion within {THREE_YEARS:,} desk-days"
PEEKING = f"Naive daily peeking on the same {THREE_YEARS:,} desk-days"
POWER = f"Power within {THREE_YEARS:,} desk-days"
WHOLE = "The whole machine on demo desks"
GOING_BACK = "Demotion"

RARELY = Bar(at_most=0.05)
VISIBLY = Bar(at_least=0.15)
USUALLY = Bar(at_least=0.70)
ONE_SIDED = f"one-sided p < .05 on any day from the {config.MIN_DESK_DAYS}th on"
TWO_SIDED = f"two-sided p < .05 on any day from the {PEEKING_FROM}th on"
TURNING = (
    ("series, the advantage turns to its opposite", "turns"),
    ("desks, gains follow a tilt instead of losses", "desks with tilt"),
)

QUESTIONS = (
    Question(FALSE_PROMOTION, "no advantage: the gate opens", "null", "gate", RARELY),
    Question(FALSE_PROMOTION, "no advantage: the e-process of d1 alone", "null", "process", RARELY),
    Question(FALSE_PROMOTION, "exactly 10 % better: the gate opens", "boundary", "gate", RARELY),
    Question(
        FALSE_PROMOTION, "exactly 10 % better: the e-process of d1 alone", "boundary", "process", RARELY
    ),
    Question(
        FALSE_PROMOTION, "small gains, rare large losses: the gate opens", "rare losses", "gate", RARELY
    ),
    Question(
        FALSE_PROMOTION,
        "small gains, rare large losses: the e-process of d1 alone",
        "rare losses",
        "process",
        RARELY,
    ),
    Question(PEEKING, f"no advantage: {ONE_SIDED}", "null", "naive", VISIBLY),
    Question(PEEKING, f"no advantage: {TWO_SIDED}", "null", "naive two-sided", VISIBLY),
    Question(PEEKING, f"exactly 10 % better: {ONE_SIDED}, for d1", "boundary", "naive d1", VISIBLY),
    Question(PEEKING, f"small gains, rare large losses: {ONE_SIDED}", "rare losses", "naive", VISIBLY),
    Question(POWER, "one e-process at a mean of .12 sd a day", "0.12 sd", "process", USUALLY),
    Question(POWER, "one e-process at a mean of .16 sd a day", "0.16 sd", "process", USUALLY),
    Question(
        POWER, f"the gate, twice as good as rules worth ${RULES_USD:.0f} a day", "twice as good", "gate"
    ),
    Question(POWER, f"the gate, 40 % better than rules worth ${RULES_USD:.0f} a day", "40 % better", "gate"),
    Question(
        WHOLE,
        f"no signal, {THREE_YEARS:,} sessions: promoted",
        "desks without signal",
        "gate",
        Bar(at_most=0.0),
    ),
    Question(WHOLE, f"no signal: {ONE_SIDED}", "desks without signal", "naive"),
    Question(
        WHOLE,
        f"strong planted tilt, {FOUR_YEARS:,} sessions: promoted on some day",
        "desks with tilt",
        "promoted",
        Bar(at_least=0.40),
    ),
    Question(
        WHOLE,
        "strong planted tilt: desk-days until promotion",
        "desks with tilt",
        "promoted on",
        kind=Kind.MEDIAN,
    ),
    Question(
        GOING_BACK, f"series that stay good: demoted within {THREE_YEARS:,} days", "stays good", "demoted"
    ),
    Question(
        GOING_BACK,
        f"desks whose tilt stays: demoted before {FOUR_YEARS:,} sessions are over",
        "desks with tilt",
        "demoted",
    ),
    *(
        Question(GOING_BACK, f"{what}: demoted within {within} sessions", scenario, "delay", within=within)
        for what, scenario in TURNING
        for within in (60, 120, FOLLOWED)
    ),
    *(
        Question(GOING_BACK, f"{what}: sessions until demotion", scenario, "delay", kind=Kind.MEDIAN)
        for what, scenario in TURNING
    ),
    *(
        Question(
            GOING_BACK,
            f"the same desks: USD a desk-day {when} the turn",
            "desks with tilt",
            when,
            kind=Kind.MEAN,
        )
        for when in ("before", "after")
    ),
)


def found(observed: Mapping[str, Observations]) -> tuple[Finding, ...]:
    """Answer every question from the observations of the scenarios."""
    return tuple(Finding(q, measured(q, observed[q.scenario][q.observed])) for q in QUESTIONS)


def measured(question: Question, values: np.ndarray) -> Measured:
    """Answer a question from its observations, one a panel; panels it does not apply to are NaN."""
    known = values[~np.isnan(values)]
    if question.kind is Kind.MEDIAN:
        return _median(known)
    if question.kind is Kind.MEAN:
        return _mean(known)
    hits = known <= question.within if question.within else known > 0
    return Share(int(hits.sum()), len(known))


def _mean(values: np.ndarray) -> Mean:
    count = len(values)
    if count < 2:
        return Mean(float(values[0]) if count else math.nan, math.nan, count)
    return Mean(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(count), count)


def _median(values: np.ndarray) -> Median:
    """Return the median, the lower of the middle two, and an interval from the order of the values."""
    count = len(values)
    if not count:
        return Median(math.nan, (math.nan, math.nan), 0)
    ordered = np.sort(values)
    reach = Z * math.sqrt(count) / 2
    low, high = max(math.floor(count / 2 - reach), 0), min(math.ceil(count / 2 + reach), count - 1)
    return Median(float(ordered[(count - 1) // 2]), (float(ordered[low]), float(ordered[high])), count)
