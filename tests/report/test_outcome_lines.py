"""What lived days tell: one line a fact, whose and by how much."""

from __future__ import annotations

from datetime import timedelta

import pytest

from riskops.outcomes import Breach, Calibration, News, OverrideWorth, Withdrawn
from riskops.report.outcome_lines import MOST_BREACHES, breach_lines, not_recorded, outcome_lines
from tests.builders import CALENDAR, SESSION

NIGHT = CALENDAR.previous(SESSION)
NAMES = {"3942": "Daniel Mercer"}


def breach(trader_id="3942", net_cents=-290_000, session=NIGHT) -> Breach:
    return Breach(session, trader_id, net_cents, 250_000)


def test_a_breach_says_who_and_by_how_much():
    assert outcome_lines(News(breaches=(breach(),)), NAMES) == [
        "LIMIT BREACHED on Fri 13 Mar: Trader 3942 (Daniel Mercer) -$2,900, $400 beyond a limit of $2,500"
    ]


def test_breaches_of_one_session_share_a_line():
    (line,) = breach_lines([breach(), breach("3951", -260_000)], NAMES)
    assert "beyond a limit of $2,500, Trader 3951 -$2,600, $100 beyond" in line


def test_each_session_has_a_line_the_newest_first():
    lines = breach_lines([breach(session=NIGHT - timedelta(days=1)), breach()], NAMES)
    assert [line.split(":")[0] for line in lines] == [
        "LIMIT BREACHED on Fri 13 Mar",
        "LIMIT BREACHED on Thu 12 Mar",
    ]


def test_many_breaches_are_counted_not_listed():
    (line,) = breach_lines([breach(str(number)) for number in range(MOST_BREACHES + 3)], {})
    assert line.endswith("and 3 more")


def test_a_breach_that_was_none_is_taken_back_by_name():
    assert outcome_lines(News(withdrawn=(Withdrawn(NIGHT, "3942"),)), NAMES) == [
        "CORRECTED: Trader 3942 (Daniel Mercer) did not breach the limit on Fri 13 Mar, as was told before"
    ]


def test_a_displayed_risk_that_is_off_says_what_was_seen_and_promised():
    assert outcome_lines(News(calibration=Calibration(120, 80.0, 250)), {}) == [
        "DISPLAYED RISK TOO LOW: 120 large losses where it promised 80.0 over 250 sessions, "
        "1.50 times, and 5 mornings running not within 0.7 to 1.4"
    ]
    (line,) = outcome_lines(News(calibration=Calibration(20, 80.0, 250)), {})
    assert line.startswith("DISPLAYED RISK TOO HIGH: 20 large losses")


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-45_000, -45_000, "cost $450"),
        (120_000, 120_000, "saved $1,200"),
        (0, 0, "made no difference"),
        (50, 50, "saved $0.50"),
        (-45_000, 30_000, "between a cost of $450 and savings of $300"),
        (-45_000, -30_000, "cost between $300 and $450"),
        (0, 30_000, "saved between $0 and $300"),
    ],
)
def test_what_an_override_was_worth_is_told_in_dollars(low, high, told):
    worth = OverrideWorth(NIGHT, "3942", 12, low, high)
    assert outcome_lines(News(overrides=(worth,)), NAMES) == [
        f"Override 12 of Trader 3942 (Daniel Mercer) on Fri 13 Mar: {told} against the decided limit"
    ]


def test_no_news_is_no_line():
    assert outcome_lines(News(), NAMES) == []


def test_missing_outcomes_are_told_with_the_reason_where_it_is_known():
    assert not_recorded("").endswith("not recorded in time for this mail")
    assert not_recorded("the disk\nis full").endswith("in time for this mail: the disk is full")
