"""Every verb may run again: before the mail nothing is different, after it nothing changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskops.errors import RiskOpsError
from riskops.pipeline.choose import choose
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.send import mail_of, send
from riskops.records import Rung, RunType, Verb
from riskops.settings import Fault
from riskops.store.outbox import Outbox
from tests.builders import SESSION
from tests.desks import content_of, each_verb, run_for
from tests.small_desks import NIGHT, trade

VERBS = tuple(each_verb())
SCHEDULED = run_for(SESSION)
QUIETLY = run_for(SESSION, deliver=False)
SHARED_DESK = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def decide(desk, run):
    for verb in VERBS:
        verb(desk, run)


def late_disaster(desk):
    """Let a trade arrive, known before the cut-off, that the rules cannot overlook."""
    desk.store.transactions.add([trade("3937", NIGHT, -9_000)], [], "test")


def with_fault(desk, fault):
    return replace(desk, settings=replace(desk.settings, fault=fault))


class TestBeforeTheMail:
    @pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
    def test_a_verb_that_runs_twice_leaves_what_it_left_the_first_time(self, verb, decided):
        before = content_of(decided)
        verb(decided, QUIETLY)
        verb(decided, QUIETLY)
        assert content_of(decided) == before

    @given(order=st.permutations([verb for verb in VERBS if verb.__name__ != "validate"]))
    @settings(SHARED_DESK, max_examples=3)
    def test_single_verbs_in_any_order_leave_what_was_there(self, order, decided):
        before = content_of(decided)
        for verb in order:
            verb(decided, QUIETLY)
        assert content_of(decided) == before

    def test_a_different_result_changes_the_limits(self, decided):
        before = decided.store.mornings.publication(SESSION, 0).decisions
        late_disaster(decided)
        decide(decided, QUIETLY)
        assert decided.store.mornings.publication(SESSION, 0).decisions != before


class TestAfterTheMail:
    @given(order=st.permutations(VERBS))
    @settings(SHARED_DESK, max_examples=8)
    def test_verbs_in_any_order_change_nothing_and_say_so(self, order, sealed):
        before = content_of(sealed)
        for verb in order:
            assert verb(sealed, SCHEDULED)["sealed"] is True
        assert content_of(sealed) == before

    def test_a_late_result_is_stored_and_changes_neither_limits_nor_report_nor_mail(self, sealed):
        before = content_of(sealed)
        late_disaster(sealed)
        decide(sealed, SCHEDULED)
        after = content_of(sealed)
        stored = {"trades", "daily_results"}
        assert {table for table in after if after[table] != before[table]} == stored

    @pytest.mark.parametrize("fault", [Fault.RULES_RAISE, Fault.QUALITY_CRITICAL, Fault.INGEST_RAISES])
    def test_a_failure_changes_nothing(self, fault, sealed):
        before = content_of(sealed)
        decide(with_fault(sealed, fault), SCHEDULED)
        assert content_of(sealed) == before

    def test_the_mail_is_not_sent_again(self, sealed):
        receipt = send(sealed, SCHEDULED)
        assert receipt["delivered"] == []
        assert [row.attempts for row in Outbox(sealed.store.database).rows(SESSION, 0)] == [1]

    def test_the_limits_that_left_are_in_force_and_lived(self, sealed):
        decisions = sealed.store.mornings.publication(SESSION, 0).decisions
        lived = sealed.store.history.lived(sealed.calendar.shift(SESSION, 1))
        position = sealed.calendar.position(SESSION)
        in_force = {trader: past[position].limit_cents for trader, past in lived.items()}
        assert in_force == {decision.trader_id: decision.limit_cents for decision in decisions}


class TestWhoMails:
    def test_a_backfill_never_mails_even_if_asked(self, decided):
        receipt = send(decided, replace(SCHEDULED, run_type=RunType.BACKFILL, deliver=True))
        assert receipt["delivered"] == []
        assert not decided.store.mornings.is_frozen(SESSION, 0)

    def test_a_manual_run_mails_only_if_asked(self, decided):
        manual = replace(SCHEDULED, run_type=RunType.MANUAL)
        assert send(decided, manual)["delivered"] == []
        assert send(decided, replace(manual, deliver=True))["delivered"] == ["files"]

    def test_a_scheduled_run_for_another_day_archives_and_does_not_mail(self, decided):
        later = replace(decided, clock=lambda: decided.calendar.history_known_at(SESSION))
        assert send(later, SCHEDULED)["delivered"] == []


class TestLadderInTheRiskDatabase:
    @pytest.mark.parametrize(
        ("fault", "rung"),
        [
            (Fault.MODEL_RAISES, Rung.RULES),
            (Fault.MODEL_LOSES, Rung.RULES),
            (Fault.RULES_RAISE, Rung.FLOOR),
            (Fault.INGEST_RAISES, Rung.FLOOR),
        ],
    )
    def test_a_failed_verb_that_ran_before_does_not_count_any_more(self, fault, rung, decided):
        drilled = with_fault(decided, fault)
        for verb in VERBS[:5]:
            if verb.__name__ != "validate":
                try_out(verb, drilled)
        route = choose(drilled, QUIETLY)["route"]
        {"publish_rules": publish_rules, "hold_limits": hold_limits}[route](drilled, QUIETLY)
        assert drilled.store.mornings.publication(SESSION, 0).rung is rung

    def test_where_the_report_cannot_be_composed_the_minimal_mail_has_the_committed_limits(self, decided):
        decided.store.mornings.fail(SESSION, 0, Verb.COMPOSE, "TemplateError: broken")
        send(decided, SCHEDULED)
        (mail,) = Outbox(decided.store.database).rows(SESSION, 0)
        assert "MINIMAL MAIL" in mail.subject
        assert "TemplateError: broken" in mail.text
        assert "Total traders: 15" in mail.text

    def test_every_recipient_of_a_minimal_mail_gets_it_also_those_who_were_late(self, decided):
        decided.store.mornings.fail(SESSION, 0, Verb.COMPOSE, "TemplateError: broken")
        first = mail_of(decided, SCHEDULED)
        send(decided, SCHEDULED)
        assert decided.store.mornings.report(SESSION, 0, first.kind) is not None
        assert mail_of(decided, SCHEDULED) == first


def try_out(verb, desk):
    try:
        verb(desk, QUIETLY)
    except RiskOpsError:
        return
