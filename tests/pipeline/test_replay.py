"""A past session, decided again from what was known then, is the same to the last byte or says where not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time

import pytest
import sqlalchemy as sa

from riskops import comparison, quality
from riskops.canonical import as_text, digest
from riskops.errors import ReplayError, RiskOpsError
from riskops.pipeline.choose import choose
from riskops.pipeline.load import load_file
from riskops.pipeline.publish import hold_limits, publish_model, publish_rules
from riskops.pipeline.record_outcomes import record_outcomes
from riskops.pipeline.replay import asked_sessions, replay, verdict
from riskops.pipeline.score_model import score_pooled_model
from riskops.pipeline.send import send
from riskops.records import LedgerKind, Rung, RunType, Verb, Verdict
from riskops.report.wording import short_date
from riskops.sessions import desk_time
from riskops.settings import Fault
from riskops.sources.mappings import CLOSED_TRADES
from riskops.store.read_backs import Reading
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import (
    decision_records,
    decisions,
    ledger,
    outbox,
    publications,
    published_limits,
    reports,
    signals,
)
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, night_file, rows_of, stormy, trade

USUAL, WITHOUT_MODEL, HELD, LAST = (CALENDAR.shift(SESSION, i) for i in range(-3, 1))
NEXT = CALENDAR.shift(SESSION, 1)
RESULTS = stormy(traders=6, days=85)
HISTORY_DAYS = 80
FAULTS = {WITHOUT_MODEL: Fault.MODEL_RAISES, HELD: Fault.INGEST_RAISES}
PUBLISHED = {"publish_rules": publish_rules, "publish_model": publish_model, "hold_limits": hold_limits}


ON_SQLITE = pytest.mark.parametrize("kept_on", ["sqlite"], indirect=True)
CHECKED = {}


def at(folder, session, inbox_of=None, **changes):
    inbox = str((inbox_of or folder) / "inbox")
    return opened(folder, on_the_morning(session), RISKOPS_SOURCE="csv", RISKOPS_INBOX=inbox, **changes)


def live(desk, session, without=(), **run):
    """Live a morning verb by verb, as a scheduler does: what fails does not stop the others."""
    asked = run_for(session, **run)
    for verb in each_verb():
        if verb.__name__ not in without:
            _try(verb, desk, asked)


def _try(verb, desk, run):
    if verb is publish_rules:
        verb = PUBLISHED[choose(desk, run)["route"]]
    try:
        verb(desk, run)
    except RiskOpsError:
        assert desk.settings.fault is not Fault.NONE


def night(folder, session, day):
    rows = rows_of({trader: usd[day : day + 1] for trader, usd in RESULTS.items()}, session)
    night_file(folder, rows, session)


@pytest.fixture(scope="module")
def lived_template(keeper, tmp_path_factory):
    """Return the folder of a desk that lived four mornings; never written to, only copied."""
    folder = keeper(tmp_path_factory.mktemp("lived"))
    history = {trader: usd[:HISTORY_DAYS] for trader, usd in RESULTS.items()}
    first = CALENDAR.previous(USUAL)
    csv_desk(folder, history, CALENDAR.previous(first), on_the_morning(first)).store.close()
    for i, session in enumerate((USUAL, WITHOUT_MODEL, HELD, LAST)):
        night(folder, CALENDAR.previous(session), HISTORY_DAYS + i)
        with at(folder, session, RISKOPS_FAULT=FAULTS.get(session, Fault.NONE).value) as desk:
            live(desk, session)
            assert desk.store.mornings.is_frozen(session, 0)
    night(folder, LAST, HISTORY_DAYS + 4)
    with at(folder, NEXT) as desk:
        late = [trade("3937", day, -9_000, desk_time(NEXT, time(5)), f"late-{day}") for day in (first, HELD)]
        desk.store.transactions.add(late, [], "test")
    return folder


@pytest.fixture(scope="module")
def replayed(lived_template):
    """Return what replaying the four mornings found, and whether the risk database is what it was."""
    with at(lived_template, NEXT) as desk:
        before = everything(desk)
        found = replay(desk, asked_sessions(desk, USUAL, LAST, None))
        return {one.session: one for one in found}, everything(desk) == before


def everything(desk):
    with desk.store.database.reading() as connection:
        records = connection.execute(sa.text("SELECT * FROM run_records ORDER BY record_id")).all()
    files = {path: path.stat().st_mtime_ns for path in desk.settings.output.rglob("*")}
    return content_of(desk), [tuple(map(repr, row)) for row in records], files


@pytest.fixture
def checked_once(monkeypatch):
    """Let the data checks of a session run once for all tests that only spoil what it left."""
    real = quality.check

    def check(slices, session, *more):
        known = session, len(slices.trades)
        if known not in CHECKED:
            CHECKED[known] = real(slices, session, *more)
        return CHECKED[known]

    monkeypatch.setattr(quality, "check", check)


@pytest.fixture
def desk(lived_template, own_copy, checked_once):
    """Return a desk of this test's own, the morning after the four."""
    with at(own_copy(lived_template), NEXT, lived_template) as desk:
        yield desk


