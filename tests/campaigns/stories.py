"""Stories of bad mornings, drawn from a seed: what runs when, who is killed where, how the server behaves.

A story asks for nothing impossible: before the first mail may leave, every verb has ended undisturbed
once. So whatever else happens, what the desk gets must be what an undisturbed morning gives. Only in an
outage the database goes away, and what the desk gets may be the watchdog's emergency mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from riskops.records import Verb

MORNING = tuple(verb.value for verb in Verb)
*BEFORE_THE_MAIL, SEND = MORNING
WATCHDOG = "the watchdog, without the database"
EVERY_NTH_ON_POSTGRESQL = 5
EVERY_NTH_IS_AN_OUTAGE = 4


class Moment(StrEnum):
    """When a process is killed."""

    BEFORE_A_COMMIT = "before a commit"
    AFTER_A_COMMIT = "after a commit"
    AT_A_CALL = "at a call"
    BY_THE_CLOCK = "by the clock"
    IN_THE_MAIL = "in the middle of a mail"
    MAIL_WHOLE = "after a mail, before the server's answer"
    MAIL_ANSWERED = "between the server's 250 and the commit"


OF_ANY_VERB = (Moment.BEFORE_A_COMMIT, Moment.AFTER_A_COMMIT, Moment.AT_A_CALL, Moment.BY_THE_CLOCK)
OF_THE_MAIL = (Moment.IN_THE_MAIL, Moment.MAIL_WHOLE, Moment.MAIL_ANSWERED)


class Mood(StrEnum):
    """How the mail server behaves during an act."""

    WELL = "well"
    BUSY = "busy"
    CUTS_THE_LINE = "cuts the line"

    @property
    def lets_a_sender_fail(self) -> bool:
        """Whether an undisturbed sender may end without success."""
        return self is not Mood.WELL


@dataclass(frozen=True, slots=True)
class Kill:
    """A SIGKILL: the kind of moment, and how far into what the verb usually does, 0 to 1."""

    moment: Moment
    share: float

    def __str__(self) -> str:
        return f"killed {self.moment}, {self.share:.0%} in"


@dataclass(frozen=True, slots=True)
class Loss(Kill):
    """At that moment the process lives on, and the database goes away for everybody."""

    def __str__(self) -> str:
        return f"the database goes {self.moment}, {self.share:.0%} in"


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does: verbs in order, going on whatever they say, unless it is killed."""

    verbs: tuple[str, ...]
    kill: Kill | None = None

    def __str__(self) -> str:
        what = "a whole morning" if self.verbs == MORNING else " ".join(self.verbs)
        return f"{what}, {self.kill}" if self.kill else what


@dataclass(frozen=True, slots=True)
class Act:
    """Jobs at the same time; in a `mess`, verbs may miss what an earlier one did not leave.

    Where it `is_away`, the database is, from the beginning of the act to its end.
    """

    jobs: tuple[Job, ...]
    mood: Mood = Mood.WELL
    is_mess: bool = False
    is_away: bool = False

    def __str__(self) -> str:
        together = " | beside it: ".join(map(str, self.jobs))
        together = f"without the database: {together}" if self.is_away else together
        return together if self.mood is Mood.WELL else f"{together} (the server: {self.mood})"

    @property
    def may_fail(self) -> bool:
        """Whether a process that nobody kills may end without success."""
        return self.is_mess or self.mood.lets_a_sender_fail


@dataclass(frozen=True, slots=True)
class Story:
    """A morning: its number, the database that keeps it, and its acts; the last one is undisturbed."""

    number: int
    database: str
    acts: tuple[Act, ...]

    @property
    def is_outage(self) -> bool:
        """Whether a watchdog takes the database for gone in it."""
        return any(WATCHDOG in job.verbs for act in self.acts for job in act.jobs)


UNDISTURBED = Act((Job(MORNING),))


def drawn(seed: int, number: int) -> Story:
    """Draw a morning of a campaign: every fourth one is an outage."""
    is_outage = number % EVERY_NTH_IS_AN_OUTAGE == EVERY_NTH_IS_AN_OUTAGE - 1
    return outage(seed, number) if is_outage else story(seed, number)


def story(seed: int, number: int) -> Story:
    """Draw the story of a morning; the same seed and number give the same story."""
    chance = Random(f"{seed}:{number}")  # noqa: S311 - a seeded story, no secret
    acts = [*_mess(chance), *_towards_the_mail(chance), *_mailing(chance), UNDISTURBED]
    return Story(number, _database(number), tuple(acts))


