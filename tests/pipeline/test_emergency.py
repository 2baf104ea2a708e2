"""The emergency mail: once to everybody although the database is gone, and taken over when it is back."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import time

import pytest

from riskops import limits_file
from riskops.delivery import LOCKS, POSSIBLE_DUPLICATE
from riskops.errors import DeliveryError, LimitsFileError, StoreError
from riskops.handover import Sender, Word, handing_over
from riskops.limits_file import State
from riskops.pipeline.compose import compose
from riskops.pipeline.emergency import FOLDER, RESERVE, mail_from_file
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.send import send
from riskops.records import Rung, Verb
from riskops.store.file_outbox import FileOutbox
from riskops.store.outbox import Outbox
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import content_of, each_verb, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.small_desks import NIGHT, csv_desk, lived

RUN = run_for(SESSION)
PROBLEM = "The risk database cannot be used: connection refused."
DUE = on_the_morning(SESSION, time(7, 28))()
TWO = ("a@example.com", "b@example.com")
VERBS = {verb.__name__: verb for verb in each_verb()}


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    """Return the folder of a desk that was cut by 40 % last session, today decided and not mailed."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    with csv_desk(folder, {"3942": trader_3942(), "3951": trader_3951()}) as desk:
        lived(desk, NIGHT, {"3942": 40, "3951": 0})
        for verb in each_verb():
            verb(desk, run_for(SESSION, deliver=False))
    return folder


@pytest.fixture
def folder(template, own_copy):
    return own_copy(template)


@pytest.fixture
def catcher():
    return Catcher()


@pytest.fixture
def at(folder, catcher):
    """Return what opens the desk at a New York time, mailing to two through a real server."""
    with serving(catcher) as port:

        def open_at(now=time(7, 28), session=SESSION, **changes):
            return opened(
                folder,
                on_the_morning(session, now),
                RISKOPS_SOURCE="csv",
                RISKOPS_DELIVERY="smtp",
                RISKOPS_RECIPIENTS=",".join(TWO),
                RISKOPS_SMTP_HOST="127.0.0.1",
                RISKOPS_SMTP_PORT=str(port),
                RISKOPS_SMTP_SECURITY="none",
                **changes,
            )

        yield open_at


@pytest.fixture
def settings(at):
    with at() as desk:
        return desk.settings


@pytest.fixture
def last_file(settings):
    """Export the limits file of the last session, as its mail left it: cuts of 40 and 0 %."""
    return exported(settings, NIGHT)


