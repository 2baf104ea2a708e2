"""docker-compose.yaml agrees with the code it starts; an engine is not needed to see that."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.main import get_command

from riskops.cli import app
from riskops.settings import Delivery, read_settings
from tests.airflow_home import PROJECT
from tests.compose_file import CELERY, DESK, compose, env_file, texts, written
from tests.outside_programs import absent

EVERYTHING = DESK | {"COMPOSE_PROFILES": "celery,trial"}
FILE = compose(EVERYTHING)
SERVICES = FILE["services"]
PROFILES = {"redis": ["celery"], "worker": ["celery"], "mail": ["trial"], "demo": ["trial"]}
ONE_SHOTS = {"prepare", "demo"}
OUTSIDE = {"postgres", "redis"}  # images of others
OURS = sorted(SERVICES.keys() - OUTSIDE)
AIRFLOW = ["api-server", "dag-processor", "scheduler", "triggerer", "worker"]
DATABASE, OWNER = "risk_database", "risk_database_owner"
HAS_CELERY = importlib.util.find_spec("airflow.providers.celery") is not None


# --- services and their order ---------------------------------------------------------------


def test_the_services_are_those_of_a_desk():
    assert sorted(SERVICES) == sorted(
        [*AIRFLOW, "postgres", "prepare", "watchdog", *PROFILES.keys() - {"worker"}]
    )


def test_a_desk_without_profiles_needs_neither_redis_nor_a_trial_s_mails():
    assert {name: s["profiles"] for name, s in SERVICES.items() if "profiles" in s} == PROFILES
    assert compose(DESK)["services"].keys() == SERVICES.keys() - PROFILES.keys()


@pytest.mark.parametrize("env", [DESK, DESK | CELERY, EVERYTHING], ids=["desk", "celery", "everything"])
def test_the_order_has_no_cycle_and_names_services_that_are_there(env):
    services = compose(env)["services"]
    needs = {name: must_be_there(service) for name, service in services.items()}
    assert set().union(*needs.values()) <= services.keys()
    order = list(TopologicalSorter(needs).static_order())
    assert (
        order.index("postgres")
        < order.index("prepare")
        < order.index("api-server")
        < order.index("scheduler")
    )


def must_be_there(service: Mapping) -> set[str]:
    return {name for name, how in service.get("depends_on", {}).items() if how.get("required", True)}


@pytest.mark.parametrize("name", [name for name in OURS if name not in ("prepare", "watchdog")])
def test_nothing_else_of_ours_starts_before_both_databases_are_migrated(name):
    assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_what_hands_out_tasks_waits_for_the_api_server_and_for_redis_where_there_is_one():
    needs = SERVICES["scheduler"]["depends_on"]
    assert needs["api-server"] == {"condition": "service_healthy"}
    assert needs["redis"] == {"condition": "service_healthy", "required": False}
    assert SERVICES["worker"]["depends_on"]["redis"] == {"condition": "service_healthy"}


def test_the_watchdog_waits_for_nothing():
    assert not SERVICES["watchdog"]["depends_on"]
    assert not [name for name in SERVICES["watchdog"]["environment"] if name.startswith("AIRFLOW")]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_lasts_is_started_again_and_has_a_health_check_and_one_shots_neither(name):
    service = SERVICES[name]
    assert service["restart"] == ("no" if name in ONE_SHOTS else "unless-stopped")
    assert ("healthcheck" in service) == (name not in ONE_SHOTS)
    assert service["stop_grace_period"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_no_more_rights_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert ("cap_add" in service) == (name == "postgres")
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


# --- commands and health checks -------------------------------------------------------------


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield what every service runs, and what asks for its health."""
    for name, service in SERVICES.items():
        yield name, [str(word) for word in service["command"]]
        test = service.get("healthcheck", {}).get("test")
        if test:
            yield f"{name}-health", words(test)


def words(test: list[str]) -> list[str]:
    return shlex.split(test[1]) if test[0] == "CMD-SHELL" else test[1:]


