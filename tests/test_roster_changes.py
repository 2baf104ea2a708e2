"""What a change of the roster writes, what is said already, and what is refused with its remedy."""

from __future__ import annotations

from datetime import date

import pytest

from riskops import roster_changes as changes
from riskops.errors import InputError
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Trader
from riskops.roster import RosterView, in_order, refuse_overlaps

JANUARY, MARCH, APRIL, MAY, JUNE = (date(2026, month, 2) for month in (1, 3, 4, 5, 6))
ACTIVE, SUSPENDED, LEFT = RosterState
DANIEL, OWEN = Trader("3942", "Daniel Mercer"), Trader("3951", "Owen Gallagher")


def view(*states, accounts=(), limits=(), traders=(DANIEL, OWEN)):
    """Return a roster on which 3942 came in January, with one account, and 3951 in March without one."""
    entries = [RosterEntry("3942", JANUARY, ACTIVE), *states, RosterEntry("3951", MARCH, ACTIVE)]
    periods = accounts or (Account("A3942", "3942", JANUARY),)
    limited = limits or (BaseLimit("3942", JANUARY, 500_000),)
    return RosterView(traders, tuple(in_order(periods)), limited, tuple(entries))


def state(state, since, trader_id="3942"):
    return RosterEntry(trader_id, since, state)


class TestStates:
    @pytest.mark.parametrize(
        ("change", "roster", "written"),
        [
            (changes.suspending, view(), SUSPENDED),
            (changes.leaving, view(), LEFT),
            (changes.leaving, view(state(SUSPENDED, MARCH)), LEFT),
            (changes.reinstating, view(state(SUSPENDED, MARCH)), ACTIVE),
            (changes.suspending, view(state(SUSPENDED, JUNE)), SUSPENDED),
        ],
    )
    def test_a_change_is_one_entry(self, change, roster, written):
        assert change(roster, "3942", MAY) == (state(written, MAY),)

    @pytest.mark.parametrize(
        ("change", "said"),
        [(changes.suspending, SUSPENDED), (changes.leaving, LEFT), (changes.reinstating, ACTIVE)],
    )
    def test_what_the_roster_says_already_is_nothing_new(self, change, said):
        assert change(view(state(said, MAY)), "3942", MAY) == ()

    @pytest.mark.parametrize(
        ("change", "roster", "told"),
        [
            (changes.suspending, view(state(SUSPENDED, MARCH)), "suspended since 2026-03-02 already"),
            (changes.suspending, view(state(LEFT, MARCH)), "left on 2026-03-02. Who comes back joins again"),
            (changes.leaving, view(state(LEFT, MARCH)), "left on 2026-03-02"),
            (changes.leaving, view(state(SUSPENDED, JUNE)), "from 2026-06-02 on. Withdraw that change first"),
            (changes.reinstating, view(), "active since 2026-01-02 already"),
            (changes.reinstating, view(state(LEFT, MARCH)), "joins again"),
        ],
    )
    def test_nonsense_is_refused_with_the_offender_and_the_remedy(self, change, roster, told):
        with pytest.raises(InputError, match=f"3942 .*{told}"):
            change(roster, "3942", MAY)

    @pytest.mark.parametrize("change", [changes.suspending, changes.leaving, changes.reinstating])
    def test_nobody_changes_who_is_not_on_the_roster(self, change):
        with pytest.raises(InputError, match=r"called '3999'. `riskops roster` lists who is"):
            change(view(), "3999", MAY)
        with pytest.raises(InputError, match="on the roster from 2026-03-02 on"):
            change(view(), "3951", JANUARY)


class TestJoining:
    def test_who_joins_has_a_name_an_account_a_base_limit_and_is_active(self):
        newcomer, account = Trader("3999", "Ida Holm"), Account("A3999", "3999", MAY)
        written = changes.joining(view(), newcomer, "A3999", 250_000, MAY)
        assert written == (newcomer, account, BaseLimit("3999", MAY, 250_000), state(ACTIVE, MAY, "3999"))

    def test_who_has_left_may_come_back_with_another_account(self):
        back = changes.joining(view(state(LEFT, MARCH)), DANIEL, "B3942", 500_000, MAY)
        assert state(ACTIVE, MAY) in back

    def test_the_same_again_is_nothing_new(self):
        assert changes.joining(view(), DANIEL, "A3942", 500_000, JANUARY) == ()

    @pytest.mark.parametrize(
        ("roster", "account", "cents", "told"),
        [
            (view(), "B1", 500_000, "is active since 2026-01-02 already"),
            (view(state(SUSPENDED, MARCH)), "B1", 500_000, "is suspended since"),
            (view(state(LEFT, MARCH)), "B1", 0, "must be above"),
            (view(state(LEFT, JUNE)), "B1", 500_000, "Withdraw that change first"),
            (view(state(LEFT, MARCH)), "A3942", 500_000, "A3942 is 3942's from 2026-01-02 on. Hand it over"),
        ],
    )
    def test_it_is_refused(self, roster, account, cents, told):
        with pytest.raises(InputError, match=told):
            changes.joining(roster, DANIEL, account, cents, MAY)


class TestBaseLimits:
    @pytest.mark.parametrize("roster", [view(), view(state(SUSPENDED, MARCH))])
    def test_a_change_is_one_step_of_the_schedule_also_of_who_is_suspended(self, roster):
        assert changes.limiting(roster, "3942", 300_000, MAY) == (BaseLimit("3942", MAY, 300_000),)

    def test_the_base_limit_that_is_scheduled_already_is_nothing_new(self):
        assert changes.limiting(view(), "3942", 500_000, MAY) == ()

    @pytest.mark.parametrize("cents", [0, -1])
    def test_a_limit_that_limits_nothing_is_refused(self, cents):
        with pytest.raises(InputError, match=r"3942 must be above \$0. Suspend who is not to trade"):
            changes.limiting(view(), "3942", cents, MAY)

    def test_who_has_left_gets_none(self):
        with pytest.raises(InputError, match="left"):
            changes.limiting(view(state(LEFT, MARCH)), "3942", 300_000, MAY)


