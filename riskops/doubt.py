"""Two readings of the same days: the broker's summary, and what its fills make.

Where they differ by more than a cent nobody knows yet which is right. The broker's is the result on
record; limits are computed under both, and each trader gets the tighter one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from riskops.history import DeskHistory
from riskops.money import dollars
from riskops.records import ModelScore, RuleScore


@dataclass(frozen=True, slots=True)
class Doubt:
    """A day with two results: the broker's, on record, and that of the fills, in cents."""

    session: date
    brokers_cents: int
    fills_cents: int

    def __str__(self) -> str:
        """Say both results, for people."""
        return (
            f"{self.session}: the broker's summary says {dollars(self.brokers_cents)}, "
            f"its fills make {dollars(self.fills_cents)}"
        )


def doubts(on_record: DeskHistory, otherwise: DeskHistory) -> dict[str, tuple[Doubt, ...]]:
    """Return the days on which two readings of a desk differ, by trader, the newest first."""
    found: dict[str, tuple[Doubt, ...]] = {}
    for trader, other in zip(on_record.traders, otherwise.traders, strict=True):
        days = np.flatnonzero(trader.net_cents != other.net_cents)[::-1].tolist()
        if days:
            found[trader.trader_id] = tuple(
                Doubt(
                    on_record.calendar.session_at(int(trader.day[i])),
                    int(trader.net_cents[i]),
                    int(other.net_cents[i]),
                )
                for i in days
            )
    return found


def tighter_rules(
    on_record: Sequence[RuleScore],
    otherwise: Sequence[RuleScore],
    doubted: Mapping[str, Sequence[Doubt]],
) -> tuple[RuleScore, ...]:
    """Return each trader's tighter score, the one on record where they are equal, and say so."""
    return tuple(_tighter(*pair, doubted) for pair in zip(on_record, otherwise, strict=True))


def tighter_model(on_record: Sequence[ModelScore], otherwise: Sequence[ModelScore]) -> tuple[ModelScore, ...]:
    """Return each trader's tighter score of a model, the one on record where they are equal or alone."""
    others = {score.trader_id: score for score in otherwise}
    pairs = ((score, others.get(score.trader_id, score)) for score in on_record)
    return tuple(other if other.reduction > score.reduction else score for score, other in pairs)


def _tighter(on_record: RuleScore, otherwise: RuleScore, doubted: Mapping[str, Sequence[Doubt]]) -> RuleScore:
    if on_record.reduction == otherwise.reduction:
        return on_record
    by_fills = otherwise.reduction > on_record.reduction
    score, loose = (otherwise, on_record) if by_fills else (on_record, otherwise)
    newest = doubted[on_record.trader_id][0]
    went_by = "the fills" if by_fills else "the summary"
    note = f"{newest}. The limit goes by {went_by}: the other would mean a cut of {loose.reduction}%."
    return replace(score, notes=(*score.notes, note))
