"""Whether what an explanation says of the risk database is so: rows, and what is read from them."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from riskops.report.tracing.traced import Place, Row
from riskops.store.database import Database
from riskops.store.tables import metadata


def rows_at(database: Database, place: Place, session: date, revision: int) -> int:
    """Return how many rows there are at a place that have what is read there; 1 for a business number."""
    if not isinstance(place, Row):
        return 1
    table = metadata.tables[place.table]
    key: dict[str, object] = dict(place.key)
    if "session" in table.c and "session" not in key:
        key |= {"session": session, "revision": revision}
    wanted = [table.c[name] == _typed(table.c[name], value) for name, value in key.items() if name in table.c]
    column, *path = place.column.split(".")
    with database.reading() as connection:
        found = connection.execute(sa.select(table.c[column]).where(*wanted)).scalars().all()
    return sum(_has(value, path) for value in found)


def _typed(column: sa.Column, value: object) -> object:
    if isinstance(value, str) and column.type.python_type is date:
        return date.fromisoformat(value)
    return int(value) if isinstance(value, str) and column.type.python_type is int else value


def _has(value: object, path: list[str]) -> bool:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return value is not None
