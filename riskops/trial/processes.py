"""Children that are on record before they run, and that end whole.

Each child leads a session of its own, so whatever it starts can be found and ended with it. A child
waits at a gate until it is on record: of a supervisor that is killed at any moment, the next one
finds every child.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

GATE = 'read -r go && exec "$@" </dev/null'
SAME_START_SECONDS = 2.0
DYING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, as whom (None: this user), and how it is stopped.

    After ``stop_signal`` it has ``grace_seconds`` to end; then its whole session is killed.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    account: str | None = None
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Child:
    """A program that was started, when, and where it writes what it says."""

    program: Program
    process: subprocess.Popen[bytes]
    started: datetime
    log: Path

    @property
    def exit_code(self) -> int | None:
        """Its exit code, minus the signal that killed it, or None while it runs."""
        return self.process.poll()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A child on record; pid and start (seconds since the epoch) together name one process."""

    name: str
    pid: int
    started: float
    stop_signal: int
    grace_seconds: float


class Children:
    """The children of one supervisor; their record, logs and working folder are below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._record = self._folder / "children.json"
        self._entries: list[_Entry] = []

    def log_of(self, name: str) -> Path:
        """Return the file that a child of this name writes to."""
        return self._folder / "log" / f"{name}.log"

    def set_logs_aside(self) -> None:
        """Keep the logs of the run before, under another name, so that a log tells of one run."""
        for log in self.log_of("*").parent.glob("*.log"):
            log.replace(log.with_suffix(".log.before"))

    def start(self, program: Program) -> Child:
        """Start a program in a session of its own.

        Raises
        ------
        OSError
            If it cannot be started.
        """
        log = self.log_of(program.name)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        started = datetime.now(UTC)
        gate, key = os.pipe()
        with log.open("ab") as output, os.fdopen(gate, "rb") as entrance, os.fdopen(key, "wb") as opened:
            process = self._at_the_gate(program, entrance, output)
            self._enter(program, process.pid)
            opened.write(b"go\n")
        return Child(program, process, started, log)

    def stop(self, children: Sequence[Child]) -> None:
        """Stop children and all that they have started; return when they are gone."""
        for child in children:
            child.process.send_signal(child.program.stop_signal)
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(child.program.grace_seconds)
            _kill(_session(child.process.pid))
            child.process.wait()
            self._strike(child.process.pid)

    def reap(self) -> list[str]:
        """Stop what a killed supervisor has left, the newest first; return the names."""
        left = [entry for entry in reversed(self._recorded()) if self._reap(entry)]
        self._entries = []
        self._write()
        return [entry.name for entry in left]

    def _at_the_gate(
        self, program: Program, entrance: IO[bytes], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the trial desk's own programs
            ["/bin/sh", "-c", GATE, program.name, *program.command],
            stdin=entrance,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env=dict(program.environment),
            start_new_session=True,
            umask=0o077,
            **as_account(program.account),
        )

    def _reap(self, entry: _Entry) -> bool:
        """Stop what is left of a child on record; return whether there was anything."""
        leader = _process(entry.pid)
        if leader is not None and abs(leader.create_time() - entry.started) > SAME_START_SECONDS:
            return False  # its number has been given to somebody else
        ours = [process for process in _session(entry.pid) if self._works_here(process)]
        if leader is not None and leader in ours:
            with suppress(psutil.NoSuchProcess):
                leader.send_signal(entry.stop_signal)
            psutil.wait_procs([leader], timeout=entry.grace_seconds)
        _kill(ours)
        return bool(ours)

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return Path(process.cwd()).is_relative_to(self._folder)
        except psutil.Error:
            return False

    def _enter(self, program: Program, pid: int) -> None:
        started = psutil.Process(pid).create_time()
        self._entries.append(_Entry(program.name, pid, started, program.stop_signal, program.grace_seconds))
        self._write()

    def _strike(self, pid: int) -> None:
        self._entries = [entry for entry in self._entries if entry.pid != pid]
        self._write()

    def _write(self) -> None:
        written = self._record.with_suffix(".new")
        written.write_text(json.dumps([asdict(entry) for entry in self._entries]), encoding="utf-8")
        written.replace(self._record)

    def _recorded(self) -> list[_Entry]:
        if not self._record.exists():
            return []
        return [_Entry(**entry) for entry in json.loads(self._record.read_text(encoding="utf-8"))]


def as_account(account: str | None) -> dict[str, Any]:
    """Return what `subprocess` needs to run a program as an account; None is this user."""
    if account is None:
        return {}
    found = pwd.getpwnam(account)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _process(pid: int) -> psutil.Process | None:
    """Return the process of a number, unless it is gone or only its exit code is left."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _session(leader: int) -> list[psutil.Process]:
    """Return the living processes of a session; its number stays taken as long as one lives."""
    return [process for pid in psutil.pids() if _sid(pid) == leader and (process := _process(pid))]


def _sid(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _kill(processes: Iterable[psutil.Process]) -> None:
    """Kill processes and wait until they are gone."""
    alive = list(processes)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=DYING_SECONDS)
