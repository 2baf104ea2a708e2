"""What failed data checks do to the morning: hold the desk, hold single traders, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from riskops.records import CheckResult, Severity

_URGENCY = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def desk_is_critical(results: Iterable[CheckResult]) -> bool:
    """Say whether a critical check failed that concerns the whole desk."""
    return any(_is_critical(result) and result.trader_id is None for result in results)


def quarantined(results: Iterable[CheckResult]) -> frozenset[str]:
    """Return the traders for whom a critical check failed: their limits are held (rung 3)."""
    return frozenset(r.trader_id for r in results if _is_critical(r) and r.trader_id is not None)


def problems(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the failed checks, critical ones first, else in the order they ran."""
    failed = (result for result in results if not result.passed)
    return tuple(sorted(failed, key=lambda result: (not _is_critical(result), _URGENCY[result.severity])))


def _is_critical(result: CheckResult) -> bool:
    return not result.passed and (result.raised or result.severity is Severity.CRITICAL)
