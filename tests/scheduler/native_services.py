"""The services of docker-compose.yaml on this machine, without an engine.

Commands, variables, secrets, order and health checks are those of the file; folders and ports are others, and
PostgreSQL's own programs stand in the place of its image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg

from riskops.trial.ports import ANY, LOOPBACK, usable_port
from riskops.trial.postgres import USER, Server, server_below
from riskops.trial.processes import Program
from riskops.trial.supervisor import Service, StopAsked, Supervisor
from tests.compose_file import PROJECT, compose

DOCKER = PROJECT / "include" / "docker"
ONE_SHOT = "no"  # never started again
POSTGRES, REDIS, MAIL, WORKER, ANYBODY = "postgres", "redis", "mail", "worker", "anybody"
FOLDERS = ("login", "logs", "out", "inbox", "backup", "mails")  # of /srv/riskops, for all services
PORT_OF_SOCKETS = 5432  # part of a socket's name
NOT_WRITABLE = "/dev/null/home"  # not even for root, as the image's folders are not for its user
FASTER = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SERVICE_SECONDS = 90.0
PAUSE_SECONDS = 1.0  # between questions for health, each of which is a process
GRACE_SECONDS = 2.0  # nothing is to be saved when a test is over


@dataclass
class NativeServices:
    """Some services of the file, below `folder`.

    Parameters
    ----------
    env
        What a desk would write into .env.
    named
        Which services run, each by the names of its processes: ``worker`` may run twice.
    changes
        Variables that are other than in the file, for all of them.
    """

    folder: Path
    env: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]]
    changes: Mapping[str, str]
    api_port: int = field(default_factory=lambda: usable_port(ANY, "the api-server"))
    redis_port: int = field(default_factory=lambda: usable_port(ANY, "redis"))
    mail_port: int = field(default_factory=lambda: usable_port(ANY, "the mail catcher"))

    def __post_init__(self) -> None:
        self._services: dict[str, dict[str, Any]] = compose(self.env)["services"]
        self._server: Server = server_below(self.folder / "postgres", PORT_OF_SOCKETS)

    @property
    def api(self) -> str:
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def mails(self) -> Path:
        return self.folder / "mails" / "caught" / "new"

    def secret(self, name: str) -> str:
        """Return the content of a secret."""
        return (self._secrets / name).read_text(encoding="utf-8")

    def log_of(self, process: str) -> str:
        """Return what a process has said."""
        return (self.folder / "log" / f"{process}.log").read_text(encoding="utf-8", errors="replace")

    def administration(self) -> psycopg.Connection:
        """Return a connection as PostgreSQL's administrator."""
        how = {"host": str(self._sockets), "user": USER, "dbname": "postgres"}
        return psycopg.connect(**how, password=self.secret("postgres_password"), autocommit=True)

    @contextmanager
    def running(self, meanwhile: Callable[[], object]) -> Iterator[None]:
        """Start everything in the file's order; call `meanwhile` once the one-shots are done."""
        self._make_folders()
        with Supervisor(self.folder, print, StopAsked(), ready_seconds=SERVICE_SECONDS) as supervisor:
            for stage in self._stages():
                once = [name for name in stage if self._services[name]["restart"] == ONE_SHOT]
                supervisor.complete(*(self._program(name, name) for name in once))
                if once:
                    meanwhile()
                lasting = [name for name in stage if name not in once]
                supervisor.start(*(service for name in lasting for service in self._lasting(name)))
            yield

    def is_healthy(self, name: str, process: str) -> bool:
        """Ask for the health of a process as the file asks for that of its service."""
        how, *words = self._services[name]["healthcheck"]["test"]
        command = ["sh", "-c", *words] if how == "CMD-SHELL" else words
        program = self._program(name, process, command)
        asked = subprocess.run(
            program.command, env=dict(program.environment), cwd=self.folder, capture_output=True, check=False
        )
        return asked.returncode == 0

    # --- how a service runs here --------------------------------------------------------------

    @property
    def _secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def _sockets(self) -> Path:
        return self.folder / "socket"

    def _stages(self) -> Iterator[list[str]]:
        needs = {name: self._services[name].get("depends_on", {}).keys() & self.named for name in self.named}
        order = TopologicalSorter(needs)
        order.prepare()
        while order:
            ready = order.get_ready()
            yield sorted(ready)
            order.done(*ready)

    def _lasting(self, name: str) -> Iterator[Service]:
        for process in self.named[name]:
            yield Service(self._program(name, process), partial(self._answers, name, process), restarts=0)

    def _answers(self, name: str, process: str, _started: datetime) -> bool:
        if name == POSTGRES:
            return self._is_open()
        if name == WORKER:  # the test asks it once, when it is idle: here time is short
            return " ready." in self.log_of(process)
        time.sleep(PAUSE_SECONDS)
        return self.is_healthy(name, process)

    def _is_open(self) -> bool:
        try:
            self.administration().close()
        except psycopg.OperationalError:
            return False
        return True

    def _program(self, name: str, process: str, command: list[str] | None = None) -> Program:
        if name == POSTGRES:
            return self._postgres()
        words = command or [*self._services[name]["command"], *self._elsewhere(name, process)]
        here = self._translated(name, process)
        known = {key: here(value) for key, value in self._services[name]["environment"].items()}
        environment = _outside() | known | self._changed(name, process)
        entrypoint = ("sh", str(DOCKER / "entrypoint.sh")) if name != REDIS else ()
        translated = (here(str(word)) for word in words)
        return Program(process, (*entrypoint, *translated), environment, grace_seconds=GRACE_SECONDS)

    def _changed(self, name: str, process: str) -> dict[str, str]:
        """Return the variables that are other than in the file, because this is one machine."""
        secrets = self.folder / "secrets_of" / name
        own = {"HOSTNAME": process, "DESK_SECRETS": str(secrets), "PGUSER": USER, "HOME": NOT_WRITABLE}
        api = {"AIRFLOW__API__HOST": LOOPBACK, "AIRFLOW__API__PORT": str(self.api_port)}
        mail = {"RISKOPS_SMTP_HOST": LOOPBACK, "RISKOPS_SMTP_PORT": str(self.mail_port)}
        return own | api | mail | dict(self.changes)

    def _elsewhere(self, name: str, process: str) -> tuple[str, ...]:
        """Return what is added to a command, because all of it is on one machine."""
        added = {
            REDIS: ("--bind", LOOPBACK, "--port", str(self.redis_port)),
            MAIL: ("--host", LOOPBACK, "--port", str(self.mail_port)),
            WORKER: ("--celery-hostname", f"celery@{process}"),
        }
        return added.get(name, ())

    def _translated(self, name: str, process: str) -> Callable[[str], str]:
        places = {
            "/run/secrets": self.folder / "secrets_of" / name,
            "/srv/riskops/airflow": self.folder / "airflow" / process,
            **{f"/srv/riskops/{shared}": self.folder / shared for shared in FOLDERS},
            "/srv/riskops": PROJECT,
            "/var/run/postgresql": self._sockets,
            "http://api-server:8080": self.api,
            "http://127.0.0.1:8080": self.api,
            "@redis:6379": f"@{LOOPBACK}:{self.redis_port}",
            "redis-cli ping": f"redis-cli -p {self.redis_port} ping",
            "'127.0.0.1', 1025": f"'{LOOPBACK}', {self.mail_port}",
        }

        def here(text: str) -> str:
            for inside, outside in places.items():
                text = text.replace(inside, str(outside))
            return f"{PROJECT}/{text}" if text.startswith("include/docker/") else text

        return here

    # --- folders and secrets ------------------------------------------------------------------

    def _make_folders(self) -> None:
        for name in (*FOLDERS, "socket", "postgres"):
            (self.folder / name).mkdir(mode=0o711)
        subprocess.run(["sh", str(DOCKER / "secrets.sh"), str(self.folder)], check=True, capture_output=True)
        self._server.prepare()
        self._server._hand_over(self._sockets)
        shutil.copyfile(self._server.password_file, self._secrets / "postgres_password")
        for secret in self._secrets.iterdir():
            secret.write_text(self._translated(ANYBODY, ANYBODY)(secret.read_text()))
        for name, processes in self.named.items():
            self._hand_out(name)
            for process in processes:
                (self.folder / "airflow" / process).mkdir(parents=True)

    def _hand_out(self, name: str) -> None:
        """Give a service the secrets the file gives it, and no others."""
        folder = self.folder / "secrets_of" / name
        folder.mkdir(parents=True)
        for secret in self._services[name].get("secrets", []):
            shutil.copy(self._secrets / secret, folder)

    def _postgres(self) -> Program:
        """Return the server as the trial desk runs it, on a socket and nowhere else."""
        program = self._server.program()
        settings = (f"unix_socket_directories={self._sockets}", *FASTER)
        given = [str(word) for word in self._services[POSTGRES]["command"][1:]]
        added = [word for setting in settings for word in ("-c", setting)]
        return Program(
            POSTGRES,
            (*program.command, *given, *added),
            program.environment,
            account=program.account,
            stop_signal=program.stop_signal,
        )


def _outside() -> dict[str, str]:
    """Return this machine's own variables, with the programs of this virtual environment first."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "RISKOPS_", "PG"))}
    return known | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{known.get('PATH', os.defpath)}"}
