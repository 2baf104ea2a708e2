"""The command line: help, exit codes, and what each command says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from riskops import errors
from riskops.cli import app
from riskops.commands import live
from riskops.commands.live import COMMANDS
from riskops.errors import RiskOpsError
from riskops.records import Verb
from tests.builders import SESSION
from tests.desks import each_verb, environment, on_the_morning, run_for
from tests.small_desks import NIGHT, csv_desk, row, stormy, write_csv

ON = ("--session", SESSION.isoformat())
NAMES = sorted(get_command(app).commands)
ARGUMENTS = {
    "explain": ("3942", str(SESSION)),
    "enrol": ("3942", "A3942", "--since", str(SESSION)),
    "load": ("history.csv",),
    "backup": ("backup.zip",),
    "replay": ("2026-03-16",),
    "acknowledge": ("--by", "R. Manager"),
    "read-back": ("applied.csv",),
    "ask-again": (str(NIGHT),),
    "override": ("list",),
    "revise": ("--by", "R. Manager", "--why", "a late file"),
}
OWN_DATABASE = {"migrate", "demo", "restore", "up", "catch-mail", "check-limits", "study"}
EXCEPT_WHAT_CREATES = [(name, *ARGUMENTS.get(name, ())) for name in NAMES if name not in OWN_DATABASE]
ERRORS = [e for _name, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, RiskOpsError)]


def run(folder: Path, *arguments: str, **changes: str):
    environ = environment(folder, RISKOPS_SOURCE="csv", **changes) | {"COLUMNS": "200"}
    return CliRunner().invoke(app, arguments, env=environ)


def said(folder: Path, *arguments: str) -> str:
    """Return what a command printed, which has to succeed, with its spaces made one."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def decided(keeper, tmp_path_factory):
    """Return the folder of a desk that is decided and mailed."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    with csv_desk(folder, stormy()) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


@pytest.fixture
def empty(folder):
    """Return the folder of a desk that is migrated and has nobody."""
    assert run(folder, "migrate").exit_code == 0
    return folder


class TestHelp:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_command_explains_itself_and_its_options(self, name):
        result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert result.exit_code == 0
        assert get_command(app).commands[name].help.strip().endswith(".")
        assert name in result.stdout

    @pytest.mark.parametrize(
        "arguments", [[], *([name] for name in NAMES)], ids=lambda names: " ".join(names)
    )
    def test_help_is_plain_text_that_fits_80_columns(self, arguments):
        shown = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80"}).stdout
        assert "`" not in shown
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= 80

    def test_every_exit_code_has_a_line_of_its_own(self):
        lines = [line.strip() for line in CliRunner().invoke(app, ["--help"]).stdout.splitlines()]
        assert [line.split(":")[0] for line in lines if line.startswith("•")] == [
            *("• 0", "• 1", "• 2", "• 3", "• from 10 on", "• 124")
        ]

    def test_every_verb_has_a_command(self):
        assert set(COMMANDS) == set(Verb)
        assert set(COMMANDS.values()) <= set(NAMES)

    def test_without_a_command_the_commands_are_listed(self):
        listed = CliRunner().invoke(app, [], env={"COLUMNS": "200"}).output
        assert all(name in listed for name in NAMES)


class TestExitCodes:
    def test_every_error_has_a_code_of_its_own_away_from_the_shell_s(self):
        codes = [error.exit_code for error in ERRORS]
        assert len(set(codes)) == len(codes)
        assert all(10 <= code < 64 for code in codes)

    def test_the_tree_of_errors_is_drawn_whole_with_what_may_be_retried(self):
        drawn = dict(re.findall(r"── (\w+) .*?(never retry|retry)$", errors.__doc__, re.MULTILINE))
        assert drawn == {
            error.__name__: "retry" if error.retryable else "never retry"
            for error in ERRORS
            if error is not RiskOpsError
        }

    def test_wrong_usage_ends_with_two(self, empty):
        assert run(empty, "explain").exit_code == 2

    def test_a_missing_setting_is_a_configuration_error(self, empty):
        result = run(empty, "status", RISKOPS_DELIVERY="")
        assert result.exit_code == 11
        assert "RISKOPS_DELIVERY" in result.stderr

    def test_an_unknown_source_is_a_configuration_error(self, empty):
        result = CliRunner().invoke(app, ["status"], env=environment(empty, RISKOPS_SOURCE="carrier pigeon"))
        assert (result.exit_code, "use one of demo, csv" in result.stderr) == (11, True)

    @pytest.mark.parametrize("name", ["status", "ingest", "morning", "report"])
    def test_a_database_that_is_not_migrated_is_refused_with_the_remedy(self, name, folder):
        result = run(folder, name, *ON)
        assert (result.exit_code, "riskops migrate" in result.stderr) == (11, True)

    @pytest.mark.parametrize("arguments", EXCEPT_WHAT_CREATES, ids=lambda arguments: arguments[0])
    def test_a_mistyped_path_is_told_and_nothing_is_made_there(self, arguments, tmp_path, monkeypatch):
        monkeypatch.setattr(live, "wall_clock", on_the_morning(SESSION))  # later the watchdog holds limits
        (tmp_path / "desk").mkdir()
        url = f"sqlite:///{tmp_path / 'desk' / 'mistyped' / 'risk.db'}"
        result = run(tmp_path / "desk", *arguments, RISKOPS_DATABASE_URL=url)
        assert result.exit_code == 11
        assert f"{tmp_path}/desk/mistyped/risk.db" in result.stderr
        assert "run `riskops migrate` to create it" in result.stderr
        assert list((tmp_path / "desk").iterdir()) == []

    @pytest.mark.parametrize("session", ["2026-03-14", "yesterday", "2999-01-03"])
    def test_a_date_that_is_no_session_or_lies_ahead_is_refused(self, session, empty):
        result = run(empty, "score-rules", "--session", session)
        assert result.exit_code == 14
        assert session in result.stderr

    @pytest.mark.parametrize("name", ["publish", "compose-report", "compare", "report"])
    def test_a_verb_without_what_it_needs_says_which_is_missing(self, name, empty):
        result = run(empty, name, *ON)
        assert result.exit_code == 16
        assert f"{SESSION}: run" in result.stderr

    def test_a_source_that_is_not_there_ends_ingest_with_its_code(self, empty):
        enrol(empty)
        result = run(empty, "ingest", *ON)
        assert result.exit_code == 17
        assert "RISKOPS_INBOX" in result.stderr

    def test_a_forced_fault_ends_with_its_code(self, decided):
        assert (
            run(decided, "score-rules", "--session", NIGHT.isoformat(), RISKOPS_FAULT="rules_raise").exit_code
            == 19
        )

    def test_the_demo_desk_is_refused_in_production(self, empty):
        live = {"RISKOPS_DEPLOYMENT": "production", "RISKOPS_DELIVERY": "smtp", "RISKOPS_RECIPIENTS": "a@b.c"}
        result = run(empty, "demo", **live)
        assert (result.exit_code, "not for production" in result.stderr) == (11, True)


def enrol(folder, *options, trader="3942", account="A3942"):
    return run(folder, "enrol", trader, account, "--since", "2026-03-02", *options)


class TestEnrolAndLoad:
    def test_a_trader_is_enrolled_and_a_file_is_loaded(self, empty):
        assert enrol(empty, "--name", "Daniel Mercer", "--base-limit", "$6,500.50").exit_code == 0
        file = write_csv(empty / "history.csv", [row("3942", NIGHT, -120.5)])
        assert "new trades │ 1" in said(empty, "load", str(file))

    @pytest.mark.parametrize("amount", ["much", "nan", "inf", "", "-5", "0"])
    def test_a_base_limit_that_is_no_positive_amount_is_refused(self, amount, empty):
        assert enrol(empty, "--base-limit", amount).exit_code == 12

    def test_a_bad_file_names_file_line_column_and_remedy_on_one_line(self, empty):
        enrol(empty)
        rows = [row("3942", NIGHT, 1), row("3942", NIGHT, 1, "2") | {"quantity": "-3"}]
        result = run(empty, "load", str(write_csv(empty / "history.csv", rows)))
        assert result.exit_code == 12
        assert re.search(r"history\.csv:3: column 'quantity': .* is not above 0\. Prices", result.stderr)
        assert "new trades │ 1" in said(empty, "load", str(empty / "history.csv"), "--quarantine")

    def test_the_same_file_twice_is_a_duplicate(self, empty):
        enrol(empty)
        file = str(write_csv(empty / "history.csv", [row("3942", NIGHT, 1)]))
        assert run(empty, "load", file).exit_code == 0
        assert run(empty, "load", file).exit_code == 13

    @pytest.mark.parametrize(
        ("options", "code"), [(("--mapping", "unheard_of"), 11), (("--through", "soon"), 14)]
    )
    def test_a_wrong_option_is_refused_and_nothing_is_loaded(self, options, code, empty):
        enrol(empty)
        file = str(write_csv(empty / "history.csv", [row("3942", NIGHT, 1)]))
        assert run(empty, "load", file, *options).exit_code == code
        assert run(empty, "load", file).exit_code == 0

    def test_a_file_that_is_not_there_is_an_input_error(self, empty):
        result = run(empty, "load", str(empty / "missing.csv"))
        assert (result.exit_code, "missing.csv" in result.stderr) == (12, True)


class TestAsking:
    def test_status_shows_rung_seal_verbs_and_mails(self, decided):
        text = said(decided, "status", *ON)
        assert "rung │ 2 rules" in text
        assert "out, the session is sealed" in text
        assert "15 of 15" in text
        assert all(verb.value in text for verb in Verb)
        assert "files │ sent │ 1" in text

    def test_status_of_a_morning_that_has_not_begun_says_so(self, empty):
        text = said(empty, "status", *ON)
        assert "rung │ not decided" in text
        assert "mail │ not out" in text

    def test_report_prints_the_mail_as_it_left_and_where_it_lies(self, decided):
        text = run(decided, "report", *ON).stdout
        mail = (decided / "out" / SESSION.isoformat() / "limits.txt").read_text(encoding="utf-8")
        assert mail.strip() in text
        assert str(decided / "out" / SESSION.isoformat() / "limits.eml") in text

    def test_score_rules_prints_every_trader_s_score(self, decided):
        text = said(decided, "score-rules", "--session", NIGHT.isoformat())
        assert f"Rules for {NIGHT}" in text
        assert text.count("$5,000") >= 15

    def test_a_sealed_verb_run_by_hand_says_it_is_sealed(self, decided):
        assert "sealed │ True" in said(decided, "compare", *ON)

    def test_another_day_s_mail_is_not_sent_by_itself(self, decided):
        assert "does not mail" in said(decided, "send-report", *ON)
