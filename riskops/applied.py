"""Sent and read back, compared: which limits the trading platform really has.

A limit that is looser than the one sent, and a trader whom the platform does not have, are dangerous:
he may lose more than anybody decided. A tighter one is only told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from riskops.money import dollars

MOST_NAMED = 8
NOTHING_READ_BACK = "nothing was read back from the trading platform"


@dataclass(frozen=True, slots=True)
class Difference:
    """A limit that is another one in the trading platform than was sent, in cents; 0 blocks the trader."""

    trader_id: str
    sent_cents: int
    applied_cents: int

    @property
    def is_looser(self) -> bool:
        """Whether the trader may lose more than was decided."""
        return self.applied_cents > self.sent_cents

    @property
    def by_cents(self) -> int:
        """By how much the limits differ."""
        return abs(self.applied_cents - self.sent_cents)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the limits of a session in the trading platform.

    `unsent` are limits, in cents by trader, of people on the roster who were sent none: suspended, or
    gone. `known_at` is when it was read back, ``None`` where nothing was.
    """

    sent: int
    applied: int
    different: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()
    unsent: tuple[tuple[str, int], ...] = ()
    known_at: datetime | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything was read back."""
        return self.known_at is not None

    @property
    def looser(self) -> tuple[Difference, ...]:
        """The limits that are looser than what was sent."""
        return tuple(found for found in self.different if found.is_looser)

    @property
    def is_dangerous(self) -> bool:
        """Whether somebody may lose more than was decided."""
        return bool(self.looser or self.missing)

    @property
    def in_words(self) -> str:
        """``14 of 15 applied; missing: 3942``, what is looser in capitals."""
        if not self.is_known:
            return NOTHING_READ_BACK
        parts = [f"{self.applied} of {self.sent} applied"]
        parts += _part("missing", self.missing)
        parts += _part("different", [_different(found) for found in self.different])
        parts += _part("sent none", [f"{trader} has {dollars(limit)}" for trader, limit in self.unsent])
        return "; ".join(parts)


def compared(sent: Mapping[str, int], read: Mapping[str, int], known_at: datetime) -> Applied:
    """Compare the limits that were sent with those that were read back, both in cents by trader."""
    both = sorted(sent.keys() & read.keys())
    different = tuple(Difference(t, sent[t], read[t]) for t in both if sent[t] != read[t])
    return Applied(
        sent=len(sent),
        applied=len(both) - len(different),
        different=tuple(sorted(different, key=lambda found: (not found.is_looser, found.trader_id))),
        missing=tuple(sorted(sent.keys() - read.keys())),
        unsent=tuple((t, read[t]) for t in sorted(read.keys() - sent.keys()) if read[t]),
        known_at=known_at,
    )


def not_read_back(sent: Mapping[str, int]) -> Applied:
    """Return what is known of limits of which nothing was read back."""
    return Applied(sent=len(sent), applied=0)


def _part(title: str, names: Sequence[str]) -> list[str]:
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return [f"{title}: {', '.join([*names[:MOST_NAMED], *more])}"] if names else []


def _different(found: Difference) -> str:
    instead = f"instead of {dollars(found.sent_cents)}"
    if not found.applied_cents:
        return f"{found.trader_id} is blocked {instead}"
    how = "LOOSER" if found.is_looser else "tighter"
    by = dollars(found.by_cents)
    return f"{found.trader_id} has {dollars(found.applied_cents)} {instead} ({how} by {by})"
