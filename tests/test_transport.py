"""Lines to other machines: the server proves its name, or nothing secret is said to it."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest
import sqlalchemy as sa

from riskops.errors import ConfigurationError, StoreError
from riskops.settings import read_settings
from riskops.store.database import Database
from riskops.transport import is_local, refuse_open_login, system_authorities, verified
from tests.certificates import self_signed

CANARY = "canary-83b1"
ELSEWHERE = f"postgresql+psycopg://riskops:{CANARY}@db.example.com/risk"
HERE = f"postgresql+psycopg://riskops:{CANARY}@localhost/risk"
VERIFIED = {"sslmode": "verify-full", "sslrootcert": system_authorities()}
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
PRODUCTION = {
    "RISKOPS_DEPLOYMENT": "production",
    "RISKOPS_DATABASE_URL": ELSEWHERE,
    "RISKOPS_DELIVERY": "smtp",
    "RISKOPS_RECIPIENTS": "risk@example.com",
    "RISKOPS_SMTP_HOST": "mail.example.com",
    "RISKOPS_SMTP_USER": "riskops",
    "RISKOPS_SMTP_PASSWORD": CANARY,
}


def query_of(url, environ=None, *, drill=False):
    return dict(sa.make_url(verified(url, environ or {}, drill=drill)).query)


@pytest.mark.parametrize(
    "host", ["", "localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "/run/postgresql"]
)
def test_this_machine_has_these_names(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["db", "localhost.example.com", "10.0.0.1", "192.0.2.7", "127.0.0.1.nip.io", "::"]
)
def test_every_other_name_is_another_machine(host):
    assert not is_local(host)


class TestDatabase:
    @pytest.mark.parametrize("drill", [True, False])
    def test_another_machine_is_verified_by_default(self, drill):
        assert query_of(ELSEWHERE, drill=drill) == VERIFIED

    def test_the_url_may_name_its_own_authority(self):
        assert query_of(f"{ELSEWHERE}?sslrootcert=/etc/desk-ca.pem") == {
            "sslmode": "verify-full",
            "sslrootcert": "/etc/desk-ca.pem",
        }

    @pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
    def test_a_url_that_verifies_stays_as_it_is(self, mode):
        assert verified(f"{ELSEWHERE}?sslmode={mode}", {}, drill=False) == f"{ELSEWHERE}?sslmode={mode}"

    @pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-full&sslmode=disable"])
    def test_a_url_that_does_not_verify_is_refused_except_in_a_drill(self, mode):
        url = f"{ELSEWHERE}?sslmode={mode}"
        with pytest.raises(ConfigurationError, match=r"sslmode=.*sslrootcert=/path") as raised:
            verified(url, {}, drill=False)
        assert CANARY not in str(raised.value)
        assert verified(url, {}, drill=True) == url

    @pytest.mark.parametrize(
        "url",
        [
            HERE,
            "postgresql+psycopg:///risk?host=/run/postgresql",
            "postgresql+psycopg://u@/risk?host=localhost:5432&host=127.0.0.1:5433",
            "postgresql+psycopg://u@[::1]:5432/risk?sslmode=disable",
            "sqlite:///risk.db",
            "no url at all",
        ],
    )
    def test_what_stays_on_this_machine_is_left_alone(self, url):
        assert verified(url, {}, drill=False) == url

    @pytest.mark.parametrize(
        "query",
        [
            "host=db.example.com",
            "host=localhost&host=db.example.com:5432",
            "host=localhost,db.example.com",
            "hostaddr=203.0.113.7",
            "service=risk",
        ],
    )
    def test_no_parameter_leads_elsewhere_unverified(self, query):
        assert query_of(f"{HERE}?{query}")["sslmode"] == "verify-full"

    @pytest.mark.parametrize(
        ("url", "environ"),
        [
            ("postgresql+psycopg:///risk", {"PGHOST": "db.example.com"}),
            (HERE, {"PGHOSTADDR": "203.0.113.7"}),
            (HERE, {"PGSERVICE": "risk"}),
        ],
    )
    def test_nor_does_the_environment(self, url, environ):
        assert query_of(url, environ)["sslmode"] == "verify-full"
        assert query_of(url) == {}

    def test_the_settings_hand_out_the_verified_url(self):
        url = read_settings(PRODUCTION).database_url.reveal()
        assert dict(sa.make_url(url).query) == VERIFIED
        assert sa.make_url(url).set(query={}) == sa.make_url(ELSEWHERE)


class TestMail:
    def test_a_password_is_not_sent_to_another_machine_in_the_clear(self):
        with pytest.raises(ConfigurationError, match=r"in the clear: use starttls or tls") as raised:
            read_settings(PRODUCTION | {"RISKOPS_SMTP_SECURITY": "none"})
        assert CANARY not in str(raised.value)

    @pytest.mark.parametrize(
        "changes",
        [
            {"RISKOPS_SMTP_HOST": "127.0.0.1"},
            {"RISKOPS_SMTP_PASSWORD": "", "RISKOPS_SMTP_USER": ""},
            {"RISKOPS_DEPLOYMENT": "test"},
        ],
    )
    def test_this_machine_a_relay_without_login_and_a_drill_may(self, changes):
        settings = read_settings(PRODUCTION | {"RISKOPS_SMTP_SECURITY": "none"} | changes)
        assert settings.mail_server.security == "none"

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_an_encrypted_line_may_carry_it(self, security):
        refuse_open_login("mail.example.com", security, password=True)


# --- a server that is not who it says it is -----------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("certificate") / "db.pem", "db.example.com")


@contextmanager
def impostor(certificate):
    """Serve as a PostgreSQL server that speaks TLS if it has a certificate; yield port and what it heard."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer_all, args=(listening, certificate, heard))
        thread.start()
        try:
            yield listening.getsockname()[1], heard
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer_all(listening, certificate, heard):
    while True:
        try:
            connection, _peer = listening.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            _answer(connection, certificate, heard)


