"""What belongs to the trial desk: its environment, its refusals, what it tells."""

from __future__ import annotations

import json
import socket
import subprocess
from dataclasses import asdict

import pytest

from riskops.errors import ConfigurationError
from riskops.settings import Delivery, read_settings
from riskops.trial.desk import FOREIGN, Ports, TrialDesk, _assignments, read_ready, run_trial_desk
from riskops.trial.ports import LOOPBACK
from riskops.trial.postgres import Server
from riskops.trial.supervisor import StopAsked

ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "RISKOPS_DEPLOYMENT": "demo",
    "RISKOPS_SOURCE": "demo",
    "AIRFLOW__API__PORT": "8080",
    "AIRFLOW__CORE__DAGS_FOLDER": "/desk/dags",
    "AIRFLOW__CORE__PLUGINS_FOLDER": "/desk/plugins",
}
PORTS = Ports(api=18_080, database=15_432, mail=11_025)


@pytest.fixture
def password(tmp_path):
    """Return a password that has to be written otherwise in a URL."""
    (tmp_path / "password").write_text("p/a@s:s")
    return "p/a@s:s"


def desk(folder, **changes) -> TrialDesk:
    server = Server(folder, folder, PORTS.database, None)
    return TrialDesk(folder, ENVIRON | changes, PORTS, server)


def run(folder, environ, wanted=PORTS):
    def ready(_told):
        pytest.fail("it started")

    run_trial_desk(folder, environ, wanted, StopAsked(), demo=False, tell=lambda _: None, ready=ready)


def test_airflow_and_riskops_have_two_databases_on_the_desk_s_own_server(tmp_path, password):
    environment = desk(tmp_path).environment()
    server = f"postgresql+psycopg://riskops:p%2Fa%40s%3As@{LOOPBACK}:15432"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"{server}/airflow"
    assert environment["RISKOPS_DATABASE_URL"] == f"{server}/riskops"


def test_mails_go_to_the_desk_s_own_catcher_whatever_the_shell_says(tmp_path, password):
    shell = dict.fromkeys(FOREIGN, "theirs") | {"RISKOPS_SMTP_HOST": "mail.example.com"}
    environment = desk(tmp_path, **shell, PGPASSWORD="theirs").environment()
    settings = read_settings(environment)
    assert settings.delivery is Delivery.SMTP
    assert (settings.mail_server.host, settings.mail_server.port) == (LOOPBACK, PORTS.mail)
    assert "theirs" not in environment.values()


def test_its_airflow_home_is_its_own_whatever_the_shell_says(tmp_path, password):
    shell = {"AIRFLOW_HOME": "/theirs", "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "/theirs/logs"}
    environment = desk(tmp_path, **shell).environment()
    assert environment["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert not any("/theirs" in value for value in environment.values())


def test_the_machine_s_own_variables_stay(tmp_path, password):
    environment = desk(tmp_path, RISKOPS_FAULT="smtp_down").environment()
    assert environment["RISKOPS_FAULT"] == "smtp_down"
    assert environment["PATH"].endswith(":/usr/bin:/bin")


def test_what_it_tells_is_enough_to_join_it_and_no_more(tmp_path, password):
    told = desk(tmp_path).ready({"scheduler": 4711}).environment
    assert "PATH" not in told
    whole = ENVIRON | dict(told)
    assert desk(tmp_path, **told).environment() == desk(tmp_path).environment()
    assert read_settings(whole).deployment == "demo"


def test_it_shows_no_password_where_it_is_printed(tmp_path, password):
    assert "p%2F" not in repr(desk(tmp_path).ready({}))


def test_a_folder_without_a_desk_is_not_ready(tmp_path):
    assert read_ready(tmp_path) is None


def test_ready_is_read_as_it_was_told(tmp_path, password):
    told = desk(tmp_path).ready({"scheduler": 4711})
    (tmp_path / "ready.json").write_text(json.dumps(asdict(told)))
    assert read_ready(tmp_path) == told


@pytest.mark.parametrize("deployment", ["", "production"])
def test_it_is_refused_in_production(folder, deployment):
    with pytest.raises(ConfigurationError, match="not for production"):
        run(folder, ENVIRON | {"RISKOPS_DEPLOYMENT": deployment})


@pytest.mark.parametrize("name", ["AIRFLOW__API__PORT", "AIRFLOW__CORE__DAGS_FOLDER"])
def test_a_setting_of_airflow_that_is_missing_is_named(folder, name):
    with pytest.raises(ConfigurationError, match=rf"{name}.*make up"):
        run(folder, {key: value for key, value in ENVIRON.items() if key != name})


def test_a_taken_port_is_refused_before_anything_is_made(folder):
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"{port}.*AIRFLOW__API__PORT"):
            run(folder, ENVIRON, Ports(port, 0, 0))
    assert not (folder / "postgres").exists()


def test_the_environment_file_means_the_same_in_a_shell(tmp_path, password):
    told = {"GX_A": "it's", "RISKOPS_B": "a b $HOME"}
    (tmp_path / "environment").write_text(_assignments(told))
    script = f'. {tmp_path}/environment; printf \'%s|%s\' "$GX_A" "$RISKOPS_B"'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown == "it's|a b $HOME"
