"""Who writes the ledger: mornings that may mail, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops import comparison, own_models, specification
from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.publish import publish_model, publish_rules
from riskops.pipeline.score_model import score_pooled_model
from riskops.records import Engine, LedgerKind, ModelScore, Rung, RunType, Verb, Verdict
from riskops.standing import standing
from tests.builders import CALENDAR, SESSION
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, stormy

LIVE = run_for(SESSION)
NOT_LIVE = [
    run_for(SESSION, RunType.BACKFILL),
    run_for(SESSION, RunType.MANUAL),
    run_for(SESSION, deliver=False),
    run_for(SESSION, deliver=True, revision=1),
]
REAL = comparison.compare


@pytest.fixture(scope="module")
def scored_template(keeper, tmp_path_factory):
    """Return the folder of a desk whose engines have scored, not compared."""
    folder = keeper(tmp_path_factory.mktemp("scored"))
    with csv_desk(folder, stormy()) as desk:
        for verb in list(each_verb())[:4]:
            for run in (LIVE, run_for(SESSION, revision=1)):
                verb(desk, run)
    return folder


@pytest.fixture
def desk(scored_template, own_copy):
    with opened(own_copy(scored_template), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as made:
        yield made


@pytest.fixture
def finding(monkeypatch):
    """Return what makes the comparison find an open gate, or a challenger that became worse."""

    def finds(**found):
        monkeypatch.setattr(comparison, "compare", lambda *args: replace(REAL(*args), **found))

    return finds


def kinds(desk):
    return [entry.kind for entry in desk.store.ledger.entries()]


def verdict(desk, revision=0):
    return desk.store.mornings.comparison(SESSION, revision).verdict


def test_the_first_morning_registers_the_shipped_specification(desk):
    compare(desk, LIVE)
    (entry,) = desk.store.ledger.entries()
    assert (entry.kind, entry.number, entry.session) == (LedgerKind.REGISTERED, 1, SESSION)
    assert entry.specification == specification.digest()
    assert entry.evidence == {"specification": specification.text()}


def test_an_open_gate_promotes_and_the_model_decides_the_same_morning(desk, finding):
    finding(opens=True)
    compare(desk, LIVE)
    assert sorted(kinds(desk)) == ["promoted", "registered"]
    assert verdict(desk) is Verdict.MODEL_WINS
    assert choose(desk, LIVE)["route"] == "publish_model"


@pytest.mark.parametrize("run", NOT_LIVE, ids=["backfill", "manual", "no mail", "revision"])
def test_whoever_may_not_mail_writes_nothing_and_promotes_nobody(desk, finding, run):
    finding(opens=True)
    compare(desk, run)
    assert kinds(desk) == []
    found = desk.store.mornings.comparison(SESSION, run.revision)
    assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert "only a morning that mails" in found.reason


def test_a_backfill_reads_what_the_morning_wrote(desk, finding):
    finding(opens=True)
    compare(desk, LIVE)
    finding(opens=False)
    compare(desk, run_for(SESSION, RunType.BACKFILL))
    assert verdict(desk) is Verdict.MODEL_WINS
    assert desk.store.mornings.comparison(SESSION, 0).champion is Engine.POOLED_MODEL


def test_a_morning_compared_again_stays_promoted_whatever_it_finds_then(desk, finding):
    finding(opens=True)
    compare(desk, LIVE)
    before = desk.store.ledger.entries()
    finding(opens=False, demotion="it lost")
    compare(desk, LIVE)
    assert desk.store.ledger.entries() == before
    assert verdict(desk) is Verdict.MODEL_WINS


def test_a_model_that_left_no_scores_is_not_promoted(desk, finding):
    desk.store.mornings.fail(SESSION, 0, Verb.SCORE_MODEL, "it broke")
    finding(opens=True)
    compare(desk, LIVE)
    assert kinds(desk) == ["registered"]
    assert verdict(desk) is Verdict.MODEL_FAILED


def test_another_specification_is_registered_with_the_next_number_and_ends_a_promotion(
    desk, finding, monkeypatch
):
    finding(opens=True)
    compare(desk, LIVE)
    monkeypatch.setattr(specification, "text", lambda: "another one")
    finding(opens=False)
    compare(desk, run_for(SESSION, deliver=True))
    numbers = {entry.number: entry.kind for entry in desk.store.ledger.entries()}
    assert numbers[2] is LedgerKind.REGISTERED
    assert standing(desk.store.ledger.entries(), SESSION).champion is Engine.RULES
    assert verdict(desk) is Verdict.NOT_ENOUGH_EVIDENCE


def test_a_challenger_that_became_worse_is_demoted_on_a_later_morning(desk, finding):
    finding(opens=True)
    compare(desk, LIVE)
    later = CALENDAR.shift(SESSION, 1)
    run = run_for(later, deliver=True)
    for verb in list(each_verb())[2:4]:
        verb(desk, run)
    finding(demotion="it lost")
    compare(desk, run)
    found = desk.store.mornings.comparison(later, 0)
    assert found.verdict is Verdict.RULES_HOLD
    assert found.reason.startswith("Demoted: it lost. The rules decide; from ")
    assert standing(desk.store.ledger.entries(), SESSION).champion is Engine.POOLED_MODEL
    assert standing(desk.store.ledger.entries(), later).champion is Engine.RULES


class TestOwnModels:
    """A promoted model that fails: the traders' own models may tighten, labelled 2+T."""

    @pytest.fixture
    def promoted(self, desk, finding):
        finding(opens=True)
        compare(desk, LIVE)
        return desk

    @pytest.fixture
    def own(self, monkeypatch):
        def asks(history, paths, walk, scores):
            first = min(scores, key=lambda score: (score.reduction, score.trader_id))
            return (ModelScore(first.trader_id, None, 40, 120.0, 60.0, ("tilt 2.0x (+$80)",)),)

        monkeypatch.setattr(own_models, "score", asks)

    def fail_and_go_on(self, desk):
        desk.store.mornings.fail(SESSION, 0, Verb.SCORE_MODEL, "it was killed")
        for verb in (compare, choose, publish_rules):
            verb(desk, LIVE)
        return desk.store.mornings.publication(SESSION, 0)

    def test_they_tighten_the_rules_and_it_is_said(self, promoted, own):
        made = self.fail_and_go_on(promoted)
        assert (made.rung, made.verdict) == (Rung.RULES, Verdict.MODEL_FAILED)
        assert "own models tighten" in made.why
        raised = [d for d in made.decisions if d.engine is Engine.OWN_MODELS]
        assert [(d.reduction, d.reasons[0]) for d in raised] == [(40, "tilt 2.0x (+$80)")]

    def test_while_the_rules_are_champion_they_are_not_asked(self, desk, own):
        made = self.fail_and_go_on(desk)
        assert {d.engine for d in made.decisions} == {Engine.RULES}
        assert "own models" not in made.why

    def test_a_model_that_comes_back_replaces_them(self, promoted, own):
        self.fail_and_go_on(promoted)
        for verb in (score_pooled_model, compare, choose, publish_model):
            verb(promoted, LIVE)
        made = promoted.store.mornings.publication(SESSION, 0)
        assert made.rung is Rung.MODEL
        assert Engine.OWN_MODELS not in {d.engine for d in made.decisions}
