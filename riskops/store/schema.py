"""The schema's versions: bring a risk database up, or down."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from riskops.store.database import Database
from riskops.store.tables import metadata

SCRIPTS = Path(__file__).parent / "migrations"
NO_VERSION = "none"


def upgrade(database: Database, to: str = "head") -> None:
    """Create the database where there is none, and migrate it up to a version; once is enough."""
    database.create()
    with database.writing() as connection:
        command.upgrade(_config(connection), to)


def downgrade(database: Database, to: str = "base") -> None:
    """Migrate down to a version."""
    with database.writing() as connection:
        command.downgrade(_config(connection), to)


def is_current(database: Database) -> bool:
    """Say whether the database is at the newest version."""
    with database.reading() as connection:
        return version(connection) == newest()


def newest() -> str:
    """Return the newest version the code knows."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head() or NO_VERSION


def version(connection: sa.Connection) -> str:
    """Return the version of the database behind a connection."""
    return MigrationContext.configure(connection).get_current_revision() or NO_VERSION


def drift(database: Database) -> list:
    """Return how the database differs from the tables the code declares."""
    with database.reading() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config
