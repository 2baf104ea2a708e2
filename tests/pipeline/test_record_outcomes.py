"""What became of lived days is recorded once, as known at the cut-off, and told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from riskops.outcomes import Policy
from riskops.pipeline.compose import compose
from riskops.pipeline.ingest import ingest
from riskops.pipeline.record_outcomes import news_of, record_outcomes
from riskops.pipeline.send import send
from riskops.records import LimitOrigin, RosterEntry, RosterState, RunType
from riskops.report.outcome_lines import NOT_RECORDED
from riskops.sessions import desk_time
from riskops.store import outcomes as outcomes_store
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import applied_limits, economics, outcomes, published_limits, run_records
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, copied, each_verb, forgotten, on_the_morning, opened, run_for
from tests.small_desks import NIGHT, account_of, csv_desk, night_file, row, stormy, trade

RESULTS = stormy(traders=8, days=80)
TRADERS = sorted(RESULTS)
BREACHER, *QUIET = TRADERS
NIGHT_USD = {BREACHER: -9_000.0} | dict.fromkeys(QUIET, 120.0)
EVERY_DAY_S = (Policy.APPLIED, Policy.RULES, Policy.POOLED_MODEL)
RUN, NEXT = run_for(SESSION), CALENDAR.shift(SESSION, 1)


@pytest.fixture(scope="module")
def lived_template(keeper, tmp_path_factory):
    """Return the folder of a desk that lived the morning of `NIGHT`, whose results lie in the inbox."""
    folder = keeper(tmp_path_factory.mktemp("lived"))
    csv_desk(folder, RESULTS, CALENDAR.previous(NIGHT), on_the_morning(NIGHT)).store.close()
    with reopened(folder, NIGHT) as desk:
        for verb in each_verb():
            verb(desk, run_for(NIGHT))
        assert desk.store.mornings.is_frozen(NIGHT, 0)
    night_file(folder, [row(trader, NIGHT, usd) for trader, usd in NIGHT_USD.items()])
    yield folder
    forgotten(folder)


@pytest.fixture
def folder(lived_template, tmp_path):
    """Return the folder of such a desk of this test's own."""
    made = copied(lived_template, tmp_path / "desk")
    yield made
    forgotten(made)


@pytest.fixture
def desk(folder, lived_template, listener):
    """Return such a desk on the morning after, its night fetched, on-call connected."""
    webhook = f"http://127.0.0.1:{listener.server_port}/on-call"
    with reopened(folder, SESSION, lived_template, RISKOPS_ON_CALL_WEBHOOK=webhook) as desk:
        ingest(desk, RUN)
        yield desk


def reopened(folder, session, inbox_of=None, at=time(6, 5), **changes):
    changes = {"RISKOPS_SOURCE": "csv", "RISKOPS_INBOX": str((inbox_of or folder) / "inbox")} | changes
    return opened(folder, on_the_morning(session, at), **changes)


def on(desk, session, at=time(6, 5)):
    return replace(desk, clock=on_the_morning(session, at))


def rows(desk, table, **of):
    wanted = [table.c[name] == value for name, value in of.items()]
    query = sa.select(table).where(*wanted).order_by(*table.primary_key)
    with desk.store.database.reading() as connection:
        return connection.execute(query).all()


def execute(desk, statement):
    with desk.store.database.writing() as connection:
        connection.execute(statement)


def recorded(desk, trader_id=BREACHER):
    return rows(desk, outcomes, trader_id=trader_id)


def mail_of(desk, session=SESSION):
    return " ".join(desk.store.mornings.report(session, 0, LIMITS_MAIL).text.split())


def live(desk, session=SESSION, without=()):
    for verb in each_verb():
        if verb.__name__ not in without:
            verb(desk, run_for(session))


def corrected(desk, usd, session=NIGHT, known_on=NEXT):
    """Let more of a session's result become known in the night before `known_on`."""
    more = trade(BREACHER, session, usd, desk_time(known_on, time(5, 30)), trade_id=f"more-{known_on}")
    desk.store.transactions.add([more], [], "test")


