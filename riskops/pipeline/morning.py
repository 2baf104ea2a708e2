"""The whole morning without Airflow: the break-glass way, the same verbs, the same outbox.

Each verb runs in a process of its own with the time it has under Airflow, so one that raises,
hangs or is killed leaves nothing behind but its absence, and the ladder takes it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from riskops.records import Verb

BEFORE_CHOICE = (
    Verb.INGEST,
    Verb.VALIDATE,
    Verb.SCORE_RULES,
    Verb.SCORE_MODEL,
    Verb.COMPARE,
    Verb.CHOOSE,
)
AFTER_CHOICE = (Verb.PUBLISH, Verb.COMPOSE, Verb.SEND)


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
    step = None
    for verb in (*BEFORE_CHOICE, *AFTER_CHOICE):
        step = perform(verb)
        report(step)
    assert step is not None  # noqa: S101 - the tuple above is never empty
    return step
