"""A desk with a morning that is mailed, and what people said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from riskops.desk_page.parts import Reader
from tests.builders import SESSION
from tests.desk_pages import mailed_template
from tests.desks import on_the_morning, opened

WRITER = Reader("oncall", may_write=True, token="signed")
VIEWER = Reader("manager", may_write=False)


@pytest.fixture(scope="session")
def template(kept_on: str, keeper: Callable[[Path], Path], shared_folder: Path) -> Path:
    """Return the folder of a desk whose mail of `SESSION` is out; never written to, only copied."""
    return mailed_template(shared_folder, kept_on, keeper)


@pytest.fixture
def desk(template: Path, own_copy: Callable[[Path], Path]):
    """Return a desk of this test's own whose mail of `SESSION` is out."""
    with opened(own_copy(template), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as found:
        yield found


@pytest.fixture
def young_desk(folder: Path):
    """Return a desk that has not lived a morning."""
    with opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv") as found:
        yield found


@pytest.fixture
def writer() -> Reader:
    return WRITER


@pytest.fixture
def viewer() -> Reader:
    return VIEWER