def fetch(desk, traders, on_morning):
    """Let the night of some traders become known in the night before a morning."""
    known_at = desk_time(on_morning, time(5, 30))
    night = [trade(trader, NIGHT, NIGHT_USD[trader], known_at) for trader in traders]
    desk.store.transactions.add(night, [(account_of(t), NIGHT, known_at) for t in traders], "csv")


def cover(desk, session):
    """Confirm that nobody traded on a session."""
    known_at = CALENDAR.history_known_at(session)
    desk.store.transactions.add([], [(account_of(t), session, known_at) for t in TRADERS], "csv")


class TestWhatIsRecorded:
    def test_each_result_stands_beside_the_limit_that_left_and_the_numbers_of_both_engines(self, desk):
        assert record_outcomes(desk, RUN)["recorded"] == len(TRADERS)
        decided = {d.trader_id: d for d in desk.store.mornings.publication(NIGHT, 0).decisions}
        model = {s.trader_id: s for s in desk.store.mornings.model_scores(NIGHT, 0)}
        rules = {s.trader_id: s for s in desk.store.mornings.rule_scores(NIGHT, 0)}
        found = rows(desk, outcomes)
        assert [row.trader_id for row in found] == TRADERS
        for day in found:
            trader_id = day.trader_id
            assert (day.session, day.net_cents) == (NIGHT, round(NIGHT_USD[trader_id] * 100))
            assert day.limit_cents == decided[trader_id].limit_cents
            assert day.limit_origin == LimitOrigin.PUBLISHED
            assert day.rules_reduction == rules[trader_id].reduction
            assert day.model_reduction == model[trader_id].reduction
            assert day.large_loss_probability == model[trader_id].large_loss_probability
            assert day.breached == day.large_loss == (trader_id == BREACHER)

    def test_every_policy_has_its_economics(self, desk):
        record_outcomes(desk, RUN)
        found = rows(desk, economics)
        every = {(trader, policy) for trader in TRADERS for policy in EVERY_DAY_S}
        assert {(row.trader_id, row.policy) for row in found} == every
        assert {row.method for row in found} == {"replay"}

    def test_again_it_writes_nothing(self, desk):
        record_outcomes(desk, RUN)
        before = content_of(desk)
        assert record_outcomes(desk, RUN)["recorded"] == 0
        assert content_of(desk) == before

    def test_after_the_mail_it_is_a_quiet_no_op(self, desk):
        live(desk)
        before = content_of(desk)
        assert record_outcomes(desk, RUN)["sealed"] is True
        assert content_of(desk) == before

    def test_nothing_that_became_known_after_the_cut_off_enters(self, desk):
        corrected(desk, 8_950)
        record_outcomes(desk, RUN)
        assert [row.net_cents for row in recorded(desk)] == [-900_000]

    def test_in_small_parts_it_records_the_same(self, desk, monkeypatch):
        monkeypatch.setattr(outcomes_store, "CHUNK", 3)
        record_outcomes(desk, RUN)
        in_parts = content_of(desk)
        for table in (outcomes, economics):
            execute(desk, table.delete())
        monkeypatch.undo()
        record_outcomes(desk, RUN)
        assert content_of(desk) == in_parts


class TestVersions:
    def test_a_corrected_result_adds_a_version_and_overwrites_none(self, desk):
        live(desk)
        first = recorded(desk)
        corrected(desk, 8_950)
        cover(desk, SESSION)
        record_outcomes(on(desk, NEXT), run_for(NEXT))
        before, after = [row for row in recorded(desk) if row.session == NIGHT]
        assert [before] == first
        assert (after.net_cents, after.breached, after.large_loss) == (-5_000, False, False)
        assert after.known_at == desk_time(NEXT, time(5, 30))
        assert len(rows(desk, economics, trader_id=BREACHER, session=NIGHT)) == 2 * len(EVERY_DAY_S)

    def test_an_older_morning_run_again_takes_nothing_back(self, desk):
        record_outcomes(desk, RUN)
        corrected(desk, 8_950)
        record_outcomes(on(desk, NEXT), run_for(NEXT))
        before = content_of(desk)
        record_outcomes(desk, RUN)
        assert content_of(desk) == before

    def test_a_limit_that_turns_out_to_be_another_adds_a_version(self, desk):
        record_outcomes(desk, RUN)
        override = {"limit_cents": 1_200_000, "origin": "override"}
        execute(desk, applied_limits.update().where(applied_limits.c.trader_id == BREACHER).values(override))
        assert record_outcomes(on(desk, NEXT), run_for(NEXT))["recorded"] == 1
        before, after = recorded(desk)
        assert (before.breached, after.breached) == (True, False)
        assert (after.limit_cents, after.limit_origin) == (1_200_000, LimitOrigin.OVERRIDE)


