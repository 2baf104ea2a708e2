from dataclasses import replace
from datetime import date

import pytest

from riskops import config
from riskops.records import Comparison, Engine, LedgerEntry, LedgerKind, Verdict
from riskops.standing import UNREGISTERED, Standing, cool_off_ends, met, settle, standing, turn
from tests.builders import CALENDAR, SESSION

TODAY = CALENDAR.position(SESSION)


def session(offset: int) -> date:
    return CALENDAR.session_at(TODAY + offset)


def entry(kind: LedgerKind, offset: int, specification: str = "one", number: int = 1) -> LedgerEntry:
    return LedgerEntry(session(offset), kind, specification, number, f"{kind.value} because")


def found(*, opens: bool = False, demotion: str = "") -> Comparison:
    return Comparison(
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        reason="What the evidence says.",
        e_values=(25.0, 40.0, 90.0, 26.0),
        challenger_benefit_usd=2.0,
        rules_benefit_usd=1.0,
        desk_days=700,
        trader_days=9_000,
        large_loss_days=300,
        clipped_days=3,
        vetoed=False,
        sessions_to_go=None,
        smallest_detectable_usd=95.0,
        specification="one",
        opens=opens,
        demotion_e=1.2,
        demotion=demotion,
    )


REGISTERED = entry(LedgerKind.REGISTERED, -100)
PROMOTED = entry(LedgerKind.PROMOTED, -50)
DEMOTED = entry(LedgerKind.DEMOTED, -10)


class TestStanding:
    def test_an_empty_ledger_leaves_the_rules(self):
        assert standing([], SESSION) == UNREGISTERED
        assert UNREGISTERED.champion is Engine.RULES

    @pytest.mark.parametrize(
        ("offset", "champion"),
        [
            (-101, Engine.RULES),
            (-51, Engine.RULES),
            (-50, Engine.POOLED_MODEL),
            (-11, Engine.POOLED_MODEL),
            (-10, Engine.RULES),
            (0, Engine.RULES),
        ],
    )
    def test_a_promotion_holds_from_its_session_until_the_demotion(self, offset, champion):
        assert standing([DEMOTED, REGISTERED, PROMOTED], session(offset)).champion is champion

    def test_another_specification_ends_a_promotion(self):
        another = entry(LedgerKind.REGISTERED, -20, "two", 2)
        now = standing([REGISTERED, PROMOTED, another], SESSION)
        assert now == Standing(another)
        assert now.champion is Engine.RULES

    def test_a_registration_and_a_promotion_of_one_morning_both_hold(self):
        promoted = entry(LedgerKind.PROMOTED, -100)
        assert standing([promoted, REGISTERED], session(-100)).promoted == promoted


class TestWhatCounts:
    def test_the_first_specification_may_use_all_of_the_history(self):
        assert Standing(REGISTERED).counts_from(CALENDAR) is None
        assert UNREGISTERED.counts_from(CALENDAR) is None

    def test_a_later_one_starts_on_its_registration(self):
        later = entry(LedgerKind.REGISTERED, -20, "two", 2)
        assert Standing(later).counts_from(CALENDAR) == TODAY - 20

    def test_after_a_demotion_the_evidence_starts_again_after_the_cool_off(self):
        now = Standing(REGISTERED, DEMOTED)
        assert now.counts_from(CALENDAR) == TODAY - 10 + config.COOL_OFF_SESSIONS


class TestMet:
    def test_the_same_specification_is_not_registered_again(self):
        assert met(Standing(REGISTERED, PROMOTED), SESSION, "one", "words") == Standing(REGISTERED, PROMOTED)

    def test_the_first_one_is_number_one_and_keeps_its_words(self):
        first = met(UNREGISTERED, SESSION, "one", "words").registered
        assert (first.number, first.session, first.evidence) == (1, SESSION, {"specification": "words"})

    def test_one_that_comes_back_is_a_new_try(self):
        now = met(Standing(entry(LedgerKind.REGISTERED, -20, "two", 2)), SESSION, "one", "words")
        assert now.number == 3
        assert now.champion is Engine.RULES


class TestTurn:
    def test_an_open_gate_promotes(self):
        news = turn(Standing(REGISTERED), SESSION, found(opens=True))
        assert news.kind is LedgerKind.PROMOTED
        assert news.evidence["e_values"] == [25.0, 40.0, 90.0, 26.0]
        assert "e = 25.0 of 20 on 700 desk-days" in news.why

    def test_a_closed_gate_changes_nothing(self):
        assert turn(Standing(REGISTERED), SESSION, found()) is None
        assert turn(UNREGISTERED, SESSION, found(opens=True)) is None

    def test_a_promoted_one_is_demoted_where_the_watch_says_so(self):
        news = turn(Standing(REGISTERED, PROMOTED), SESSION, found(opens=True, demotion="it lost"))
        assert (news.kind, news.why) == (LedgerKind.DEMOTED, "it lost")

    def test_a_promoted_one_that_stays_good_stays(self):
        assert turn(Standing(REGISTERED, PROMOTED), SESSION, found(opens=True)) is None

    def test_nobody_is_demoted_on_the_morning_of_his_promotion(self):
        today = replace(PROMOTED, session=SESSION)
        assert turn(Standing(REGISTERED, today), SESSION, found(demotion="it lost")) is None


class TestSettle:
    def told(self, now: Standing, comparison: Comparison) -> Comparison:
        return settle(comparison, now, SESSION, CALENDAR)

    def test_the_ledger_makes_a_model_win(self):
        told = self.told(Standing(REGISTERED, PROMOTED), found())
        assert told.verdict is Verdict.MODEL_WINS
        assert (told.champion, told.champion_since) == (Engine.POOLED_MODEL, PROMOTED.session)
        assert told.reason == (
            f"The model decides since {PROMOTED.session}: promoted because; e = 1.2 of 3 for a demotion."
        )

    def test_the_morning_of_a_promotion_says_why(self):
        told = self.told(Standing(REGISTERED, replace(PROMOTED, session=SESSION)), found(opens=True))
        assert told.reason == "Promoted: promoted because."

    def test_evidence_that_suffices_decides_nothing_before_the_ledger_has_it(self):
        told = self.told(Standing(REGISTERED), found(opens=True))
        assert told.verdict is Verdict.NOT_ENOUGH_EVIDENCE
        assert told.champion is Engine.RULES
        assert "only a morning that mails" in told.reason

    def test_after_a_demotion_the_rules_hold_and_it_is_said_until_when(self):
        told = self.told(Standing(REGISTERED, DEMOTED), found())
        ends = CALENDAR.session_at(TODAY - 10 + 60)
        assert cool_off_ends(DEMOTED, CALENDAR) == ends
        assert told.verdict is Verdict.RULES_HOLD
        assert told.reason.startswith(f"Demoted on {DEMOTED.session}: demoted because.")
        assert f"from {ends} on" in told.reason

    def test_after_the_cool_off_the_evidence_speaks_again(self):
        long_ago = entry(LedgerKind.DEMOTED, -90)
        assert self.told(Standing(REGISTERED, long_ago), found()) == found()
