"""The image holds what its Dockerfile copies, at the versions of the lock, and nothing that is a secret."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch

from tests.compose_file import DESK, PROJECT, compose

DOCKER = PROJECT / "include" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
BUILD = compose(DESK)["services"]["scheduler"]["build"]
IGNORED = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", re.MULTILINE)


def instructions(kind: str) -> list[str]:
    whole = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{kind} (.*)$", whole, re.MULTILINE)


def enters(path: str) -> bool:
    """Say whether .dockerignore lets a path into the image's context: the last line that fits decides."""
    entered = True
    parts = path.split("/")
    for line in IGNORED:
        wanted, pattern = line.startswith("!"), line.lstrip("!").removeprefix("**/")
        beginnings = parts if "**/" in line else ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if any(fnmatch(beginning, pattern) for beginning in beginnings):
            entered = wanted
    return entered


def test_the_file_is_built_from_the_project():
    assert BUILD["context"] == "."
    assert PROJECT / BUILD["dockerfile"] == DOCKER / "Dockerfile"
    assert BUILD["args"].keys() <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))


def test_what_is_copied_is_there_and_in_the_context():
    copied = [source for line in instructions("COPY") for source in shlex.split(line)[:-1]]
    assert {"riskops", "dags", "plugins", "include", "requirements.txt", "pyproject.toml"} <= set(copied)
    assert [source for source in copied if not (PROJECT / source).exists()] == []
    assert [source for source in copied if not enters(source)] == []


def test_what_the_package_says_of_itself_is_copied_too():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(project["readme"] in line for line in instructions("COPY"))


def test_nothing_else_enters_the_context_above_all_no_secret():
    for path in (
        ".env",
        "secrets/jwt_secret",
        "desk/out/x",
        ".git/config",
        ".venv/bin/python",
        ".riskops/risk.db",
        "tests/x",
    ):
        assert not enters(path), path
    assert not enters("riskops/__pycache__/cli.cpython-312.pyc")
    assert enters("riskops/cli.py")


def test_a_python_of_the_package_s_own_range():
    (image,) = instructions("FROM")
    assert re.fullmatch(r"python:3\.1[123]-slim", image)


def test_the_same_uv_as_everywhere():
    made_with = re.search(r"^UV_VERSION := (\S+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[1]
    assert f"UV_VERSION={made_with}" in instructions("ARG")


def test_it_runs_as_a_user_of_its_own_through_the_check_of_the_secrets():
    assert instructions("USER") == ["riskops"]
    assert DOCKERFILE.rindex("USER riskops") > DOCKERFILE.rindex("RUN ")
    (entrypoint,) = instructions("ENTRYPOINT")
    assert entrypoint == '["/bin/sh", "/srv/riskops/include/docker/entrypoint.sh"]'
    assert (DOCKER / "entrypoint.sh").is_file()


def test_the_folders_the_services_write_to_are_the_user_s():
    (made,) = re.findall(r"install --directory .* 0700 (.*)$", DOCKERFILE, re.MULTILINE)
    folders = {f"/srv/riskops/{name}" for name in made.split()}
    services = compose(DESK | {"COMPOSE_PROFILES": "celery,trial"})["services"]
    ours = [service for service in services.values() if "riskops-desk" in service["image"]]
    named = {v.split(":")[1] for s in ours for v in s["volumes"] if not v.startswith((".", "socket:"))}
    assert named <= folders


def test_the_tools_that_only_check_are_left_out():
    wanted, _, checks = (PROJECT / "requirements.in").read_text(encoding="utf-8").partition("\n# checks\n")
    assert "sed '/^# checks$/,$d' requirements.in" in DOCKERFILE
    assert "apache-airflow==" in wanted
    assert "pytest" not in re.findall(r"^[\w-]+", wanted, re.MULTILINE)
    assert "pytest" in re.findall(r"^[\w-]+", checks, re.MULTILINE)


def test_what_celery_adds_is_locked_and_contradicts_nothing():
    lock = dict(PIN.findall((PROJECT / "requirements.txt").read_text(encoding="utf-8")))
    added = dict(PIN.findall((DOCKER / "requirements-celery.txt").read_text(encoding="utf-8")))
    assert lock.keys() & added.keys() == set()
    assert {"apache-airflow-providers-celery", "celery", "redis"} <= added.keys()
    assert tuple(map(int, added["celery"].split(".")[:2])) < (5, 7), "the provider does not start with it"
