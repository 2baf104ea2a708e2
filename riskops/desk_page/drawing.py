"""Charts as shapes: where bars, lines and labels go. The templates write them down as SVG.

A chart is an illustration: beside it stand its words and a table with the same numbers. Shapes have a
kind, which the style sheet colours for light and dark; no kind is told by its colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from riskops.report.wording import short_dollars

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 24
TICKS = 4
SMALLEST_E, LOWEST_TOP_E = 1e-3, 2.0
BAND = "Each point is a level; the band holds the benefit in 95 % of resampled days."
NO_BAND = "Each point is a level; there are too few days for a band of chance."
TESTS = (
    "Each line is one of the four tests, in the order of the table: solid, long dashes, short dashes, dots. "
    "The dashed line across is the bar that all of them have to reach. Above 1 the evidence is for the model."
)


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, written as SVG has them; an area where its kind says so."""

    points: str
    kind: str


@dataclass(frozen=True, slots=True)
class Label:
    """A few words at a place; `anchor` is ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart: what it is called, what it shows in words, how to read it, and its shapes."""

    title: str
    words: str
    legend: str
    bars: tuple[Bar, ...] = ()
    areas: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()
    labels: tuple[Label, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places: across by number, up by value between `low` and `high`."""

    count: int
    low: float
    high: float

    @property
    def step(self) -> float:
        return (WIDTH - LEFT - RIGHT) / max(self.count, 1)

    def x(self, number: float) -> float:
        return round(LEFT + self.step * (number + 0.5), 1)

    def y(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / span, 1)


def results(
    title: str, words: str, net_usd: Sequence[float], limit_usd: Sequence[float], ends: tuple[str, str]
) -> Drawing:
    """Draw daily results as bars from zero and the limit that was in force as a dashed line of steps."""
    scale = _fitted(len(net_usd), [*net_usd, 0.0, *(-limit for limit in limit_usd)])
    return Drawing(
        title,
        words,
        "Bars are daily results, the dashed line is the limit that was in force.",
        bars=tuple(_bar(scale, i, value) for i, value in enumerate(net_usd)),
        lines=(_level(scale, 0.0, "zero"), Line(_steps(scale, [-limit for limit in limit_usd]), "limit")),
        labels=(*_dollar_labels(scale), *_ends(*ends)),
    )


def course(title: str, words: str, usd: Sequence[float], ends: tuple[str, str]) -> Drawing:
    """Draw a cumulated amount as a line."""
    scale = _fitted(len(usd), [*usd, 0.0])
    return Drawing(
        title,
        words,
        "Cumulated, one point a week.",
        lines=(_level(scale, 0.0, "zero"), Line(_points(scale, usd), "first")),
        labels=(*_dollar_labels(scale), *_ends(*ends)),
    )


def curve(
    title: str,
    words: str,
    usd: Sequence[float],
    band: Sequence[tuple[float, float]],
    names: Sequence[str],
) -> Drawing:
    """Draw an amount by level, each level a marked point, with the band it lies in."""
    scale = _fitted(len(usd), [*usd, 0.0, *(end for pair in band for end in pair)])
    low, high = ([pair[i] for pair in band] for i in (0, 1))
    around = f"{_points(scale, high)} {' '.join(reversed(_points(scale, low).split()))}" if band else ""
    shown = range(0, len(names), 4)
    return Drawing(
        title,
        words,
        BAND if band else NO_BAND,
        bars=tuple(Bar(scale.x(i) - 2, scale.y(value) - 2, 4, 4, "point") for i, value in enumerate(usd)),
        areas=(Line(around, "band"),) if band else (),
        lines=(_level(scale, 0.0, "zero"), Line(_points(scale, usd), "first")),
        labels=(
            *_dollar_labels(scale),
            *(Label(scale.x(i), HEIGHT - 8, names[i], "middle") for i in shown),
        ),
    )


def evidence(
    title: str, words: str, courses: Sequence[Sequence[float]], bar: Sequence[float], ends: tuple[str, str]
) -> Drawing:
    """Draw e-values on a logarithmic axis, each test with dashes of its own, and the bar to reach."""
    logs = [[_log(value) for value in values] for values in (*courses, bar)]
    highest = max([math.log10(LOWEST_TOP_E), *(value for values in logs for value in values)])
    lowest = min([-0.5, *(value for values in logs for value in values)])
    scale = _Scale(max(len(bar), 1), lowest, highest + 0.1)
    kinds = ("first", "second", "third", "fourth")
    powers = range(math.ceil(lowest), math.floor(highest) + 1)
    return Drawing(
        title,
        words,
        TESTS,
        lines=(
            _level(scale, 0.0, "zero"),
            Line(_points(scale, logs[-1]), "limit"),
            *(Line(_points(scale, values), kind) for values, kind in zip(logs, kinds, strict=False)),
        ),
        labels=(
            *(Label(LEFT - 4, scale.y(power) + 3, f"{10.0**power:g}", "end") for power in powers),
            *_ends(*ends),
        ),
    )


def _log(value: float) -> float:
    return math.log10(max(value, SMALLEST_E))


def _fitted(count: int, values: Sequence[float]) -> _Scale:
    low, high = min(values), max(values)
    margin = 0.05 * ((high - low) or 1.0)
    return _Scale(count, low - margin if low < 0 else low, high + margin)


def _bar(scale: _Scale, number: int, value: float) -> Bar:
    top, foot = sorted((scale.y(value), scale.y(0.0)))
    width = round(scale.step * 0.7, 1)
    kind = "loss" if value < 0 else "gain"
    return Bar(round(scale.x(number) - width / 2, 1), top, width, round(max(foot - top, 0.6), 1), kind)


def _level(scale: _Scale, value: float, kind: str) -> Line:
    return Line(f"{LEFT},{scale.y(value)} {WIDTH - RIGHT},{scale.y(value)}", kind)


def _points(scale: _Scale, values: Sequence[float]) -> str:
    return " ".join(f"{scale.x(i)},{scale.y(value)}" for i, value in enumerate(values))


def _steps(scale: _Scale, values: Sequence[float]) -> str:
    half = scale.step / 2
    return " ".join(
        f"{round(scale.x(i) + side, 1)},{scale.y(value)}"
        for i, value in enumerate(values)
        for side in (-half, half)
    )


def _dollar_labels(scale: _Scale) -> tuple[Label, ...]:
    return _value_labels(scale, short_dollars)


def _value_labels(scale: _Scale, told: Callable[[float], str]) -> tuple[Label, ...]:
    step = _round_step((scale.high - scale.low) / TICKS)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    ticks = [number * step for number in range(first, last + 1)]
    return tuple(Label(LEFT - 4, scale.y(value) + 3, told(value), "end") for value in ticks)


def _round_step(wanted: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(wanted, 1e-9)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted)


def _ends(first: str, last: str) -> tuple[Label, Label]:
    return Label(LEFT, HEIGHT - 8, first, "start"), Label(WIDTH - RIGHT, HEIGHT - 8, last, "end")
