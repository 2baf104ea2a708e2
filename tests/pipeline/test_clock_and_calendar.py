"""A wrong clock, a host elsewhere, the odd days of the year: the same limits, or clearly held ones."""

from __future__ import annotations

import time as machine
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from riskops.errors import ModelError, SessionError
from riskops.pipeline.choose import choose
from riskops.pipeline.load import load_file
from riskops.pipeline.publish import hold_limits, publish_model, publish_rules
from riskops.pipeline.send import send
from riskops.records import Rung, Verb
from riskops.sessions import DESK_ZONE, TradingCalendar, desk_time, session_for_run
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk, night_file, quiet, row, trade, write_csv

pytestmark = pytest.mark.campaign

TRADERS = ("3942", "3943", "3951")
PUBLISHING = {
    "publish_rules": publish_rules,
    "publish_model": publish_model,
    "hold_limits": hold_limits,
}
VERBS = {verb.__name__: verb for verb in each_verb()}


def evening(folder, session=SESSION):
    """Make a desk of three traders whose last night lies in the inbox, not fetched yet."""
    night = CALENDAR.previous(session)
    results = dict.fromkeys(TRADERS, quiet()[:40])
    before = CALENDAR.previous(night)
    csv_desk(folder, results, last=before, clock=on_the_morning(session)).store.close()
    night_file(folder, [row(trader, night, -150.0) for trader in TRADERS], night)
    return folder


def open_at(folder, clock, **changes):
    return opened(folder, clock, RISKOPS_SOURCE="csv", **changes)


def live(desk, session=SESSION, stop_before=None):
    """Perform a morning verb by verb, publishing as chosen."""
    run = run_for(session)
    for name, verb in VERBS.items():
        if name == stop_before:
            return None
        work = PUBLISHING[choose(desk, run)["route"]] if name == "publish_rules" else verb
        try:
            work(desk, run)
        except ModelError:
            continue
    return desk.store.mornings.publication(session, 0)


def decided(publication):
    return {d.trader_id: (d.reduction, d.limit_cents, d.reasons, d.rung) for d in publication.decisions}


@pytest.fixture(scope="module")
def undisturbed(keeper, tmp_path_factory):
    """Return what the morning decides when the clock is right."""
    with open_at(evening(keeper(tmp_path_factory.mktemp("undisturbed"))), on_the_morning(SESSION)) as desk:
        return decided(live(desk))


