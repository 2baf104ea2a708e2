"""The data checks as a risk manager reads them: what is wrong, whose, and each fact once.

The number of a check's rows and the rows themselves stand in its detail; its name is for those who
mend it, so it is told only where the check could not be carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskops.records import CheckResult, Severity
from riskops.report.wording import LONGEST_ID, counted, one_line, trader_label

MOST_CHECKS = 12
TOLD_BY = {  # a check, and the one that says more of the same rows
    "account_covered": "desk_covered",
    "daily_trades_match_trades": "daily_net_cents_match_trades",
    "desk_covered": "roster_not_empty",
    "duplicate_load": "trade_id_unique",
    "rows_rejected": "rejected_share",
}


def failures(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the checks that failed, each fact once, the gravest first."""
    order = list(Severity)
    failed = [check for check in checks if not check.passed]
    told = [check for check in failed if not any(_tells_more(other, check) for other in failed)]
    return sorted(told, key=lambda check: (not is_critical(check), order.index(check.severity)))


def _tells_more(other: CheckResult, check: CheckResult) -> bool:
    """Say whether `other` is about the same rows, or about the whole desk, and says more."""
    if check.raised or other.raised or TOLD_BY.get(check.check) != other.check:
        return False
    for_the_desk = other.trader_id is None and check.trader_id is not None
    same = (other.trader_id, other.unexpected_count) == (check.trader_id, check.unexpected_count)
    return for_the_desk or same


def is_critical(check: CheckResult) -> bool:
    """Say whether a failed check is critical: one that could not be carried out always is."""
    return check.raised or check.severity is Severity.CRITICAL


def health_lines(checks: Sequence[CheckResult], names: Mapping[str, str]) -> list[str]:
    """Return how many checks passed and a line for each failure; `names` are those of the traders."""
    failed = failures(checks)
    lines = [_passed(checks), *[failure_line(check, names) for check in failed[:MOST_CHECKS]]]
    if len(failed) > MOST_CHECKS:
        lines.append(f"and {len(failed) - MOST_CHECKS} more failed checks")
    return lines


def failure_line(check: CheckResult, names: Mapping[str, str]) -> str:
    """Return a failed check in one line: how grave, whose data, what is wrong with them."""
    whose = f"{_owner(check.trader_id, names)}: " if check.trader_id is not None else ""
    if check.raised:
        name = one_line(check.check, LONGEST_ID)
        return f"CRITICAL: {whose}The check {name} could not be carried out: {one_line(check.detail)}"
    grave = "REMARK" if check.severity is Severity.INFO else check.severity.value.upper()
    return f"{grave}: {whose}{one_line(check.detail or f'{check.check} failed')}"


def _owner(trader_id: str, names: Mapping[str, str]) -> str:
    return trader_label(trader_id, names.get(trader_id, ""))


def _passed(checks: Sequence[CheckResult]) -> str:
    """Count the checks; one that failed for several traders is one check."""
    if not checks:
        return "No data check was carried out"
    failed = {check.check for check in checks if not check.passed}
    total = len({check.check for check in checks})
    remarks = sum(not c.passed and not c.raised and c.severity is Severity.INFO for c in checks)
    remarked = f", {counted(remarks, 'remark')}" if remarks else ""
    return f"{total - len(failed)} of {counted(total, 'check')} passed{remarked}"
