"""Deployment values, read from the environment once, at the edge.

Business numbers live in `riskops.config`. A value that is a secret is wrapped in `Secret`, whose
text never shows in a representation.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import nan
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from riskops import transport
from riskops.errors import ConfigurationError

Choice = TypeVar("Choice", bound=StrEnum)
log = logging.getLogger(__name__)

DRILL_DEPLOYMENTS = ("demo", "test")
PROPREPORTS = "propreports"  # the source that has a login of its own
LONGEST_NAME = 64  # of a deployment
LONGEST_ADDRESS = 254  # of a mail address, as RFC 5321 has it
LONGEST_PATH_BYTES = 4_096
LONGEST_FILE_NAME_BYTES = 255
LONGEST_SECRET_BYTES = 65_536
LONGEST_WAIT_SECONDS = 3_600.0
RUNBOOK = "docs/runbook.md"  # where the runbook is, unless the desk says where it is served

_ATOM = r"""[^\s@<>()\[\]\\,;:"]+"""
_BARE_ADDRESS = rf"{_ATOM}@[^\s@<>()\[\]\\,;:\".]+(?:\.[^\s@<>()\[\]\\,;:\".]+)*"
_ADDRESS = re.compile(_BARE_ADDRESS)
_NAMED_ADDRESS = re.compile(rf"""(?:"[^"\\]*"|[^@<>()\[\]\\,;:"]+) ?<{_BARE_ADDRESS}>""")


class Delivery(StrEnum):
    """How mails leave: to a mail server, or into files (demo and test only)."""

    SMTP = "smtp"
    FILES = "files"


class Fault(StrEnum):
    """Failures that can be forced for a drill."""

    NONE = "none"
    MODEL_RAISES = "model_raises"
    MODEL_HANGS = "model_hangs"
    MODEL_LOSES = "model_loses"
    QUALITY_CRITICAL = "quality_critical"
    RULES_RAISE = "rules_raise"
    INGEST_RAISES = "ingest_raises"
    SMTP_DOWN = "smtp_down"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not be printed; `reveal` hands it to the one who needs it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over; `security` is ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    user: str = field(repr=False)
    password: Secret
    security: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class BackOffice:
    """Where PropReports is asked, and the login there."""

    url: str
    user: str = field(repr=False)
    password: Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a deployment decides."""

    deployment: str
    database_url: Secret
    calendar: str
    source: str
    csv_mapping: str
    inbox: Path
    output: Path
    delivery: Delivery
    sender: str
    recipients: tuple[str, ...]
    mail_server: MailServer
    on_call_webhook: Secret
    heartbeat: Secret
    fault: Fault
    back_office: BackOffice | None = None
    escalation: tuple[str, ...] = ()
    runbook: str = RUNBOOK

    @property
    def is_drill(self) -> bool:
        """Whether this deployment may force faults and write mails to files."""
        return self.deployment in DRILL_DEPLOYMENTS


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from environment variables.

    Raises
    ------
    ConfigurationError
        If a variable is missing, malformed, or not allowed in this deployment.
    """
    settings = Settings(
        deployment=_deployment(environ),
        database_url=Secret(_secret(environ, "RISKOPS_DATABASE_URL", required=True)),
        calendar=environ.get("RISKOPS_CALENDAR", "XNYS"),
        source=environ.get("RISKOPS_SOURCE", "csv"),
        csv_mapping=environ.get("RISKOPS_CSV_MAPPING", "closed_trades"),
        inbox=_folder(environ, "RISKOPS_INBOX", "inbox"),
        output=_folder(environ, "RISKOPS_OUTPUT", "out"),
        delivery=_choice(environ, "RISKOPS_DELIVERY", Delivery, None),
        sender=_sender(environ.get("RISKOPS_SENDER", "riskops@localhost")),
        recipients=_addresses(environ, "RISKOPS_RECIPIENTS"),
        escalation=_addresses(environ, "RISKOPS_ESCALATION"),
        runbook=_runbook(environ),
        mail_server=_mail_server(environ),
        on_call_webhook=_address(environ, "RISKOPS_ON_CALL_WEBHOOK"),
        heartbeat=_address(environ, "RISKOPS_HEARTBEAT_URL"),
        fault=_choice(environ, "RISKOPS_FAULT", Fault, Fault.NONE),
        back_office=_back_office(environ),
    )
    _refuse_drills_in_production(settings)
    return replace(settings, database_url=_database_url(settings, environ))


def readable_webhook(environ: Mapping[str, str]) -> Secret:
    """Return where on-call hears, also where other settings are wrong; nothing where it cannot be read."""
    try:
        return _address(environ, "RISKOPS_ON_CALL_WEBHOOK")
    except ConfigurationError:
        return Secret("")


def readable_runbook(environ: Mapping[str, str]) -> str:
    """Return where the runbook is, also where that or another setting is wrong."""
    try:
        return _runbook(environ)
    except ConfigurationError:
        return RUNBOOK


def readable_deployment(environ: Mapping[str, str]) -> str:
    """Return the desk's name as a message may show it, also where it is missing or wrong."""
    try:
        return _deployment(environ)
    except ConfigurationError:
        return "(no name)"


def _database_url(settings: Settings, environ: Mapping[str, str]) -> Secret:
    return Secret(transport.verified(settings.database_url.reveal(), environ, drill=settings.is_drill))


def _refuse_drills_in_production(settings: Settings) -> None:
    if settings.is_drill:
        return
    allowed = " and ".join(DRILL_DEPLOYMENTS)
    if settings.fault is not Fault.NONE:
        raise ConfigurationError(f"RISKOPS_FAULT is for {allowed} only; unset it in {settings.deployment!r}.")
    if settings.delivery is Delivery.FILES:
        raise ConfigurationError(
            f"RISKOPS_DELIVERY=files is for {allowed} only; use smtp in {settings.deployment!r}."
        )
    if not settings.recipients:
        raise ConfigurationError("RISKOPS_RECIPIENTS is empty: name the risk managers' addresses.")
    server = settings.mail_server
    transport.refuse_open_login(server.host, server.security, bool(server.password))


def _address(environ: Mapping[str, str], name: str) -> Secret:
    """Read a web address that may carry a token; it is never shown, also not where it is wrong."""
    address = Secret(_secret(environ, name, required=False))
    if address and not _is_web_address(address.reveal()):
        raise ConfigurationError(f"{name} is no web address: write https://...")
    return address


def _is_web_address(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return text.startswith(("http://", "https://")) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _back_office(environ: Mapping[str, str]) -> BackOffice | None:
    """Read where PropReports is and its login, where it is the source.

    Where nothing of it is set, only who fetches misses it: the rest of a morning does without.
    """
    parts = ("URL", "USER", "PASSWORD", "PASSWORD_FILE")
    is_set = any(environ.get(f"RISKOPS_PROPREPORTS_{part}") for part in parts)
    if environ.get("RISKOPS_SOURCE") != PROPREPORTS or not is_set:
        return None
    url = _required(environ, "RISKOPS_PROPREPORTS_URL")
    address = urlsplit(url) if _is_web_address(url) else urlsplit("")
    if not address.hostname or "@" in address.netloc or address.query or address.fragment:
        raise ConfigurationError(
            "RISKOPS_PROPREPORTS_URL is no address of PropReports: write https://<firm>.propreports.com/api.php."
        )
    drill = _deployment(environ) in DRILL_DEPLOYMENTS
    transport.refuse_open_web("RISKOPS_PROPREPORTS_URL", url, drill=drill)
    return BackOffice(
        url=url if address.path.strip("/") else f"{url.rstrip('/')}/api.php",
        user=_required(environ, "RISKOPS_PROPREPORTS_USER"),
        password=Secret(_secret(environ, "RISKOPS_PROPREPORTS_PASSWORD", required=True)),
    )


def _mail_server(environ: Mapping[str, str]) -> MailServer:
    security = environ.get("RISKOPS_SMTP_SECURITY", "starttls")
    if security not in ("starttls", "tls", "none"):
        raise ConfigurationError(f"RISKOPS_SMTP_SECURITY={_shown(security)}: use starttls, tls or none.")
    return MailServer(
        host=_host(environ, "RISKOPS_SMTP_HOST", "localhost"),
        port=_port(environ, "RISKOPS_SMTP_PORT", "587"),
        user=environ.get("RISKOPS_SMTP_USER", ""),
        password=Secret(_secret(environ, "RISKOPS_SMTP_PASSWORD", required=False)),
        security=security,
        timeout_seconds=_seconds(environ, "RISKOPS_SMTP_TIMEOUT", "20"),
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set. See 'Settings' in the README.")
    return value


def _deployment(environ: Mapping[str, str]) -> str:
    name = _required(environ, "RISKOPS_DEPLOYMENT")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(
            f"RISKOPS_DEPLOYMENT={_shown(name)}: use at most {LONGEST_NAME} printable characters."
        )
    return name


def _folder(environ: Mapping[str, str], name: str, default: str) -> Path:
    text = environ.get(name, default)
    if not (text.strip() and text.isprintable() and _fits_a_disk(text)):
        raise ConfigurationError(
            f"{name}={_shown(text)} is no folder. Name one, or unset it for {default!r}."
        )
    return Path(text)


def _fits_a_disk(path: str) -> bool:
    longest = max(len(part.encode()) for part in path.split("/"))
    return longest <= LONGEST_FILE_NAME_BYTES and len(path.encode()) < LONGEST_PATH_BYTES


def _host(environ: Mapping[str, str], name: str, default: str) -> str:
    text = environ.get(name, default)
    if not text or len(text) > LONGEST_ADDRESS or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{name}={_shown(text)} is no host name.")
    return text


def _shown(text: str) -> str:
    """Return a value as an error message quotes it: short, on one line, escaped."""
    return ascii(text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "...")


def _secret(environ: Mapping[str, str], name: str, *, required: bool) -> str:
    """Read a secret from ``NAME`` or from the file that ``NAME_FILE`` names."""
    path = environ.get(f"{name}_FILE")
    if path:
        return _secret_in_file(f"{name}_FILE", Path(path))
    return _required(environ, name) if required else environ.get(name, "")


def _secret_in_file(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_SECRET_BYTES + 1)
            _warn_of_readers(name, os.fstat(file.fileno()).st_mode)
        value = content.decode("utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} names a file that is no UTF-8 text.") from None
    except ValueError:
        raise ConfigurationError(f"{name} names no file.") from None
    if len(content) > LONGEST_SECRET_BYTES:
        raise ConfigurationError(f"{name} names a file that is too long for a secret.")
    if not value:
        raise ConfigurationError(f"{name} names an empty file.")
    return value


def _warn_of_readers(name: str, mode: int) -> None:
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("%s names a file that others may read (mode %04o): chmod 600.", name, stat.S_IMODE(mode))


def _choice(environ: Mapping[str, str], name: str, choices: type[Choice], default: Choice | None) -> Choice:
    value = environ.get(name, default or "")
    try:
        return choices(value)
    except ValueError:
        allowed = ", ".join(choices)
        raise ConfigurationError(f"{name}={_shown(value)}: use one of {allowed}.") from None


def _port(environ: Mapping[str, str], name: str, default: str) -> int:
    value = environ.get(name, default)
    if not (re.fullmatch("[0-9]{1,5}", value) and 0 < int(value) < 65_536):
        raise ConfigurationError(f"{name}={_shown(value)} is no port: use 1 to 65535.")
    return int(value)


def _seconds(environ: Mapping[str, str], name: str, default: str) -> float:
    value = environ.get(name, default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = nan
    if not 0 < seconds <= LONGEST_WAIT_SECONDS:
        raise ConfigurationError(
            f"{name}={_shown(value)} is no positive number of seconds up to {LONGEST_WAIT_SECONDS:.0f}."
        )
    return seconds


def _sender(text: str) -> str:
    if not (_is_address(text) or (text.isprintable() and _NAMED_ADDRESS.fullmatch(text))):
        raise ConfigurationError(f"RISKOPS_SENDER={_shown(text)} is no mail address.")
    return text


def _addresses(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = environ.get(name, "").split(",")
    addresses = tuple(part.strip() for part in parts if part.strip())
    for address in addresses:
        if not _is_address(address):
            raise ConfigurationError(f"{name}: {_shown(address)} is no mail address.")
    return addresses


def _runbook(environ: Mapping[str, str]) -> str:
    """Read where the runbook is served; its entries' anchors are put behind it."""
    address = environ.get("RISKOPS_RUNBOOK_URL", "")
    if address and (not _is_web_address(address) or "#" in address):
        raise ConfigurationError(
            f"RISKOPS_RUNBOOK_URL={_shown(address)} is no web address of a page: write https://... without #."
        )
    return address or RUNBOOK


def _is_address(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and text.isprintable() and bool(_ADDRESS.fullmatch(text))
