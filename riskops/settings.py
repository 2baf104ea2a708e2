"""Deployment values, read from the environment once, at the edge.

Business numbers live in `riskops.config`. A value that is a secret is wrapped in `Secret`, whose
text never shows in a representation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, nan
from pathlib import Path
from typing import TypeVar

from riskops.errors import ConfigurationError

Choice = TypeVar("Choice", bound=StrEnum)

DRILL_DEPLOYMENTS = ("demo", "test")


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
        deployment=_required(environ, "RISKOPS_DEPLOYMENT"),
        database_url=Secret(_secret(environ, "RISKOPS_DATABASE_URL", required=True)),
        calendar=environ.get("RISKOPS_CALENDAR", "XNYS"),
        source=environ.get("RISKOPS_SOURCE", "csv"),
        csv_mapping=environ.get("RISKOPS_CSV_MAPPING", "closed_trades"),
        inbox=Path(environ.get("RISKOPS_INBOX", "inbox")),
        output=Path(environ.get("RISKOPS_OUTPUT", "out")),
        delivery=_choice(environ, "RISKOPS_DELIVERY", Delivery, None),
        sender=_sender(environ.get("RISKOPS_SENDER", "riskops@localhost")),
        recipients=_addresses(environ.get("RISKOPS_RECIPIENTS", "")),
        mail_server=_mail_server(environ),
        on_call_webhook=_address(environ, "RISKOPS_ON_CALL_WEBHOOK"),
        heartbeat=_address(environ, "RISKOPS_HEARTBEAT_URL"),
        fault=_choice(environ, "RISKOPS_FAULT", Fault, Fault.NONE),
    )
    _refuse_drills_in_production(settings)
    return settings


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


def _address(environ: Mapping[str, str], name: str) -> Secret:
    """Read a web address that may carry a token; it is never shown, also not where it is wrong."""
    address = Secret(_secret(environ, name, required=False))
    if address and not address.reveal().startswith(("http://", "https://")):
        raise ConfigurationError(f"{name} is no web address: write https://...")
    return address


def _mail_server(environ: Mapping[str, str]) -> MailServer:
    security = environ.get("RISKOPS_SMTP_SECURITY", "starttls")
    if security not in ("starttls", "tls", "none"):
        raise ConfigurationError(f"RISKOPS_SMTP_SECURITY={security!r}: use starttls, tls or none.")
    return MailServer(
        host=environ.get("RISKOPS_SMTP_HOST", "localhost"),
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


def _secret(environ: Mapping[str, str], name: str, *, required: bool) -> str:
    """Read a secret from ``NAME`` or from the file that ``NAME_FILE`` names."""
    path = environ.get(f"{name}_FILE")
    if path:
        return _secret_in_file(f"{name}_FILE", Path(path))
    return _required(environ, name) if required else environ.get(name, "")


def _secret_in_file(name: str, path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} names a file that is no UTF-8 text.") from None
    if not value:
        raise ConfigurationError(f"{name} names an empty file.")
    return value


def _choice(environ: Mapping[str, str], name: str, choices: type[Choice], default: Choice | None) -> Choice:
    value = environ.get(name, default or "")
    try:
        return choices(value)
    except ValueError:
        allowed = ", ".join(choices)
        raise ConfigurationError(f"{name}={value!r}: use one of {allowed}.") from None


def _port(environ: Mapping[str, str], name: str, default: str) -> int:
    value = environ.get(name, default)
    if not (value.isascii() and value.isdecimal() and 0 < int(value) < 65_536):
        raise ConfigurationError(f"{name}={value!r} is no port: use 1 to 65535.")
    return int(value)


def _seconds(environ: Mapping[str, str], name: str, default: str) -> float:
    value = environ.get(name, default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = nan
    if not 0 < seconds < inf:
        raise ConfigurationError(f"{name}={value!r} is no positive number of seconds.")
    return seconds


def _sender(text: str) -> str:
    if "@" not in text or not text.isprintable():
        raise ConfigurationError(f"RISKOPS_SENDER={text!r} is no mail address.")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in text.split(",") if part.strip())
    for address in addresses:
        if "@" not in address or any(ord(ch) < 33 for ch in address):
            raise ConfigurationError(f"RISKOPS_RECIPIENTS: {address!r} is no mail address.")
    return addresses
