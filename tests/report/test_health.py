"""The data checks in the mail: readable, by name, each fact once."""

from __future__ import annotations

import pytest

from riskops.records import Severity
from riskops.report.health import failure_line, failures, health_lines
from tests.golden.mornings import check

NAMES = {"3951": "Zoe Miller"}
NET_OFF = "Net is not gross less fees (1 of 31 trades): trade 88213 of account A3951."


def failed(name: str, trader_id: str | None = "3951", count: int = 1, **changes: object):
    given = {"passed": False, "trader_id": trader_id, "unexpected_count": count, "detail": NET_OFF}
    return check(name, **(given | changes))


def told(*checks) -> list[str]:
    return [failure.check for failure in failures(checks)]


def test_a_failure_names_the_trader_and_keeps_the_numbers():
    line = failure_line(failed("net_is_gross_less_fees"), NAMES)
    assert line == f"CRITICAL: Trader 3951 (Zoe Miller): {NET_OFF}"


def test_a_trader_who_has_no_limit_today_is_called_by_id():
    assert failure_line(failed("x", "4000"), NAMES).startswith("CRITICAL: Trader 4000: ")


def test_a_failure_of_the_desk_names_nobody():
    line = failure_line(failed("trades_row_count", None, severity=Severity.WARNING, detail="72 trades."), {})
    assert line == "WARNING: 72 trades."


def test_only_a_check_that_could_not_be_carried_out_is_called_by_its_name():
    raised = failed("net_given", None, raised=True, detail="no such column", severity=Severity.WARNING)
    assert (
        failure_line(raised, {}) == "CRITICAL: The check net_given could not be carried out: no such column"
    )
    assert "net_given" not in failure_line(failed("net_given"), {})


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("daily_trades_match_trades", "daily_net_cents_match_trades"),
        ("duplicate_load", "trade_id_unique"),
        ("rows_rejected", "rejected_share"),
    ],
)
def test_what_two_checks_say_of_the_same_rows_is_told_once(less, more):
    assert told(failed(less), failed(more)) == [more]
    assert told(failed(less), failed(more, "3942")) == [less, more]
    assert told(failed(less, count=2), failed(more)) == [less, more]
    assert told(failed(less)) == [less]


def test_what_concerns_the_whole_desk_is_not_told_again_of_everybody():
    everybody = [failed("account_covered", str(trader)) for trader in range(15)]
    assert told(*everybody, failed("desk_covered", None)) == ["desk_covered"]


def test_a_check_that_could_not_be_carried_out_is_always_told():
    assert told(failed("rows_rejected", None, raised=True), failed("rejected_share", None)) == [
        "rows_rejected",
        "rejected_share",
    ]


def test_a_check_that_failed_for_several_traders_is_one_check():
    checks = [check("sound"), failed("net_given", "1"), failed("net_given", "2"), failed("net_given", "3")]
    assert health_lines(checks, {})[0] == "1 of 2 checks passed"
    assert len(health_lines(checks, {})) == 4
