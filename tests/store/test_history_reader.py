"""The desk as it was known: base limits are those that were in force."""

from __future__ import annotations

import dataclasses

import numpy as np

from riskops.records import BaseLimit
from riskops.sources.demo import FIRST_SESSION, STRONG_TILT, DemoDesk
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
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


def same(one, other) -> bool:
    """Compare two records of arrays, field by field."""
    names = [field.name for field in dataclasses.fields(one)]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_the_demo_desk_s_history_in_memory_is_the_one_read_from_the_risk_database(folder):
    demo, days = DemoDesk(CALENDAR, tilt=STRONG_TILT), 25
    morning = CALENDAR.shift(FIRST_SESSION, days)
    sessions = CALENDAR.between(FIRST_SESSION, CALENDAR.previous(morning))
    with opened(folder) as desk:
        desk.store.roster.enrol(demo.traders(), demo.accounts(), demo.base_limits(), demo.roster())
        nights = demo.fetch(demo.accounts(), sessions, CALENDAR.history_known_at)
        desk.store.transactions.add((t for night in nights for t in night.trades), [], "demo")
        cut_off = CALENDAR.history_known_at(sessions[-1])
        stored = desk.store.history.desk(morning, cut_off)
        stored_paths = desk.store.history.paths(stored, cut_off)
    history, paths = demo.history(days)
    assert same(paths, stored_paths)
    assert all(same(own, read) for own, read in zip(history.traders, stored.traders, strict=True))
    for name in ("position", "session", "names", "base_limits", "lived", "absent"):
        assert getattr(history, name) == getattr(stored, name)
