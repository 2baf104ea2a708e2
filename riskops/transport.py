"""Which lines may carry limits and passwords: this machine's own, or one to a server that proves its name."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from riskops.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

VERIFYING = ("verify-ca", "verify-full")
BUNDLES = (  # of the system's certificate authorities
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def is_local(host: str) -> bool:
    """Say whether a host is this machine: a loopback address, ``localhost``, a socket, or no name at all."""
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def verified(url: str, environ: Mapping[str, str], *, drill: bool) -> str:
    """Return the URL of the risk database, with the server verified where it is another machine.

    PostgreSQL elsewhere is spoken to with ``sslmode=verify-full`` and the system's certificate
    authorities, unless the URL asks for another way of verifying it.

    Parameters
    ----------
    environ
        The environment, which may name PostgreSQL's host where the URL does not.
    drill
        Whether the deployment is for trials, which may go without.

    Raises
    ------
    ConfigurationError
        If the URL asks not to verify the server.
    """
    parsed = _parsed(url)
    if parsed is None or parsed.get_backend_name() != "postgresql" or _stays_here(parsed, environ):
        return url
    mode = parsed.query.get("sslmode")
    if mode is None:
        asked = {"sslmode": "verify-full", "sslrootcert": system_authorities(), **parsed.query}
        return parsed.set(query=asked).render_as_string(hide_password=False)
    if mode not in VERIFYING and not drill:
        raise ConfigurationError(
            f"RISKOPS_DATABASE_URL has sslmode={mode} for another machine, whose name nobody would verify: "
            "leave it out, or write verify-full and name the authority with sslrootcert=/path."
        )
    return url


def refuse_open_login(host: str, security: str, password: bool) -> None:
    """Refuse to send a password to another machine in the clear.

    Raises
    ------
    ConfigurationError
        If that is what the settings ask for.
    """
    if security == "none" and password and not is_local(host):
        raise ConfigurationError(
            "RISKOPS_SMTP_SECURITY=none would send RISKOPS_SMTP_PASSWORD to another machine in the clear: "
            "use starttls or tls."
        )


def refuse_open_web(name: str, url: str, *, drill: bool) -> None:
    """Refuse a web address that a login would be sent to without a server that proves its name.

    Parameters
    ----------
    name
        The setting, for the message.
    drill
        Whether the deployment is for trials, which may ask this machine in the clear.

    Raises
    ------
    ConfigurationError
        If the address is not ``https://``.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (drill and is_local(parts.hostname or "")):
        raise ConfigurationError(f"{name} would send a login in the clear: write https://...")


def system_authorities() -> str:
    """Return the file of the system's certificate authorities, or ``SSL_CERT_FILE``.

    The driver's own word for them, ``system``, means a folder that only the driver's packagers have.
    """
    known = (ssl.get_default_verify_paths().cafile, *BUNDLES)
    return next((path for path in known if path and os.path.isfile(path)), "system")


def _parsed(url: str) -> URL | None:
    """Return the parsed URL; one that nobody can parse is refused by whoever opens it."""
    import sqlalchemy as sa

    try:
        return sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return None


def _stays_here(url: URL, environ: Mapping[str, str]) -> bool:
    """Say whether every server the driver may be led to is this machine; a service's may be any."""
    if "service" in url.query or environ.get("PGSERVICE"):
        return False
    named = [url.host or "", *_hosts(url, "host")] if url.host or "host" in url.query else []
    addresses = _hosts(url, "hostaddr") or environ.get("PGHOSTADDR", "").split(",")
    return all(map(is_local, [*(named or environ.get("PGHOST", "").split(",")), *addresses]))


def _hosts(url: URL, key: str) -> list[str]:
    """Return the hosts of a query parameter, without their ports."""
    given = url.query.get(key, ())
    values: Iterable[str] = (given,) if isinstance(given, str) else given
    return [_without_port(host) for value in values for host in value.split(",")]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    has_port = colon and port.isdecimal() and (":" not in name or name.endswith("]"))
    return name if has_port else host
