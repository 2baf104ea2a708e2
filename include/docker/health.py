"""Exit with 0 if Airflow's api-server answers and says that the parts named after its address are healthy.

It costs a tenth of a second; `airflow jobs check` would import Airflow, every minute, in every service.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from riskops.trial import health

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def main(api: str, *parts: str) -> int:
    """Return the exit code for an api-server and parts like ``dag_processor``."""
    well = health.answers(api) and all(health.is_healthy(api, part, LONG_AGO) for part in parts)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
