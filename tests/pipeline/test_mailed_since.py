"""A risk database from before the last mail: nothing leaves twice, and what left can be taken over."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from riskops import limits_file
from riskops.delivery import LOCKS
from riskops.errors import DeliveryError, LimitsFileError, OlderRecordError
from riskops.handover import Sender, Word, handing_over
from riskops.limits_file import State
from riskops.pipeline.compose import compose
from riskops.pipeline.mailed_since import take_over
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.send import send
from riskops.records import RunType, Verb
from riskops.store.outbox import Outbox, outbox_key
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import content_of, copied, each_verb, forgotten, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.small_desks import NIGHT, csv_desk, night_file, row

pytestmark = pytest.mark.campaign

RUN = run_for(SESSION)
FOLLOWING = CALENDAR.shift(SESSION, 1)
TWO = ("a@example.com", "b@example.com")
VERBS = {verb.__name__: verb for verb in [*each_verb(), hold_limits]}


@pytest.fixture(scope="module")
def before(keeper, tmp_path_factory):
    """Return the folder of a desk that lived the session before, and has decided nothing since."""
    folder = keeper(tmp_path_factory.mktemp("before"))
    results = {"3942": trader_3942(), "3951": trader_3951()}
    with csv_desk(folder, results, CALENDAR.shift(NIGHT, -1), on_the_morning(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, run_for(NIGHT, deliver=True))
    return folder


@pytest.fixture
def catcher():
    return Catcher()


@pytest.fixture
def folder(before, own_copy):
    mine = own_copy(before)
    for night in (NIGHT, SESSION):
        night_file(mine, [row("3942", night, -100.0), row("3951", night, 100.0)], night)
    return mine


@pytest.fixture
def at(folder, catcher):
    """Return what opens the desk on the morning of a session, mailing to two through a real server."""
    with serving(catcher) as port:
        yield lambda session=SESSION: opened(
            folder,
            on_the_morning(session),
            RISKOPS_SOURCE="csv",
            RISKOPS_DELIVERY="smtp",
            RISKOPS_RECIPIENTS=",".join(TWO),
            RISKOPS_SMTP_HOST="127.0.0.1",
            RISKOPS_SMTP_PORT=str(port),
            RISKOPS_SMTP_SECURITY="none",
        )


@pytest.fixture
def mailed(at):
    """Let the desk live its session; return what the risk database says of it."""
    with at() as desk:
        for verb in each_verb():
            verb(desk, RUN)
        return desk.store.mornings.publication(SESSION, 0)


@pytest.fixture
def restored(mailed, folder, before):
    """Put the risk database of the session before in the place of today's; the output stays."""
    set_back(folder, before)


def set_back(folder, before):
    forgotten(folder)
    for file in folder.glob("risk.db*"):
        file.unlink()
    copied(before, folder)


def files(folder):
    return {path: path.read_bytes() for path in (folder / "out").rglob("limits.*")}


def figures(decisions):
    return {d.trader_id: (d.reduction, d.limit_cents, d.rung) for d in decisions}


def reached(catcher):
    return sorted(mail["To"] for mail in catcher.mails)


class TestRefused:
    @pytest.mark.fault(
        what="the risk database was restored from before the last mail",
        gets="no second mail and no other limits; `riskops take-over` records what was mailed since",
        rung="-",
        label="OlderRecordError, exit code 25",
        told="whoever ran the verb",
    )
    @pytest.mark.parametrize("run_type", [RunType.SCHEDULED, RunType.BACKFILL])
    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_of_a_session_whose_mail_it_does_not_know(
        self, verb, run_type, restored, at, folder, catcher
    ):
        written = files(folder)
        with at() as desk:
            known = content_of(desk)
            with pytest.raises(OlderRecordError, match=rf"{SESSION} has left.*riskops take-over"):
                VERBS[verb](desk, replace(RUN, run_type=run_type))
            assert content_of(desk) == known
        assert files(folder) == written
        assert reached(catcher) == list(TWO)

    def test_the_session_after_that(self, restored, at, catcher):
        with at(FOLLOWING) as desk, pytest.raises(OlderRecordError, match=f"The mail for {SESSION} has left"):
            send(desk, run_for(FOLLOWING))
        assert reached(catcher) == list(TWO)

    def test_a_session_of_which_only_the_senders_words_are_left(self, restored, at, folder):
        shutil.rmtree(folder / "out" / str(SESSION))
        with at() as desk:
            with pytest.raises(OlderRecordError):
                send(desk, RUN)
            with pytest.raises(LimitsFileError, match=f"put the folder {SESSION} back"):
                take_over(desk, RUN)

    def test_a_session_of_which_only_the_limits_file_is_left(self, restored, at, folder):
        shutil.rmtree(folder / "out" / LOCKS)
        with at() as desk, pytest.raises(OlderRecordError):
            send(desk, RUN)

    def test_a_mail_that_may_have_left(self, at, folder):
        say(folder, TWO[0], Word.SENDING)
        with at() as desk, pytest.raises(OlderRecordError):
            send(desk, RUN)

    def test_it_is_never_tried_again_and_counts_as_a_database_that_cannot_be_used(self):
        assert (OlderRecordError.retryable, OlderRecordError.exit_code) == (False, 25)


