"""The emergency mail: limits held from the limits file while the risk database is gone.

What is decided and mailed without the database is kept in files below the output, one folder a
session. The first verb that reaches the database again takes it over, before it does anything else.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from riskops import config, emergency, limits_file, second_channel, whole_files
from riskops.delivery import LOCKS, deliver, recipients_of
from riskops.desk import Desk
from riskops.errors import LimitsFileError
from riskops.handover import Sender, Word, last_word
from riskops.limits_file import LimitsFile, State
from riskops.records import Publication, Run, Verb
from riskops.report.minimal import emergency_subject, emergency_text
from riskops.second_channel import Entry
from riskops.sessions import TradingCalendar, desk_date
from riskops.settings import Settings
from riskops.store.adoption import adopt_mails
from riskops.store.documents import from_document, to_document
from riskops.store.file_outbox import FileOutbox
from riskops.store.mornings import Report
from riskops.store.outbox import SENDING, SENT, OutboxRow, outbox_key
from riskops.store.seal import LIMITS_MAIL

FOLDER, DECIDED, MAILS, RESERVE = "emergency", "decided.json", "mails", "reserve"
RESERVE_BYTES = 131_072  # room for an emergency mail where the disk is full

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Emergency:
    """What was decided without the risk database, and the mail that says so."""

    deployment: str
    publication: Publication
    report: Report


# --- without the database ---------------------------------------------------------------------


def fit_file(settings: Settings, calendar: TradingCalendar, session: date) -> LimitsFile:
    """Return the limits file that limits of a session can be held from.

    Raises
    ------
    LimitsFileError
        If it is missing, damaged, stale, or another deployment's.
    """
    file = limits_file.read_current(settings.output)
    emergency.refuse_unfit(file, session, settings.deployment, calendar)
    return file


def mail_from_file(settings: Settings, calendar: TradingCalendar, now: datetime, problem: str) -> str:
    """Mail limits held from the limits file, once to everybody who has no mail; say what happened.

    Raises
    ------
    LimitsFileError
        If there is no file to hold from, or no word can be kept of the mail.
    DeliveryError
        If a mail was not accepted; the recipients who have theirs do not get another.
    """
    folder = _folder(settings, desk_date(now))
    try:
        (settings.output / FOLDER / RESERVE).unlink(missing_ok=True)
        with whole_files.locked(folder / "watchdog.lock", patience_seconds=0):
            return _mail(settings, calendar, now, problem)
    except BlockingIOError:
        return "Another watchdog is mailing."
    except OSError as error:
        raise LimitsFileError(
            f"No word can be kept of an emergency mail below {folder} ({error.strerror}), so none left. "
            "Make room there and run `riskops watchdog`."
        ) from error


def _mail(settings: Settings, calendar: TradingCalendar, now: datetime, problem: str) -> str:
    session = desk_date(now)
    if _is_out(settings, session):
        return "The mail of the session was out before that."
    mails = FileOutbox(_folder(settings, session) / MAILS)
    decided = _record(settings, session) if _has_left(mails) else None
    decided = decided or _decide(settings, calendar, session, problem)
    try:
        receipt = deliver(mails, decided.report, settings, now, settings.output / LOCKS)
    finally:
        if _has_left(mails):
            _export(settings, decided)
    if not receipt.delivered:
        return "Everybody has the mail."
    second_channel.ping(settings)
    rung = f"rung {decided.publication.rung_label}"
    return f"An EMERGENCY MAIL left with {rung}, for {len(receipt.delivered)}: {decided.publication.why}."


def _has_left(mails: FileOutbox) -> bool:
    """Say whether somebody has an emergency mail, or may have: what it says is fixed then."""
    return any(mail.state in (SENDING, SENT) for mail in mails.rows())


def _is_out(settings: Settings, session: date) -> bool:
    """Say whether the usual mail is out, or a correction that goes to everybody in its place."""
    revisions = {0, _newest_revision(settings, session)}
    return any(_is_revision_out(settings, session, revision) for revision in revisions)


def _newest_revision(settings: Settings, session: date) -> int:
    """Return the revision that ``current`` names for a session: a correction once its mail is out."""
    with suppress(LimitsFileError):
        newest = limits_file.read_current(settings.output)
        return newest.revision if newest.session == session else 0
    return 0


def _is_revision_out(settings: Settings, session: date, revision: int) -> bool:
    """Say whether every recipient's mail was accepted, or the limits file says so.

    A sealed file decides only where no word of any recipient is known here.
    """
    words = [_usual_word(settings, session, revision, recipient) for recipient in recipients_of(settings)]
    if any(words):
        return all(word is Word.ACCEPTED for word in words)
    file = limits_file.found(settings.output, session, revision)
    return file is not None and file.state is State.SEALED and file.deployment == settings.deployment


def _usual_word(settings: Settings, session: date, revision: int, recipient: str) -> Word | None:
    key = outbox_key(settings.deployment, session, LIMITS_MAIL, revision, recipient)
    return last_word(settings.output / LOCKS, key, Sender.OUTBOX)


def _decide(settings: Settings, calendar: TradingCalendar, session: date, problem: str) -> Emergency:
    """Hold the limits and keep them: once a mail has left, whoever mails later mails the same."""
    file = fit_file(settings, calendar, session)
    held = emergency.hold(file, session, calendar)
    age = emergency.age(file, session, calendar)
    link = second_channel.what_to_do(settings, Entry.DATABASE_IS_GONE)
    text = emergency_text(held, file, age, problem, link)
    report = Report.plain(session, 0, LIMITS_MAIL, emergency_subject(session), text)
    decided = Emergency(settings.deployment, held, report)
    document = json.dumps(to_document(decided), indent=1) + "\n"
    whole_files.put(_folder(settings, session) / DECIDED, document.encode())
    return decided


def _export(settings: Settings, decided: Emergency) -> None:
    file = limits_file.limits_file(decided.publication, settings.deployment, State.EMERGENCY)
    try:
        limits_file.write(file, settings.output)
        limits_file.make_current(file, settings.output)
    except OSError as error:
        log.warning("The limits file of the emergency mail is not written: %s", error.strerror)


def _record(settings: Settings, session: date) -> Emergency | None:
    """Return what was decided without the database before, ``None`` where nothing was.

    Raises
    ------
    LimitsFileError
        If it is there and cannot be read: nobody knows what left.
    """
    path = _folder(settings, session) / DECIDED
    try:
        decided: Emergency = from_document(Emergency, json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):  # the latter: no output folder to look into
        return None
    except (ValueError, OSError):
        raise LimitsFileError(
            f"{path} cannot be read: look who has an emergency mail, then remove it."
        ) from None
    return decided if decided.deployment == settings.deployment else None


def _folder(settings: Settings, session: date) -> Path:
    return settings.output / FOLDER / session.isoformat()


# --- with the database ------------------------------------------------------------------------


def keep_reserve(settings: Settings) -> None:
    """Keep some room on the disk, so that an emergency mail can be journalled where it is full."""
    path = settings.output / FOLDER / RESERVE
    if not path.exists():
        whole_files.put(path, bytes(RESERVE_BYTES))


def adopt(desk: Desk, run: Run) -> None:
    """Take over the emergency mail of the session, and of those before it that nobody took over yet.

    Their limits are sealed like any other's: what follows eases, or tightens, from them.

    Raises
    ------
    LimitsFileError
        If what was decided without the database for this session cannot be read.
    """
    for session in _left_before(desk, run.session):
        try:
            _adopt(desk, replace(run, session=session, revision=0))
        except LimitsFileError as error:
            _tell_once_a_morning(desk, session, str(error))
    if not run.revision:
        _adopt(desk, run)


def _tell_once_a_morning(desk: Desk, session: date, problem: str) -> None:
    """Tell on-call of a damaged record of an earlier session: every verb meets it, the first one is heard."""
    log.warning("%s: %s", session, problem)
    told = _folder(desk.settings, session) / f"told-{desk_date(desk.clock())}"
    if told.exists():
        return
    if second_channel.tell(desk.settings, f"{session}: {problem}", Entry.DATABASE_IS_GONE):
        with suppress(OSError):  # then the next verb tells it again
            whole_files.put(told, b"")


def _left_before(desk: Desk, session: date) -> list[date]:
    """Return earlier sessions of which something was decided without the database, and none sealed."""
    found = (desk.settings.output / FOLDER).glob(f"????-??-??/{DECIDED}")
    earlier = sorted(day for path in found if (day := date.fromisoformat(path.parent.name)) < session)
    recent = earlier[-config.LIMITS_FILE_MAX_SESSIONS :]
    return [day for day in recent if not desk.store.mornings.is_frozen(day, 0)]


def _adopt(desk: Desk, run: Run) -> None:
    decided = _record(desk.settings, run.session)
    if decided is None:
        return
    mails = FileOutbox(_folder(desk.settings, run.session) / MAILS)
    rows = tuple(_as_told(desk.settings, mail) for mail in mails.rows())
    accepted = any(mail.state == SENT for mail in rows)
    accepted_at = mails.first_accepted_at() or (desk.clock() if accepted else None)
    left, marks = (decided.publication, decided.report, rows, accepted_at), {"emergency": True}
    if adopt_mails(desk.store.database, *left, marks):
        desk.store.journal.note(run, Verb.SEND, "adopted", desk.clock())
        told = "the risk database is back; the emergency mail was taken over, its limits stand"
        second_channel.tell(desk.settings, f"{run.session}: {told}.", Entry.DATABASE_IS_GONE)


def _as_told(settings: Settings, mail: OutboxRow) -> OutboxRow:
    """Return a mail with the fence's word: a sender killed before its own note may have said more there."""
    word = last_word(settings.output / LOCKS, mail.key, Sender.EMERGENCY)
    return replace(mail, state=SENT, problem="") if (mail.state, word) == (SENDING, Word.ACCEPTED) else mail
