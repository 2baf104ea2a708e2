"""Programs that a few tests need and Python's packages do not bring.

Where one is absent its tests are skipped, and say so. Continuous integration names in RISKOPS_REQUIRE
what must not be absent there; then they fail.
"""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = "RISKOPS_REQUIRE"  # names separated by commas


def require(program: str) -> str:
    """Return the path of a program, or skip the test that cannot do without it."""
    found = shutil.which(program)
    if found is None:
        absent(program)
    return str(found)


def absent(what: str) -> None:
    """Skip a test, or fail it where `what` must not be absent."""
    if what in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{what} is not here, and {REQUIRED} says it has to be.", pytrace=False)
    pytest.skip(f"NOT TESTED: {what} is not here.")
