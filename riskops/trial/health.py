"""What Airflow says about its own parts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

HEALTHY = "healthy"
SECONDS_PER_ANSWER = 10.0


def answers(api: str) -> bool:
    """Return whether the api-server at ``api`` is up and reaches its database."""
    return _health(api).get("metadatabase", {}).get("status") == HEALTHY


def is_healthy(api: str, part: str, since: datetime) -> bool:
    """Return whether a part of Airflow is healthy and gave a sign of life since it was started.

    Parameters
    ----------
    part
        ``scheduler``, ``dag_processor`` or ``triggerer``.
    since
        The start; an older sign of life is of a predecessor.
    """
    said = _health(api).get(part, {})
    beat = said.get(f"latest_{part}_heartbeat")
    return said.get("status") == HEALTHY and beat is not None and datetime.fromisoformat(beat) >= since


def _health(api: str) -> dict[str, Any]:
    opener = build_opener(ProxyHandler({}))  # loopback is not a matter for a proxy
    try:
        with opener.open(f"{api}/api/v2/monitor/health", timeout=SECONDS_PER_ANSWER) as answer:
            said = json.load(answer)
    except (URLError, OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
