"""Files as history: whole or not at all, late rows known late, contradictions settled by a person."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
import sqlalchemy as sa

from riskops.errors import InputError
from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.enrol import enrol
from riskops.pipeline.ingest import ingest
from riskops.pipeline.load import load_file, load_named
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.validate import validate
from riskops.sessions import desk_time
from riskops.sources.mappings import CLOSED_TRADES
from riskops.store.tables import coverage, trades
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, on_the_morning, opened, run_for
from tests.small_desks import BASE_CENTS, NIGHT, account_of, csv_desk, quiet, row, write_csv

RUN = run_for(SESSION)
TRADERS = ("3942", "3951")
FIRST = CALENDAR.shift(NIGHT, -39)
AFTERNOON = desk_time(SESSION, time(15))
CUT_OFF = desk_time(SESSION, time(6, 30))


@pytest.fixture
def desk(folder):
    """Return a desk of two traders with forty quiet days, fetched through the night."""
    with csv_desk(folder, dict.fromkeys(TRADERS, quiet()[:40])) as made:
        yield made


@pytest.fixture
def young(folder):
    """Return a desk that has two traders and no history."""
    with opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv") as made:
        for trader in TRADERS:
            enrol(made, trader, "", account_of(trader), BASE_CENTS, FIRST)
        yield made


def at(desk, moment: datetime):
    object.__setattr__(desk, "clock", lambda: moment)


def load(desk, path, *rows, quarantine=False):
    return load_file(desk, write_csv(path / "more.csv", rows), CLOSED_TRADES.name, quarantine=quarantine)


def known(desk, table, session, trader_id="3942"):
    """Return when what the desk has of an account and session became known."""
    found = sa.select(table.c.known_at).where(
        table.c.session == session, table.c.account_id == account_of(trader_id)
    )
    with desk.store.database.reading() as connection:
        return set(connection.execute(found).scalars())


class TestWhenHistoryIsKnown:
    def test_a_day_is_known_early_on_the_session_after_it(self, young, folder):
        load(young, folder, row("3942", NIGHT, 10.0))
        assert known(young, trades, NIGHT) == {desk_time(SESSION, time(5))}
        assert known(young, coverage, NIGHT) == {desk_time(SESSION, time(5))}

    def test_a_day_whose_morning_was_lived_is_known_from_now_on(self, young, folder):
        young.store.mornings.record_cut_off(SESSION, 0, CUT_OFF)
        at(young, AFTERNOON)
        load(young, folder, row("3942", NIGHT, 10.0))
        assert known(young, trades, NIGHT) == {AFTERNOON}
        assert known(young, coverage, NIGHT) == {AFTERNOON}

    def test_so_is_a_day_between_lived_sessions_whose_own_morning_failed(self, young, folder):
        gap = CALENDAR.shift(NIGHT, -3)
        for session in (CALENDAR.shift(gap, -1), SESSION):
            young.store.mornings.record_cut_off(session, 0, desk_time(session, time(6, 30)))
        at(young, AFTERNOON)
        load(young, folder, row("3942", gap, 10.0))
        assert known(young, trades, gap) == {AFTERNOON}

    def test_days_before_the_first_and_after_the_last_lived_session_are_history(self, young, folder):
        lived = CALENDAR.shift(NIGHT, -5)
        young.store.mornings.record_cut_off(lived, 0, desk_time(lived, time(6, 30)))
        at(young, AFTERNOON)
        before, last = CALENDAR.shift(lived, -2), CALENDAR.shift(lived, -1)
        load(young, folder, *(row("3942", session, 10.0) for session in (before, last, lived, NIGHT)))
        for session in (before, lived, NIGHT):
            assert known(young, trades, session) == {CALENDAR.history_known_at(session)}
        assert known(young, trades, last) == {AFTERNOON}


def decide(desk):
    for verb in (validate, score_rules, compare, choose, publish_rules):
        verb(desk, RUN)
    return desk.store.mornings.publication(SESSION, 0)


class TestLateRows:
    LATE = (row("3942", NIGHT, -9_000.0, "late"), row("3951", NIGHT, -70.0, "late"))

    def test_they_change_nothing_when_a_lived_session_is_decided_again(self, desk, folder):
        ingest(desk, RUN)
        lived = decide(desk)
        at(desk, AFTERNOON)
        assert load(desk, folder, *self.LATE)["new_trades"] == 2
        assert decide(desk) == lived

    def test_they_enter_the_next_session(self, desk, folder):
        ingest(desk, RUN)
        at(desk, AFTERNOON)
        load(desk, folder, *self.LATE)
        following = CALENDAR.shift(SESSION, 1)
        traders = desk.store.history.desk(following, desk_time(following, time(6, 30))).traders
        assert traders[0].net_cents[-1] == round(quiet()[39] * 100) - 900_000

    def test_before_the_morning_the_same_rows_do_change_the_decisions(self, desk, folder):
        load(desk, folder, *self.LATE)
        ingest(desk, RUN)
        assert {d.trader_id for d in decide(desk).decisions if d.reduction} == {"3942"}


class TestContradictions:
    KNOWN_ID = f"{NIGHT}-3942"
    AGAIN = row("3942", NIGHT, -500.0)
    GOOD = row("3942", NIGHT, 25.0, "good")
    OTHER = row("3951", NIGHT, 75.0, "other")

    def test_the_file_is_refused_whole_with_line_both_results_and_remedy(self, desk, folder):
        before = content_of(desk)
        with pytest.raises(InputError) as caught:
            load(desk, folder, self.GOOD, self.AGAIN, self.OTHER)
        heading, line = str(caught.value).splitlines()
        assert heading == "more.csv is refused, nothing was loaded. Problems: 1."
        assert line.startswith(f"more.csv:3: Trade {self.KNOWN_ID} of account A3942 is known with net ")
        assert f"here with net -$500 and gross -$500 on {NIGHT}. Write it as known, or" in line
        assert content_of(desk) == before

    def test_all_of_them_are_listed(self, desk, folder):
        with pytest.raises(InputError) as caught:
            load(desk, folder, self.AGAIN, row("3951", NIGHT, -1.0))
        assert [line.split(": ")[0] for line in str(caught.value).splitlines()[1:]] == [
            "more.csv:2",
            "more.csv:3",
        ]

    def test_with_quarantine_the_row_is_set_aside_and_the_others_are_loaded(self, desk, folder):
        at(desk, AFTERNOON)
        receipt = load(desk, folder, self.GOOD, self.AGAIN, self.OTHER, quarantine=True)
        assert (receipt["new_trades"], receipt["rejected"]) == (2, 1)
        [aside] = desk.store.transactions.rejected(receipt["digest"])
        assert (aside.line, aside.text) == (3, ",".join(self.AGAIN.values()))
        assert aside.problem.startswith(f"Trade {self.KNOWN_ID} of account A3942 is known with")

    def test_the_account_of_a_row_set_aside_is_not_confirmed(self, young, folder):
        twice = (row("3942", NIGHT, 10.0, "1"), row("3942", NIGHT, 20.0, "1"), self.OTHER)
        load(young, folder, *twice, quarantine=True)
        assert young.store.transactions.covered_through() == {"A3951": NIGHT}

    def test_the_account_of_a_contradiction_is_not_confirmed_either(self, young, folder):
        load(young, folder, row("3942", FIRST, 10.0, "1"))
        at(young, young.clock() + timedelta(minutes=1))
        load(young, folder, row("3942", NIGHT, 20.0, "1"), self.OTHER, quarantine=True)
        assert young.store.transactions.covered_through() == {"A3942": FIRST, "A3951": NIGHT}

    def test_a_file_that_contradicts_what_is_known_all_over_is_refused_as_a_whole(
        self, desk, folder, monkeypatch
    ):
        monkeypatch.setattr("riskops.pipeline.load.TOLERATED_REJECTS", 5)
        again = [row("3942", CALENDAR.shift(NIGHT, -back), -1.0) for back in range(10)]
        with pytest.raises(InputError, match=r"6 of the first 10 good rows contradict what is known"):
            load(desk, folder, *again, quarantine=True)

    def test_a_row_written_as_known_passes(self, desk, folder):
        assert load(desk, folder, row("3942", NIGHT, quiet()[39]), self.OTHER)["new_trades"] == 1


class TestLoadsByName:
    @pytest.fixture
    def loaded(self, young, folder):
        load(young, folder, row("3942", FIRST, 10.0))
        load(young, folder, row("3942", NIGHT, 10.0))
        load_file(young, write_csv(folder / "own.csv", [row("3951", NIGHT, 1.0)]), CLOSED_TRADES.name)
        return young

    def test_a_file_is_found_by_its_name_or_the_beginning_of_its_digest(self, loaded):
        record = load_named(loaded, "own.csv")
        assert (record.load.file_name, record.new_trades, record.rejected) == ("own.csv", 1, 0)
        assert load_named(loaded, record.load.digest[:8]) == record

    def test_a_name_that_means_two_loads_is_told_apart_by_digest(self, loaded):
        with pytest.raises(
            InputError, match=r"'more\.csv' means 2 loads; name one by its digest: \w{12}, \w{12}"
        ):
            load_named(loaded, "more.csv")

    @pytest.mark.parametrize("asked", ["absent.csv", "a", ""])
    def test_what_was_not_loaded_is_named_with_where_to_look(self, loaded, asked):
        with pytest.raises(InputError, match="`riskops rejected` lists those that were"):
            load_named(loaded, asked)
