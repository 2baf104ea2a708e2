"""What finds the numbers of a text passes nothing over, so that what is untraced is found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskops.report.render import as_html, as_text
from riskops.report.tracing.traced import Explanation, Section, Traced, row
from tests.golden.mornings import MORNINGS
from tests.mail_parts import parts_of
from tests.numbers import NUMBER, numbers_in, numbers_of, untraced, unwrapped, words_of


def traced(*values: str) -> list[Traced]:
    return [Traced("what", value, "how", (row("decisions", "limit_cents"),)) for value in values]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("New limit: $2,500 (from $5,000)", ["$2,500", "$5,000"]),
        ("-$1,000 since Fri 13 Mar, was $3,500.50", ["-$1,000", "13 Mar", "$3,500.50"]),
        ("MONDAY 16 MARCH 2026", ["16 March 2026"]),
        ("Cut-off: 06:12 New York time, Mon 16 Mar 2026", ["06:12", "16 Mar 2026"]),
        ("Nov 2023 to Mar 2026: $48,300", ["Nov 2023", "Mar 2026", "$48,300"]),
        ("31 %, 50%, 18.2 %", ["31%", "50%", "18.2%"]),
        ("e = 3.1 of 20, 7,904 trader-days.", ["3.1", "20", "7,904"]),
        (
            "1.9x that (+$85), 2+T rules",
            [
                "1.9x",
                "+$85",
                "2",
            ],
        ),
        ("account A3951, version 0.1.0", ["A3951", "0.1.0"]),
        ("on 2026-03-13 (-$310)", ["2026-03-13", "-$310"]),
        ("-$9.87k to $1.2m", ["-$9.87k", "$1.2m"]),
        ("x0.77, 3rd", ["x0", "77", "3rd"]),
        ("no number", []),
    ],
)
def test_numbers_are_found_as_they_are_printed(text, found):
    assert numbers_in(text) == found


@given(st.text(alphabet=st.sampled_from("0123456789 .,:%$+-xAMar\n/()"), max_size=40))
def test_no_digit_is_passed_over(text):
    assert re.search(r"\d", NUMBER.sub("", text)) is None


@pytest.mark.parametrize("name", list(MORNINGS))
def test_no_digit_of_a_mail_is_passed_over(name):
    for told in (as_text(MORNINGS[name]()), words_of(as_html(MORNINGS[name]()))):
        assert re.search(r"\d", NUMBER.sub("", told)) is None
        assert len(numbers_in(told)) > 20


def test_a_number_is_untraced_unless_a_value_has_it_whole():
    assert untraced("$2,500 and 50%, 4 of 17", traced("$2,500", "50 %", "4 of")) == ["17"]
    assert untraced("$2,500", traced("$12,500", "$2,50")) == ["$2,500"]


def test_what_is_no_statement_is_left_out_by_its_whole_name_only():
    text = "Trader 3942: 1 of Trader 39421 and Trader 3942 (Bo 2)"
    assert untraced(text, traced("1"), ["Trader 3942", "Trader 3942 (Bo 2)"]) == ["39421"]


def test_only_values_count_not_what_is_said_of_them():
    one = Traced("7 days", "none", "8 of 9", (row("decisions", "limit_cents", trader_id="10"),))
    assert untraced("7 8 9 10", [one]) == ["7", "8", "9", "10"]


def test_the_numbers_of_explanations_and_of_sections_are_put_together():
    first, second = Section("a", tuple(traced("1", "2"))), Section("b", tuple(traced("3")))
    assert [n.value for n in numbers_of(Explanation("all", (first, second)), second)] == ["1", "2", "3", "3"]


def test_a_page_is_read_as_words_with_what_stands_for_its_pictures():
    page = (
        "<html><head><title>T 1</title><style>p { width: 2px }</style></head><body><p>Limit <b>$2,500</b></p>"
        "<img src='cid:345' alt='20 days'><td>4</td><td>5</td><script>6</script></body></html>"
    )
    assert numbers_in(words_of(page)) == ["$2,500", "20", "4", "5"]


def test_wrapped_lines_are_put_together_and_items_are_not():
    text = "Easing from 30% (Fri 13\n    Mar 2026)\n  Signals:\n    - Streak 30%\n        of 50%\nNext 1\n"
    assert unwrapped(text).splitlines() == [
        "Easing from 30% (Fri 13 Mar 2026)",
        "  Signals:",
        "    - Streak 30% of 50%",
        "Next 1",
    ]


def test_a_mail_is_taken_apart_without_losing_a_line():
    text = as_text(MORNINGS["usual"]())
    labels = [f"Trader {n}" for n in (3942, 3944, 3951, 3955, 3957)]
    parts = parts_of(text, labels)
    headings = {"SUMMARY:", "EVIDENCE METER:", "DATA HEALTH:", "EVERYBODY ELSE:", "--"}
    whole = [line for line in unwrapped(text).splitlines() if line and line not in headings]
    kept = [line for part in parts.values() for line in part.splitlines() if line and line not in headings]
    assert sorted(kept) == sorted(whole)
    assert set(labels) <= set(parts)
