"""A correction of a session whose mail is out: asked for, decided again, mailed as a reply."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from riskops import limits_file
from riskops.errors import DeliveryError, InputError, RevisionError, RiskOpsError, SessionError
from riskops.limits_file import State
from riskops.pipeline.change_roster import Order, suspend
from riskops.pipeline.emergency import mail_from_file
from riskops.pipeline.last_resort import minimal_mail
from riskops.pipeline.override import override
from riskops.pipeline.replay import asked_sessions, replay
from riskops.pipeline.revise import by_hand, numbered, revise
from riskops.pipeline.send import send
from riskops.records import AskedOverride, Rung, RunType, Verb
from riskops.sessions import desk_time
from riskops.settings import Fault
from riskops.store.outbox import Outbox
from tests import small_desks
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, each_verb, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.revising import BY, LATE, WHY, asking, at, correct, late_night, routed
from tests.small_desks import NIGHT, csv_desk, night_file, rows_of, stormy

NEXT = CALENDAR.shift(SESSION, 1)
RESULTS = stormy()
RECIPIENTS = ("anna@example.com", "bert@example.com")


@pytest.fixture(scope="module")
def decided_template(keeper, tmp_path_factory):
    """Return the folder of a desk whose night came by the inbox, decided and composed; no mail has left."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    history = {trader: usd[:-1] for trader, usd in RESULTS.items()}
    late_night(folder, RESULTS)
    with csv_desk(folder, history, CALENDAR.previous(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION, deliver=False))
    return folder


@pytest.fixture
def folder_of(tmp_path):
    return tmp_path / "desk"


@pytest.fixture
def disaster(sealed, folder_of):
    """Return a desk whose mail is out, and whose inbox tells a worse night of one trader since."""
    late_night(folder_of, RESULTS, t3937=-9_000.0)
    return sealed


@pytest.fixture
def relief(sealed, folder_of):
    """Return a desk whose mail is out, and whose inbox tells a better night of everybody since."""
    late_night(folder_of, RESULTS, **{f"t{trader}": 6_000.0 for trader in RESULTS})
    return sealed


def limits(desk, revision=0):
    return limits_of(desk, SESSION, revision)


def limits_of(desk, session, revision=0):
    publication = desk.store.mornings.publication(session, revision)
    return {d.trader_id: d.limit_cents for d in publication.decisions}


def current(desk):
    return limits_file.read_current(desk.settings.output)


def lived(desk):
    position = CALENDAR.position(SESSION)
    return {trader: past[position].limit_cents for trader, past in desk.store.history.lived(NEXT).items()}


def mailed(desk, revision=1):
    (mail,) = Outbox(desk.store.database).rows(SESSION, revision)
    return mail


def with_fault(desk, fault):
    return replace(desk, settings=replace(desk.settings, fault=fault))


def tried(desk, run):
    """Perform every verb of a correction as a scheduler does; return what the last one said."""
    problem = None
    for verb in each_verb():
        try:
            routed(verb, desk, run)(desk, run)
            problem = None
        except RiskOpsError as error:
            problem = error
    return problem