class TestNames:
    def test_another_name_is_written_and_the_same_is_not(self):
        renamed = Trader("3942", "Daniel Mercer-Holm")
        assert changes.renaming(view(), renamed) == (renamed,)
        assert changes.renaming(view(), DANIEL) == ()
        with pytest.raises(InputError, match="3999"):
            changes.renaming(view(), Trader("3999", "Ida Holm"))


class TestAccounts:
    def test_an_account_is_added_once(self):
        account = Account("B1", "3951", MAY)
        assert changes.adding_account(view(), "3951", "B1", MAY) == (account,)
        assert changes.adding_account(view(accounts=(account,)), "3951", "B1", MAY) == ()

    @pytest.mark.parametrize("since", [date(2025, 6, 2), MAY])
    def test_an_account_that_is_somebody_s_or_will_be_is_refused(self, since):
        roster = RosterView((), (Account("A3942", "3942", JANUARY),), (), (state(ACTIVE, since, "3951"),))
        with pytest.raises(InputError, match=r"A3942 is 3942's from 2026-01-02 on. Hand it over, or end"):
            changes.adding_account(roster, "3951", "A3942", since)

    def test_an_account_that_ended_is_free(self):
        ended = (Account("A3942", "3942", JANUARY, APRIL),)
        added = changes.adding_account(view(accounts=ended), "3951", "A3942", APRIL)
        assert added == (Account("A3942", "3951", APRIL),)

    def test_a_period_is_ended_once(self):
        ended = Account("A3942", "3942", JANUARY, MAY)
        assert changes.ending_account(view(), "A3942", MAY) == (ended,)
        assert changes.ending_account(view(accounts=(ended,)), "A3942", MAY) == ()

    @pytest.mark.parametrize(
        ("account", "since", "told"),
        [("B1", MAY, "is nobody's on"), ("A3942", JANUARY, "from 2026-01-02 on only: withdraw")],
    )
    def test_what_cannot_end_is_refused(self, account, since, told):
        with pytest.raises(InputError, match=told):
            changes.ending_account(view(), account, since)

    def test_an_account_is_handed_over_and_keeps_its_end(self):
        until = (Account("A3942", "3942", JANUARY, JUNE),)
        first, second = changes.handing_over(view(accounts=until), "A3942", "3951", MAY)
        assert (first, second) == (
            Account("A3942", "3942", JANUARY, MAY),
            Account("A3942", "3951", MAY, JUNE),
        )
        assert changes.handing_over(view(accounts=(first, second)), "A3942", "3951", MAY) == ()

    def test_handed_over_on_its_first_day_it_never_was_the_other_s(self):
        roster = view(accounts=(Account("A3942", "3942", MARCH),))
        assert changes.handing_over(roster, "A3942", "3951", MARCH) == (Account("A3942", "3951", MARCH),)

    @pytest.mark.parametrize(
        ("account", "trader", "told"),
        [("B1", "3951", "nobody's"), ("A3942", "3942", "3942's since 2026-01-02"), ("A3942", "1", "'1'")],
    )
    def test_what_cannot_be_handed_over_is_refused(self, account, trader, told):
        with pytest.raises(InputError, match=told):
            changes.handing_over(view(), account, trader, MAY)


class TestWithdrawing:
    def test_everything_of_a_trader_on_the_date_is_taken_back(self):
        planned = state(SUSPENDED, MAY)
        limit = BaseLimit("3942", MAY, 300_000)
        roster = view(planned, limits=(BaseLimit("3942", JANUARY, 500_000), limit))
        assert changes.withdrawing(roster, "3942", MAY) == changes.Proposed((), (planned, limit))

    @pytest.mark.parametrize("trader", ["3942", "3951"])
    def test_a_hand_over_is_taken_back_from_either_side(self, trader):
        given = (Account("A3942", "3942", JANUARY, MAY), Account("A3942", "3951", MAY, JUNE))
        found = changes.withdrawing(view(accounts=given), trader, MAY)
        assert found == changes.Proposed((Account("A3942", "3942", JANUARY, JUNE),), given[1:])

    def test_what_was_taken_back_before_is_nothing_new(self):
        assert changes.withdrawing(view(), "3942", MAY, [state(SUSPENDED, MAY)]) == changes.Proposed()

    def test_a_date_on_which_nothing_changes_is_refused(self):
        with pytest.raises(InputError, match="Nothing changes for 3942 on 2026-05-02"):
            changes.withdrawing(view(), "3942", MAY)

    def test_how_a_trader_came_is_not_taken_back_before_what_followed(self):
        with pytest.raises(InputError, match=r"3942 is suspended from 2026-05-02 on. Withdraw that"):
            changes.withdrawing(view(state(SUSPENDED, MAY)), "3942", JANUARY)


def test_overlapping_periods_are_refused():
    with pytest.raises(InputError, match="Account A belongs to 1 from 2026-01-02 on and to 2"):
        refuse_overlaps([Account("A", "1", JANUARY), Account("A", "2", MARCH)])
    refuse_overlaps([Account("A", "1", JANUARY, MARCH), Account("A", "2", MARCH), Account("B", "1", JANUARY)])
