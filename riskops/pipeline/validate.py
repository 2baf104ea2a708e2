"""Check the night's data before anybody relies on it."""

from __future__ import annotations

from riskops import quality, quarantine
from riskops.desk import Desk
from riskops.pipeline.stage import Receipt, cut_off, settled, stage
from riskops.records import CheckResult, Run, Severity, Verb
from riskops.settings import Fault
from riskops.store.quality_reader import QualityReader


def validate(desk: Desk, run: Run) -> Receipt:
    """Run the data-quality checks and record each result.

    A critical failure of the desk sends the morning to rung 3, one of a single trader
    quarantines that trader; a warning is reported and changes nothing.
    """
    if (receipt := settled(desk, run, Verb.VALIDATE)) is not None:
        return receipt
    with stage(desk, run, Verb.VALIDATE):
        results = _check(desk, run)
        receipt = _receipt(results)
        desk.store.mornings.record_quality(run.session, run.revision, results, receipt)
    return receipt


def _check(desk: Desk, run: Run) -> tuple[CheckResult, ...]:
    moment = cut_off(desk, run)
    previous = desk.calendar.previous(run.session)
    slices = QualityReader(desk.store.database).slices(run.session, previous, moment)
    results = quality.check(slices, run.session, previous, moment)
    return (_FORCED, *results) if desk.settings.fault is Fault.QUALITY_CRITICAL else results


def _receipt(results: tuple[CheckResult, ...]) -> Receipt:
    return {
        "checks": len(results),
        "failed": sum(not result.passed for result in results),
        "desk_critical": quarantine.desk_is_critical(results),
        "quarantined": sorted(quarantine.quarantined(results)),
    }


_FORCED = CheckResult(
    check="forced_fault",
    severity=Severity.CRITICAL,
    passed=False,
    trader_id=None,
    observed="RISKOPS_FAULT=quality_critical",
    unexpected_count=1,
    detail="A drill forces this failure.",
)
