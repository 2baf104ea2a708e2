"""Charts as shapes: every shape lies within its chart, and where its number says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.desk_page import drawing
from riskops.desk_page.drawing import HEIGHT, WIDTH

USD = st.floats(-1e7, 1e7)
ENDS = ("2026-01-02", "2026-03-13")


def points(line):
    return [tuple(map(float, pair.split(","))) for pair in line.points.split()]


def assert_within(found):
    places = [place for line in (*found.lines, *found.areas) for place in points(line)]
    places += [(b.x, b.y) for b in found.bars] + [(b.x + b.width, b.y + b.height) for b in found.bars]
    places += [(label.x, label.y) for label in found.labels]
    assert all(-0.2 <= x <= WIDTH + 0.2 and -0.2 <= y <= HEIGHT + 1 for x, y in places)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(USD, st.floats(1, 1e6)), min_size=1, max_size=60))
def test_results_lie_within_the_chart(days):
    net, limit = zip(*days, strict=True)
    assert_within(drawing.results("title", "words", net, limit, ENDS))


@settings(max_examples=50, deadline=None)
@given(st.lists(USD, min_size=1, max_size=60))
def test_a_course_lies_within_the_chart(usd):
    assert_within(drawing.course("title", "words", usd, ENDS))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(USD, USD, USD), min_size=1, max_size=17))
def test_a_curve_and_its_band_lie_within_the_chart(levels):
    band = [(min(low, high), max(low, high)) for _, low, high in levels]
    names = [f"{i}%" for i in range(len(levels))]
    assert_within(drawing.curve("title", "words", [usd for usd, _, _ in levels], band, names))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 1e6)] * 4), min_size=1, max_size=60))
def test_evidence_lies_within_the_chart(mornings):
    courses = list(zip(*mornings, strict=True))
    assert_within(drawing.evidence("title", "words", courses, [20.0] * len(mornings), ENDS))


def test_a_loss_hangs_below_the_line_a_gain_stands_on():
    found = drawing.results("title", "words", [100, -100], [500, 500], ENDS)
    gain, loss = found.bars
    assert (gain.kind, loss.kind) == ("gain", "loss")
    assert gain.y + gain.height == pytest.approx(loss.y, abs=0.11)


def test_the_limit_lies_as_deep_as_a_result_of_that_size():
    found = drawing.results("title", "words", [-500], [500], ENDS)
    limit = next(line for line in found.lines if line.kind == "limit")
    assert points(limit)[0][1] == pytest.approx(found.bars[0].y + found.bars[0].height, abs=0.11)


def test_every_test_has_dashes_of_its_own():
    found = drawing.evidence("title", "words", [[1], [2], [3], [4]], [20], ENDS)
    style = (drawing.__file__.rpartition("/")[0] + "/templates/style.css").replace("\\", "/")
    with open(style, encoding="utf-8") as file:
        rules = file.read()
    kinds = [line.kind for line in found.lines if line.kind not in ("zero", "limit")]
    dashes = [re.search(rf"\.{kind} {{[^}}]*stroke-dasharray: ([^;]+);", rules) for kind in kinds]
    assert len(kinds) == 4
    assert len({dash and dash.group(1) for dash in dashes}) == 4


def test_too_few_days_for_a_band_are_said():
    found = drawing.curve("title", "words", [1.0, 2.0], [], ["0%", "5%"])
    assert found.areas == ()
    assert found.legend == drawing.NO_BAND