COMMANDS = dict(commands())
OF_AIRFLOW = {name: command for name, command in COMMANDS.items() if command[0] == "airflow"}
OF_RISKOPS = {name: command for name, command in COMMANDS.items() if command[0] == "riskops"}
SCRIPTS = {name: command[1] for name, command in COMMANDS.items() if command[0] in ("python", "sh")}


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_understands_the_command_of_its_service(name):
    if "celery" in OF_AIRFLOW[name] and not HAS_CELERY:
        absent("celery")
    from airflow.cli.cli_parser import get_parser

    assert get_parser().parse_args(OF_AIRFLOW[name][1:]).subcommand == name


def test_the_commands_of_riskops_exist():
    known = get_command(app).commands
    assert {command[1] for command in OF_RISKOPS.values()} == {"catch-mail", "demo"}
    for command in OF_RISKOPS.values():
        known[command[1]].make_context(command[1], command[2:])


def test_the_scripts_that_are_started_are_there():
    assert {name: script for name, script in SCRIPTS.items() if script != "-c"} == {
        "prepare": "include/docker/prepare.sh",
        "watchdog": "include/docker/watchdog.py",
        **{f"{name}-health": "include/docker/health.py" for name in AIRFLOW if name != "worker"},
    }
    assert all((PROJECT / script).is_file() for script in SCRIPTS.values() if script != "-c")


def test_the_parts_of_airflow_that_are_asked_after_are_those_it_reports():
    from airflow.api_fastapi.core_api.datamodels.monitor import HealthInfoResponse

    asked = [COMMANDS[f"{name}-health"][3:] for name in AIRFLOW if name != "worker"]
    assert [part for parts in asked for part in parts] == ["dag_processor", "scheduler", "triggerer"]
    assert {"dag_processor", "scheduler", "triggerer"} <= HealthInfoResponse.model_fields.keys()


