"""Desk-days drawn at random: heavy-tailed, with volatility that clusters, and often nothing at all.

A limit that is not hit is worth nothing, so most days of a desk bring no benefit and a few bring much.
The sizes are those of the demo desk: a standard deviation of some 0.28 default base limits a day, a
benefit on a third of the days, kurtosis far above a normal's, moves that come in bursts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskops import config, evidence
from riskops.evidence import Amounts, DeskDays

SD_USD = config.PRIOR_SD_SHARE * config.DEFAULT_BASE_LIMIT_CENTS / 100
TRADERS = 15
ACTIVE_SHARE = 0.78
LARGE_LOSS_SHARE = 0.08
HIT_SHARE = 0.35  # of the days have a limit that is hit
FREEDOM = 4.0  # of Student's t: heavy tails
VOL_PERSISTENCE = 0.94
VOL_LOG_SD = 0.30
BURN_IN_DAYS = 100
RARE_LOSS_SHARE = 0.004  # of the days, one a year, each as large as the clip ...
RARE_LOSS_QUIET_SD = 300.0  # ... and between them little happens


@dataclass(frozen=True, slots=True)
class World:
    """How the benefits come about: ``b_M = follows x b_R + own``, means in USD a desk-day.

    `rare_losses` makes `own` small gains against rare large losses.
    """

    rules_usd: float = 0.0
    follows: float = 1.0
    own_usd: float = 0.0
    rare_losses: bool = False


@dataclass(frozen=True, eq=False)
class Series:
    """The drawn benefits in USD and what the walls count; every array has shape (panels, days).

    `own` is the challenger's part, `own_mean` what of it is no noise.
    """

    world: World
    rules: np.ndarray
    own: np.ndarray
    own_mean: np.ndarray
    active: np.ndarray
    large_losses: np.ndarray

    def __len__(self) -> int:
        return len(self.rules)

    def panel(self, row: int, turns_at: int | None = None) -> tuple[DeskDays, Amounts]:
        """Return one panel as evidence; from `turns_at` on the challenger's mean has the other sign."""
        own = self.own[row].copy()
        if turns_at is not None:
            own[turns_at:] -= 2 * self.own_mean[row, turns_at:]
        days = _desk_days(self.world.follows * self.rules[row] + own, self.rules[row], self.active[row])
        return days, Amounts(np.cumsum(self.active[row]), np.cumsum(self.large_losses[row]))


def draw(world: World, rng: np.random.Generator, panels: int, days: int) -> Series:
    """Draw panels of so many desk-days."""
    volatility = _volatility(rng, panels, days)
    rules, _ = _benefit(rng, volatility, world.rules_usd)
    own, mean = (
        _rare_losses(rng, volatility) if world.rare_losses else _benefit(rng, volatility, world.own_usd)
    )
    active = rng.binomial(TRADERS, ACTIVE_SHARE, (panels, days))
    return Series(world, rules, own, mean, active, rng.binomial(active, LARGE_LOSS_SHARE))


def _benefit(
    rng: np.random.Generator, volatility: np.ndarray, mean_usd: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return benefits with a mean and a standard deviation of `SD_USD`, and their mean part."""
    hit = rng.random(volatility.shape) < HIT_SHARE
    unit = rng.standard_t(FREEDOM, volatility.shape) / np.sqrt(FREEDOM / (FREEDOM - 2))
    mean = hit * (mean_usd / HIT_SHARE)
    variance = SD_USD**2 - mean_usd**2 * (1 - HIT_SHARE) / HIT_SHARE
    return mean + hit * volatility * unit * np.sqrt(variance / HIT_SHARE), mean


def _rare_losses(rng: np.random.Generator, volatility: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return benefits that are 0 on average: a little every day, and rarely all of it back."""
    lost = (rng.random(volatility.shape) < RARE_LOSS_SHARE) * evidence.clip_usd(np.array(TRADERS))
    quiet = RARE_LOSS_QUIET_SD * volatility * rng.standard_normal(volatility.shape)
    return np.where(lost > 0, -lost, quiet + _fair_premium()), np.zeros(volatility.shape)


def _fair_premium() -> float:
    size = float(evidence.clip_usd(np.array(TRADERS)))
    return RARE_LOSS_SHARE * size / (1 - RARE_LOSS_SHARE)


def _volatility(rng: np.random.Generator, panels: int, days: int) -> np.ndarray:
    """Return volatility that clusters, with a mean square of 1, shape (panels, days)."""
    shocks = VOL_LOG_SD * np.sqrt(1 - VOL_PERSISTENCE**2) * rng.standard_normal((BURN_IN_DAYS + days, panels))
    level = np.empty_like(shocks)
    now = np.zeros(panels)
    for day, shock in enumerate(shocks):
        now = VOL_PERSISTENCE * now + shock
        level[day] = now
    return np.exp(level[BURN_IN_DAYS:].T - VOL_LOG_SD**2)


def _desk_days(challenger: np.ndarray, rules: np.ndarray, active: np.ndarray) -> DeskDays:
    differences = np.column_stack([challenger, rules]) @ evidence.WEIGHTS.T
    differences[:, 3] -= evidence.material_usd(active)
    return DeskDays(
        day=np.arange(len(rules)),
        differences=differences,
        clip_usd=evidence.clip_usd(np.full(len(rules), TRADERS)),
        advantage=challenger - rules,
        active=active.astype(float),
    )
