"""The trial desk: what runs, in which order, and when it is ready.

PostgreSQL with two databases; then both are migrated and the demo desk is loaded; then the mail
catcher and Airflow's api-server; and only when that answers, what executes tasks. When all are
healthy, ``ready.json`` appears in the folder; it is gone as soon as the desk is being stopped.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from riskops.errors import ConfigurationError
from riskops.settings import DRILL_DEPLOYMENTS
from riskops.trial import health
from riskops.trial.ports import LOOPBACK, is_listened_to, usable_port
from riskops.trial.postgres import Server, make_enterable, server_below
from riskops.trial.processes import Program
from riskops.trial.supervisor import Service, StopAsked, Supervisor, Tell
from riskops.whole_files import put

READY_FILE = "ready.json"
ENVIRONMENT_FILE = "environment"
OWNER_ONLY = 0o600  # both hold passwords
AIRFLOW_DATABASE = "airflow"
RISK_DATABASE = "riskops"
PARTS = ("scheduler", "dag-processor", "triggerer")
SERVES_LOGS = ("scheduler", "triggerer")
API_PORT = "AIRFLOW__API__PORT"
API_HOST = "AIRFLOW__API__HOST"
NEEDED = (API_PORT, "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER")
REPLACED = ("RISKOPS_DATABASE_URL", "RISKOPS_SMTP_USER", "RISKOPS_SMTP_PASSWORD")
FOREIGN = (*REPLACED, *(f"{name}_FILE" for name in REPLACED))
TOLD = ("AIRFLOW", "RISKOPS_", "GX_")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the trial desk listens, on loopback."""

    api: int
    database: int
    mail: int


@dataclass(frozen=True, slots=True)
class Ready:
    """What ``ready.json`` tells: where everything is, once everything is healthy.

    ``environment`` is what a process needs, beside the machine's own variables, to belong to the
    desk; it holds passwords, so the file is for this user only.
    """

    url: str
    user: str
    password_file: str
    environment_file: str
    mails: str
    logs: str
    ports: Ports
    supervisor: int
    pids: Mapping[str, int]
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrialDesk:
    """The trial desk below `folder`; `environ` is the machine's, with RiskOps' and Airflow's settings."""

    folder: Path
    environ: Mapping[str, str]
    ports: Ports
    server: Server

    @property
    def api(self) -> str:
        """Where this machine reaches the api-server."""
        return f"http://{LOOPBACK}:{self.ports.api}"

    @property
    def airflow_home(self) -> Path:
        """Airflow's home: of this desk alone."""
        return self.folder / "airflow"

    @property
    def mails(self) -> Path:
        """The folder of caught mails, a Maildir."""
        return self.folder / "caught"

    def environment(self) -> dict[str, str]:
        """Return the environment of every process of the desk."""
        kept = {k: v for k, v in self.environ.items() if k not in FOREIGN and not k.startswith("PG")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return kept | self._of_airflow() | self._of_riskops() | {"PATH": path}

    def ready(self, pids: Mapping[str, int]) -> Ready:
        """Return what is told once everything is healthy."""
        environment = self.environment()
        return Ready(
            url=self.api,
            user="admin",
            password_file=str(self.airflow_home / "simple_auth_manager_passwords.json.generated"),
            environment_file=str(self.folder / ENVIRONMENT_FILE),
            mails=str(self.mails / "new"),
            logs=str(self.folder / "log"),
            ports=self.ports,
            supervisor=os.getpid(),
            pids=pids,
            environment={k: environment[k] for k in sorted(environment) if k.startswith(TOLD)},
        )

    def database(self) -> Service:
        """Return the database server; nothing else outlives it, so it is not started again."""
        return Service(self.server.program(), lambda _started: self.server.accepts(), restarts=0)

    def preparations(self, *, demo: bool) -> tuple[Program, ...]:
        """Return what brings both databases to their newest version, and loads the demo desk."""
        return self._airflow("db", "migrate"), self._riskops("demo" if demo else "migrate")

    def front(self) -> tuple[Service, ...]:
        """Return what has to answer before anything executes tasks."""
        mail, port = str(self.mails), str(self.ports.mail)
        return (
            Service(
                self._riskops("catch-mail", mail, "--port", port), lambda _: is_listened_to(self.ports.mail)
            ),
            Service(self._airflow("api-server"), lambda _: health.answers(self.api)),
        )

    def parts(self) -> tuple[Service, ...]:
        """Return what schedules, parses and triggers."""
        return tuple(self._part(name) for name in PARTS)

    def _part(self, name: str) -> Service:
        options = ("--skip-serve-logs",) if name in SERVES_LOGS else ()  # they would listen beyond loopback

        def is_healthy(started: datetime) -> bool:
            return health.is_healthy(self.api, name.replace("-", "_"), started)

        return Service(self._airflow(name, *options), is_healthy)

    def _of_airflow(self) -> dict[str, str]:
        url = self.server.url(AIRFLOW_DATABASE)
        return {
            "AIRFLOW_HOME": str(self.airflow_home),
            API_PORT: str(self.ports.api),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.api}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": url,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.airflow_home / "logs"),
        }

    def _of_riskops(self) -> dict[str, str]:
        return {
            "RISKOPS_DATABASE_URL": self.server.url(RISK_DATABASE),
            "RISKOPS_OUTPUT": str(self.folder / "out"),
            "RISKOPS_INBOX": str(self.folder / "inbox"),
            "RISKOPS_DELIVERY": "smtp",
            "RISKOPS_RECIPIENTS": self.environ.get("RISKOPS_RECIPIENTS") or "desk@localhost",
            "RISKOPS_SMTP_HOST": LOOPBACK,
            "RISKOPS_SMTP_PORT": str(self.ports.mail),
            "RISKOPS_SMTP_SECURITY": "none",
        }

    def _airflow(self, *arguments: str) -> Program:
        return Program(_name(arguments), (_airflow_executable(), *arguments), self.environment())

    def _riskops(self, *arguments: str) -> Program:
        command = (sys.executable, "-m", "riskops", *arguments)
        return Program(_name(arguments), command, self.environment())


