"""What a signal has been worth so far: counts, never invented numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from riskops import config
from riskops.history import TraderHistory
from riskops.records import Confidence, Rule, Signal, TrackRecord
from riskops.rules import is_large_loss

HIGH_CONFIDENCE_SIGNALS = 2


def large_losses(history: TraderHistory) -> np.ndarray:
    """Say which active days ended at or below -40 % of the base limit of that day."""
    return is_large_loss(history.net_cents, history.base_cents)


def desk_large_losses(histories: Iterable[TraderHistory]) -> tuple[int, int]:
    """Return the large-loss days and the active days of a desk."""
    outcomes = [large_losses(history) for history in histories]
    return sum(int(hits.sum()) for hits in outcomes), sum(len(hits) for hits in outcomes)


def track_record(
    rule: Rule, history: TraderHistory, fired: np.ndarray, desk: tuple[int, int]
) -> TrackRecord | None:
    """Return how often a large loss followed when `rule` had fired in the morning.

    Parameters
    ----------
    rule
        The rule asked about.
    history
        The trader's active days.
    fired
        Shape (active days, 5), in the order of `Rule`: what had fired on the morning of each
        active day, from earlier days only.
    desk
        Large-loss days and active days of the whole desk.

    Returns
    -------
    TrackRecord or None
        ``None`` when the rule never fired before one of the trader's active days.
    """
    mornings = fired[:, list(Rule).index(rule)]
    days = int(mornings.sum())
    if days == 0:
        return None
    hits = int((large_losses(history) & mornings).sum())
    return TrackRecord(rule, hits, days, *desk)


def decisive(signals: Sequence[Signal]) -> Rule | None:
    """Return the rule with the highest level, the first one listed among equals."""
    return max(signals, key=lambda signal: signal.level).rule if signals else None


def confidence(signals: Sequence[Signal], active_days: int) -> Confidence:
    """Say how well a cut is confirmed: high from two signals on, low below 20 active days.

    A morning without a signal is medium. An *assumed* applied limit does not lower confidence: it
    equals the base limit, so it may hide a breach of a lower limit but never makes one.
    """
    if active_days < config.RULES_ONLY_DAYS:
        return Confidence.LOW
    return Confidence.HIGH if len(signals) >= HIGH_CONFIDENCE_SIGNALS else Confidence.MEDIUM
