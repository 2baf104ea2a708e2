"""The charts of the mail as numbers: what each one shows, in words too, and what it is called in the mail.

A chart's content id is made of the numbers it shows, not of its pixels: the same morning has the same
page whoever draws it. `riskops.report.pictures` draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from riskops.money import dollars, whole_dollars
from riskops.report.wording import counted, short_date

SHOWN_DAYS = 20
WIDTH = 360  # in the pixels of a page, so that a telephone shows it whole


@dataclass(frozen=True, slots=True)
class Day:
    """A trader's active day: its result and the limit that was in force, in cents."""

    session: date
    net_cents: int
    limit_cents: int


@dataclass(frozen=True, slots=True)
class ResultsChart:
    """A trader's last active days, oldest first, and the new limit in cents."""

    trader: str
    days: tuple[Day, ...]
    limit_cents: int
    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = 105

    @property
    def content_id(self) -> str:
        """What the mail calls the picture."""
        return _content_id("results", self.days, self.limit_cents)

    @property
    def alt(self) -> str:
        """What stands in the picture's place where it is not shown."""
        days = counted(len(self.days), "active day")
        return f"{self.trader}, {days} as bars; new limit {dollars(self.limit_cents)} dashed"

    @property
    def words(self) -> str:
        """The chart in words."""
        results = [day.net_cents for day in self.days]
        worst = min(self.days, key=lambda day: day.net_cents)
        ups, downs = sum(net > 0 for net in results), sum(net < 0 for net in results)
        return (
            f"{counted(len(results), 'active day')} to {short_date(self.days[-1].session)}: {ups} up, "
            f"{downs} down, sum {whole_dollars(sum(results))}, "
            f"worst {whole_dollars(worst.net_cents)} on {short_date(worst.session)}"
        )


@dataclass(frozen=True, slots=True)
class BenefitChart:
    """The benefit of the rules over no restriction, in USD, cumulated to each of some sessions."""

    course: tuple[tuple[date, float], ...]
    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = 130

    @property
    def content_id(self) -> str:
        """What the mail calls the picture."""
        return _content_id("benefit", self.course)

    @property
    def alt(self) -> str:
        """What stands in the picture's place where it is not shown."""
        return f"Chart, cumulated: {self.words}"

    @property
    def words(self) -> str:
        """The chart in words."""
        (first, _), (last, usd) = self.course[0], self.course[-1]
        low, high = min(self.course, key=_worth), max(self.course, key=_worth)
        return (
            f"Rules' benefit {first:%b %Y} to {last:%b %Y}: {_usd(usd)}; "
            f"highest {_usd(high[1])} in {high[0]:%b %Y}, lowest {_usd(low[1])} in {low[0]:%b %Y}"
        )


Chart = ResultsChart | BenefitChart


def results_chart(trader: str, days: Sequence[Day], limit_cents: int) -> ResultsChart | None:
    """Return the chart of a trader's last active days, ``None`` where there were none."""
    shown = tuple(days[-SHOWN_DAYS:])
    return ResultsChart(trader, shown, limit_cents) if shown else None


def benefit_chart(course: Sequence[tuple[date, float]]) -> BenefitChart | None:
    """Return the chart of the rules' benefit, ``None`` where there is no course yet."""
    return BenefitChart(tuple(course)) if len(course) > 1 else None


def _content_id(kind: str, *shown: Any) -> str:
    return f"{kind}-{hashlib.sha256(repr(shown).encode()).hexdigest()[:16]}@riskops"


def _worth(point: tuple[date, float]) -> float:
    return point[1]


def _usd(usd: float) -> str:
    return whole_dollars(100 * usd)
