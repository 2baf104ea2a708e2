"""Failures forced for a drill; `riskops.settings` refuses them outside demo and test."""

from __future__ import annotations

from threading import Event

from riskops.desk import Desk
from riskops.errors import InjectedFaultError
from riskops.settings import Fault


def force(desk: Desk, fault: Fault) -> None:
    """Raise if `fault` is the one being drilled."""
    if desk.settings.fault is fault:
        raise InjectedFaultError(f"Forced by RISKOPS_FAULT={fault}.")


def hang(desk: Desk, fault: Fault) -> None:
    """Wait for ever if `fault` is the one being drilled; only a time-out or a kill ends it."""
    if desk.settings.fault is fault:
        Event().wait()
