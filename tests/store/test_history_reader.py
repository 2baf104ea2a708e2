"""The desk as it was known: base limits are those that were in force."""

from __future__ import annotations

from riskops.records import BaseLimit
from tests.builders import CALENDAR, SESSION
from tests.small_desks import BASE_CENTS, NIGHT, csv_desk, lived, quiet

RAISED_CENTS = 2 * BASE_CENTS


def test_a_raise_that_waits_for_a_cut_to_end_is_not_the_base_of_a_lived_day(folder):
    before = CALENDAR.previous(NIGHT)
    with csv_desk(folder, {"3942": quiet()}) as desk:
        desk.store.roster.enrol([], [], [BaseLimit("3942", before, RAISED_CENTS)], [])
        lived(desk, NIGHT, {"3942": 30})
        (trader,) = desk.store.history.desk(SESSION, CALENDAR.history_known_at(NIGHT)).traders
    base = dict(zip(trader.day.tolist(), trader.base_cents.tolist(), strict=True))
    assert base[CALENDAR.position(NIGHT)] == BASE_CENTS
    assert base[CALENDAR.position(before)] == RAISED_CENTS
