"""Sent and read back: who has the limit, who has another one, who is missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from riskops.applied import NOTHING_READ_BACK, Difference, compared, not_read_back

NOW = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)
SENT = {str(3937 + i): 500_000 for i in range(15)} | {"3942": 250_000, "3951": 350_000}


def read(**changes):
    """Return what was read back: what was sent, with these traders' limits instead; ``None``: not there."""
    found = SENT | {trader.removeprefix("t"): limit for trader, limit in changes.items()}
    return compared(SENT, {t: limit for t, limit in found.items() if limit is not None}, NOW)


def test_all_of_them_applied():
    found = read()
    assert found.in_words == "15 of 15 applied"
    assert (found.applied, found.sent, found.is_dangerous) == (15, 15, False)


def test_a_missing_trader_is_named_and_dangerous():
    found = read(t3942=None)
    assert found.in_words == "14 of 15 applied; missing: 3942"
    assert found.is_dangerous


def test_a_looser_limit_is_told_in_capitals_with_by_how_much_and_dangerous():
    found = read(t3951=500_000)
    assert found.in_words == (
        "14 of 15 applied; different: 3951 has $5,000 instead of $3,500 (LOOSER by $1,500)"
    )
    assert found.looser == (Difference("3951", 350_000, 500_000),)
    assert found.is_dangerous


def test_a_tighter_limit_is_told_and_no_danger():
    found = read(t3951=300_000)
    assert "3951 has $3,000 instead of $3,500 (tighter by $500)" in found.in_words
    assert not found.is_dangerous


def test_a_blocked_trader_is_told_as_blocked_and_no_danger():
    found = read(t3951=0)
    assert "different: 3951 is blocked instead of $3,500" in found.in_words
    assert not found.is_dangerous


def test_looser_limits_come_first():
    found = read(t3937=400_000, t3951=350_001)
    assert [difference.trader_id for difference in found.different] == ["3951", "3937"]
    assert "3951 has $3,500.01 instead" in found.in_words


def test_who_was_sent_none_and_has_one_is_told_unless_he_is_blocked():
    assert read(t9=100_000).in_words == "15 of 15 applied; sent none: 9 has $1,000"
    assert read(t9=0).in_words == "15 of 15 applied"


def test_many_names_are_cut_short_and_counted():
    nobody = compared(SENT, {}, NOW)
    assert nobody.in_words.startswith("0 of 15 applied; missing: 3937, 3938")
    assert nobody.in_words.endswith("3944, 7 more")


@pytest.mark.parametrize("sent", [{}, SENT])
def test_nothing_read_back_is_not_known(sent):
    found = not_read_back(sent)
    assert (found.is_known, found.in_words, found.sent) == (False, NOTHING_READ_BACK, len(sent))
    assert not found.is_dangerous
