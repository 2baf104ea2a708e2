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


def upgrade(database: Database, to: str = "head") -> None:
    """Migrate up to a version; nothing happens where it is reached already."""
    with database.writing() as connection:
        command.upgrade(_config(connection), to)


def downgrade(database: Database, to: str = "base") -> None:
    """Migrate down to a version."""
    with database.writing() as connection:
        command.downgrade(_config(connection), to)


def is_current(database: Database) -> bool:
    """Say whether the database is at the newest version."""
    newest = ScriptDirectory(str(SCRIPTS)).get_current_head()
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest


def drift(database: Database) -> list:
    """Return how the database differs from the tables the code declares."""
    with database.reading() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config
