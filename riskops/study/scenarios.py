"""The simulated worlds of the study, and what is observed on every panel of each.

A scenario draws some panels and returns named observations, one entry a panel: 1 or 0 for what
happened or not, sessions for delays (infinite: not within the panel), USD a desk-day for advantages,
NaN where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from riskops import config
from riskops.evidence import Amounts, DeskDays
from riskops.sources.demo import STRONG_TILT
from riskops.study import desks, looks, series
from riskops.study.series import World

THREE_YEARS = 756
FOUR_YEARS = 1_000
RULES_USD = 170.0  # what the rules are worth a desk-day in the study's series
TURNS_AFTER = 60  # sessions a promoted challenger stays good before its advantage turns
FOLLOWED = 250  # sessions it is followed after that
PEEKING_FROM = 20  # desk-days, for the look that knows no walls
PANELS_A_BLOCK = 100

Seed = tuple[int, ...]
Observations = Mapping[str, np.ndarray]
Panel = tuple[DeskDays, Amounts]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world: `observe(seed, panels)` draws panels of it. `whole` ones are desks, the others series."""

    name: str
    observe: Callable[[Seed, int], Observations]
    whole: bool = False


def _looked_at(panel: Panel) -> dict[str, float]:
    """Look at a panel with the gate, one process and naive tests of "better" and "better by 10 %"."""
    days, amounts = panel
    by_ten_percent = days.differences[:, 0]
    when = {
        "gate": looks.gate_opens(days, amounts),
        "process": looks.process_reaches_bar(by_ten_percent, days.clip_usd),
        "naive": looks.naive_promotes(days.advantage, looks.ONE_SIDED_Z, config.MIN_DESK_DAYS),
        "naive d1": looks.naive_promotes(by_ten_percent, looks.ONE_SIDED_Z, config.MIN_DESK_DAYS),
        "naive two-sided": looks.naive_promotes(days.advantage, looks.TWO_SIDED_Z, PEEKING_FROM),
    }
    return {name: float(np.isfinite(day)) for name, day in when.items()}


def _gathered(observed: list[dict[str, float]]) -> Observations:
    return {name: np.array([one[name] for one in observed]) for name in observed[0]}


# --- series -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LookedAt:
    """Three years of a world, looked at every day."""

    world: World

    def observe(self, seed: Seed, panels: int) -> Observations:
        """Draw panels and look at them."""
        drawn = series.draw(self.world, np.random.default_rng(seed), panels, THREE_YEARS)
        return _gathered([_looked_at(drawn.panel(row)) for row in range(panels)])


def _stays_good(seed: Seed, panels: int) -> Observations:
    """Promote after the first year and follow a challenger that stays twice as good for three more."""
    world, since = World(RULES_USD, own_usd=RULES_USD), config.MIN_DESK_DAYS
    drawn = series.draw(world, np.random.default_rng(seed), panels, since + THREE_YEARS)
    when = np.array([looks.demoted(drawn.panel(row)[0], since - 1) for row in range(panels)])
    return {"demoted": np.isfinite(when).astype(float)}


def _turns(seed: Seed, panels: int) -> Observations:
    """Let the gate promote a challenger twice as good as the rules, and then its advantage turn."""
    world, days = World(RULES_USD, own_usd=RULES_USD), THREE_YEARS + TURNS_AFTER + FOLLOWED + 1
    drawn = series.draw(world, np.random.default_rng(seed), panels, days)
    return _gathered([_turned(drawn, row) for row in range(panels)])


def _turned(drawn: series.Series, row: int) -> dict[str, float]:
    opened = looks.gate_opens(*drawn.panel(row))
    if opened >= THREE_YEARS:
        return after_turn(looks.NEVER, looks.NEVER)
    turns_at = int(opened) + 1 + TURNS_AFTER
    days, _ = drawn.panel(row, turns_at)
    return after_turn(turns_at, looks.demoted(days, int(opened)))


def after_turn(turns_at: float, demoted_after: float) -> dict[str, float]:
    """Return the sessions from a turn to the demotion, the first bad one counted as 1.

    NaN where nothing was promoted, or it was demoted before the turn.
    """
    delay = demoted_after - turns_at + 1 if np.isfinite(turns_at) else np.nan
    followed = np.isfinite(turns_at) and delay > 0
    return {
        "too soon": np.nan if not np.isfinite(turns_at) else float(delay <= 0),
        "delay": (delay if delay <= FOLLOWED else looks.NEVER) if followed else np.nan,
    }


# --- whole desks --------------------------------------------------------------------------
def _desk_of(seed: Seed, number: int) -> int:
    """Return the seed of a desk of its own."""
    return int(np.random.SeedSequence((*seed, number)).generate_state(1)[0])


def _desks_without_signal(seed: Seed, panels: int) -> Observations:
    return _gathered([_looked_at(desks.panel(_desk_of(seed, n), THREE_YEARS)) for n in range(panels)])


def _desks_with_tilt(seed: Seed, panels: int) -> Observations:
    return _gathered([_tilted(_desk_of(seed, n)) for n in range(panels)])


def _tilted(desk: int) -> dict[str, float]:
    """Follow a desk whose challenger sees a strong signal, and its twin on which the signal turns."""
    days, amounts = desks.panel(desk, FOUR_YEARS, STRONG_TILT)
    opened = looks.gate_opens(days, amounts)
    if not np.isfinite(opened):
        not_promoted = {"promoted": 0.0, "promoted on": looks.NEVER, "demoted": np.nan}
        return not_promoted | after_turn(looks.NEVER, looks.NEVER) | {"before": np.nan, "after": np.nan}
    return {
        "promoted": 1.0,
        "promoted on": opened + 1,
        "demoted": float(np.isfinite(looks.demoted(days, int(opened)))),
    } | _turned_desk(desk, desks.session_index(days, int(opened)) + 1 + TURNS_AFTER, int(opened))


def _turned_desk(desk: int, turns_at: int, opened: int) -> dict[str, float]:
    days, _ = desks.panel(desk, turns_at + FOLLOWED, STRONG_TILT, turns_at)
    demoted = looks.demoted(days, opened)
    at = desks.session_index(days, int(demoted)) if np.isfinite(demoted) else looks.NEVER
    turned = days.day >= days.day[opened] + 1 + TURNS_AFTER
    return after_turn(turns_at, at) | {
        "before": float(days.advantage[~turned].mean()),
        "after": float(days.advantage[turned].mean()),
    }


SCENARIOS = (
    Scenario("desks with tilt", _desks_with_tilt, whole=True),  # the longest first
    Scenario("desks without signal", _desks_without_signal, whole=True),
    Scenario("null", LookedAt(World()).observe),
    Scenario("boundary", LookedAt(World(RULES_USD, follows=1 + config.BEAT_RULES_BY)).observe),
    Scenario("rare losses", LookedAt(World(rare_losses=True)).observe),
    Scenario("0.12 sd", LookedAt(World(own_usd=0.12 * series.SD_USD)).observe),
    Scenario("0.16 sd", LookedAt(World(own_usd=0.16 * series.SD_USD)).observe),
    Scenario("twice as good", LookedAt(World(RULES_USD, own_usd=RULES_USD)).observe),
    Scenario("40 % better", LookedAt(World(RULES_USD, own_usd=0.4 * RULES_USD)).observe),
    Scenario("stays good", _stays_good),
    Scenario("turns", _turns),
)
