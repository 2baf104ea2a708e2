import math

import numpy as np
import pytest

from riskops.study import findings
from riskops.study.findings import QUESTIONS, Bar, Finding, Kind, Measured, Question, Share
from riskops.study.scenarios import SCENARIOS, after_turn

DESK_OBSERVATIONS = {"promoted", "promoted on", "demoted", "before", "after", *after_turn(1, 1)}


def question(**changes) -> Question:
    return Question("section", "text", "world", "seen", **changes)


def measured(values: list[float], **changes) -> Measured:
    return findings.measured(question(**changes), np.array(values, dtype=float))


def test_a_share_counts_what_happened_among_the_panels_it_applies_to():
    assert measured([1, 0, 0, 1, math.nan]) == Share(2, 4)


def test_a_share_comes_with_its_monte_carlo_error_and_an_interval():
    share = Share(30, 400)
    assert share.standard_error == pytest.approx(math.sqrt(0.075 * 0.925 / 400))
    assert share.interval[0] < share.value < share.interval[1]


def test_a_share_within_some_sessions_counts_later_and_never_as_misses():
    assert measured([10, 60, 61, math.inf, math.nan], within=60) == Share(2, 4)


def test_a_median_takes_what_never_ended_as_longest():
    found = measured([30, math.inf, 10, 20, math.inf], kind=Kind.MEDIAN)
    assert found.value == 30
    assert found.interval == (10, math.inf)
    assert measured([math.inf, math.inf, 5], kind=Kind.MEDIAN).value == math.inf


def test_the_interval_of_a_median_covers_it_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    found = [measured(list(rng.exponential(1, 101)), kind=Kind.MEDIAN) for _ in range(600)]
    covered = np.mean([m.interval[0] <= math.log(2) <= m.interval[1] for m in found])
    assert 0.93 <= covered <= 0.99


def test_a_mean_comes_with_its_error():
    found = measured([10, 20, 60, math.nan], kind=Kind.MEAN)
    assert (found.value, found.panels) == (30, 3)
    assert found.standard_error == pytest.approx(np.std([10, 20, 60], ddof=1) / math.sqrt(3))
    assert found.interval[0] < 30 < found.interval[1]
    assert math.isnan(measured([10], kind=Kind.MEAN).standard_error)


def test_without_a_panel_there_is_no_figure():
    assert math.isnan(measured([]).value)
    assert math.isnan(measured([math.nan], kind=Kind.MEDIAN).value)


@pytest.mark.parametrize(
    ("bar", "hits", "missed_by"),
    [
        (Bar(at_most=0.05), 5, 0),
        (Bar(at_most=0.05), 8, 0.03),
        (Bar(at_least=0.70), 70, 0),
        (Bar(at_least=0.70), 60, 0.10),
        (Bar(at_most=0.0), 1, 0.01),
        (None, 100, 0),
    ],
)
def test_a_bar_says_by_how_much_it_is_missed(bar, hits, missed_by):
    assert Finding(question(bar=bar), Share(hits, 100)).missed_by == pytest.approx(missed_by)


def test_a_bar_that_was_not_measured_is_missed():
    assert Finding(question(bar=Bar(at_most=0.05)), Share(0, 0)).missed_by > 0


def test_every_question_asks_for_something_its_scenario_observes():
    observed = {s.name: set(s.observe((1,), 2)) for s in SCENARIOS if not s.whole}
    looked_at = observed["null"]
    observed |= {"desks without signal": looked_at, "desks with tilt": DESK_OBSERVATIONS}
    assert observed.keys() == {s.name for s in SCENARIOS}
    assert [q for q in QUESTIONS if q.observed not in observed[q.scenario]] == []


def test_no_scenario_is_drawn_in_vain_and_no_question_asked_twice():
    assert {q.scenario for q in QUESTIONS} == {s.name for s in SCENARIOS}
    assert len({(q.section, q.text) for q in QUESTIONS}) == len(QUESTIONS)
