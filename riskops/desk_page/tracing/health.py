"""The numbers of the page of the data health: the checks of the last sessions, each by its session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from riskops.records import CheckResult
from riskops.report.health import failures, is_critical
from riskops.report.tracing.traced import Traced, row
from riskops.report.wording import counted, one_line, short_date
from riskops.store.page_reader import HealthOf


def health_page_numbers(of: Sequence[HealthOf]) -> Iterator[Traced]:
    """Yield every number of the page."""
    if not of:
        return
    fine = [one for one in of if not failures(one.failed) and not one.problems]
    how = "sessions and revisions with a data check or a failed verb; fine are those without a failure"
    at = (row("quality_results", "passed", session=of[0].session),)
    yield Traced("Mornings", f"{len(fine)} of the last {counted(len(of), 'morning')}", how, at)
    for one in of:
        yield from session_numbers(one)


def session_numbers(one: HealthOf) -> Iterator[Traced]:
    """Yield the checks of one session: how many passed, how grave the others are, what they say."""
    key = {"session": one.session, "revision": one.revision}
    label, failed = f"Checks of {one.session}", failures(one.failed)
    at = (
        row(
            "quality_results" if one.checks else "stage_outcomes", "passed" if one.checks else "state", **key
        ),
    )
    revision = f", revision {one.revision}" if one.revision else ""
    day = f"{one.session}, {short_date(one.session)} {one.session.year}{revision}"
    yield Traced(label, day, f"see `riskops explain {one.session}`", at)
    passed = one.checks - len({check.check for check in one.failed})
    how = "checks by name; one that failed for several traders is one"
    yield Traced(f"{label}: passed", f"{passed} of {counted(one.checks, 'check')}", how, at)
    critical = [check for check in failed if is_critical(check)]
    how = "failed checks, each fact once; one that could not be carried out is critical"
    yield Traced(f"{label}: critical", str(len(critical)), how, at)
    yield Traced(f"{label}: warnings and remarks", str(len(failed) - len(critical)), how, at)
    yield from (_failed(one, check) for check in failed)
    for verb, problem in one.problems.items():
        stage = row("stage_outcomes", "detail" if not problem else "detail.problem", verb=verb, **key)
        yield Traced(
            f"{label}: {verb}", one_line(problem) or "failed", "what the verb said of its failure", (stage,)
        )


def _failed(one: HealthOf, check: CheckResult) -> Traced:
    key = {"session": one.session, "revision": one.revision, "check": check.check}
    key |= {} if check.trader_id is None else {"trader_id": check.trader_id}
    how = f"severity {check.severity}; observed: {check.observed or 'nothing to tell'}"
    value = one_line(check.detail or f"{check.check} failed")
    return Traced(
        f"Check {check.check} of {one.session}", value, how, (row("quality_results", "detail", **key),)
    )
