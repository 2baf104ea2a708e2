"""What the desk gets on a morning on which the back office fails in one of the ways that are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.compose import compose
from riskops.pipeline.ingest import ingest
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.validate import validate
from riskops.records import Rung
from riskops.sources.propreports import patience
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION
from tests.desks import copied, keep_on_sqlite, run_for
from tests.pipeline.test_propreports_night import FRIDAY, SINCE, TRADERS, desk_on, enrol, trade_daily
from tests.propreports_server import (
    BackOffice,
    HurriedClock,
    back_office,
    cut_short,
    last_line,
    says,
    slow,
    without_last_line,
)
from tests.small_desks import lived

pytestmark = pytest.mark.campaign

RUN = run_for(SESSION)
FAILING = "18"  # the account of trader 3951
ALL_BY_THE_RULES = dict.fromkeys(TRADERS, Rung.RULES)
ONE_HELD = {"3942": Rung.RULES, "3951": Rung.HOLD}
FRIDAY_NET_CENTS = 9_928


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a desk that lived Friday and has not been told of Friday's trading."""
    folder = keep_on_sqlite(tmp_path_factory.mktemp("told_through_thursday"))
    with back_office() as office:
        trade_daily(office, CALENDAR.between(SINCE, CALENDAR.previous(FRIDAY)))
        with desk_on(folder, office, FRIDAY) as desk:
            enrol(desk)
            ingest(desk, run_for(FRIDAY))
            lived(desk, FRIDAY, {"3942": 0, "3951": 20})
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return copied(template, tmp_path / "desk")


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch):
    """Return the back office of the morning; who asks it waits on a clock that does not keep him."""
    clock = HurriedClock()
    hurried = partial(patience.Patience, answer_seconds=0.5, clock=clock, sleep=clock.sleep)
    monkeypatch.setattr(patience, "Patience", hurried)
    with back_office() as office:
        trade_daily(office, CALENDAR.between(SINCE, FRIDAY))
        yield office


@pytest.fixture
def morning(folder: Path, office: BackOffice) -> Callable[[], tuple[dict[str, Rung], str, list[int]]]:
    """Return what lives the morning: the traders' rungs, the mail in one line, Friday's results."""

    def lived_through() -> tuple[dict[str, Rung], str, list[int]]:
        with desk_on(folder, office) as desk:
            for verb in (ingest, validate, score_rules, compare, choose, publish_rules, compose):
                verb(desk, RUN)
            decisions = desk.store.mornings.publication(SESSION, 0).decisions
            mail = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)
            history = desk.store.history.desk(SESSION, desk.clock())
            night = CALENDAR.position(FRIDAY)
            results = [int(t.net_cents[-1]) for t in history.traders if t.day[-1] == night]
        return {d.trader_id: d.rung for d in decisions}, " ".join(mail.text.split()), results

    return lived_through


@pytest.mark.fault(
    what="PropReports answers 500 with a sentence, again and again, for one account",
    gets="a held limit for its trader, the rules' limits for everybody else",
    rung="2; 3 for the account concerned",
    label="Account ... was not fetched, with the sentence",
    told="risk managers (mail)",
)
@pytest.mark.fault(
    what="PropReports loses a page of one account's fills",
    gets="a held limit for its trader, the rules' limits for everybody else",
    rung="2; 3 for the account concerned",
    label="Account ... was not fetched, with the page that is missing",
    told="risk managers (mail)",
)
@pytest.mark.fault(
    what="PropReports breaks its answers for one account off",
    gets="a held limit for its trader, the rules' limits for everybody else",
    rung="2; 3 for the account concerned",
    label="Account ... was not fetched: the answer was broken off",
    told="risk managers (mail)",
)
@pytest.mark.fault(
    what="PropReports is too slow for one account",
    gets="a held limit for its trader, the rules' limits for everybody else",
    rung="2; 3 for the account concerned",
    label="Account ... was not fetched: too slow",
    told="risk managers (mail)",
)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (says(500, "Internal error 7 while reading fills."), "Internal error 7"),
        (last_line("Page 2/3"), "page 1 was asked for, page 2 of 3 was answered"),
        (without_last_line, "lacks its last line, it was cut short"),
        (cut_short, "PropReports broke its answer off"),
        (slow(0.8), "PropReports was too slow"),
    ],
    ids=["500 with text", "page lost", "no page line", "truncated", "slow"],
)
def test_an_account_that_stays_unreadable_is_held_and_named_and_nobody_else(fault, said, morning, office):
    office.fail("fills", fault, times=9, accountId=FAILING)
    rungs, mail, results = morning()
    assert rungs == ONE_HELD
    assert results == [FRIDAY_NET_CENTS]
    reason = mail.partition("Account B-2 was not fetched: ")[2]
    assert said in reason[:300]
    assert "QUARANTINED" in mail


@pytest.mark.fault(
    what="PropReports fails once, or its token expires in the middle of the night",
    gets="the rules' limits, nothing missing: it is asked again",
    rung="2",
    label="none",
    told="nobody",
)
@pytest.mark.parametrize(
    "fault",
    [says(500, "The token is not valid or has expired."), says(503, ""), cut_short, last_line("Page 1/2")],
    ids=["expired token", "503", "truncated", "page lost"],
)
def test_what_passes_costs_nothing_but_another_request(fault, morning, office):
    office.fail("fills", fault)
    rungs, mail, results = morning()
    assert (rungs, results) == (ALL_BY_THE_RULES, [FRIDAY_NET_CENTS] * 2)
    assert "was not fetched" not in mail


@pytest.mark.fault(
    what="PropReports reorders its columns, lacks optional ones, writes δ for Δ or commas in numbers",
    gets="the rules' limits from the same results, to the cent",
    rung="2",
    label="none",
    told="nobody",
)
@pytest.mark.parametrize("style", ["reordered", "lacking", "delta", "commas"])
def test_other_ways_to_write_the_same_night_make_the_same_results(style, morning, office):
    if style == "reordered":
        office.reordered = True
    if style == "lacking":
        office.lacks = {"ORF", "CAT", "FTT", "Acc", "Liq", "ISIN", "CUSIP"}
    if style == "delta":
        office.delta = "δ"
    if style == "commas":
        for account in office.accounts:
            for row in account.days:
                row["End Balance"] = f"{float(row['End Balance']):,.2f}"
    rungs, _mail, results = morning()
    assert (rungs, results) == (ALL_BY_THE_RULES, [FRIDAY_NET_CENTS] * 2)


@pytest.mark.fault(
    what="the broker's summary and its fills do not make the same result",
    gets="limits under both results, for each trader the tighter",
    rung="2",
    label="summary ..., fills ...: limits are computed under both",
    told="risk managers (mail)",
)
def test_where_summary_and_fills_differ_the_tighter_limit_of_both_holds(morning, office):
    summary = office.accounts[1].days[-1]
    loss, before = "-5400.00", float(summary["End Balance"]) - 99.28
    summary |= {"Gross": loss, "Net": loss, "Adj Net": loss, "Total Δ": loss}
    summary["End Balance"] = f"{before - 5400:.2f}"
    rungs, mail, results = morning()
    assert (rungs, results) == (ALL_BY_THE_RULES, [FRIDAY_NET_CENTS, -540_000])
    assert "summary -$5,400, fills $99.28" in mail
    assert f"{FRIDAY}: the broker's summary says -$5,400, its fills make $99.28" in mail
