"""The charts of the mail: what they are called, what they say in words, and that they can be drawn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest

from riskops.records import Picture
from riskops.report.charts import BenefitChart, Day, ResultsChart, benefit_chart, results_chart
from riskops.report.pictures import draw
from riskops.report.render import as_html, fitting
from riskops.report.shown_alone import shown_alone
from tests.golden.mornings import FRIDAY, course, recent
from tests.report.mails import sixty

DAYS = recent("3942", (-880, -1_420))
RESULTS = ResultsChart("Trader 3942", DAYS, 250_000)
BENEFIT = BenefitChart(course())
PNG = b"\x89PNG\r\n\x1a\n"


def chunks(png):
    """Return the kinds of a PNG's chunks."""
    found, at = [], len(PNG)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        found.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    return found


def flat(count, net_cents=0):
    return tuple(Day(FRIDAY - timedelta(days=n), net_cents, 500_000) for n in range(count))


def test_a_chart_s_name_is_made_of_what_it_shows_and_of_nothing_else():
    assert RESULTS.content_id == replace(RESULTS, trader="somebody else").content_id
    others = [replace(RESULTS, limit_cents=1), replace(RESULTS, days=DAYS[1:]), BENEFIT]
    assert len({RESULTS.content_id, *(chart.content_id for chart in others)}) == 4


def test_the_last_twenty_active_days_are_shown():
    assert len(results_chart("Trader 1", recent("1", ()) + recent("2", ()), 1).days) == 20
    assert results_chart("Trader 1", (), 1) is None


def test_a_chart_in_words_counts_days_and_names_the_worst():
    days = (Day(date(2026, 3, 11), 25_000, 1), Day(date(2026, 3, 12), -99_050, 1), Day(FRIDAY, 0, 1))
    told = ResultsChart("Trader 1", days, 250_000)
    assert told.words == ("3 active days to Fri 13 Mar: 1 up, 1 down, sum -$740, worst -$990 on Thu 12 Mar")
    assert told.alt == "Trader 1, 3 active days as bars; new limit $2,500 dashed"


def test_the_benefit_in_words_names_its_last_highest_and_lowest_value():
    chart = benefit_chart(((date(2026, 1, 2), -40.0), (date(2026, 2, 6), 900.0), (FRIDAY, 310.4)))
    assert chart.words == (
        "Rules' benefit Jan 2026 to Mar 2026: $310; highest $900 in Feb 2026, lowest -$40 in Jan 2026"
    )
    assert benefit_chart(()) is benefit_chart(((FRIDAY, 1.0),)) is None


@pytest.mark.parametrize(
    "chart",
    [
        RESULTS,
        replace(RESULTS, days=DAYS[:1]),
        replace(RESULTS, days=flat(20)),
        replace(RESULTS, days=flat(20, 10**12)),
        replace(RESULTS, days=flat(3, -(10**12))),
        BENEFIT,
        BenefitChart(((FRIDAY, 0.0), (FRIDAY, 0.0))),
        BenefitChart(((FRIDAY, -5.0), (FRIDAY, -1e9))),
    ],
)
def test_every_chart_can_be_drawn_small_and_twice_the_same(chart):
    (once,), (again,) = draw([chart]), draw([chart])
    assert once == again
    assert once.content_id == chart.content_id
    assert once.png.startswith(PNG)
    assert set(chunks(once.png)) <= {"IHDR", "PLTE", "IDAT", "IEND"}  # no date, no program
    assert len(once.png) < 12_000


def test_another_process_draws_the_same():
    code = (
        "import hashlib; from tests.report.test_charts import RESULTS, BENEFIT, draw;"
        "print(*(hashlib.sha256(p.png).hexdigest() for p in draw([RESULTS, BENEFIT])))"
    )
    told = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)]
    assert told[0] == told[1]


def test_two_charts_of_the_same_numbers_are_one_picture_and_none_asks_for_nothing():
    assert len(draw([RESULTS, replace(RESULTS, trader="Trader 1")])) == 1
    code = (
        "import sys; from riskops.report.pictures import draw; draw([]); print('matplotlib' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_a_page_outside_of_its_mail_has_its_pictures_within():
    html = '<img src="cid:a@riskops" alt="a"><img src="cid:b@riskops" alt="b">'
    shown = shown_alone(html, [Picture("a@riskops", b"drawn")])
    assert shown == '<img src="data:image/png;base64,ZHJhd24=" alt="a"><img src="cid:b@riskops" alt="b">'


def test_a_desk_too_large_to_be_shown_whole_loses_its_charts_and_is_told():
    mail = sixty(80)
    assert fitting(mail) is mail
    larger = replace(mail, health=("x" * 9_000, *mail.health))
    fitted = fitting(larger)
    assert fitted.charts == ()
    assert fitted.health[-1].startswith("No charts")
    assert len(as_html(fitted).encode()) < 80_000
