"""Changing the roster: what acts from when on, what never changes what was decided, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from riskops.desk import open_desk
from riskops.errors import InputError, SealedError
from riskops.pipeline import change_roster as change
from riskops.pipeline.change_roster import Order
from riskops.pipeline.compose import compose
from riskops.pipeline.enrol import enrol
from riskops.pipeline.ingest import ingest
from riskops.pipeline.publish import hold_limits
from riskops.pipeline.stage import cut_off
from riskops.records import Verb
from riskops.sessions import desk_time
from riskops.store.roster import NEWEST
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION
from tests.desks import content_of, environment, forgotten, on_the_morning, run_for
from tests.small_desks import BASE_CENTS, NIGHT, account_of, csv_desk, lived, quiet

NEXT = CALENDAR.shift(SESSION, 1)
PAST = CALENDAR.shift(SESSION, -5)
SATURDAY = date(2026, 3, 21)
BY, WHY = "R. Manager", "asked for"


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    """Return the folder of a desk of two traders; never written to, only copied."""
    folder = keeper(tmp_path_factory.mktemp("roster"))
    csv_desk(folder, dict.fromkeys(("3942", "3951"), quiet()[:12])).store.close()
    yield folder
    forgotten(folder)


@pytest.fixture
def desk(template, own_copy):
    """Return a desk of this test's own, five minutes past six on the morning of `SESSION`."""
    with open_desk(environment(own_copy(template), RISKOPS_SOURCE="csv"), on_the_morning(SESSION)) as made:
        yield made


@pytest.fixture
def unchanged(template):
    """Return the desk that is copied, to be refused something; nothing of it may change."""
    with open_desk(environment(template, RISKOPS_SOURCE="csv"), on_the_morning(SESSION)) as made:
        before = made.store.roster.history()
        yield made
        assert made.store.roster.history() == before


def at(desk, hour, minute=0, session=SESSION):
    return replace(desk, clock=on_the_morning(session, time(hour, minute)))


def order(since=NEXT, **changes):
    return Order(since, BY, WHY, **changes)


def cut_off_passed(desk):
    desk.store.mornings.record_cut_off(SESSION, 0, desk.clock())
    return at(desk, 6, 40)


def active(desk, session, known_by=NEWEST):
    return [trader.trader_id for trader in desk.store.roster.active(session, known_by)]


CHANGES = {
    "join": lambda d, o: change.join(d, "3999", "Ida Holm", "A3999", BASE_CENTS, o),
    "suspend": lambda d, o: change.suspend(d, "3942", o),
    "change_base_limit": lambda d, o: change.change_base_limit(d, "3942", 300_000, o),
    "rename": lambda d, o: change.rename(d, "3942", "Daniel Holm", o),
    "add_account": lambda d, o: change.add_account(d, "3942", "B3942", o),
    "end_account": lambda d, o: change.end_account(d, "A3942", o),
    "hand_over_account": lambda d, o: change.hand_over_account(d, "A3951", "3942", o),
    "leave": lambda d, o: change.leave(d, "3942", o),
}
DATED = [name for name in CHANGES if name != "rename"]  # a name has no date of its own
EACH = pytest.mark.parametrize("name", CHANGES)


def known(desk):
    """Return everything the session reads of the roster, as it was known at its cut-off."""
    moment = cut_off(desk, run_for(SESSION))
    history = desk.store.history.desk(SESSION, moment)
    return (
        desk.store.roster.view(moment),
        history.names,
        history.base_limits,
        history.absent,
        [(t.trader_id, t.day.tolist(), t.net_cents.tolist(), t.base_cents.tolist()) for t in history.traders],
        desk.store.history.base_limits_on(SESSION, moment),
        desk.store.outcomes.results(PAST, SESSION, moment),
    )