def of(desk, session=USUAL, revision=0):
    (found,) = replay(desk, [(session, revision)])
    return found


def execute(desk, statement):
    with desk.store.database.writing() as connection:
        connection.execute(statement)


def changed(desk, table, session=USUAL, where=(), **values):
    """Change rows of a session behind RiskOps' back."""
    of_session = (table.c.session == session, *where)
    execute(desk, sa.update(table).where(*of_session).values(**values))


def cell(desk, column, session=USUAL, where=()):
    query = sa.select(column).where(column.table.c.session == session, *where).limit(1)
    with desk.store.database.reading() as connection:
        return connection.execute(query).scalar_one()


def read_back_all(desk, session, limit_cents, known_at):
    limits = dict.fromkeys(RESULTS, limit_cents)
    desk.store.read_backs.record(Reading(session, known_at, f"{limit_cents}", "applied.csv", limits))


class TestEqual:
    @pytest.mark.parametrize(
        ("session", "rung"),
        [(USUAL, Rung.RULES), (WITHOUT_MODEL, Rung.RULES), (HELD, Rung.HOLD), (LAST, Rung.RULES)],
        ids=["usual", "without the model", "held", "after a hold"],
    )
    @pytest.mark.campaign
    def test_after_every_kind_of_morning_whatever_was_lived_and_came_in_later(self, session, rung, replayed):
        found = replayed[0][session]
        assert found.is_equal, found.difference
        assert found.rung.startswith(str(int(rung)))
        assert found.compared["limits"] == len(RESULTS)
        assert found.compared["mails"] == 1

    def test_nothing_is_written_to_the_risk_database_or_the_output_folder(self, replayed):
        assert replayed[1]

    def test_what_is_made_now_is_the_record_byte_by_byte(self, replayed, lived_template):
        with at(lived_template, NEXT) as desk:
            for session, found in replayed[0].items():
                record = desk.store.mornings.decision_record(session, 0)
                assert record.is_whole
                assert (found.document, found.digest) == (record.document, record.digest)

    def test_it_says_what_could_not_be_done_again(self, replayed):
        found = replayed[0]
        assert found[USUAL].remarks == ()
        (told,) = found[WITHOUT_MODEL].remarks
        assert told.startswith("score_pooled_model had not finished: Forced by RISKOPS_FAULT=model_raises")
        assert found[HELD].remarks[0].startswith("ingest had not finished: Forced")

    def test_limits_that_were_read_back_after_the_cut_off_change_nothing(self, desk):
        read_back_all(desk, USUAL, 100_000, desk_time(NEXT, time(6)))
        read_back_all(desk, LAST, 100_000, desk_time(NEXT, time(8)))
        live(desk, NEXT)
        for session in (LAST, NEXT):
            found = of(desk, session)
            assert found.is_equal, found.difference

    @ON_SQLITE
    def test_limits_that_were_read_back_in_time_are_known_again(self, desk):
        read_back_all(desk, LAST, 100_000, desk_time(NEXT, time(6)))
        live(desk, NEXT)
        read_back_all(desk, LAST, 900_000, desk_time(NEXT, time(8)))
        told = (
            f"Limits in force on {short_date(LAST)}: 0 of {len(RESULTS)} applied; different: 3937 has $1,000"
        )
        assert told in desk.store.mornings.report(NEXT, 0, LIMITS_MAIL).text
        found = of(desk, NEXT)
        assert found.is_equal, found.difference

    @ON_SQLITE
    def test_also_by_another_version_which_it_says(self, desk):
        found = of(replace(desk, version="9.9"))
        assert found.is_equal, found.difference
        assert (found.decided_by, found.replayed_by) == (desk.version, "9.9")
        assert found.remarks == (f"decided by version {desk.version}, replayed by 9.9",)

    @ON_SQLITE
    def test_limits_older_than_records_are_compared_without_one(self, desk):
        execute(desk, sa.delete(decision_records).where(decision_records.c.session == USUAL))
        found = of(desk)
        assert found.is_equal, found.difference
        assert found.digest == ""
        assert found.remarks == ("decided before records were kept: there is no canonical record to compare",)

    @ON_SQLITE
    def test_a_backfilled_session_that_never_mailed(self, desk):
        live(desk, NEXT, run_type=RunType.BACKFILL)
        found = of(desk, NEXT)
        assert found.is_equal, found.difference
        assert found.compared["mails"] == 0

    @ON_SQLITE
    def test_scores_that_came_after_the_mail_are_no_part_of_the_decision(self, desk):
        score_pooled_model(desk, run_for(WITHOUT_MODEL))
        assert desk.store.mornings.stages(WITHOUT_MODEL, 0)[Verb.SCORE_MODEL].is_done
        found = of(desk, WITHOUT_MODEL)
        assert found.is_equal, found.difference

    @ON_SQLITE
    def test_a_held_morning_whose_night_was_loaded_after_it_was_decided(self, desk, lived_template):
        drill = replace(desk, settings=replace(desk.settings, fault=Fault.INGEST_RAISES))
        live(drill, NEXT, deliver=False)
        assert desk.store.mornings.publication(NEXT, 0).rung is Rung.HOLD
        late = replace(desk, clock=on_the_morning(NEXT, time(6, 10)))
        load_file(late, lived_template / "inbox" / f"trades_{LAST}.csv", CLOSED_TRADES.name)
        found = of(desk, NEXT)
        assert found.is_equal, found.difference

    @ON_SQLITE
    def test_outcomes_that_were_recorded_too_late_and_a_model_that_was_killed(self, desk):
        desk.store.journal.begin(run_for(NEXT), Verb.SCORE_MODEL, desk.clock())
        desk.store.mornings.start(NEXT, 0, Verb.SCORE_MODEL)
        live(desk, NEXT, without=("score_pooled_model", "record_outcomes"))
        for late in (record_outcomes, score_pooled_model):
            late(desk, run_for(NEXT))
        assert {stage.state for stage in desk.store.mornings.stages(NEXT, 0).values()} == {"done"}
        found = of(desk, NEXT)
        assert found.is_equal, found.difference
        assert found.remarks == ("score_pooled_model had not finished: no word of it",)


