"""Ten to eight and eight o'clock, through Airflow: who has read the mail, and are its limits in force."""

from __future__ import annotations

from datetime import time
from functools import partial
from typing import Any

import pytest

from riskops import config
from riskops.desk import open_desk
from riskops.pipeline.acknowledge import acknowledge
from riskops.sources.demo import PINNED_SESSION
from riskops.sources.read_back_file import dropped
from tests.airflow_desk import SIX_O_CLOCK, AirflowDesk
from tests.desks import on_the_morning

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture
def desk(finished_morning: AirflowDesk, patch: pytest.MonkeyPatch) -> AirflowDesk:
    """Return a desk whose mail is out, at eight o'clock."""
    clock = on_the_morning(PINNED_SESSION, time(8))
    patch.setattr("riskops.desk.open_desk", partial(open_desk, clock=clock))
    return finished_morning


def escalated(desk: AirflowDesk) -> list[str]:
    return [path.name for path in desk.mails() if path.stem.startswith("escalation")]


def test_the_desk_of_these_tests_is_cut_deeply(desk: AirflowDesk):
    publication = desk.publication()
    assert publication is not None
    assert max(decision.reduction for decision in publication.decisions) > config.IMMEDIATE_ABOVE


def test_what_nobody_has_acknowledged_is_escalated_once(desk: AirflowDesk):
    for _ in range(2):
        assert desk.run("acknowledgement_deadline", SIX_O_CLOCK).state == "success"
    assert escalated(desk) == ["escalation_again.eml"]


def test_what_somebody_has_acknowledged_is_not(desk: AirflowDesk):
    with desk.opened() as opened:
        acknowledge(opened, PINNED_SESSION, by="R. Manager")
    assert desk.run("acknowledgement_deadline", SIX_O_CLOCK).state == "success"
    assert escalated(desk) == []


def test_limits_that_are_not_in_force_are_told(desk: AirflowDesk, listener: Any):
    desk.set(RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_port}/hook")
    publication = desk.publication()
    assert publication is not None
    first, *others = publication.decisions
    rows = [f"{d.trader_id},{d.limit_cents / 100:.2f}\n" for d in others]
    with desk.opened() as opened:
        file = dropped(opened.settings.inbox, PINNED_SESSION)
    file.parent.mkdir(exist_ok=True)
    file.write_text("trader_id,limit_usd\n" + "".join(rows))
    assert desk.run("read_back_deadline", SIX_O_CLOCK).state == "success"
    [(_, said)] = listener.heard
    assert f"14 of 15 applied; missing: {first.trader_id}" in said["text"]
