"""The night's transactions: an account that is missing is visible, and holds its trader alone."""

from __future__ import annotations

from datetime import time, timedelta
from types import SimpleNamespace

import pytest

from riskops.desk import Desk
from riskops.errors import SourceError
from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.compose import compose
from riskops.pipeline.ingest import ingest
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.validate import validate
from riskops.records import RosterEntry, RosterState, Rung, RunType, Verb
from riskops.sessions import desk_time
from riskops.sources.source import Fetched
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, on_the_morning, run_for
from tests.small_desks import NIGHT, csv_desk, lived, night_file, quiet, row, trade

RUN = run_for(SESSION)
TRADERS = ("3942", "3943", "3951")
NIGHT_ROWS = [row(trader, NIGHT, 120.0) for trader in TRADERS]
BROKEN = row("3951", NIGHT, 120.0) | {"net": "NaN"}


@pytest.fixture
def desk(folder):
    """Return a desk of three traders whose last night has not been fetched."""
    results = dict.fromkeys(TRADERS, quiet()[:40])
    with csv_desk(folder, results, last=CALENDAR.previous(NIGHT)) as made:
        yield made


def cut_off(desk):
    return desk.store.mornings.cut_off(SESSION, 0)


def decide(desk):
    validate(desk, RUN)
    score_rules(desk, RUN)
    compare(desk, RUN)
    route = choose(desk, RUN)["route"]
    {"publish_rules": publish_rules, "hold_limits": hold_limits}[route](desk, RUN)
    return desk.store.mornings.publication(SESSION, 0)


class TestCleanNight:
    def test_the_night_is_stored_and_the_cut_off_is_now(self, desk, folder):
        night_file(folder, NIGHT_ROWS)
        receipt = ingest(desk, RUN)
        assert receipt == {"accounts": 3, "failures": {}, "sessions": 1, "new_trades": 3}
        assert cut_off(desk) == desk.clock()

    def test_the_first_cut_off_stands(self, desk, folder):
        night_file(folder, NIGHT_ROWS)
        ingest(desk, RUN)
        first = cut_off(desk)
        object.__setattr__(desk, "clock", lambda: first + timedelta(minutes=20))
        ingest(desk, RUN)
        assert cut_off(desk) == first

    def test_a_cut_off_is_never_later_than_twenty_past_seven(self, desk, folder):
        night_file(folder, NIGHT_ROWS)
        late = on_the_morning(SESSION, at=time(8, 30))
        object.__setattr__(desk, "clock", late)
        ingest(desk, RUN)
        assert cut_off(desk) == desk_time(SESSION, time(7, 20))

    def test_a_session_that_is_not_lived_has_its_cut_off_at_half_past_six(self, desk):
        earlier = CALENDAR.shift(SESSION, -5)
        ingest(desk, run_for(earlier, RunType.BACKFILL))
        assert desk.store.mornings.cut_off(earlier, 0) == desk_time(earlier, time(6, 30))

    def test_what_was_fetched_is_not_fetched_again(self, desk, folder):
        night_file(folder, NIGHT_ROWS)
        ingest(desk, RUN)
        (folder / "inbox" / f"trades_{NIGHT}.csv").unlink()
        assert ingest(desk, RUN)["sessions"] == 0


class TestOneAccountFails:
    @pytest.fixture
    def decided(self, desk, folder):
        night_file(folder, [*NIGHT_ROWS[:2], BROKEN])
        lived(desk, NIGHT, {"3942": 0, "3943": 0, "3951": 30})
        receipt = ingest(desk, RUN)
        assert list(receipt["failures"]) == ["A3951"]
        return decide(desk)

    def test_the_others_go_by_the_rules_and_its_trader_is_held(self, decided):
        assert decided.rung is Rung.RULES
        rungs = {decision.trader_id: (decision.rung, decision.quarantined) for decision in decided.decisions}
        assert rungs == {
            "3942": (Rung.RULES, False),
            "3943": (Rung.RULES, False),
            "3951": (Rung.HOLD, True),
        }

    def test_the_held_limit_is_tighter_than_the_day_before(self, decided):
        assert decided.decisions[2].reduction == 40

    def test_the_mail_names_the_account_and_the_quarantine(self, decided, desk):
        compose(desk, RUN)
        text = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL).text
        assert "Account A3951 was not fetched" in text
        assert f"trades_{NIGHT}.csv:4" in text
        assert "QUARANTINED" in text

    def test_a_corrected_file_brings_the_account_in_and_the_others_once(self, decided, desk, folder):
        stored = desk.store.transactions.count()
        night_file(folder, NIGHT_ROWS)
        receipt = ingest(desk, RUN)
        assert (receipt["new_trades"], receipt["failures"]) == (1, {})
        assert desk.store.transactions.count() == stored + 1


