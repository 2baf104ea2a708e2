"""Frozen records to and from the JSON columns of the risk database."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

Record = TypeVar("Record")


def to_document(record: Any) -> Any:
    """Return `record` as JSON-ready values: dates, enums and tuples included."""
    return _adapter(type(record)).dump_python(record, mode="json")


def from_document(kind: type[Record], document: Any) -> Record:
    """Rebuild a record of `kind` from what `to_document` gave."""
    return _adapter(kind).validate_python(document)


_ADAPTERS: dict[Any, TypeAdapter] = {}


def _adapter(kind: Any) -> TypeAdapter:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
