"""A desk too young to learn from: the rules decide, nothing has failed, nobody is called."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.score_model import score_pooled_model
from riskops.records import Rung, Verb, Verdict
from riskops.store.seal import LIMITS_MAIL
from tests.builders import SESSION
from tests.desks import each_verb, environment, opened, run_for
from tests.small_desks import csv_desk, stormy

RUN = run_for(SESSION)
LACKS = "too little data yet (0 of 60 sessions and 0 of 250 trader-days)"
WHY = f"The pooled model has {LACKS}."


@pytest.fixture(scope="module")
def young(keeper, tmp_path_factory):
    """Return the folder of a desk that has lived a month; its mail is out."""
    folder = keeper(tmp_path_factory.mktemp("young"))
    with csv_desk(folder, stormy(traders=3, days=5)) as desk:
        for verb in each_verb():
            verb(desk, RUN)
    return folder


@pytest.fixture
def desk(young):
    with opened(young, RISKOPS_SOURCE="csv") as opened_desk:
        yield opened_desk


def said(folder, *arguments: str) -> str:
    environ = environment(folder, RISKOPS_SOURCE="csv") | {"COLUMNS": "300"}
    result = CliRunner().invoke(app, arguments, env=environ)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


@pytest.mark.fault(
    what="the desk is too young to fit the pooled model",
    gets="the rules' limits, on time; the mail says how much data there is and how much it takes",
    rung="2",
    label="too little data yet",
    told="nobody: it is no failure",
)
def test_a_young_desk_gets_the_rules_limits_and_is_told_how_much_is_missing(desk):
    stages = desk.store.mornings.stages(SESSION, 0)
    assert all(stages[verb].is_done for verb in Verb)
    publication = desk.store.mornings.publication(SESSION, 0)
    assert (publication.rung, publication.verdict) == (Rung.RULES, Verdict.NOT_ENOUGH_EVIDENCE)
    assert publication.why == WHY
    mail = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)
    assert WHY in " ".join(mail.text.split())
    assert "fail" not in (mail.subject + mail.text).lower()


def test_the_model_leaves_no_scores_and_a_receipt_that_says_why(desk):
    assert desk.store.mornings.model_scores(SESSION, 0) == ()
    receipt = desk.store.mornings.stages(SESSION, 0)[Verb.SCORE_MODEL].detail
    assert receipt == {"traders": 0, "raised": 0, "no_scores": LACKS}


def test_no_decision_carries_a_number_of_the_model(desk):
    decisions = desk.store.mornings.publication(SESSION, 0).decisions
    assert len(decisions) == 3
    assert {(d.large_loss_probability, d.challenger_reduction) for d in decisions} == {(None, None)}


def test_status_and_explain_say_why_there_are_no_scores(young):
    assert f"no_scores={LACKS}" in said(young, "status", "--session", SESSION.isoformat())
    told = said(young, "explain", "3937", SESSION.isoformat())
    assert f"The desk is on rung 2 rules: {WHY}" in told


def test_a_model_that_really_fails_is_still_a_failed_model(folder):
    with csv_desk(folder, stormy(traders=3, days=5), RISKOPS_FAULT="model_raises") as desk:
        ingest, validate, score_rules, *_rest = each_verb()
        for verb in (ingest, validate, score_rules):
            verb(desk, RUN)
        with pytest.raises(Exception, match="model_raises"):
            score_pooled_model(desk, RUN)
        assert compare(desk, RUN)["verdict"] == Verdict.MODEL_FAILED.value
        chosen = choose(desk, RUN)
        assert (chosen["rung"], chosen["verdict"]) == (2, Verdict.MODEL_FAILED.value)
