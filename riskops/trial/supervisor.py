"""One supervisor owns every process of the trial desk: it starts, watches and stops them in order."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from riskops.errors import ConfigurationError, TrialError
from riskops.trial.processes import Child, Children, Program

STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_SECONDS = 0.2
RESTART_PAUSE_SECONDS = 2.0
READY_SECONDS = 240.0
RESTARTS = 3

Tell = Callable[[str], object]


class StopAskedError(Exception):
    """Somebody asked to stop while something was waited for; nothing is wrong."""


@dataclass
class StopAsked:
    """Whether somebody asked to stop.

    A plain flag, not an event: a signal handler may set it whatever the main thread holds.
    """

    yes: bool = False


@contextmanager
def asked_by_signals() -> Iterator[StopAsked]:
    """Let SIGTERM, SIGINT and SIGHUP ask to stop, instead of what they did before."""
    asked = StopAsked()

    def ask(_number: int, _frame: object) -> None:
        asked.yes = True

    before = {number: signal.signal(number, ask) for number in STOPPING_SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Service:
    """A program that is to run until the desk is stopped.

    Parameters
    ----------
    is_healthy
        Called with the moment of the start until it says yes.
    restarts
        How often it is started again after it died, before everything is stopped.
    """

    program: Program
    is_healthy: Callable[[datetime], bool]
    restarts: int = RESTARTS


@dataclass
class _Running:
    service: Service
    child: Child
    restarted: int = 0


@dataclass
class Supervisor:
    """Owns the processes of one folder; only one supervisor at a time does.

    Entering it stops what a killed predecessor has left; leaving it stops all services, those started
    last first.

    Parameters
    ----------
    folder
        Holds the lock, the record of the children and their logs; it exists.
    """

    folder: Path
    tell: Tell
    asked: StopAsked
    ready_seconds: float = READY_SECONDS
    pause_seconds: float = RESTART_PAUSE_SECONDS
    _stages: list[list[_Running]] = field(default_factory=list)
    _leaving: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._children = Children(self.folder)

    def __enter__(self) -> Supervisor:
        with ExitStack() as entering:
            entering.enter_context(_alone(self.folder))
            for name in self._children.reap():
                self.tell(f"Stopped {name}, left by a supervisor that was killed.")
            self._children.set_logs_aside()
            self._leaving = entering.pop_all()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        with self._leaving:
            while self._stages:
                stage = self._stages.pop()
                self.tell(f"Stopping {', '.join(running.service.program.name for running in stage)}.")
                self._children.stop([running.child for running in stage])
        return isinstance(error, StopAskedError)

    @property
    def pids(self) -> dict[str, int]:
        """The process number of every service."""
        running = [each for stage in self._stages for each in stage]
        return {each.service.program.name: each.child.process.pid for each in running}

    def complete(self, *programs: Program) -> None:
        """Run programs beside each other until all have ended well.

        Raises
        ------
        TrialError
            If one ends with an error; the others are stopped.
        """
        started: list[Child] = []
        try:
            for program in programs:
                started.append(self._start(program))
            while [child for child in started if not self._succeeded(child)]:
                self._wait(LOOK_SECONDS)
        finally:
            self._children.stop(started)

    def start(self, *services: Service) -> None:
        """Start services beside each other; return when all are healthy.

        Raises
        ------
        TrialError
            If one dies, or is not healthy in time.
        """
        stage: list[_Running] = []
        self._stages.append(stage)
        for service in services:
            stage.append(_Running(service, self._start(service.program)))
        latest = time.monotonic() + self.ready_seconds
        for running in stage:
            self._wait_until_healthy(running, stage, latest)

    def watch(self, changed: Callable[[], object]) -> None:
        """Start what dies again, until somebody asks to stop; `changed` is called after every start.

        Raises
        ------
        TrialError
            If a service died more often than it may.
        StopAskedError
            If somebody asks to stop; leaving the supervisor takes it as an ordinary end.
        """
        while True:
            self._wait(LOOK_SECONDS)
            for stage in self._stages:
                for running in stage:
                    if running.child.exit_code is not None:
                        self._start_again(running)
                        changed()

    def _start_again(self, running: _Running) -> None:
        service, ended = running.service, _ended(running.child)
        if running.restarted == service.restarts:
            raise TrialError(f"{ended} Restarts: {running.restarted}. Without it the desk cannot run.")
        running.restarted += 1
        self.tell(f"{ended} Starting it again ({running.restarted} of {service.restarts}).")
        self._children.stop([running.child])
        self._wait(self.pause_seconds)
        running.child = self._start(service.program)

    def _wait_until_healthy(self, running: _Running, stage: list[_Running], latest: float) -> None:
        while not running.service.is_healthy(running.child.started):
            for other in stage:
                if other.child.exit_code is not None:
                    raise TrialError(_ended(other.child))
            if time.monotonic() > latest:
                raise TrialError(f"{running.service.program.name} did not get healthy {_see(running.child)}")
            self._wait(LOOK_SECONDS)

    def _succeeded(self, child: Child) -> bool:
        if child.exit_code:
            raise TrialError(_ended(child))
        return child.exit_code == 0

    def _start(self, program: Program) -> Child:
        try:
            return self._children.start(program)
        except OSError as error:
            raise TrialError(f"{program.name} cannot be started: {error}.") from error

    def _wait(self, seconds: float) -> None:
        latest = time.monotonic() + seconds
        while not self.asked.yes and time.monotonic() < latest:
            time.sleep(min(seconds, LOOK_SECONDS))
        if self.asked.yes:
            raise StopAskedError


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; it ends with this process at the latest."""
    path = folder / "supervisor.lock"
    try:
        lock = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from None
    with lock:
        _take(lock, folder)
        yield


def _take(lock: IO[str], folder: Path) -> None:
    lock.seek(0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read().strip()
        raise ConfigurationError(
            f"The trial desk in {folder} is running already (process {holder}): stop that one first."
        ) from None
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()


def _ended(child: Child) -> str:
    code = child.exit_code or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return f"{child.program.name} {how} {_see(child)}"


def _see(child: Child) -> str:
    return f"(log: {child.log})."
