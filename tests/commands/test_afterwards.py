"""`riskops acknowledge` and `riskops read-back`: what they print, how they end, what status shows of it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.pipeline.send import send
from tests.builders import SESSION
from tests.desks import environment, run_for
from tests.pipeline.mailed import decided

ON = ("--session", SESSION.isoformat())


@pytest.fixture
def run(folder):
    """Return what runs a command on a desk whose mail is out: exit code, and all it printed."""
    with decided(folder) as desk:
        send(desk, run_for(SESSION))

    def run(*arguments, **changes):
        environ = environment(folder, **changes) | {"COLUMNS": "250"}
        result = CliRunner().invoke(app, arguments, env=environ)
        return result.exit_code, " ".join(result.output.split())

    return run


@pytest.fixture
def file(tmp_path):
    """Return what writes a file of the platform and returns its path."""

    def write(*rows):
        path = tmp_path / "applied.csv"
        path.write_text("\n".join(["trader_id,limit_usd", *rows]))
        return str(path)

    return write


def test_before_anybody_has_said_anything_status_says_so(run):
    code, text = run("status", *ON)
    assert code == 0
    assert "acknowledged by │ nobody" in text
    assert "limits applied │ nothing was read back from the trading platform" in text
    assert "escalation list │ NONE, RISKOPS_ESCALATION is empty" in text


def test_an_acknowledgement_is_printed_and_shown_by_status(run):
    code, text = run("acknowledge", *ON, "--revision", "0", "--by", "R. Manager", "--note", "limits set")
    assert (code, "R. Manager, " in text) == (0, True)
    assert "acknowledged by │ R. Manager" in run("status", *ON, RISKOPS_ESCALATION="ceo@example.com")[1]


def test_a_trader_of_the_desk_is_refused(run):
    code, text = run("acknowledge", *ON, "--by", "Daniel Mercer")
    assert (code, "is trader 3942 of this desk" in text) == (12, True)


def test_a_mail_that_is_not_out_is_refused(run):
    code, text = run("acknowledge", *ON, "--revision", "1", "--by", "R. Manager")
    assert (code, "revision 1 is not out" in text) == (16, True)


def test_what_was_read_back_is_printed_and_shown_by_status(run, file):
    code, text = run("read-back", file("3942,2500", "3951,3500"), *ON)
    assert (code, "2 of 3 applied; missing: 3937" in text) == (0, True)
    assert "limits applied │ 2 of 3 applied; missing: 3937" in run("status", *ON)[1]


def test_a_wrong_file_is_refused_with_its_lines(run, file):
    code, text = run("read-back", file("3942,2500", "3951,-1"), *ON)
    assert (code, "applied.csv:3: the limit '-1' is negative" in text) == (12, True)
