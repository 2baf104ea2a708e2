"""Back the risk database up, and bring it back.

A backup leaves a note of itself in the output folder, which is where `riskops status` knows it from.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from riskops import whole_files
from riskops.desk import Desk
from riskops.errors import ConfigurationError
from riskops.pipeline.stage import Receipt
from riskops.settings import Settings
from riskops.store import archive
from riskops.store.database import Database
from riskops.store.documents import from_document, to_document

NOTE = "last_backup.json"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """Where the newest backup this output folder knows of was written, and which moment it shows."""

    path: Path
    made_at: datetime


def back_up(desk: Desk, destination: Path) -> Receipt:
    """Write a backup to a file, or under a name of its own into a folder.

    Raises
    ------
    InputError
        If the file is there already, or cannot be written.
    """
    now = desk.clock()
    path = (destination / _own_name(desk.settings, now) if destination.is_dir() else destination).absolute()
    manifest = archive.write(desk.store.database, path, desk.settings.deployment, now)
    return {
        "backup": str(path),
        "schema": manifest.schema,
        "rows": manifest.rows,
        "bytes": path.stat().st_size,
        "sha256": _digest(path),
        "noted": _noted(desk.settings.output, LastBackup(path, now)),
    }


def check_backup(path: Path) -> Receipt:
    """Read a backup from end to end; no database is needed.

    Raises
    ------
    InputError
        If it is damaged.
    """
    manifest = archive.check(path)
    return {
        "backup": str(path),
        "deployment": manifest.deployment,
        "made_at": manifest.made_at.isoformat(timespec="seconds"),
        "schema": manifest.schema,
        "rows": manifest.rows,
        "sha256": _digest(path),
    }


def restore_backup(settings: Settings, path: Path) -> Receipt:
    """Fill the deployment's empty risk database from a backup, all of it or nothing.

    Raises
    ------
    ConfigurationError
        If the backup is of another deployment: its mails would not be known here as sent.
    InputError
        If the backup is damaged or of another schema version, or the database is not empty.
    """
    found = check_backup(path)
    if found["deployment"] != settings.deployment:
        raise ConfigurationError(
            f"{path} is of the deployment {found['deployment']!r}, this is {settings.deployment!r}: "
            "set RISKOPS_DEPLOYMENT to the former, so that no mail leaves twice."
        )
    database = Database(settings.database_url.reveal())
    try:
        written = archive.restore(database, path)
    finally:
        database.close()
    return {**found, "result": "restored and compared" if written else "the database holds it already"}


def last_backup(output: Path) -> LastBackup | None:
    """Return the newest backup that an output folder knows of; an unreadable note is none."""
    try:
        return from_document(LastBackup, json.loads((output / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None


def _own_name(settings: Settings, now: datetime) -> str:
    deployment = re.sub(r"[^\w.-]", "_", settings.deployment)
    return f"riskops-{deployment}-{now:%Y%m%dT%H%M%SZ}.zip"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _noted(output: Path, backup: LastBackup) -> str:
    """Leave the note; a backup without one is as good."""
    try:
        whole_files.put(output / NOTE, json.dumps(to_document(backup)).encode())
    except OSError as error:
        return f"no: {error.strerror}"
    return "yes"