class TestWhatIsMissing:
    def test_before_the_first_morning_there_is_nothing_to_record(self, lived_template, desk):
        first = on(desk, NIGHT)
        assert record_outcomes(first, run_for(NIGHT, deliver=False))["outcomes"] == 0
        assert rows(desk, outcomes) == []

    def test_a_day_that_was_not_fetched_waits_until_it_is(self, folder):
        with reopened(folder, SESSION) as desk:
            fetch(desk, QUIET, SESSION)
            receipt = record_outcomes(desk, RUN)
            assert (receipt["outcomes"], receipt["waiting"]) == (len(QUIET), 1)
            fetch(desk, [BREACHER], NEXT)
            receipt = record_outcomes(on(desk, NEXT), run_for(NEXT))
            assert [row.net_cents for row in recorded(desk)] == [-900_000]
            assert [b.trader_id for b in news_of(receipt).breaches] == [BREACHER]

    def test_an_idle_day_is_recorded_without_a_result(self, desk):
        live(desk)
        cover(desk, SESSION)
        record_outcomes(on(desk, NEXT), run_for(NEXT))
        idle = [row for row in recorded(desk) if row.session == SESSION]
        assert [(row.net_cents, row.large_loss, row.breached) for row in idle] == [(None, None, False)]
        assert rows(desk, economics, session=SESSION) == []

    def test_a_trader_who_left_keeps_the_outcome_of_the_last_day(self, desk):
        desk.store.roster.enrol([], [], [], [RosterEntry(BREACHER, SESSION, RosterState.LEFT)])
        receipt = record_outcomes(desk, RUN)
        assert receipt["recorded"] == len(TRADERS)
        assert [row.breached for row in recorded(desk)] == [True]

    def test_without_an_applied_limit_the_one_that_left_counts(self, desk):
        execute(desk, applied_limits.delete())
        record_outcomes(desk, RUN)
        assert {row.limit_origin for row in rows(desk, outcomes)} == {LimitOrigin.PUBLISHED}

    def test_without_any_limit_the_base_is_assumed_and_nobody_is_told(self, desk):
        for table in (applied_limits, published_limits):
            execute(desk, table.delete().where(table.c.trader_id == BREACHER))
        receipt = record_outcomes(desk, RUN)
        (found,) = recorded(desk)
        assert (found.limit_cents, found.limit_origin) == (500_000, LimitOrigin.ASSUMED)
        assert (found.breached, receipt["breaches"]) == (True, 0)
        assert "applied" not in {row.policy for row in rows(desk, economics, trader_id=BREACHER)}

    def test_numbers_that_were_stored_after_the_open_are_no_forecast(self, desk):
        late = {"finished_at": desk_time(NIGHT, time(9, 31))}
        execute(desk, run_records.update().where(run_records.c.verb == "score_pooled_model").values(late))
        record_outcomes(desk, RUN)
        (found,) = recorded(desk)
        assert (found.model_reduction, found.large_loss_probability) == (None, None)
        assert found.rules_reduction is not None


class TestBackfill:
    @pytest.mark.parametrize("session", [NIGHT, SESSION, date(2026, 3, 11)])
    def test_it_reads_and_writes_nothing(self, session, desk, monkeypatch):
        before = content_of(desk)
        monkeypatch.setattr(desk.store, "outcomes", None)
        record_outcomes(desk, run_for(session, RunType.BACKFILL))
        assert content_of(desk) == before

    def test_its_report_does_not_miss_what_it_need_not_record(self, desk):
        backfill = run_for(SESSION, RunType.BACKFILL)
        for verb in each_verb():
            verb(desk, backfill)
        assert NOT_RECORDED not in mail_of(desk)

    def test_it_takes_nothing_from_what_a_live_morning_tells(self, desk):
        record_outcomes(desk, RUN)
        for verb in each_verb():
            verb(desk, run_for(SESSION, RunType.BACKFILL))
        assert "LIMIT BREACHED on Fri 13 Mar" in mail_of(desk)


