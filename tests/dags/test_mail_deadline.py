"""The alarm at half past seven, through Airflow."""

from __future__ import annotations

from typing import Any

import pytest

from riskops.sources.demo import PINNED_SESSION
from tests.airflow_desk import SIX_O_CLOCK, AirflowDesk

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture
def heard(first_morning: AirflowDesk, listener: Any) -> list:
    """Return what on-call hears from the desk of the test."""
    first_morning.set(RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_port}/hook")
    return listener.heard


@pytest.mark.fault(
    what="the mail is not out at 07:30 while Airflow's scheduler lives",
    gets="what the clock's ladder gives it, by the watchdog; on-call hears it from Airflow as well",
    rung="-",
    label="the mail is late",
    told="on-call (webhook)",
)
def test_a_mail_that_is_late_is_told(first_morning: AirflowDesk, heard: list):
    assert first_morning.run("mail_deadline", SIX_O_CLOCK).state == "success"
    [(_, said)] = heard
    assert f"the mail for {PINNED_SESSION} is not out" in said["text"]


def test_a_mail_that_is_out_is_not_late(finished_morning: AirflowDesk, listener: Any):
    finished_morning.set(RISKOPS_ON_CALL_WEBHOOK=f"http://127.0.0.1:{listener.server_port}/hook")
    assert finished_morning.run("mail_deadline", SIX_O_CLOCK).state == "success"
    assert listener.heard == []
