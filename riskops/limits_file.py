"""The limits file: the limits of a session for other programs, and for the day the database is gone.

A session has ``limits.json`` and ``limits.csv`` in its folder of the output; ``current`` names the
folder of the newest live session. Each file is replaced whole, says whether the limits have left,
and carries a checksum, so that nobody acts on half a file. A line tells everything a hold needs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from riskops import config, whole_files
from riskops.errors import LimitsFileError
from riskops.records import Decision as Decided
from riskops.records import Overridden, Publication, Rung

CURRENT = "current"
JSON_NAME, CSV_NAME = "limits.json", "limits.csv"
LAYOUT = 2
READABLE = (1, LAYOUT)  # layout 1 is from before overrides: what it says is what was decided
FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
COLUMNS = (
    *("trader_id", "name", "limit_usd", "reduction_percent", "base_limit_usd", "rung", "session"),
    *("revision", "deployment", "state", "checksum"),
    *("decided_reduction_percent", "decided_limit_usd", "override", "override_by", "override_until"),
)


class State(StrEnum):
    """Whether the limits have left: decided only, sealed by the mail, or mailed without the database."""

    DECIDED = "decided"
    SEALED = "sealed"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class LimitLine:
    """The limit of one trader, and what it stands on where it is held or overridden.

    Reductions are percent of the base limit. `held_from` is the session a hold stands on, with its
    reduction and limit; `held_sessions` counts the held sessions in a row, this one included.
    `override` says by whose word the limit is another one than was decided.
    """

    trader_id: str
    name: str
    base_limit_cents: int
    reduction: int
    limit_cents: int
    rung: Rung
    held_sessions: int = 0
    held_from: date | None = None
    held_reduction: int | None = None
    held_limit_cents: int | None = None
    reasons: tuple[str, ...] = ()
    override: Overridden | None = None

    @property
    def decided_reduction(self) -> int:
        """What was decided without anybody's override, in percent of the base limit."""
        return self.reduction if self.override is None else self.override.decided_reduction

    @property
    def decided_limit_cents(self) -> int:
        """The limit that was decided without anybody's override."""
        return self.limit_cents if self.override is None else self.override.decided_limit_cents


@dataclass(frozen=True, slots=True)
class LimitsFile:
    """The limits of one session and revision, as every reader finds them; `cut_off` is what they know."""

    deployment: str
    session: date
    revision: int
    state: State
    rung: Rung
    why: str
    cut_off: datetime
    code_version: str
    lines: tuple[LimitLine, ...]


def limits_file(publication: Publication, deployment: str, state: State) -> LimitsFile:
    """Return the file of what was decided, its lines by trader."""
    decided = sorted(publication.decisions, key=lambda decision: decision.trader_id)
    return LimitsFile(
        deployment=deployment,
        session=publication.session,
        revision=publication.revision,
        state=state,
        rung=publication.rung,
        why=publication.why,
        cut_off=publication.cut_off,
        code_version=publication.code_version,
        lines=tuple(_line_of(decision) for decision in decided),
    )


def _line_of(decision: Decided) -> LimitLine:
    return LimitLine(
        trader_id=decision.trader_id,
        name=decision.name,
        base_limit_cents=decision.base_limit_cents,
        reduction=decision.reduction,
        limit_cents=decision.limit_cents,
        rung=decision.rung,
        held_sessions=decision.held_sessions,
        held_from=decision.held_from,
        held_reduction=decision.held_reduction,
        held_limit_cents=decision.held_limit_cents,
        reasons=decision.reasons,
        override=decision.override,
    )


# --- where it lies ----------------------------------------------------------------------------


def write(file: LimitsFile, output: Path) -> Path:
    """Put both forms of the file into the session's folder, each whole; return where the JSON lies.

    Raises
    ------
    OSError
        If they cannot be written; what was there before is there still.
    """
    folder = output / folder_name(file.session, file.revision)
    whole_files.put(folder / CSV_NAME, as_csv(file))
    whole_files.put(folder / JSON_NAME, as_json(file))
    return folder / JSON_NAME


