"""Our result of an account-day against the broker's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops.errors import InputError
from riskops.positions import match
from riskops.reconciliation import Difference, reconcile
from riskops.records import BrokerDay
from tests.fills import ACCOUNT, fill

FILLS = [
    fill("B", 100, "10.00", "0.50", fill_id="1"),
    fill("S", 100, "10.25", "1.00", fill_id="2", minute=1),
    fill("T", 50, "20.00", "0.75", fill_id="3", minute=2),  # stays open; its fee is charged today
]
SESSION = FILLS[0].session
TRADES = match((), FILLS, account_id=ACCOUNT, session=SESSION).trades


def compared(gross_cents: int, fees_cents: int) -> Difference:
    net = gross_cents - fees_cents
    day = BrokerDay(ACCOUNT, SESSION, gross_cents, fees_cents, net, -9_900, 12_300, FILLS[0].known_at)
    return reconcile(TRADES, FILLS, day)


def test_fees_count_on_the_day_they_are_charged_and_adjustments_not_at_all():
    same = compared(2_500, 225)
    assert (same.net_cents, same.gross_cents, same.fees_cents) == (0, 0, 0)
    assert str(same) == "Account 'A1', 2026-03-16: we find net $22.75, the broker $22.75: they agree."


def test_a_difference_is_ours_less_the_brokers_and_told_in_its_parts():
    found = compared(2_700, 200)
    assert (found.net_cents, found.gross_cents, found.fees_cents) == (-225, -200, 25)
    assert not found.agrees
    assert str(found) == (
        "Account 'A1', 2026-03-16: we find net $22.75, the broker $25: a difference of -$2.25 "
        "(gross -$2, fees $0.25)."
    )


@pytest.mark.parametrize(("off", "agrees"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_cent_is_a_rounding_of_the_brokers_and_two_are_not(off, agrees):
    assert compared(2_500 + off, 225).agrees is agrees


@pytest.mark.parametrize("changes", [{"account_id": "B2"}, {"session": FILLS[0].session.replace(day=17)}])
def test_another_account_or_session_is_refused(changes):
    day = BrokerDay(ACCOUNT, SESSION, 0, 0, 0, 0, None, FILLS[0].known_at)
    for trades, fills in (([replace(TRADES[0], **changes)], []), ([], [replace(FILLS[0], **changes)])):
        with pytest.raises(InputError, match="Compare each account-day with its own"):
            reconcile(trades, fills, day)
