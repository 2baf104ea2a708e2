"""Insert-or-replace, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict]) -> None:
    """Insert `rows`; a row whose primary key exists replaces what is there."""
    if not rows:
        return
    insert = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: insert.excluded[column.name] for column in table.columns if column.name in rows[0]}
    changes = {name: value for name, value in values.items() if name not in keys}
    if changes:
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes), rows)
    else:
        connection.execute(insert.on_conflict_do_nothing(index_elements=keys), rows)


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[dict]) -> None:
    """Insert the `rows` whose primary key is not there yet; the others stay as they are."""
    if rows:
        keys = [column.name for column in table.primary_key]
        connection.execute(_insert(connection, table).on_conflict_do_nothing(index_elements=keys), rows)


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