class TestAsking:
    def test_the_same_run_gets_the_same_revision_whichever_task_asks(self, sealed):
        late = at(sealed, LATE)
        first, again = (revise(late, asking(), by=BY, why=WHY) for _ in range(2))
        assert first == again == asking(revision=1)
        (known,) = sealed.store.revisions.of(SESSION)
        assert (known.by, known.why, known.recorded_at) == (BY, WHY, late.clock())

    def test_before_the_mail_is_out_there_is_nothing_to_correct(self, decided):
        with pytest.raises(RevisionError, match=r"nothing to correct: run `riskops morning`"):
            revise(at(decided, LATE), asking(), by=BY, why=WHY)

    def test_yesterday_cannot_be_corrected(self, sealed):
        tomorrow = replace(sealed, clock=on_the_morning(NEXT))
        with pytest.raises(SessionError, match="is not today's session"):
            revise(tomorrow, asking(), by=BY, why=WHY)

    def test_nor_can_one_that_was_asked_for_yesterday_go_on(self, sealed):
        revise(at(sealed, LATE), asking(), by=BY, why=WHY)
        with pytest.raises(SessionError, match="is not today's session"):
            revise(replace(sealed, clock=on_the_morning(NEXT)), asking(), by=BY, why=WHY)

    def test_a_backfill_corrects_nothing(self, sealed):
        with pytest.raises(RevisionError, match="A backfill corrects nothing"):
            revise(at(sealed, LATE), asking(run_type=RunType.BACKFILL), by=BY, why=WHY)

    @pytest.mark.parametrize(
        ("by", "why", "complaint"),
        [
            (" ", WHY, "Say who"),
            (BY, "\n", "Say why"),
            ("x" * 201, WHY, "does not say who"),
            (BY, "x" * 1_001, "does not say why"),
        ],
    )
    def test_nobody_and_nothing_are_refused(self, by, why, complaint, sealed):
        with pytest.raises(InputError, match=complaint):
            revise(at(sealed, LATE), asking(), by=by, why=why)
        assert sealed.store.revisions.of(SESSION) == ()

    @pytest.mark.parametrize("by", ["3937", "Trader 3937", " trader  3940 "])
    def test_whoever_trades_here_cannot_ask(self, by, sealed):
        with pytest.raises(RevisionError, match="a trader does not correct limits"):
            revise(at(sealed, LATE), asking(), by=by, why=WHY)
        assert sealed.store.revisions.of(SESSION) == ()

    def test_a_revision_that_nobody_asked_for_is_not_worked_on(self, sealed):
        with pytest.raises(RevisionError, match="Nobody has asked for correction 2"):
            numbered(sealed, run_for(SESSION), 2)

    def test_on_the_command_line_the_same_words_go_on_and_others_are_refused(self, sealed):
        late = at(sealed, LATE)
        first = by_hand(late, run_for(SESSION), by=BY, why=WHY)
        assert by_hand(late, run_for(SESSION), by=f" {BY}", why=WHY) == first
        with pytest.raises(RevisionError, match=r"Correction 1 of .* is not out yet"):
            by_hand(late, run_for(SESSION), by=BY, why="something else")

    def test_and_mean_the_next_one_once_it_is_out_or_was_refused(self, sealed):
        late = at(sealed, LATE)
        for number in (1, 2, 3):
            assert by_hand(late, run_for(SESSION), by=BY, why=WHY).revision == number
            sealed.store.mornings.fail(SESSION, number, Verb.PUBLISH, "a hold")


