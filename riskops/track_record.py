"""What a signal has been worth so far: counts, never invented numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from riskops import config
from riskops.records import Confidence, Rule, Signal, TrackRecord

HIGH_CONFIDENCE_SIGNALS = 2


def desk_large_losses(outcomes: Iterable[np.ndarray]) -> tuple[int, int]:
    """Return the large-loss days and the active days of a desk, from those of every trader."""
    counts = [(int(large_loss.sum()), len(large_loss)) for large_loss in outcomes]
    return sum(hits for hits, _ in counts), sum(days for _, days in counts)


def track_record(
    rule: Rule, large_loss: np.ndarray, fired: np.ndarray, desk: tuple[int, int]
) -> TrackRecord | None:
    """Return how often a large loss followed when `rule` had fired in the morning.

    Parameters
    ----------
    rule
        The rule asked about.
    large_loss
        Whether each of the trader's active days brought a large loss.
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
    return TrackRecord(rule, int((large_loss & mornings).sum()), days, *desk)


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
