"""The numbers that the page of a trader adds to his entry in the mail: results, levels, earlier limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from riskops import config
from riskops.desk_page.drawing import Drawing
from riskops.desk_page.reading import TraderFound, TraderRecord
from riskops.desk_page.tracing.people import cuts_to_ask_for, override_numbers
from riskops.desk_page.trader_page import LONG, SHORT, trader_page
from riskops.level_curve import LevelBenefit
from riskops.money import dollars, whole_dollars
from riskops.report.charts import Day
from riskops.report.tracing.traced import BusinessNumber, Place, Row, Traced, business_number, named, row
from riskops.report.wording import counted, one_line, short_date
from riskops.store.page_reader import DecidedLimit

IN_FORCE = "read back, else an override's, else as mailed; of a day without a record the base limit"


def trader_numbers(of: TraderRecord) -> Iterator[Traced]:
    """Yield every number of the page that the trader's entry in the mail does not have."""
    at = (row("publications", "session"),)
    yield Traced("Session", str(of.found.decided.session), "the session that the page is of", at)
    yield from _results(of.found)
    yield from _levels(of.found)
    yield from _axes(of)
    for limit in of.found.limits:
        yield from _limit(of.found.trader_id, limit)
    yield from override_numbers(of.overrides)
    yield cuts_to_ask_for()


# --- results ----------------------------------------------------------------------------------


def _results(of: TraderFound) -> Iterator[Traced]:
    for count in (SHORT, LONG) if of.days else ():
        yield from _summed_up(of, of.days[-count:], count)
    for day in of.days:
        net, limit = dollars(day.net_cents), dollars(day.limit_cents)
        how = "all accounts together, as known at the cut-off"
        yield Traced(f"{day.session}: result", f"{day.session}, {net}", how, (_result_row(day),))
        yield Traced(f"{day.session}: limit in force", limit, IN_FORCE, (_in_force_row(of, day),))


def _summed_up(of: TraderFound, days: Sequence[Day], most: int) -> Iterator[Traced]:
    nets = [day.net_cents for day in days]
    worst = min(days, key=lambda day: day.net_cents)
    whole = f"of the last {counted(len(days), 'active day')}, {most} at the most"
    beyond = [day for day in days if day.net_cents < -day.limit_cents]
    told = (
        ("days", counted(len(days), "active day"), f"the active days before the session, {most} at the most"),
        ("up", f"{sum(net > 0 for net in nets)} up", f"results above 0 {whole}"),
        ("down", f"{sum(net < 0 for net in nets)} down", f"results below 0 {whole}"),
        ("sum", whole_dollars(sum(nets)), f"sum {whole}, {dollars(sum(nets))}"),
        ("worst", whole_dollars(worst.net_cents), f"the lowest {whole}, {dollars(worst.net_cents)}"),
        ("worst day", f"{short_date(worst.session)} {worst.session.year}", f"the day of the lowest {whole}"),
        ("beyond the limit", f"{len(beyond)} beyond", f"results below minus the limit in force, {whole}"),
    )
    span = (_result_row(days[0]), _result_row(days[-1]))
    yield from (Traced(f"Last {most}: {label}", value, how, span) for label, value, how in told)


def _result_row(day: Day) -> Row:
    return row("daily_results", "net_cents", session=day.session)


def _in_force_row(of: TraderFound, day: Day) -> Row:
    if day.session in of.limit_known:
        return row("applied_limits", "limit_cents", session=day.session, trader_id=of.trader_id)
    return row("base_limits", "base_limit_cents", trader_id=of.trader_id)


# --- levels -----------------------------------------------------------------------------------


def _levels(of: TraderFound) -> Iterator[Traced]:
    played = f"{config.LEVELS_SESSIONS} sessions"
    how = "the sessions before this one whose active days the levels are played on"
    yield business_number("Levels: played on", played, "LEVELS_SESSIONS", how)
    covered = f"{100 * config.BOOTSTRAP_COVERAGE:.0f} %"
    how = f"share of {named('BOOTSTRAP_REPLICATES')} resamples within the interval"
    yield business_number("Levels: chance", covered, "BOOTSTRAP_COVERAGE", how)
    places = _played(of)
    for one in of.levels:
        yield from (
            Traced(f"Cut of {one.reduction}%: {label}", value, how, places)
            for label, value, how in _told(one)
        )


