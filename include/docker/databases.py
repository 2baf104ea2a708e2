"""The desk's roles and databases on its PostgreSQL: `create` before the migrations, `grant` after them.

Whose they are and with which password is read from the secrets the services use; libpq's own variables
(PGHOST, PGUSER) say where the server is. Again changes nothing, but for a password that is new.
"""

from __future__ import annotations

import sys
from os import environ
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier, Literal

SECRETS = Path(environ.get("DESK_SECRETS", "/run/secrets"))
OWNERS = ("airflow_database", "risk_database_owner")  # the secrets with the URLs of who owns a database
RISK_DATABASE = "risk_database"
ROLES = Path(__file__).parents[1] / "sql" / "roles.sql"


def create() -> None:
    """Create roles and databases that are not there, and set the passwords of the roles."""
    with _connected("postgres") as connection:
        for name in (*OWNERS, RISK_DATABASE):
            _let_in(connection, _url(name))
        for name in OWNERS:
            _create_database(connection, _url(name))


def grant() -> None:
    """Give every role of the risk database its rights, and no more."""
    with _connected(str(_url(RISK_DATABASE).database)) as connection:
        connection.execute(ROLES.read_bytes())


def _connected(database: str) -> psycopg.Connection:
    password = (SECRETS / "postgres_password").read_text(encoding="ascii").strip()
    return psycopg.connect(dbname=database, password=password, autocommit=True, connect_timeout=10)


def _url(name: str) -> sa.URL:
    return sa.make_url((SECRETS / name).read_text(encoding="utf-8").strip())


def _let_in(connection: psycopg.Connection, url: sa.URL) -> None:
    """Let a role log in with its password, of which the server's log sees the digest alone."""
    role = str(url.username)
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount
    digest = connection.pgconn.encrypt_password(str(url.password).encode(), role.encode(), b"scram-sha-256")
    statement = SQL("ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(Identifier(role), Literal(digest.decode())))


def _create_database(connection: psycopg.Connection, url: sa.URL) -> None:
    name = str(url.database)
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        statement = SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(statement.format(Identifier(name), Identifier(str(url.username))))


if __name__ == "__main__":
    {"create": create, "grant": grant}[sys.argv[1]]()