def run_trial_desk(
    folder: Path,
    environ: Mapping[str, str],
    wanted: Ports,
    asked: StopAsked,
    *,
    demo: bool,
    tell: Tell,
    ready: Callable[[Ready], None],
) -> None:
    """Start the trial desk, watch over it until somebody asks to stop, and stop everything.

    Parameters
    ----------
    folder
        Holds all of it; made where it is not there.
    wanted
        The ports; 0 is any free one.
    demo
        Whether the demo desk is loaded, or the risk database only migrated.
    ready
        Called once, when everything is healthy.

    Raises
    ------
    ConfigurationError
        If it cannot run here, like this; the message says what to do.
    TrialError
        If a part of it does not start, or died for good.
    """
    folder = folder.resolve()
    _require(environ)
    make_enterable(folder, for_others=os.geteuid() == 0)
    with Supervisor(folder, tell, asked) as supervisor, _forgotten(folder):
        desk = _prepared(folder, environ, wanted)
        _start(desk, supervisor, tell, demo=demo)
        ready(_announce(desk, supervisor))
        supervisor.watch(lambda: _announce(desk, supervisor))


def _require(environ: Mapping[str, str]) -> None:
    if environ.get("RISKOPS_DEPLOYMENT") not in DRILL_DEPLOYMENTS:
        raise ConfigurationError("The trial desk is not for production: set RISKOPS_DEPLOYMENT=demo.")
    missing = [name for name in NEEDED if not environ.get(name)]
    if missing:
        raise ConfigurationError(f"{', '.join(missing)}: not set. `make up` sets them.")


def _prepared(folder: Path, environ: Mapping[str, str], wanted: Ports) -> TrialDesk:
    """Make the folders and the database server's files; find the ports."""
    host = environ.get(API_HOST) or LOOPBACK
    ports = Ports(
        api=usable_port(wanted.api, f"the api-server (choose another with {API_PORT})", host),
        database=usable_port(wanted.database, "PostgreSQL (--database-port)"),
        mail=usable_port(wanted.mail, "the mail catcher (--mail-port)"),
    )
    server = server_below(folder / "postgres", ports.database)
    server.prepare()
    for name in ("airflow", "inbox", "out"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    return TrialDesk(folder, environ, ports, server)


def _start(desk: TrialDesk, supervisor: Supervisor, tell: Tell, *, demo: bool) -> None:
    tell(f"Starting PostgreSQL on {LOOPBACK}:{desk.ports.database}.")
    supervisor.start(desk.database())
    desk.server.create_databases(AIRFLOW_DATABASE, RISK_DATABASE)
    tell("Bringing both databases to their newest version" + (", loading the demo desk." if demo else "."))
    supervisor.complete(*desk.preparations(demo=demo))
    tell("Starting the mail catcher and Airflow's api-server.")
    supervisor.start(*desk.front())
    tell("Starting Airflow's scheduler, dag-processor and triggerer.")
    supervisor.start(*desk.parts())


def _announce(desk: TrialDesk, supervisor: Supervisor) -> Ready:
    ready = desk.ready(supervisor.pids)
    put(desk.folder / ENVIRONMENT_FILE, _assignments(ready.environment).encode(), OWNER_ONLY)
    put(desk.folder / READY_FILE, json.dumps(asdict(ready), indent=2).encode(), OWNER_ONLY)
    return ready


def read_ready(folder: Path) -> Ready | None:
    """Return what the desk of a folder tells, or None while it is not ready.

    What a killed supervisor told stays until the next one starts: ask whether ``supervisor`` lives.
    """
    try:
        told: dict[str, Any] = json.loads((folder / READY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Ready(**told | {"ports": Ports(**told["ports"])})


@contextmanager
def _forgotten(folder: Path) -> Iterator[None]:
    """Let the desk be ready neither before it is, nor when it is being stopped."""
    ready = folder / READY_FILE
    ready.unlink(missing_ok=True)
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)


def _assignments(environment: Mapping[str, str]) -> str:
    """Write an environment as a shell reads it."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())


def _name(arguments: tuple[str, ...]) -> str:
    return "airflow-migrate" if arguments[0] == "db" else arguments[0]


def _airflow_executable() -> str:
    beside = Path(sys.executable).parent / "airflow"
    found = str(beside) if beside.exists() else shutil.which("airflow")
    if found is None:
        raise ConfigurationError("There is no `airflow` to run: `make setup` installs it.")
    return found
