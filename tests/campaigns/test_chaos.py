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
    WATCHDOG,
    Act,
    Job,
    Kill,
    Loss,
    Moment,
    Mood,
    Story,
    drawn,
    outage,
    story,
)
from tests.campaigns.theatre import DONE, Evenings, doubts_in, theatre

SEED = 1
LONGEST_WAIT_FOR_A_RIVAL_SECONDS = 10
ANSWERED = Kill(Moment.MAIL_ANSWERED, 0.0)
TWO_SENDERS = Act((Job((SEND,)), Job((SEND,))))
DECIDED = Act((Job(tuple(BEFORE_THE_MAIL)),))

pytestmark = [pytest.mark.campaign, pytest.mark.xdist_group("chaos")]


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
        return campaign([drawn(SEED, i) for i in range(number)], theatres)


@pytest.mark.timeout(900)
def test_six_mornings_of_kills_end_as_undisturbed_ones(stage):
    tally = campaign([story(SEED, number) for number in range(6)], [stage])
    assert [as_told(violation, SEED) for violation in tally.violations] == []
    assert tally.mornings == {"sqlite": 4, "postgresql": 2}
    assert tally.kills.total() > 0


@pytest.mark.timeout(1_800)
def test_two_hundred_mornings_of_kills_end_as_undisturbed_ones():
    tally = killed_campaign(200)
    assert [as_told(violation, SEED) for violation in tally.violations] == []
    assert tally.kills.keys() == {moment.value for moment in Moment}
    assert (tally.outages, tally.emergency_mails > 0, tally.second_copies > 0) == (50, True, True)


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


# --- outages ----------------------------------------------------------------------------------

WATCHED = Act((Job((WATCHDOG,)),), is_mess=True, is_away=True)
LOST_AFTER_THE_ANSWER = Act((Job((SEND,), Loss(Moment.MAIL_ANSWERED, 0.0)),), is_mess=True)


def emergencies(ending):
    """Return by recipient which of the copies are emergency mails."""
    return {who: ["EMERGENCY" in mail["Subject"] for mail in mails] for who, mails in ending.mails.items()}


@pytest.mark.timeout(900)
def test_three_mornings_of_outages_end_with_one_mail_each(stage):
    tally = campaign([outage(SEED, number) for number in range(3)], [stage])
    assert [as_told(violation, SEED) for violation in tally.violations] == []
    assert (tally.outages, tally.mornings) == (3, {"sqlite": 2, "postgresql": 1})
    assert tally.emergency_mails > 0


@pytest.mark.fault(
    what="the risk database goes away within a morning, the watchdog mails, and it comes back",
    gets="one mail each: the emergency mail, which is taken over, or the usual one where that was accepted",
    rung="3, or that of limits already decided",
    label="EMERGENCY MAIL",
    told="risk managers (mail)",
)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_outage_before_anything_is_decided_gives_everybody_held_limits_once(play, database):
    lost = Act((Job(MORNING, Loss(Moment.AFTER_A_COMMIT, 0.2)),), is_mess=True)
    ending, wrong = play(lost, WATCHED, WATCHED, database=database)
    assert wrong == []
    assert ending.statuses[:3] == ((1,), (0,), (0,))
    assert emergencies(ending) == {who: [True] for who in ending.mails}
    assert {row["rung"] for row in ending.table("decisions")} == {3}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_outage_between_the_servers_answer_and_the_commit_gives_nobody_a_second_mail(play, database):
    ending, wrong = play(DECIDED, LOST_AFTER_THE_ANSWER, WATCHED, database=database)
    assert wrong == []
    assert emergencies(ending) == {"first@example.com": [False], "second@example.com": [True]}


def test_watchdogs_beside_a_morning_that_has_the_database_mail_nobody_twice(play):
    beside = Act((Job((WATCHDOG,)), Job(MORNING)), is_mess=True)
    ending, wrong = play(DECIDED, beside)
    assert wrong == []
    assert {who: len(mails) for who, mails in ending.mails.items()} == dict.fromkeys(ending.mails, 1)


def test_a_second_emergency_mail_is_noticed(stage, play):
    ending, _wrong = play(DECIDED, WATCHED)
    copies = ending.mails["first@example.com"]
    copies.append(copies[0])
    assert any("got 2 mails, 2 of them unmarked" in told for told in complaints(ending, stage.undisturbed))


def test_an_emergency_mail_with_other_limits_than_the_sealed_ones_is_noticed(stage, play):
    ending, _wrong = play(WATCHED)
    ending.rows["published_limits"] = stage.undisturbed.rows["published_limits"]
    noticed = complaints(ending, stage.undisturbed)
    assert any("every mail has the limits that are sealed" in told for told in noticed)


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
    "a_sender_does_not_say_that_it_begins": "who is not disturbed succeeds: ",
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


def test_every_fourth_morning_of_a_campaign_is_an_outage_that_ends_undisturbed():
    stories = [drawn(SEED, number) for number in range(40)]
    outages = [told for told in stories if told.is_outage]
    assert [told.number % 4 for told in outages] == [3] * 10
    assert {told.acts[-1] for told in outages} == {UNDISTURBED}
    assert {told.database for told in outages} == {"sqlite", "postgresql"}
    jobs = [job for told in outages for act in told.acts for job in act.jobs]
    assert any(isinstance(job.kill, Loss) for job in jobs)
    assert "the database goes before a commit, 50% in" in str(Job((SEND,), Loss(Moment.BEFORE_A_COMMIT, 0.5)))


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
        [
            *("of them with an outage of the database", "kills at a call", "mails accepted"),
            *("of them emergency mails", "recipients with a second copy, marked", "violations"),
        ],
        ["0", "2", "3", "0", "1", "0"],
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
