"""What left after the backup that the risk database was restored from: refuse, or take it over.

The senders' own files outlive the database: their words of each mail, and the limits files. Where
they know of a mail that the database does not, it is older than they are. A mail by it would be a
second one, with limits that may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

from riskops import emergency, limits_file
from riskops.delivery import FILES_RECIPIENT, LOCKS
from riskops.desk import Desk
from riskops.errors import LimitsFileError, OlderRecordError
from riskops.handover import Sender, Word, last_word
from riskops.limits_file import LimitsFile, State
from riskops.pipeline.emergency import adopt
from riskops.records import Publication, Run, Verb
from riskops.report.minimal import taken_over_subject, taken_over_text
from riskops.settings import Delivery, Settings
from riskops.store.adoption import adopt_mails
from riskops.store.mornings import Report
from riskops.store.outbox import PENDING, SENDING, SENT, OutboxRow, new_row, outbox_key
from riskops.store.seal import LIMITS_MAIL

REMEDY = (
    "Restore a newer backup, or run `riskops take-over`: it records what was mailed since, from the limits "
    "files. A new desk begins with an empty RISKOPS_OUTPUT."
)
_STATES: dict[Word | None, str] = {Word.ACCEPTED: SENT, Word.SENDING: SENDING}


def know_what_left(desk: Desk, run: Run) -> None:
    """Take emergency mails over, and refuse a session where the database does not know of a later mail.

    Raises
    ------
    OlderRecordError
        If the mail of the session, or that of the newest session before it, has left, or may have,
        and the risk database does not know it.
    """
    adopt(desk, run)
    for session, revision in _told_as_mailed(desk, run):
        if not desk.store.mornings.is_frozen(session, revision):
            raise OlderRecordError(
                f"The mail for {session} has left, or may have, and this risk database does not know it: "
                f"it is older than what {desk.settings.output} remembers. {REMEDY}"
            )


def take_over(desk: Desk, run: Run) -> dict[str, str]:
    """Record what the limits files know as mailed and the risk database does not.

    Returns
    -------
    dict
        How many limits were taken over, by session.

    Raises
    ------
    LimitsFileError
        If the mail of the session has left and no limits file says with which limits.
    """
    adopt(desk, run)
    taken = {}
    for file in _files(desk.settings):
        if _is_forgotten(desk, file):
            _take_over(desk, replace(run, session=file.session, revision=file.revision), file)
            taken[str(file.session)] = f"{len(file.lines)} limits, {file.state.value}"
    _refuse_unknown_limits(desk, run)
    return taken


def _told_as_mailed(desk: Desk, run: Run) -> Iterator[tuple[date, int]]:
    """Yield the sessions to ask the database for: this one, and the newest one that ``current`` names."""
    if _has_left(desk.settings, run.session, run.revision):
        yield run.session, run.revision
    with suppress(LimitsFileError):
        newest = limits_file.read_current(desk.settings.output)
        if newest.session <= run.session and _is_sealed(newest, desk.settings):
            yield newest.session, newest.revision


def _has_left(settings: Settings, session: date, revision: int) -> bool:
    file = limits_file.found(settings.output, session, revision)
    if file is not None and _is_sealed(file, settings):
        return True
    return any(
        _word(settings, session, revision, who, Sender.OUTBOX) in _STATES for who in _recipients(settings)
    )


def _is_sealed(file: LimitsFile, settings: Settings) -> bool:
    return file.state is State.SEALED and file.deployment == settings.deployment


def _recipients(settings: Settings) -> tuple[str, ...]:
    return (FILES_RECIPIENT,) if settings.delivery is Delivery.FILES else settings.recipients


def _word(settings: Settings, session: date, revision: int, recipient: str, sender: Sender) -> Word | None:
    """Return the last word of a mail; one that cannot be read tells nothing."""
    key = outbox_key(settings.deployment, session, LIMITS_MAIL, revision, recipient)
    with suppress(OSError):
        return last_word(settings.output / LOCKS, key, sender)
    return None


# --- taking over ------------------------------------------------------------------------------


def _files(settings: Settings) -> list[LimitsFile]:
    """Return this deployment's limits files, the oldest session first; damaged ones are none."""
    found = []
    for path in settings.output.glob(f"????-??-??*/{limits_file.JSON_NAME}"):
        with suppress(LimitsFileError):
            found.append(limits_file.read(Path(path)))
    mine = [file for file in found if file.deployment == settings.deployment]
    return sorted(mine, key=lambda file: (file.session, file.revision))


def _is_forgotten(desk: Desk, file: LimitsFile) -> bool:
    mailed = file.state is not State.DECIDED or _has_left(desk.settings, file.session, file.revision)
    return mailed and not desk.store.mornings.is_frozen(file.session, file.revision)


def _take_over(desk: Desk, run: Run, file: LimitsFile) -> None:
    left = replace(emergency.hold(file, file.session, desk.calendar), revision=file.revision)
    subject, text = taken_over_subject(left.session), taken_over_text(left)
    report = Report.plain(left.session, left.revision, LIMITS_MAIL, subject, text)
    mails = _mails(desk.settings, left, report)
    accepted_at = desk.clock() if any(mail.state == SENT for mail in mails) else None
    adopt_mails(desk.store.database, left, report, mails, accepted_at, {"from": "limits file"})
    desk.store.journal.note(run, Verb.SEND, "taken over", desk.clock())


def _mails(settings: Settings, left: Publication, report: Report) -> tuple[OutboxRow, ...]:
    """Return how far the mails got by the senders' words; without any word everybody has one."""
    rows = [new_row(report, settings.deployment, recipient) for recipient in _recipients(settings)]
    words = [_any_word(settings, left, row.recipient) for row in rows]
    if not any(words):
        return tuple(replace(row, state=SENT) for row in rows)
    told = zip(rows, words, strict=True)
    return tuple(replace(row, state=_STATES.get(word, PENDING)) for row, word in told)


def _any_word(settings: Settings, left: Publication, recipient: str) -> Word | None:
    words = [_word(settings, left.session, left.revision, recipient, sender) for sender in Sender]
    return next((word for word in _STATES if word in words), next(filter(None, words), None))


def _refuse_unknown_limits(desk: Desk, run: Run) -> None:
    left = _has_left(desk.settings, run.session, run.revision)
    if left and not desk.store.mornings.is_frozen(run.session, run.revision):
        raise LimitsFileError(
            f"The mail for {run.session} has left, or may have, and there is no limits file that says what "
            f"it said: put the folder {limits_file.folder_name(run.session, run.revision)} back below "
            f"{desk.settings.output}, or restore a newer backup."
        )
