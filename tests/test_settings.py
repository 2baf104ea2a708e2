"""Settings: every wrong value has an error of its own, and a secret is never shown."""

from __future__ import annotations

import traceback

import pytest

from riskops.errors import ConfigurationError
from riskops.settings import Delivery, Fault, Secret, read_settings

CANARY = "canary-83b1"
PRODUCTION = {
    "RISKOPS_DEPLOYMENT": "production",
    "RISKOPS_DATABASE_URL": f"postgresql+psycopg://riskops:{CANARY}@db/risk",
    "RISKOPS_DELIVERY": "smtp",
    "RISKOPS_RECIPIENTS": "risk@example.com, head@example.com",
    "RISKOPS_SMTP_USER": f"{CANARY}-user",
    "RISKOPS_SMTP_PASSWORD": f"{CANARY}-password",
}
DRILL = PRODUCTION | {"RISKOPS_DEPLOYMENT": "test"}


def refused(environ):
    with pytest.raises(ConfigurationError) as caught:
        read_settings(environ)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_a_complete_environment_is_read():
    settings = read_settings(PRODUCTION)
    assert settings.delivery is Delivery.SMTP
    assert settings.recipients == ("risk@example.com", "head@example.com")
    assert settings.mail_server.port == 587
    assert settings.mail_server.security == "starttls"
    assert settings.fault is Fault.NONE
    assert not settings.is_drill
    assert (settings.escalation, settings.runbook) == ((), "docs/runbook.md")


def test_the_escalation_list_and_the_place_of_the_runbook_are_read():
    more = {"RISKOPS_ESCALATION": "a@example.com,b@example.com", "RISKOPS_RUNBOOK_URL": "https://x.example/r"}
    settings = read_settings(PRODUCTION | more)
    assert settings.escalation == ("a@example.com", "b@example.com")
    assert settings.runbook == "https://x.example/r"


@pytest.mark.parametrize("name", ["RISKOPS_DEPLOYMENT", "RISKOPS_DATABASE_URL"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_required_variable_that_is_missing_or_empty_is_named(name, gone):
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    assert name in refused(environ if gone else PRODUCTION | {name: ""})


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("RISKOPS_DELIVERY", "", "use one of smtp, files"),
        ("RISKOPS_DELIVERY", "pigeon", "use one of smtp, files"),
        ("RISKOPS_FAULT", "everything", "use one of none, model_raises"),
        ("RISKOPS_SMTP_SECURITY", "ssl", "use starttls, tls or none"),
        ("RISKOPS_SMTP_PORT", "smtp", "1 to 65535"),
        ("RISKOPS_SMTP_PORT", "0", "1 to 65535"),
        ("RISKOPS_SMTP_PORT", "65536", "1 to 65535"),
        ("RISKOPS_SMTP_PORT", "nan", "1 to 65535"),
        ("RISKOPS_SMTP_PORT", "25.5", "1 to 65535"),
        ("RISKOPS_SMTP_TIMEOUT", "soon", "positive number of seconds"),
        ("RISKOPS_SMTP_TIMEOUT", "0", "positive number of seconds"),
        ("RISKOPS_SMTP_TIMEOUT", "nan", "positive number of seconds"),
        ("RISKOPS_SMTP_TIMEOUT", "inf", "positive number of seconds"),
        ("RISKOPS_RECIPIENTS", "risk at example.com", "no mail address"),
        ("RISKOPS_ESCALATION", "ceo at example.com", "no mail address"),
        ("RISKOPS_RUNBOOK_URL", "runbook", "no web address of a page"),
        ("RISKOPS_RUNBOOK_URL", "https://risk.example.com/runbook#top", "no web address of a page"),
        ("RISKOPS_RUNBOOK_URL", "https://risk.example.com/a b", "no web address of a page"),
        ("RISKOPS_RECIPIENTS", "a@example.com\nBcc: b@example.com", "no mail address"),
        ("RISKOPS_RECIPIENTS", "a@b@example.com", "no mail address"),
        ("RISKOPS_RECIPIENTS", "a@[", "no mail address"),
        ("RISKOPS_RECIPIENTS", "\udcff@example.com", "no mail address"),
        ("RISKOPS_RECIPIENTS", f"a@{'b' * 300}.c", "no mail address"),
        ("RISKOPS_SENDER", "riskops", "no mail address"),
        ("RISKOPS_SENDER", "@example.com", "no mail address"),
        ("RISKOPS_SENDER", "RiskOps <riskops@example.com", "no mail address"),
        ("RISKOPS_SMTP_PORT", "9" * 5_000, "1 to 65535"),
        ("RISKOPS_SMTP_TIMEOUT", "1e300", "up to 3600"),
        ("RISKOPS_SMTP_HOST", "", "no host name"),
        ("RISKOPS_SMTP_HOST", "mail.example.com\n", "no host name"),
        ("RISKOPS_DEPLOYMENT", "test\nx", "printable characters"),
        ("RISKOPS_DEPLOYMENT", "x" * 65, "at most 64"),
        ("RISKOPS_INBOX", "", "no folder"),
        ("RISKOPS_OUTPUT", "a\0b", "no folder"),
        ("RISKOPS_OUTPUT", "x" * 256, "no folder"),
        ("RISKOPS_OUTPUT", "/x" * 2_048, "no folder"),
        ("RISKOPS_ON_CALL_WEBHOOK", "example.com/hook", "no web address"),
        ("RISKOPS_ON_CALL_WEBHOOK", "http://[", "no web address"),
        ("RISKOPS_HEARTBEAT_URL", "https://", "no web address"),
        ("RISKOPS_HEARTBEAT_URL", "https://example.com:99999/", "no web address"),
        ("RISKOPS_SENDER", "a@example.com\nBcc: b@example.com", "no mail address"),
    ],
)
def test_a_malformed_variable_is_named_with_its_remedy(name, value, remedy):
    message = refused(DRILL | {name: value})
    assert name in message
    assert remedy in message


