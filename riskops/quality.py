"""Carries the data checks out with Great Expectations and says whom a failure concerns.

The library's own verdict is not used: it ignores severities and takes a check that broke for an
ordinary failure. Here a check that could not be carried out is always critical.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from riskops import config
from riskops.records import CheckResult, Severity
from riskops.suites import Check, Slices, Suite, column_suite, content_suites

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.data_context import EphemeralDataContext


def check(
    slices: Slices, session: date, previous_session: date, cut_off: datetime
) -> tuple[CheckResult, ...]:
    """Check the night's data and return one result a check, or one a trader it failed for.

    A critical result without a trader concerns the desk, one with a trader only that trader. An
    offending row whose trader is unknown cannot change anybody's limit: it is a warning.

    Parameters
    ----------
    slices
        The rows known at the cut-off.
    session
        The session the limits are for.
    previous_session
        The one before it, whose trades are the night's.
    cut_off
        The moment after which nothing is known.
    """
    context = _context()
    results = _run(context, [column_suite(slices)])
    if all(result.passed for result in results):
        results += _run(context, content_suites(slices, session, previous_session, cut_off))
    return tuple(results)


def _context() -> EphemeralDataContext:
    """Return a context that keeps nothing, sends nothing and prints nothing."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(context: EphemeralDataContext, suites: Sequence[Suite]) -> list[CheckResult]:
    return [result for suite in suites for result in _results(suite, _validate(context, suite))]


def _validate(context: EphemeralDataContext, suite: Suite) -> Mapping[str, Any]:
    """Return what the library found, by name of the check.

    A checkpoint hands one frame to all of its suites, so each suite has a checkpoint of its own.
    """
    import great_expectations as gx

    asset = context.data_sources.pandas_default.add_dataframe_asset(suite.name)
    expectations = [_expectation(check) for check in suite.checks]
    definition = gx.ValidationDefinition(
        name=suite.name,
        data=asset.add_batch_definition_whole_dataframe("all rows"),
        suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations)),
    )
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[context.validation_definitions.add(definition)],
        result_format={"result_format": "COMPLETE"},
    )
    outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": suite.frame})
    found: Iterable[Any] = next(iter(outcome.run_results.values())).results
    return {result.expectation_config.meta["check"]: result for result in found}


def _expectation(check: Check) -> Any:
    import great_expectations.expectations as known

    build = getattr(known, check.expectation)
    return build(**check.arguments, severity=check.severity.value, meta={"check": check.name})


def _results(suite: Suite, found: Mapping[str, Any]) -> Iterator[CheckResult]:
    for check in suite.checks:
        outcome = found[check.name]
        if (problem := _problem(outcome.exception_info)) is not None:
            yield _broken(check, problem)
        elif outcome.success:
            yield _passed(check, suite, outcome.result)
        elif "unexpected_index_list" in outcome.result:
            yield from _rows_failed(check, suite, outcome.result["unexpected_index_list"])
        else:
            yield _table_failed(check, outcome.result)


def _problem(information: Mapping[str, Any]) -> str | None:
    """Return the message of an exception raised within a check; reported plainly or by metric."""
    plain = "raised_exception" in information
    for entry in [information] if plain else information.values():
        if entry["raised_exception"]:
            return str(entry["exception_message"]).strip() or "no message"
    return None


def _broken(check: Check, problem: str) -> CheckResult:
    return CheckResult(
        check=check.name,
        severity=Severity.CRITICAL,
        passed=False,
        trader_id=None,
        observed="the check could not be carried out",
        unexpected_count=0,
        detail=problem,
        raised=True,
    )


def _passed(check: Check, suite: Suite, result: Mapping[str, Any]) -> CheckResult:
    rows = len(suite.frame)
    return CheckResult(
        check=check.name,
        severity=check.severity,
        passed=True,
        trader_id=None,
        observed=_observed(result) or f"{rows} row{'' if rows == 1 else 's'}",
        unexpected_count=0,
        detail="",
    )


def _table_failed(check: Check, result: Mapping[str, Any]) -> CheckResult:
    return CheckResult(
        check=check.name,
        severity=check.severity,
        passed=False,
        trader_id=None,
        observed=_observed(result),
        unexpected_count=1,
        detail=f"{check.meaning}.",
    )


def _observed(result: Mapping[str, Any]) -> str:
    value = result.get("observed_value", "")
    return ", ".join(value) if isinstance(value, list) else str(value)


def _rows_failed(check: Check, suite: Suite, index: Sequence[Any]) -> Iterator[CheckResult]:
    """Yield one result for the desk, or one for every trader of the offending rows."""
    frame, noun = suite.frame, suite.rows
    offending = frame.loc[frame.index.isin(index)]
    if not check.by_trader:
        severity = _severity(check, len(offending), len(frame))
        yield _failed(check, None, offending, _Rows(len(frame), noun), severity)
        return
    owners = frame["trader_id"]
    for trader_id, rows in offending.groupby("trader_id", sort=True):
        total = int((owners == trader_id).sum())
        severity = _severity(check, len(rows), total)
        yield _failed(check, str(trader_id), rows, _Rows(total, noun), severity)
    orphans = offending[offending["trader_id"].isna()]
    if len(orphans):
        yield _failed(check, None, orphans, _Rows(int(owners.isna().sum()), noun), Severity.WARNING)


def _severity(check: Check, unexpected: int, total: int) -> Severity:
    share = check.critical_share
    if share is not None and unexpected >= check.critical_rows and unexpected > share * total:
        return Severity.CRITICAL
    return check.severity


class _Rows(NamedTuple):
    """How many rows a check looked at, and what they are."""

    total: int
    noun: str

    def of_which(self, count: int) -> str:
        return f"{count} of {self.total} {self.noun}"


def _failed(
    check: Check, trader_id: str | None, rows: pd.DataFrame, among: _Rows, severity: Severity
) -> CheckResult:
    examples = [str(label) for label in rows["label"].iloc[: config.QUALITY_EXAMPLES]]
    more = len(rows) - len(examples)
    share = f" ({among.of_which(len(rows))})" if among.total > 1 else ""
    return CheckResult(
        check=check.name,
        severity=severity,
        passed=False,
        trader_id=trader_id,
        observed=among.of_which(len(rows)),
        unexpected_count=len(rows),
        detail=f"{check.meaning}{share}: {', '.join(examples)}{f' and {more} more' if more else ''}.",
    )
