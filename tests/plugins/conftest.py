"""Names an Airflow home before the tests here import Airflow, and puts the plugins on the path."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.airflow_home  # noqa: F401 - imported for what it sets
from tests.desk_pages import mailed_template
from tests.desks import keep_on_sqlite


@pytest.fixture(scope="session")
def template(shared_folder: Path) -> Path:
    """Return the folder of a desk whose mail is out, on SQLite; never written to, only copied."""
    return mailed_template(shared_folder, "sqlite", keep_on_sqlite)
