"""Overrides in words: those that a mail has no entry of, because they do not act yet or act no more."""

from __future__ import annotations

from collections.abc import Mapping

from riskops.overrides import Others
from riskops.records import Override
from riskops.report.wording import counted, one_line, short_date, trader_label

MOST_OVERRIDES = 12


def override_lines(others: Others, names: Mapping[str, str]) -> list[str]:
    """Return a line for each override that ended, ends, waits or gives way; `names` are the traders'.

    What ended comes first: those limits change.
    """
    lines = [f"{_whose(found, names)} {_end(found, others)}" for found in others.ended]
    lines += [f"{_whose(found, names)} gives way to override {by}" for found, by in others.given_way]
    lines += [f"{_whose(found, names)} ends with this session" for found in others.ending]
    lines += [f"{_whose(found, names)} does not act yet: {matter(found)}" for found in others.coming]
    if (more := len(lines) - MOST_OVERRIDES) > 0:
        more_lines = f"and {counted(more, 'more line')} of overrides: riskops override list"
        return [*lines[:MOST_OVERRIDES], more_lines]
    return lines


def matter(found: Override) -> str:
    """Return what an override says: ``60% from Mon 16 Mar until Fri 20 Mar by anna: news on the stock``."""
    asked = found.asked
    span = f"from {short_date(asked.first_session)} until {short_date(asked.last_session)}"
    return f"{asked.reduction}% {span} by {one_line(asked.by)}: {one_line(asked.why)}"


def _whose(found: Override, names: Mapping[str, str]) -> str:
    trader_id = found.asked.trader_id
    return f"Override {found.number} of {trader_label(trader_id, names.get(trader_id, ''))}"


def _end(found: Override, others: Others) -> str:
    by = others.now.get(found.asked.trader_id)
    then = "the decided limit is back" if by is None else f"override {by.number} counts"
    ended = found.taken_back
    if ended is None:
        return f"is over, {then}"
    return f"was taken back by {one_line(ended.by)} ({one_line(ended.why)}), {then}"
