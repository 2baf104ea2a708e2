"""The outbox of the emergency mail: the same promises as the outbox's, kept in files, one a mail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from riskops import whole_files
from riskops.errors import LimitsFileError, SealedError
from riskops.handover import Sender
from riskops.records import Picture
from riskops.store.documents import from_document, to_document
from riskops.store.mornings import Report
from riskops.store.outbox import PENDING, REFUSED, SENDING, SENT, OutboxRow, new_row


class FileOutbox:
    """Reads and writes the mails of one session below a folder; every change is one file put in place.

    What is there and is no mail is a `LimitsFileError`: nobody knows then what left.
    """

    sender = Sender.EMERGENCY

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, report: Report, deployment: str, recipients: Sequence[str]) -> tuple[str, ...]:
        """Put a mail in the outbox for every recipient and return the keys, in their order.

        The content of mails still pending is refreshed; mails beyond that never change.
        """
        rows = [new_row(report, deployment, recipient) for recipient in recipients]
        for row in rows:
            if not self._path(row.key).exists() or self.row(row.key).state == PENDING:
                self._keep(row, None)
        return tuple(row.key for row in rows)

    def begin(self, key: str) -> bool:
        """Mark a mail as being handed over; say whether an earlier sender left no word.

        Raises
        ------
        SealedError
            If the mail was sent or refused before.
        """
        row = self.row(key)
        if row.state in (SENT, REFUSED):
            raise SealedError(f"The mail {row.message_id} was {row.state} before.")
        self._keep(replace(row, state=SENDING, attempts=row.attempts + 1), None)
        return row.state == SENDING

    def accepted(self, key: str, now: datetime) -> None:
        """Note that the server accepted the mail, and when."""
        self._keep(replace(self.row(key), state=SENT, problem=""), now)

    def not_accepted(self, key: str, problem: str, *, final: bool) -> None:
        """Note that the server surely did not accept the mail: for good where `final`."""
        state = REFUSED if final else PENDING
        self._keep(replace(self.row(key), state=state, problem=problem), None)

    def in_doubt(self, key: str, problem: str) -> None:
        """Note why nobody knows whether the server accepted the mail; it stays ``sending``."""
        self._keep(replace(self.row(key), problem=problem), None)

    def row(self, key: str) -> OutboxRow:
        """Return the mail with `key`."""
        return _read(self._path(key))[0]

    def pictures(self, _mail: OutboxRow) -> tuple[Picture, ...]:
        """Return nothing: an emergency mail is plain text."""
        return ()

    def earlier(self, _mail: OutboxRow) -> tuple[str, ...]:
        """Return nothing: an emergency mail is the first of its session."""
        return ()

    def rows(self) -> tuple[OutboxRow, ...]:
        """Return all mails, by recipient."""
        mails = [_read(path)[0] for path in self._folder.glob("*.json")]
        return tuple(sorted(mails, key=lambda row: row.recipient))

    def first_accepted_at(self) -> datetime | None:
        """Return when the first mail was accepted, ``None`` where none is known to be."""
        told = [_read(path)[1] for path in self._folder.glob("*.json")]
        return min((moment for moment in told if moment is not None), default=None)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _keep(self, row: OutboxRow, accepted_at: datetime | None) -> None:
        moment = None if accepted_at is None else accepted_at.isoformat()
        document = {"mail": to_document(row), "accepted_at": moment}
        whole_files.put(self._path(row.key), (json.dumps(document, indent=1) + "\n").encode())


def _read(path: Path) -> tuple[OutboxRow, datetime | None]:
    """Return a mail, and when it was accepted."""
    try:
        document = json.loads(path.read_bytes())
        mail, moment = from_document(OutboxRow, document["mail"]), document["accepted_at"]
        return mail, None if moment is None else datetime.fromisoformat(moment)
    except (ValueError, KeyError, TypeError):
        raise LimitsFileError(
            f"{path} cannot be read: look who has an emergency mail, then remove it."
        ) from None
