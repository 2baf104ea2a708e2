"""The policies that are compared: what each would have cost, prevented and hit.

Every policy is complete: its reductions are those that would have been in force, caps, relaxation
and rounding included. The benchmarks keep a winner honest: no restriction, and the best constant
one in hindsight.
"""

from __future__ import annotations

import numpy as np

from riskops import config, economics, fixed_sample, limits
from riskops.challenger import ChallengerWalk

NO_RESTRICTION = "no restriction"
BEST_CONSTANT = "best constant restriction"
RULES = "rules"
OVERLAY = "overlay"
UNCONSTRAINED = "unconstrained model"


def table(walked: ChallengerWalk, compared: np.ndarray) -> dict[str, dict[str, float]]:
    """Return the figures of every benchmark policy on the compared trader-days."""
    constant = _best_constant(walked, compared)
    count = len(compared)
    policies = {
        NO_RESTRICTION: np.zeros(count, dtype=np.int64),
        BEST_CONSTANT: np.full(count, constant, dtype=np.int64),
        RULES: walked.panel.mornings.rules_reduction,
        OVERLAY: walked.reduction,
        UNCONSTRAINED: walked.unconstrained,
    }
    found = {name: figures(walked, compared, reduction) for name, reduction in policies.items()}
    found[BEST_CONSTANT]["reduction"] = float(constant)
    return found


def figures(walked: ChallengerWalk, rows: np.ndarray, reduction: np.ndarray) -> dict[str, float]:
    """Return benefit, its split, and the rates of one policy on some trader-days.

    Money is in USD. A rate comes with its numerator (``_hits``), denominator (``_of``) and 95 %
    Wilson interval (``_low``, ``_high``); without a denominator the rate is left out. Days our
    own limit stopped before their outcome was known are in no denominator. The size-scaling
    scenario is shown because people ask for it; it decides nothing.
    """
    benefit = benefit_cents(walked, reduction)[rows] / 100
    prevented, cost = economics.prevented_and_cost(benefit)
    known = economics.large_loss_known(walked.replayed)[rows]
    net, base = walked.panel.net_cents[rows], walked.panel.reference_cents[rows]
    large = economics.is_large_loss(net, base) & known
    restricted = reduction[rows] >= config.MODERATE_FROM
    return {
        "benefit_usd": float(benefit.sum()),
        "prevented_usd": prevented,
        "cost_usd": cost,
        "size_scaling_scenario_usd": float(economics.size_scaling_cents(net, reduction[rows]).sum()) / 100,
        **_rate("hit_rate", large & restricted, large),
        **_rate("precision", large & restricted, restricted & known),
        **_rate("false_positive_rate", restricted & (net > 0), net > 0),
        **_rate("restricted_share", restricted, np.ones_like(restricted)),
    }


def _rate(name: str, hits: np.ndarray, of: np.ndarray) -> dict[str, float]:
    count, total = int(hits.sum()), int(of.sum())
    counts = {f"{name}_hits": float(count), f"{name}_of": float(total)}
    interval = fixed_sample.wilson_interval(count, total)
    if interval is None:
        return counts
    return {name: count / total, f"{name}_low": interval[0], f"{name}_high": interval[1], **counts}


def _best_constant(walked: ChallengerWalk, compared: np.ndarray) -> int:
    """Return the reduction that would have been best for everybody, in hindsight."""
    count = len(compared)
    totals = [
        benefit_cents(walked, np.full(count, level, dtype=np.int64))[compared].sum()
        for level in economics.LEVELS
    ]
    return int(economics.LEVELS[int(np.argmax(totals))])


def benefit_cents(walked: ChallengerWalk, reduction: np.ndarray) -> np.ndarray:
    """Return the benefit of a reduction a day in cents, in the middle where it is censored, shape (n,)."""
    limit = limits_cents(walked, reduction)
    return walked.replayed.bounds(limit).middle - walked.replayed.bounds(walked.panel.reference_cents).middle


def limits_cents(walked: ChallengerWalk, reduction: np.ndarray) -> np.ndarray:
    """Return the limit of every day under a reduction of the base limit in force, shape (n,)."""
    return limits.limit_cents(walked.panel.mornings.base_cents, reduction)