class TestNotRefused:
    def test_a_mail_that_surely_did_not_leave(self, at, folder):
        say(folder, TWO[0], Word.NOT_ACCEPTED)
        with at() as desk:
            assert sorted(send(desk, RUN)["delivered"]) == list(TWO)

    def test_a_backfill_of_an_earlier_session(self, restored, at):
        with at() as desk:
            VERBS["score_rules"](desk, run_for(CALENDAR.previous(NIGHT), RunType.BACKFILL))

    def test_another_deployment_s_files(self, restored, at, folder):
        shutil.rmtree(folder / "out" / LOCKS)
        with at() as desk:
            other = replace(desk, settings=replace(desk.settings, deployment="demo"))
            assert sorted(send(other, RUN)["delivered"]) == list(TWO)


class TestTakenOver:
    def test_the_limits_that_left_are_sealed_and_lived(self, mailed, restored, at, catcher):
        with at() as desk:
            assert take_over(desk, RUN) == {str(SESSION): "2 limits, sealed"}
            decided, is_sealed = desk.store.mornings.decided(SESSION, 0)
            assert (figures(decided.decisions), is_sealed) == (figures(mailed.decisions), True)
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}
            past = desk.store.history.lived(FOLLOWING)["3942"][CALENDAR.position(SESSION)]
            assert past.reduction == figures(mailed.decisions)["3942"][0]

    def test_afterwards_the_session_is_out_and_nobody_gets_a_second_mail(self, restored, at, catcher):
        with at() as desk:
            take_over(desk, RUN)
            known = content_of(desk)
            assert take_over(desk, RUN) == {}
            for verb in each_verb():
                verb(desk, RUN)
            assert {t: rows for t, rows in content_of(desk).items() if rows != known[t]}.keys() <= {
                *("trades", "daily_results", "coverage", "cut_offs", "stage_outcomes", "scores", "signals"),
                *("quality_results", "comparisons", "outcomes", "economics"),
            }
        assert reached(catcher) == list(TWO)

    def test_the_next_morning_decides_as_if_nothing_had_been_lost(self, mailed, at, folder, before, tmp_path):
        other = copied(folder, tmp_path / "undisturbed")
        shutil.copytree(folder / "inbox", other / "inbox")
        with opened(other, on_the_morning(FOLLOWING), RISKOPS_SOURCE="csv") as desk:
            expected = next_morning(desk)
        set_back(folder, before)
        with at(FOLLOWING) as desk:
            take_over(desk, run_for(FOLLOWING))
            assert next_morning(desk) == expected

    def test_who_has_no_mail_yet_gets_the_limits_that_left(self, at, folder, before, catcher):
        catcher.recipients = {TWO[1]: "451 busy"}
        with at() as desk:
            for verb in [*each_verb()][:-1]:
                verb(desk, RUN)
            with pytest.raises(DeliveryError, match="451 busy"):
                send(desk, RUN)
            left = desk.store.mornings.publication(SESSION, 0)
        catcher.recipients = {}
        set_back(folder, before)
        with at() as desk:
            take_over(desk, RUN)
            assert send(desk, RUN)["delivered"] == [TWO[1]]
            assert figures(desk.store.mornings.publication(SESSION, 0).decisions) == figures(left.decisions)
        text = catcher.mails[1].get_body(("plain",)).get_content()
        assert "FROM THE LIMITS FILE" in text
        assert all(f"Trader {d.trader_id}" in text for d in left.decisions)
        assert reached(catcher) == list(TWO)

    def test_a_copy_in_doubt_stays_one(self, at, folder):
        with at() as desk:
            for verb in [*each_verb()][:-1]:
                verb(desk, RUN)
            limits_file.make_current(limits_file.found(folder / "out", SESSION, 0), folder / "out")
        say(folder, TWO[0], Word.SENDING)
        with at() as desk:
            assert take_over(desk, RUN) == {str(SESSION): "2 limits, decided"}
            assert not desk.store.mornings.decided(SESSION, 0)[1]
            states = {row.recipient: row.state for row in Outbox(desk.store.database).rows(SESSION, 0)}
        assert states == {TWO[0]: "sending"}

    def test_files_of_sessions_that_never_left_are_none(self, at, folder):
        with at() as desk:
            VERBS["ingest"](desk, RUN)
            for verb in [*each_verb()][1:-2]:
                verb(desk, RUN)
            assert limits_file.found(folder / "out", SESSION, 0).state is State.DECIDED
            assert take_over(desk, RUN) == {}


def say(folder, recipient, word):
    key = outbox_key("test", SESSION, LIMITS_MAIL, 0, recipient)
    with handing_over(folder / "out" / LOCKS, key) as handover:
        handover.say(Sender.OUTBOX, word)


def next_morning(desk):
    run = run_for(FOLLOWING, deliver=False)
    for verb in [*each_verb()][:-2]:
        verb(desk, run)
    compose(desk, run)
    assert desk.store.mornings.stages(FOLLOWING, 0)[Verb.PUBLISH].is_done
    assert publish_rules(desk, run)["traders"] == 2
    return figures(desk.store.mornings.publication(FOLLOWING, 0).decisions)
