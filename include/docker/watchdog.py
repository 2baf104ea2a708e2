"""Call `riskops watchdog` at the times of riskops/config.py, for ever: the clock of the watchdog's service.

It knows nothing of Airflow and keeps nothing in memory, so it may be killed and started at any time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from riskops import config
from riskops.sessions import DESK_ZONE

AWAKE = Path("/tmp/awake")  # noqa: S108 - the container's own; its health check looks how old it is
LONGEST_LOOK = timedelta(minutes=10)
NAP_SECONDS = 5.0  # a clock that was set, or a machine that slept, is noticed after so long


def next_look(now: datetime) -> datetime:
    """Return the first time after `now` at which the watchdog has to look, whether a session's day or not."""
    today = now.astimezone(DESK_ZONE).date()
    days = (today, today + timedelta(days=1))
    looks = [datetime.combine(day, at, DESK_ZONE) for day in days for at in config.WATCHDOG_AT]
    return min(look for look in looks if look > now)


def is_watching_time(now: datetime) -> bool:
    """Say whether `now` lies between the first and the last look of a day: then a start looks at once."""
    return config.WATCHDOG_AT[0] <= now.astimezone(DESK_ZONE).time() <= config.WATCHDOG_AT[-1]


def look() -> None:
    """Let the watchdog look; what it finds it tells itself."""
    try:
        subprocess.run(
            [sys.executable, "-m", "riskops", "watchdog"], timeout=LONGEST_LOOK.total_seconds(), check=False
        )
    except subprocess.TimeoutExpired:
        print("The watchdog gave no answer in time.", file=sys.stderr)  # noqa: T201 - the service's log


def main() -> None:
    """Look whenever it is time."""
    now = datetime.now(DESK_ZONE)
    due = now if is_watching_time(now) else next_look(now)
    while True:
        AWAKE.touch()
        now = datetime.now(DESK_ZONE)
        if now >= due:
            look()
            due = next_look(now)
        time.sleep(NAP_SECONDS)


if __name__ == "__main__":
    main()