class TestClockSkew:
    @pytest.mark.fault(
        what="the clock of the host is up to an hour wrong, before 06:00 or near 07:20",
        gets="the same limits, mailed; the cut-off is the clock's, never later than 07:20",
        rung="2",
        label="rules, with the cut-off in the footer",
        told="risk managers (mail)",
    )
    @pytest.mark.parametrize("now", [time(5, 5), time(5, 59), time(7, 5), time(7, 19)])
    def test_an_hour_ahead_or_behind_gives_the_same_limits_and_says_its_cut_off(
        self, now, undisturbed, folder
    ):
        with open_at(evening(folder), on_the_morning(SESSION, now)) as desk:
            publication = live(desk)
            assert decided(publication) == undisturbed
            assert publication.cut_off == desk_time(SESSION, now)
            assert desk.store.mornings.is_frozen(SESSION, 0)
        assert now.strftime("%H:%M") in (folder / "out" / str(SESSION) / "limits.txt").read_text()

    @pytest.mark.fault(
        what="the clock of the host jumps back after the ingest",
        gets="the same limits; the recorded cut-off stays, nothing known later enters",
        rung="2",
        label="rules",
        told="risk managers (mail)",
    )
    def test_a_clock_that_jumps_back_between_verbs_moves_no_cut_off(self, undisturbed, folder):
        at = {"now": on_the_morning(SESSION, time(6, 40))()}
        with open_at(evening(folder), lambda: at["now"]) as desk:
            VERBS["ingest"](desk, run_for(SESSION))
            recorded = desk.store.mornings.cut_off(SESSION, 0)
            at["now"] -= timedelta(minutes=50)
            later = trade("3942", CALENDAR.previous(SESSION), -9_000, recorded + timedelta(seconds=1))
            desk.store.transactions.add([later], [], "test")
            publication = live(desk)
            assert publication.cut_off == recorded
            assert decided(publication) == undisturbed

    @pytest.mark.fault(
        what="the clock jumps back while the night is fetched, or the night comes after 07:20",
        gets="held limits: the night is known after the cut-off, so it does not count",
        rung="3, or 4 with nothing to hold",
        label="a critical data check failed",
        told="risk managers (mail), on-call (webhook)",
    )
    @pytest.mark.parametrize(
        ("fetched", "then", "cut_off"),
        [(time(6, 40), time(6, 5), time(6, 5)), (time(7, 40), time(7, 40), time(7, 20))],
        ids=["the clock jumps back", "the night comes late"],
    )
    def test_a_night_known_after_the_cut_off_does_not_enter_and_limits_are_held(
        self, fetched, then, cut_off, folder, listener
    ):
        url = f"http://127.0.0.1:{listener.server_port}/on-call"
        with open_at(evening(folder), on_the_morning(SESSION), RISKOPS_ON_CALL_WEBHOOK=url) as desk:
            publication = live(replace(desk, clock=jumping(desk, fetched, then)))
            assert publication.cut_off == desk_time(SESSION, cut_off)
            assert {(d.rung, d.reduction) for d in publication.decisions} == {(Rung.FLOOR, 50)}
            assert desk.store.mornings.is_frozen(SESSION, 0)
            assert (publication.rung, publication.why) == (Rung.FLOOR, "a critical data check failed")
        ((_, told),) = listener.heard
        assert "the mail left with rung 4 floor: a critical data check failed" in told["text"]

    def test_a_clock_a_day_behind_refuses_the_session_that_lies_ahead(self):
        yesterday = on_the_morning(CALENDAR.previous(SESSION))()
        with pytest.raises(SessionError, match="lies ahead of today"):
            session_for_run(CALENDAR, None, desk_time(SESSION, time(6)), yesterday)

    def test_a_clock_that_says_another_day_composes_and_does_not_mail(self, folder):
        with open_at(evening(folder), on_the_morning(SESSION)) as desk:
            live(desk, stop_before="send")
            tomorrow = replace(desk, clock=on_the_morning(CALENDAR.shift(SESSION, 1)))
            assert send(tomorrow, run_for(SESSION))["delivered"] == []
            assert send(desk, run_for(SESSION))["delivered"] == ["files"]


def jumping(desk, fetched, then):
    """Return a clock that stands at `fetched` until the night is stored, and at `then` from there on."""
    night = CALENDAR.previous(SESSION)

    def read():
        is_stored = desk.store.transactions.covered_sessions("A3942", night, night)
        return on_the_morning(SESSION, then if is_stored else fetched)()

    return read


class TestHostElsewhere:
    @pytest.mark.fault(
        what="the host stands in another time zone",
        gets="the same limits, cut-off and mail, byte for byte",
        rung="2",
        label="rules",
        told="risk managers (mail)",
    )
    def test_tokyo_decides_and_mails_what_new_york_does(self, keeper, folder, monkeypatch):
        left = {}
        for zone in ("America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"):
            monkeypatch.setenv("TZ", zone)
            machine.tzset()
            own = evening(keeper(folder / zone))
            with open_at(own, on_the_morning(SESSION)) as desk:
                live(desk)
                rows = content_of(desk)
            named = {table: [str(row).replace(str(own), "") for row in rows[table]] for table in rows}
            mail = {p.name: p.read_bytes() for p in own.glob("out/*/limits.*")}
            left[zone] = named | mail
        assert left["Asia/Tokyo"] == left["America/New_York"] == left["Pacific/Kiritimati"]
        assert b"Date: Mon, 16 Mar 2026 10:05:00 +0000" in left["Asia/Tokyo"]["limits.eml"]

    @pytest.fixture(autouse=True)
    def _zone_afterwards(self, monkeypatch):
        yield
        monkeypatch.undo()
        machine.tzset()


ODD_SESSIONS = {
    "the Monday after clocks went forward": (date(2026, 3, 9), 10),
    "the Friday before clocks go forward": (date(2026, 3, 6), 11),
    "the Monday after clocks went back": (date(2026, 11, 2), 11),
    "the Friday before clocks go back": (date(2026, 10, 30), 10),
    "the half day after Thanksgiving": (date(2025, 11, 28), 11),
    "the Monday after that half day": (date(2025, 12, 1), 11),
    "the half day before Christmas": (date(2025, 12, 24), 11),
    "the first session of the year": (date(2026, 1, 2), 11),
}


