"""``riskops revise``: every verb of a correction by its own command, and what is said of it."""

from __future__ import annotations

from datetime import time
from functools import partial
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.commands import context, live
from riskops.desk import open_desk
from riskops.errors import RevisionError, SessionError
from riskops.records import Verb
from tests.builders import CALENDAR, SESSION
from tests.desks import copied, each_verb, environment, forgotten, on_the_morning, opened, run_for
from tests.revising import BY, LATE, WHY, late_night
from tests.small_desks import NIGHT, csv_desk, stormy

RESULTS = stormy(traders=6)
ON = ("--session", SESSION.isoformat())
ASKED = ("revise", *ON, "--by", BY, "--why", WHY)


@pytest.fixture(scope="module")
def mailed(keeper, tmp_path_factory):
    """Return the folder of a desk whose mail is out; a worse night lies in the inbox since."""
    folder = keeper(tmp_path_factory.mktemp("mailed"))
    late_night(folder, RESULTS)
    with csv_desk(folder, {t: usd[:-1] for t, usd in RESULTS.items()}, CALENDAR.previous(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    late_night(folder, RESULTS, t3937=-9_000.0)
    return folder


@pytest.fixture
def desk_folder(mailed, tmp_path):
    """Return the folder of a desk of this test's own whose mail is out."""
    yield copied(mailed, tmp_path / "desk")
    forgotten(tmp_path)


@pytest.fixture
def riskops(desk_folder, mailed, monkeypatch):
    """Return what runs a command at a New York time; the commands that it runs run here, too."""
    environ = environment(desk_folder, RISKOPS_SOURCE="csv", RISKOPS_INBOX=str(mailed / "inbox"))
    environ |= {"COLUMNS": "200"}
    begun = []

    def here(command, **_how):
        begun.append(command[3:])
        ended = CliRunner().invoke(app, command[3:], env=environ)
        return SimpleNamespace(returncode=ended.exit_code, stderr=ended.stderr)

    def run(*arguments, at=LATE, **changes):
        clock = on_the_morning(SESSION, at)
        monkeypatch.setattr(context, "open_desk", partial(open_desk, clock=clock))
        environ.update(changes)
        result = CliRunner().invoke(app, arguments, env=environ)
        return result.exit_code, " ".join(result.output.split()), begun

    monkeypatch.setattr(live.subprocess, "run", here)
    return run


def test_every_verb_works_on_the_correction_and_its_mail_is_printed(riskops):
    code, said, begun = riskops(*ASKED)
    assert code == 0, said
    assert said.startswith(f"Correction 1 of {SESSION} done ingest")
    assert "1 limit changes, 5 stand." in said
    assert "Delivered." in said
    assert [command[0] for command in begun] == [live.COMMANDS[verb] for verb in each_command()]
    assert all(command[-2:] == ["--revision", "1"] for command in begun)


def each_command():
    late = (Verb.RECORD_OUTCOMES, Verb.CHOOSE, Verb.PUBLISH, Verb.COMPOSE, Verb.SEND)
    return (Verb.INGEST, Verb.VALIDATE, Verb.SCORE_RULES, Verb.SCORE_MODEL, Verb.COMPARE, *late)


def test_status_and_report_tell_of_the_newest_mail_that_is_out(riskops):
    assert "corrections │ nobody asked for one" in riskops("status", *ON)[1]
    riskops(*ASKED)
    assert f"corrections │ 1: out. {BY}, 07:40 New York: {WHY}" in riskops("status", *ON)[1]
    assert f"Asked for by: {BY}" in riskops("report", *ON)[1]


def test_a_hold_ends_it_before_anything_is_mailed_and_status_says_so(riskops, desk_folder):
    code, said, begun = riskops(*ASKED, RISKOPS_FAULT="rules_raise")
    assert code == RevisionError.exit_code
    assert "FAILED publish" in said
    assert "would be a hold (the rules failed (Forced by RISKOPS_FAULT=rules_raise))" in said
    assert begun[-1][0] == "publish"
    shown = riskops("status", *ON, RISKOPS_FAULT="none")[1]
    assert f"corrections │ 1: NOT out: Correction 1 of {SESSION} would be a hold" in shown
    with opened(desk_folder) as desk:
        assert desk.store.mornings.newest_sealed(SESSION) == 0


def test_looked_at_first_and_sent_then(riskops):
    code, said, _begun = riskops(*ASKED, "--no-deliver")
    assert code == 0
    assert "NOT mailed: " in said
    assert "`riskops send-report --deliver --revision 1`" in said
    assert "is not out yet" in riskops(*ASKED[:-1], "another reason")[1]
    assert riskops("send-report", *ON, "--deliver", "--revision", "1")[0] == 0
    assert "corrections │ 1: out." in riskops("status", *ON)[1]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ((*ASKED[:1], "--session", str(NIGHT), *ASKED[3:]), SessionError, "is not today's session"),
        (("ingest", *ON, "--revision", "7"), RevisionError, "Nobody has asked for correction 7"),
    ],
)
def test_what_cannot_be_corrected_is_refused_in_words(arguments, error, told, riskops):
    code, said, begun = riskops(*arguments)
    assert (code, begun) == (error.exit_code, [])
    assert told in said


def test_after_eight_it_says_whose_limit_stays(riskops, mailed, tmp_path):
    late_night(tmp_path, RESULTS, **{f"t{trader}": 6_000.0 for trader in RESULTS})
    code, said, _begun = riskops(*ASKED, at=time(8, 30), RISKOPS_INBOX=str(tmp_path / "inbox"))
    assert code == 0, said
    assert "from 08:00 New York on a correction only tightens" in said
