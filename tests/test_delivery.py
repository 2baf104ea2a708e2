"""Delivery against a real mail server: exactly one copy, or a second one that says so."""

from __future__ import annotations

import logging
import signal
import ssl
import subprocess
import sys
import threading
import traceback
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import pytest
import sqlalchemy as sa

from riskops.delivery import POSSIBLE_DUPLICATE, deliver
from riskops.errors import ConfigurationError, DeliveryError, DeliveryRefusedError
from riskops.records import Picture
from riskops.settings import Delivery, Fault, Secret
from riskops.store.mornings import Mornings
from riskops.store.outbox import Outbox
from riskops.store.schema import upgrade
from riskops.store.tables import outbox as outbox_table
from tests.delivery_process import NOW, READY, SESSION, database, report, send, settings
from tests.mail_catcher import LONGEST_WAIT_SECONDS, Catcher, serving

ROOT = Path(__file__).resolve().parents[1]
CANARY = "canary-4711-password"
SERVER_LOG = "mail.log"
THREE = ("a@example.com", "b@example.com", "c@example.com")


@pytest.fixture
def risk_database(folder):
    made = database(folder)
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def outbox(risk_database):
    return Outbox(risk_database)


def hand_over(outbox, folder, port, mail=None, **changes):
    return deliver(outbox, mail or report(), settings(folder, port, **changes), NOW, folder / "locks")


def states(outbox):
    return {row.recipient: row.state for row in outbox.rows(SESSION, 0)}


def process(folder, port, *how):
    command = [sys.executable, "-m", "tests.delivery_process", str(folder), str(port), *how]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# --- one copy a recipient -----------------------------------------------------------------


def test_every_recipient_gets_a_mail_of_his_own(outbox, folder):
    with serving(catcher := Catcher()) as port:
        receipt = hand_over(outbox, folder, port, recipients=THREE)
    assert receipt.delivered == THREE
    assert catcher.envelopes == [(recipient,) for recipient in THREE]
    assert [mail["To"] for mail in catcher.mails] == list(THREE)
    assert len({mail["Message-ID"] for mail in catcher.mails}) == 3


def test_the_mail_carries_both_twins_and_its_headers(outbox, folder):
    with serving(catcher := Catcher()) as port:
        send(outbox, folder, port)
    (mail,), (row,) = catcher.mails, outbox.rows(SESSION, 0)
    assert mail["Message-ID"] == row.message_id
    assert mail["Date"].datetime == NOW
    assert mail["From"] == "RiskOps <riskops@example.com>"
    assert (mail["Subject"], mail["Auto-Submitted"]) == (row.subject, "auto-generated")
    assert mail.get_body(("plain",)).get_content().splitlines() == row.text.splitlines()
    assert "<p>Trader 3942</p>" in mail.get_body(("html",)).get_content()


def test_acceptance_seals_the_session(outbox, risk_database, folder):
    with serving(Catcher()) as port:
        send(outbox, folder, port)
    assert states(outbox) == {"risk@example.com": "sent"}
    assert Mornings(risk_database).is_frozen(SESSION, 0)


def test_a_second_call_delivers_nothing_and_says_so(outbox, folder):
    with serving(catcher := Catcher()) as port:
        send(outbox, folder, port)
        receipt = send(outbox, folder, port)
    assert (receipt.delivered, receipt.already_delivered) == ((), ("risk@example.com",))
    assert len(catcher.mails) == 1


def test_a_recipient_named_twice_gets_one_mail(outbox, folder):
    with serving(catcher := Catcher()) as port:
        hand_over(outbox, folder, port, recipients=("a@example.com", "a@example.com"))
    assert len(catcher.mails) == 1


def test_a_mail_without_html_is_plain_text(outbox, folder):
    with serving(catcher := Catcher()) as port:
        hand_over(outbox, folder, port, report(html=""))
    assert catcher.mails[0].get_content_type() == "text/plain"


def test_hostile_text_in_the_subject_makes_no_header(outbox, folder):
    with serving(catcher := Catcher()) as port:
        hand_over(outbox, folder, port, report(subject="limits\r\nBcc: x@example.com"))
    assert catcher.mails[0]["Bcc"] is None
    assert catcher.mails[0]["Subject"] == "limits Bcc: x@example.com"


