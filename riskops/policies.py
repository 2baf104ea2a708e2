"""The policies that are compared: what each would have cost, prevented and hit.

Every policy is complete: its reductions are those that would have been in force, caps, relaxation
and rounding included. The benchmarks keep a winner honest: no restriction, and the best constant
one in hindsight.

Two kinds of interval are kept apart. Chance: another run of days would have given another total
(day-block bootstrap), another rate (Wilson). Ignorance: a *treated* day, which our own limit
stopped, does not tell how it would have ended; its bounds give what the figure is at least and
at most, however many days there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskops import config, economics, fixed_sample, limits
from riskops.challenger import ChallengerWalk

NO_RESTRICTION = "no restriction"
BEST_CONSTANT = "best constant restriction"
RULES = "rules"
OVERLAY = "overlay"
UNCONSTRAINED = "unconstrained model"

Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class Days:
    """The trader-days a figure is about: `rows` of the walk, on the `sessions` of a span.

    `sessions` are ascending calendar positions; one without a row counts as a day of zeros.
    """

    rows: np.ndarray
    sessions: np.ndarray

    def daily(self, day: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the sum of `values` (of the whole walk, whose days are `day`) on every session."""
        at = np.searchsorted(self.sessions, day[self.rows])
        return np.bincount(at, weights=values[self.rows], minlength=len(self.sessions))


def days_of(walked: ChallengerWalk, rows: np.ndarray) -> Days:
    """Return the trader-days that `rows` (booleans) mark, on the sessions on which there is one."""
    return Days(rows, np.unique(walked.panel.mornings.day[rows]))


def reductions(walked: ChallengerWalk, compared: np.ndarray) -> dict[str, np.ndarray]:
    """Return the reduction of every policy on every day of the walk, in percent of the base limit.

    The best constant one is the best on the compared days.
    """
    count = len(compared)
    return {
        NO_RESTRICTION: np.zeros(count, dtype=np.int64),
        BEST_CONSTANT: np.full(count, _best_constant(walked, compared), dtype=np.int64),
        RULES: walked.panel.mornings.rules_reduction,
        OVERLAY: walked.reduction,
        UNCONSTRAINED: walked.unconstrained,
    }


def table(walked: ChallengerWalk, compared: np.ndarray) -> dict[str, Figures]:
    """Return the figures of every benchmark policy on the compared trader-days."""
    days, by_policy = days_of(walked, compared), reductions(walked, compared)
    found = {name: figures(walked, days, reduction) for name, reduction in by_policy.items()}
    found[BEST_CONSTANT]["reduction"] = float(by_policy[BEST_CONSTANT].max(initial=0))
    return found


def figures(walked: ChallengerWalk, days: Days, reduction: np.ndarray) -> Figures:
    """Return benefit, its split, the rates and the counts of one policy on some trader-days.

    Money is in USD, with a 95 % day-block bootstrap interval (``_low``, ``_high``; left out on a
    handful of sessions) and the bounds that treated days leave (``_least``, ``_most``). A rate
    comes with its numerator (``_hits``), denominator (``_of``), 95 % Wilson interval and bounds;
    without a denominator the rate is left out. The size-scaling scenario is shown because people
    ask for it; it decides nothing.
    """
    rows, net = days.rows, walked.panel.net_cents
    scenario = economics.size_scaling_cents(net, reduction)[rows].sum()
    return {
        **money(walked, days, limits_cents(walked, reduction)),
        "size_scaling_scenario_usd": float(scenario) / 100,
        **_rates(walked, rows, reduction),
    }


def money(
    walked: ChallengerWalk, days: Days, limit_cents: np.ndarray, against_cents: np.ndarray | None = None
) -> Figures:
    """Return benefit, prevented and cost of a limit a day in USD, and the days they rest on.

    ``treated`` counts days that our own limit stopped, ``censored`` those whose benefit under
    this policy is therefore only bounded, ``estimated`` those it takes from a daily figure. With
    `against_cents` it is what the limit is worth against that one instead of the base limit.
    """
    worth = economics.benefit(walked.replayed, limit_cents, against_cents)
    middle, rows = worth.middle / 100, days.rows
    other = walked.panel.reference_cents if against_cents is None else against_cents
    estimated = walked.replayed.estimated & (limit_cents != other)
    return {
        **_total("benefit", walked, days, middle),
        "benefit_least_usd": float(worth.low[rows].sum()) / 100,
        "benefit_most_usd": float(worth.high[rows].sum()) / 100,
        **_total("prevented", walked, days, np.maximum(middle, 0.0)),
        **_total("cost", walked, days, np.maximum(-middle, 0.0)),
        "desk_days": float(len(days.sessions)),
        "trader_days": float(rows.sum()),
        "treated_trader_days": float(walked.replayed.stopped[rows].sum()),
        "censored_trader_days": float(worth.censored[rows].sum()),
        "estimated_trader_days": float(estimated[rows].sum()),
    }


