import numpy as np

from riskops.records import Confidence, Rule, Signal, TrackRecord
from riskops.track_record import confidence, decisive, desk_large_losses, track_record

STREAK, DRAWDOWN = Signal(Rule.STREAK, 40, "streak"), Signal(Rule.DRAWDOWN, 40, "drawdown")
LARGE = Signal(Rule.LARGE_LOSS, 20, "large loss")


def fired(rule: Rule, mornings: list[bool]) -> np.ndarray:
    table = np.zeros((len(mornings), len(Rule)), dtype=bool)
    table[:, list(Rule).index(rule)] = mornings
    return table


def test_the_record_counts_large_losses_on_days_the_rule_had_fired() -> None:
    large_loss = np.array([True, False, True, False])
    mornings = fired(Rule.STREAK, [False, True, True, True])
    assert track_record(Rule.STREAK, large_loss, mornings, (2, 4)) == TrackRecord(Rule.STREAK, 1, 3, 2, 4)


def test_there_is_no_record_of_a_rule_that_never_fired() -> None:
    large_loss = np.array([True, False])
    assert track_record(Rule.DRAWDOWN, large_loss, fired(Rule.STREAK, [True, True]), (1, 2)) is None


def test_the_desk_counts_the_days_of_every_trader() -> None:
    assert desk_large_losses([np.array([True, False]), np.array([False, True, False])]) == (2, 5)


def test_the_strongest_signal_decides_whose_record_is_shown() -> None:
    assert decisive([STREAK, DRAWDOWN, LARGE]) is Rule.STREAK
    assert decisive([LARGE, DRAWDOWN]) is Rule.DRAWDOWN
    assert decisive([]) is None


def test_confidence_is_high_from_two_signals_on_and_low_for_short_histories() -> None:
    assert confidence([STREAK, LARGE], 20) is Confidence.HIGH
    assert confidence([STREAK], 20) is Confidence.MEDIUM
    assert confidence([], 20) is Confidence.MEDIUM
    assert confidence([STREAK, LARGE], 19) is Confidence.LOW
