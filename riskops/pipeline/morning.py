"""The whole morning without Airflow: the break-glass way, the same verbs, the same outbox.

Each verb runs in a process of its own with the time it has under Airflow, so one that raises,
hangs or is killed leaves nothing behind but its absence, and the ladder takes it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from riskops.records import Verb

BEFORE_CHOICE = (
    Verb.INGEST,
    Verb.VALIDATE,
    Verb.SCORE_RULES,
    Verb.SCORE_MODEL,
    Verb.COMPARE,
    Verb.RECORD_OUTCOMES,
    Verb.CHOOSE,
)
AFTER_CHOICE = (Verb.PUBLISH, Verb.COMPOSE, Verb.SEND)
TIMED_OUT = 124  # a verb's exit code, as `timeout` has it


@dataclass(frozen=True, slots=True)
class Step:
    """How one verb of the morning ended: its exit code, and what it said where it failed."""

    verb: Verb
    exit_code: int
    problem: str

    @property
    def succeeded(self) -> bool:
        """Whether the verb left its results."""
        return self.exit_code == 0


def live_morning(perform: Callable[[Verb], Step], report: Callable[[Step], None]) -> Step:
    """Perform every verb in order whatever the others did; the mail's step tells how it went."""
    return perform_all((*BEFORE_CHOICE, *AFTER_CHOICE), perform, report)[-1]


def correction(perform: Callable[[Verb], Step], report: Callable[[Step], None]) -> Step:
    """Perform the verbs of a correction; the last step tells how it went.

    Nothing is mailed that is not decided and composed: the mail before stands.
    """
    perform_all(BEFORE_CHOICE, perform, report)
    for verb in AFTER_CHOICE:
        step = perform(verb)
        report(step)
        if not step.succeeded:
            break
    return step


def perform_all(
    verbs: Sequence[Verb], perform: Callable[[Verb], Step], report: Callable[[Step], None]
) -> list[Step]:
    """Perform verbs one after the other and report each as it ends."""
    steps = []
    for verb in verbs:
        steps.append(perform(verb))
        report(steps[-1])
    return steps