def exported(settings, session, state=State.SEALED, deployment="test"):
    lines = tuple(
        limits_file.LimitLine(trader, "", 500_000, cut, 500_000 * (100 - cut) // 100, Rung.RULES)
        for trader, cut in (("3942", 40), ("3951", 0))
    )
    cut_off = on_the_morning(session, time(6, 5))()
    file = limits_file.LimitsFile(deployment, session, 0, state, Rung.RULES, "why", cut_off, "0.1.0", lines)
    limits_file.write(file, settings.output)
    limits_file.make_current(file, settings.output)
    return file


def mail(settings, now=DUE):
    return mail_from_file(settings, CALENDAR, now, PROBLEM)


def texts(catcher):
    return [caught.get_body(("plain",)).get_content() for caught in catcher.mails]


def reached(catcher):
    return sorted(to for envelope in catcher.envelopes for to in envelope)


def cuts(file):
    return {line.trader_id: (line.reduction, line.limit_cents) for line in file.lines}


HELD = {"3942": (50, 250_000), "3951": (10, 450_000)}


class TestWithoutTheDatabase:
    @pytest.mark.fault(
        what="the risk database is gone when limits are due (07:28)",
        gets="the last limits file's limits, each tightened by 10 points, in a plain text mail",
        rung="3",
        label="EMERGENCY MAIL",
        told="risk managers (mail), on-call by the watchdog",
    )
    def test_everybody_gets_the_last_limits_tightened_and_labelled(self, settings, last_file, catcher):
        told = mail(settings)
        assert "An EMERGENCY MAIL left with rung 3 hold, for 2" in told
        assert reached(catcher) == list(TWO)
        text = " ".join(texts(catcher)[0].split())
        assert "EMERGENCY MAIL" in text
        assert "connection refused" in text
        assert "held from the limits file of Friday 13 March 2026" in text
        assert "Trader 3942: REDUCE LIMIT BY 50% to $2,500 (from $5,000) - HELD (rung 3)" in text
        assert "EMERGENCY MAIL" in catcher.mails[0]["Subject"]

    def test_the_limits_file_then_says_what_left(self, settings, last_file, catcher):
        mail(settings)
        now = limits_file.read_current(settings.output)
        assert (now.session, now.state, now.rung) == (SESSION, State.EMERGENCY, Rung.HOLD)
        assert cuts(now) == HELD

    def test_the_message_id_is_that_of_the_usual_mail(self, settings, last_file, catcher, at):
        mail(settings)
        with at() as desk:
            send(desk, RUN)
            rows = Outbox(desk.store.database).rows(SESSION, 0)
        assert {row.message_id for row in rows} == {caught["Message-ID"] for caught in catcher.mails}

    def test_watchdogs_that_come_again_mail_nobody_twice(self, settings, last_file, catcher):
        mail(settings)
        assert mail(settings) == "Everybody has the mail."
        assert reached(catcher) == list(TWO)

    def test_who_was_not_reached_is_tried_again_with_the_same_mail(self, settings, last_file, catcher):
        catcher.recipients = {TWO[1]: "451 busy"}
        with pytest.raises(DeliveryError, match="1 of 2"):
            mail(settings)
        catcher.recipients = {}
        mail(settings)
        assert reached(catcher) == list(TWO)
        assert texts(catcher)[0] == texts(catcher)[1]

    def test_a_second_morning_without_the_database_tightens_again(self, settings, last_file, catcher):
        mail(settings)
        next_session = CALENDAR.shift(SESSION, 1)
        mail(settings, on_the_morning(next_session, time(7, 28))())
        now = limits_file.read_current(settings.output)
        assert cuts(now) == {"3942": (60, 200_000), "3951": (20, 400_000)}
        assert [line.held_sessions for line in now.lines] == [2, 2]

    def test_an_old_file_is_used_and_the_mail_minds_its_age(self, settings, catcher):
        exported(settings, CALENDAR.shift(SESSION, -5))
        mail(settings)
        assert "MIND: that file is 5 sessions old" in texts(catcher)[0]

    def test_limits_of_this_morning_are_mailed_as_they_were_decided(self, settings, at, catcher):
        with at() as desk:
            publish_rules(desk, RUN)
            decided = desk.store.mornings.publication(SESSION, 0)
        assert "left with rung 2 rules" in mail(settings)
        now = limits_file.read_current(settings.output)
        assert cuts(now) == {d.trader_id: (d.reduction, d.limit_cents) for d in decided.decisions}
        assert "decided this morning" in texts(catcher)[0]

    def test_the_reserve_on_the_disk_is_given_up_for_the_mail(self, settings, at, catcher):
        with at() as desk:
            publish_rules(desk, RUN)
        reserve = settings.output / FOLDER / RESERVE
        assert reserve.stat().st_size > 100_000
        mail(settings)
        assert not reserve.exists()

    def test_the_reserve_is_given_up_before_anything_is_written(self, settings, last_file, monkeypatch):
        reserve = settings.output / FOLDER / RESERVE
        reserve.parent.mkdir(parents=True)
        reserve.write_bytes(b"room")
        locked = limits_file.whole_files.locked

        def written(*arguments, **named):
            assert not reserve.exists()
            return locked(*arguments, **named)

        monkeypatch.setattr("riskops.whole_files.locked", written)
        assert "An EMERGENCY MAIL left" in mail(settings)


class TestRefused:
    @pytest.mark.fault(
        what="the risk database is gone, and the limits file is missing, stale, changed or foreign",
        gets="no mail: limits are never invented",
        rung="-",
        label="LimitsFileError",
        told="on-call, by the watchdog: exit code 23",
    )
    @pytest.mark.parametrize("what", ["missing", "stale", "changed", "foreign"])
    def test_without_a_file_to_rely_on_nothing_is_mailed(self, what, settings, catcher):
        spoil(settings, what)
        with pytest.raises(LimitsFileError):
            mail(settings)
        assert catcher.mails == []

    def test_where_no_word_can_be_kept_nothing_is_mailed(self, settings, last_file, catcher):
        (settings.output / FOLDER).write_bytes(b"in the way")
        with pytest.raises(LimitsFileError, match="No word can be kept"):
            mail(settings)
        assert catcher.mails == []


def spoil(settings, what):
    if what == "stale":
        exported(settings, CALENDAR.shift(SESSION, -11))
    if what == "foreign":
        exported(settings, NIGHT, deployment="other")
    if what == "changed":
        exported(settings, NIGHT)
        path = settings.output / "current" / "limits.json"
        path.write_bytes(path.read_bytes().replace(b'"5000.00"', b'"9000.00"'))


class TestCrash:
    @pytest.mark.fault(
        what="the watchdog is killed between the mail server's yes and its note of it",
        gets="a second copy of the emergency mail, same Message-ID, marked",
        rung="3",
        label="POSSIBLE DUPLICATE",
        told="risk managers (mail)",
    )
    def test_a_kill_after_acceptance_leads_to_a_second_copy_that_says_so(self, settings, last_file, catcher):
        def dying():
            FileOutbox.accepted = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            mail(settings)

        assert in_a_child(dying) == -signal.SIGKILL
        mail(settings)
        of_first = [caught for caught in catcher.mails if caught["To"] == TWO[0]]
        assert [POSSIBLE_DUPLICATE in text for text in texts(catcher)] == [False, True, False]
        assert len({caught["Message-ID"] for caught in of_first}) == 1

    def test_a_kill_before_the_mail_server_is_asked_costs_nothing(self, settings, last_file, catcher):
        def dying():
            FileOutbox.begin = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            mail(settings)

        assert in_a_child(dying) == -signal.SIGKILL
        mail(settings)
        assert reached(catcher) == list(TWO)
        assert not any(POSSIBLE_DUPLICATE in text for text in texts(catcher))

    def test_a_second_watchdog_beside_the_first_mails_nothing(self, settings, last_file, catcher):
        lock = settings.output / FOLDER / str(SESSION) / "watchdog.lock"
        with limits_file.whole_files.locked(lock):
            told = []
            assert in_a_child(lambda: told.append(mail(settings))) == 0
        assert catcher.mails == []


def in_a_child(work):
    """Do `work` in a child and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class TestTakenOver:
    @pytest.mark.fault(
        what="the risk database comes back after an emergency mail",
        gets="that mail's limits, sealed; nobody gets a second mail",
        rung="3",
        label="adopted",
        told="on-call (webhook)",
    )
    @pytest.mark.parametrize("verb", [*VERBS], ids=str)
    def test_whichever_verb_runs_first_honours_it(self, verb, settings, last_file, catcher, at, listener):
        mail(settings)
        url = f"http://127.0.0.1:{listener.server_port}/on-call"
        with at(time(7, 32), RISKOPS_ON_CALL_WEBHOOK=url) as desk:
            VERBS[verb](desk, RUN)
            decided = desk.store.mornings.publication(SESSION, 0)
            assert {d.trader_id: (d.reduction, d.limit_cents) for d in decided.decisions} == HELD
            assert (decided.rung, "out of reach" in decided.why) == (Rung.HOLD, True)
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}
            assert desk.store.mornings.decided(SESSION, 0)[1]
            assert desk.store.mornings.stages(SESSION, 0)[Verb.SEND].is_done
        assert reached(catcher) == list(TWO)
        ((_, told),) = listener.heard
        assert "the emergency mail was taken over, its limits stand" in told["text"]

    def test_the_next_morning_takes_over_what_no_verb_of_the_session_did(self, settings, last_file, at):
        following = CALENDAR.shift(SESSION, 1)
        mail(settings)
        with at(time(6, 5), following) as desk:
            VERBS["score_rules"](desk, run_for(following))
            assert desk.store.mornings.decided(SESSION, 0)[1]
            held = desk.store.history.lived(following)["3942"][CALENDAR.position(SESSION)]
        assert (held.reduction, held.rung) == (50, Rung.HOLD)

    def test_a_damaged_record_of_an_earlier_session_does_not_stop_the_morning(self, settings, last_file, at):
        following = CALENDAR.shift(SESSION, 1)
        mail(settings)
        (settings.output / FOLDER / str(SESSION) / "decided.json").write_text("{")
        with at(time(6, 5), following) as desk:
            VERBS["score_rules"](desk, run_for(following))
            assert desk.store.mornings.stages(following, 0)[Verb.SCORE_RULES].is_done

    @pytest.mark.parametrize("what", ["decided.json", "a mail"])
    def test_a_damaged_record_of_an_earlier_session_is_told_once_a_morning(
        self, what, settings, last_file, at, listener
    ):
        mail(settings)
        emergency = settings.output / FOLDER / str(SESSION)
        damaged = emergency / what if what.endswith("json") else next((emergency / "mails").iterdir())
        damaged.write_text("{")
        url = f"http://127.0.0.1:{listener.server_port}/on-call"
        for session in (CALENDAR.shift(SESSION, 1), CALENDAR.shift(SESSION, 2)):
            listener.heard.clear()
            with at(time(6, 5), session, RISKOPS_ON_CALL_WEBHOOK=url) as desk:
                for verb in ("validate", "score_rules", "choose"):
                    VERBS[verb](desk, run_for(session))
            ((_, told),) = listener.heard
            assert f"{damaged.name} cannot be read" in told["text"]

    def test_what_on_call_did_not_take_is_told_again(self, settings, last_file, at, listener):
        mail(settings)
        (settings.output / FOLDER / str(SESSION) / "decided.json").write_text("{")
        following, url = CALENDAR.shift(SESSION, 1), f"http://127.0.0.1:{listener.server_port}/on-call"
        listener.answer = 503
        with at(time(6, 5), following, RISKOPS_ON_CALL_WEBHOOK=url) as desk:
            VERBS["validate"](desk, run_for(following))
            VERBS["score_rules"](desk, run_for(following))
        assert len(listener.heard) == 2

    def test_a_mail_accepted_and_not_noted_is_taken_over_as_sent(self, settings, last_file, catcher, at):
        def dying():
            FileOutbox.accepted = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            mail(settings)

        assert in_a_child(dying) == -signal.SIGKILL
        with at() as desk:
            assert send(desk, RUN)["delivered"] == [TWO[1]]
            assert desk.store.mornings.decided(SESSION, 0)[1]
        assert reached(catcher) == list(TWO)
        assert texts(catcher)[0] == texts(catcher)[1]

    def test_a_whole_morning_afterwards_mails_nobody_and_changes_nothing(
        self, settings, last_file, catcher, at
    ):
        mail(settings)
        with at(time(7, 32)) as desk:
            send(desk, RUN)
            before = content_of(desk)
            for verb in VERBS.values():
                verb(desk, RUN)
            assert content_of(desk) == before
            now = limits_file.read_current(settings.output)
        assert (now.state, now.rung, cuts(now)) == (State.SEALED, Rung.HOLD, HELD)
        assert reached(catcher) == list(TWO)

    def test_held_limits_are_lived_so_the_next_hold_counts_on(self, settings, last_file, at):
        mail(settings)
        with at() as desk:
            send(desk, RUN)
            past = desk.store.history.lived(CALENDAR.shift(SESSION, 1))["3942"]
        now = past[CALENDAR.position(SESSION)]
        assert (now.reduction, now.limit_cents, now.rung) == (50, 250_000, Rung.HOLD)

    def test_who_has_no_mail_yet_gets_the_same_emergency_mail(self, settings, last_file, catcher, at):
        catcher.recipients = {TWO[1]: "451 busy"}
        with pytest.raises(DeliveryError):
            mail(settings)
        catcher.recipients = {}
        with at() as desk:
            compose(desk, RUN)
            assert send(desk, RUN)["delivered"] == [TWO[1]]
        assert reached(catcher) == list(TWO)
        assert texts(catcher)[0] == texts(catcher)[1]

    def test_a_copy_in_doubt_freezes_the_session_and_is_sent_again_marked(
        self, settings, last_file, catcher, at
    ):
        catcher.cut_after_data = True
        with pytest.raises(DeliveryError):
            mail(settings)
        catcher.cut_after_data = False
        with at() as desk:
            publish_rules(desk, RUN)
            assert not desk.store.mornings.decided(SESSION, 0)[1]
            send(desk, RUN)
            assert desk.store.mornings.decided(SESSION, 0)[1]
        assert all("EMERGENCY MAIL" in text for text in texts(catcher))
        assert [POSSIBLE_DUPLICATE in text for text in texts(catcher)] == [False, False, True, True]

    def test_an_emergency_mail_that_reached_nobody_binds_nobody(self, settings, last_file, catcher, at):
        catcher.sender = "451 busy"
        with pytest.raises(DeliveryError):
            mail(settings)
        catcher.sender = ""
        with at() as desk:
            send(desk, RUN)
            assert desk.store.mornings.publication(SESSION, 0).rung is Rung.RULES
        assert reached(catcher) == list(TWO)
        assert not any("EMERGENCY" in caught["Subject"] for caught in catcher.mails)
        assert limits_file.read_current(settings.output).state is State.SEALED

    def test_the_same_limits_keep_what_the_database_tells_of_them(self, settings, at):
        with at() as desk:
            publish_rules(desk, RUN)
            before = desk.store.mornings.publication(SESSION, 0)
        mail(settings)
        with at() as desk:
            send(desk, RUN)
            assert desk.store.mornings.publication(SESSION, 0) == before

    def test_a_record_that_cannot_be_read_stops_the_verbs_with_the_remedy(self, settings, last_file, at):
        mail(settings)
        (settings.output / FOLDER / str(SESSION) / "decided.json").write_bytes(b"half")
        with at() as desk, pytest.raises(LimitsFileError, match="then remove it"):
            send(desk, RUN)

    def test_another_deployment_s_emergency_is_not_taken_over(self, settings, last_file, at):
        mail(settings)
        with at() as desk:
            other = replace(desk, settings=replace(desk.settings, deployment="demo"))
            publish_rules(other, RUN)
            assert desk.store.mornings.publication(SESSION, 0).rung is Rung.RULES


class TestBesideTheUsualSender:
    def test_a_usual_mail_that_is_out_is_the_only_one(self, settings, last_file, catcher, at):
        with at(time(7, 5)) as desk:
            send(desk, RUN)
        assert mail(settings) == "The mail of the session was out before that."
        assert reached(catcher) == list(TWO)

    def test_a_sealed_file_counts_where_nothing_else_is_known(self, settings, catcher):
        exported(settings, SESSION)
        assert mail(settings) == "The mail of the session was out before that."
        assert catcher.mails == []

    def test_who_has_the_usual_mail_gets_no_other(self, settings, catcher, at):
        catcher.recipients = {TWO[1]: "451 busy"}
        with at(time(7, 5)) as desk, pytest.raises(DeliveryError):
            send(desk, RUN)
        catcher.recipients = {}
        mail(settings)
        assert reached(catcher) == list(TWO)
        first, second = catcher.mails
        assert ("EMERGENCY" in first["Subject"], "EMERGENCY" in second["Subject"]) == (False, True)
        with at() as desk:
            assert send(desk, RUN)["delivered"] == []
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}

    def test_an_emergency_that_begins_while_the_usual_mail_is_prepared_wins(
        self, settings, last_file, catcher, at, monkeypatch
    ):
        begin = Outbox.begin

        def begin_late(outbox, key):
            monkeypatch.setattr(Outbox, "begin", begin)
            mail(settings)
            return begin(outbox, key)

        monkeypatch.setattr(Outbox, "begin", begin_late)
        with at() as desk:
            with pytest.raises(DeliveryError, match="an emergency mail was accepted meanwhile") as raised:
                send(desk, RUN)
            assert raised.value.retryable
            assert send(desk, RUN)["delivered"] == []
            assert desk.store.mornings.publication(SESSION, 0).rung is Rung.HOLD
        assert reached(catcher) == list(TWO)

    def test_an_emergency_that_reached_one_recipient_is_what_everybody_gets(
        self, settings, last_file, catcher, at, monkeypatch
    ):
        begin = Outbox.begin

        def begin_late(outbox, key):
            monkeypatch.setattr(Outbox, "begin", begin)
            catcher.recipients = {TWO[1]: "451 busy"}
            with pytest.raises(DeliveryError):
                mail(settings)
            catcher.recipients = {}
            return begin(outbox, key)

        monkeypatch.setattr(Outbox, "begin", begin_late)
        with at() as desk:
            with pytest.raises(DeliveryError, match="0 of 2"):
                send(desk, RUN)
            assert send(desk, RUN)["delivered"] == [TWO[1]]
        assert reached(catcher) == list(TWO)
        assert texts(catcher)[0] == texts(catcher)[1]

    def test_a_usual_mail_accepted_and_not_noted_is_no_reason_to_wait_for_ever(
        self, settings, catcher, at, monkeypatch
    ):
        accepted = Outbox.accepted
        with at(time(7, 5)) as desk:
            publish_rules(desk, RUN)  # so that the limits file has this morning's limits
            monkeypatch.setattr(Outbox, "accepted", database_gone)
            with pytest.raises(StoreError):
                send(desk, RUN)
        monkeypatch.setattr(Outbox, "accepted", accepted)
        mail(settings)
        with at() as desk:
            send(desk, RUN)
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}
        assert reached(catcher) == list(TWO)
        assert not any(POSSIBLE_DUPLICATE in text for text in texts(catcher))

    def test_who_may_have_the_usual_mail_gets_the_emergency_mail_marked_when_it_can_be_delivered(
        self, settings, last_file, catcher, at
    ):
        catcher.cut_after_data = True
        with at(time(7, 5)) as desk, pytest.raises(DeliveryError):
            send(desk, RUN)
        catcher.cut_after_data = False
        catcher.recipients = {TWO[0]: "451 busy"}
        with pytest.raises(DeliveryError):
            mail(settings)
        catcher.recipients = {}
        with at() as desk:
            assert send(desk, RUN)["delivered"] == [TWO[0]]
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}
        emergency = [text for text in texts(catcher) if "EMERGENCY MAIL" in text]
        assert (len(emergency), reached(catcher)) == (2, sorted([*TWO, *TWO]))
        assert all(POSSIBLE_DUPLICATE in text for text in emergency)

    def test_a_usual_mail_cut_off_by_a_crash_makes_the_emergency_copy_a_possible_duplicate(
        self, settings, last_file, catcher, at
    ):
        with at(time(7, 5)) as desk:
            for row in usual_rows(desk):
                with handing_over(settings.output / LOCKS, row.key) as handover:
                    handover.say(Sender.OUTBOX, Word.SENDING)
        mail(settings)
        assert all(POSSIBLE_DUPLICATE in text for text in texts(catcher))


def database_gone(*_arguments):
    raise StoreError("The risk database cannot be used.")


def usual_rows(desk):
    from riskops.pipeline.send import mail_of

    outbox = Outbox(desk.store.database)
    return [outbox.row(key) for key in outbox.prepare(mail_of(desk, RUN), "test", TWO)]
