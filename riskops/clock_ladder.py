"""The clock's ladder: what is due of a morning at a time, whoever is late.

From 07:20 New York nobody waits for the model, from 07:28 not for the rules either: what is there
is chosen from, published, composed and mailed, so that the mail is out by 07:30. At 07:50 somebody has
to have read of deep cuts, at 08:00 the trading platform has the limits.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import time

from riskops import config
from riskops.records import Verb

FINISH = (Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE, Verb.SEND)


def due(now: time, done: Collection[Verb], *, is_out: bool) -> tuple[Verb, ...]:
    """Return the verbs that are due at a time of the morning.

    Parameters
    ----------
    now
        New York wall clock.
    done
        The verbs that have left their results.
    is_out
        Whether everybody has the mail.
    """
    if is_out or now < config.LATEST_CUT_OFF:
        return ()
    if now < config.RULES_UNTIL and Verb.SCORE_RULES not in done:
        return (Verb.SCORE_RULES, *FINISH)
    return FINISH


def is_emergency(now: time) -> bool:
    """Say whether limits are due without the risk database, held from the limits file."""
    return now >= config.RULES_UNTIL


def is_acknowledgement_due(now: time) -> bool:
    """Say whether somebody has to have acknowledged a mail that cuts deeply."""
    return now >= config.ACKNOWLEDGED_BY


def is_read_back_due(now: time) -> bool:
    """Say whether the limits have to be in force in the trading platform."""
    return now >= config.READ_BACK_DUE_AT


def alarm(now: time, begun: bool, *, is_out: bool) -> str:
    """Return what on-call has to hear at a time of the morning; empty where nothing is wrong."""
    if is_out or now < config.BEGUN_BY:
        return ""
    if now >= config.MAIL_DUE_AT:
        return f"the mail is not out at {now:%H:%M}"
    return "" if begun else f"the morning has not begun at {now:%H:%M}"
