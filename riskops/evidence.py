"""The promotion gate: evidence that stays valid although it is looked at every day.

The unit is the desk-day. With ``b_M`` and ``b_R`` the desk's benefit (USD) under challenger and
rules, four differences are followed, each by an e-process: a bet against "the difference is not
positive" whose stake is set from past days only. Whatever the truth, a process that starts at 1
reaches 20 with probability at most 1/20 if the difference is not positive, at any time.

==  ===================================  ==================================
d1  ``b_M - 1.1 b_R``                    beats the rules by more than 10 %
d2  ``b_M - 0.9 b_R``                    the same where ``b_R`` is negative
d3  ``b_M``                              better than no restriction
d4  ``b_M - b_R - $0.50 x active``       material
==  ===================================  ==================================

References
----------
Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting.
Choe and Ramdas (2024), Comparing sequential forecasters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from riskops import config

WEIGHTS = np.array(
    [
        [1.0, -(1 + config.BEAT_RULES_BY)],
        [1.0, -(1 - config.BEAT_RULES_BY)],
        [1.0, 0.0],
        [1.0, -1.0],
    ]
)
LARGEST_RECORDED = 1e9  # e-values are recorded up to here, so that records stay finite


@dataclass(frozen=True, eq=False)
class DeskDays:
    """The evidence, one entry a desk-day, ascending.

    `day` calendar positions; `differences` shape (n, 4), USD; `clip_usd` the size from which a
    day is clipped, known that morning; `advantage` ``b_M - b_R`` in USD at its best for the
    challenger, as `differences` are at their worst; `active` how many traders were active.
    """

    day: np.ndarray
    differences: np.ndarray
    clip_usd: np.ndarray
    advantage: np.ndarray
    active: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    @property
    def least_advantage(self) -> np.ndarray:
        """``b_M - b_R`` in USD at its worst for the challenger, shape (n,)."""
        return self.differences[:, 3] + material_usd(self.active)

    def since(self, position: int) -> DeskDays:
        """Return the desk-days from a calendar position on."""
        later = self.day >= position
        return DeskDays(**{f.name: getattr(self, f.name)[later] for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Amount:
    """How much has been seen: the counts the walls look at."""

    trader_days: int
    desk_days: int
    large_loss_days: int


@dataclass(frozen=True, eq=False)
class Amounts:
    """The same counts by the end of every desk-day, shape (n,) each."""

    trader_days: np.ndarray
    large_loss_days: np.ndarray


@dataclass(frozen=True, eq=False)
class Gate:
    """The state of the gate after the last desk-day.

    `e_values` shape (n, 4) is the whole path. `missing` names what is still short of the walls.
    """

    e_values: np.ndarray
    bar: float
    sums_usd: np.ndarray
    clipped_days: int
    vetoed: bool
    missing: tuple[str, ...]
    against: float

    @property
    def latest(self) -> tuple[float, float, float, float]:
        """The four e-values after the last day (at most a billion), 1 before the first."""
        last = self.e_values[-1] if len(self.e_values) else np.ones(len(WEIGHTS))
        last = np.minimum(last, LARGEST_RECORDED)
        return float(last[0]), float(last[1]), float(last[2]), float(last[3])

    @property
    def opens(self) -> bool:
        """Whether everything is passed on the same day."""
        enough = min(self.latest) >= self.bar and bool((self.sums_usd > 0).all())
        return enough and not self.vetoed and not self.missing

    @property
    def speaks_for_rules(self) -> bool:
        """Whether the evidence is the other way: a bet that the rules are better has reached the bar."""
        return self.against >= config.E_VALUE_BAR


def material_usd(active: np.ndarray) -> np.ndarray:
    """Return the advantage a day that is worth the change, in USD, for so many active traders."""
    return config.MATERIAL_CENTS_PER_ACTIVE_TRADER / 100 * active


def clip_usd(traders: np.ndarray) -> np.ndarray:
    """Return the size of a desk-day from which it is clipped, in USD, for so many traders."""
    base = config.DEFAULT_BASE_LIMIT_CENTS / 100
    return config.CLIP_BASE_LIMITS * base * np.sqrt(np.maximum(traders, 1) / config.CLIP_REFERENCE_TRADERS)


def e_process(differences: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """Return the e-process of one series of differences, shape (n,), same unit as `clip`.

    The stake ``lambda = clip(m / (v + m^2), 0, 0.9)`` uses earlier days only:
    ``m = sum x / (n + 20)`` and ``v + m^2 = (sum x^2 + 20 v0) / (n + 20)``.
    """
    x = np.clip(differences / clip, -1, 1)
    return np.cumprod(1 + _stakes(x, clip) * x)


def _stakes(x: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """Return the stake of every day, from the days before it, shape (n,)."""
    before = np.cumsum(np.append(0.0, x[:-1]))[: len(x)]
    squares = np.cumsum(np.append(0.0, x[:-1] ** 2))[: len(x)]
    return stake(before, squares, clip)


def stake(total: np.ndarray | float, squares: np.ndarray | float, clip: np.ndarray | float) -> np.ndarray:
    """Return the share of the wealth to bet on a day, from the sums of `x` and `x^2` before it."""
    prior_sd = config.PRIOR_SD_SHARE * config.DEFAULT_BASE_LIMIT_CENTS / 100
    return np.clip(total / (squares + config.PRIOR_DAYS * (prior_sd / clip) ** 2), 0.0, config.MAX_BET)


def bar(specification_number: int) -> float:
    """Return the e-value a specification needs: 20 for the shipped one, ``20 k^2 pi^2 / 6`` after it."""
    if specification_number <= 1:
        return config.E_VALUE_BAR
    return config.E_VALUE_BAR * specification_number**2 * math.pi**2 / 6


def gate(days: DeskDays, amount: Amount, position: int, specification_number: int = 1) -> Gate:
    """Judge the evidence on the morning of the session at `position`.

    Parameters
    ----------
    days
        The desk-days since the specification was registered (or all, for the shipped one).
    amount
        What the walls count.
    position
        Calendar position of the session, for the veto.
    specification_number
        Its running number in the ledger; later ones need more evidence.
    """
    columns = [e_process(column, days.clip_usd) for column in days.differences.T]
    against = e_process(-days.advantage, days.clip_usd)
    beyond = np.abs(days.differences) > days.clip_usd[:, None]
    return Gate(
        e_values=np.column_stack(columns),
        bar=bar(specification_number),
        sums_usd=days.differences.sum(axis=0),
        clipped_days=int(beyond.any(axis=1).sum()),
        vetoed=_veto_left(days, position) > 0,
        missing=_missing(amount),
        against=min(float(against[-1]), LARGEST_RECORDED) if len(against) else 1.0,
    )


def open_after(days: DeskDays, amounts: Amounts, specification_number: int = 1) -> np.ndarray:
    """Say of every desk-day whether the gate is open on the morning after it, shape (n,).

    The same as calling `gate` on every prefix of the evidence, in one pass.
    """
    if not len(days):
        return np.zeros(0, dtype=bool)
    columns = [e_process(column, days.clip_usd) for column in days.differences.T]
    reached = np.column_stack(columns).min(axis=1) >= bar(specification_number)
    ahead = (np.cumsum(days.differences, axis=0) > 0).all(axis=1)
    return reached & ahead & ~_vetoed_after(days) & _walls_passed(days, amounts)


def sessions_to_go(days: DeskDays, found: Gate, amount: Amount, position: int) -> int | None:
    """Return about how many more sessions the gate needs at this pace.

    The pace of a process is the mean growth of its logarithm had every day so far been bet on
    with today's stake. ``None`` where it does not grow, or there is nothing to go by.
    """
    if not len(days):
        return None
    waits = [_wait(column, days.clip_usd, found.bar) for column in days.differences.T]
    waits += [
        _shortfall(config.MIN_SAMPLES_FOR_ML - amount.trader_days, float(days.active.mean())),
        _shortfall(config.MIN_DESK_DAYS - amount.desk_days, 1.0),
        _shortfall(config.MIN_LARGE_LOSS_DAYS - amount.large_loss_days, amount.large_loss_days / len(days)),
        _veto_left(days, position),
    ]
    known = [wait for wait in waits if wait is not None]
    return max(known) if len(known) == len(waits) else None


def pace(sessions: int | None) -> str:
    """Say in words how long `sessions_to_go` is; a wait of more than ten years is not counted."""
    if sessions is None:
        return "the evidence is not growing"
    if sessions > config.SESSIONS_WORTH_COUNTING:
        return "more than ten years to go at this pace"
    return f"about {sessions:,} more session{'' if sessions == 1 else 's'} at this pace"


def smallest_detectable_usd(days: DeskDays, rules_benefit_usd: np.ndarray) -> float | None:
    """Return the smallest advantage over the rules a day that the gate is likely to see, in USD.

    About 0.11 standard deviations of the daily difference, plus the margin that must be beaten.
    ``None`` with fewer than two desk-days.
    """
    if len(days) < 2:
        return None
    margin = config.BEAT_RULES_BY * abs(float(rules_benefit_usd.mean()))
    material = material_usd(days.active).mean()
    return float(config.DETECTABLE_SDS * days.advantage.std(ddof=1) + max(margin, material))


def _missing(amount: Amount) -> tuple[str, ...]:
    walls = (
        (amount.trader_days, config.MIN_SAMPLES_FOR_ML, "trader-days"),
        (amount.desk_days, config.MIN_DESK_DAYS, "desk-days"),
        (amount.large_loss_days, config.MIN_LARGE_LOSS_DAYS, "large-loss days"),
    )
    return tuple(f"{seen:,} of {needed:,} {name}" for seen, needed, name in walls if seen < needed)


def _veto_left(days: DeskDays, position: int) -> int:
    """Return for how many sessions a ruinous day still vetoes promotion, today included."""
    ruinous = days.day[(days.differences < -days.clip_usd[:, None]).any(axis=1)]
    if not len(ruinous):
        return 0
    return max(int(ruinous[-1]) + config.VETO_SESSIONS - position + 1, 0)


def _vetoed_after(days: DeskDays) -> np.ndarray:
    """Say of every desk-day whether a ruinous day still vetoes promotion on the session after it."""
    ruinous = (days.differences < -days.clip_usd[:, None]).any(axis=1)
    never = days.day[0] - config.VETO_SESSIONS
    last = np.maximum.accumulate(np.where(ruinous, days.day, never))
    return days.day - last < config.VETO_SESSIONS


def _walls_passed(days: DeskDays, amounts: Amounts) -> np.ndarray:
    enough = amounts.trader_days >= config.MIN_SAMPLES_FOR_ML
    enough &= amounts.large_loss_days >= config.MIN_LARGE_LOSS_DAYS
    return enough & (np.arange(1, len(days) + 1) >= config.MIN_DESK_DAYS)


def _wait(difference: np.ndarray, clip: np.ndarray, needed: float) -> int | None:
    """Return the days until an e-process reaches `needed` at its pace so far."""
    reached = float(e_process(difference, clip)[-1])
    if reached >= needed:
        return 0
    x = np.clip(difference / clip, -1, 1)
    now = stake(x.sum(), (x**2).sum(), clip[-1])
    pace = float(np.log1p(now * x).mean())
    return _shortfall(math.log(needed / reached), pace)


def _shortfall(missing: float, pace: float) -> int | None:
    """Return the days until what is missing has come in; ``None`` if it never does."""
    if missing <= 0:
        return 0
    return math.ceil(missing / pace) if pace > 0 else None
