from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.quarantine import desk_is_critical, problems, quarantined
from riskops.records import CheckResult, Severity


def result(
    *,
    passed: bool = False,
    severity: Severity = Severity.CRITICAL,
    trader_id: str | None = None,
    raised: bool = False,
    check: str = "check",
) -> CheckResult:
    return CheckResult(check, severity, passed, trader_id, "", 0, "", raised)


RESULTS = st.lists(
    st.builds(
        result,
        passed=st.booleans(),
        severity=st.sampled_from(Severity),
        trader_id=st.sampled_from([None, "3942", "3951"]),
        check=st.text(max_size=3),
    ),
    max_size=12,
)


def test_a_critical_failure_without_trader_concerns_the_desk():
    results = [result()]
    assert desk_is_critical(results)
    assert quarantined(results) == frozenset()


def test_a_critical_failure_of_a_trader_quarantines_only_that_trader():
    results = [result(trader_id="3942"), result(trader_id="3951", passed=True)]
    assert not desk_is_critical(results)
    assert quarantined(results) == {"3942"}


def test_warnings_and_remarks_change_nothing():
    mild = (Severity.WARNING, Severity.INFO)
    results = [result(severity=severity, trader_id=t) for severity in mild for t in (None, "3942")]
    assert not desk_is_critical(results)
    assert quarantined(results) == frozenset()


def test_a_check_that_raised_is_critical_whatever_its_severity():
    assert desk_is_critical([result(severity=Severity.INFO, raised=True)])


def test_problems_lists_critical_failures_first_and_keeps_their_order():
    remark = result(severity=Severity.INFO, check="a")
    warning = result(severity=Severity.WARNING, check="b")
    second, first = result(check="z"), result(check="c")
    sound = result(passed=True)
    assert problems([remark, warning, second, sound, first]) == (second, first, warning, remark)


@settings(max_examples=60, deadline=None)
@given(RESULTS)
def test_problems_are_exactly_the_failed_checks(results):
    found = problems(results)
    assert sorted(map(repr, found)) == sorted(repr(r) for r in results if not r.passed)


@settings(max_examples=60, deadline=None)
@given(RESULTS, RESULTS)
def test_more_failures_never_release_anybody(results, more):
    assert quarantined(results) <= quarantined([*results, *more])
    assert desk_is_critical(results) <= desk_is_critical([*results, *more])
