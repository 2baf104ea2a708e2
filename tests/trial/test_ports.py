"""Ports on loopback: the one that was asked for, or a free one."""

from __future__ import annotations

import socket

import pytest

from riskops.errors import ConfigurationError
from riskops.trial.ports import LOOPBACK, is_listened_to, usable_port


@pytest.fixture
def taken():
    """Return a port somebody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_is_found_and_stays_free():
    port = usable_port(0, "a test")
    assert not is_listened_to(port)
    assert usable_port(port, "a test") == port


def test_a_port_somebody_listens_on_is_refused_with_the_way_to_another(taken):
    assert is_listened_to(taken)
    with pytest.raises(ConfigurationError, match=rf"Port {taken} on {LOOPBACK} .*\(--mail-port\)"):
        usable_port(taken, "the mail catcher (--mail-port)")
