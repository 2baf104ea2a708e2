"""A canary in every credential: nothing that Airflow keeps or prints of a morning has it.

Airflow shows its logs, XComs and rendered fields to everybody who may look at a run.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, time
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from riskops.desk import open_desk
from riskops.sessions import desk_time
from tests.airflow_desk import AirflowDesk, Outcome
from tests.builders import SESSION
from tests.desks import content_of, database_url, keep_on_postgresql, on_the_morning
from tests.mail_catcher import Catcher, serving
from tests.postgres_server import new_database
from tests.small_desks import csv_desk, quiet

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

CANARY = "canary-7d1f4e"
RECIPIENT = "risk-manager@example.com"
SIX = desk_time(SESSION, time(6)).astimezone(UTC)
CREDENTIALS = (
    "RISKOPS_DATABASE_URL",
    "RISKOPS_SMTP_PASSWORD",
    "RISKOPS_ON_CALL_WEBHOOK",
    "RISKOPS_HEARTBEAT_URL",
)
SERVER_LOG = "mail.log"  # the test's own mail server writes down what it is sent


@dataclass(frozen=True)
class Kept:
    """What is left of a morning: each place with all that can be read there."""

    outcome: Outcome
    places: dict[str, str]

    def where(self, words: str) -> set[str]:
        """Return the places that have these words, as they are or in Base64."""
        forms = {words, *in_base64(words)}
        return {place for place, text in self.places.items() if any(form in text for form in forms)}


def in_base64(words: str) -> set[str]:
    """Return how Base64 writes these words inside a longer text, wherever they begin in it."""
    return {base64.b64encode(b"x" * i + words.encode())[4:-4].decode() for i in range(3)}


@pytest.fixture
def folder(postgresql: sa.URL, tmp_path: Path) -> Path:
    """Return the folder of a desk of three traders on PostgreSQL, its night fetched."""
    desk = tmp_path / "desk"
    keep_on_postgresql(desk, new_database(postgresql))
    results = {"3942": quiet()[:40], "3948": quiet()[10:50], "3951": quiet()[20:60]}
    csv_desk(desk, results).store.close()
    return desk


@pytest.fixture
def mail_server() -> Catcher:
    return Catcher()


@pytest.fixture
def mail_port(mail_server: Catcher) -> Iterator[int]:
    logging.getLogger(SERVER_LOG).setLevel(logging.CRITICAL)
    with serving(mail_server, auth_require_tls=False) as port:
        yield port


@pytest.fixture
def credentials(folder: Path, listener: ThreadingHTTPServer) -> dict[str, str]:
    """Return every setting that is a secret, a canary in each."""
    web = f"http://127.0.0.1:{listener.server_port}/{CANARY}"
    url = sa.make_url(database_url(folder)).set(password=f"{CANARY}-database")
    values = (
        url.render_as_string(hide_password=False),
        f"{CANARY}-mail",
        f"{web}-webhook",
        f"{web}-heartbeat",
    )
    return dict(zip(CREDENTIALS, values, strict=True))


@pytest.fixture
def in_files(credentials: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the credentials as variables that name the files they are in."""
    held = tmp_path / "secrets"
    held.mkdir()
    for name, value in credentials.items():
        (held / name).write_text(value)
    return {f"{name}_FILE": str(held / name) for name in credentials}


