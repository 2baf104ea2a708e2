"""Whose the accounts of a source are: a number that was once an account's stays that account's."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from riskops.store.database import Database, Queue
from riskops.store.tables import source_accounts
from riskops.store.upsert import insert_missing


class AccountNames:
    """Reads and writes what is remembered of the accounts of one source."""

    def __init__(self, database: Database, source: str) -> None:
        self._database, self._source = database, source

    def known(self) -> Mapping[str, str]:
        """Return the account of every number seen so far."""
        query = sa.select(source_accounts.c.external_id, source_accounts.c.account_id).where(
            source_accounts.c.source == self._source
        )
        with self._database.reading() as connection:
            return {row.external_id: row.account_id for row in connection.execute(query)}

    def learn(self, external_id: str, account_id: str, name: str) -> None:
        """Remember the account of a number not seen before, and what the source called it then."""
        seen = {"source": self._source, "external_id": external_id, "account_id": account_id, "name": name}
        with self._database.writing(Queue.LOADS) as connection:
            insert_missing(connection, source_accounts, [seen])
