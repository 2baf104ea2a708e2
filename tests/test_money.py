from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.money import WHOLE_FROM_CENTS, at_least, at_most, dollars

AMOUNTS = st.integers(0, 10**9)


def in_cents(told: str) -> int:
    whole, _, rest = told.removeprefix("$").replace(",", "").partition(".")
    return 100 * int(whole) + int(rest or 0)


def test_prose_leaves_the_cents_out_from_a_hundred_dollars_on() -> None:
    assert (at_least(61_308), at_most(61_308)) == ("$614", "$613")
    assert (at_least(61_300), at_most(61_300)) == ("$613", "$613")
    assert (at_least(7_250), at_most(7_250)) == ("$72.50", "$72.50")


@settings(max_examples=100, deadline=None)
@given(AMOUNTS)
def test_a_rounded_amount_errs_on_the_safe_side_by_less_than_a_dollar(amount: int) -> None:
    assert amount <= in_cents(at_least(amount)) < amount + 100
    assert amount - 100 < in_cents(at_most(amount)) <= amount


@settings(max_examples=50, deadline=None)
@given(st.integers(0, WHOLE_FROM_CENTS - 1))
def test_small_amounts_are_exact(amount: int) -> None:
    assert at_least(amount) == at_most(amount) == dollars(amount)