class TestCorrected:
    def test_what_came_late_is_known_to_it_and_tightens(self, disaster):
        before = limits(disaster)
        run = correct(disaster)
        assert disaster.store.mornings.cut_off(SESSION, 1) == desk_time(SESSION, LATE)
        after = limits(disaster, 1)
        assert after["3937"] < before["3937"]
        assert {t: c for t, c in after.items() if t != "3937"} == {
            t: c for t, c in before.items() if t != "3937"
        }
        assert run.revision == 1
        assert limits(disaster) == before

    def test_its_cut_off_is_never_before_that_of_the_mail(self, sealed):
        early = at(sealed, time(6, 0))
        run = revise(early, asking(), by=BY, why=WHY)
        next(each_verb())(early, run)
        assert sealed.store.mornings.cut_off(SESSION, 1) == sealed.store.mornings.cut_off(SESSION, 0)
        assert sealed.store.mornings.cut_off(SESSION, 0) > early.clock()

    def test_its_limits_are_in_force_lived_and_in_the_limits_file(self, disaster):
        correct(disaster)
        assert lived(disaster) == limits(disaster, 1)
        assert (current(disaster).revision, current(disaster).state) == (1, State.SEALED)
        assert {line.trader_id: line.limit_cents for line in current(disaster).lines} == limits(disaster, 1)
        assert limits_file.found(disaster.settings.output, SESSION, 0).state is State.SEALED

    def test_its_mail_says_who_why_when_and_only_what_differs(self, disaster):
        correct(disaster)
        mail = mailed(disaster)
        assert mail.subject.startswith("CORRECTION 1: RiskOps loss limits")
        text = " ".join(mail.text.split())
        assert f"Asked for by: {BY} Why: {WHY} When: 07:40 New York time, Mon 16 Mar 2026" in text
        assert "1 limit changes, 14 stand." in text
        assert text.count("Trader 3938") == 1
        assert "<s>" in mail.html

    def test_one_that_changes_nothing_says_so(self, sealed):
        correct(sealed)
        assert "No limit changes: all 15 limits stand as they were mailed before." in mailed(sealed).text
        assert limits(sealed, 1) == limits(sealed)

    def test_a_suspension_after_the_mail_enters(self, sealed):
        suspend(at(sealed, time(7, 30)), "3940", Order(SESSION, BY, "cooling off"))
        correct(sealed)
        assert limits(sealed).keys() - limits(sealed, 1).keys() == {"3940"}
        text = " ".join(mailed(sealed).text.split())
        assert "now no trading" in text
        assert "cooling off" in text

    def test_a_second_one_is_compared_with_the_first(self, disaster, folder_of):
        correct(disaster)
        late_night(folder_of, RESULTS, t3937=-9_000.0, t3938=-9_000.0)
        run = correct(disaster, time(7, 45), asking("another"))
        assert run.revision == 2
        assert "1 limit changes, 14 stand." in mailed(disaster, 2).text
        assert "Trader 3938: was" in mailed(disaster, 2).text

    def test_every_verb_again_changes_nothing(self, disaster):
        run = correct(disaster)
        before = content_of(disaster)
        assert correct(disaster, time(8, 30)) == run
        for verb in each_verb():
            verb(at(disaster, LATE), run_for(SESSION))
        assert content_of(disaster) == before

    def test_outcomes_told_before_are_not_told_again(self, disaster):
        correct(disaster)
        assert "LIMIT BREACHED" not in mailed(disaster).text


class TestAfterEight:
    def test_before_eight_it_loosens(self, relief):
        before = limits(relief)
        correct(relief)
        assert any(limit > before[trader] for trader, limit in limits(relief, 1).items())

    def test_after_eight_no_limit_rises_and_the_mail_says_whose_would(self, relief):
        before = limits(relief)
        correct(relief, time(8, 0))
        assert limits(relief, 1) == before
        text = " ".join(mailed(relief).text.split())
        assert "No limit changes" in text
        assert "from 08:00 New York on a correction only tightens" in text

    def test_after_eight_it_tightens(self, disaster):
        correct(disaster, time(10, 0))
        assert limits(disaster, 1)["3937"] < limits(disaster)["3937"]

    def test_one_that_loosens_does_not_leave_late_and_tightens_when_made_again(self, relief):
        early = at(relief, time(7, 59))
        run = revise(early, asking(deliver=None), by=BY, why=WHY)
        for verb in each_verb():
            if verb is not send:
                routed(verb, early, run)(early, run)
        with pytest.raises(RevisionError, match=r"raises the limit of .*only tightens"):
            send(at(relief, time(8, 1)), run)
        assert current(relief).revision == 0
        correct(relief, time(8, 2))
        assert limits(relief, 1) == limits(relief) == lived(relief)


