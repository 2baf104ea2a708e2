"""A mail server that keeps every mail as a file, on loopback: for trials, never for a desk."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, Envelope, Session

from riskops.commands.context import console

app = typer.Typer()

LOOPBACK = "127.0.0.1"


class _Announced(Mailbox):
    """Keeps mails in a folder and says what came."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        reply = await super().handle_DATA(server, session, envelope)
        console.print(f"Caught a mail for {', '.join(envelope.rcpt_tos)} in {self.mail_dir}/new")
        return reply


@app.command("catch-mail")
def catch_mail(
    folder: Annotated[Path, typer.Argument(help="Where mails are kept (a Maildir).")],
    command: Annotated[list[str] | None, typer.Argument(help="A command to run meanwhile.")] = None,
    port: Annotated[int, typer.Option(help="Where to listen: the port.")] = 1025,
    host: Annotated[str, typer.Option(help="Where to listen: the address.")] = LOOPBACK,
) -> None:
    """Catch mails, on loopback, while a command runs, or until this one is stopped."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = Controller(_Announced(folder), hostname=host, port=port)
    server.start()
    console.print(f"Catching mails on {host}:{port}, kept in {folder}/new")
    try:
        code = _wait_for(command)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    finally:
        server.stop()
    raise typer.Exit(code)


def _wait_for(command: list[str] | None) -> int:
    """Run the command and return its exit code; without one, wait for a signal."""
    if not command:
        signal.pause()
        return 0
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the caller's own command