def test_an_address_outside_ascii_is_delivered(outbox, folder):
    with serving(catcher := Catcher(), enable_SMTPUTF8=True) as port:
        hand_over(outbox, folder, port, recipients=("zoë@example.com",))
    assert catcher.envelopes == [("zoë@example.com",)]


def test_an_address_outside_ascii_is_postponed_where_the_server_cannot_write_it(outbox, folder):
    with serving(Catcher(), enable_SMTPUTF8=False) as port, pytest.raises(DeliveryError):
        hand_over(outbox, folder, port, recipients=("zoë@example.com",))
    assert states(outbox) == {"zoë@example.com": "pending"}


def test_without_recipients_nothing_is_pretended(outbox, folder):
    with pytest.raises(ConfigurationError, match="RISKOPS_RECIPIENTS"):
        hand_over(outbox, folder, 1, recipients=())


# --- what servers say no to ---------------------------------------------------------------


@pytest.mark.fault(
    what="the mail server says not now (4xx) to one recipient",
    gets="everybody else's mail; that one is tried again",
    rung="-",
    label="DeliveryError",
    told="on-call, through the task that is given up",
)
def test_a_temporary_no_is_retryable_and_the_others_are_tried_first(outbox, folder):
    with serving(catcher := Catcher(recipients={"a@example.com": "451 busy"})) as port:
        with pytest.raises(DeliveryError, match=r"2 of 3.*a@example.com.*451 busy") as raised:
            hand_over(outbox, folder, port, recipients=THREE)
        assert raised.value.retryable
        assert states(outbox) == {THREE[0]: "pending", THREE[1]: "sent", THREE[2]: "sent"}
        catcher.recipients = {}
        receipt = hand_over(outbox, folder, port, recipients=THREE)
    assert (receipt.delivered, receipt.already_delivered) == (THREE[:1], THREE[1:])
    assert sorted(mail["To"] for mail in catcher.mails) == list(THREE)


@pytest.mark.fault(
    what="the mail server refuses one recipient for good (5xx)",
    gets="everybody else's mail",
    rung="-",
    label="DeliveryRefusedError",
    told="on-call, through the task that is given up",
)
def test_a_final_no_is_told_after_the_others_have_their_mail(outbox, folder):
    with serving(catcher := Catcher(recipients={"b@example.com": "550 unknown"})) as port:
        for _ in range(2):
            with pytest.raises(DeliveryRefusedError, match=r"b@example.com.*550 unknown") as raised:
                hand_over(outbox, folder, port, recipients=THREE)
    assert not raised.value.retryable
    assert states(outbox) == {THREE[0]: "sent", THREE[1]: "refused", THREE[2]: "sent"}
    assert len(catcher.mails) == 2


def test_while_something_can_be_retried_the_error_is_retryable(outbox, folder):
    answers = {"a@example.com": "550 unknown", "b@example.com": "451 busy"}
    with serving(Catcher(recipients=answers)) as port, pytest.raises(DeliveryError) as raised:
        hand_over(outbox, folder, port, recipients=THREE)
    assert raised.value.retryable
    assert "a@example.com: refused" in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [("452 full", "pending", DeliveryError), ("554 no", "refused", DeliveryRefusedError)],
)
def test_the_answer_to_the_mail_itself_counts(outbox, folder, answer, state, error):
    with serving(Catcher(after_data=answer)) as port, pytest.raises(error):
        send(outbox, folder, port)
    assert states(outbox) == {"risk@example.com": state}


def test_a_refused_sender_is_no_recipient_s_final_answer(outbox, folder):
    with serving(catcher := Catcher(sender="550 who are you")) as port:
        with pytest.raises(DeliveryError, match="sender not accepted"):
            send(outbox, folder, port)
        catcher.sender = ""
        assert send(outbox, folder, port).delivered == ("risk@example.com",)


def test_a_server_that_is_away_leaves_every_mail_pending(outbox, folder):
    with serving(Catcher()) as port:
        pass
    with pytest.raises(DeliveryError, match="0 of 3"):
        hand_over(outbox, folder, port, recipients=THREE)
    assert set(states(outbox).values()) == {"pending"}


