"""What the trading platform has applied: taken whole, compared with what left, told where it is dangerous."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from riskops.errors import InputError, MissingResultError
from riskops.pipeline.ingest import ingest
from riskops.pipeline.read_back import applied_lines, check_applied, in_force, read_back, take_dropped
from riskops.pipeline.send import send
from riskops.pipeline.watch import watch
from riskops.records import LimitOrigin, RunType
from riskops.sources.read_back_file import dropped
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, on_the_morning, run_for
from tests.pipeline.mailed import CUT, DEEP, at, decide, decided

RUN, NEXT = run_for(SESSION), CALENDAR.shift(SESSION, 1)
SENT = {"3942": "2500", "3951": "3500", "3937": "5000"}


@pytest.fixture
def unsent(folder, listener):
    (folder / "inbox").mkdir()
    webhook = f"http://127.0.0.1:{listener.server_address[1]}/on-call"
    with decided(folder, RISKOPS_ON_CALL_WEBHOOK=webhook, RISKOPS_SOURCE="csv") as desk:
        yield desk


@pytest.fixture
def desk(unsent):
    send(unsent, RUN)
    return unsent


def written(path, **changes):
    """Write what the platform has: what was sent, with other limits; ``None`` leaves a trader out."""
    limits = SENT | {trader.removeprefix("t"): limit for trader, limit in changes.items()}
    rows = [f"{trader},{limit}\n" for trader, limit in limits.items() if limit is not None]
    path.write_text("trader_id,limit_usd\n" + "".join(rows))
    return path


@pytest.fixture
def file(tmp_path):
    """Return what writes a file of the platform."""
    return lambda **changes: written(tmp_path / "platform.csv", **changes)


def drop(desk, session=SESSION, **changes):
    return written(dropped(desk.settings.inbox, session), **changes)


def said(listener):
    return " ".join(body["text"] for _, body in listener.heard)


class TestTaken:
    def test_the_desk_sees_how_many_have_their_limit(self, desk, file):
        receipt = read_back(desk, RUN, file())
        assert receipt == {"file": "platform.csv", "new": True, "limits": "3 of 3 applied"}
        assert in_force(desk, SESSION).in_words == "3 of 3 applied"

    def test_and_who_is_missing_or_has_another(self, desk, file):
        receipt = read_back(desk, RUN, file(t3942=None, t3951="5000"))
        told = (
            "1 of 3 applied; missing: 3942; different: 3951 has $5,000 instead of $3,500 (LOOSER by $1,500)"
        )
        assert receipt["limits"] == told

    def test_the_same_file_again_changes_nothing(self, desk, file):
        read_back(desk, RUN, file())
        before = content_of(desk)
        assert not read_back(at(desk, time(9)), RUN, file())["new"]
        assert content_of(desk) == before

    def test_a_new_file_counts_from_now_on(self, desk, file):
        read_back(desk, RUN, file(t3951="5000"))
        later = at(desk, time(7, 45))
        read_back(later, RUN, file())
        assert in_force(desk, SESSION).in_words == "3 of 3 applied"
        assert in_force(desk, SESSION, desk.clock()).in_words.startswith("2 of 3 applied")

    def test_what_was_read_back_is_what_was_in_force(self, desk, file):
        read_back(at(desk, time(7, 45)), RUN, file(t3951="5000", t3937="0"))
        found = desk.store.outcomes.limits(NEXT, on_the_morning(NEXT)())
        assert {trader: limit for (_, trader), limit in found.items()} == {
            "3942": (250_000, LimitOrigin.READ_BACK),
            "3951": (500_000, LimitOrigin.READ_BACK),
            "3937": (500_000, LimitOrigin.PUBLISHED),
        }

    def test_after_a_correction_the_limits_that_left_last_are_compared(self, desk, file):
        read_back(desk, RUN, file())
        decide(desk, replace(CUT, revision=1, decisions=(replace(DEEP, reduction=60, limit_cents=200_000),)))
        send(desk, run_for(SESSION, revision=1))
        assert "3942 has $2,500 instead of $2,000 (LOOSER by $500)" in in_force(desk, SESSION).in_words

    def test_before_the_mail_is_out_there_is_nothing_to_read_back(self, unsent, file):
        with pytest.raises(MissingResultError, match=f"No limits have left for {SESSION}"):
            read_back(unsent, RUN, file())

    def test_a_file_with_one_wrong_line_is_refused_as_a_whole(self, desk, file):
        before = content_of(desk)
        with pytest.raises(InputError, match=r"platform\.csv:5: trader '4711' is not on the roster"):
            read_back(desk, RUN, file(t4711="1"))
        assert content_of(desk) == before


class TestDropped:
    def test_a_dropped_file_is_taken_by_the_watchdog_once(self, desk):
        drop(desk)
        for now in (time(7, 35), time(7, 40)):
            assert watch(at(desk, now), RUN, lambda _verb: None, lambda _step: None)
        assert in_force(desk, SESSION).in_words == "3 of 3 applied"
        assert desk.store.read_backs.newest(SESSION).known_at == at(desk, time(7, 35)).clock()

    def test_before_the_mail_is_out_it_lies_there(self, unsent):
        drop(unsent)
        assert take_dropped(unsent, RUN) == ""
        assert unsent.store.read_backs.newest(SESSION) is None

    def test_what_was_dropped_late_is_known_to_the_next_morning(self, desk):
        drop(desk, t3951="5000")
        following = at(desk, time(6, 5), NEXT)
        ingest_without_a_night(following)
        assert "1 of 3" not in in_force(desk, SESSION).in_words
        told = "Limits in force on Mon 16 Mar: 2 of 3 applied; different: 3951 has $5,000"
        (line,) = applied_lines(following, run_for(NEXT)).values()
        assert line.startswith(told)

    def test_it_is_no_file_of_transactions(self, desk):
        drop(desk)
        files = desk.source().fetch((), [SESSION], lambda _session: desk.clock())
        assert [found.failures for found in files] == [{}]

    def test_a_late_file_that_is_refused_is_told_and_the_ingest_goes_on(self, desk, listener):
        drop(desk, t3951="-1")
        ingest_without_a_night(at(desk, time(6, 5), NEXT))
        assert "the limit '-1' is negative" in said(listener)
        assert desk.store.mornings.cut_off(NEXT, 0) is not None

    def test_a_backfill_takes_nothing(self, desk):
        drop(desk)
        ingest_without_a_night(at(desk, time(6, 5), NEXT), run_type=RunType.BACKFILL)
        assert desk.store.read_backs.newest(SESSION) is None


def ingest_without_a_night(desk, **run):
    """Ingest on a morning whose night nobody traded in."""
    header = (
        "account,trade_id,symbol,side,quantity,opened_at,closed_at,entry_price,exit_price,gross,fees,net,"
    )
    for session in CALENDAR.between(CALENDAR.shift(SESSION, -60), SESSION):
        path = desk.settings.inbox / f"trades_{session}.csv"
        path.write_text(f"{header}currency\n")
    covered = [
        (account.account_id, session, CALENDAR.history_known_at(session))
        for account in desk.store.roster.accounts(desk.clock())
        for session in CALENDAR.between(account.effective_from, SESSION)
    ]
    desk.store.transactions.add([], covered, "csv")
    ingest(desk, run_for(NEXT, **run))


class TestChecked:
    def at_eight(self, desk):
        return check_applied(at(desk, time(8)), RUN)

    @pytest.mark.fault(
        what="the trading platform has a looser limit, or lacks a trader, at 08:00",
        gets="its limits as they are; the day is judged by what was read back",
        rung="as decided",
        label="LOOSER, missing",
        told="on-call (webhook), and the next mail",
    )
    @pytest.mark.parametrize(
        ("change", "told"),
        [({"t3951": "5000"}, "(LOOSER by $1,500)"), ({"t3942": None}, "missing: 3942")],
    )
    def test_a_looser_limit_or_a_missing_trader_is_told_at_eight(self, change, told, desk, listener):
        drop(desk, **change)
        assert check_applied(at(desk, time(7, 59, 59)), RUN)["well"]
        assert listener.heard == []
        assert not self.at_eight(desk)["well"]
        assert f"LIMITS ARE NOT APPLIED, {in_force(desk, SESSION).in_words}" in said(listener)
        assert told in said(listener)
        assert "docs/runbook.md#limits-are-not-applied" in said(listener)

    @pytest.mark.parametrize("change", [{}, {"t3951": "100"}, {"t3951": "0"}])
    def test_what_is_applied_tighter_or_blocked_is_not(self, change, desk, listener):
        drop(desk, **change)
        assert self.at_eight(desk)["well"]
        assert listener.heard == []

    def test_a_refused_file_is_told_with_its_line(self, desk, listener):
        drop(desk, t3951="many")
        assert not self.at_eight(desk)["well"]
        assert f"applied_{SESSION}.csv:3: the limit 'many' is no amount" in said(listener)

    def test_a_desk_whose_platform_never_reads_back_hears_nothing(self, desk, listener):
        assert self.at_eight(desk) == {
            "well": True,
            "limits": "nothing was read back from the trading platform",
        }
        assert applied_lines(at(desk, time(6, 5), NEXT), run_for(NEXT)) == {}

    def test_one_whose_platform_usually_does_hears_that_nothing_was(self, desk, listener, file):
        read_back(desk, RUN, file())
        following = at(desk, time(7, 25), NEXT)
        decide(following, replace(CUT, session=NEXT))
        send(following, run_for(NEXT))
        listener.heard.clear()
        assert not check_applied(at(desk, time(8), NEXT), run_for(NEXT))["well"]
        assert f"{NEXT}: nothing was read back" in said(listener)
        third = CALENDAR.shift(NEXT, 1)
        (line,) = applied_lines(at(desk, time(6, 5), third), run_for(third)).values()
        assert line == "Limits in force on Tue 17 Mar: nothing was read back from the trading platform"

    def test_before_the_mail_is_out_nothing_is_missing(self, unsent, listener):
        assert self.at_eight(unsent)["well"]

    @pytest.mark.parametrize("run", [run_for(SESSION, RunType.BACKFILL), run_for(NEXT)])
    def test_a_backfill_and_another_day_look_at_nothing(self, run, desk, listener):
        drop(desk, t3942=None)
        assert check_applied(at(desk, time(8)), run) == {"well": True}
        assert listener.heard == []

    def test_the_watchdog_wants_somebody_to_look(self, desk, listener):
        drop(desk, t3942=None)
        assert not watch(at(desk, time(8)), RUN, lambda _verb: None, lambda _step: None)
        assert "missing: 3942" in said(listener)
