"""The numbers of the data health: every check with what it observed, and what else is told there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from riskops import config
from riskops.applied import NOTHING_READ_BACK
from riskops.money import dollars
from riskops.outcomes import Breach, Calibration, OverrideWorth
from riskops.records import CheckResult, Severity
from riskops.report.health import MOST_CHECKS, failures, is_critical
from riskops.report.material import Material
from riskops.report.outcome_lines import MOST_BREACHES, worth_in_words
from riskops.report.tracing.traced import Row, Traced, business_number, named, row
from riskops.report.wording import counted, one_line, share, short_date

ENTERED = tuple(row(table, "known_at") for table in ("roster", "base_limits", "accounts", "trader_names"))
PASSED = row("quality_results", "passed")


def health_numbers(material: Material) -> Iterator[Traced]:
    """Yield every number of the data health."""
    yield from _counts(material)
    for check in material.checks:
        yield _check(check)
    if material.restricted_share is not None:
        yield from restricted_numbers(material.restricted_share, share(material.restricted_share))
    for line in material.roster:
        how = "entered since the morning before, by somebody's word: `riskops roster history`"
        yield Traced("Roster", one_line(line, len(line)), how, ENTERED)
    for line in material.overrides:
        how = "overrides that ended, end, wait or give way: `riskops override list`"
        yield Traced("Overrides", one_line(line, len(line)), how, (row("overrides", "reduction"),))
    for night, line in material.applied.items():
        how = "what was sent, compared with what the trading platform read back: `riskops status`"
        yield Traced("In force", one_line(line, len(line)), how, _sent_and_read(night, line))
    yield from _outcomes(material)


def _counts(material: Material) -> Iterator[Traced]:
    checks = material.checks
    names = {check.check for check in checks}
    failed = {check.check for check in checks if not check.passed}
    how = "checks by name; one that failed for several traders is one"
    passed = f"of {counted(len(names), 'check')} passed"
    yield Traced("Passed", str(len(names) - len(failed)), how, (PASSED,))
    yield Traced("Checks", passed, how, (PASSED,))
    remarks = sum(not c.passed and not c.raised and c.severity is Severity.INFO for c in checks)
    yield Traced("Remarks", counted(remarks, "remark"), "checks that only remark and did not pass", (PASSED,))
    told = failures(checks)
    if len(told) > MOST_CHECKS:
        how = f"{len(told)} failed, {MOST_CHECKS} are told"
        yield Traced("Not told", f"{len(told) - MOST_CHECKS} more", how, (PASSED,))


def critical_number(material: Material) -> Iterator[Traced]:
    """Yield how many failed checks are critical."""
    critical = [check for check in failures(material.checks) if is_critical(check)]
    if critical:
        how = "failed critical checks, each fact once; one that could not be carried out is critical"
        yield Traced("Critical", counted(len(critical), "data problem"), how, (PASSED,))


def _check(check: CheckResult) -> Traced:
    """Return a check: what it says where it failed, else what it observed."""
    result = "passed" if check.passed else "could not be carried out" if check.raised else "failed"
    whose = f", trader {check.trader_id}" if check.trader_id is not None else ""
    how = f"{result}; severity {check.severity}; observed: {check.observed or 'nothing to tell'}"
    value = one_line(check.detail) if check.detail else check.observed or result
    key = {"check": check.check} | ({} if check.trader_id is None else {"trader_id": check.trader_id})
    column = "detail" if check.detail else "observed"
    return Traced(f"Check {check.check}{whose}", value, how, (row("quality_results", column, **key),))


def _sent_and_read(night: date, line: str) -> tuple[Row, ...]:
    """Return where the limits that were sent are on record, and those that were read back if any were."""
    tables = ["published_limits"] + ["read_backs"] * (NOTHING_READ_BACK not in line)
    return tuple(row(table, "limit_cents", session=night) for table in tables)


def _outcomes(material: Material) -> Iterator[Traced]:
    """Yield what is told of breached limits and of the displayed risk, and of what is missing."""
    for breach in material.news.breaches:
        yield from _breach(breach)
    for withdrawn in material.news.withdrawn:
        how = "a corrected result, or another limit, makes it none"
        yield Traced(
            "Withdrawn",
            short_date(withdrawn.session),
            how,
            (_outcome(withdrawn.trader_id, withdrawn.session),),
        )
    for worth in material.news.overrides:
        yield from _worth(worth)
    if material.news.calibration is not None:
        yield from _calibration(material.news.calibration)
    hidden = len(material.news.breaches) - MOST_BREACHES
    if hidden > 0:
        yield Traced(
            "Breaches, not told",
            f"{hidden} more",
            f"{MOST_BREACHES} are told",
            (row("outcomes", "breached"),),
        )
    if not material.news.keys:
        for line in material.outcomes:
            how = "what a verb said of why it is missing"
            yield Traced("Missing", one_line(line, len(line)), how, (row("stage_outcomes", "detail"),))


def _outcome(trader_id: str, session: date) -> Row:
    return row("outcomes", "breached", session=session, trader_id=trader_id)


def _breach(breach: Breach) -> Iterator[Traced]:
    at = (row("outcomes", "net_cents", session=breach.session, trader_id=breach.trader_id),)
    net, limit = dollars(breach.net_cents), dollars(breach.limit_cents)
    label = f"Breach: trader {breach.trader_id}"
    yield Traced(label, short_date(breach.session), "a lived session, told once", at)
    yield Traced(label, net, "the result of the day", at)
    yield Traced(label, limit, "the limit that was in force", at)
    yield Traced(label, dollars(breach.beyond_cents), f"the loss {net} less the limit {limit}", at)


def _worth(worth: OverrideWorth) -> Iterator[Traced]:
    key = {"session": worth.session, "trader_id": worth.trader_id, "policy": "override"}
    at = (row("economics", "benefit_low_cents", **key), row("economics", "benefit_high_cents", **key))
    label = f"Override {worth.number}: trader {worth.trader_id}"
    yield Traced(label, f"Override {worth.number}", "its number on record", (row("overrides", "number"),))
    yield Traced(label, short_date(worth.session), "a lived session, told once", at)
    how = (
        f"between {dollars(worth.low_cents)} and {dollars(worth.high_cents)}: what the day came to under the "
        "override, less what it would have come to under the decided limit"
    )
    yield Traced(label, worth_in_words(worth.low_cents, worth.high_cents), how, at)


def _calibration(found: Calibration) -> Iterator[Traced]:
    at = (row("stage_outcomes", "detail.news.calibration", verb="record_outcomes"),)
    window = counted(found.sessions, "session")
    told = (
        (f"{found.observed:,} large losses", f"trader-days with a large loss over {window}"),
        (f"{found.expected:,.1f}", "the sum of the risks that were displayed before the open"),
        (window, f"sessions with displayed risks, {named('CALIBRATION_SESSIONS')} at the most"),
        (f"{found.ratio:.2f}", "seen / promised"),
    )
    yield from (Traced("Displayed risk", value, how, at) for value, how in told)
    lowest, highest = config.CALIBRATION_BAND
    yield business_number("Band", f"{lowest} to {highest}", "CALIBRATION_BAND", "within it nothing is told")
    running = f"{config.PERSISTS_SESSIONS} mornings"
    yield business_number("Mornings running", running, "PERSISTS_SESSIONS", "a shorter spell is not told")


# --- how often the desk is restricted ----------------------------------------------------------


def restricted_numbers(found: float, printed: str) -> Iterator[Traced]:
    """Yield how often the desk is restricted, and what it is compared with."""
    how = (
        f"{found:.4f}: of the active trader-days of the window, those on which the rules alone, replayed "
        f"on what was known, cut by {named('MODERATE_FROM')} % or more"
    )
    yield Traced(
        "Restricted trader-days",
        printed,
        how,
        (row("stage_outcomes", "detail.restricted_share", verb="score_rules"),),
    )
    yield business_number("Restricted", f"{config.MODERATE_FROM}%", "MODERATE_FROM", "a cut from it on")
    window = counted(config.RESTRICTED_SHARE_WINDOW, "session")
    yield business_number("Window", window, "RESTRICTED_SHARE_WINDOW", "the sessions before this one")
    bar = float(config.RESTRICTED_SHARE_WARNING)
    yield business_number(
        "Warned of above", share(bar), "RESTRICTED_SHARE_WARNING", "a larger share is warned of"
    )