class TestAContradictingTrade:
    """A trade arrives under the account and id of a known one, with another result."""

    KNOWN = CALENDAR.previous(NIGHT)
    AGAIN = row("3951", NIGHT, -900.0, trade_id=f"{KNOWN}-3951")

    @pytest.fixture
    def received(self, desk, folder):
        night_file(folder, [*NIGHT_ROWS, self.AGAIN])
        lived(desk, NIGHT, {"3942": 0, "3943": 0, "3951": 30})
        return ingest(desk, RUN)

    def test_only_its_account_fails_and_the_reason_names_trade_row_and_both_results(self, received):
        assert (received["accounts"], list(received["failures"])) == (2, ["A3951"])
        reason = received["failures"]["A3951"]
        assert reason.startswith(f"trades_{NIGHT}.csv:5: Trade {self.KNOWN}-3951 of account A3951 is known")
        assert f"on {self.KNOWN}, here with net -$900 and gross -$900 on {NIGHT}" in reason
        assert reason.endswith("Write it as known, or give another trade an id of its own.")

    def test_what_is_known_stands_and_everything_else_is_stored(self, received, desk):
        assert received["new_trades"] == 3
        covered = desk.store.transactions.covered_sessions
        assert [bool(covered(f"A{t}", NIGHT, NIGHT)) for t in TRADERS] == [True, True, False]
        assert ingested_results(desk, "3951")[-1] == 12_000

    @pytest.mark.fault(
        what="a trade arrives again with another result",
        gets="its trader's limit held (rung 3), the rules' limits for the others",
        rung="2",
        label="quarantined",
        told="risk managers (mail)",
    )
    @pytest.mark.usefixtures("received")
    def test_its_trader_is_held_the_others_go_by_the_rules_and_the_mail_says_why(self, desk):
        rungs = {d.trader_id: (d.rung, d.quarantined) for d in decide(desk).decisions}
        assert rungs == {
            "3942": (Rung.RULES, False),
            "3943": (Rung.RULES, False),
            "3951": (Rung.HOLD, True),
        }
        compose(desk, RUN)
        text = " ".join(desk.store.mornings.report(SESSION, 0, LIMITS_MAIL).text.split())
        assert f"Trade {self.KNOWN}-3951 of account A3951 is known with" in text
        assert "QUARANTINED" in text

    def test_running_again_ends_in_the_same_state(self, received, desk):
        before = content_of(desk)
        assert ingest(desk, RUN) == received | {"new_trades": 0}
        assert content_of(desk) == before

    def test_written_as_known_it_passes(self, received, desk, folder):
        assert received["failures"]
        night_file(folder, NIGHT_ROWS)
        assert ingest(desk, RUN)["failures"] == {}

    def test_two_results_in_one_file_fail_the_account_and_store_neither(self, desk, folder):
        night_file(folder, [*NIGHT_ROWS, row("3951", NIGHT, 900.0)])
        receipt = ingest(desk, RUN)
        assert (list(receipt["failures"]), receipt["new_trades"]) == (["A3951"], 2)
        assert "was in line 4 before with net 120.00" in receipt["failures"]["A3951"]

    def test_two_results_in_one_answer_of_any_source_store_neither(self, desk, monkeypatch):
        told = [trade("3942", NIGHT, 1), trade("3951", NIGHT, 2), trade("3951", NIGHT, -2)]
        covered = tuple((f"A{t}", NIGHT) for t in TRADERS)
        source = SimpleNamespace(
            tells_fills=False,
            is_asked_again=False,
            fetch=lambda *_asked: iter([Fetched(tuple(told), covered)]),
        )
        monkeypatch.setattr(Desk, "source", lambda _desk: source)
        receipt = ingest(desk, RUN)
        assert (list(receipt["failures"]), receipt["new_trades"]) == (["A3951"], 1)

    def test_an_id_used_on_two_nights_of_one_fetch_fails_its_account_alone(self, folder):
        before = CALENDAR.previous(NIGHT)
        results = dict.fromkeys(TRADERS, quiet()[:40])
        with csv_desk(folder, results, last=CALENDAR.previous(before)) as desk:
            night_file(folder, [row("3951", before, 10.0, trade_id="1")], before)
            night_file(folder, [*NIGHT_ROWS[:2], row("3951", NIGHT, 20.0, trade_id="1")])
            receipt = ingest(desk, RUN)
        assert (list(receipt["failures"]), receipt["new_trades"]) == (["A3951"], 3)