@pytest.mark.parametrize("delivery", Delivery)
def test_the_drill_stops_every_kind_of_delivery(outbox, folder, delivery):
    with pytest.raises(DeliveryError, match="smtp_down is forced"):
        hand_over(outbox, folder, 1, delivery=delivery, fault=Fault.SMTP_DOWN)
    assert set(states(outbox).values()) == {"pending"}
    assert not (folder / "out").exists()


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
@pytest.mark.fault(
    what="the connection is cut before the mail is handed over",
    gets="the mail, when it is sent again: once, and not in doubt",
    rung="-",
    label="DeliveryError",
    told="on-call, through the task that is given up",
)
def test_a_cut_before_the_mail_leaves_no_doubt(outbox, folder, command):
    with serving(catcher := Catcher(cut_at=command)) as port:
        with pytest.raises(DeliveryError, match="postponed"):
            hand_over(outbox, folder, port)
        assert set(states(outbox).values()) == {"pending"}
        catcher.cut_at = ""
        hand_over(outbox, folder, port)
    [mail] = catcher.mails
    assert marked(mail) == (False, False)


# --- doubt --------------------------------------------------------------------------------


@pytest.mark.fault(
    what="the connection is cut within the mail",
    gets="the mail, when it is sent again, with the remark that it may be a second copy",
    rung="-",
    label="possible duplicate",
    told="risk managers (mail)",
)
def test_a_cut_within_the_mail_is_a_doubt(outbox, folder):
    with serving(catcher := Catcher(cut_at="DATA")) as port:
        with pytest.raises(DeliveryError, match="in_doubt"):
            hand_over(outbox, folder, port)
        assert set(states(outbox).values()) == {"sending"}
        catcher.cut_at = ""
        hand_over(outbox, folder, port)
    [mail] = catcher.mails
    assert marked(mail) == (True, True)


def marked(mail):
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    return text.startswith(POSSIBLE_DUPLICATE), POSSIBLE_DUPLICATE in html


@pytest.mark.fault(
    what="the connection is cut after the mail was handed over",
    gets="the mail, and a second copy with the same Message-ID that says so",
    rung="-",
    label="possible duplicate",
    told="risk managers (mail)",
)
def test_a_cut_after_the_mail_leads_to_a_second_copy_that_says_so(outbox, folder):
    with serving(catcher := Catcher(cut_after_data=True)) as port:
        with pytest.raises(DeliveryError, match="in_doubt") as raised:
            send(outbox, folder, port)
        assert raised.value.retryable
        assert states(outbox) == {"risk@example.com": "sending"}
        catcher.cut_after_data = False
        assert send(outbox, folder, port).delivered == ("risk@example.com",)
    first, second = catcher.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert (marked(first), marked(second)) == ((False, False), (True, True))


@pytest.mark.parametrize("answer", ["451 busy", "550 duplicate"])
def test_a_no_to_the_second_copy_does_not_end_the_doubt(outbox, folder, answer):
    with serving(catcher := Catcher(cut_after_data=True)) as port:
        with pytest.raises(DeliveryError):
            send(outbox, folder, port)
        catcher.recipients = {"risk@example.com": answer}
        with pytest.raises(DeliveryError, match=answer):
            send(outbox, folder, port)
    assert states(outbox) == {"risk@example.com": "sending"}


def test_the_second_copy_is_the_same_mail_even_if_another_was_composed(outbox, folder):
    with serving(catcher := Catcher(cut_after_data=True)) as port:
        with pytest.raises(DeliveryError):
            send(outbox, folder, port)
        catcher.cut_after_data = False
        hand_over(outbox, folder, port, report(subject="newer", text="newer"))
    assert catcher.mails[0]["Subject"] == catcher.mails[1]["Subject"]


@pytest.mark.fault(
    what="the sender is killed between the server's yes and its own note",
    gets="the mail, and a second copy with the same Message-ID that says so",
    rung="-",
    label="possible duplicate",
    told="risk managers (mail)",
)
def test_a_kill_between_acceptance_and_commit_leads_to_a_second_copy_that_says_so(outbox, folder):
    with serving(catcher := Catcher()) as port:
        sender = process(folder, port, "killed")
        sender.communicate(timeout=LONGEST_WAIT_SECONDS)
        assert sender.returncode == -signal.SIGKILL
        assert states(outbox) == {"risk@example.com": "sending"}
        assert send(outbox, folder, port).delivered == ("risk@example.com",)
    first, second = catcher.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert (marked(first), marked(second)) == ((False, False), (True, True))