class TestEveryChange:
    @EACH
    def test_said_again_it_changes_nothing(self, name, desk):
        first = CHANGES[name](desk, order())
        before = content_of(desk)
        again = CHANGES[name](at(desk, 9), order())
        assert content_of(desk) == before
        assert again == {"result": "nothing new: the roster says so already"}
        assert first["acts from"] == NEXT.isoformat()

    @pytest.mark.parametrize("since", [PAST, SESSION, NEXT])
    def test_entered_after_the_cut_off_none_changes_anything_of_the_session(self, since, desk):
        late = cut_off_passed(desk)
        before = known(late)
        for enter in CHANGES.values():
            receipt = enter(late, order(since, correction=True))
            assert receipt["acts from"] == NEXT.isoformat()
            assert ("note" in receipt) == (since < NEXT)
            assert known(late) == before

    @pytest.mark.parametrize(("by", "why"), [("", WHY), (" \n", WHY), (BY, ""), (BY, "x" * 1_001)])
    def test_without_who_or_why_none_is_entered(self, by, why, unchanged):
        for enter in CHANGES.values():
            with pytest.raises(InputError, match=r"Say wh|does not say why"):
                enter(unchanged, Order(NEXT, by, why))

    def test_a_date_in_the_past_has_to_be_called_a_correction(self, unchanged):
        told = f"{NIGHT} lies in the past. .*{SESSION} or later, .*--correction"
        for enter in CHANGES.values():
            with pytest.raises(InputError, match=told):
                enter(unchanged, order(NIGHT))

    def test_who_and_why_are_kept(self, desk):
        for enter in CHANGES.values():
            enter(desk, Order(NEXT, "  R.   Manager ", "as\nasked"))
            told = desk.store.roster.history()[-1].entered
            assert (told.by, told.why, told.recorded_at) == ("R. Manager", "as asked", desk.clock())

    def test_when_the_mail_is_out_only_a_suspension_is_taken_and_says_what_happens(self, desk):
        lived(desk, SESSION, {"3942": 0})
        late = at(desk, 8)
        for name, enter in CHANGES.items():
            if name != "suspend":
                with pytest.raises(SealedError, match=f"The mail for {SESSION} is out. .*{NEXT} or later"):
                    enter(late, order(SESSION))
        receipt = change.suspend(late, "3942", order(SESSION))
        assert receipt["acts from"] == NEXT.isoformat()
        assert "limits stand. Stop the trading itself" in receipt["note"]

    @pytest.mark.parametrize("name", DATED)
    def test_what_was_withdrawn_never_comes_and_stays_on_record(self, name, desk):
        before = desk.store.roster.view(NEWEST)
        CHANGES[name](desk, order())
        trader = "3999" if name == "join" else "3942"
        later = at(desk, 9)
        receipt = change.withdraw(later, trader, order())
        view = desk.store.roster.view(NEWEST)
        assert (view.accounts, view.base_limits, view.entries) == (
            before.accounts,
            before.base_limits,
            before.entries,
        )
        assert "3999" in receipt["result"] or "3942" in receipt["result"]
        assert change.withdraw(later, trader, order())["result"].startswith("nothing new")
        planned = desk.store.roster.view(desk.clock())
        assert planned != replace(view, traders=planned.traders)