class TestOddDays:
    @pytest.mark.parametrize("name", ODD_SESSIONS)
    def test_the_morning_is_like_any_other(self, name, undisturbed, folder):
        session, utc_hour = ODD_SESSIONS[name]
        with open_at(evening(folder, session), on_the_morning(session)) as desk:
            publication = live(desk, session)
            assert decided(publication) == undisturbed
            assert publication.cut_off.astimezone(UTC).time() == time(utc_hour, 5)
            assert publication.cut_off.astimezone(DESK_ZONE).time() == time(6, 5)
            assert desk.store.mornings.is_frozen(session, 0)

    @pytest.mark.parametrize(
        ("closed", "session"),
        [
            ("2026-03-07T23:30:00-05:00", date(2026, 3, 9)),
            ("2026-03-08T01:59:59-05:00", date(2026, 3, 9)),
            ("2026-03-08T03:00:00-04:00", date(2026, 3, 9)),
            ("2026-03-09T00:30:00-04:00", date(2026, 3, 9)),
            ("2026-03-06T23:59:59-05:00", date(2026, 3, 6)),
            ("2026-10-31T23:59:00-04:00", date(2026, 11, 2)),
            ("2026-11-01T01:30:00-04:00", date(2026, 11, 2)),
            ("2026-11-01T01:30:00-05:00", date(2026, 11, 2)),
            ("2025-11-28T12:59:00-05:00", date(2025, 11, 28)),
            ("2025-11-28T16:30:00-05:00", date(2025, 11, 28)),
            ("2025-11-29T00:30:00-05:00", date(2025, 12, 1)),
            ("2025-12-31T23:59:59-05:00", date(2025, 12, 31)),
            ("2026-01-01T00:00:00-05:00", date(2026, 1, 2)),
        ],
    )
    def test_a_close_belongs_to_its_day_in_new_york_or_rolls_into_the_next_session(self, closed, session):
        assert CALENDAR.label(datetime.fromisoformat(closed)) == session


def ending(last):
    """Return the exchange's calendar as if its list of sessions ended with `last`."""
    return TradingCalendar(CALENDAR.name, CALENDAR.zone, CALENDAR.dates[: CALENDAR.position(last) + 1])


class TestSessionListRunsOut:
    @pytest.mark.fault(
        what="the list of sessions of the exchange runs out",
        gets="limits through the last session of the list, then a clear error before anything is decided",
        rung="2",
        label="SessionError, exit code 14: update exchange-calendars",
        told="on-call, through the task that is given up",
    )
    def test_the_last_session_of_the_list_still_gets_its_limits(self, undisturbed, folder):
        with open_at(evening(folder), on_the_morning(SESSION)) as desk:
            short = replace(desk, calendar=ending(SESSION))
            assert decided(live(short)) == undisturbed
            assert desk.store.mornings.stages(SESSION, 0)[Verb.SEND].is_done

    def test_the_session_after_it_is_refused_with_the_remedy(self):
        following = CALENDAR.shift(SESSION, 1)
        with pytest.raises(SessionError, match=r"ends at 2026-03-16.*update exchange-calendars"):
            session_for_run(
                ending(SESSION), None, desk_time(following, time(6)), desk_time(following, time(6))
            )

    def test_history_of_the_last_session_is_refused_with_the_remedy_and_nothing_is_kept(self, folder):
        evening(folder)
        file = write_csv(folder / "last.csv", [row("3942", SESSION, 10.0)])
        with open_at(folder, on_the_morning(CALENDAR.shift(SESSION, 1))) as desk:
            before = content_of(desk)
            with pytest.raises(SessionError, match="update exchange-calendars"):
                load_file(replace(desk, calendar=ending(SESSION)), file, "closed_trades")
            assert content_of(desk) == before

    @pytest.mark.parametrize("position", [-1, len(CALENDAR.dates)])
    def test_a_position_outside_the_list_is_no_session(self, position):
        with pytest.raises(SessionError, match="begins at 2005-01-03 and ends at"):
            CALENDAR.session_at(position)

    def test_no_session_comes_before_the_first(self):
        first = CALENDAR.session_at(0)
        with pytest.raises(SessionError, match="begins at"):
            CALENDAR.previous(first)