def _played(of: TraderFound) -> tuple[Place, ...]:
    ends = [row("daily_results", "net_cents", session=day.session) for day in of.days[-1:]]
    ends += [row("trades", "net_cents", session=day.session) for day in of.days[-1:]]
    return (*ends, BusinessNumber("LEVELS_SESSIONS"))


def _told(one: LevelBenefit) -> Iterator[tuple[str, str, str]]:
    """Yield what is told of a level: what it is, as printed, how it was computed."""
    benefit = (
        f"summed over the active days: the day's trades replayed to where {100 - one.reduction} % of the "
        "base limit stops them, less the day under the base limit; the middle of what is left open"
    )
    yield "level", f"{one.reduction}%", "every level that a policy may ask for is played, 0 is no cut"
    yield "benefit", _usd(one.benefit_usd), f"{_exact(one.benefit_usd)} {benefit}"
    if one.low_usd is not None and one.high_usd is not None:
        chance = (
            f"{named('BOOTSTRAP_REPLICATES')} resamples of the days in blocks of "
            f"{named('BOOTSTRAP_BLOCK_DAYS')}, summed: {{}} of them lie at or below {{}}"
        )
        outside = (1 - config.BOOTSTRAP_COVERAGE) / 2
        yield "low", _usd(one.low_usd), chance.format(f"{100 * outside:g} %", _exact(one.low_usd))
        yield "high", _usd(one.high_usd), chance.format(f"{100 - 100 * outside:g} %", _exact(one.high_usd))
    if one.least_usd != one.most_usd:
        open_ = "the same sum where a day that our own limit stopped went on as {} as it may have, {}"
        yield "least", _usd(one.least_usd), open_.format("badly", _exact(one.least_usd))
        yield "most", _usd(one.most_usd), open_.format("well", _exact(one.most_usd))


def _usd(usd: float) -> str:
    return whole_dollars(100 * usd)


def _exact(usd: float) -> str:
    return dollars(round(100 * usd))


def _axes(of: TraderRecord) -> Iterator[Traced]:
    """Yield the marks along the axes of the charts; they are no results, but distances to read them by."""
    page = trader_page(of)
    drawn: tuple[tuple[str, Drawing | None, Callable[[TraderFound], tuple[Place, ...]]], ...] = (
        ("results", page.results, lambda found: (_result_row(found.days[-1]),)),
        ("levels", page.levels, _played),
    )
    for name, chart, places in drawn:
        if chart is not None:
            marks = ", ".join(label.text for label in chart.labels)
            how = "round amounts within what is drawn, and where it begins and ends"
            yield Traced(f"Axes of the {name}", marks, how, places(of.found))


# --- limits -----------------------------------------------------------------------------------


def _limit(trader_id: str, one: DecidedLimit) -> Iterator[Traced]:
    """Yield a limit of the past; its own session explains how it was computed."""
    key = {"session": one.session, "revision": one.revision, "trader_id": trader_id}
    label, how = f"Limit for {one.session}", f"see `riskops explain {trader_id} {one.session}`"
    revision = f", revision {one.revision}" if one.revision else ""
    yield Traced(
        f"{label}: session", f"{one.session}{revision}", how, (row("decisions", "reduction", **key),)
    )
    told = (
        ("limit", dollars(one.limit_cents), "limit_cents"),
        ("cut", f"{one.reduction}%", "reduction"),
        ("rung", f"{int(one.rung)} {one.rung.label}", "rung"),
        ("reasons", one_line(", ".join(one.reasons)), "detail.reasons"),
    )
    yield from (
        Traced(f"{label}: {name}", value, how, (row("decisions", column, **key),))
        for name, value, column in told
        if value
    )
    if one.applied_cents is not None and one.origin is not None:
        at = row("applied_limits", "limit_cents", session=one.session, trader_id=trader_id)
        yield Traced(
            f"{label}: in force", dollars(one.applied_cents), f"known from: {one.origin.value}", (at,)
        )
