"""Delivery: hands composed mails to the mail server, one copy a recipient.

The outbox remembers how far every mail got, and a file lock that dies with its process keeps two
senders apart. A crash between the server's acceptance and our commit leaves a mail ``sending``:
the next sender cannot know, and sends a second copy with the same Message-ID that says so. For
limits, missing is worse than twice. Where the risk database is gone the outbox is one kept in files;
`riskops.handover` keeps the two from mailing the same.
"""

from __future__ import annotations

import contextlib
import logging
import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from riskops.errors import ConfigurationError, DeliveryError, DeliveryRefusedError
from riskops.handover import Sender, Word, handing_over, last_word
from riskops.records import Picture
from riskops.report.minimal import emergency_subject
from riskops.report.shown_alone import shown_alone
from riskops.settings import Delivery, Fault, MailServer, Settings
from riskops.store.mornings import Report
from riskops.store.outbox import REFUSED, SENT, OutboxRow
from riskops.store.seal import LIMITS_MAIL
from riskops.whole_files import locked, put

LOCKS = "locks"  # below the output: what keeps senders apart
FILES_RECIPIENT = "files"
PLACEHOLDER_RECIPIENT = "desk@localhost"
LONGEST_ANSWER = 200
POSSIBLE_DUPLICATE = (
    "POSSIBLE DUPLICATE: an earlier copy of this mail, with the same Message-ID, may have reached you."
)

log = logging.getLogger(__name__)


class Mails(Protocol):
    """What remembers how far every mail got: the outbox, or the one kept in files."""

    @property
    def sender(self) -> Sender:
        """Who hands these mails over."""

    def prepare(self, report: Report, deployment: str, recipients: Sequence[str]) -> tuple[str, ...]:
        """Put a mail in the outbox for every recipient and return the keys."""

    def begin(self, key: str) -> bool:
        """Mark a mail as being handed over; say whether the server may have it already."""

    def accepted(self, key: str, now: datetime) -> None:
        """Note that the server accepted the mail."""

    def not_accepted(self, key: str, problem: str, *, final: bool) -> None:
        """Note that the server surely did not accept the mail."""

    def in_doubt(self, key: str, problem: str) -> None:
        """Note why nobody knows whether the server accepted the mail."""

    def row(self, key: str) -> OutboxRow:
        """Return the mail with `key`."""

    def pictures(self, mail: OutboxRow) -> tuple[Picture, ...]:
        """Return the pictures that the HTML of a mail names."""

    def earlier(self, mail: OutboxRow) -> tuple[str, ...]:
        """Return the Message-IDs of the mails that one corrects, as far as its recipient has them."""


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """Who got the mail by this call, who had it before, who refused it, and the files where it lies."""

    delivered: tuple[str, ...] = ()
    already_delivered: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()


