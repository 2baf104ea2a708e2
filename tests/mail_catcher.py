"""A real mail server on this machine that keeps what it accepts and refuses what it is told to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

LONGEST_WAIT_SECONDS = 30


@dataclass
class Catcher:
    """What the server answers, and what it has accepted so far.

    `recipients` maps an address to the answer its RCPT gets, `after_data` is the answer to the
    mail itself, `cut_at` names a command (``MAIL``, ``RCPT``, ``DATA``) at which the line is cut,
    the last within the mail, `cut_after_data` drops the connection instead of answering. `arrived` is
    set when a mail is being handed over; with `release` set to an event, the answer waits for it.
    """

    recipients: Mapping[str, str] = field(default_factory=dict)
    sender: str = ""
    after_data: str = ""
    login: str = ""
    cut_after_data: bool = False
    cut_at: str = ""
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, ...]] = field(default_factory=list)
    logins: int = 0

    async def handle_MAIL(self, server, _session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.cut_at == "MAIL":
            server.transport.abort()
        if self.sender:
            return self.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if self.cut_at == "RCPT":
            server.transport.abort()
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.arrived.set()
        if self.release is not None:
            await asyncio.to_thread(self.release.wait, LONGEST_WAIT_SECONDS)
        if self.after_data:
            return self.after_data
        self.mails.append(message_from_bytes(envelope.original_content, policy=default))
        self.envelopes.append(tuple(envelope.rcpt_tos))
        if self.cut_after_data:
            server.transport.abort()
        return "250 OK"

    def authenticate(self, _server, _session, _envelope, _mechanism, _data) -> AuthResult:
        self.logins += 1
        if self.login:
            return AuthResult(success=False, handled=False, message=self.login)
        return AuthResult(success=True)


class _CutsShort(SMTP):
    """A server that may hang up within the mail, after it has asked for it."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if self.event_handler.cut_at == "DATA":
            await self.push("354 go on")
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


class _AnyPort(Controller):
    """A server on whichever port is free."""

    def factory(self) -> SMTP:
        return _CutsShort(self.handler, **self.SMTP_kwargs)

    async def _create_server(self):
        server = await super()._create_server()
        self.port = server.sockets[0].getsockname()[1]
        return server


@contextmanager
def serving(catcher: Catcher, **how: object) -> Iterator[int]:
    """Serve on a free port of this machine, which is yielded."""
    server = _AnyPort(catcher, hostname="127.0.0.1", port=0, authenticator=catcher.authenticate, **how)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