class TestWhatIsTold:
    def test_a_breach_is_in_the_mail_and_on_call_hears_it_once(self, desk, listener):
        live(desk)
        told = [body["text"] for _, body in listener.heard]
        limit = recorded(desk)[0].limit_cents // 100
        breach = f"Trader {BREACHER} -$9,000, ${9_000 - limit:,} beyond a limit of ${limit:,}"
        assert f"LIMIT BREACHED on Fri 13 Mar: {breach}" in mail_of(desk)
        assert [breach in text for text in told if "BREACHED" in text] == [True]
        assert told[0].endswith("docs/runbook.md#a-limit-was-breached")
        live(desk)
        assert len(listener.heard) == len(told)

    def test_the_next_mail_does_not_tell_it_again(self, desk, listener):
        live(desk)
        cover(desk, SESSION)
        heard = len(listener.heard)
        following = on(desk, NEXT)
        live(following, NEXT)
        assert "BREACHED" not in mail_of(desk, NEXT)
        assert len(listener.heard) == heard

    @pytest.mark.fault(
        what="a result that a breach was told of is corrected",
        gets="a new version of its outcome, the first one stays; the next mail takes the breach back",
        rung="-",
        label="CORRECTED",
        told="risk managers (mail)",
    )
    def test_a_result_that_is_corrected_to_no_breach_is_taken_back_in_the_next_mail(self, desk):
        live(desk)
        cover(desk, SESSION)
        corrected(desk, 8_950)
        live(on(desk, NEXT), NEXT)
        assert f"CORRECTED: Trader {BREACHER} did not breach the limit on Fri 13 Mar" in mail_of(desk, NEXT)

    def test_a_night_without_a_breach_tells_nothing(self, desk, listener):
        corrected(desk, 8_950, known_on=SESSION)
        live(desk)
        assert recorded(desk)[0].breached is False
        assert not any(word in mail_of(desk) for word in ("BREACHED", "CORRECTED", NOT_RECORDED))
        assert listener.heard == []

    def test_without_outcomes_the_mail_says_so_and_the_next_one_tells_what_it_missed(self, desk, listener):
        live(desk, without=["record_outcomes"])
        assert NOT_RECORDED in mail_of(desk)
        assert listener.heard == []
        record_outcomes(desk, RUN)
        cover(desk, SESSION)
        live(on(desk, NEXT), NEXT)
        assert "LIMIT BREACHED on Fri 13 Mar" in mail_of(desk, NEXT)
        assert [f"{NEXT}: LIMIT BREACHED" in body["text"] for _, body in listener.heard] == [True]

    def test_the_reason_why_outcomes_are_missing_is_told(self, desk, monkeypatch):
        monkeypatch.setattr("riskops.outcomes.ended", 0)
        with pytest.raises(TypeError):
            record_outcomes(desk, RUN)
        live(desk, without=["record_outcomes"])
        assert f"{NOT_RECORDED}: TypeError" in mail_of(desk)


def test_a_late_recording_stores_what_is_new_and_changes_no_mail(desk):
    live(desk, without=["record_outcomes"])
    mail = mail_of(desk)
    record_outcomes(on(desk, SESSION, time(11)), RUN)
    compose(desk, RUN)
    send(desk, RUN)
    assert len(rows(desk, outcomes)) == len(TRADERS)
    assert mail_of(desk) == mail


def test_the_moment_of_an_outcome_is_that_of_its_result(desk):
    record_outcomes(desk, RUN)
    assert {row.known_at for row in rows(desk, outcomes)} == {desk.clock()}
    assert desk.clock() - CALENDAR.history_known_at(NIGHT) == timedelta(minutes=65)
