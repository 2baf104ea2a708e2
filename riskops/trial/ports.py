"""Ports on loopback: a free one, or the one that was asked for."""

from __future__ import annotations

import socket

from riskops.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
ANY = 0


def usable_port(wanted: int, what: str, host: str = LOOPBACK) -> int:
    """Return the wanted port, or any free one where 0 is wanted.

    Parameters
    ----------
    what
        Who is to listen there, and how to choose another port: for the message.

    Raises
    ------
    ConfigurationError
        If somebody listens on the port already.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wanted))
        except OSError as error:
            raise ConfigurationError(
                f"Port {wanted} on {host} cannot be had for {what}: {error.strerror}."
            ) from None
        return int(listener.getsockname()[1])


def is_listened_to(port: int, host: str = LOOPBACK) -> bool:
    """Return whether somebody accepts connections on the port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
