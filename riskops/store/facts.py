"""What a risk database is: its kind, its server's version, its schema's version and its size."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from riskops.store import schema
from riskops.store.database import Database

SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The kind and version of the server, the version of the schema, and the size in bytes."""

    kind: str
    version: str
    schema: str
    size_bytes: int


def facts_of(database: Database) -> DatabaseFacts:
    """Ask the database what it is.

    Raises
    ------
    StoreError
        If it cannot be reached or read.
    """
    with database.reading() as connection:
        dialect = connection.dialect
        return DatabaseFacts(
            kind=KINDS[dialect.name],
            version=".".join(map(str, dialect.server_version_info or ())),
            schema=schema.version(connection),
            size_bytes=int(connection.execute(sa.text(SIZE[dialect.name])).scalar_one()),
        )
