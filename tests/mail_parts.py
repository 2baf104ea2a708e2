"""A mail in its plain text, taken apart: which lines are of which section, and of which trader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.numbers import unwrapped

OF_ENTRIES = ("IMMEDIATE ACTION", "MODERATE", "EVERYBODY ELSE")
HEADINGS = {"SUMMARY:": "Summary", "EVIDENCE METER:": "Evidence meter", "DATA HEALTH:": "Data health"}
OF_THE_DESK = ("Full limit", "Nearest to a cut", "None.", "Nobody.")


def parts_of(text: str, labels: Iterable[str]) -> dict[str, str]:
    """Return a mail by section, titled as explanations are; a trader's entry under its label."""
    found: dict[str, list[str]] = defaultdict(list)
    known, part, is_in_entries = tuple(labels), "Subject", False
    for line in unwrapped(text).splitlines():
        if line.startswith(OF_ENTRIES):
            is_in_entries, part = True, "Everybody else"
            found["Tiers"].append(line)
            continue
        if line in HEADINGS or line == "--":
            is_in_entries, part = False, HEADINGS.get(line, "Footer")
            continue
        if part in ("Subject", "Alerts") and line.isupper() and line.endswith(":"):
            part = "Changes"
        if is_in_entries and not line.startswith(" "):
            part = _owner(line, known) or ("Everybody else" if line.startswith(OF_THE_DESK) else part)
        found["Alerts" if line.startswith("! ") else part].append(line)
    return {title: "\n".join(lines) for title, lines in found.items()}


def _owner(line: str, labels: Iterable[str]) -> str | None:
    return next((label for label in labels if line.startswith(f"{label}: ")), None)