def test_a_refused_value_is_shown_short_and_on_one_line():
    message = refused(DRILL | {"RISKOPS_SMTP_PORT": "\udcff\n" + "9" * 5_000})
    assert message.isprintable()
    assert len(message) < 200


@pytest.mark.parametrize(
    "sender",
    ["riskops@localhost", "RiskOps <riskops@example.com>", '"Risk, Desk" <risk@b.c>', "zoë@example.com"],
)
def test_a_sender_may_have_a_name(sender):
    assert read_settings(DRILL | {"RISKOPS_SENDER": sender}).sender == sender


class TestProduction:
    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NONE])
    def test_no_fault_can_be_forced(self, fault):
        assert "RISKOPS_FAULT is for demo and test only" in refused(PRODUCTION | {"RISKOPS_FAULT": fault})

    def test_mails_do_not_go_into_files(self):
        assert "RISKOPS_DELIVERY=files is for demo" in refused(PRODUCTION | {"RISKOPS_DELIVERY": "files"})

    def test_somebody_has_to_get_the_mail(self):
        assert "RISKOPS_RECIPIENTS is empty" in refused(PRODUCTION | {"RISKOPS_RECIPIENTS": " , "})


@pytest.mark.parametrize("deployment", ["demo", "test"])
def test_a_drill_may_force_a_fault_and_write_files(deployment):
    environ = DRILL | {
        "RISKOPS_DEPLOYMENT": deployment,
        "RISKOPS_FAULT": "model_hangs",
        "RISKOPS_DELIVERY": "files",
    }
    settings = read_settings(environ)
    assert (settings.fault, settings.delivery) == (Fault.MODEL_HANGS, Delivery.FILES)


class TestSecrets:
    def test_no_credential_shows_in_any_representation(self):
        settings = read_settings(PRODUCTION)
        for shown in (settings, settings.mail_server, settings.database_url, settings.mail_server.password):
            assert CANARY not in f"{shown!r} {shown} {[shown]}"

    def test_whoever_needs_a_secret_asks_for_it(self):
        assert read_settings(PRODUCTION).mail_server.password.reveal() == f"{CANARY}-password"

    def test_an_empty_secret_is_false(self):
        assert not Secret("")
        assert Secret(CANARY)

    @pytest.mark.parametrize("name", ["RISKOPS_DATABASE_URL", "RISKOPS_SMTP_PASSWORD"])
    def test_a_secret_may_lie_in_a_file(self, name, tmp_path):
        (tmp_path / "secret").write_text("sqlite:///from-a-file\n")
        settings = read_settings(PRODUCTION | {f"{name}_FILE": str(tmp_path / "secret")})
        secret = settings.database_url if name.endswith("URL") else settings.mail_server.password
        assert secret.reveal() == "sqlite:///from-a-file"

    @pytest.mark.parametrize(
        ("content", "why"),
        [(None, "cannot be read"), (b"", "empty file"), (CANARY.encode() + b"\xff", "no UTF-8")],
    )
    def test_a_file_without_a_secret_is_refused_by_the_name_of_its_variable(self, content, why, tmp_path):
        if content is not None:
            (tmp_path / "secret").write_bytes(content)
        message = refused(PRODUCTION | {"RISKOPS_SMTP_PASSWORD_FILE": str(tmp_path / "secret")})
        assert "RISKOPS_SMTP_PASSWORD_FILE" in message
        assert why in message