class TestOverrides:
    def asked(self, reduction):
        return AskedOverride("3938", SESSION, SESSION, reduction, BY, "news on the stock")

    def test_one_that_was_said_after_the_mail_enters_with_a_correction(self, sealed):
        override(at(sealed, time(7, 30)), self.asked(60))
        correct(sealed)
        assert (limits(sealed)["3938"], limits(sealed, 1)["3938"]) == (500_000, 200_000)
        assert "news on the stock" in " ".join(mailed(sealed).text.split())

    def test_after_eight_one_that_loosens_does_not(self, disaster):
        correct(disaster)
        cut = replace(self.asked(0), trader_id="3937")
        override(at(disaster, time(8, 10)), cut)
        correct(disaster, time(8, 15), asking("another"))
        assert limits(disaster, 2)["3937"] == limits(disaster, 1)["3937"] < 500_000


class TestFailing:
    @pytest.mark.parametrize("fault", [Fault.INGEST_RAISES, Fault.RULES_RAISE, Fault.QUALITY_CRITICAL])
    def test_a_hold_does_not_take_the_place_of_good_limits(self, fault, disaster):
        before = limits(disaster)
        late = with_fault(at(disaster, LATE), fault)
        run = revise(late, asking(), by=BY, why=WHY)
        assert isinstance(tried(late, run), RevisionError)
        problem = disaster.store.mornings.stages(SESSION, 1)[Verb.PUBLISH].detail["problem"]
        assert problem.startswith(f"Correction 1 of {SESSION} would be a hold (")
        assert disaster.store.mornings.publication(SESSION, 1) is None
        assert (lived(disaster), current(disaster).revision) == (before, 0)
        assert Outbox(disaster.store.database).rows(SESSION, 1) == ()

    def test_and_the_next_one_goes_on_from_the_mail_that_is_out(self, disaster):
        late = with_fault(at(disaster, LATE), Fault.RULES_RAISE)
        tried(late, revise(late, asking(), by=BY, why=WHY))
        run = correct(disaster, time(7, 50), asking("another"))
        assert run.revision == 2
        assert mailed(disaster, 2).subject.startswith("CORRECTION 2")
        assert "1 limit changes, 14 stand." in mailed(disaster, 2).text
        assert lived(disaster) == limits(disaster, 2)

    def test_a_held_morning_is_corrected_when_its_night_has_come(self, decided_template, own_copy, folder_of):
        with opened(own_copy(decided_template), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as desk:
            assert tried(with_fault(desk, Fault.QUALITY_CRITICAL), run_for(SESSION)) is None
            assert desk.store.mornings.publication(SESSION, 0).rung >= Rung.HOLD
            correct(desk)
            assert desk.store.mornings.publication(SESSION, 1).rung is Rung.RULES

    def test_a_minimal_mail_is_corrected_when_its_cause_is_mended(self, folder):
        results = stormy(traders=4)
        with csv_desk(folder, results) as desk:
            small_desks.lived(desk, NIGHT, dict.fromkeys(results, 20))
            send(desk, run_for(SESSION))
            assert "MINIMAL MAIL" in mailed(desk, 0).subject
            correct(desk)
            assert desk.store.mornings.publication(SESSION, 1).rung is Rung.RULES

    def test_an_emergency_mail_is_corrected_when_the_database_is_back(self, folder):
        results = stormy(traders=4)
        with csv_desk(folder, {t: usd[:-1] for t, usd in results.items()}, CALENDAR.previous(NIGHT)) as desk:
            for verb in each_verb():
                verb(replace(desk, clock=on_the_morning(NIGHT)), run_for(NIGHT))
            mail_from_file(desk.settings, CALENDAR, at(desk, time(7, 30)).clock(), "the database is gone")
            late_night(folder, results)
            correct(desk)
            rungs = [desk.store.mornings.publication(SESSION, revision).rung for revision in (0, 1)]
            assert rungs == [Rung.HOLD, Rung.RULES]

    def test_what_was_decided_and_did_not_leave_stands_nowhere(self, disaster):
        late = at(disaster, LATE)
        run = revise(late, asking(), by=BY, why=WHY)
        for verb in each_verb():
            if verb is not send:
                routed(verb, late, run)(late, run)
        assert limits(disaster, 1) != limits(disaster)
        assert (lived(disaster), current(disaster).revision) == (limits(disaster), 0)
        tomorrow = replace(disaster, clock=on_the_morning(NEXT))
        named = minimal_mail(tomorrow, run_for(NEXT), "a test").publication.decisions
        assert {d.trader_id: d.limit_cents for d in named} == limits(disaster)

    def test_a_report_that_cannot_be_composed_mails_nothing(self, disaster):
        late = at(disaster, LATE)
        run = revise(late, asking(), by=BY, why=WHY)
        for verb in each_verb():
            if verb is not send:
                routed(verb, late, run)(late, run)
        disaster.store.mornings.fail(SESSION, 1, Verb.COMPOSE, "TemplateError: broken")
        with pytest.raises(RevisionError, match="not composed: the mail before it stands"):
            send(late, run)
        assert Outbox(disaster.store.database).rows(SESSION, 1) == ()


class TestMailServer:
    @pytest.fixture
    def catcher(self):
        return Catcher()

    @pytest.fixture
    def by_mail(self, decided_template, own_copy, catcher):
        with serving(catcher) as port:
            mail = {
                "RISKOPS_DELIVERY": "smtp",
                "RISKOPS_RECIPIENTS": ",".join(RECIPIENTS),
                "RISKOPS_SENDER": "riskops@example.com",
                "RISKOPS_SMTP_HOST": "127.0.0.1",
                "RISKOPS_SMTP_PORT": str(port),
                "RISKOPS_SMTP_SECURITY": "none",
            }
            folder = own_copy(decided_template)
            late_night(folder, RESULTS, t3937=-9_000.0)
            with opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv", **mail) as desk:
                yield desk

    def test_everybody_gets_one_correction_as_a_reply_to_his_own_mail(self, by_mail, catcher):
        send(by_mail, run_for(SESSION))
        correct(by_mail)
        correct(by_mail)
        assert len(catcher.mails) == 4
        first, correction = catcher.mails[:2], catcher.mails[2:]
        for before, after in zip(first, correction, strict=True):
            assert after["To"] == before["To"]
            assert after["In-Reply-To"] == after["References"] == before["Message-ID"]
            assert after["Message-ID"] != before["Message-ID"]
            assert after["Subject"].startswith("CORRECTION 1: ")
            assert before["In-Reply-To"] is before["References"] is None

    def test_a_second_correction_names_the_whole_thread(self, by_mail, catcher):
        send(by_mail, run_for(SESSION))
        correct(by_mail)
        correct(by_mail, time(7, 50), asking("another"))
        first, second, third = catcher.mails[::2]
        assert third["In-Reply-To"] == second["Message-ID"]
        assert third["References"].split() == [first["Message-ID"], second["Message-ID"]]

    @pytest.mark.fault(
        what="somebody has not got the mail when it is corrected",
        gets="the correction with every limit; the mail before goes to nobody any more",
        rung="as decided",
        label="CORRECTION",
        told="risk managers (mail)",
    )
    def test_who_never_got_the_mail_gets_the_correction_in_its_place(self, by_mail, catcher):
        catcher.recipients = {RECIPIENTS[1]: "451 later"}
        with pytest.raises(DeliveryError):
            send(by_mail, run_for(SESSION))
        catcher.recipients = {}
        correct(by_mail)
        told = {mail["To"]: mail for mail in catcher.mails[1:]}
        assert told[RECIPIENTS[0]]["In-Reply-To"] == catcher.mails[0]["Message-ID"]
        assert told[RECIPIENTS[1]]["In-Reply-To"] is None
        text = " ".join(told[RECIPIENTS[1]].get_body(("plain",)).get_content().split())
        assert [trader for trader in RESULTS if f"Trader {trader}" not in text] == []
        again = send(by_mail, run_for(SESSION))
        assert again["why"] == "correction 1 goes to everybody instead"
        gone = mail_from_file(
            by_mail.settings, CALENDAR, at(by_mail, time(8)).clock(), "the database is gone"
        )
        assert gone == "The mail of the session was out before that."
        assert len(catcher.mails) == 3
        assert by_mail.store.mornings.is_out(SESSION)

    @pytest.mark.fault(
        what="the mail server is down when a correction is to leave",
        gets="the limits of the mail before, until the same call is made again",
        rung="as decided before",
        label="run failed",
        told="whoever asked",
    )
    def test_a_server_that_is_down_leaves_the_mail_before_in_force_and_the_same_call_mails(
        self, by_mail, catcher
    ):
        send(by_mail, run_for(SESSION))
        catcher.recipients = dict.fromkeys(RECIPIENTS, "451 later")
        with pytest.raises(DeliveryError):
            correct(by_mail)
        assert (lived(by_mail), current(by_mail).revision) == (limits(by_mail), 0)
        catcher.recipients = {}
        correct(by_mail)
        assert (lived(by_mail), current(by_mail).revision) == (limits(by_mail, 1), 1)
        assert len(catcher.mails) == 4

    def test_a_late_copy_of_the_mail_before_is_not_begun_any_more(self, by_mail, catcher):
        catcher.recipients = {RECIPIENTS[1]: "451 later"}
        with pytest.raises(DeliveryError):
            send(by_mail, run_for(SESSION))
        correct_until_published(by_mail)
        outbox = Outbox(by_mail.store.database)
        late = next(mail for mail in outbox.rows(SESSION, 0) if mail.recipient == RECIPIENTS[1])
        with pytest.raises(RevisionError, match=r"Correction 1 .* takes the place of revision 0"):
            outbox.begin(late.key)


def correct_until_published(desk):
    late = at(desk, LATE)
    run = revise(late, asking(), by=BY, why=WHY)
    for verb in each_verb():
        if verb.__name__ not in ("compose", "send"):
            routed(verb, late, run)(late, run)


def test_in_demo_files_the_mail_is_a_reply_too(disaster):
    correct(disaster)
    (first,), (second,) = (Outbox(disaster.store.database).rows(SESSION, n) for n in (0, 1))
    lines = (disaster.settings.output / f"{SESSION}-r1" / "limits.eml").read_text().splitlines()
    assert f"In-Reply-To: {first.message_id}" in lines
    assert f"Message-ID: {second.message_id}" in lines


@pytest.mark.campaign
def test_mail_and_correction_are_replayed_equal(disaster, folder_of):
    correct(disaster)
    late_night(folder_of, RESULTS, t3937=-9_000.0, t3938=-9_000.0)
    correct(disaster, time(8, 30), asking("another"))
    asked = asked_sessions(disaster, SESSION, SESSION, None)
    assert asked == ((SESSION, 0), (SESSION, 1), (SESSION, 2))
    for found in replay(disaster, asked):
        assert found.is_equal, (found.revision, found.difference)
        assert found.compared["mails"] == 1


def test_the_next_morning_eases_from_the_correction_and_tells_what_changed_since(disaster, folder_of):
    correct(disaster)
    night_file(folder_of, rows_of({t: [0.0] for t in RESULTS}, SESSION), SESSION)
    tomorrow = replace(disaster, clock=on_the_morning(NEXT))
    assert tried(tomorrow, run_for(NEXT)) is None
    assert lived(disaster) == limits(disaster, 1)
    (mail,) = Outbox(disaster.store.database).rows(NEXT, 0)
    text = " ".join(mail.text.split())
    assert "CHANGED SINCE MON 16 MAR:" in text
    told = text[: text.index("IMMEDIATE ACTION")]
    was, now = limits(disaster, 1), limits_of(disaster, NEXT)
    assert {t for t in RESULTS if f"Trader {t}:" in told} == {t for t in RESULTS if was[t] != now[t]}
