"""The corrections of sessions that people have asked for: appended to, never changed."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from riskops.errors import RevisionError
from riskops.records import Revision, Verb
from riskops.store.database import Database
from riskops.store.seal import is_frozen, newest_sealed, sealed_at
from riskops.store.tables import publications, revisions, stage_outcomes


class Revisions:
    """Reads the revisions and opens new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, session: date, run_id: str, *, by: str, why: str, moment: datetime) -> Revision:
        """Open the next revision of a session; the same run gets the one it has opened before.

        Raises
        ------
        RevisionError
            If no mail of the session is out, or the revision before is still on its way.
        """
        with self._database.writing() as connection:
            known = _of(connection, session)
            if mine := [revision for revision in known if revision.run_id == run_id]:
                return mine[0]
            _refuse_unsent(connection, session)
            if known:
                _refuse_unfinished(connection, known[-1])
            opened = Revision(session, _next(connection, session, known), by, why, moment, run_id)
            connection.execute(sa.insert(revisions).values(_row(opened)))
        return opened

    def of(self, session: date) -> tuple[Revision, ...]:
        """Return the revisions of a session, by number."""
        with self._database.reading() as connection:
            return _of(connection, session)

    def of_run(self, session: date, run_id: str) -> Revision | None:
        """Return the revision that a run has opened."""
        return next((known for known in self.of(session) if known.run_id == run_id), None)

    def numbered(self, session: date, number: int) -> Revision | None:
        """Return a revision of a session by its number."""
        return next((known for known in self.of(session) if known.revision == number), None)


def _of(connection: sa.Connection, session: date) -> tuple[Revision, ...]:
    query = sa.select(revisions).where(revisions.c.session == session).order_by(revisions.c.revision)
    return tuple(_revision(row) for row in connection.execute(query))


def _next(connection: sa.Connection, session: date, known: tuple[Revision, ...]) -> int:
    """Return the next number: after every one on record, those taken over from a limits file included."""
    query = sa.select(sa.func.max(publications.c.revision)).where(publications.c.session == session)
    newest = connection.execute(query).scalar_one() or 0
    return max(newest, known[-1].revision if known else 0) + 1


def _refuse_unsent(connection: sa.Connection, session: date) -> None:
    if newest_sealed(connection, session) is None:
        raise RevisionError(
            f"The mail for {session} is not out, so there is nothing to correct: run `riskops morning`."
        )


def _refuse_unfinished(connection: sa.Connection, last: Revision) -> None:
    """Refuse a correction beside one that is on its way; one that has come to nothing is left behind."""
    if sealed_at(connection, last.session, last.revision) is not None:
        return
    if is_frozen(connection, last.session, last.revision) or not _has_failed(connection, last):
        raise RevisionError(
            f"Correction {last.revision} of {last.session} is not out yet: {last.by} asked for it "
            f"({last.why}). Finish it first, by the same call or by clearing its Dag run ({last.run_id})."
        )


def _has_failed(connection: sa.Connection, last: Revision) -> bool:
    """Say whether the limits of a revision were refused, or its mail was accepted nowhere."""
    failed = sa.exists().where(
        stage_outcomes.c.session == last.session,
        stage_outcomes.c.revision == last.revision,
        stage_outcomes.c.verb.in_([Verb.PUBLISH.value, Verb.SEND.value]),
        stage_outcomes.c.state == "failed",
    )
    return bool(connection.execute(sa.select(failed)).scalar_one())


def _row(revision: Revision) -> dict:
    return {
        "session": revision.session,
        "revision": revision.revision,
        "recorded_at": revision.recorded_at,
        "recorded_by": revision.by,
        "reason": revision.why,
        "run_id": revision.run_id,
    }


def _revision(row: sa.Row) -> Revision:
    return Revision(row.session, row.revision, row.recorded_by, row.reason, row.recorded_at, row.run_id)
