"""The record of a decision as one document, written so that the same decision is the same bytes.

Keys are sorted, separators are fixed, floats have their shortest digits, moments are UTC. What a
document holds is what is needed to defend the decision, see `RecordOfDecision`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

FORMAT = "riskops record of decision 1"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordOfDecision:
    """All of one publication: the limits with everything the mail says, and what they rest on.

    `stages` is how far each verb got before the limits were committed, with its receipt; what did
    not finish is an input of the decision. `decisions`, `rules` (with the signals and their numbers),
    `model` and `own_models` are by trader.
    """

    session: date
    revision: int
    cut_off: datetime
    code_version: str
    rung: int
    verdict: str
    why: str
    decisions: Mapping[str, Document]
    stages: Mapping[str, Document]
    quality: Sequence[Document]
    rules: Mapping[str, Document]
    model: Mapping[str, Document]
    own_models: Mapping[str, Document]
    comparison: Document | None
    ledger: Sequence[Document]

    def document(self) -> dict[str, Any]:
        """Return the record as plain values, the ones its text is read back to."""
        return _plain({"format": FORMAT} | asdict(self))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two documents first differ; a side that lacks the place has ``nothing there``.

    `now` says what the other one is.
    """

    path: str
    recorded: str
    found: str
    now: str = "replayed"

    def __str__(self) -> str:
        return f"{self.path}: recorded {self.recorded}, {self.now} {self.found}"


def as_text(document: Document) -> str:
    """Return the one text of a document, the same wherever it is written."""
    return json.dumps(
        _plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def first_difference(recorded: Any, replayed: Any, path: str = "") -> Difference | None:
    """Return the first place where two documents differ, keys in their order; ``None`` where none does."""
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        parts = _pairs(recorded, replayed, path)
    elif isinstance(recorded, list) and isinstance(replayed, list):
        parts = _pairs(dict(enumerate(recorded)), dict(enumerate(replayed)), path)
    elif type(recorded) is type(replayed) and recorded == replayed:
        return None
    else:
        return Difference(path, _shown(recorded), _shown(replayed))
    return next((found for part in parts if (found := first_difference(*part)) is not None), None)


class _Nothing:
    def __repr__(self) -> str:
        return "nothing there"


_NOTHING = _Nothing()


def _pairs(
    recorded: Mapping[Any, Any], replayed: Mapping[Any, Any], path: str
) -> Iterator[tuple[Any, Any, str]]:
    """Yield what stands at each place on both sides: places of `recorded` first, in its order."""
    for key in (*recorded, *(key for key in replayed if key not in recorded)):
        yield recorded.get(key, _NOTHING), replayed.get(key, _NOTHING), _below(path, key)


def _below(path: str, key: str | int) -> str:
    if isinstance(key, int) or not key.isidentifier():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> str:
    """Return a value as a person reads it: on one line, and not longer than that."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 160


def _plain(value: Any) -> Any:
    """Return `value` as JSON has it; a float that is no number is told in words."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return _moment(value)


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