def make_current(file: LimitsFile, output: Path) -> bool:
    """Let ``current`` name the folder of a file, unless it names a newer session; say whether it does."""
    newest = _readable(lambda: read_current(output))
    if newest is not None and (newest.session, newest.revision) > (file.session, file.revision):
        return False
    whole_files.point(output / CURRENT, folder_name(file.session, file.revision))
    return True


def read_current(output: Path) -> LimitsFile:
    """Read the file of the newest live session.

    Raises
    ------
    LimitsFileError
        If there is none, or it is not whole.
    """
    return read(output / CURRENT / JSON_NAME)


def read(path: Path) -> LimitsFile:
    """Read and verify a file.

    Raises
    ------
    LimitsFileError
        If it is not there, is no limits file, or its checksum does not match.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LimitsFileError(f"The limits file {path} cannot be read: {error.strerror}.") from None
    try:
        return from_json(data)
    except LimitsFileError as error:
        raise LimitsFileError(f"The limits file {path} is refused: {error}") from None


def found(output: Path, session: date, revision: int) -> LimitsFile | None:
    """Return the file of a session, or ``None`` where there is none to be relied on."""
    return _readable(lambda: read(output / folder_name(session, revision) / JSON_NAME))


def folder_name(session: date, revision: int) -> str:
    """Return the name of a session's folder: ``2026-03-16``, a revision's ``2026-03-16-r1``."""
    return f"{session}-r{revision}" if revision else f"{session}"


def _readable(reading: Callable[[], LimitsFile]) -> LimitsFile | None:
    try:
        return reading()
    except LimitsFileError:
        return None


# --- JSON -------------------------------------------------------------------------------------


def as_json(file: LimitsFile) -> bytes:
    """Return the file as JSON; the same limits give the same bytes."""
    content = _content(file)
    document = {**content, "checksum": _checksum(content)}
    return (json.dumps(document, indent=1) + "\n").encode()


def from_json(data: bytes) -> LimitsFile:
    """Read what `as_json` wrote.

    Raises
    ------
    LimitsFileError
        If it is something else, or was changed since.
    """
    try:
        document = json.loads(data)
        told = document.pop("checksum")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise LimitsFileError("it is no limits file.") from None
    if told != _checksum(document):
        raise LimitsFileError("its checksum does not match: it was changed after it was written.")
    try:
        return _sound(_file(document))
    except (ValueError, AttributeError, KeyError, TypeError, ArithmeticError):
        raise LimitsFileError(f"it is not in layout {LAYOUT}.") from None


def _content(file: LimitsFile) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "deployment": file.deployment,
        "session": file.session.isoformat(),
        "revision": file.revision,
        "state": file.state.value,
        "rung": int(file.rung),
        "why": file.why,
        "cut_off": file.cut_off.isoformat(),
        "code_version": file.code_version,
        "limits": [_line_content(line) for line in file.lines],
    }


def _line_content(line: LimitLine) -> dict[str, Any]:
    return {
        "trader_id": line.trader_id,
        "name": line.name,
        "limit_usd": _usd(line.limit_cents),
        "reduction_percent": line.reduction,
        "base_limit_usd": _usd(line.base_limit_cents),
        "rung": int(line.rung),
        "held_sessions": line.held_sessions,
        "held_from": None if line.held_from is None else line.held_from.isoformat(),
        "held_reduction_percent": line.held_reduction,
        "held_limit_usd": None if line.held_limit_cents is None else _usd(line.held_limit_cents),
        "reasons": list(line.reasons),
        "decided_reduction_percent": line.decided_reduction,
        "decided_limit_usd": _usd(line.decided_limit_cents),
        "override": None if line.override is None else _override_content(line.override),
    }


def _override_content(override: Overridden) -> dict[str, Any]:
    return {
        "number": override.number,
        "by": override.by,
        "why": override.why,
        "until": override.last_session.isoformat(),
    }


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical content: keys sorted, no spaces, ASCII."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _file(document: Mapping[str, Any]) -> LimitsFile:
    if document["layout"] not in READABLE:
        raise ValueError(document["layout"])
    return LimitsFile(
        deployment=document["deployment"],
        session=date.fromisoformat(document["session"]),
        revision=document["revision"],
        state=State(document["state"]),
        rung=Rung(document["rung"]),
        why=document["why"],
        cut_off=datetime.fromisoformat(document["cut_off"]),
        code_version=document["code_version"],
        lines=tuple(_line(line) for line in document["limits"]),
    )


def _line(content: Mapping[str, Any]) -> LimitLine:
    held_from, held_limit = content["held_from"], content["held_limit_usd"]
    return LimitLine(
        trader_id=content["trader_id"],
        name=content["name"],
        base_limit_cents=_cents(content["base_limit_usd"]),
        reduction=content["reduction_percent"],
        limit_cents=_cents(content["limit_usd"]),
        rung=Rung(content["rung"]),
        held_sessions=content["held_sessions"],
        held_from=None if held_from is None else date.fromisoformat(held_from),
        held_reduction=content["held_reduction_percent"],
        held_limit_cents=None if held_limit is None else _cents(held_limit),
        reasons=tuple(content["reasons"]),
        override=_override(content) if content.get("override") else None,
    )


def _override(content: Mapping[str, Any]) -> Overridden:
    made_by = content["override"]
    return Overridden(
        number=made_by["number"],
        by=made_by["by"],
        why=made_by["why"],
        last_session=date.fromisoformat(made_by["until"]),
        decided_reduction=content["decided_reduction_percent"],
        decided_limit_cents=_cents(content["decided_limit_usd"]),
    )


def _sound(file: LimitsFile) -> LimitsFile:
    """Refuse limits that RiskOps cannot have decided, whatever their checksum says."""
    if file.cut_off.tzinfo is None or len({line.trader_id for line in file.lines}) != len(file.lines):
        raise ValueError(file.session)
    for line in file.lines:
        if not _is_sound(line):
            raise ValueError(line.trader_id)
    return file


def _is_sound(line: LimitLine) -> bool:
    stands_on = (line.held_from, line.held_reduction, line.held_limit_cents)
    if line.rung is Rung.HOLD and (None in stands_on or line.held_sessions < 1):
        return False
    limits = ((line.reduction, line.limit_cents), (line.decided_reduction, line.decided_limit_cents))
    return all(
        0 <= reduction <= config.MAX_REDUCTION and 0 < limit_cents <= line.base_limit_cents
        for reduction, limit_cents in limits
    )


def _usd(amount_cents: int) -> str:
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


def _cents(usd: str) -> int:
    amount = Decimal(usd) * 100
    if amount != int(amount):
        raise ValueError(usd)
    return int(amount)


# --- CSV --------------------------------------------------------------------------------------


def as_csv(file: LimitsFile) -> bytes:
    """Return the file as CSV, one row a trader; no cell can be read as a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    checksum = _checksum(_content(file))
    writer.writerows(_row(file, line, checksum) for line in file.lines)
    return text.getvalue().encode()


def _row(file: LimitsFile, line: LimitLine, checksum: str) -> Sequence[str]:
    cells = (
        *(line.trader_id, line.name, _usd(line.limit_cents), line.reduction, _usd(line.base_limit_cents)),
        *(int(line.rung), file.session, file.revision, file.deployment, file.state.value, checksum),
        *(line.decided_reduction, _usd(line.decided_limit_cents), *_override_cells(line.override)),
    )
    return [inert(str(cell)) for cell in cells]


def _override_cells(override: Overridden | None) -> tuple[object, ...]:
    return ("", "", "") if override is None else (override.number, override.by, override.last_session)


def inert(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text: one line, and an apostrophe before a formula."""
    text = " ".join("".join(c if c.isprintable() else " " for c in cell).split())
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
