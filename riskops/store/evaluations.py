"""The monthly evaluations: what the history said on a session, as a document and as a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from riskops.store.database import Database
from riskops.store.tables import evaluations


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """An evaluation of the span from `first_session` to `last_session`, made on `session`."""

    session: date
    first_session: date
    last_session: date
    specification: str
    document: dict[str, Any]
    html: str
    recorded_at: datetime


class Evaluations:
    """Keeps one evaluation a session; the first one stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, found: StoredEvaluation) -> bool:
        """Keep an evaluation, unless its session has one; say whether it was kept."""
        row = {name: getattr(found, name) for name in found.__dataclass_fields__}
        with self._database.writing() as connection:
            known = connection.execute(_of(found.session)).one_or_none()
            if known is None:
                connection.execute(sa.insert(evaluations), row)
        return known is None

    def of(self, session: date) -> StoredEvaluation | None:
        """Return the evaluation of a session."""
        with self._database.reading() as connection:
            row = connection.execute(_of(session)).mappings().one_or_none()
        return None if row is None else StoredEvaluation(**row)


def _of(session: date) -> sa.Select:
    return sa.select(evaluations).where(evaluations.c.session == session)
