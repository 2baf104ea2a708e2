"""Changes of the roster in words: for the mail, for the command line, for receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from riskops.money import dollars
from riskops.records import Account, BaseLimit, RosterChange, RosterEntry, RosterRecord, Trader
from riskops.report.wording import counted, one_line, short_date, trader_label

MOST_CHANGES = 6


def roster_lines(changes: Sequence[RosterChange], names: Mapping[str, str]) -> list[str]:
    """Return a line for each change that is news, the first ones where there are many."""
    lines = [f"Roster: {_told(change, names)}" for change in changes[:MOST_CHANGES]]
    if (more := len(changes) - MOST_CHANGES) > 0:
        lines.append(f"Roster: {counted(more, 'more change')}, see `riskops roster history`")
    return lines


def in_words(change: RosterChange, called: str | None = None, shown: Callable[[date], str] = str) -> str:
    """Return what a change says: ``3951 suspended from 2026-10-30``."""
    who = change.record.trader_id if called is None else called
    taken_back = "withdrawn: " if change.withdrawn else ""
    return f"{taken_back}{who} {matter(change.record, shown)}"


def matter(record: RosterRecord, shown: Callable[[date], str] = str) -> str:
    """Return what an entry says of its trader."""
    if isinstance(record, Trader):
        return f"is called {one_line(record.name)}"
    since = f"from {shown(record.effective_from)}"
    if isinstance(record, RosterEntry):
        return f"{record.state} {since}"
    if isinstance(record, BaseLimit):
        return f"base limit {dollars(record.base_limit_cents)} {since}"
    return f"account {one_line(record.account_id)} {since}{_end(record, shown)}"


def _end(account: Account, shown: Callable[[date], str]) -> str:
    return "" if account.effective_to is None else f" until {shown(account.effective_to)}"


def _told(change: RosterChange, names: Mapping[str, str]) -> str:
    trader_id = change.record.trader_id
    label = trader_label(trader_id, names.get(trader_id, trader_id))
    said = f"{one_line(change.entered.by)}: {one_line(change.entered.why)}"
    return f"{in_words(change, label, short_date)} ({said})"
