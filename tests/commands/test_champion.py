"""`riskops champion`: the ledger answers."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from riskops.cli import app
from riskops.records import LedgerEntry, LedgerKind
from tests.builders import CALENDAR, SESSION
from tests.desks import environment, opened
from tests.small_desks import PUBLICATION

PROMOTED, DEMOTED = CALENDAR.shift(SESSION, -20), CALENDAR.shift(SESSION, -5)
DIGEST = "0123456789abcdef" * 4
EVIDENCE = {"e_values": [25.31, 400.0, 90.0, 26.0], "bar": 20.0, "desk_days": 1_234}


def said(folder, *arguments):
    result = CliRunner().invoke(app, ("champion", *arguments), env=environment(folder) | {"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def reigns(keeper, tmp_path_factory):
    """Return the folder of a desk whose model was promoted and demoted."""
    made = keeper(tmp_path_factory.mktemp("reigns"))
    history = [
        LedgerEntry(CALENDAR.shift(SESSION, -90), LedgerKind.REGISTERED, DIGEST, 1, "the first"),
        LedgerEntry(PROMOTED, LedgerKind.PROMOTED, DIGEST, 1, "it wins", EVIDENCE),
        LedgerEntry(DEMOTED, LedgerKind.DEMOTED, DIGEST, 1, "it lost $54,000", EVIDENCE),
    ]
    with opened(made) as desk:
        for entry in history:
            assert desk.store.ledger.append(entry.session, [entry], PUBLICATION.cut_off)
    return made


def test_without_a_ledger_the_rules_are_champion(folder):
    opened(folder).store.close()
    told = said(folder, "--on", str(SESSION))
    assert "champion │ the rules" in told
    assert "nothing was registered yet" in told


def test_before_the_promotion_it_is_the_rules(reigns):
    told = said(reigns, "--on", str(CALENDAR.shift(PROMOTED, -1)))
    assert "champion │ the rules" in told
    assert "the model was not promoted" in told
    assert "it wins" not in told


def test_while_it_holds_the_model_with_the_evidence_of_that_day(reigns):
    told = said(reigns, "--on", str(CALENDAR.shift(DEMOTED, -1)))
    assert "champion │ the pooled model" in told
    assert f"since │ {PROMOTED}" in told
    for figure in (
        "e-values 25.3, 400.0, 90.0, 26.0",
        "of 20.0",
        "desk-days 1,234",
        "number 1, 0123456789ab",
    ):
        assert all(part in told for part in figure.split())
    assert "it lost" not in told


def test_after_the_demotion_the_rules_with_the_end_of_the_cool_off(reigns):
    told = said(reigns, "--on", str(DEMOTED))
    assert "champion │ the rules" in told
    assert f"why │ it lost $54,000 │ │ cool-off │ until {CALENDAR.shift(DEMOTED, 60)}" in told


def test_a_date_without_a_session_is_refused_by_name(reigns):
    result = CliRunner().invoke(app, ("champion", "--on", "2026-03-15"), env=environment(reigns))
    assert result.exit_code == 14
    assert "2026-03-15" in result.stderr
