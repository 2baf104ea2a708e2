"""The kill campaign in short, and that it notices a broken promise."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.campaigns import chaos
from tests.campaigns.broken import BROKEN
from tests.campaigns.chaos import Tally, Violation, as_told, campaign, opened, summary
from tests.campaigns.invariants import complaints
from tests.campaigns.stories import (
    BEFORE_THE_MAIL,
    MORNING,
    SEND,
    UNDISTURBED,
    Act,
    Job,
    Kill,
    Moment,
    Mood,
    Story,
    story,
)
from tests.campaigns.theatre import DONE, Evenings, doubts_in, theatre

SEED = 1
LONGEST_WAIT_FOR_A_RIVAL_SECONDS = 10
ANSWERED = Kill(Moment.MAIL_ANSWERED, 0.0)
TWO_SENDERS = Act((Job((SEND,)), Job((SEND,))))
DECIDED = Act((Job(tuple(BEFORE_THE_MAIL)),))

pytestmark = pytest.mark.xdist_group("chaos")


@pytest.fixture(scope="module")
def stage(postgresql, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chaos")
    with theatre(folder / "theatre", Evenings.made(folder, postgresql)) as made:
        yield made


@pytest.fixture
def play(stage):
    """Return what plays acts, then an undisturbed morning, and says how it ended."""

    def played(*acts, broken="", database="sqlite"):
        told = Story(0, database, (*acts, UNDISTURBED))
        ending = stage.play(told, broken, LONGEST_WAIT_FOR_A_RIVAL_SECONDS if broken else 0.1)
        stage.swept()
        return ending, complaints(ending, stage.undisturbed)

    return played


# --- the campaign ---------------------------------------------------------------------------


def killed_campaign(number):
    with opened(min(2, number)) as theatres:
        return campaign([story(SEED, i) for i in range(number)], theatres)


@pytest.mark.timeout(900)
def test_six_mornings_of_kills_end_as_undisturbed_ones(stage):
    tally = campaign([story(SEED, number) for number in range(6)], [stage])
    assert [as_told(violation, SEED) for violation in tally.violations] == []
    assert tally.mornings == {"sqlite": 4, "postgresql": 2}
    assert tally.kills.total() > 0


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
def test_two_hundred_mornings_of_kills_end_as_undisturbed_ones():
    tally = killed_campaign(200)
    assert [as_told(violation, SEED) for violation in tally.violations] == []
    assert tally.kills.keys() == {moment.value for moment in Moment}
    assert tally.second_copies > 0


def test_the_undisturbed_morning_is_a_real_one(stage):
    undisturbed = stage.undisturbed
    assert {status for statuses in undisturbed.statuses for status in statuses} == {DONE}
    assert [row["state"] for row in undisturbed.table("stage_outcomes")] == ["done"] * len(MORNING)
    assert any(row["reduction"] > 0 for row in undisturbed.table("decisions"))
    assert {recipient: len(copies) for recipient, copies in undisturbed.mails.items()} == {
        "first@example.com": 1,
        "second@example.com": 1,
    }


# --- single stories -------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_kill_after_the_servers_answer_leads_to_one_marked_second_copy(play, database):
    ending, wrong = play(DECIDED, Act((Job((SEND,), ANSWERED),)), database=database)
    assert wrong == []
    assert list(ending.kills) == [Moment.MAIL_ANSWERED]
    assert {recipient: len(copies) for recipient, copies in ending.mails.items()} == {
        "first@example.com": 2,
        "second@example.com": 1,
    }


@pytest.mark.fault(
    what="the sender is killed while it hands over a mail",
    gets="one mail, marked as a possible duplicate because nobody can know",
    rung="-",
    label="possible duplicate",
    told="risk managers (mail)",
)
def test_a_kill_in_the_middle_of_a_mail_is_a_doubt(play):
    ending, wrong = play(DECIDED, Act((Job((SEND,), Kill(Moment.IN_THE_MAIL, 0.0)),)))
    assert wrong == []
    assert ending.doubts == {"first@example.com": 1}
    assert len(ending.mails["first@example.com"]) == 1


@pytest.mark.fault(
    what="two mornings run at the same time, Airflow's and the break-glass one",
    gets="one mail each, the same limits",
    rung="-",
    label="-",
    told="risk managers (mail)",
)
def test_two_mornings_at_once_give_one_mail_each(play):
    ending, wrong = play(Act((Job(MORNING), Job(MORNING))))
    assert wrong == []
    assert {len(copies) for copies in ending.mails.values()} == {1}


# --- what the campaign must notice ----------------------------------------------------------

NOTICED = {
    "acceptance_is_not_written_down": (DECIDED, Act((Job((SEND,)),))),
    "a_sender_does_not_say_that_it_begins": (DECIDED, Act((Job((SEND,), ANSWERED),))),
    "the_lock_of_a_sender_does_nothing": (DECIDED, TWO_SENDERS),
    "a_second_copy_does_not_say_so": (DECIDED, Act((Job((SEND,), ANSWERED),))),
    "results_of_a_repeated_verb_are_not_replaced": (DECIDED,),
    "a_session_is_never_sealed": (),
    "the_limits_file_is_not_written_again": (DECIDED,),
}
COMPLAINT = {
    "acceptance_is_not_written_down": "every mail is known to be sent: ",
    "a_sender_does_not_say_that_it_begins": "first@example.com got 2 mails, 2 of them unmarked",
    "the_lock_of_a_sender_does_nothing": "first@example.com got 2 mails, 1 of them unmarked, with 0 doubts",
    "a_second_copy_does_not_say_so": "first@example.com got 2 mails, 2 of them unmarked",
    "results_of_a_repeated_verb_are_not_replaced": "who is not disturbed succeeds: ",
    "a_session_is_never_sealed": "the session is sealed: ",
    "the_limits_file_is_not_written_again": "limits.json says decided",
}


@pytest.mark.parametrize("promise", [name for name in BROKEN if name])
def test_a_broken_promise_is_noticed(promise, play):
    _ending, wrong = play(*NOTICED[promise], broken=promise)
    assert any(COMPLAINT[promise] in complaint for complaint in wrong), wrong


def test_the_same_stories_without_the_break_are_sound(play):
    _ending, wrong = play(DECIDED, TWO_SENDERS, Act((Job((SEND,), ANSWERED),)))
    assert wrong == []


def test_a_violation_is_told_with_its_seed_and_its_story(play):
    ending, wrong = play(broken="a_session_is_never_sealed")
    told = as_told(Violation(ending, wrong), 7)
    assert "Morning 0 of seed 7, on sqlite:\n  a whole morning: done\n" in told
    assert "VIOLATED: the session is sealed" in told
    assert told.endswith("--seed 7 --only 0")


# --- stories and what is read from them -----------------------------------------------------


def test_a_seed_and_a_number_give_the_same_story():
    assert story(3, 14) == story(3, 14)
    assert story(3, 14) != story(4, 14)


def test_every_verb_ends_undisturbed_once_before_the_first_mail_may_leave():
    for number in range(300):
        waiting = list(BEFORE_THE_MAIL)
        for act in story(SEED, number).acts:
            first = act.jobs[0]
            if waiting and not act.is_mess and first.kill is None and first.verbs == (waiting[0],):
                waiting.pop(0)
            if SEND in first.verbs:
                assert waiting == []


def test_the_stories_of_a_campaign_know_every_moment_and_every_mood():
    acts = [act for number in range(200) for act in story(SEED, number).acts]
    assert {job.kill.moment for act in acts for job in act.jobs if job.kill} == set(Moment)
    assert {act.mood for act in acts} == set(Mood)
    assert any(len(act.jobs) > 1 and act.jobs[1].verbs == MORNING for act in acts)


@pytest.mark.parametrize(
    ("log", "doubts"),
    [
        ("1 committed -\n1 begun a\n1 answered a\n1 committed -\n", {}),
        ("1 begun a\n1 answered a\n", {"a": 1}),
        ("1 begun a\n1 committed -\n", {"a": 1}),
        ("1 begun a\n2 committed -\n1 answered a\n2 committed -\n", {"a": 1}),
        ("1 begun a\n2 begun a\n2 answered a\n2 committed -\n", {"a": 1}),
        ("1 begun a\n1 answered a\n1 committed -\n1 begun b\n", {"b": 1}),
    ],
)
def test_a_doubt_is_a_hand_over_whose_end_was_not_committed(log, doubts):
    assert doubts_in(log) == doubts


def test_the_summary_counts_what_was_seen():
    tally = Tally(mails=3, second_copies=1)
    tally.kills["at a call"] += 2
    assert [list(column.cells) for column in summary(tally).columns] == [
        ["kills at a call", "mails accepted", "recipients with a second copy, marked", "violations"],
        ["2", "3", "1", "0"],
    ]


@pytest.fixture
def command(stage, monkeypatch):
    """Return the command, in the theatre of these tests."""
    monkeypatch.setattr(chaos, "opened", lambda _number: nullcontext([stage]))
    return lambda *asked: chaos.main(asked)


def test_the_command_ends_with_0_where_nothing_is_violated(command, capsys):
    assert command("--mornings", "1", "--seed", "5") == 0
    assert "mornings on postgresql" in capsys.readouterr().out


def test_the_command_ends_with_1_at_the_first_violation_and_tells_its_story(
    command, stage, monkeypatch, capsys
):
    play = stage.play
    monkeypatch.setattr(stage, "play", lambda told: play(told, "a_session_is_never_sealed"))
    assert command("--mornings", "9", "--seed", "5") == 1
    said = capsys.readouterr().out
    assert "Morning 0 of seed 5, on postgresql:" in said
    assert "Again: python -m tests.campaigns.chaos --seed 5 --only 0" in said
    assert "mornings on sqlite" not in said
