"""The outbox: one row a mail and recipient, which remembers how far the mail got.

A row is ``pending`` until a sender begins, ``sending`` while the server may already have accepted
the mail, and ends as ``sent`` or ``refused``. Every method is one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa

from riskops.errors import SealedError
from riskops.handover import Sender
from riskops.records import Picture, Publication
from riskops.store.database import Database
from riskops.store.mornings import Report, pictures_of, take_what_left
from riskops.store.seal import LIMITS_MAIL, refuse_overtaken, seal, sealed_at
from riskops.store.tables import outbox
from riskops.store.upsert import insert_missing

PENDING, SENDING, SENT, REFUSED = "pending", "sending", "sent", "refused"
_OF_A_RECIPIENT = ("deployment", "session", "kind", "recipient")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One mail to one recipient: its content, how far it got and the last problem."""

    key: str
    deployment: str
    session: date
    kind: str
    revision: int
    recipient: str
    message_id: str
    subject: str
    text: str
    html: str
    state: str
    attempts: int
    problem: str


@dataclass(frozen=True, slots=True)
class LastResort:
    """A minimal mail, and the limits it names as its session's own: once it has left they are in force."""

    report: Report
    publication: Publication


def outbox_key(deployment: str, session: date, kind: str, revision: int, recipient: str) -> str:
    """Return the key of a mail: the same mail to the same recipient has the same key, for ever."""
    parts = [deployment, session.isoformat(), kind, revision, recipient]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def message_id(key: str) -> str:
    """Return the Message-ID of the mail with `key`; a second copy has the same one."""
    return f"<{key[:32]}@riskops>"


class Outbox:
    """Reads and writes the outbox, and seals a session when its limits have left."""

    sender = Sender.OUTBOX

    def __init__(self, database: Database, last_resort: LastResort | None = None) -> None:
        self._database, self._last_resort = database, last_resort

    def prepare(self, report: Report, deployment: str, recipients: Sequence[str]) -> tuple[str, ...]:
        """Put a mail in the outbox for every recipient and return the keys, in their order.

        The content of rows still pending is refreshed; rows beyond that never change.
        """
        rows = [asdict(new_row(report, deployment, recipient)) for recipient in recipients]
        keys = tuple(row["key"] for row in rows)
        refresh = sa.update(outbox).where(outbox.c.key.in_(keys), outbox.c.state == PENDING)
        with self._database.writing() as connection:
            insert_missing(connection, outbox, rows)
            connection.execute(refresh.values(subject=report.subject, text=report.text, html=report.html))
        return keys

    def begin(self, key: str) -> bool:
        """Mark a mail as being handed over; from here on its session is frozen.

        Returns
        -------
        bool
            Whether an earlier sender had begun and left no word: the server may have its copy.

        Raises
        ------
        SealedError
            If the mail was sent or refused before.
        RevisionError
            If a newer correction goes out in its place.
        """
        change = sa.update(outbox).where(outbox.c.key == key)
        with self._database.writing() as connection:
            query = sa.select(outbox).where(outbox.c.key == key).with_for_update()
            row = connection.execute(query).one()
            state = row.state
            if row.kind == LIMITS_MAIL:
                refuse_overtaken(connection, row.session, row.revision)
            if state in (SENT, REFUSED):
                raise SealedError(f"The mail {message_id(key)} was {state} before; ask for a revision.")
            connection.execute(change.values(state=SENDING, attempts=outbox.c.attempts + 1))
        return state == SENDING

    def accepted(self, key: str, now: datetime) -> None:
        """Note that the server accepted the mail; the first accepted limits mail seals its session."""
        with self._database.writing() as connection:
            _change(connection, key, state=SENT, problem="")
            row = connection.execute(sa.select(outbox).where(outbox.c.key == key)).one()
            if row.kind == LIMITS_MAIL:
                self._decide_what_left(connection, row.session, row.revision)
                seal(connection, row.session, row.revision, now)

    def _decide_what_left(self, connection: sa.Connection, session: date, revision: int) -> None:
        """Let what a minimal mail names be what was decided, before its session is sealed."""
        if self._last_resort is not None and sealed_at(connection, session, revision) is None:
            left = self._last_resort
            take_what_left(connection, left.publication, left.report, {"minimal": True})

    def not_accepted(self, key: str, problem: str, *, final: bool) -> None:
        """Note that the server surely did not accept the mail: for good where `final`."""
        with self._database.writing() as connection:
            _change(connection, key, state=REFUSED if final else PENDING, problem=problem)

    def in_doubt(self, key: str, problem: str) -> None:
        """Note why nobody knows whether the server accepted the mail; it stays ``sending``."""
        with self._database.writing() as connection:
            _change(connection, key, problem=problem)

    def row(self, key: str) -> OutboxRow:
        """Return the mail with `key`."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(outbox).where(outbox.c.key == key)).mappings().one()
        return OutboxRow(**found)

    def pictures(self, mail: OutboxRow) -> tuple[Picture, ...]:
        """Return the pictures that the HTML of a mail names, as they were drawn when it was composed."""
        with self._database.reading() as connection:
            return pictures_of(connection, mail.session, mail.revision, mail.kind, mail.html)

    def earlier(self, mail: OutboxRow) -> tuple[str, ...]:
        """Return the Message-IDs of the mails that one corrects, as far as its recipient has them."""
        query = (
            sa.select(outbox.c.message_id)
            .where(*[outbox.c[name] == getattr(mail, name) for name in _OF_A_RECIPIENT])
            .where(outbox.c.revision < mail.revision, outbox.c.state == SENT)
            .order_by(outbox.c.revision)
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def rows(self, session: date, revision: int) -> tuple[OutboxRow, ...]:
        """Return the mails of a session and revision, by kind and recipient."""
        query = (
            sa.select(outbox)
            .where(outbox.c.session == session, outbox.c.revision == revision)
            .order_by(outbox.c.kind, outbox.c.recipient)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(OutboxRow(**row) for row in found)


def new_row(report: Report, deployment: str, recipient: str) -> OutboxRow:
    """Return a mail to one recipient that nobody has begun to send."""
    key = outbox_key(deployment, report.session, report.kind, report.revision, recipient)
    return OutboxRow(
        key=key,
        deployment=deployment,
        session=report.session,
        kind=report.kind,
        revision=report.revision,
        recipient=recipient,
        message_id=message_id(key),
        subject=report.subject,
        text=report.text,
        html=report.html,
        state=PENDING,
        attempts=0,
        problem="",
    )


def _change(connection: sa.Connection, key: str, **values: str) -> None:
    connection.execute(sa.update(outbox).where(outbox.c.key == key).values(**values))