def outage(seed: int, number: int) -> Story:
    """Draw a morning whose database goes away and comes back, with watchdogs beside it and after it."""
    chance = Random(f"outage {seed}:{number}")  # noqa: S311 - a seeded story, no secret
    decided = [Act((Job(tuple(BEFORE_THE_MAIL)),))] if chance.random() < 0.5 else []
    lost = [_loss(chance, bool(decided)) for _ in range(chance.randint(0, 2))]
    emergency = [_emergency(chance) for _ in range(chance.randint(1, 3))]
    return Story(number, _database(number), (*decided, *lost, *emergency, UNDISTURBED))


def _database(number: int) -> str:
    return "sqlite" if number % EVERY_NTH_ON_POSTGRESQL else "postgresql"


def _loss(chance: Random, is_decided: bool) -> Act:
    """Let the database go while a sender, or a whole morning, is at work."""
    verbs = (SEND,) if is_decided and chance.random() < 0.8 else MORNING
    moments = (Moment.BEFORE_A_COMMIT, Moment.AFTER_A_COMMIT, *(OF_THE_MAIL if verbs == (SEND,) else ()))
    return Act((Job(verbs, Loss(chance.choice(moments), chance.random())),), is_mess=True)


def _emergency(chance: Random) -> Act:
    """Return one or two watchdogs without the database, or one beside a morning that has it."""
    mood = chance.choices(list(Mood), weights=(6, 2, 1))[0]
    kill = Kill(chance.choice(OF_THE_MAIL), chance.random()) if chance.random() < 0.4 else None
    watchdog = Job((WATCHDOG,), kill)
    if chance.random() < 0.4:
        beside = Job(chance.choice([(SEND,), MORNING]))
        return Act((watchdog, beside), mood, is_mess=True)
    rivals = (Job((WATCHDOG,)),) if chance.random() < 0.3 else ()
    return Act((watchdog, *rivals), mood, is_mess=True, is_away=True)


def _mess(chance: Random) -> list[Act]:
    """Sometimes begin with a morning where killed verbs stay dead and the next ones run all the same."""
    if chance.random() > 0.25:
        return []
    fates = [(verb, chance.random()) for verb in BEFORE_THE_MAIL]
    return [
        Act((Job((verb,), _kill(chance, verb) if fate < 0.4 else None),), is_mess=True)
        for verb, fate in fates
        if fate < 0.8
    ]


def _towards_the_mail(chance: Random) -> list[Act]:
    """Let every verb end undisturbed once, after kills, before repeats, beside other mornings."""
    acts = []
    for at, verb in enumerate(BEFORE_THE_MAIL):
        acts += [Act((Job((verb,), _kill(chance, verb)),)) for _ in range(_how_many(chance))]
        acts.append(Act((Job((verb,)), *_beside(chance))))
        if chance.random() < 0.12:
            again = chance.choice(BEFORE_THE_MAIL[: at + 1])
            acts.append(Act((Job((again,), _perhaps_killed(chance, again)),)))
    return acts


def _mailing(chance: Random) -> list[Act]:
    return [_mail(chance) for _ in range(chance.randint(0, 3))]


def _mail(chance: Random) -> Act:
    """Return one try to send: one sender or two, or a repeat of any verb, killed or not."""
    mood = chance.choices(list(Mood), weights=(8, 1, 1))[0]
    first = Job((SEND,), _perhaps_killed(chance, SEND, 0.8))
    if chance.random() < 0.35:
        return Act((first, Job((SEND,), _perhaps_killed(chance, SEND, 0.3))), mood)
    if chance.random() < 0.2:
        again = chance.choice(BEFORE_THE_MAIL)
        return Act((first, Job((again,), _perhaps_killed(chance, again))), mood)
    return Act((first,), mood)


def _how_many(chance: Random) -> int:
    return chance.choices((0, 1, 2), weights=(7, 2, 1))[0]


def _beside(chance: Random) -> tuple[Job, ...]:
    if chance.random() > 0.03:
        return ()
    return (Job(MORNING, _perhaps_killed(chance, SEND)),)


def _perhaps_killed(chance: Random, verb: str, how_likely: float = 0.5) -> Kill | None:
    return _kill(chance, verb) if chance.random() < how_likely else None


def _kill(chance: Random, verb: str) -> Kill:
    moments = (*OF_ANY_VERB, *OF_THE_MAIL) if verb == SEND else OF_ANY_VERB
    return Kill(chance.choice(moments), chance.random())
