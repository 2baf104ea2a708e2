"""The page for traders says what the program computes."""

import re
from functools import cache
from pathlib import Path

import pytest

from riskops import champion, config
from riskops.limits import limit_cents
from riskops.measures import measure
from riskops.money import dollars
from riskops.records import RuleScore
from riskops.rules import Situation, mean_downsides_cents
from tests.builders import CALENDAR, SESSION, desk_history, trader_3942, trader_history

PAGE = Path(__file__).parents[2] / "docs" / "how-your-number-is-computed.md"
HISTORY = trader_history(trader_3942())


@cache
def page() -> str:
    return " ".join(PAGE.read_text(encoding="utf-8").split())


def section(start: str) -> str:
    return page().split(start, 1)[1].split("**", 1)[0]


@cache
def score() -> RuleScore:
    return champion.score(desk_history(HISTORY))[0]


@cache
def situation() -> Situation:
    base = score().base_limit_cents
    return Situation(measure(HISTORY), len(HISTORY) - 1, CALENDAR.position(SESSION), base, CALENDAR)


def test_the_example_names_the_trader_s_base_days_and_session() -> None:
    base = dollars(score().base_limit_cents)
    assert f"has a base limit of {base} and {score().active_days} active days" in page()
    assert f"The limit is for {SESSION:%A}, {SESSION.isoformat()}." in page()


def test_the_streak_lists_the_last_results_and_the_gain_before_them() -> None:
    days = score().signals[0].numbers["days"]
    assert isinstance(days, int)
    losses = [dollars(cents) for cents in HISTORY.net_cents[-days:]]
    text = section("**Loss streak.**")
    assert f"{', '.join(losses[:-1])} and {losses[-1]}" in text
    assert f"a gain of {dollars(HISTORY.net_cents[-days - 1])}" in text
    assert f"the streak has {days} days: level {score().signals[0].level}" in text


def test_the_drawdown_shows_its_numerator_denominator_and_level() -> None:
    signal, known, text = score().signals[1], situation().known, section("**Drawdown.**")
    numerator, denominator = (int(signal.numbers[f"{part}_cents"]) for part in ("numerator", "denominator"))
    assert f"peaks at {dollars(known.peak_cents)} and ends at {dollars(known.cum_cents)}" in text
    assert f"{dollars(numerator)} of {dollars(denominator)}" in text
    assert f"{signal.numbers['percent']:.1f} %" in text
    assert f"level {signal.level}" in text
    assert f"the last {signal.numbers['window_days']} active days" in text


def test_the_rules_that_do_not_fire_show_their_numbers() -> None:
    recent, usual = mean_downsides_cents(situation())
    text = section("**The others.**")
    assert f"The last result, {dollars(HISTORY.net_cents[-1])}," in text
    assert f"average {dollars(round(recent))} a day, the baseline's {dollars(round(usual))}" in text
    assert f"{float(recent / usual):.1f} times" in text


def test_the_result_is_the_reduction_and_the_limit_of_the_score() -> None:
    base, cut = score().base_limit_cents, score().reduction
    limit = dollars(limit_cents(base, cut))
    assert f"the reduction is {cut} %, and the limit is {dollars(base)} x {100 - cut} % = {limit}." in page()
    assert f"REDUCE LIMIT BY {cut}% New limit: {limit} (from {dollars(base)})" in page()
    assert f"Reasons: {', '.join(signal.reason for signal in score().signals)}" in page()
    assert f"Confidence: {score().confidence}" in page()


def test_the_way_back_and_the_flip_distance_are_those_of_the_score() -> None:
    (gain,) = re.findall(r"(\$[\d,.]+) of gains", score().way_back)
    (day,) = re.findall(r"one day above (\+\$[\d,.]+)", score().way_back)
    assert f"one day above {day}, which ends the streak, and {gain} of gains" in page()
    assert score().flip_distance_cents is not None
    assert f"worse by {dollars(score().flip_distance_cents)}, trader 3942" in page()


SHORT, LONG = config.STREAK_LEVEL, f"from {config.LONG_STREAK_DAYS} days on {config.LONG_STREAK_LEVEL}"
DEEP = f"above {config.DEEP_DRAWDOWN_PERCENT} % it is {config.DEEP_DRAWDOWN_LEVEL}"


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("limit breached", f"{config.BREACH_LEVEL}"),
        ("loss streak", f"{SHORT}, {LONG}"),
        ("drawdown", f"{config.DRAWDOWN_LEVEL}, {DEEP}"),
        ("volatility spike", f"{config.VOLATILITY_LEVEL}"),
        ("large single-day loss", f"{config.LARGE_LOSS_LEVEL}"),
    ],
)
def test_the_table_of_rules_shows_the_levels_of_the_configuration(rule: str, level: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {rule} |")]
    assert [row.split("|")[3].strip() for row in rows] == [level]


def test_the_page_explains_every_threshold_of_the_configuration() -> None:
    for phrase in (
        f"between 0 % and {config.MAX_REDUCTION} %",
        f"cuts by {config.SINGLE_SIGNAL_CAP} % at most",
        f"adds {config.EXTRA_SIGNAL_STEP} points",
        f"at most {config.RELIEF_PER_SESSION} points a session",
        f"fewer than {config.PROBATION_DAYS} active days you are on probation",
        f"the cut is at least {config.PROBATION_REDUCTION} %",
        f"more than {config.GAP_SESSIONS} sessions",
        f"{config.GAP_RECOVERY_DAYS} new active days",
        f"{config.DRAWDOWN_CAPITAL_MULTIPLE} times the base limit",
        f"rounded down to {dollars(config.LIMIT_STEP_CENTS)}",
        f"fewer than {config.RULES_ONLY_DAYS} active days it is low",
    ):
        assert phrase in page()
