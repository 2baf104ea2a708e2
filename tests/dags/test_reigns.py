"""A model that wins is promoted through Airflow, and goes back when what it knew turns round.

The desk is the demo's with a strong tilt planted, which turns into its opposite on the session of the
promotion. Nothing is lowered for it: the walls, the bar and the watch are the product's.
"""

from __future__ import annotations

from datetime import date, time
from functools import partial
from pathlib import Path

import pytest

from riskops.desk import open_desk
from riskops.records import Engine, LedgerKind, Rung, Verdict
from riskops.sessions import desk_time
from riskops.sources.demo import FIRST_SESSION, STRONG_TILT, DemoDesk
from riskops.standing import in_order, standing
from tests.airflow_desk import AirflowDesk, Outcome
from tests.builders import CALENDAR
from tests.desks import keep_on_sqlite, opened

pytestmark = [pytest.mark.airflow, pytest.mark.campaign, pytest.mark.xdist_group("airflow")]

SEED = 11
PROMOTED_AFTER = 409  # sessions of history
PROMOTION, BEFORE_DEMOTION, DEMOTION = date(2025, 6, 24), date(2025, 10, 1), date(2025, 10, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a desk that knows everything through the session before the demotion."""
    made = keep_on_sqlite(tmp_path_factory.mktemp("reigns"))
    demo = DemoDesk(CALENDAR, seed=SEED, tilt=STRONG_TILT, tilt_turns_at=PROMOTED_AFTER)
    sessions = CALENDAR.between(FIRST_SESSION, CALENDAR.previous(DEMOTION))
    with opened(made) as desk:
        desk.store.roster.enrol(demo.traders(), demo.accounts(), demo.base_limits(), demo.roster())
        fetched = demo.fetch(demo.accounts(), sessions, CALENDAR.history_known_at)
        covered = [
            (account.account_id, session, CALENDAR.history_known_at(session))
            for account in demo.accounts()
            for session in sessions
        ]
        desk.store.transactions.add((trade for day in fetched for trade in day.trades), covered, "demo")
    return made


@pytest.fixture
def desk(folder: Path, migrated_airflow: Path, patch: pytest.MonkeyPatch) -> AirflowDesk:
    return AirflowDesk(folder, patch)


def live(desk: AirflowDesk, patch: pytest.MonkeyPatch, session: date) -> Outcome:
    """Run the morning of a session as it is lived: the clock stands at 06:05, the mail leaves."""
    six = desk_time(session, time(6, 5))
    patch.setattr("riskops.desk.open_desk", partial(open_desk, clock=lambda: six))
    return desk.run(logical_date=desk_time(session, time(6)), session=session.isoformat(), deliver="yes")


def test_a_winner_is_promoted_and_demoted_after_a_reversal(desk: AirflowDesk, patch: pytest.MonkeyPatch):
    promotion = live(desk, patch, PROMOTION)
    assert (promotion.state, promotion.tasks["publish_model"]) == ("success", "success")
    assert promotion.skipped == {"publish_rules", "hold_limits"}
    made = desk.publication(PROMOTION)
    assert (made.rung, made.verdict) == (Rung.MODEL, Verdict.MODEL_WINS)
    assert Engine.POOLED_MODEL in {decision.engine for decision in made.decisions}
    assert "beats the rules by more than 10 %" in desk.mail_text(PROMOTION)

    kept = live(desk, patch, BEFORE_DEMOTION)
    assert kept.tasks["publish_model"] == "success"
    assert f"The model decides since {PROMOTION}" in desk.mail_text(BEFORE_DEMOTION)

    demotion = live(desk, patch, DEMOTION)
    assert (demotion.state, demotion.tasks["publish_rules"]) == ("success", "success")
    assert desk.publication(DEMOTION).verdict is Verdict.RULES_HOLD
    assert "Demoted: " in desk.mail_text(DEMOTION)

    with desk.opened() as opened_desk:
        ledger = in_order(opened_desk.store.ledger.entries())
    assert [(entry.session, entry.kind) for entry in ledger] == [
        (PROMOTION, LedgerKind.REGISTERED),
        (PROMOTION, LedgerKind.PROMOTED),
        (DEMOTION, LedgerKind.DEMOTED),
    ]
    assert standing(ledger, BEFORE_DEMOTION).champion is Engine.POOLED_MODEL
    assert standing(ledger, DEMOTION).champion is Engine.RULES