def _answer(connection, certificate, heard):
    heard.append(connection.recv(8))
    if certificate is None:
        connection.sendall(b"N")
        heard.append(connection.recv(1_000))
        return
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    connection.sendall(b"S")
    with context.wrap_socket(connection, server_side=True) as encrypted:
        heard.append(encrypted.recv(1_000))


def asked(port, **extra):
    """Ask for anything at the port, as a desk whose database is `db.example.com`; return the error."""
    url = sa.make_url(ELSEWHERE).set(
        port=port, query={"hostaddr": "127.0.0.1", "gssencmode": "disable", **extra}
    )
    database = Database(verified(url.render_as_string(hide_password=False), {}, drill=False))
    try:
        with pytest.raises(StoreError) as raised, database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    finally:
        database.close()
    return str(raised.value)


def test_a_server_with_a_certificate_nobody_vouches_for_hears_no_password(certificate):
    with impostor(certificate) as (port, heard):
        assert "certificate verify failed" in asked(port)
    assert set(heard) == {SSL_REQUEST}


def test_a_server_without_encryption_hears_no_password():
    with impostor(None) as (port, heard):
        assert "does not support SSL" in asked(port)
    assert set(heard) <= {SSL_REQUEST, b""}


@pytest.mark.parametrize("named_by", ["the URL", "the system"])
def test_a_server_that_an_authority_vouches_for_is_spoken_to(certificate, named_by, monkeypatch):
    """The counter-proof: the same server, with its authority named, gets as far as the login."""
    if named_by == "the system":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with impostor(certificate) as (port, heard):
        asked(port, **({"sslrootcert": str(certificate)} if named_by == "the URL" else {}))
    assert any(b"user\0riskops" in said for said in heard)


def test_a_certificate_of_another_name_hears_no_password(tmp_path):
    other = self_signed(tmp_path / "other.pem", "other.example.com")
    with impostor(other) as (port, heard):
        assert "does not match host name" in asked(port, sslrootcert=str(other))
    assert not any(b"riskops" in said for said in heard)


def test_the_system_s_authorities_are_a_file_where_there_is_one(monkeypatch, tmp_path):
    (tmp_path / "authorities.pem").touch()
    monkeypatch.setattr("riskops.transport.BUNDLES", (str(tmp_path / "authorities.pem"),))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    assert system_authorities() == str(tmp_path / "authorities.pem")
    monkeypatch.setattr("riskops.transport.BUNDLES", ())
    assert system_authorities() == "system"