@ON_SQLITE
class TestPromotion:
    @pytest.fixture
    def promoted(self, desk, monkeypatch):
        """Return a desk on whose morning the model was promoted."""
        real = comparison.compare
        monkeypatch.setattr(comparison, "compare", lambda *args: replace(real(*args), opens=True))
        live(desk, NEXT)
        assert desk.store.mornings.publication(NEXT, 0).verdict is Verdict.MODEL_WINS
        return desk

    def test_the_verdict_is_the_same_and_the_ledger_stays(self, promoted):
        before = promoted.store.ledger.entries()
        found = of(promoted, NEXT)
        assert found.is_equal, found.difference
        assert promoted.store.ledger.entries() == before

    def test_an_entry_that_somebody_took_away_is_missed(self, promoted):
        execute(promoted, sa.delete(ledger).where(ledger.c.kind == LedgerKind.PROMOTED))
        assert str(of(promoted, NEXT).difference).startswith("ledger.promoted: recorded nothing there")


@ON_SQLITE
class TestFound:
    def test_a_limit_that_was_changed(self, desk):
        trader = (decisions.c.trader_id == "3937",)
        changed(desk, decisions, where=trader, limit_cents=450_000)
        assert str(of(desk).difference).startswith("decisions[3937].columns.limit_cents: recorded 450000")

    def test_a_reason_that_was_changed(self, desk):
        cut = (decisions.c.reduction > 0,)
        trader_id = cell(desk, decisions.c.trader_id, where=cut)
        detail = cell(desk, decisions.c.detail, where=cut)
        reasons = ["none", *detail["reasons"][1:]]
        mine = (decisions.c.trader_id == trader_id,)
        changed(desk, decisions, where=mine, detail=detail | {"reasons": reasons})
        said = f"decisions[{trader_id}].reasons[0]: recorded 'none', replayed {detail['reasons'][0]!r}"
        assert str(of(desk).difference) == said

    def test_a_number_behind_a_signal(self, desk):
        trader_id = cell(desk, signals.c.trader_id)
        changed(desk, signals, where=(signals.c.trader_id == trader_id,), numbers={"percent": 99})
        said = str(of(desk).difference)
        assert said.startswith(f"signals[{trader_id}].")
        assert ".numbers.percent: recorded 99, replayed" in said

    def test_the_why(self, desk):
        changed(desk, publications, why="because")
        assert str(of(desk).difference).startswith("publications.why: recorded 'because', replayed ")

    def test_a_line_of_the_report(self, desk):
        text = cell(desk, reports.c.text)
        changed(desk, reports, text=text.replace("SUMMARY", "SUMMARY, they say"))
        assert "report.text[" in str(of(desk).difference)
        assert "they say" in str(of(desk).difference)

    def test_a_line_of_the_mail_that_left(self, desk):
        changed(desk, outbox, html=cell(desk, outbox.c.html).replace("Reduce", "Perhaps reduce"))
        assert str(of(desk).difference).startswith("mails.files.html[")

    def test_a_limit_that_is_said_to_have_left(self, desk):
        mine = (published_limits.c.trader_id == "3938",)
        changed(desk, published_limits, where=mine, reduction=80)
        assert str(of(desk).difference).startswith("published_limits[3938].reduction: recorded 80")

    def test_a_record_that_is_not_the_one_that_was_committed(self, desk):
        text = cell(desk, decision_records.c.document)
        changed(desk, decision_records, document=text.replace('"rung":2', '"rung":1'))
        found = of(desk)
        assert str(found.difference).startswith(f"record (SHA-256): recorded {found.digest}, its text has ")

    def test_a_record_that_was_changed_with_its_digest(self, desk):
        document = json.loads(cell(desk, decision_records.c.document))
        document["rules"]["3937"]["active_days"] += 1
        text = as_text(document)
        changed(desk, decision_records, document=text, digest=digest(text))
        assert str(of(desk).difference).startswith("record.rules[3937].active_days: recorded ")

    def test_a_result_that_was_slipped_in_as_if_it_had_been_known(self, desk):
        night = CALENDAR.previous(USUAL)
        desk.store.transactions.add([trade("3937", night, -9_000, trade_id="slipped in")], [], "test")
        assert str(of(desk).difference).startswith("decisions[3937].")


