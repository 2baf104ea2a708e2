"""The watchdog's units, crontab and guide agree with the configuration and the command line."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from datetime import time
from pathlib import Path

import pytest
from typer.main import get_command

from riskops import config
from riskops.cli import app
from riskops.commands.live import ANSWER_WITHIN_SECONDS
from riskops.errors import LimitsFileError

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "include" / "systemd"
GUIDE = (ROOT / "docs" / "watchdog.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def unit(kind: str) -> dict[tuple[str, str], list[str]]:
    """Return the settings of a unit by section and name."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    section = ""
    for line in (UNITS / f"riskops-watchdog.{kind}").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found[section, name].append(value)
    return found


def clock_times(hours_of_minutes: list[tuple[str, str]]) -> tuple[time, ...]:
    return tuple(
        sorted(time(int(hour), int(m)) for minutes, hour in hours_of_minutes for m in minutes.split(","))
    )


def test_the_timer_looks_at_the_times_of_the_configuration_in_new_york():
    told = unit("timer")["Timer", "OnCalendar"]
    read = [re.fullmatch(r"Mon\.\.Fri (\d\d:\d\d:\d\d) America/New_York", line) for line in told]
    assert tuple(time.fromisoformat(found[1]) for found in read if found) == config.WATCHDOG_AT
    assert len(read) == len(config.WATCHDOG_AT)


def test_it_looks_at_every_time_at_which_the_clock_s_ladder_moves():
    moves = {
        *(config.BEGUN_BY, config.LATEST_CUT_OFF, config.RULES_UNTIL, config.MAIL_DUE_AT),
        *(config.ACKNOWLEDGED_BY, config.READ_BACK_DUE_AT),
    }
    assert moves <= set(config.WATCHDOG_AT)
    assert list(config.WATCHDOG_AT) == sorted(config.WATCHDOG_AT)


@pytest.mark.parametrize("page", [GUIDE, README], ids=["guide", "readme"])
def test_the_crontab_says_the_same(page):
    lines = re.findall(r"^([\d,]+) (\d+) \* \* 1-5  riskops watchdog$", page, re.MULTILINE)
    assert clock_times(lines) == config.WATCHDOG_AT
    assert f"CRON_TZ={config.DESK_TIME_ZONE}" in page


def test_the_service_runs_a_command_that_exists():
    (command,) = unit("service")["Service", "ExecStart"]
    program, name = command.split()
    assert Path(program).name == "riskops"
    assert name in get_command(app).commands
    assert unit("timer")["Timer", "Unit"] == ["riskops-watchdog.service"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoNewPrivileges", "true"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "true"),
        ("PrivateTmp", "true"),
        ("CapabilityBoundingSet", ""),
        ("ReadWritePaths", "/srv/riskops"),
        ("EnvironmentFile", "/etc/riskops/riskops.env"),
        ("User", "riskops"),
    ],
)
def test_the_service_may_do_no_more_than_it_needs(name, value):
    assert unit("service")["Service", name] == [value]


@pytest.mark.parametrize("name", ["ReadWritePaths", "EnvironmentFile", "User", "WorkingDirectory"])
def test_what_the_service_expects_of_the_host_is_in_the_guide(name):
    (value,) = unit("service")["Service", name]
    assert value in GUIDE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
class TestBySystemdItself:
    def test_the_units_are_valid(self, tmp_path):
        for kind in ("service", "timer"):
            text = (UNITS / f"riskops-watchdog.{kind}").read_text(encoding="utf-8")
            text = text.replace("/opt/riskops/.venv/bin/riskops", "/bin/true")
            (tmp_path / f"riskops-watchdog.{kind}").write_text(text)
        made = sorted(str(path) for path in tmp_path.iterdir())
        done = subprocess.run(
            ["systemd-analyze", "verify", *made], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("moment", unit("timer")["Timer", "OnCalendar"])
    def test_every_time_is_one_systemd_understands(self, moment):
        done = subprocess.run(
            ["systemd-analyze", "calendar", moment], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_guide_says_the_numbers_of_the_configuration():
    words = " ".join(GUIDE.split())
    for phrase in (
        f"silent for {ANSWER_WITHIN_SECONDS} s",
        f"older than {config.LIMITS_FILE_MAX_SESSIONS} sessions is refused",
        f"older than {config.LIMITS_FILE_FRESH_SESSIONS} sessions the mail minds it",
        f"exit code {LimitsFileError.exit_code}",
        f"plus {config.HOLD_STEP} points for every held session in a row, {config.HOLD_MAX_STEP} at the most",
        f"never above {config.MAX_REDUCTION} %",
        f"| {config.RULES_UNTIL:%H:%M} |",
        f"| {config.LATEST_CUT_OFF:%H:%M} |",
        f"| {config.ACKNOWLEDGED_BY:%H:%M} |",
        f"| {config.READ_BACK_DUE_AT:%H:%M} |",
    ):
        assert phrase in words, phrase
