"""Die by SIGKILL after the limits mail is out and before the escalation: ``python -m ... FOLDER PORT``."""

from __future__ import annotations

import os
import signal
import sys
from datetime import time
from pathlib import Path

from riskops.pipeline import send
from tests.builders import SESSION
from tests.desks import on_the_morning, opened, run_for


def die(*_arguments: object) -> None:
    """End this process at once, where the escalation would begin."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, port: str) -> None:
    """Send the mail of the session through the server at `port`."""
    send.escalate = die
    changes = {
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_RECIPIENTS": "risk@example.com,head@example.com",
        "RISKOPS_ESCALATION": "ceo@example.com,coo@example.com",
        "RISKOPS_SMTP_HOST": "127.0.0.1",
        "RISKOPS_SMTP_PORT": port,
        "RISKOPS_SMTP_SECURITY": "none",
    }
    with opened(folder, on_the_morning(SESSION, time(7, 26)), **changes) as desk:
        send.send(desk, run_for(SESSION))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
