"""Mornings whose night comes from PropReports: fills in, limits out, whoever could not be fetched is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from riskops.desk import Desk
from riskops.errors import SourceError, SourceRefusedError
from riskops.pipeline.ingest import ingest
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Rung, Trader
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.propreports_server import PASSWORD, USER, BackOffice, back_office, fill, says, summary

SINCE = date(2026, 3, 2)
FRIDAY = CALENDAR.previous(SESSION)
TRADERS = {"3942": "A-1", "3951": "B-2"}


def trade_daily(office: BackOffice, sessions: Sequence[date]) -> None:
    """Book a round trip of both accounts on every session."""
    for number, name in enumerate(TRADERS.values(), start=17):
        account = office.account(str(number), name)
        for index, session in enumerate(sessions):
            account.fills += [
                fill(f"{session} 10:00:00", name, "T", 100, "210", 2 * index),
                fill(f"{session} 10:05:00", name, "C", 100, "209", 2 * index + 1),
            ]
            account.days.append(
                summary(session, "99.28", gross="100.00", start=f"{100_000 + index * 99.28:.2f}")
            )


@pytest.fixture
def office() -> Iterator[BackOffice]:
    """Return a back office in which both accounts made a round trip on every session."""
    with back_office() as office:
        trade_daily(office, CALENDAR.between(SINCE, FRIDAY))
        yield office


def desk_on(folder: Path, office: BackOffice, session: date = SESSION, password: str = PASSWORD) -> Desk:
    return opened(
        folder,
        on_the_morning(session),
        RISKOPS_SOURCE="propreports",
        RISKOPS_PROPREPORTS_URL=office.url,
        RISKOPS_PROPREPORTS_USER=USER,
        RISKOPS_PROPREPORTS_PASSWORD=password,
    )


def enrol(desk: Desk) -> None:
    desk.store.roster.enrol(
        [Trader(trader_id, f"Trader {trader_id}") for trader_id in TRADERS],
        [Account(account_id, trader_id, SINCE) for trader_id, account_id in TRADERS.items()],
        [BaseLimit(trader_id, SINCE, 500_000) for trader_id in TRADERS],
        [RosterEntry(trader_id, SINCE, RosterState.ACTIVE) for trader_id in TRADERS],
    )


@pytest.fixture
def enrolled(folder: Path, office: BackOffice) -> Path:
    """Return the folder of a desk of two traders; nothing was fetched for them yet."""
    with desk_on(folder, office) as desk:
        enrol(desk)
    return folder


def morning(desk: Desk, session: date) -> dict[str, Rung]:
    """Live a morning; return the rung of every trader."""
    for verb in each_verb():
        verb(desk, run_for(session))
    publication = desk.store.mornings.publication(session, 0)
    return {decision.trader_id: decision.rung for decision in publication.decisions}


def test_the_night_becomes_the_broker_s_results(enrolled: Path, office: BackOffice):
    with desk_on(enrolled, office) as desk:
        receipt = ingest(desk, run_for(SESSION))
        assert (receipt["accounts"], receipt["failures"]) == (2, {})
        history = desk.store.transactions.covered_sessions("A-1", SINCE, FRIDAY)
    assert history == set(CALENDAR.between(SINCE, FRIDAY))


@pytest.mark.fault(
    what="PropReports fails for one account of the desk",
    gets="the rules' limits for everybody else, a held limit for its trader, on time",
    rung="2; 3 for the account concerned",
    label="Account ... was not fetched, with what PropReports said",
    told="risk managers (mail)",
)
def test_an_account_that_fails_is_held_and_the_others_go_by_the_rules(enrolled: Path, office: BackOffice):
    with desk_on(enrolled, office, FRIDAY) as desk:
        assert set(morning(desk, FRIDAY).values()) == {Rung.RULES}
    office.fail("fills", says(500, "Account 18 not found"), times=9, accountId="18")
    with desk_on(enrolled, office) as desk:
        assert morning(desk, SESSION) == {"3942": Rung.RULES, "3951": Rung.HOLD}
        mail = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)
    assert "Account 18 not found" in " ".join(mail.text.split())


@pytest.mark.parametrize(
    ("password", "error"), [(PASSWORD, SourceError), ("wrong", SourceRefusedError)], ids=["down", "refused"]
)
def test_a_back_office_that_answers_nobody_fails_the_ingest(enrolled, office, password, error):
    office.fail("accounts", says(404, ""))
    with desk_on(enrolled, office, password=password) as desk, pytest.raises(error):
        ingest(desk, run_for(SESSION))


def test_an_account_day_from_the_wire_agrees_with_the_broker_to_the_cent_and_the_mail_tells_no_doubt(
    enrolled: Path, office: BackOffice
):
    """A short over night, a cover through zero, an adjustment and a change of what is unrealised.

    Thursday: 300 sold short at 41.37, 100 covered at 41.02: gross 35.00.
    Friday: 250 covered at 42.005, of which 50 are bought, 20 of these sold at 42.10: gross -127.00 + 1.90.
    """
    thursday = CALENDAR.previous(FRIDAY)
    account = office.accounts[0]
    account.fills = [row for row in account.fills if row["Date/Time"] < f"{thursday:%m/%d/%Y}"]
    account.days = [row for row in account.days if row["Date"] < thursday.isoformat()]
    account.fills += [
        fill(f"{thursday} 10:00:00", "A-1", "T", 300, "41.37", 901, Symbol="XYZ"),
        fill(f"{thursday} 11:00:00", "A-1", "C", 100, "41.02", 902, Symbol="XYZ"),
        fill(f"{FRIDAY} 09:31:00", "A-1", "C", 250, "42.005", 903, Symbol="XYZ"),
        fill(f"{FRIDAY} 09:31:00", "A-1", "S", 20, "42.10", 904, Symbol="XYZ"),
    ]
    balance = float(account.days[-1]["End Balance"])
    account.days += [
        summary(thursday, "34.28", gross="35.00", start=f"{balance:.2f}"),
        summary(
            FRIDAY,
            "-125.82",
            gross="-125.10",
            adjusted="-12.50",
            unrealised="43.21",
            start=f"{balance + 34.28:.2f}",
        ),
    ]
    with desk_on(enrolled, office) as desk:
        assert set(morning(desk, SESSION).values()) == {Rung.RULES}
        on_record, by_the_fills = desk.store.history.readings(SESSION, desk.clock())
        mail = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)
        told = [c.detail for c in desk.store.mornings.quality(SESSION, 0) if not c.passed]
    results = on_record.traders[0].net_cents.tolist()
    assert results[-2:] == [3_428, -12_582 - 1_250 + 4_321]
    assert by_the_fills is None
    assert not any("summary" in detail for detail in told)
    text = " ".join(mail.text.split())
    assert "Trader 3942" in text
    assert "limits are computed under both" not in text
