"""The page of a trader: the limit and why, results, earlier limits, and what other cuts were worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from riskops import config
from riskops.desk_page import addresses, drawing
from riskops.desk_page.drawing import Drawing
from riskops.desk_page.parts import Cell, Fact, Table, facts, table
from riskops.desk_page.reading import SHOWN_DAYS, TraderFound, TraderRecord
from riskops.desk_page.today import ORIGINS, Neighbour, override_table
from riskops.level_curve import LevelBenefit
from riskops.money import dollars, whole_dollars
from riskops.records import Decision, LimitOrigin, Override
from riskops.report.charts import Day
from riskops.report.signal_words import signal_lines
from riskops.report.wording import (
    confidence,
    counted,
    flip_distance,
    notes,
    one_line,
    reasons,
    short_date,
    standing,
    trader_label,
    way_back,
)
from riskops.store.page_reader import DecidedLimit

SHORT, LONG = 20, SHOWN_DAYS  # active days
HINDSIGHT = (
    f"Each level played as a constant cut on every active day of the last {config.LEVELS_SESSIONS} sessions, "
    "against no cut at all. It is hindsight, for one trader's days vary much: it decides nothing."
)


@dataclass(frozen=True, slots=True)
class TraderPage:
    """The whole page."""

    session: date
    trader_id: str
    title: str
    back: Neighbour
    limit: tuple[Fact, ...]
    signals: tuple[str, ...]
    way_back: tuple[str, ...]
    summaries: tuple[str, ...]
    results: Drawing | None
    result_table: Table
    levels: Drawing | None
    levels_said: tuple[str, ...]
    level_table: Table
    limits: Table
    overrides: Table
    standing: tuple[tuple[str, str], ...]
    first_day: str
    hindsight: str = HINDSIGHT


def trader_page(of: TraderRecord) -> TraderPage:
    """Arrange what is known of a trader."""
    return replace(
        _arranged(of.found),
        overrides=override_table("Overrides on record", of.overrides, of.found.decided.session),
        standing=_standing(of.overrides, of.first_day),
        first_day=str(of.first_day or ""),
    )


@lru_cache(maxsize=256)
def _arranged(of: TraderFound) -> TraderPage:
    """Arrange what was found, which never changes."""
    session, label, days = of.decided.session, trader_label(of.trader_id, of.name), of.days
    return TraderPage(
        session=session,
        trader_id=of.trader_id,
        title=label,
        back=Neighbour(f"All limits of {session}", addresses.morning(session)),
        limit=_limit(of.decision),
        signals=signal_lines(of.signals),
        way_back=way_back(of.decision) if of.decision is not None and of.decision.reduction else (),
        summaries=tuple(_summary(days[-count:]) for count in (SHORT, LONG) if days),
        results=_results(label, days),
        result_table=_result_table(days),
        levels=_levels(label, of.levels),
        levels_said=_levels_said(of.levels, of.decision),
        level_table=_level_table(of.levels),
        limits=_limits(of.limits),
        overrides=override_table("", (), session),
        standing=(),
        first_day="",
    )


def _limit(decision: Decision | None) -> tuple[Fact, ...]:
    if decision is None:
        return facts(Limit="none for this session: no trading")
    return facts(
        Limit=f"{dollars(decision.limit_cents)} (from {dollars(decision.base_limit_cents)})",
        Cut=f"{decision.reduction}%",
        Standing=standing(decision),
        **_why(decision),
        Flip_distance=flip_distance(decision),
        Notes="; ".join(notes(decision)),
    )


def _standing(overrides: Sequence[Override], today: date | None) -> tuple[tuple[str, str], ...]:
    """Return the overrides that can be taken back: those that have not ended."""
    return tuple(
        (str(one.number), f"{one.number}: {one.asked.reduction}% through {one.asked.last_session}")
        for one in overrides
        if one.taken_back is None and (today is None or one.asked.last_session >= today)
    )


def _why(decision: Decision) -> dict[str, str]:
    """Return the reasons of a cut with their confidence; an override has its own, told where it stands."""
    if decision.override is not None:
        return {"Reasons_without_the_override": reasons(decision)}
    return {
        "Reasons": reasons(decision) or "no rule fired",
        "Confidence": confidence(decision) if decision.reduction else "",
    }


# --- results ----------------------------------------------------------------------------------


def _summary(days: Sequence[Day]) -> str:
    nets = [day.net_cents for day in days]
    worst = min(days, key=lambda day: day.net_cents)
    ups, downs = sum(net > 0 for net in nets), sum(net < 0 for net in nets)
    beyond = sum(day.net_cents < -day.limit_cents for day in days)
    return (
        f"Last {counted(len(nets), 'active day')}: {ups} up, {downs} down, sum {whole_dollars(sum(nets))}, "
        f"worst {whole_dollars(worst.net_cents)} on {short_date(worst.session)} {worst.session.year}, "
        f"{beyond} beyond the limit in force"
    )


def _results(label: str, days: Sequence[Day]) -> Drawing | None:
    if not days:
        return None
    return drawing.results(
        f"Daily results of {label}",
        _summary(days),
        [day.net_cents / 100 for day in days],
        [day.limit_cents / 100 for day in days],
        (str(days[0].session), str(days[-1].session)),
    )


def _result_table(days: Sequence[Day]) -> Table:
    rows = [
        (
            str(day.session),
            dollars(day.net_cents),
            dollars(day.limit_cents),
            "beyond the limit" if day.net_cents < -day.limit_cents else "",
        )
        for day in reversed(days)
    ]
    return table("Daily results, newest first", ("Session", "Result", "Limit in force", "Remark"), rows)


# --- levels -----------------------------------------------------------------------------------


def _levels(label: str, levels: Sequence[LevelBenefit]) -> Drawing | None:
    if not levels:
        return None
    band = [(one.low_usd, one.high_usd) for one in levels]
    known = [(low, high) for low, high in band if low is not None and high is not None]
    return drawing.curve(
        f"What each cut would have been worth for {label}",
        " ".join(_levels_said(levels, None)),
        [one.benefit_usd for one in levels],
        known,
        [f"{one.reduction}%" for one in levels],
    )


def _levels_said(levels: Sequence[LevelBenefit], decision: Decision | None) -> tuple[str, ...]:
    if not levels:
        return ("There is no active day to play the levels on.",)
    best = max(levels, key=lambda one: (one.benefit_usd, -one.reduction))
    told = [f"Best in hindsight: a cut of {best.reduction}%, worth {_worth(best)}."]
    if decision is not None and decision.reduction:
        own = min(levels, key=lambda one: abs(one.reduction - decision.reduction))
        told.append(f"Today's cut of {own.reduction}%, had it held all the time: {_worth(own)}.")
    return tuple(told)


def _worth(one: LevelBenefit) -> str:
    return f"{whole_dollars(100 * one.benefit_usd)} ({_chance(one)})"


def _chance(one: LevelBenefit) -> str:
    if one.low_usd is None or one.high_usd is None:
        return "too few days for an interval"
    return f"{whole_dollars(100 * one.low_usd)} to {whole_dollars(100 * one.high_usd)} by chance"


def _level_table(levels: Sequence[LevelBenefit]) -> Table:
    rows = [
        (
            f"{one.reduction}%",
            whole_dollars(100 * one.benefit_usd),
            _chance(one),
            "exact"
            if one.least_usd == one.most_usd
            else f"{whole_dollars(100 * one.least_usd)} to {whole_dollars(100 * one.most_usd)}",
        )
        for one in levels
    ]
    headings = ("Cut", "Benefit", "95 % by chance", "Left open by days our limit stopped")
    return table("Benefit of each level, USD", headings, rows)


# --- limits -----------------------------------------------------------------------------------


def _limits(limits: Sequence[DecidedLimit]) -> Table:
    rows = [
        (
            Cell(_session(one), addresses.morning(one.session)),
            dollars(one.limit_cents),
            f"{one.reduction}%",
            f"{int(one.rung)} {one.rung.label}",
            _in_force(one),
            one_line(", ".join(one.reasons)),
        )
        for one in limits
    ]
    headings = ("Session", "Limit", "Cut", "Rung", "In force", "Reasons")
    return table("Limits decided, newest first", headings, rows)


def _session(one: DecidedLimit) -> str:
    return f"{one.session}, revision {one.revision}" if one.revision else str(one.session)


def _in_force(one: DecidedLimit) -> str:
    if one.applied_cents is None or one.origin is None:
        return "not mailed"
    same = one.applied_cents == one.limit_cents
    known = ORIGINS[one.origin]
    return known if same and one.origin is LimitOrigin.PUBLISHED else f"{dollars(one.applied_cents)}, {known}"