class _Fate(Enum):
    """What became of one mail."""

    DELIVERED = auto()
    ALREADY_DELIVERED = auto()
    REFUSED = auto()
    POSTPONED = auto()
    IN_DOUBT = auto()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The fate of one mail, and the problem in words that are safe to log."""

    fate: _Fate
    problem: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class _Companions:
    """What belongs to a mail beside its row: the pictures it names, and the mails that it corrects."""

    pictures: tuple[Picture, ...] = ()
    earlier: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: OutboxRow, outbox: Mails) -> _Companions:
        return cls(outbox.pictures(row), outbox.earlier(row))


Carrier = Callable[[OutboxRow, bool], _Outcome]


@dataclass(frozen=True, slots=True)
class _Mailing:
    """All copies of one mail on their way: whose outbox, how they are carried, and their keys."""

    outbox: Mails
    carry: Carrier
    now: datetime
    locks: Path
    keys: tuple[str, ...]

    def is_overtaken(self, row: OutboxRow) -> bool:
        """Say whether somebody has, or may have, an emergency mail instead of this one.

        Then everybody gets that one: it is adopted and mailed by whoever sends next.
        """
        return self.is_beside_an_emergency() and row.subject != emergency_subject(row.session)

    def is_beside_an_emergency(self) -> bool:
        """Say whether this is a usual mail and somebody has, or may have, an emergency mail."""
        words = (last_word(self.locks, key, Sender.EMERGENCY) for key in self.keys)
        has_left = any(word in (Word.SENDING, Word.ACCEPTED) for word in words)
        return self.outbox.sender is Sender.OUTBOX and has_left


def deliver(
    outbox: Mails, report: Report, settings: Settings, now: datetime, lock_folder: Path
) -> DeliveryReceipt:
    """Deliver a composed mail to every recipient who does not have it yet.

    All recipients are tried before anything is raised.

    Raises
    ------
    ConfigurationError
        If there is nobody to deliver to.
    DeliveryError
        If the server did not accept some mail, or nobody knows whether it did: try again.
    DeliveryRefusedError
        If a recipient was refused for good (5xx) and nothing is left to retry.
    """
    keys = outbox.prepare(report, settings.deployment, recipients_of(settings))
    carry = _carrier(outbox, settings, now)
    mailing = _Mailing(outbox, carry, now, lock_folder, keys)
    outcomes = [_try_one(mailing, key) for key in keys]
    _raise_for(report, outcomes)
    return DeliveryReceipt(
        delivered=_who(outcomes, _Fate.DELIVERED),
        already_delivered=_who(outcomes, _Fate.ALREADY_DELIVERED),
        refused=_who(outcomes, _Fate.REFUSED),
        paths=_paths(report, settings) if settings.delivery is Delivery.FILES else (),
    )


def recipients_of(settings: Settings) -> tuple[str, ...]:
    """Return who gets a mail, each once; files have a recipient of their own.

    Raises
    ------
    ConfigurationError
        If there is nobody.
    """
    if settings.delivery is Delivery.FILES:
        return (FILES_RECIPIENT,)
    if not settings.recipients:
        raise ConfigurationError("RISKOPS_RECIPIENTS is empty: name the risk managers' addresses.")
    return tuple(dict.fromkeys(settings.recipients))


def _carrier(outbox: Mails, settings: Settings, now: datetime) -> Carrier:
    """Return what carries a mail away: to the server, into files, or, in a drill, nowhere."""
    if settings.fault is Fault.SMTP_DOWN:
        return lambda _row, _doubtful: _Outcome(_Fate.POSTPONED, f"the fault {settings.fault} is forced")
    if settings.delivery is Delivery.FILES:
        return lambda row, _doubtful: _to_files(row, _Companions.of(row, outbox), settings, now)
    return lambda row, doubtful: _to_server(row, _Companions.of(row, outbox), settings, now, doubtful)


def _try_one(mailing: _Mailing, key: str) -> _Outcome:
    """Deliver one mail; a folder that cannot keep the senders' locks is a problem like any other."""
    try:
        return _deliver_one(mailing, key)
    except OSError as error:
        problem = f"{error.filename or mailing.locks}: {error.strerror}; look at RISKOPS_OUTPUT and its disk"
        return _Outcome(_Fate.POSTPONED, problem, mailing.outbox.row(key).recipient)


def _deliver_one(mailing: _Mailing, key: str) -> _Outcome:
    outbox = mailing.outbox
    with locked(mailing.locks / f"{key}.{outbox.sender}.lock"):
        row = outbox.row(key)
        if row.state == SENT:
            return _Outcome(_Fate.ALREADY_DELIVERED, recipient=row.recipient)
        if row.state == REFUSED:
            return _Outcome(_Fate.REFUSED, row.problem, row.recipient)
        doubtful = outbox.begin(key)
        row = outbox.row(key)
        outcome = _hand_over(mailing, row, doubtful)
        _record(outbox, key, outcome, doubtful, mailing.now)
    _tell(row, outcome)
    return _Outcome(outcome.fate, outcome.problem, row.recipient)


def _hand_over(mailing: _Mailing, row: OutboxRow, doubtful: bool) -> _Outcome:
    """Carry a mail away, unless the other sender has; its doubts are ours too."""
    sender = mailing.outbox.sender
    other = Sender.OUTBOX if sender is Sender.EMERGENCY else Sender.EMERGENCY
    with handing_over(mailing.locks, row.key) as handover:
        heard = handover.last_word(other)
        if handover.last_word(sender) is Word.ACCEPTED and mailing.is_beside_an_emergency():
            return _Outcome(_Fate.DELIVERED)  # before the database went away
        if heard is Word.ACCEPTED or mailing.is_overtaken(row):
            return _NO_NEED[sender]
        handover.say(sender, Word.SENDING)
        outcome = mailing.carry(row, doubtful or heard is Word.SENDING)
        handover.say(sender, _word(outcome, doubtful))
    return outcome


_NO_NEED = {
    Sender.OUTBOX: _Outcome(_Fate.POSTPONED, "an emergency mail was accepted meanwhile"),
    Sender.EMERGENCY: _Outcome(_Fate.ALREADY_DELIVERED, "the usual mail was accepted"),
}


def _word(outcome: _Outcome, doubtful: bool) -> Word:
    if outcome.fate is _Fate.DELIVERED:
        return Word.ACCEPTED
    in_doubt = doubtful or outcome.fate is _Fate.IN_DOUBT
    return Word.SENDING if in_doubt else Word.NOT_ACCEPTED


