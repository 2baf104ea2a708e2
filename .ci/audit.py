"""Ask the OSV database for known vulnerabilities of every version that a requirements file pins.

Exit codes: 0 none is known; also 0, and loudly, where the database cannot be reached from here;
1 some are known; 2 the database answered, but not the question.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

DATABASE = "https://api.osv.dev"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
PATIENCE_SECONDS = 30
ACCEPTED: Mapping[str, str] = {}  # advisory: why it does not concern us; look again with every `make lock`

Pin = tuple[str, str]


def main(requirements: Path, database: str = DATABASE) -> int:
    """Audit a requirements file, say what was found, and return the exit code."""
    pins = PINNED.findall(requirements.read_text(encoding="utf-8"))
    if not pins:
        return _say(f"{requirements} pins nothing: there is nothing to audit.", 2)
    try:
        known = advisories(pins, database)
    except httpx.TransportError as error:
        return _say(
            f"NOT AUDITED: {database} is out of reach ({type(error).__name__}). Audit where it is not.", 0
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        return _say(f"NOT AUDITED: {database} gave no answer that can be read: {error}", 2)
    return _judge(pins, known)


def advisories(pins: list[Pin], database: str) -> list[tuple[Pin, str]]:
    """Return the advisories that concern pinned versions, one at a time.

    Raises
    ------
    httpx.HTTPError
        If the database cannot be reached (a `TransportError`) or refuses.
    ValueError
        If it answers something else, or not for every version.
    """
    queries = [{"package": {"name": n, "ecosystem": "PyPI"}, "version": v} for n, v in pins]
    answer = httpx.post(f"{database}/v1/querybatch", json={"queries": queries}, timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    results = answer.json()["results"]
    if len(results) != len(pins):
        raise ValueError(f"{len(results)} answers to {len(pins)} questions")
    return [
        (pin, advisory["id"])
        for pin, result in zip(pins, results, strict=True)
        for advisory in (result or {}).get("vulns", [])
    ]


def _judge(pins: list[Pin], known: list[tuple[Pin, str]]) -> int:
    open_ones = [(pin, advisory) for pin, advisory in known if advisory not in ACCEPTED]
    for (name, version), advisory in open_ones:
        _say(f"{name} {version}: https://osv.dev/vulnerability/{advisory}", 1)
    accepted = len(known) - len(open_ones)
    found = (
        f"{len(pins)} pinned versions, {len(open_ones)} open advisories, {accepted} accepted with a reason."
    )
    return _say(found, 1 if open_ones else 0)


def _say(text: str, code: int) -> int:
    sys.stderr.write(f"audit: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
