"""The run records: which verb ran when, for whom, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from riskops.records import Run, Verb
from riskops.store.database import Database
from riskops.store.tables import run_records


class Journal:
    """Appends to and reads the run records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run: Run, verb: Verb, moment: datetime) -> int:
        """Note that a verb begins; return the record's id."""
        row = {
            "session": run.session,
            "revision": run.revision,
            "verb": verb.value,
            "run_id": run.run_id,
            "run_type": run.run_type.value,
            "started_at": moment,
            "finished_at": None,
            "state": "started",
            "problem": "",
        }
        with self._database.writing() as connection:
            result = connection.execute(sa.insert(run_records).returning(run_records.c.record_id), row)
            return result.scalar_one()

    def end(self, record_id: int, state: str, problem: str, moment: datetime) -> None:
        """Note how a verb ended: ``done`` or ``failed``."""
        changes = {"state": state, "problem": problem, "finished_at": moment}
        query = sa.update(run_records).where(run_records.c.record_id == record_id).values(**changes)
        with self._database.writing() as connection:
            connection.execute(query)

    def note(self, run: Run, verb: Verb, state: str, moment: datetime) -> None:
        """Note a call that had nothing to do."""
        self.end(self.begin(run, verb, moment), state, "", moment)

    def of_session(self, session: date, revision: int) -> Sequence[sa.Row]:
        """Return the records of a session, oldest first."""
        query = (
            sa.select(run_records)
            .where(run_records.c.session == session, run_records.c.revision == revision)
            .order_by(run_records.c.record_id)
        )
        with self._database.reading() as connection:
            return connection.execute(query).all()
