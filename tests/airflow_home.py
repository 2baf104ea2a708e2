"""An Airflow home of this process's own; import this before anything that imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent
DAGS = PROJECT / "dags"
PLUGINS = PROJECT / "plugins"


def environment(home: Path) -> dict[str, str]:
    """Return the environment of an Airflow that keeps everything below `home`."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "GX_ANALYTICS_ENABLED": "False",
    }


def _settle() -> Path:
    home = Path(tempfile.mkdtemp(prefix="riskops-airflow-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    os.environ |= environment(home)
    sys.path += [str(folder) for folder in (PLUGINS, DAGS) if str(folder) not in sys.path]
    return home


HOME = _settle()