def ingested_results(desk, trader_id):
    """Return the daily results of a trader in cents, as known at the cut-off."""
    traders = desk.store.history.desk(SESSION, cut_off(desk)).traders
    return next(t.net_cents.tolist() for t in traders if t.trader_id == trader_id)


class TestANightThatArrivesAfterTheCutOff:
    def test_data_health_says_when_it_arrived(self, desk, folder):
        night_file(folder, NIGHT_ROWS)
        object.__setattr__(desk, "clock", on_the_morning(SESSION, at=time(7, 41)))
        ingest(desk, RUN)
        decide(desk)
        late = [c.detail for c in desk.store.mornings.quality(SESSION, 0) if c.check == "account_covered"]
        assert len(late) == 3
        assert all("(arrived 07:41 New York, after the cut-off)" in detail for detail in late)
        compose(desk, RUN)
        text = " ".join(desk.store.mornings.report(SESSION, 0, LIMITS_MAIL).text.split())
        assert "arrived 07:41 New York, after the cut-off" in text


class TestNobodyIsFetched:
    @pytest.mark.parametrize("rows", [None, [NIGHT_ROWS[0] | {"account": ""}]], ids=["no file", "bad file"])
    def test_the_verb_fails_so_that_it_is_tried_again_and_fixes_no_cut_off(self, rows, desk, folder):
        (folder / "inbox").mkdir()
        if rows:
            night_file(folder, rows)
        with pytest.raises(SourceError, match="No account was fetched") as caught:
            ingest(desk, RUN)
        assert caught.value.retryable
        assert cut_off(desk) is None
        assert desk.store.mornings.stages(SESSION, 0)[Verb.INGEST].state == "failed"

    def test_an_inbox_that_is_not_there_fails_the_verb(self, desk):
        with pytest.raises(SourceError, match="Check RISKOPS_INBOX"):
            ingest(desk, RUN)

    @pytest.mark.parametrize(
        ("known", "rung", "limits"),
        [
            ({"3942": 0, "3943": 0, "3951": 30}, Rung.HOLD, [450_000, 450_000, 300_000]),
            ({}, Rung.FLOOR, [250_000] * 3),
        ],
    )
    def test_limits_are_held_or_the_floor_where_there_is_nothing_to_hold(self, known, rung, limits, desk):
        if known:
            lived(desk, NIGHT, known)
        with pytest.raises(SourceError, match="RISKOPS_INBOX"):
            ingest(desk, RUN)
        decided = decide(desk)
        assert decided.rung is rung
        assert [decision.limit_cents for decision in decided.decisions] == limits
        assert decided.why.startswith("the ingest failed (The inbox")

    def test_a_file_that_comes_later_is_known_at_the_cut_off_it_leads_to(self, desk, folder):
        (folder / "inbox").mkdir()
        with pytest.raises(SourceError):
            ingest(desk, RUN)
        night_file(folder, NIGHT_ROWS)
        ingest(desk, RUN)
        history = desk.store.history.desk(SESSION, cut_off(desk))
        assert {trader.day[-1] for trader in history.traders} == {CALENDAR.position(NIGHT)}


class TestWhoIsAskedFor:
    def test_traders_who_left_or_are_suspended_are_neither_asked_for_nor_given_a_limit(self, desk, folder):
        states = [
            RosterEntry("3943", NIGHT, RosterState.LEFT),
            RosterEntry("3951", NIGHT, RosterState.SUSPENDED),
        ]
        desk.store.roster.enrol([], [], [], states)
        night_file(folder, NIGHT_ROWS[:1])
        assert ingest(desk, RUN)["accounts"] == 1
        assert [decision.trader_id for decision in decide(desk).decisions] == ["3942"]
