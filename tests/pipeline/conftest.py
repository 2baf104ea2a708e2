"""Mornings that several tests of the pipeline start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from riskops.pipeline.send import send
from riskops.settings import Delivery
from tests.builders import SESSION
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, stormy


@pytest.fixture(scope="package")
def decided_template(keeper: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a desk that is decided and composed; its mail has not left."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    with csv_desk(folder, stormy()) as desk:
        assert desk.settings.delivery is Delivery.FILES
        for verb in each_verb():
            verb(desk, run_for(SESSION, deliver=False))
    return folder


@pytest.fixture
def decided(decided_template: Path, own_copy: Callable[[Path], Path]):
    """Return a desk of this test's own that is decided and composed; its mail has not left."""
    with opened(own_copy(decided_template), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as desk:
        yield desk


@pytest.fixture
def sealed(decided):
    """Return a desk whose mail is out."""
    send(decided, run_for(SESSION))
    return decided
