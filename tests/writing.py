"""Write into a risk database from a process of its own: ``python -m tests.writing URL WRITER WRITES``.

The process says that it is ready, and begins when a line comes back.
"""

from __future__ import annotations

import sys

import sqlalchemy as sa

from riskops.store.database import Database
from riskops.store.tables import traders

READY = "ready"


def add(database: Database, trader_id: str) -> None:
    """Count the traders, and add one whose name is the count: no two writers may have seen the same."""
    with database.writing() as connection:
        held = connection.execute(sa.select(sa.func.count()).select_from(traders)).scalar_one()
        connection.execute(sa.insert(traders), [{"trader_id": trader_id, "name": str(held)}])


def main(url: str, writer: str, writes: int) -> None:
    """Add traders of a writer, one a transaction."""
    database = Database(url)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(writes):
        add(database, f"{writer}-{number}")
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
