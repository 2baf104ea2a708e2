"""The page of an evaluation: whole in itself, safe whatever traders are called, and in words."""

from __future__ import annotations

import base64
import dataclasses
import re
import subprocess
import sys
from functools import lru_cache
from xml.dom import minidom

import pytest

from riskops import evaluation
from riskops.evaluation import Evaluation, Span
from riskops.report import evaluation_page
from riskops.report.evaluation_page import beyond_chance, by_chance, left_open, page, rate, summary
from riskops.report.render import as_page
from tests.builders import CALENDAR, SESSION
from tests.simulated_desks import simulated_desk, stopped_live

HOSTILE = {
    "3900": "<script>alert(1)</script>",
    "3901": "$\\frac{a}{b}$ & {{ 7 * 7 }}",
    "3902": "Ünal\n陈 \u202eevil",
    "3903": "x" * 500,
}
SECTIONS = [
    "Policies compared",
    "Evidence over time",
    "The displayed risk",
    "Benefit by reduction level",
    "Each rule's record",
    "Restricted share over time",
    "By trader",
    "How to read this",
]


@lru_cache
def found(cut: int | None = None) -> Evaluation:
    desk, paths = simulated_desk(6, 150)
    if cut is not None:
        desk, paths = stopped_live(desk, paths, cut=cut)
    desk = dataclasses.replace(desk, names={**desk.names, **HOSTILE})
    return evaluation.evaluate(desk, paths, evaluation.known_span(desk))


@lru_cache
def without_model() -> Evaluation:
    desk, paths = simulated_desk(3, 40)
    return evaluation.evaluate(desk, paths, evaluation.known_span(desk))


@lru_cache
def html() -> str:
    return as_page(page(found()))


def charts(text: str) -> list[str]:
    return [
        base64.b64decode(source).decode()
        for source in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    ]


# --- whole in itself ------------------------------------------------------------------------
def test_the_page_needs_nothing_from_elsewhere():
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html()) == []
    assert not re.search(r"url\(|@import|<link|<iframe|<object|<embed", html())


def test_a_chart_is_whole_xml_and_names_no_address_but_namespaces():
    drawn = charts(html())
    assert len(drawn) == 7
    for chart in drawn:
        minidom.parseString(chart)  # noqa: S318 - we have drawn it ourselves
        without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", chart)
        assert not re.search(r"https?://", without_namespaces)
        assert "<image" not in chart


def test_the_same_evaluation_gives_the_same_page():
    assert as_page(page(found())) == html()


def test_every_chart_says_in_words_what_it_shows():
    shown = [section.chart.shows for section in page(found()).sections if section.chart]
    assert all(shows.endswith(".") for shows in shown)
    assert len(set(shown)) == len(shown) == 7


def test_drawing_is_not_imported_before_something_is_drawn():
    imports = "import sys, riskops.report.evaluation_page, riskops.report.render"
    code = f"{imports}; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


# --- whatever traders are called ------------------------------------------------------------
def test_a_name_that_is_markup_is_shown_as_text():
    assert "<script" not in html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html()


def test_a_name_is_shown_in_the_charts_as_it_is_written_and_run_by_nothing():
    by_trader = charts(html())[-1]
    nodes = minidom.parseString(by_trader).getElementsByTagName("text")  # noqa: S318 - drawn by us
    texts = {node.firstChild.data for node in nodes}
    assert "<script" not in by_trader
    assert "3900 <script>alert(1)</scri…" in texts
    assert "3901 $\\frac{a}{b}$ & {{ 7 *…" in texts
    assert "49" not in {text.strip() for text in texts}


def test_a_long_or_broken_name_stays_one_short_line():
    assert "x" * 100 not in html()
    assert "Ünal 陈 evil" in html()
    assert "\u202e" not in html()


# --- what it says ---------------------------------------------------------------------------
def test_the_sections_are_these():
    assert [section.title for section in page(found()).sections] == SECTIONS


def test_without_a_model_there_is_no_evidence_and_no_displayed_risk():
    titles = [section.title for section in page(without_model()).sections]
    assert titles == [title for title in SECTIONS if title not in SECTIONS[1:3]]
    assert "There was no model yet" in " ".join(summary(without_model()))
    assert len(charts(as_page(page(without_model())))) == 5


def test_every_table_has_as_many_cells_as_headings():
    for evaluated in (found(), found(70), without_model()):
        for section in page(evaluated).sections:
            for table in section.tables:
                assert table.rows
                assert {len(row) for row in table.rows} == {len(table.headings)}


def test_treated_days_are_told_counted_and_marked():
    told = " ".join(summary(found(70)))
    assert f"{found(70).counts.treated_days} trader-days ended at a limit of our own" in told
    assert "our own" not in " ".join(summary(found()))
    text = as_page(page(found(70)))
    assert re.search(r"-?\$[\d,]+ to -?\$[\d,]+ \(\d+ days\*\)", text)
    assert "a day our own limit stopped" in charts(text)[0]
    assert "a day our own limit stopped" not in charts(html())[0]


def test_a_span_of_one_session_is_shown_without_intervals():
    desk, paths = simulated_desk(6, 150)
    last = CALENDAR.previous(SESSION)
    one = evaluation.evaluate(desk, paths, Span(last, last))
    text = as_page(page(one))
    assert "too few sessions" in text
    assert "too few sessions to say how sure that is" in " ".join(summary(one))


@pytest.mark.parametrize(
    ("low", "high", "least", "most", "is_beyond"),
    [
        (10, 90, 50, 50, True),
        (-90, -10, -50, -50, True),
        (-10, 90, 40, 40, False),
        (10, 90, -20, 120, False),
    ],
)
def test_a_benefit_is_beyond_chance_only_where_chance_and_treated_days_agree(
    low, high, least, most, is_beyond
):
    figures = {
        "benefit_low_usd": low,
        "benefit_high_usd": high,
        "benefit_least_usd": least,
        "benefit_most_usd": most,
    }
    assert beyond_chance(figures) is is_beyond
    assert not beyond_chance({"benefit_least_usd": 10, "benefit_most_usd": 20})


def test_figures_are_told_with_what_they_rest_on():
    figures = {"hit_rate": 0.25, "hit_rate_hits": 3.0, "hit_rate_of": 12.0, "hit_rate_low": 0.09}
    figures |= {"hit_rate_high": 0.53, "hit_rate_least": 0.2, "hit_rate_most": 0.4}
    assert rate(figures, "hit_rate") == "25 % (3 of 12; 9–53\u00a0%); 20–40\u00a0%*"
    assert rate({"hit_rate_hits": 0.0, "hit_rate_of": 0.0}, "hit_rate") == "– (0 days)"
    open_ends = {"benefit_least_usd": -20.0, "benefit_most_usd": 1_250.0, "censored_trader_days": 2.0}
    assert left_open(open_ends) == "-$20 to $1,250 (2 days*)"
    assert left_open({"benefit_least_usd": -20.0, "benefit_most_usd": 1_250.0}) == "-$20 to $1,250*"
    assert left_open({"benefit_least_usd": 5.0, "benefit_most_usd": 5.0}) == "exact"
    assert by_chance({}) == evaluation_page.NO_INTERVAL
