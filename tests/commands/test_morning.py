"""``riskops morning`` as a process: the sample of the desk, and real fills."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from riskops.cli import app
from riskops.commands.live import COMMANDS
from riskops.pipeline.enrol import enrol
from riskops.pipeline.load import load_file
from riskops.sources.demo import PINNED_SESSION
from riskops.store.tables import daily_results
from tests.builders import SESSION, trader_3942, trader_3951
from tests.desks import copied, each_verb, environment, on_the_morning, opened, run_for, whole_environment
from tests.small_desks import BASE_CENTS, csv_desk, quiet

ROOT = Path(__file__).resolve().parents[2]
REAL_FILLS = Path(os.environ.get("RISKOPS_REAL_DATA", ROOT.parent / "shared/data/real")) / "perp_fills.csv"
REAL_SESSION = date(2025, 2, 18)


pytestmark = pytest.mark.xdist_group("break_glass")


def riskops_morning(folder: Path, session: date, *options: str, **changes: str) -> str:
    command = [sys.executable, "-m", "riskops", "morning", "--session", session.isoformat(), *options]
    environ = whole_environment(folder, **{"RISKOPS_SOURCE": "csv"} | changes)
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sample(keeper, tmp_path_factory):
    folder = keeper(tmp_path_factory.mktemp("sample"))
    others = {str(3960 + i): quiet() for i in range(13)}
    csv_desk(folder, {"3942": trader_3942(), "3951": trader_3951()} | others).store.close()
    return folder


@pytest.fixture(scope="module")
def printed(sample):
    return riskops_morning(sample, SESSION, "--deliver")


@pytest.fixture(scope="module")
def real(keeper, tmp_path_factory):
    folder = keeper(tmp_path_factory.mktemp("real"))
    with opened(folder, on_the_morning(SESSION), RISKOPS_CALENDAR="24/7", RISKOPS_SOURCE="csv") as desk:
        days = sorted(day for _account, day in net_by_account_day())
        for account in sorted({account for account, _day in net_by_account_day()}):
            enrol(desk, account, "", account, BASE_CENTS, days[0])
        load_file(desk, REAL_FILLS, "perp_fills", through=days[-1])
        yield desk


class TestSample:
    def test_the_immediate_cut_is_ordered_in_the_desk_s_words(self, printed):
        lines = [line.strip() for line in printed.splitlines()]
        at = lines.index("Trader 3942: REDUCE LIMIT BY 50%")
        assert lines[at + 1 : at + 4] == [
            "New limit: $2,500 (from $5,000)",
            "Reasons: Extended loss streak (5 days), Drawdown 18.2%",
            "Confidence: high; large loss on 0 of 2 such days (desk: 0 %)",
        ]

    def test_the_moderate_cut_is_one_line(self, printed):
        assert "Trader 3951: Reduce by 30% ($3,500) - Loss streak (3 days)" in printed.splitlines()

    def test_the_summary_counts_the_desk(self, printed):
        at = printed.index("SUMMARY:")
        assert printed[at:].splitlines()[1:5] == [
            "Total traders: 15",
            "Restrictions applied: 2",
            "High risk: 1",
            "System: Rules-based (baseline)",
        ]

    def test_what_is_printed_is_what_was_delivered(self, printed, sample):
        delivered = (sample / "out" / SESSION.isoformat() / "limits.txt").read_text(encoding="utf-8")
        assert delivered.strip() in printed

    def test_every_verb_is_reported_and_none_failed_though_the_model_had_too_little_to_learn_from(
        self, printed
    ):
        reported = [line.split()[0] for line in printed.splitlines() if line.startswith(("done", "FAILED"))]
        assert reported == ["done"] * len(COMMANDS)
        assert "The pooled model has too little data yet (0 of 10 large losses)." in " ".join(printed.split())
        assert "MODEL FAILED" not in printed


@pytest.mark.skipif(not REAL_FILLS.exists(), reason="the real record is not here")
class TestRealFills:
    def test_every_account_day_nets_what_the_file_says_to_the_cent(self, real):
        with real.store.database.reading() as connection:
            rows = connection.execute(sa.select(daily_results))
            stored = {(row.account_id, row.session): row.net_cents for row in rows}
        expected = {key: in_cents(usd) for key, usd in net_by_account_day().items()}
        assert len(expected) > 100
        assert stored == expected

    def test_a_morning_of_its_time_gives_a_report(self, real):
        environ = environment(real.settings.output.parent, RISKOPS_CALENDAR="24/7", RISKOPS_SOURCE="csv")
        on = ["--session", REAL_SESSION.isoformat()]
        done = {
            name: CliRunner().invoke(app, [name, *on], env=environ).exit_code for name in COMMANDS.values()
        }
        assert {name: code for name, code in done.items() if code} == {}
        printed = CliRunner().invoke(app, ["report", *on], env=environ).stdout
        assert "DAILY LOSS LIMITS FOR TUESDAY 18 FEBRUARY 2025" in printed
        assert "Total traders: 4" in printed
        assert "Rung: 2 rules - The pooled model has too little data yet" in printed


def net_by_account_day() -> dict[tuple[str, date], Decimal]:
    """Return the exact sums of closed P&L less fees, by account and UTC date, without RiskOps' reader."""
    net: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
    with REAL_FILLS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            local = datetime.strptime(row["Timestamp IST"], "%d-%m-%Y %H:%M")  # noqa: DTZ007 - zone follows
            day = local.replace(tzinfo=ZoneInfo("Asia/Kolkata")).astimezone(UTC).date()
            net[row["Account"], day] += Decimal(row["Closed PnL"]) - Decimal(row["Fee"])
    return dict(net)


def in_cents(usd: Decimal) -> int:
    return int(usd.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN) * 100)


@pytest.mark.campaign
def test_the_break_glass_morning_decides_what_the_verbs_decide(small_desk, small_desk_template, tmp_path):
    riskops_morning(small_desk, PINNED_SESSION, "--no-deliver", RISKOPS_SOURCE="demo")
    twin = copied(small_desk_template, tmp_path / "twin")
    with opened(twin) as desk:
        for verb in each_verb():
            verb(desk, run_for(PINNED_SESSION, deliver=False))
    assert decisions(small_desk) == decisions(twin)


def decisions(folder):
    with opened(folder) as desk:
        decided = desk.store.mornings.publication(PINNED_SESSION, 0)
    assert len(decided.decisions) == 15
    return decided.decisions
