"""Harmless programs for a supervisor to own, and a supervisor in a process of its own.

``python -m tests.trial.fake_programs FOLDER`` supervises two of them below FOLDER, writes FOLDER/ready and
goes on until it is asked to stop.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from riskops.trial.processes import Program
from riskops.trial.supervisor import Service, StopAsked, Supervisor, asked_by_signals

NOTES = "notes"
UNTIL_TOLD = "while :; do sleep 0.05; done"
PATIENCE_SECONDS = 20


def program(name: str, then: str = UNTIL_TOLD, *, grace_seconds: float = 10) -> Program:
    """Return a program that notes its start, does something, and notes when it is asked to stop."""
    script = f'trap "echo {name} stopped >> {NOTES}; exit 0" TERM; echo {name} started >> {NOTES}; {then}'
    return Program(name, ("/bin/sh", "-c", script), dict(os.environ), grace_seconds=grace_seconds)


def stubborn(name: str) -> Program:
    """Return a program with a child of its own that both ignore being asked to stop."""
    script = f"trap '' TERM; sleep 60 & echo {name} started >> {NOTES}; sleep 60"
    return Program(name, ("/bin/sh", "-c", script), dict(os.environ), grace_seconds=0.2)


def service(folder: Path, made: Program, restarts: int = 0) -> Service:
    """Return a service that is healthy once it has noted its start."""
    return Service(made, lambda _: f"{made.name} started" in notes(folder), restarts)


def notes(folder: Path) -> list[str]:
    """Return what the programs below a folder have noted so far."""
    path = folder / NOTES
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@contextmanager
def supervising(
    folder: Path,
    tell: Callable[[str], object] = lambda _: None,
    asked: StopAsked | None = None,
    ready_seconds: float = PATIENCE_SECONDS,
) -> Iterator[Supervisor]:
    """Supervise below a folder, without long pauses."""
    with Supervisor(folder, tell, asked or StopAsked(), ready_seconds, pause_seconds=0) as supervisor:
        yield supervisor


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that has to come."""
    latest = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < latest, "it did not come"
        time.sleep(0.02)


def main() -> None:
    """Supervise two programs until asked to stop."""
    folder = Path(sys.argv[1])
    with asked_by_signals() as asked, supervising(folder, asked=asked) as supervisor:
        supervisor.start(service(folder, program("first")))
        supervisor.start(service(folder, stubborn("second")))
        (folder / "ready").touch()
        supervisor.watch(lambda: None)


if __name__ == "__main__":
    main()