@pytest.mark.fault(
    what="two senders at once",
    gets="one mail for everybody",
    rung="-",
    label="-",
    told="risk managers (mail)",
)
def test_two_senders_at_once_send_one_mail(outbox, folder):
    with serving(catcher := Catcher()) as port:
        catcher.release = threading.Event()
        first = process(folder, port)
        assert catcher.arrived.wait(LONGEST_WAIT_SECONDS)
        second = process(folder, port)
        assert second.stdout.readline().strip() == READY
        catcher.release.set()
        told = [
            sender.communicate(timeout=LONGEST_WAIT_SECONDS)[0].split()[-2:] for sender in (first, second)
        ]
    assert told == [["1", "0"], ["0", "1"]]
    assert len(catcher.mails) == 1


# --- secrets and encryption ---------------------------------------------------------------


@pytest.mark.parametrize(
    "catcher",
    [
        Catcher(login=f"535 wrong password {CANARY}"),
        Catcher(recipients={"risk@example.com": f"550 {CANARY} unknown"}),
        Catcher(cut_after_data=True),
    ],
)
def test_the_password_appears_in_no_exception_log_or_database(outbox, folder, caplog, catcher):
    caplog.set_level(logging.DEBUG)
    with serving(catcher, auth_require_tls=False) as port, pytest.raises(DeliveryError) as raised:
        hand_over(outbox, folder, port, user="riskops", password=Secret(CANARY))
    assert catcher.logins > 0
    told = "".join(traceback.format_exception(raised.value, chain=True))
    logged = "".join(record.getMessage() for record in caplog.records if record.name != SERVER_LOG)
    assert CANARY not in told + repr(raised.value.__context__) + logged
    assert "riskops" in logged
    assert all(CANARY.encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_refused_login_leaves_the_mail_pending(outbox, folder):
    catcher = Catcher(login="535 no")
    with serving(catcher, auth_require_tls=False) as port:
        with pytest.raises(DeliveryError, match=r"login refused \(535\)") as raised:
            hand_over(outbox, folder, port, user="riskops", password=Secret(CANARY))
        assert raised.value.retryable
        catcher.login = ""
        assert hand_over(outbox, folder, port, user="riskops", password=Secret(CANARY)).delivered


def test_a_password_outside_ascii_is_not_repeated(outbox, folder):
    with serving(Catcher(), auth_require_tls=False) as port, pytest.raises(DeliveryError) as raised:
        hand_over(outbox, folder, port, user="riskops", password=Secret(f"{CANARY}é"))
    assert "cannot be written in ASCII" in str(raised.value)
    assert raised.value.__context__ is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a self-signed certificate for 127.0.0.1 and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=3650)).not_valid_after(
        NOW + timedelta(days=36500)
    )
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = builder.add_extension(here, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("certificate") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def encrypted(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return {
        "starttls": {"tls_context": context, "require_starttls": True},
        "tls": {"ssl_context": context},
    }


@pytest.mark.fault(
    what="the mail server shows a certificate nobody vouches for",
    gets="no login and no mail goes there",
    rung="-",
    label="DeliveryError",
    told="on-call, through the task that is given up",
)
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_server_s_certificate_is_verified(outbox, folder, encrypted, security):
    catcher = Catcher()
    with (
        serving(catcher, **encrypted[security]) as port,
        pytest.raises(DeliveryError, match=r"(?i)certificate"),
    ):
        hand_over(outbox, folder, port, security=security)
    assert catcher.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_trusted_server_gets_login_and_mail_encrypted(
    outbox, folder, encrypted, certificate, monkeypatch, security
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    catcher = Catcher()
    with serving(catcher, auth_require_tls=security == "starttls", **encrypted[security]) as port:
        hand_over(outbox, folder, port, security=security, user="riskops", password=Secret(CANARY))
    assert (len(catcher.mails), catcher.logins) == (1, 1)


def test_a_server_without_encryption_gets_neither_login_nor_mail(outbox, folder):
    catcher = Catcher()
    with serving(catcher, auth_require_tls=False) as port, pytest.raises(DeliveryError):
        hand_over(outbox, folder, port, security="starttls", user="riskops", password=Secret(CANARY))
    assert (catcher.mails, catcher.logins) == ([], 0)


# --- files --------------------------------------------------------------------------------


def into_files(outbox, folder, mail=None, **changes):
    return hand_over(outbox, folder, 1, mail, delivery=Delivery.FILES, **changes)


def test_files_hold_the_whole_mail_and_both_twins(outbox, folder):
    receipt = into_files(outbox, folder)
    here = folder / "out" / "2026-03-16"
    assert receipt.delivered == ("files",)
    assert receipt.paths == (here / "limits.eml", here / "limits.html", here / "limits.txt")
    mail = message_from_bytes((here / "limits.eml").read_bytes(), policy=default)
    assert (mail["To"], mail["Subject"]) == ("risk@example.com", report().subject)
    assert mail.get_body(("html",)).get_content().strip() == report().html
    assert (here / "limits.txt").read_text() == report().text
    assert (here / "limits.html").read_text() == report().html


def with_pictures():
    html = '<html><body><img src="cid:a@riskops" alt="a"><img src="cid:b@riskops" alt="b"></body></html>'
    return report(html=html, pictures=(Picture("a@riskops", b"one"), Picture("b@riskops", b"two")))


def test_the_mail_carries_the_pictures_of_its_html_beside_it(outbox, risk_database, folder):
    Mornings(risk_database).archive(with_pictures(), {})
    with serving(catcher := Catcher()) as port:
        hand_over(outbox, folder, port, with_pictures())
    (mail,) = catcher.mails
    plain, related = mail.iter_parts()
    page, *pictures = related.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert [(p["Content-ID"], p.get_content()) for p in pictures] == [
        ("<a@riskops>", b"one"),
        ("<b@riskops>", b"two"),
    ]
    assert {p.get_content_disposition() for p in pictures} == {"inline"}
    assert {p.get_content_type() for p in pictures} == {"image/png"}


def test_the_same_mail_with_pictures_is_the_same_bytes(outbox, risk_database, folder):
    Mornings(risk_database).archive(with_pictures(), {})
    written = []
    for _ in range(2):
        whole, *_twins = into_files(outbox, folder, with_pictures()).paths
        written.append(whole.read_bytes())
        with risk_database.writing() as connection:
            connection.execute(sa.update(outbox_table).values(state="pending"))
    assert written[0] == written[1]
    assert b"multipart/related" in written[0]


def test_files_without_recipients_are_addressed_to_the_desk(outbox, folder):
    into_files(outbox, folder, recipients=())
    mail = message_from_bytes((folder / "out/2026-03-16/limits.eml").read_bytes(), policy=default)
    assert mail["To"] == "desk@localhost"


def test_a_revision_has_a_folder_of_its_own(outbox, folder):
    receipt = into_files(outbox, folder, report(revision=2))
    assert {path.parent.name for path in receipt.paths} == {"2026-03-16-r2"}


def test_a_second_call_leaves_the_files_alone_and_says_so(outbox, folder):
    first = into_files(outbox, folder)
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in first.paths]
    second = into_files(outbox, folder, report(text="newer"))
    assert (second.delivered, second.already_delivered) == ((), ("files",))
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in second.paths] == before


def test_files_seal_the_session_and_leave_no_drafts(outbox, risk_database, folder):
    receipt = into_files(outbox, folder)
    assert Mornings(risk_database).is_frozen(SESSION, 0)
    assert sorted(receipt.paths[0].parent.iterdir()) == sorted(receipt.paths)


def test_files_that_cannot_be_written_are_retryable(outbox, folder):
    (folder / "out").write_text("in the way")
    with pytest.raises(DeliveryError, match="0 of 1"):
        into_files(outbox, folder)
    assert states(outbox) == {"files": "pending"}


def test_the_same_mail_gives_the_same_files(outbox, keeper, folder):
    first = into_files(outbox, folder)
    other = keeper(folder / "other")
    upgrade(fresh := database(other))
    again = into_files(Outbox(fresh), other)
    fresh.close()
    assert [path.read_bytes() for path in first.paths] == [path.read_bytes() for path in again.paths]
