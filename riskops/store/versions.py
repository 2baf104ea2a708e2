"""Rows that have versions: what is told again and differs becomes a new row, nothing is overwritten.

A row was what we knew from its `known_at` until its `superseded_at`. Among the rows with the same key
(the primary key without `known_at`) these spans never overlap, so that every cut-off finds at most one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import sqlalchemy as sa

from riskops.store.chunks import chunks

Row = Mapping[str, Any]
Key = tuple[Any, ...]

_TICK = timedelta(microseconds=1)  # a correction is known later than what it corrects
_SPAN = ("known_at", "superseded_at")
_WHENCE = "source"  # who told a row is no part of what it says
_KEYS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What telling some rows changed: how many were new, and the moments at which something changed."""

    new: int
    moments: frozenset[datetime]


def current(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition of the rows that nothing has superseded."""
    return table.c.superseded_at.is_(None)


def tell(
    connection: sa.Connection,
    table: sa.Table,
    scope: sa.ColumnElement[bool],
    told: Sequence[Row],
    known_at: datetime,
    now: datetime,
    withdraws: Callable[[Row], bool] = lambda _row: True,
) -> Changes:
    """Let `told` be all there is within `scope`.

    A key that is known outside of `scope` has moved: it ends there.

    Parameters
    ----------
    scope
        Rows of one account, or part of them.
    told
        The rows, without `known_at` and `superseded_at`.
    known_at
        When a row counts as known whose key was never there before.
    now
        When everything else counts as known: a changed row, a withdrawn one, one that comes back.
    withdraws
        Whether a row that is not among `told` is withdrawn by that.
    """
    keys = [column.name for column in table.primary_key if column.name != "known_at"]
    there = {_key(row, keys): row for row in _current_rows(connection, table, scope)}
    once = _ended(connection, table, scope, keys)
    wanted = {_key(row, keys): _as_kept(table, row) for row in told}
    new = {key: row for key, row in wanted.items() if key not in there}
    moved = _elsewhere(connection, table, scope, keys, list(new))
    changed = {key: (there[key], row) for key, row in wanted.items() if _differs(there.get(key), row)}
    withdrawn = {key: row for key, row in there.items() if key not in wanted and withdraws(row)}
    over = moved | {key: there[key] for key in (*changed, *withdrawn)}
    ends = {key: max(now, row["known_at"] + _TICK) for key, row in over.items()}
    again = once | ends
    begins = {key: max(now, again[key]) if key in again else known_at for key in (*new, *changed)}
    _supersede(connection, table, keys, [(over[key], moment) for key, moment in ends.items()])
    _insert(connection, table, [wanted[key] | {"known_at": moment} for key, moment in begins.items()])
    return Changes(len(new), frozenset(ends.values()) | frozenset(begins.values()))


def _current_rows(
    connection: sa.Connection, table: sa.Table, scope: sa.ColumnElement[bool]
) -> list[dict[str, Any]]:
    query = sa.select(table).where(scope, current(table))
    return [dict(row) for row in connection.execute(query).mappings()]


def _ended(
    connection: sa.Connection, table: sa.Table, scope: sa.ColumnElement[bool], keys: Sequence[str]
) -> dict[Key, datetime]:
    """Return when the rows that were there once ended, by key."""
    ends = table.c.superseded_at
    columns = [table.c[name] for name in keys]
    newest = sa.func.max(ends, type_=ends.type)
    query = sa.select(*columns, newest).where(scope, ends.is_not(None)).group_by(*columns)
    return {tuple(row[:-1]): row[-1] for row in connection.execute(query)}


def _elsewhere(
    connection: sa.Connection,
    table: sa.Table,
    scope: sa.ColumnElement[bool],
    keys: Sequence[str],
    wanted: Sequence[Key],
) -> dict[Key, dict[str, Any]]:
    """Return the current rows outside of `scope` that have one of the keys."""
    found: dict[Key, dict[str, Any]] = {}
    for some in chunks(wanted, _KEYS_AT_ONCE):
        is_one = sa.tuple_(*(table.c[name] for name in keys)).in_(some)
        query = sa.select(table).where(is_one, sa.not_(scope), current(table))
        rows = [dict(row) for row in connection.execute(query).mappings()]
        found |= {_key(row, keys): row for row in rows}
    return found


def _supersede(
    connection: sa.Connection, table: sa.Table, keys: Sequence[str], ends: Sequence[tuple[Row, datetime]]
) -> None:
    if not ends:
        return
    names = [*keys, "known_at"]
    query = (
        sa.update(table)
        .where(*(table.c[name] == sa.bindparam(f"of_{name}") for name in names))
        .values(superseded_at=sa.bindparam("ends"))
    )
    rows = [{f"of_{name}": row[name] for name in names} | {"ends": moment} for row, moment in ends]
    connection.execute(query, rows)


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(sa.insert(table), [dict(row) for row in rows])


def _key(row: Row, keys: Sequence[str]) -> Key:
    return tuple(row[name] for name in keys)


def _differs(before: Row | None, after: Row) -> bool:
    return before is not None and any(before[name] != after[name] for name in after if name != _WHENCE)


def _as_kept(table: sa.Table, row: Row) -> dict[str, Any]:
    """Return a row as the table gives it back, so that it can be compared with one that was read."""
    return {c.name: _cell(row.get(c.name), c.type) for c in table.columns if c.name not in _SPAN}


def _cell(value: Any, kind: sa.types.TypeEngine) -> Any:
    if isinstance(value, Decimal) and isinstance(kind, sa.Numeric):
        return float(round(value, kind.scale or 0))
    return value.value if isinstance(value, Enum) else value