def rate(
    name: str,
    hits: np.ndarray,
    of: np.ndarray,
    unknown: np.ndarray | None = None,
    hit_if_so: np.ndarray | None = None,
) -> Figures:
    """Return a rate with numerator, denominator, Wilson interval, and its bounds.

    Parameters
    ----------
    name
        What the rate is called.
    hits, of
        Booleans: the days in the numerator and in the denominator.
    unknown
        Days that may or may not belong to the denominator.
    hit_if_so
        Those of them that would be hits if they did.
    """
    count, total = int(hits.sum()), int(of.sum())
    found = {f"{name}_hits": float(count), f"{name}_of": float(total)}
    interval = fixed_sample.wilson_interval(count, total)
    if interval is not None:
        found |= {name: count / total, f"{name}_low": interval[0], f"{name}_high": interval[1]}
    if unknown is not None and hit_if_so is not None:
        found |= _rate_bounds(name, (count, total), int((unknown & hit_if_so).sum()), int(unknown.sum()))
    return found


def share(name: str, hits: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> Figures:
    """Return a rate over known days; its bounds take the unknown days in, as hits or as none."""
    found, every = rate(name, hits, known), int(known.sum() + unknown.sum())
    if every:
        least = int(hits.sum()) / every
        found |= {f"{name}_least": least, f"{name}_most": least + int(unknown.sum()) / every}
    return found


def benefit_cents(walked: ChallengerWalk, reduction: np.ndarray) -> np.ndarray:
    """Return the benefit of a reduction a day in cents, in the middle where it is censored, shape (n,)."""
    return economics.benefit(walked.replayed, limits_cents(walked, reduction)).middle


def limits_cents(walked: ChallengerWalk, reduction: np.ndarray) -> np.ndarray:
    """Return the limit of every day under a reduction of the base limit in force, shape (n,)."""
    return limits.limit_cents(walked.panel.mornings.base_cents, reduction)


def _total(name: str, walked: ChallengerWalk, days: Days, usd: np.ndarray) -> Figures:
    daily = days.daily(walked.panel.mornings.day, usd)
    total = {f"{name}_usd": float(daily.sum())}
    interval = fixed_sample.total_interval(daily)
    if interval is None:
        return total
    return total | {f"{name}_low_usd": interval[0], f"{name}_high_usd": interval[1]}


def _rates(walked: ChallengerWalk, rows: np.ndarray, reduction: np.ndarray) -> Figures:
    """Return the four rates; a treated day is in a denominator only where its outcome is known."""
    net, base = walked.panel.net_cents[rows], walked.panel.reference_cents[rows]
    known = economics.large_loss_known(walked.replayed)[rows]
    treated = walked.replayed.stopped[rows]
    large, gain = economics.is_large_loss(net, base) & known, (net > 0) & ~treated
    cut = reduction[rows] >= config.MODERATE_FROM
    everything = np.ones_like(cut)
    return {
        **rate("hit_rate", large & cut, large, ~known, cut),
        **share("precision", large & cut, cut & known, cut & ~known),
        **rate("false_positive_rate", gain & cut, gain, treated, cut),
        **rate("restricted_share", cut, everything),
        **rate("immediate_share", reduction[rows] > config.IMMEDIATE_ABOVE, everything),
        "unknown_outcome_trader_days": float((~known).sum()),
    }


def _rate_bounds(name: str, known: tuple[int, int], hits: int, unknown: int) -> Figures:
    """Return what a rate is at least and at most, whatever the unknown days were."""
    count, total = known
    misses = unknown - hits
    bounds = {}
    if total + misses:
        bounds[f"{name}_least"] = count / (total + misses)
    if total + hits:
        bounds[f"{name}_most"] = (count + hits) / (total + hits)
    return bounds


def _best_constant(walked: ChallengerWalk, compared: np.ndarray) -> int:
    """Return the reduction that would have been best for everybody, in hindsight."""
    count = len(compared)
    totals = [
        benefit_cents(walked, np.full(count, level, dtype=np.int64))[compared].sum()
        for level in economics.LEVELS
    ]
    return int(economics.LEVELS[int(np.argmax(totals))])