def _record(outbox: Mails, key: str, outcome: _Outcome, doubtful: bool, now: datetime) -> None:
    """Write down what became of a mail; a doubt about an earlier copy ends only with acceptance."""
    if outcome.fate is _Fate.DELIVERED:
        outbox.accepted(key, now)
    elif doubtful or outcome.fate is _Fate.IN_DOUBT:
        outbox.in_doubt(key, outcome.problem)
    else:
        outbox.not_accepted(key, outcome.problem, final=outcome.fate is _Fate.REFUSED)


def _tell(row: OutboxRow, outcome: _Outcome) -> None:
    if outcome.fate is _Fate.DELIVERED:
        log.info("mail %s to %s: accepted", row.message_id, row.recipient)
    else:
        fate = outcome.fate.name.lower()
        log.warning("mail %s to %s: %s, %s", row.message_id, row.recipient, fate, outcome.problem)


def _who(outcomes: Sequence[_Outcome], fate: _Fate) -> tuple[str, ...]:
    return tuple(outcome.recipient for outcome in outcomes if outcome.fate is fate)


def _raise_for(report: Report, outcomes: Sequence[_Outcome]) -> None:
    reached = (_Fate.DELIVERED, _Fate.ALREADY_DELIVERED)
    missed = [outcome for outcome in outcomes if outcome.fate not in reached]
    if not missed:
        return
    who = "; ".join(f"{o.recipient}: {o.fate.name.lower()} ({o.problem})" for o in missed)
    found = f"The mail for {report.session} reached {len(outcomes) - len(missed)} of {len(outcomes)}. {who}."
    if all(outcome.fate is _Fate.REFUSED for outcome in missed):
        setting = "RISKOPS_RECIPIENTS" if report.kind == LIMITS_MAIL else "RISKOPS_ESCALATION"
        raise DeliveryRefusedError(f"{found} Correct {setting} and send again.")
    raise DeliveryError(f"{found} Send again: nobody who has it gets it twice.")


# --- the mail server --------------------------------------------------------------------------


def _to_server(
    row: OutboxRow, companions: _Companions, settings: Settings, now: datetime, doubtful: bool
) -> _Outcome:
    mail = _message(row, companions, (settings.sender, row.recipient), now, doubtful)
    try:
        smtp = _connect(settings.mail_server)
    except (OSError, UnicodeError) as error:
        return _Outcome(_Fate.POSTPONED, _problem(error, settings.mail_server))
    try:
        return _transact(smtp, mail, row.recipient, settings)
    finally:
        _hang_up(smtp)


def _connect(server: MailServer) -> smtplib.SMTP:
    """Return a session with the server, encrypted and logged in as the settings ask."""
    context = ssl.create_default_context()
    smtp: smtplib.SMTP
    if server.security == "tls":
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
    try:
        _introduce(smtp, server, context)
    except (OSError, UnicodeError):
        smtp.close()
        raise
    return smtp


