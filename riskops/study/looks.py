"""Looks at one panel: on which day would which test have promoted, and when did the watch demote."""

from __future__ import annotations

import numpy as np

from riskops import config, demotion, evidence
from riskops.evidence import Amounts, DeskDays

ONE_SIDED_Z = 1.644854  # p < 0.05
TWO_SIDED_Z = 1.959964
NEVER = np.inf


def first(happened: np.ndarray) -> float:
    """Return the first day something happened; infinite where it never did."""
    return float(happened.argmax()) if happened.any() else NEVER


def gate_opens(days: DeskDays, amounts: Amounts) -> float:
    """Return the desk-day after which the gate opened."""
    return first(evidence.open_after(days, amounts))


def process_reaches_bar(differences: np.ndarray, clip_usd: np.ndarray) -> float:
    """Return the day on which one e-process reached the bar."""
    return first(evidence.e_process(differences, clip_usd) >= config.E_VALUE_BAR)


def naive_promotes(differences: np.ndarray, z: float, from_days: int) -> float:
    """Return the day on which a daily look at the p-value of the mean would have promoted.

    The mistake the gate is there for: a test for one look, taken every day from so many days on.
    """
    count = np.arange(1, len(differences) + 1)
    mean = np.cumsum(differences) / count
    variance = np.maximum(np.cumsum(differences**2) / count - mean**2, 1e-9)
    return first((mean * np.sqrt(count / variance) > z) & (count >= from_days))


def demoted(days: DeskDays, promoted_after: int) -> float:
    """Return the desk-day after which a challenger that was promoted after another one was demoted."""
    promoted = promoted_after + 1
    return promoted + first(demotion.watch(days.least_advantage, days.clip_usd, promoted).fires)
