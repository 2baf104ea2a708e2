"""Taking over a mail that left while the risk database was gone: what left is what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from riskops.records import Publication, Verb
from riskops.store.database import Database
from riskops.store.mornings import Report, mark_done, take_what_left
from riskops.store.outbox import SENDING, SENT, OutboxRow
from riskops.store.seal import seal, sealed_at
from riskops.store.tables import outbox
from riskops.store.upsert import upsert


def adopt_mails(
    database: Database,
    publication: Publication,
    report: Report,
    mails: Sequence[OutboxRow],
    accepted_at: datetime | None,
    marks: Mapping[str, Any],
) -> bool:
    """Record limits and mails that left without the database, and seal their session.

    All of it is one transaction, and again changes nothing. A session that is sealed already keeps
    its limits; only who has the mail is added.

    Parameters
    ----------
    accepted_at
        When the first mail was accepted; ``None`` where nobody knows whether one was: then the
        session is frozen and not sealed.
    marks
        What the receipts of the verbs say of where this comes from.

    Returns
    -------
    bool
        Whether something was taken over.
    """
    with database.writing() as connection:
        news = [mail for mail in mails if _is_news(connection, mail)]
        if not news:
            return False
        if sealed_at(connection, publication.session, publication.revision) is None:
            take_what_left(connection, publication, report, marks)
        upsert(connection, outbox, [asdict(mail) for mail in news])
        _let_doubtful_ones_say_the_same(connection, report)
        if accepted_at is not None:
            seal(connection, publication.session, publication.revision, accepted_at)
        if all(mail.state == SENT for mail in mails):
            receipt = {"recipients": [mail.recipient for mail in mails], "paths": [], **marks}
            mark_done(connection, publication.session, publication.revision, Verb.SEND, receipt)
    return True


def _let_doubtful_ones_say_the_same(connection: sa.Connection, report: Report) -> None:
    """Let whoever may have the usual mail, or nothing, get what everybody else has, as a marked copy."""
    doubtful = sa.update(outbox).where(
        outbox.c.session == report.session,
        outbox.c.revision == report.revision,
        outbox.c.kind == report.kind,
        outbox.c.state == SENDING,
    )
    connection.execute(doubtful.values(subject=report.subject, text=report.text, html=report.html))


def _is_news(connection: sa.Connection, mail: OutboxRow) -> bool:
    """Say whether the outbox does not know yet that a mail left, or may have."""
    if mail.state not in (SENDING, SENT):
        return False
    query = sa.select(outbox.c.state, outbox.c.text).where(outbox.c.key == mail.key)
    known = connection.execute(query).one_or_none()
    if known is None:
        return True
    return known.state != SENT and (known.state, known.text) != (mail.state, mail.text)
