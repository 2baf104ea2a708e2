"""The second channel: on-call hears what the mail cannot say, a watcher hears that it left.

Neither may block or fail the morning: every call is short, tried twice, and its own failure is
only logged. Addresses are secrets: they often carry a token.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from threading import Thread
from typing import Any

from riskops.settings import Secret, Settings, readable_deployment, readable_runbook, readable_webhook

SECONDS_PER_TRY = 4.0
TRIES = 2
LONGEST_SECONDS = 10.0

log = logging.getLogger(__name__)


class Entry(StrEnum):
    """The runbook's entries for what no single task's entry answers."""

    MAIL_IS_LATE = "the-mail-is-late"
    MINIMAL_MAIL = "a-minimal-mail-left"
    LIMITS_ARE_HELD = "limits-are-held"
    LIMIT_BREACHED = "a-limit-was-breached"
    LIMITS_FILE = "the-limits-file-is-not-written"
    WATCHDOG = "the-watchdog-speaks"
    DATABASE_IS_GONE = "the-database-is-gone"
    LIMITS_NOT_APPLIED = "limits-are-not-applied"
    ESCALATION = "an-escalation-is-not-out"
    UNACKNOWLEDGED = "a-mail-is-not-acknowledged"


def tell(settings: Settings, text: str, entry: str) -> bool:
    """Post a message for on-call, with the runbook's entry that answers it; say whether it was taken.

    The body is JSON with ``text``, which chat systems print.

    Parameters
    ----------
    entry
        An `Entry`, or the name of a task's own entry.
    """
    return _tell(settings.on_call_webhook, settings.deployment, text, what_to_do(settings, entry))


def tell_anyway(environ: Mapping[str, str], text: str, entry: str) -> bool:
    """Tell on-call as `tell` does, with what can be read where the settings as a whole cannot."""
    link = link_to(readable_runbook(environ), entry)
    return _tell(readable_webhook(environ), readable_deployment(environ), text, link)


def what_to_do(settings: Settings, entry: str) -> str:
    """Return where the runbook's entry stands: a link, where the desk says where its runbook is served."""
    return link_to(settings.runbook, entry)


def link_to(runbook: str, entry: str) -> str:
    """Return the address of an entry of a runbook."""
    return f"{runbook}#{entry}"


def _tell(webhook: Secret, deployment: str, text: str, link: str) -> bool:
    body = {"text": f"RiskOps {deployment}: {text} What to do: {link}"}
    return _post(webhook, body, "on-call webhook")


def ping(settings: Settings) -> bool:
    """Tell the dead man's switch that a mail left; say whether it was taken."""
    return _post(settings.heartbeat, {"deployment": settings.deployment}, "heartbeat")


def _post(address: Secret, body: dict[str, Any], what: str) -> bool:
    """Post within a fixed time: a server that answers byte by byte is left alone."""
    if not address:
        return False
    taken: list[bool] = []
    post = Thread(target=lambda: taken.append(_posted(address, body, what)), daemon=True)
    post.start()
    post.join(LONGEST_SECONDS)
    if not taken:
        log.warning("The %s gave no answer within %s s.", what, LONGEST_SECONDS)
    return taken == [True]


def _posted(address: Secret, body: dict[str, Any], what: str) -> bool:
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # its messages name the address
    try:
        transport = httpx.HTTPTransport(retries=TRIES - 1)
        with httpx.Client(transport=transport, timeout=SECONDS_PER_TRY) as client:
            client.post(address.reveal(), json=body).raise_for_status()
    except httpx.HTTPStatusError as error:
        log.warning("The %s answered %s.", what, error.response.status_code)
        return False
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last of a host name
        log.warning("The %s cannot be reached: %s.", what, type(error).__name__)
        return False
    return True
