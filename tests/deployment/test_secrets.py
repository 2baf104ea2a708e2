"""The command that makes a desk's secrets, and the services' refusal to start without them."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.compose_file import DESK, PROJECT, compose, env_file

DOCKER = PROJECT / "include" / "docker"
WANTED = compose(DESK)["secrets"].keys()
THE_DESK_S = {"propreports_password", "smtp_password", "on_call_webhook", "heartbeat_url"}
AS_ROOT = os.geteuid() == 0


def make(folder: Path) -> str:
    command = ["sh", str(DOCKER / "secrets.sh"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make(tmp_path)
    return tmp_path


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


def test_every_secret_of_the_services_is_made_and_nothing_else(made):
    assert content(made).keys() == WANTED


def test_they_are_their_owner_s_alone(made):
    assert (made / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (made / "secrets").iterdir()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (made / "desk").iterdir()} == {0o700}


def test_the_services_run_as_their_owner_and_never_as_root(made):
    env = env_file(made / ".env")
    paths = [*(made / "secrets").iterdir(), *(made / "desk").iterdir()]
    assert {(str(p.stat().st_uid), str(p.stat().st_gid)) for p in paths} == {
        (env["DESK_UID"], env["DESK_GID"])
    }
    assert env["DESK_UID"] == ("10001" if AS_ROOT else str(os.getuid()))


def test_the_folders_are_those_the_services_share_with_the_machine(made):
    shared = {
        v.split(":")[0] for s in compose(DESK)["services"].values() for v in s["volumes"] if v[0] == "."
    }
    assert {f"./desk/{path.name}" for path in (made / "desk").iterdir()} == shared


def test_nothing_is_the_same_on_two_desks(made, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    make(other)
    same = {name for name, text in content(made).items() if text == content(other)[name]}
    assert same == THE_DESK_S
    assert all(not content(made)[name] for name in THE_DESK_S)


def test_each_is_long_on_one_line_and_of_its_kind(made):
    secrets = content(made)
    assert all(
        len(text) >= 40 and text == "".join(text.split("\n"))
        for n, text in secrets.items()
        if n not in THE_DESK_S
    )
    assert len(base64.urlsafe_b64decode(secrets["fernet_key"])) == 32
    urls = {
        name: sa.make_url(secrets[name])
        for name in ("airflow_database", "risk_database", "risk_database_owner")
    }
    assert {url.host for url in urls.values()} == {None}
    assert {url.query["host"] for url in urls.values()} == {"/var/run/postgresql"}
    assert {name: (url.username, url.database) for name, url in urls.items()} == {
        "airflow_database": ("airflow", "airflow"),
        "risk_database": ("riskops_runtime", "riskops"),
        "risk_database_owner": ("riskops_owner", "riskops"),
    }
    assert len({url.password for url in urls.values()}) == 3


def test_what_belongs_together_has_one_password(made):
    secrets = content(made)
    assert secrets["result_backend"] == f"db+{secrets['airflow_database']}"
    assert sa.make_url(secrets["broker_url"]).password == secrets["redis_conf"].removeprefix("requirepass ")


def test_what_is_there_is_kept(made):
    (made / "secrets" / "smtp_password").write_text("of the mail server")
    (made / ".env").write_text("DESK_UID=7\n")
    before = content(made)
    assert "new" not in make(made)
    assert content(made) == before
    assert (made / ".env").read_text() == "DESK_UID=7\n"


@pytest.mark.parametrize(
    ("lost", "anew"),
    [
        ("jwt_secret", {"jwt_secret"}),
        ("airflow_database", {"airflow_database", "result_backend"}),
        ("broker_url", {"broker_url", "redis_conf"}),
    ],
)
def test_what_is_lost_is_made_anew_with_what_belongs_to_it(made, lost, anew):
    before = content(made)
    (made / "secrets" / lost).unlink()
    make(made)
    assert {name for name, text in content(made).items() if text != before[name]} == anew


# --- a service without its secrets ----------------------------------------------------------


def start(secrets: Path, **how) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(DOCKER / "entrypoint.sh"), "echo", "started"]
    env = {"PATH": os.environ["PATH"], "DESK_SECRETS": str(secrets)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, **how)


def test_a_service_starts_with_what_was_made_though_the_desk_has_no_login_for_mails(made):
    assert start(made / "secrets").stdout == "started\n"


def test_a_service_without_any_secret_starts(tmp_path):
    assert start(tmp_path / "none").stdout == "started\n"


def test_a_service_with_an_empty_secret_is_refused_and_told_what_to_do(made):
    (made / "secrets" / "jwt_secret").write_text("")
    refused = start(made / "secrets")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "secrets/jwt_secret is empty" in refused.stderr
    assert "make secrets" in refused.stderr


@pytest.mark.skipif(not AS_ROOT, reason="only root can run something as somebody else")
def test_a_service_that_may_not_read_a_secret_is_refused_and_told_whose_it_is(made):
    for folder in (made, made / "secrets", *made.parents[:3]):
        folder.chmod(0o755)
    refused = start(made / "secrets", user=65534)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "cannot be read by user 65534" in refused.stderr
