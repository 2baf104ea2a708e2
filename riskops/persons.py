"""Who says something: whether that is a trader of the desk, who cannot decide about limits."""

from __future__ import annotations

from collections.abc import Iterable

from riskops.records import Trader


def trader_named(by: str, traders: Iterable[Trader]) -> Trader | None:
    """Return the trader who is meant by an id, a name, or the part of a mail address before the @.

    Upper and lower case, and how many spaces there are, do not count.
    """
    meant = {_plain(by), _plain(by.partition("@")[0])}
    return next((t for t in traders if meant & {_plain(t.trader_id), _plain(t.name)} - {""}), None)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
