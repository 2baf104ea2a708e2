"""One migrated Airflow for all tests here, and desks whose mornings it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from riskops.sources.demo import PINNED_SESSION
from tests.airflow_desk import PREVIOUS_SESSION, AirflowDesk
from tests.airflow_home import HOME
from tests.desks import copied, each_verb, on_the_morning, opened, run_for


@pytest.fixture(scope="session")
def migrated_airflow() -> Path:
    """Return the Airflow home of this process, its database migrated once."""
    from airflow.utils.db import initdb

    initdb()
    return HOME


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return the test's patches, once no variable of a real deployment is left in its way."""
    for name in [name for name in os.environ if name.startswith("RISKOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RISKOPS_TASK_RETRIES", "1")
    monkeypatch.setenv("RISKOPS_RETRY_DELAY_SECONDS", "0")
    return monkeypatch


@pytest.fixture
def first_morning(small_desk: Path, migrated_airflow: Path, patch: pytest.MonkeyPatch) -> AirflowDesk:
    """Return a desk that has history, and no morning yet."""
    return AirflowDesk(small_desk, patch)


@pytest.fixture
def second_morning(
    lived_template: Path, own_copy: Callable[[Path], Path], migrated_airflow: Path, patch: pytest.MonkeyPatch
) -> AirflowDesk:
    """Return a desk whose limits for the session before were mailed."""
    return AirflowDesk(own_copy(lived_template), patch)


@pytest.fixture
def finished_morning(
    finished_template: Path,
    own_copy: Callable[[Path], Path],
    migrated_airflow: Path,
    patch: pytest.MonkeyPatch,
) -> AirflowDesk:
    """Return a desk whose limits for the pinned session were mailed."""
    return AirflowDesk(own_copy(finished_template), patch)


@pytest.fixture
def composed_morning(
    composed_template: Path,
    own_copy: Callable[[Path], Path],
    migrated_airflow: Path,
    patch: pytest.MonkeyPatch,
) -> AirflowDesk:
    """Return a desk whose limits for the pinned session were decided and composed, not mailed."""
    return AirflowDesk(own_copy(composed_template), patch)


@pytest.fixture(scope="session")
def lived_template(small_desk_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(small_desk_template, tmp_path_factory.mktemp("lived"))
    return decided(folder, PREVIOUS_SESSION, deliver=True)


@pytest.fixture(scope="session")
def composed_template(small_desk_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(small_desk_template, tmp_path_factory.mktemp("composed"))
    return decided(folder, PINNED_SESSION, deliver=False)


@pytest.fixture(scope="session")
def finished_template(composed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(composed_template, tmp_path_factory.mktemp("finished"))
    return decided(folder, PINNED_SESSION, deliver=True)


def decided(folder: Path, session: date, *, deliver: bool) -> Path:
    """Call every verb of a session directly, on its morning."""
    with opened(folder, on_the_morning(session)) as desk:
        for verb in each_verb():
            verb(desk, run_for(session, deliver=deliver))
    return folder
