"""The minutes of a morning: how often a verb is tried, for how long, and with what pauses.

The worst case of every path through the day (tries times time-out, plus the longest pauses)
ends before the limits are due: 07:20 for the limits, 07:30 for the mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from riskops.errors import ConfigurationError
from riskops.records import Verb


@dataclass(frozen=True, slots=True)
class Budget:
    """How a verb is tried: `retries` after the first try, each bounded by `time_out`.

    Pauses start at `delay`, double, and never exceed `longest_delay`.
    """

    retries: int
    time_out: timedelta
    delay: timedelta
    longest_delay: timedelta

    @property
    def worst_case(self) -> timedelta:
        """The longest a verb can take before it is given up."""
        return (self.retries + 1) * self.time_out + self.retries * self.longest_delay


def _minutes(retries: int, time_out: float, delay: float, longest_delay: float) -> Budget:
    return Budget(
        retries, timedelta(minutes=time_out), timedelta(minutes=delay), timedelta(minutes=longest_delay)
    )


BUDGETS: Mapping[Verb, Budget] = {
    Verb.INGEST: _minutes(2, 8, 1, 3),
    Verb.VALIDATE: _minutes(1, 3, 0.5, 1),
    Verb.SCORE_RULES: _minutes(1, 3, 0.5, 1),
    Verb.SCORE_MODEL: _minutes(1, 8, 0.5, 1),
    Verb.COMPARE: _minutes(1, 5, 0.5, 1),
    Verb.RECORD_OUTCOMES: _minutes(1, 3, 0.5, 1),
    Verb.CHOOSE: _minutes(1, 1, 0.5, 1),
    Verb.PUBLISH: _minutes(1, 2, 0.5, 1),
    Verb.COMPOSE: _minutes(1, 2, 0.5, 1),
    Verb.SEND: _minutes(2, 2, 0.5, 1),
}

LONGEST_OVERRIDE = 86_400  # seconds: a day

LIMITS_PATH = (Verb.INGEST, Verb.VALIDATE, Verb.SCORE_MODEL, Verb.COMPARE, Verb.CHOOSE, Verb.PUBLISH)
MAIL_PATH = (*LIMITS_PATH, Verb.COMPOSE, Verb.SEND)
OUTCOMES_PATH = (Verb.INGEST, Verb.VALIDATE, Verb.RECORD_OUTCOMES)  # beside the limits, nobody waits for it


def worst_case(path: tuple[Verb, ...]) -> timedelta:
    """Return the longest the verbs of `path` can take, one after the other."""
    return sum((BUDGETS[verb].worst_case for verb in path), timedelta())


def budget(verb: Verb, environ: Mapping[str, str]) -> Budget:
    """Return the budget of a verb; drills and tests shorten all of them by environment.

    ``RISKOPS_TASK_RETRIES``, ``RISKOPS_RETRY_DELAY_SECONDS`` and ``RISKOPS_TIME_OUT_SECONDS``
    may only make a budget smaller.
    """
    standard = BUDGETS[verb]
    retries = _override(environ, "RISKOPS_TASK_RETRIES", standard.retries)
    delay = _override(environ, "RISKOPS_RETRY_DELAY_SECONDS", standard.delay.total_seconds())
    time_out = _override(environ, "RISKOPS_TIME_OUT_SECONDS", standard.time_out.total_seconds())
    return replace(
        standard,
        retries=min(standard.retries, int(retries)),
        delay=min(standard.delay, timedelta(seconds=delay)),
        longest_delay=min(standard.longest_delay, timedelta(seconds=max(delay, 0.1) * 2))
        if "RISKOPS_RETRY_DELAY_SECONDS" in environ
        else standard.longest_delay,
        time_out=min(standard.time_out, timedelta(seconds=time_out)),
    )


def _override(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        raise ConfigurationError(f"{name}={text!r} is no number.") from None
    if not 0 <= value <= LONGEST_OVERRIDE:
        raise ConfigurationError(f"{name}={text!r}: use a number from 0 to {LONGEST_OVERRIDE}.")
    return value