class TestWhenItActs:
    def test_before_the_cut_off_a_change_for_today_acts_today(self, desk):
        receipt = change.suspend(desk, "3942", order(SESSION))
        assert receipt["acts from"] == SESSION.isoformat()
        assert active(desk, SESSION, cut_off(desk, run_for(SESSION))) == ["3951"]

    def test_while_today_is_undecided_it_acts_today_however_late(self, desk):
        change.suspend(at(desk, 7, 40), "3942", order(SESSION))
        assert active(desk, SESSION, desk_time(SESSION, time(7, 20))) == ["3951"]

    def test_a_correction_after_the_latest_cut_off_acts_on_the_next_session_although_nothing_ran(self, desk):
        lived(desk, NIGHT, {"3942": 0})
        receipt = change.suspend(at(desk, 7, 21), "3942", order(NIGHT, correction=True))
        assert receipt["acts from"] == NEXT.isoformat()

    def test_a_weekend_is_the_session_after_it(self, desk):
        receipt = change.suspend(desk, "3942", order(SATURDAY))
        assert receipt["acts from"] == "2026-03-23"

    def test_a_future_change_is_known_now(self, desk):
        change.change_base_limit(desk, "3942", 300_000, order())
        assert desk.store.roster.history()[-1].entered.known_at == desk.clock()

    def test_where_nothing_was_lived_since_it_is_known_early_on_its_date(self, desk):
        change.change_base_limit(desk, "3942", 300_000, order(PAST, correction=True))
        assert desk.store.roster.history()[-1].entered.known_at == desk_time(PAST, time(5))

    def test_before_the_first_lived_session_it_is_known_now_all_the_same(self, desk):
        """What was decided goes by everything since: an earlier owner would change its history."""
        late = cut_off_passed(desk)
        change.change_base_limit(late, "3942", 300_000, order(PAST, correction=True))
        assert desk.store.roster.history()[-1].entered.known_at == late.clock()

    def test_two_changes_of_one_moment_count_in_their_order(self, desk):
        change.suspend(desk, "3942", order())
        change.reinstate(desk, "3942", order())
        assert active(desk, NEXT) == ["3942", "3951"]
        change.leave(desk, "3942", order())
        assert active(desk, NEXT) == ["3951"]
        moments = [c.entered.known_at for c in desk.store.roster.history()]
        assert moments == sorted(moments)


class TestTheMorning:
    def test_who_is_suspended_before_the_cut_off_has_no_limit_and_who_is_later_keeps_it(self, desk):
        change.suspend(desk, "3942", order(SESSION))
        ingest(desk, run_for(SESSION))
        change.suspend(at(desk, 6, 40), "3951", order(SESSION))
        desk.store.mornings.finish(SESSION, 0, Verb.CHOOSE, {"verdict": "model_failed", "why": "test"})
        hold_limits(at(desk, 6, 50), run_for(SESSION))
        publication = desk.store.mornings.publication(SESSION, 0)
        assert [decision.trader_id for decision in publication.decisions] == ["3951"]
        compose(desk, run_for(SESSION))
        text = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL).text
        told = [line for line in text.splitlines() if "Roster:" in line]
        assert told == ["Roster: Trader 3942 suspended from Mon 16 Mar (R. Manager: asked for)"]

    def test_who_is_enrolled_after_the_cut_off_is_not_missed_by_another_ingest(self, desk):
        first = ingest(desk, run_for(SESSION))
        receipt = enrol(at(desk, 6, 40), "3999", "", account_of("3999"), BASE_CENTS, PAST)
        assert receipt["acts from"] == NEXT.isoformat()
        again = ingest(at(desk, 6, 45), run_for(SESSION))
        assert (first["accounts"], first["failures"]) == (again["accounts"], again["failures"]) == (2, {})


class TestEnrolling:
    def test_a_trader_enrolled_again_without_a_name_keeps_his(self, desk):
        enrol(desk, "3942", "Daniel Mercer", account_of("3942"), BASE_CENTS, SESSION)
        enrol(desk, "3942", "", "B3942", BASE_CENTS, SESSION)
        names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(NEWEST)}
        assert names["3942"] == "Daniel Mercer"

    def test_a_name_is_known_since_it_was_given(self, desk):
        enrol(desk, "3942", "Daniel Mercer", account_of("3942"), BASE_CENTS, SESSION)
        before = desk_time(SESSION, time(4))
        assert [t.name for t in desk.store.roster.traders(before)] == ["3942", "3951"]
        assert [t.name for t in desk.store.roster.traders(desk.clock())] == ["Daniel Mercer", "3951"]