def test_what_is_asked_for_its_health_is_where_airflow_listens():
    port = SERVICES["api-server"]["environment"]["AIRFLOW__API__PORT"]
    asked = {name: COMMANDS[f"{name}-health"][2] for name in AIRFLOW if name != "worker"}
    assert asked.pop("api-server") == f"http://127.0.0.1:{port}"
    assert set(asked.values()) == {f"http://api-server:{port}"}
    executing = SERVICES["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert executing == f"http://api-server:{port}/execution/"


def test_a_worker_is_asked_by_celery_itself_whether_it_is_there():
    if not HAS_CELERY:
        absent("celery")
    from celery.bin.control import inspect

    asked = COMMANDS["worker-health"]
    _, *words = asked[asked.index("celery") + 1 :]
    context = inspect.make_context("inspect", [*words])
    assert "ping" in words
    assert context.params["destination"] == ["celery@$HOSTNAME"]


def test_every_part_that_needs_the_api_server_waits_for_it():
    waiting = {name for name in AIRFLOW if "api-server" in SERVICES[name]["depends_on"]}
    assert waiting == {"scheduler", "triggerer"}


# --- variables ------------------------------------------------------------------------------


def test_riskops_gets_every_setting_it_reads_and_nothing_else():
    sources = [*PROJECT.glob("riskops/**/*.py"), *PROJECT.glob("plugins/*.py"), *PROJECT.glob("dags/*.py")]
    read = {n for s in sources for n in re.findall(r'"(RISKOPS_[A-Z_]+)"', s.read_text(encoding="utf-8"))}
    given = [name for name in written()["x-riskops"] if name.startswith("RISKOPS_")]
    assert sorted(name.removesuffix("_FILE") for name in given) == sorted(read)


@pytest.mark.parametrize("name", [name for name in OURS if name != "mail"])
def test_what_a_service_is_given_are_settings_of_a_desk(name, tmp_path):
    given = SERVICES[name]["environment"]
    assert given["RISKOPS_DATABASE_URL_FILE"] == f"/run/secrets/{OWNER if name in ONE_SHOTS else DATABASE}"
    (tmp_path / "url").write_text("postgresql+psycopg://riskops_runtime:x@/riskops?host=/var/run/postgresql")
    (tmp_path / "url").chmod(0o600)
    settings = read_settings(given | {"RISKOPS_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.delivery is Delivery.SMTP
    assert "sslmode" not in settings.database_url.reveal()  # a socket is this machine's own


@pytest.mark.parametrize("missing", sorted(DESK))
def test_nothing_starts_before_the_desk_is_described(missing):
    with pytest.raises(LookupError, match=missing):
        compose({name: value for name, value in DESK.items() if name != missing})


def options() -> list[tuple[str, str, bool]]:
    given = sorted({name for name in SERVICES["worker"]["environment"] if name.startswith("AIRFLOW__")})
    return [(*name.removesuffix("_CMD").lower().split("__")[1:], name.endswith("_CMD")) for name in given]


@pytest.mark.parametrize(("section", "option", "by_command"), options())
def test_airflow_knows_the_option(section, option, by_command):
    if section == "celery" and not HAS_CELERY:
        absent("celery")
    from airflow.configuration import conf

    assert option in conf.configuration_description[section]["options"]
    if by_command:
        assert (section, option) in conf.sensitive_config_values, "Airflow would not run the command"


@pytest.mark.parametrize("name", AIRFLOW)
def test_every_service_of_airflow_has_the_same_environment(name):
    assert SERVICES[name]["environment"] == SERVICES["scheduler"]["environment"]


@pytest.mark.parametrize(("env", "executor"), [(DESK, "LocalExecutor"), (DESK | CELERY, "CeleryExecutor")])
def test_one_variable_says_which_executor_runs_and_which_image_is_built(env, executor):
    services = compose(env)["services"]
    for name in services.keys() - OUTSIDE:
        assert services[name]["image"] == f"riskops-desk:{executor}"
        assert services[name]["build"]["args"]["EXECUTOR"] == executor
    for name in services.keys() & set(AIRFLOW):
        assert services[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == executor


def test_what_the_example_of_env_names_is_what_the_file_reads():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    text = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    passed_on = {name for name, value in written()["x-riskops"].items() if value is None}
    assert named <= {*re.findall(r"\$\{(\w+)", text), *passed_on, "COMPOSE_PROFILES"}
    assert env_file(PROJECT / ".env.example").keys() == DESK.keys()
    assert {f"{name}={value}" for name, value in CELERY.items()} <= set(example.replace("#", "").splitlines())


def test_the_trial_s_mails_reach_the_catcher():
    block = (PROJECT / ".env.example").read_text(encoding="utf-8").split("# A trial instead")[1]
    trial = dict(re.findall(r"^#([A-Z_]+)=(\S+)$", block, re.MULTILINE))
    services = compose(DESK | trial)["services"]
    assert trial["RISKOPS_SMTP_HOST"] in services
    assert f"create_connection(('127.0.0.1', {trial['RISKOPS_SMTP_PORT']})" in COMMANDS["mail-health"][2]
    context = get_command(app).commands["catch-mail"].make_context("catch-mail", COMMANDS["mail"][2:])
    assert context.params["port"] == int(trial["RISKOPS_SMTP_PORT"])
    assert context.params["host"] == "0.0.0.0"  # noqa: S104 - within the network of the services
    assert "ports" not in services["mail"]


def test_our_image_is_built_here_and_never_fetched_from_whoever_has_published_one_of_its_name():
    assert {SERVICES[name]["pull_policy"] for name in OURS} == {"never"}
    assert {SERVICES[name]["build"]["context"] for name in OURS} == {"."}


# --- what others reach, and secrets ---------------------------------------------------------


def test_only_the_ui_is_published_and_on_loopback():
    assert {name: s["ports"] for name, s in SERVICES.items() if "ports" in s} == {
        "api-server": ["127.0.0.1:8080:8080"]
    }


def test_no_network_reaches_the_databases_but_redis_through_one_that_leads_nowhere():
    assert SERVICES["postgres"]["network_mode"] == "none"
    assert "listen_addresses=" in SERVICES["postgres"]["command"]
    assert SERVICES["redis"]["networks"] == ["queue"]
    assert FILE["networks"] == {"queue": {"internal": True}}
    assert {name for name, s in SERVICES.items() if "queue" in s.get("networks", [])} == {
        "redis",
        "scheduler",
        "worker",
    }


def test_no_password_is_written_anywhere():
    named = re.compile(
        r"(?i)(password|secret|token|fernet|_key|jwt|broker_url|result_backend|conn(_async)?$|database_url)"
    )
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if named.search(name.removesuffix("_FILE").removesuffix("_CMD")) and "PASSWORDS_FILE" not in name:
                assert re.fullmatch(r"(cat )?/run/secrets/\w+", value), name
    assert [
        text for text in texts(written()) if re.search(r"://[^/\s]*:[^/\s]*@|--requirepass|PGPASSWORD", text)
    ] == []


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_given_the_secrets_it_reads_and_those_are_declared(name):
    service = SERVICES[name]
    read = {secret for text in texts(service) for secret in re.findall(r"/run/secrets/(\w+)", text)}
    given = set(service.get("secrets", []))
    optional = {"propreports_password", "smtp_password", "on_call_webhook", "heartbeat_url"}
    prepared = {"postgres_password", OWNER, DATABASE} if name == "prepare" else set()
    assert given - optional <= read | prepared
    missing = read - given
    assert missing == (
        {"api_secret_key", "jwt_secret", "broker_url", "result_backend"} if name == "prepare" else set()
    )
    assert given <= FILE["secrets"].keys()


def test_every_secret_is_a_file_of_one_folder_that_git_and_the_image_never_see():
    assert FILE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in FILE["secrets"]}
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == FILE["secrets"].keys()
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"secrets/", ".env", "desk/"} <= set(ignored)


def test_volumes_are_declared_and_used_and_folders_are_those_the_command_makes():
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert {source for source in mounted if not source.startswith(".")} == FILE["volumes"].keys()
    assert {source for source in mounted if source.startswith(".")} == {
        "./desk/out",
        "./desk/inbox",
        "./desk/backup",
    }


@pytest.mark.parametrize("name", [name for name in OURS if name != "mail"])
def test_what_a_service_writes_outlives_it(name):
    volumes = [volume.split(":") for volume in SERVICES[name]["volumes"]]
    kept = {target: source for source, target, *_ in volumes}
    given = SERVICES[name]["environment"]
    assert kept["/var/run/postgresql"] == "socket"
    if name != "api-server":  # it shows what others do, and does nothing of the desk itself
        assert kept[given["RISKOPS_OUTPUT"]] == "./desk/out"
        assert kept[given["RISKOPS_INBOX"]] == "./desk/inbox"
    if name in AIRFLOW:
        assert kept[given["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]] == "logs"
        assert given["AIRFLOW_HOME"] in SERVICES[name]["tmpfs"]
    if name == "api-server":
        login = Path(given["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
        assert kept[str(login.parent)] == "login"


def test_the_server_of_the_databases_is_of_the_version_the_tests_run_on(postgresql):
    with sa.create_engine(postgresql).connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    assert SERVICES["postgres"]["image"] == f"postgres:{version.split('.')[0]}"


# --- what the pages tell people to type ------------------------------------------------------

PAGES = [PROJECT / "README.md", PROJECT / "docs" / "runbook.md", PROJECT / "docs" / "watchdog.md"]
TYPED = re.compile(r"docker compose (exec|run --rm|logs|restart)\s+([a-z-]+)(?: riskops ([a-z-]+))?")


def typed() -> list[tuple[str, str, str]]:
    whole = [" ".join(page.read_text(encoding="utf-8").split()) for page in PAGES]
    return [found for text in whole for found in TYPED.findall(text)]


def test_what_the_pages_tell_to_type_names_services_and_commands_there_are():
    assert len(typed()) > 10
    assert {service for _, service, _ in typed()} <= SERVICES.keys()
    assert {command for *_, command in typed() if command} <= get_command(app).commands.keys()


def test_only_who_owns_the_tables_is_told_to_restore():
    assert {service for _, service, command in typed() if command in ("restore", "migrate")} == {"prepare"}
