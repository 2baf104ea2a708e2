"""The numbers the rules compare with, as a record: today's, or others to see what they would have done.

A morning is always decided by today's. Others are for looking back: nothing is switched over by
making one, because it is handed on, never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from riskops import config


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers of the five rules; each has the name of the number of `riskops.config` it stands for.

    Shares are of the base limit, levels and drawdowns in percent, the capital in base limits. A
    level of 0 switches a tier off.

    Raises
    ------
    ValueError
        If the harder tier of a rule would come before the milder one, or be milder.
    """

    breach_of_base: Decimal = config.BREACH_OF_BASE
    breach_of_applied: Decimal = config.BREACH_OF_APPLIED
    breach_level: int = config.BREACH_LEVEL
    streak_days: int = config.STREAK_DAYS
    streak_level: int = config.STREAK_LEVEL
    long_streak_days: int = config.LONG_STREAK_DAYS
    long_streak_level: int = config.LONG_STREAK_LEVEL
    drawdown_capital_multiple: int = config.DRAWDOWN_CAPITAL_MULTIPLE
    drawdown_percent: Decimal = config.DRAWDOWN_PERCENT
    drawdown_level: int = config.DRAWDOWN_LEVEL
    deep_drawdown_percent: Decimal = config.DEEP_DRAWDOWN_PERCENT
    deep_drawdown_level: int = config.DEEP_DRAWDOWN_LEVEL
    volatility_ratio: Decimal = config.VOLATILITY_RATIO
    volatility_level: int = config.VOLATILITY_LEVEL
    large_loss_of_base: Decimal = config.LARGE_LOSS_OF_BASE
    large_loss_level: int = config.LARGE_LOSS_LEVEL

    def __post_init__(self) -> None:
        tiers = (
            (self.streak_days, self.long_streak_days, self.streak_level, self.long_streak_level),
            (
                self.drawdown_percent,
                self.deep_drawdown_percent,
                self.drawdown_level,
                self.deep_drawdown_level,
            ),
        )
        for mild_from, hard_from, mild, hard in tiers:
            if mild_from > hard_from or mild > hard:
                raise ValueError(
                    f"The harder tier of a rule comes after the milder one and cuts more: {self}"
                )


TODAY = Thresholds()


def config_name(field: str) -> str:
    """Return what a number is called in `riskops.config`."""
    return field.upper()
