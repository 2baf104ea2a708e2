"""docker-compose.yaml as an engine reads it: variables filled in, anchors merged. No engine is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1]
FILE = PROJECT / "docker-compose.yaml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<word>[^}]*))?\})")
DESK = {  # what a desk has to write into .env
    "DESK_UID": "1001",
    "DESK_GID": "1001",
    "RISKOPS_DEPLOYMENT": "desk",
    "RISKOPS_RECIPIENTS": "risk@example.com",
    "RISKOPS_SMTP_HOST": "mail.example.com",
}
CELERY = {"COMPOSE_PROFILES": "celery", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}


def written() -> dict[str, Any]:
    """Return the file as it is written, anchors merged."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def compose(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the file as an engine sees it with this .env: services of other profiles are not there."""
    filled = _filled(written(), env)
    profiles = set(env.get("COMPOSE_PROFILES", "").split(","))
    services = filled["services"].items()
    filled["services"] = {
        name: service | {"environment": _passed_on(service.get("environment", {}), env)}
        for name, service in services
        if not service.get("profiles") or profiles & set(service["profiles"])
    }
    return filled


def env_file(path: Path) -> dict[str, str]:
    """Return the variables of a file like .env."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def texts(value: Any) -> Iterator[str]:
    """Yield every text of a part of the file, keys apart."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def _filled(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, env) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, env) for each in value]
    return VARIABLE.sub(lambda found: _value(found, env), value) if isinstance(value, str) else value


def _value(found: re.Match[str], env: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    value = env.get(found["name"], "")
    if not value and found["how"] == ":?":
        raise LookupError(f"{found['name']}: {found['word']}")
    return value or found["word"] or ""


def _passed_on(environment: Mapping[str, str | None], env: Mapping[str, str]) -> dict[str, str]:
    """Give a variable without a value that of .env, and leave it out where .env has none."""
    known = {name: env.get(name) if value is None else value for name, value in environment.items()}
    return {name: value for name, value in known.items() if value is not None}
