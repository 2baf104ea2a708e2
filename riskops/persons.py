"""Who says something: whether the name under it is that of a trader on the roster."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from riskops.records import Trader


def trader_named(by: str, traders: Iterable[Trader]) -> Trader | None:
    """Return the trader whom `by` names, ``None`` where it is nobody of them.

    Names and ids count however they are spaced, cased or typed (full-width letters too), the label of
    the mail (``Trader 3942``) as well; of a mail address the part before the @ does.
    """
    said = _ways_to_say(by)
    return next((trader for trader in traders if said & _names_of(trader)), None)


def in_one_line(text: str) -> str:
    """Return what somebody typed with every run of white space made one space."""
    return " ".join(text.split())


def is_sayable(text: str, longest: int) -> bool:
    """Say whether words may be recorded: some, not too many, and none that hides or reverses others."""
    return 0 < len(text) <= longest and text.isprintable()


def _ways_to_say(by: str) -> set[str]:
    mailbox = _plain(by).rpartition("@")[0]
    before_the_tag = mailbox.partition("+")[0]
    parts = {mailbox, before_the_tag, re.sub(r"[._-]+", " ", before_the_tag)}
    return {_plain(by), *map(_plain, parts)} - {""}


def _names_of(trader: Trader) -> set[str]:
    trader_id, name = _plain(trader.trader_id), _plain(trader.name)
    return {trader_id, name, f"trader {trader_id}", f"trader {trader_id} ({name})"} - {""}


def _plain(text: str) -> str:
    return in_one_line(unicodedata.normalize("NFKC", text).casefold())
