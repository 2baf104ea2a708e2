"""What the outcomes of lived days tell, as a risk manager reads it: who, by how much, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from riskops import config
from riskops.money import dollars, whole_dollars
from riskops.outcomes import Breach, Calibration, News, OverrideWorth, Withdrawn
from riskops.report.wording import counted, listing, one_line, short_date, trader_label

MOST_BREACHES = 8
CENTS_A_DOLLAR = 100
NOT_RECORDED = "What became of the last sessions was not recorded in time for this mail"


def outcome_lines(news: News, names: Mapping[str, str]) -> list[str]:
    """Return a line for each thing there is to tell; `names` are those of the traders."""
    lines = breach_lines(news.breaches, names)
    lines += [_withdrawn(withdrawn, names) for withdrawn in news.withdrawn]
    lines += [_override(worth, names) for worth in news.overrides]
    return lines if news.calibration is None else [*lines, _calibration(news.calibration)]


def breach_lines(breaches: Sequence[Breach], names: Mapping[str, str]) -> list[str]:
    """Return one line a session whose limits were breached, the newest first, the gravest breach first."""
    by_session = sorted(breaches, key=attrgetter("session"), reverse=True)
    return [
        f"LIMIT BREACHED on {short_date(session)}: "
        + listing([_breach(breach, names) for breach in of_session], MOST_BREACHES)
        for session, of_session in groupby(by_session, key=attrgetter("session"))
    ]


def not_recorded(problem: str) -> str:
    """Return what is told where outcomes are missing; `problem` says why, if anybody knows."""
    return f"{NOT_RECORDED}: {one_line(problem)}" if problem else NOT_RECORDED


def _breach(breach: Breach, names: Mapping[str, str]) -> str:
    beyond, limit = dollars(breach.beyond_cents), dollars(breach.limit_cents)
    whose = _whose(breach.trader_id, names)
    return f"{whose} {dollars(breach.net_cents)}, {beyond} beyond a limit of {limit}"


def _withdrawn(withdrawn: Withdrawn, names: Mapping[str, str]) -> str:
    whose = _whose(withdrawn.trader_id, names)
    return (
        f"CORRECTED: {whose} did not breach the limit on {short_date(withdrawn.session)}, as was told before"
    )


def _override(worth: OverrideWorth, names: Mapping[str, str]) -> str:
    whose, day = _whose(worth.trader_id, names), short_date(worth.session)
    told = worth_in_words(worth.low_cents, worth.high_cents)
    return f"Override {worth.number} of {whose} on {day}: {told} against the decided limit"


def worth_in_words(low_cents: int, high_cents: int) -> str:
    """Return what something was worth: ``saved $450``, ``cost $300``, or between which two it lies."""
    if low_cents == high_cents:
        return _worth(low_cents) if low_cents else "made no difference"
    if low_cents < 0 < high_cents:
        return f"between a cost of {_usd(low_cents)} and savings of {_usd(high_cents)}"
    least, most = sorted((low_cents, high_cents), key=abs)
    what = "saved" if high_cents > 0 else "cost"
    return f"{what} between {_usd(least)} and {_usd(most)}"


def _worth(amount_cents: int) -> str:
    return f"{'saved' if amount_cents > 0 else 'cost'} {_usd(amount_cents)}"


def _usd(amount_cents: int) -> str:
    """Return the size of an amount; of less than a dollar the cents are told."""
    size = abs(amount_cents)
    return whole_dollars(size) if size >= CENTS_A_DOLLAR else dollars(size)


def _calibration(found: Calibration) -> str:
    lowest, highest = config.CALIBRATION_BAND
    promised = f"{found.observed:,} large losses where it promised {found.expected:,.1f}"
    return (
        f"{found.key.upper()}: {promised} over {counted(found.sessions, 'session')}, "
        f"{found.ratio:.2f} times, and {config.PERSISTS_SESSIONS} mornings running "
        f"not within {lowest} to {highest}"
    )


def _whose(trader_id: str, names: Mapping[str, str]) -> str:
    return trader_label(trader_id, names.get(trader_id, ""))