@pytest.fixture
def morning(
    folder: Path,
    mail_port: int,
    migrated_airflow: Path,
    patch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> Callable[[dict[str, str]], Kept]:
    """Return what runs the morning through Airflow and collects what it leaves."""
    airflow = AirflowDesk(folder, patch)
    patch.setattr("riskops.desk.open_desk", partial(open_desk, clock=on_the_morning(SESSION)))
    patch.delenv("RISKOPS_DATABASE_URL")
    airflow.set(
        RISKOPS_SOURCE="csv",
        RISKOPS_DELIVERY="smtp",
        RISKOPS_RECIPIENTS=RECIPIENT,
        RISKOPS_SMTP_HOST="127.0.0.1",
        RISKOPS_SMTP_PORT=str(mail_port),
        RISKOPS_SMTP_SECURITY="none",
        RISKOPS_SMTP_USER=f"{CANARY}-user",
    )

    def run(secrets: dict[str, str]) -> Kept:
        airflow.set(**secrets)
        with caplog.at_level(logging.DEBUG):
            outcome = airflow.run(logical_date=SIX, deliver="yes")
        printed = "".join(capfd.readouterr())
        return Kept(outcome, {"log": caplog.text, "output": printed, **left(migrated_airflow, folder)})

    return run


def left(home: Path, folder: Path) -> dict[str, str]:
    """Return all that lies in Airflow's database and below its home, and what the desk keeps."""
    tables = dict(airflow_rows(home / "airflow.db"))
    files = {
        str(path.relative_to(home)): path.read_bytes().decode("latin-1")
        for path in home.rglob("*")
        if path.is_file()
    }
    with open_desk({**ENOUGH, "RISKOPS_DATABASE_URL": database_url(folder)}) as desk:
        risk_database = repr(content_of(desk))
    mails = {str(path): path.read_text() for path in (folder / "out").rglob("*") if path.is_file()}
    return {**tables, **files, **mails, "risk database": risk_database}


ENOUGH = {"RISKOPS_DEPLOYMENT": "test", "RISKOPS_DELIVERY": "files"}


def airflow_rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every table of Airflow's database with all its rows, whatever their types."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in named:
            yield name, repr(connection.execute(f'SELECT * FROM "{name}"').fetchall())  # noqa: S608 - a table's own name


SEARCHED = {"log", "output", "dag_run", "task_instance", "rendered_task_instance_fields"}


def assert_searched(kept: Kept) -> None:
    """Assert that the search finds what is no secret, in every place where a secret might be."""
    found = kept.where("send_report") | kept.where("daily_risk_limits")
    assert found >= SEARCHED
    assert any(
        place.startswith("airflow.db") for place in found
    )  # the file itself, or what it has yet to take in
    assert "risk database" in kept.where(RECIPIENT)


def test_the_search_finds_a_canary_as_it_is_and_as_a_mail_client_sends_it():
    sent = base64.b64encode(f"\0{CANARY}-user\0{CANARY}-mail".encode()).decode()
    places = {"plain": f"password={CANARY}-mail", "encoded": f"AUTH PLAIN {sent}", "clean": "AUTH PLAIN ***"}
    kept = Kept(Outcome("success", {}, {}), places)
    assert kept.where(CANARY) == {"plain", "encoded"}


def test_a_morning_that_went_well_gives_no_credential_away(
    morning: Callable[[dict[str, str]], Kept],
    credentials: dict[str, str],
    mail_server: Catcher,
    listener: ThreadingHTTPServer,
):
    kept = morning(credentials)
    assert kept.outcome.state == "success"
    assert_searched(kept)
    assert "xcom" in kept.where(RECIPIENT)
    assert (mail_server.logins, len(mail_server.mails)) == (1, 1)
    assert f"/{CANARY}-heartbeat" in [path for path, _body in listener.heard]
    assert kept.where(CANARY) == set()


@pytest.mark.campaign
def test_a_mail_server_that_refuses_the_login_gives_no_credential_away(
    morning: Callable[[dict[str, str]], Kept],
    in_files: dict[str, str],
    mail_server: Catcher,
    listener: ThreadingHTTPServer,
):
    mail_server.login = f"535 {CANARY}-user: wrong password {CANARY}-mail"
    kept = morning(in_files)
    assert (kept.outcome.state, kept.outcome.failed) == ("failed", {"send_report"})
    assert_searched(kept)
    assert kept.where("login refused (535)") >= {"output", "risk database"}
    assert mail_server.logins >= kept.outcome.tries["send_report"] == 2
    assert f"/{CANARY}-webhook" in [path for path, _body in listener.heard]
    assert CANARY not in str([body for _path, body in listener.heard])
    assert kept.where(CANARY) == set()


def test_a_risk_database_that_cannot_be_reached_gives_no_credential_away(
    morning: Callable[[dict[str, str]], Kept], credentials: dict[str, str], patch: pytest.MonkeyPatch
):
    patch.setenv("RISKOPS_TASK_RETRIES", "0")
    nobody = elsewhere(credentials["RISKOPS_DATABASE_URL"])
    kept = morning(credentials | {"RISKOPS_DATABASE_URL": nobody})
    assert kept.outcome.state == "failed"
    assert "output" in kept.where("The risk database cannot be used")
    assert kept.where(CANARY) == set()


def elsewhere(url: str) -> str:
    """Return the URL with the address of a server that is not there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = sa.make_url(url).set(host="127.0.0.1", port=taken.getsockname()[1], query={})
    return nobody.render_as_string(hide_password=False)