def _introduce(smtp: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    if server.security == "starttls":
        smtp.starttls(context=context)
    smtp.ehlo_or_helo_if_needed()
    if server.user:
        smtp.login(server.user, server.password.reveal())


def _transact(smtp: smtplib.SMTP, mail: EmailMessage, recipient: str, settings: Settings) -> _Outcome:
    """Hand over one mail to one recipient and say what the server made of it."""
    server = settings.mail_server
    try:
        refusal = _address(smtp, settings, recipient)
    except (OSError, UnicodeError) as error:
        return _Outcome(_Fate.POSTPONED, _problem(error, server))
    if refusal is not None:
        return refusal
    try:
        code, answer = smtp.data(mail.as_bytes())
    except smtplib.SMTPDataError as error:
        code, answer = error.smtp_code, _as_bytes(error.smtp_error)
    except OSError as error:
        return _Outcome(_Fate.IN_DOUBT, f"cut off while handing over: {_problem(error, server)}")
    return _judge(code, _said(code, answer, server))


def _address(smtp: smtplib.SMTP, settings: Settings, recipient: str) -> _Outcome | None:
    """Name the sender and the recipient; return what went wrong, if anything did.

    A refused sender is a matter of the settings, so it is no recipient's final answer.
    """
    sender, to = parseaddr(settings.sender)[1], parseaddr(recipient)[1]
    options = () if (sender + to).isascii() else ("SMTPUTF8", "BODY=8BITMIME")
    code, answer = smtp.mail(sender, options)
    if not _is_positive(code):
        return _Outcome(_Fate.POSTPONED, f"sender not accepted: {_said(code, answer, settings.mail_server)}")
    code, answer = smtp.rcpt(to)
    said = _said(code, answer, settings.mail_server)
    return None if _is_positive(code) else _judge(code, said)


def _judge(code: int, said: str) -> _Outcome:
    if _is_positive(code):
        return _Outcome(_Fate.DELIVERED)
    if code >= 500:
        return _Outcome(_Fate.REFUSED, said)
    return _Outcome(_Fate.POSTPONED if code >= 400 else _Fate.IN_DOUBT, said)


def _is_positive(code: int) -> bool:
    return 200 <= code < 300


def _hang_up(smtp: smtplib.SMTP) -> None:
    """Say QUIT without waiting for the answer: what was accepted wants to be written down."""
    with contextlib.suppress(OSError):
        smtp.putcmd("quit")
    smtp.close()


def _problem(error: Exception, server: MailServer) -> str:
    """Return an error in words; what a server says about a login is left out, it may repeat it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"login refused ({error.smtp_code})"
    if isinstance(error, UnicodeError):
        return "an address or the login cannot be written in ASCII"
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, _as_bytes(error.smtp_error), server)
    return _safe(f"{type(error).__name__}: {error}", server)


def _said(code: int, answer: bytes, server: MailServer) -> str:
    return _safe(f"{code} {answer.decode('utf-8', 'replace')}", server)


def _as_bytes(answer: bytes | str) -> bytes:
    return answer.encode() if isinstance(answer, str) else answer


def _safe(text: str, server: MailServer) -> str:
    secret = server.password.reveal()
    told = text.replace(secret, str(server.password)) if secret else text
    return " ".join(told.split())[:LONGEST_ANSWER]


# --- the mail ---------------------------------------------------------------------------------


def _message(
    row: OutboxRow, companions: _Companions, who: tuple[str, str], now: datetime, doubtful: bool
) -> EmailMessage:
    """Return the mail with its twins and the pictures of the HTML; the same row gives the same bytes.

    A correction is a reply to the mail that it corrects, so that mail programs show it there.
    """
    sender, to = who
    mail = EmailMessage(policy=SMTP if (sender + to).isascii() else SMTPUTF8)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = " ".join(row.subject.split())
    mail["Date"] = now
    mail["Message-ID"] = row.message_id
    if companions.earlier:
        mail["In-Reply-To"] = companions.earlier[-1]
        mail["References"] = " ".join(companions.earlier)
    mail["Auto-Submitted"] = "auto-generated"
    text = f"{POSSIBLE_DUPLICATE}\n\n{row.text}" if doubtful else row.text
    mail.set_content(text, cte="quoted-printable")
    if row.html:
        html = _marked(row.html) if doubtful else row.html
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        mail.set_boundary(f"=_riskops_{row.key[:24]}")
        _attach(mail, companions.pictures, f"=_riskops_pictures_{row.key[:24]}")
    return mail


def _attach(mail: EmailMessage, pictures: Sequence[Picture], boundary: str) -> None:
    """Put pictures beside the HTML twin, which names them by their content ids."""
    page = mail.get_body(("html",))
    if page is None or not pictures:
        return
    for number, picture in enumerate(pictures, start=1):
        cid, name = f"<{picture.content_id}>", f"chart-{number}.png"
        page.add_related(picture.png, "image", "png", cid=cid, filename=name, disposition="inline")
    page.set_boundary(boundary)


def _marked(html: str) -> str:
    """Return the page with the remark on a possible duplicate at its top."""
    remark = (
        f'<p style="padding:8px;background:#fff4d6;color:#3d2c00"><strong>{POSSIBLE_DUPLICATE}</strong></p>'
    )
    body = re.search(r"<body[^>]*>", html)
    at = body.end() if body else 0
    return html[:at] + remark + html[at:]


# --- files ------------------------------------------------------------------------------------


def _to_files(row: OutboxRow, companions: _Companions, settings: Settings, now: datetime) -> _Outcome:
    to = ", ".join(settings.recipients) or PLACEHOLDER_RECIPIENT
    mail = _message(row, companions, (settings.sender, to), now, doubtful=False)
    page = shown_alone(row.html, companions.pictures)
    contents = {".eml": mail.as_bytes(), ".html": page.encode(), ".txt": row.text.encode()}
    try:
        for path in _paths(row, settings):
            put(path, contents[path.suffix])
    except OSError as error:
        return _Outcome(_Fate.POSTPONED, f"{error.filename}: {error.strerror}")
    return _Outcome(_Fate.DELIVERED)


def _paths(mail: OutboxRow | Report, settings: Settings) -> tuple[Path, ...]:
    """Return where the files of a mail lie: the whole mail, its HTML twin if it has one, its text."""
    revision = f"-r{mail.revision}" if mail.revision else ""
    folder = settings.output / f"{mail.session}{revision}"
    suffixes = (".eml", ".html", ".txt") if mail.html else (".eml", ".txt")
    return tuple(folder / f"{mail.kind}{suffix}" for suffix in suffixes)
