"""Deliver from a process of its own: ``python -m tests.delivery_process FOLDER PORT [killed]``.

With ``killed`` the process dies by SIGKILL after the server's acceptance, before it is written down.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from riskops.delivery import DeliveryReceipt, deliver
from riskops.settings import Settings, read_settings
from riskops.store.database import Database
from riskops.store.mornings import Report
from riskops.store.outbox import Outbox
from riskops.store.seal import LIMITS_MAIL
from tests.desks import database_url

SESSION = date(2026, 3, 16)
NOW = datetime(2026, 3, 16, 10, 31, tzinfo=UTC)
READY = "ready"


class AnnouncingOutbox(Outbox):
    """An outbox that says when its mails are prepared and a sender is about to take its lock."""

    def prepare(self, report: Report, deployment: str, recipients: Sequence[str]) -> tuple[str, ...]:
        keys = super().prepare(report, deployment, recipients)
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        return keys


class DyingOutbox(Outbox):
    """An outbox whose process is killed where the server's acceptance would be written down."""

    def accepted(self, key: str, now: datetime) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def report(**changes: object) -> Report:
    """Return a composed mail."""
    parts = {
        "session": SESSION,
        "revision": 0,
        "kind": LIMITS_MAIL,
        "subject": "RiskOps loss limits Mon 2026-03-16",
        "text": "Trader 3942: REDUCE LIMIT BY 50%\n",
        "html": "<!doctype html><html><body style='margin:0'><p>Trader 3942</p></body></html>",
        "digest": "d" * 64,
    }
    return Report(**(parts | changes))


def settings(folder: Path, port: int = 0, **changes: object) -> Settings:
    """Return the settings of a deployment that mails one risk manager through this machine."""
    environ = {
        "RISKOPS_DEPLOYMENT": "test",
        "RISKOPS_DATABASE_URL": database_url(folder),
        "RISKOPS_OUTPUT": str(folder / "out"),
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_SENDER": "RiskOps <riskops@example.com>",
        "RISKOPS_RECIPIENTS": "risk@example.com",
        "RISKOPS_SMTP_HOST": "127.0.0.1",
        "RISKOPS_SMTP_PORT": str(port),
        "RISKOPS_SMTP_SECURITY": "none",
    }
    made = read_settings(environ)
    of_server = {name: changes.pop(name) for name in ("user", "password", "security") if name in changes}
    return replace(made, mail_server=replace(made.mail_server, **of_server), **changes)


def database(folder: Path) -> Database:
    """Open the risk database of a test."""
    return Database(database_url(folder))


def send(outbox: Outbox, folder: Path, port: int) -> DeliveryReceipt:
    """Deliver the usual mail through the server at `port`."""
    return deliver(outbox, report(), settings(folder, port), NOW, folder / "locks")


def main(folder: Path, port: int, outbox_kind: type[Outbox]) -> None:
    """Deliver, and print how many got the mail by it and how many had it."""
    receipt = send(outbox_kind(database(folder)), folder, port)
    sys.stdout.write(f"{len(receipt.delivered)} {len(receipt.already_delivered)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), DyingOutbox if "killed" in sys.argv[3:] else AnnouncingOutbox)
