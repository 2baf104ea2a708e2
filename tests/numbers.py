"""Every number of a text, and which of them an explanation does not trace: for mails and for pages.

A word with a digit in it is a number or part of one; nothing with a digit is passed over. Only what a
caller names, whole, is no statement: traders' labels, an address.
"""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from collections.abc import Iterable
from html.parser import HTMLParser

from riskops.report.tracing.traced import Explanation, Section, Traced

MONTH = f"(?:{'|'.join([*month_name[1:], *month_abbr[1:]])})"
NUMBER = re.compile(
    rf"""
    \d{{4}}-\d\d-\d\d                                # 2026-03-16
    | \b\d\d:\d\d\b                                  # 06:12
    | \b\d{{1,2}}\ {MONTH}\b(?:\ \d{{4}}\b)?         # 16 March 2026, 13 Mar
    | \b{MONTH}\ \d{{4}}\b                           # Nov 2023
    | (?:(?<![\w$])[+-])?\$\d(?:[\d,]*\d)?(?:\.\d+)?[km]?  # $2,500, -$12.50
    | (?:(?<![\w])[+-])?\d(?:[\d,]*\d)?(?:\.\d+)?\ ?%  # 50%, 18.2 %
    | (?:(?<![\w.,])[+-])?\d(?:[\d,]*\d)?(?:\.\d+)*x?(?!\w)   # 3, 7,904, 3.1, 1.9x, 0.1.0
    | \w*\d\w*                                       # A3951: a word with a digit in it
    """,
    re.VERBOSE | re.IGNORECASE,
)


def numbers_in(text: str) -> list[str]:
    """Return every number of a text in its order; ``50 %`` is ``50%``, ``16 MARCH`` is ``16 March``."""
    return [found.replace(" %", "%").title() if " " in found else found for found in NUMBER.findall(text)]


def untraced(text: str, traced: Iterable[Traced], named: Iterable[str] = ()) -> list[str]:
    """Return the numbers of a text that are in no traced value.

    Parameters
    ----------
    text
        The text, without markup.
    traced
        What an explanation says of numbers; only their values count.
    named
        What is no statement, as it stands there: ``Trader 3942``.
    """
    for name in sorted(named, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text)
    known = {number for one in traced for number in numbers_in(one.value)}
    return [number for number in numbers_in(text) if number not in known]


def numbers_of(*told: Explanation | Section) -> list[Traced]:
    """Return the traced numbers of explanations and sections."""
    sections = [s for one in told for s in (one.sections if isinstance(one, Explanation) else (one,))]
    return [number for section in sections for number in section.numbers]


def unwrapped(text: str) -> str:
    """Return a mail's text with the lines that were wrapped put together again."""
    lines: list[str] = []
    for line in text.splitlines():
        margin = len(line) - len(line.lstrip())
        begun = len(lines[-1]) - len(lines[-1].lstrip()) if lines else 0
        if lines and lines[-1].strip() and line.strip() and margin == begun + 4:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "\n".join(lines)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "title")
        self.words += [f"\n{value}\n" for name, value in attrs if name in ("alt", "title") and value]
        if tag not in INLINE:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "title")
        if tag not in INLINE:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(" ".join(data.split(" ")))


INLINE = {"b", "i", "em", "strong", "span", "a", "code", "small", "abbr", "sub", "sup"}


def words_of(html: str) -> str:
    """Return what a page says to a reader: its text, and what stands for its pictures."""
    reader = _Words()
    reader.feed(html)
    return "".join(reader.words)