@ON_SQLITE
class TestNotReplayed:
    def test_a_session_that_was_never_decided(self, desk):
        with pytest.raises(ReplayError, match="No limits were decided for 2025-01-02: there is nothing"):
            asked_sessions(desk, date(2025, 1, 2), None, None)

    def test_a_revision_that_was_never_asked_for(self, desk):
        with pytest.raises(ReplayError, match="in revision 3"):
            asked_sessions(desk, USUAL, None, 3)

    def test_limits_of_a_minimal_mail_are_compared_and_not_decided_again(self, desk):
        send(desk, run_for(NEXT))
        found = of(desk, NEXT)
        assert found.difference is None
        assert not found.is_equal
        assert found.impossible == "they are those that a minimal mail named"
        with pytest.raises(ReplayError, match=rf"1 of 1 .*{NEXT}: it cannot be decided again: they are"):
            verdict([found])

    def test_and_a_change_of_them_is_found(self, desk):
        send(desk, run_for(NEXT))
        changed(desk, outbox, NEXT, text="Trade as you like.")
        assert str(of(desk, NEXT).difference).startswith("mails.files.text[0]: recorded 'Trade")

    def test_own_limits_behind_a_minimal_mail_are_decided_again(self, desk):
        live(desk, NEXT, without=("compose", "send"))
        send(desk, run_for(NEXT))
        assert desk.store.mornings.report(NEXT, 0, LIMITS_MAIL).html == ""
        found = of(desk, NEXT)
        assert found.is_equal, found.difference
        assert "a mail of last resort" in found.remarks[-1]
