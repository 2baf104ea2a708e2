"""New trades by the fastest road a database has: COPY on PostgreSQL, one statement on SQLite.

Nearly always nothing of a chunk is there yet. So it is written as if it were so, and where the database
finds a trade that is there, the chunk is taken back and somebody looks at each of its trades.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from riskops.records import Trade
from riskops.store.database import statement
from riskops.store.tables import trades
from riskops.store.trade_rows import trade_row

Writer = Callable[[Any], Any]

if TYPE_CHECKING:
    from psycopg import Connection


def insert_all_or_none(connection: sa.Connection, arriving: Sequence[Trade], source: str) -> bool:
    """Insert trades of which none is there yet; where one is, insert none and return ``False``."""
    rows = [trade_row(trade, source) for trade in arriving]
    attempt = connection.begin_nested()
    try:
        _insert(connection, rows)
    except _refusals(connection):
        attempt.rollback()
        return False
    attempt.commit()
    return True


def _refusals(connection: sa.Connection) -> tuple[type[Exception], ...]:
    """Return the driver's own errors: COPY goes past SQLAlchemy, which would translate them."""
    drivers = getattr(connection.dialect.dbapi, "IntegrityError", sa.exc.IntegrityError)
    return sa.exc.IntegrityError, drivers


def _insert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        psycopg = cast("Connection", connection.connection.driver_connection)
        with psycopg.cursor() as cursor, cursor.copy(statement("copy_trades")) as copy:
            for row in rows:
                copy.write_row(tuple(row.values()))
        return
    columns, dialect = list(rows[0]), connection.dialect
    insert = sa.insert(trades).compile(dialect=dialect, column_keys=columns)
    writers = _writers(columns, dialect)
    connection.exec_driver_sql(str(insert), [_as_kept(row, writers) for row in rows])


def _writers(columns: Sequence[str], dialect: sa.Dialect) -> list[tuple[int, Writer]]:
    """Return what turns cells into what the driver takes, as SQLAlchemy does it for every statement."""
    found = (trades.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)
    return [(position, write) for position, write in enumerate(found) if write is not None]


def _as_kept(row: dict[str, Any], writers: Sequence[tuple[int, Writer]]) -> tuple[Any, ...]:
    cells = [*row.values()]
    for position, write in writers:
        cells[position] = write(cells[position])
    return tuple(cells)
