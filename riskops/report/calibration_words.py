"""What a calibration says: where the shares are, what would move them, and who decides."""

from __future__ import annotations

from riskops import config
from riskops.calibration import BANDS, BASE_LIMITS, DeskCalibration, FittingBase, Option
from riskops.money import dollars
from riskops.policies import Figures
from riskops.report.evaluation_page import EXACT, Table, by_chance, left_open, usd
from riskops.report.wording import LONGEST_ID, LONGEST_NAME, counted, one_line, share

DECIDES = (
    "Nothing was changed. A person decides: numbers are changed in riskops/config.py, base limits by "
    "enrolling them anew, between two mornings."
)
REDEFINES = (
    "LARGE_LOSS_OF_BASE also is what counts as a large loss: rates before and after cannot be compared."
)
NAMES = {"restricted_share": "Cut by 20 % or more", "immediate_share": "Cut by more than 40 %"}


def sentences(found: DeskCalibration) -> tuple[str, ...]:
    """Return where the shares are, what is proposed, and who decides."""
    named = [change.name for change in found.proposed.changes] if found.proposed else []
    further = [REDEFINES] if "LARGE_LOSS_OF_BASE" in named else []
    return (*(_where(found, name) for name in BANDS), _verdict(found), *further, DECIDES)


def option_table(found: DeskCalibration) -> Table:
    """Return today's numbers, the proposal where it is several changes, and every single change."""
    options = [found.today, *found.options]
    if found.proposed is not None and found.proposed not in found.options:
        options.insert(1, found.proposed)
    headings = ("Change", "≥ 20 %", "> 40 %", "Fits", "Benefit (95 % by chance)")
    days = counted(int(found.today.shares["restricted_share_of"]), "trader-day")
    caption = (
        f"Each change replayed on {days} of {counted(found.sessions, 'session')}, against today's numbers"
    )
    return Table(caption, headings, tuple(_row(option) for option in options))


def base_table(found: DeskCalibration) -> Table:
    """Return the base limits of 2.5 robust standard deviations beside those enrolled."""
    headings = ("Trader", "Enrolled", "Fitting", "Robust sd", "Active days")
    caption = f"Base limits of {config.BASE_LIMIT_ROBUST_SDS} robust standard deviations of a day's result"
    return Table(caption, headings, tuple(_base_row(base) for base in found.base_limits))


def _where(found: DeskCalibration, name: str) -> str:
    low, high = (share(float(end)) for end in BANDS[name])
    recent = f"over the last {config.RESTRICTED_SHARE_WINDOW} sessions {_counted(found.today.recent, name)}"
    return (
        f"{NAMES[name]}: {_counted(found.today.shares, name)} trader-days of "
        f"{counted(found.sessions, 'session')}, meant to be {low} to {high}; {recent}."
    )


def _percent(value: float) -> str:
    """Return a share with a decimal: a band's edge is not rounded away."""
    return f"{100 * value:.1f} %"


def _counted(figures: Figures, name: str) -> str:
    hits, of = int(figures[f"{name}_hits"]), int(figures[f"{name}_of"])
    return f"{_percent(figures[name])} ({hits:,} of {of:,})" if of else "none of 0"


def _verdict(found: DeskCalibration) -> str:
    warning = share(float(config.RESTRICTED_SHARE_WARNING))
    if found.is_in_bands and found.is_due:
        return (
            f"The last {config.RESTRICTED_SHARE_WINDOW} sessions are above {warning}, the year is where it "
            "is meant to be: a bad spell, not wrong numbers. Nothing is proposed; look again in a month."
        )
    if found.is_in_bands:
        return "Both shares are where they are meant to be: nothing is proposed."
    if found.proposed is None:
        return "No change that was tried comes nearer to the intended shares: nothing is proposed."
    return _proposal(found.proposed)


def _proposal(option: Option) -> str:
    reached = (
        "brings both shares where they are meant to be"
        if option.distance == 0
        else "comes nearest to the intended shares, and does not reach them"
    )
    shares = " and ".join(f"{_percent(option.shares[name])} {words}" for name, words in _SHORT.items())
    return (
        f"Proposed: {_changes(option)}. It {reached}: {shares}. Against today's numbers it would have been "
        f"worth {_worth(option)}, which is shown and not chosen by."
    )


def _worth(option: Option) -> str:
    """Return the benefit with its interval, and what treated days leave open where they do."""
    worth = option.worth
    bounds = left_open(worth)
    told = f"{usd(worth['benefit_usd'])} ({by_chance(worth)})"
    return told if bounds == EXACT else f"{told}, {bounds}"


_SHORT = {"restricted_share": "cut by 20 % or more", "immediate_share": "by more than 40 %"}


def _changes(option: Option) -> str:
    if not option.changes:
        return "today's numbers"
    return ", ".join(
        f"{c.name}: {c.proposed}" if c.name == BASE_LIMITS else f"{c.name} {c.today} → {c.proposed}"
        for c in option.changes
    )


def _row(option: Option) -> tuple[str, ...]:
    shares = (_percent(option.shares[name]) for name in BANDS)
    return (_changes(option), *shares, "yes" if option.distance == 0 else "no", _worth(option))


def _base_row(base: FittingBase) -> tuple[str, ...]:
    trader_id, name = one_line(base.trader_id, LONGEST_ID), one_line(base.name, LONGEST_NAME)
    return (
        trader_id if name in ("", trader_id) else f"{trader_id} {name}",
        dollars(base.today_cents),
        dollars(base.fitting_cents),
        usd(base.robust_sd_cents / 100),
        f"{base.active_days:,}",
    )
