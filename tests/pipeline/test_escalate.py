"""Deep cuts: a mail of their own right after the limits mail, and again where nobody has read of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from riskops.errors import DeliveryError
from riskops.pipeline.acknowledge import acknowledge
from riskops.pipeline.escalate import ESCALATION, ESCALATION_AGAIN, escalate, escalate_again
from riskops.pipeline.send import send
from riskops.pipeline.watch import watch
from riskops.records import RunType, Verb
from riskops.settings import Fault
from riskops.store.outbox import Outbox
from riskops.store.seal import LIMITS_MAIL
from tests.builders import SESSION
from tests.desks import content_of, run_for
from tests.mail_catcher import Catcher, serving
from tests.pipeline.mailed import CUT, DEEP, FREE, MODERATE, at, decide, decided

RUN = run_for(SESSION)
LIST, MANAGERS = ("ceo@example.com", "coo@example.com"), ("risk@example.com", "head@example.com")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def catcher():
    return Catcher()


@pytest.fixture
def port(catcher):
    with serving(catcher) as port:
        yield port


@pytest.fixture
def changes(port, listener):
    """Return the settings of a desk that mails, with an escalation list and on-call connected."""
    return {
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_RECIPIENTS": ",".join(MANAGERS),
        "RISKOPS_ESCALATION": ",".join(LIST),
        "RISKOPS_SMTP_HOST": "127.0.0.1",
        "RISKOPS_SMTP_PORT": str(port),
        "RISKOPS_SMTP_SECURITY": "none",
        "RISKOPS_ON_CALL_WEBHOOK": f"http://127.0.0.1:{listener.server_address[1]}/on-call",
    }


@pytest.fixture
def desk(folder, changes):
    with decided(folder, **changes) as desk:
        yield desk


def who(catcher, word):
    """Return who got a mail whose subject starts with a word, in order."""
    return [mail["To"] for mail in catcher.mails if mail["Subject"].startswith(word)]


def states(desk, kind=ESCALATION, revision=0):
    rows = Outbox(desk.store.database).rows(SESSION, revision)
    return {row.recipient: row.state for row in rows if row.kind == kind}


def said(listener):
    return " ".join(body["text"] for _, body in listener.heard)


def watched(desk, now):
    """Let the watchdog look at a New York time; the mail is out, so no verb is due."""
    return watch(at(desk, now), RUN, lambda _verb: pytest.fail("no verb is due"), lambda _step: None)


class TestEscalation:
    def test_everybody_on_the_list_gets_one_copy_after_the_limits_mail(self, desk, catcher):
        assert send(desk, RUN)["escalated"] == list(LIST)
        assert [mail["To"] for mail in catcher.mails] == [*MANAGERS, *LIST]
        assert who(catcher, "ESCALATION: ") == list(LIST)
        assert len({mail["Message-ID"] for mail in catcher.mails}) == 4

    def test_it_names_only_who_is_cut_deeply_and_how_to_acknowledge(self, desk, catcher):
        send(desk, RUN)
        mail = catcher.mails[-1]
        for kind in ("plain", "html"):
            told = mail.get_body((kind,)).get_content()
            assert "Trader 3942 (Daniel Mercer): REDUCE LIMIT BY 50%" in told
            assert "3951" not in told
            assert f"riskops acknowledge --session {SESSION} --revision 0" in told
            assert "docs/runbook.md#a-mail-is-not-acknowledged" in told

    @pytest.mark.parametrize("decisions", [(MODERATE, FREE), (replace(DEEP, reduction=40),)])
    def test_without_a_cut_above_40_nothing_leaves(self, decisions, folder, changes, catcher):
        with decided(folder, decisions, **changes) as desk:
            assert "escalated" not in send(desk, RUN)
            assert watched(desk, time(7, 50))
        assert [mail["To"] for mail in catcher.mails] == list(MANAGERS)

    def test_without_a_list_nothing_leaves(self, folder, changes, catcher):
        with decided(folder, **changes | {"RISKOPS_ESCALATION": ""}) as desk:
            send(desk, RUN)
        assert len(catcher.mails) == len(MANAGERS)

    def test_again_nobody_gets_a_second_one(self, desk, catcher):
        send(desk, RUN)
        assert send(desk, RUN)["escalated"] == []
        assert watched(desk, time(7, 35))
        assert who(catcher, "ESCALATION: ") == list(LIST)

    def test_it_seals_nothing_and_a_correction_has_one_of_its_own(self, desk, catcher):
        send(desk, RUN)
        decide(desk, replace(CUT, revision=1))
        assert escalate(desk, RUN)["escalated"] == []
        send(desk, run_for(SESSION, revision=1))
        assert who(catcher, "ESCALATION: CORRECTION 1, ") == list(LIST)
        assert states(desk, revision=1) == dict.fromkeys(LIST, "sent")

    @pytest.mark.parametrize(
        ("session", "run"),
        [(SESSION, {"run_type": RunType.BACKFILL, "deliver": True}), (SESSION, {"deliver": False})],
    )
    def test_what_does_not_mail_does_not_escalate(self, session, run, desk, catcher):
        send(desk, run_for(session, **run))
        assert catcher.mails == []

    def test_another_day_escalates_only_where_it_was_asked_to_deliver(self, desk, catcher):
        later = at(desk, time(9), SESSION + timedelta(days=1))
        send(later, run_for(SESSION))
        assert catcher.mails == []
        send(later, run_for(SESSION, deliver=True))
        assert who(catcher, "ESCALATION: ") == list(LIST)

    def test_in_files_it_lies_beside_the_limits(self, folder, changes):
        files = {"RISKOPS_DELIVERY": "files", "RISKOPS_RECIPIENTS": ""}
        with decided(folder, **changes | files) as desk:
            send(desk, RUN)
            written = {path.name for path in (desk.settings.output / str(SESSION)).iterdir()}
            text = (desk.settings.output / str(SESSION) / "escalation.eml").read_text()
        assert {
            f"{kind}.{end}" for kind in ("limits", "escalation") for end in ("eml", "html", "txt")
        } <= written
        assert f"To: {', '.join(LIST)}" in text


class TestFailures:
    @pytest.mark.fault(
        what="the mail server refuses the escalation mail",
        gets="its limits mail; the next verb or watchdog sends the escalation again",
        rung="as decided",
        label="-",
        told="on-call (webhook)",
    )
    def test_it_fails_neither_the_limits_mail_nor_the_seal_and_is_told_and_retried(
        self, desk, catcher, listener
    ):
        catcher.recipients = {LIST[1]: "451 later"}
        receipt = send(desk, RUN)
        assert receipt["recipients"] == sorted(MANAGERS)
        assert "reached 1 of 2" in receipt["escalation_problem"]
        assert desk.store.mornings.is_frozen(SESSION, 0)
        assert desk.store.mornings.stages(SESSION, 0)[Verb.SEND].is_done
        assert "the escalation mail for 2026-03-16 is not with everybody" in said(listener)
        assert "docs/runbook.md#an-escalation-is-not-out" in said(listener)
        assert not watched(desk, time(7, 30))
        catcher.recipients = {}
        assert watched(desk, time(7, 35))
        assert who(catcher, "ESCALATION: ") == list(LIST)

    def test_an_address_that_is_refused_for_good_is_named_with_its_setting(self, desk, catcher, listener):
        catcher.recipients = dict.fromkeys(LIST, "550 nobody of that name")
        assert "Correct RISKOPS_ESCALATION" in send(desk, RUN)["escalation_problem"]

    def test_where_a_risk_manager_has_no_mail_yet_the_list_has_its_own(self, desk, catcher):
        catcher.recipients = {MANAGERS[1]: "451 later"}
        with pytest.raises(DeliveryError):
            send(desk, RUN)
        assert who(catcher, "ESCALATION: ") == list(LIST)

    def test_where_no_limits_mail_left_none_is_escalated(self, desk, catcher):
        down = replace(desk, settings=replace(desk.settings, fault=Fault.SMTP_DOWN))
        with pytest.raises(DeliveryError):
            send(down, RUN)
        assert escalate(desk, RUN) == {}
        assert catcher.mails == []

    @pytest.mark.fault(
        what="the sender is killed between the limits mail and the escalation mail",
        gets="both mails, one copy each: the next verb or watchdog escalates",
        rung="as decided",
        label="-",
        told="nobody",
    )
    def test_killed_between_the_two_mails_whoever_comes_next_escalates(self, desk, folder, changes, catcher):
        killed = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.pipeline.killed_escalation",
                str(folder),
                changes["RISKOPS_SMTP_PORT"],
            ],
            cwd=ROOT,
            check=False,
        )
        assert killed.returncode == -9
        assert [mail["To"] for mail in catcher.mails] == list(MANAGERS)
        assert watched(desk, time(7, 28))
        assert who(catcher, "ESCALATION: ") == list(LIST)
        assert len(catcher.mails) == 4


class TestAgain:
    @pytest.fixture
    def sent(self, desk, catcher):
        send(desk, RUN)
        catcher.mails.clear()
        return desk

    @pytest.mark.fault(
        what="nobody has acknowledged cuts above 40 % at 07:50",
        gets="its limits as they are",
        rung="as decided",
        label="UNACKNOWLEDGED",
        told="the escalation list and the risk managers (mail)",
    )
    def test_at_seven_fifty_the_list_and_the_risk_managers_hear_of_it_once(self, sent, catcher):
        assert watched(sent, time(7, 49, 59))
        assert catcher.mails == []
        assert watched(sent, time(7, 50))
        assert watched(sent, time(8, 0))
        assert who(catcher, "UNACKNOWLEDGED: ") == [*LIST, *MANAGERS]
        assert "at 07:50 New York time nobody has said" in catcher.mails[0].get_body(("plain",)).get_content()

    def test_acknowledged_in_time_nothing_leaves(self, sent, catcher):
        acknowledge(sent, SESSION, by="R. Manager")
        assert watched(sent, time(7, 50))
        assert catcher.mails == []

    def test_acknowledged_too_late_nobody_who_has_not_heard_of_it_does(self, sent, catcher):
        catcher.recipients = {MANAGERS[0]: "451 later"}
        assert not watched(sent, time(7, 50))
        acknowledge(sent, SESSION, by="R. Manager")
        catcher.recipients = {}
        assert watched(sent, time(8, 0))
        assert who(catcher, "UNACKNOWLEDGED: ") == [*LIST, MANAGERS[1]]

    def test_a_correction_wants_to_be_acknowledged_anew(self, sent, catcher):
        acknowledge(sent, SESSION, by="R. Manager")
        decide(sent, replace(CUT, revision=1))
        send(sent, run_for(SESSION, revision=1))
        catcher.mails.clear()
        assert watched(sent, time(7, 50))
        assert who(catcher, "UNACKNOWLEDGED: CORRECTION 1, ") == [*LIST, *MANAGERS]

    def test_without_a_list_the_risk_managers_hear_of_it(self, folder, changes, catcher):
        with decided(folder, **changes | {"RISKOPS_ESCALATION": ""}) as desk:
            send(desk, RUN)
            assert escalate_again(at(desk, time(7, 50)), RUN)["escalated"] == list(MANAGERS)

    def test_without_a_deep_cut_nobody_needs_to_acknowledge(self, folder, changes, catcher):
        with decided(folder, (MODERATE, FREE), **changes) as desk:
            send(desk, RUN)
            assert watched(desk, time(7, 50))
        assert who(catcher, "UNACKNOWLEDGED: ") == []

    def test_a_mail_server_that_is_down_is_told_and_tried_again(self, sent, catcher, listener):
        down = replace(sent, settings=replace(sent.settings, fault=Fault.SMTP_DOWN))
        assert not watched(down, time(7, 50))
        assert "nobody has acknowledged the mail, and that is not with everybody" in said(listener)
        with pytest.raises(DeliveryError):
            escalate_again(at(down, time(7, 51)), RUN)
        assert watched(sent, time(8, 0))
        assert states(sent, ESCALATION_AGAIN) == dict.fromkeys([*LIST, *MANAGERS], "sent")

    def test_a_backfill_and_another_day_escalate_nothing(self, sent, catcher):
        before = content_of(sent)
        escalate_again(at(sent, time(7, 50)), run_for(SESSION, RunType.BACKFILL))
        escalate_again(at(sent, time(7, 50), SESSION + timedelta(days=1)), RUN)
        assert (catcher.mails, content_of(sent)) == ([], before)

    def test_a_mail_that_is_not_out_is_not_escalated(self, desk, catcher):
        assert escalate_again(at(desk, time(7, 50)), RUN) == {"unacknowledged": False}
        assert catcher.mails == []


def test_the_kinds_are_kept_apart_from_the_limits_mail(desk):
    send(desk, RUN)
    escalate_again(at(desk, time(7, 50)), RUN)
    kinds = {row.kind for row in Outbox(desk.store.database).rows(SESSION, 0)}
    assert kinds == {LIMITS_MAIL, ESCALATION, ESCALATION_AGAIN}