class TestSecretFiles:
    def _said(self, tmp_path, caplog, mode):
        (tmp_path / "secret").write_text(f"{CANARY}-password")
        (tmp_path / "secret").chmod(mode)
        read_settings(PRODUCTION | {"RISKOPS_SMTP_PASSWORD_FILE": str(tmp_path / "secret")})
        return caplog.text

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o444])
    def test_one_that_others_may_read_is_read_with_a_warning(self, mode, tmp_path, caplog):
        said = self._said(tmp_path, caplog, mode)
        assert f"RISKOPS_SMTP_PASSWORD_FILE names a file that others may read (mode {mode:04o})" in said
        assert CANARY not in said

    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_one_that_is_its_owner_s_alone_is_not_talked_about(self, mode, tmp_path, caplog):
        assert self._said(tmp_path, caplog, mode) == ""

    @pytest.mark.parametrize(
        ("path", "why"), [("/dev/full", "too long"), ("/", "cannot be read"), ("a\0", "names no file")]
    )
    def test_something_that_is_no_file_of_a_secret_is_refused(self, path, why):
        assert why in refused(PRODUCTION | {"RISKOPS_SMTP_PASSWORD_FILE": path})


class TestPropReports:
    ASKED = DRILL | {
        "RISKOPS_SOURCE": "propreports",
        "RISKOPS_PROPREPORTS_URL": "https://firm.propreports.com/api.php",
        "RISKOPS_PROPREPORTS_USER": "riskops",
        "RISKOPS_PROPREPORTS_PASSWORD": f"{CANARY}-propreports",
    }

    def test_its_address_and_login_are_read(self):
        office = read_settings(self.ASKED).back_office
        assert office.url == "https://firm.propreports.com/api.php"
        assert (office.user, office.password.reveal()) == ("riskops", f"{CANARY}-propreports")

    def test_the_login_shows_in_no_representation(self):
        settings = read_settings(self.ASKED | {"RISKOPS_PROPREPORTS_USER": f"{CANARY}-user"})
        assert CANARY not in f"{settings!r} {settings.back_office} {[settings.back_office]}"

    @pytest.mark.parametrize("address", ["https://firm.propreports.com", "https://firm.propreports.com/"])
    def test_the_path_of_the_api_may_be_left_out(self, address):
        office = read_settings(self.ASKED | {"RISKOPS_PROPREPORTS_URL": address}).back_office
        assert office.url == "https://firm.propreports.com/api.php"

    def test_another_source_needs_none_of_it(self):
        assert read_settings(DRILL | {"RISKOPS_PROPREPORTS_URL": "nonsense"}).back_office is None

    def test_without_any_of_it_only_who_fetches_fails(self):
        assert read_settings(DRILL | {"RISKOPS_SOURCE": "propreports"}).back_office is None

    @pytest.mark.parametrize("part", ["URL", "USER", "PASSWORD"])
    def test_what_is_missing_is_named(self, part):
        name = f"RISKOPS_PROPREPORTS_{part}"
        assert f"{name} is not set" in refused(self.ASKED | {name: ""})

    def test_the_password_may_lie_in_a_file(self, tmp_path):
        (tmp_path / "secret").write_text(f"{CANARY}\n")
        (tmp_path / "secret").chmod(0o600)
        name = "RISKOPS_PROPREPORTS_PASSWORD"
        office = read_settings(self.ASKED | {name: "", f"{name}_FILE": str(tmp_path / "secret")}).back_office
        assert office.password.reveal() == CANARY

    @pytest.mark.parametrize(
        "address",
        [
            "firm.propreports.com",
            f"https://riskops:{CANARY}@firm.propreports.com/api.php",
            f"https://firm.propreports.com/api.php?token={CANARY}",
            "https://firm.propreports.com/api.php#x",
            "ftp://firm.propreports.com/api.php",
        ],
    )
    def test_a_wrong_address_is_refused_and_not_shown(self, address):
        assert "RISKOPS_PROPREPORTS_URL is no address" in refused(
            self.ASKED | {"RISKOPS_PROPREPORTS_URL": address}
        )

    @pytest.mark.parametrize(
        ("deployment", "address", "allowed"),
        [
            ("production", "http://firm.propreports.com/api.php", False),
            ("production", "http://127.0.0.1:8080/api.php", False),
            ("test", "http://firm.propreports.com/api.php", False),
            ("test", "http://127.0.0.1:8080/api.php", True),
        ],
    )
    def test_a_login_goes_in_the_clear_to_this_machine_in_a_drill_only(self, deployment, address, allowed):
        environ = self.ASKED | {"RISKOPS_DEPLOYMENT": deployment, "RISKOPS_PROPREPORTS_URL": address}
        if allowed:
            assert read_settings(environ).back_office.url == address
        else:
            assert "would send a login in the clear: write https://" in refused(environ)
