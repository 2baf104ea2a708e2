"""Who says something: words fit to be recorded, and whether the name under them is a trader's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from riskops.errors import InputError
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


def said(text: str, what: str, longest: int) -> str:
    """Return in one line who says something, or why; nothing said is refused, for it is recorded.

    Raises
    ------
    InputError
        If there are no words, too many, or some that hide or reverse others.
    """
    if not (told := tidy(text, what, longest)):
        raise InputError(f"Say {what}: nothing is said, and it is recorded.")
    return told


def tidy(text: str, what: str, longest: int) -> str:
    """Return in one line what somebody typed, which may be nothing.

    Raises
    ------
    InputError
        If there are too many words, or some that hide or reverse others.
    """
    told = in_one_line(text)
    if len(told) > longest or not told.isprintable():
        raise InputError(f"{told[:40]!a} does not say {what}: write up to {longest:,} printable characters.")
    return told


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
