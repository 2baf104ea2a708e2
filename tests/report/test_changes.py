"""What the mail says of changes: against the mail before, whatever that was."""

from __future__ import annotations

import pytest

from riskops.report.changes import Earlier, Standing, change_of, changes, mailed_before
from tests.golden.mornings import FRIDAY, SINCE, decision


def friday(**limits):
    return Earlier(
        SINCE, {key: Standing(100 * usd, cut, f"Trader {key}") for key, (usd, cut) in limits.items()}
    )


def test_the_limits_of_the_mail_before_stand_under_the_names_known_now():
    found = mailed_before(FRIDAY, {"2": (350_000, 30)}, {"2": "Ann Lee"})
    assert found == Earlier(SINCE, {"2": Standing(350_000, 30, "Trader 2 (Ann Lee)")}, FRIDAY)


def test_falling_limits_come_first_then_new_traders_then_rising_ones_then_who_is_gone():
    earlier = friday(
        **{"1": (4_000, 20), "2": (5_000, 0), "4": (2_000, 60), "5": (3_000, 40), "6": (5_000, 0)}
    )
    desk = [decision("1", 60), decision("2", 20), decision("3", 10), decision("4"), decision("6")]
    found = changes(desk, earlier)
    assert [row.in_line for row in found.rows] == [
        "Trader 1: $4,000 (cut 20%) -> $2,000 (cut 60%), -$2,000",
        "Trader 2: $5,000 (cut 0%) -> $4,000 (cut 20%), -$1,000",
        "Trader 3: none -> $4,500 (cut 10%), new",
        "Trader 4: $2,000 (cut 60%) -> $5,000 (cut 0%), +$3,000",
        "Trader 5: $3,000 (cut 40%) -> no trading",
    ]
    assert found.unchanged == "1 trader unchanged"


def test_a_base_limit_that_changes_is_a_change_without_any_cut():
    raised = decision("1", base_limit_cents=600_000, limit_cents=600_000)
    (row,) = changes([raised], friday(**{"1": (5_000, 0)})).rows
    assert row.by == "+$1,000"


def test_on_a_first_morning_every_cut_is_to_be_set():
    found = changes([decision("1", 50), decision("2")], Earlier())
    assert found.title == "To set: no limits were mailed before"
    assert [row.in_line for row in found.rows] == ["Trader 1: $5,000 (cut 0%) -> $2,500 (cut 50%), -$2,500"]
    assert found.unchanged == "1 trader unchanged"


def test_a_morning_like_the_one_before_says_so():
    found = changes([decision("1", 50)], friday(**{"1": (2_500, 50)}))
    assert (found.title, found.rows, found.unchanged) == ("Changed since Fri 13 Mar", (), "No limit changed.")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"1": (3_500, 30)}, "-$1,000 since Fri 13 Mar, was $3,500"),
        ({"1": (2_500, 50)}, "none since Fri 13 Mar"),
        ({"2": (2_500, 50)}, "new"),
    ],
)
def test_a_trader_s_own_change_is_told_with_his_limit(limits, told):
    assert change_of(decision("1", 50), friday(**limits)) == told


def test_without_an_earlier_mail_nothing_is_said_to_have_changed():
    assert change_of(decision("1", 50), Earlier()) == ""
