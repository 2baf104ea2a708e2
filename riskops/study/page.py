"""The result of the study as a page and as a document."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

import riskops
from riskops import config, specification
from riskops.sources.demo import DESK_SIZE
from riskops.study import series
from riskops.study.findings import Finding, Kind, Mean, Measured, Median, Share
from riskops.study.running import FULL, Size
from riskops.study.scenarios import TURNS_AFTER

HEAD = """# What the promotion gate is worth

Made by `{command}`: simulated desks, on which the truth is
known. Nothing here is a promise about a real desk; it shows what the gate does with noise, with a margin that
is just not enough, and with real skill.

{numbers}.

* **Series** draw the two benefits of a desk-day: nothing on {quiet:.0%} of the days, heavy tails (Student t,
  {freedom:.0f} degrees of freedom), volatility that clusters, a standard deviation of ${sd:,.0f}.
* **Desks** are the demo desk's generator, {traders} traders, through rules, model, replay and gate.
* Intervals are 95 %: Wilson's for a share, from the order of the values for a median. The standard error is
  the Monte-Carlo error of a share or a mean.
* d1 is the challenger's benefit less {margin:.1f} times the rules'. A demotion counts panels that were
  promoted, a delay those that still were when the advantage turned, {turns} sessions after the promotion.

"""
COLUMNS = """| question | measured | 95 % interval | standard error | panels | bar | kept |
|---|---|---|---|---|---|---|
"""
CONCLUSIONS = """## What to conclude

{doubt}A challenger that is no better is promoted in {null} of the panels in three years of daily looks, one
that is exactly 10 % better in {boundary}. A p-value looked at every day promotes {naive} and {naive_boundary}
of the same panels: the harness sees false promotions where there are some.

The price is patience. In three years the gate sees a challenger twice as good as the rules in {twice} of the
panels, one that is 40 % better in {better}. *Not promoted* does not mean *no better*: the mail says how large
an advantage could have been seen.

A strong signal is found: {tilt} of the desks with planted tilt are promoted. That behaviour is planted;
whether a real desk has any like it, only its own evidence can say.

A promoted challenger whose advantage turns to its opposite goes back after {delay} sessions in the median.
On desks whose tilt turns, the overlay goes from {before} to {after} USD a desk-day: the smaller the harm,
the longer it stays, {delay_desks} sessions in the median. The price: {stays} of the series send back within
three years a challenger that stays good. That costs little, because the rules are safe.
"""
PANELS_FOR_A_PER_MILLE = 100
KINDS = {Kind.SHARE: "share", Kind.MEDIAN: "median sessions", Kind.MEAN: "mean USD"}
DOUBT = "**The study misses {count} of its bars: what follows does not hold.**\n\n"


def command(size: Size, seed: int) -> str:
    """Return the command that makes this page again."""
    options = "" if size == FULL else f" --panels {size.series} --desks {size.desks}"
    return f"riskops study --seed {seed}{options} --write docs/study.md"


def page(findings: Sequence[Finding], size: Size, seed: int) -> str:
    """Return the page in Markdown."""
    numbers = ", ".join(f"{name} {value}" for name, value in versions(size, seed).items())
    head = HEAD.format(
        command=command(size, seed),
        numbers=f"{numbers[0].upper()}{numbers[1:]}",
        quiet=1 - series.HIT_SHARE,
        freedom=series.FREEDOM,
        sd=series.SD_USD,
        traders=DESK_SIZE,
        margin=1 + config.BEAT_RULES_BY,
        turns=TURNS_AFTER,
    )
    return head + "\n".join([*_sections(findings), _conclusions(findings)])


def document(findings: Sequence[Finding], size: Size, seed: int) -> dict[str, Any]:
    """Return the result for programs; what is not finite is None."""
    return {"versions": versions(size, seed), "findings": [_entry(finding) for finding in findings]}


def versions(size: Size, seed: int) -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "seed": str(seed),
        "panels of series": f"{size.series:,}",
        "desks": str(size.desks),
        "RiskOps": riskops.__version__,
        "specification": specification.digest()[:12],
        "Python": platform.python_version(),
        "numpy": np.__version__,
    }


def cells(finding: Finding) -> tuple[str, str, str, str, str, str, str]:
    """Return a row of the table: question, figure, interval, error, panels, bar, whether it is kept."""
    measured, bar = finding.measured, finding.question.bar
    kept = "" if bar is None else "no" if finding.missed_by else "yes"
    return (
        finding.question.text,
        _figure(measured),
        _interval(measured),
        _error(measured),
        f"{measured.panels:,}",
        "" if bar is None else str(bar),
        kept,
    )


def _sections(findings: Sequence[Finding]) -> Iterator[str]:
    for section, rows in groupby(findings, key=lambda finding: finding.question.section):
        yield f"## {section}\n\n{COLUMNS}" + "".join(f"| {' | '.join(cells(row))} |\n" for row in rows)


def _figure(measured: Measured) -> str:
    if not measured.panels:
        return "none"
    figure = _written(measured, measured.value)
    return f"{figure} ({measured.hits:,})" if isinstance(measured, Share) else figure


def _interval(measured: Measured) -> str:
    return " to ".join(_written(measured, end) for end in measured.interval) if measured.panels else ""


def _error(measured: Measured) -> str:
    if isinstance(measured, Median) or not measured.panels:
        return ""
    return (
        f"{measured.standard_error:.3f}" if isinstance(measured, Share) else f"{measured.standard_error:.0f}"
    )


def _written(measured: Measured, value: float) -> str:
    if isinstance(measured, Median):
        return _sessions(value)
    if isinstance(measured, Mean):
        return f"{value:,.0f}"
    return f"{value:.3f}" if measured.panels >= PANELS_FOR_A_PER_MILLE else f"{value:.2f}"


def _sessions(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "not within the panel"


def _entry(finding: Finding) -> dict[str, Any]:
    question, measured = finding.question, finding.measured
    entry: dict[str, Any] = {
        "section": question.section,
        "question": question.text,
        "kind": KINDS[question.kind],
        "panels": measured.panels,
        "value": _finite(measured.value),
        "interval_95": [_finite(end) for end in measured.interval],
        "bar": None if question.bar is None else str(question.bar),
        "missed_by": finding.missed_by,
    }
    if not isinstance(measured, Median):
        entry["standard_error"] = _finite(measured.standard_error)
    if isinstance(measured, Share):
        entry["hits"] = measured.hits
    return entry


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _conclusions(findings: Sequence[Finding]) -> str:
    """Say what the reader should conclude, with the figures as they were measured."""
    figures = {(f.question.scenario, f.question.observed): _figure(f.measured) for f in findings}
    missed = sum(finding.missed_by > 0 for finding in findings)
    return CONCLUSIONS.format(
        doubt=DOUBT.format(count=missed) if missed else "",
        null=figures["null", "gate"],
        boundary=figures["boundary", "gate"],
        naive=figures["null", "naive"],
        naive_boundary=figures["boundary", "naive d1"],
        twice=figures["twice as good", "gate"],
        better=figures["40 % better", "gate"],
        tilt=figures["desks with tilt", "promoted"],
        delay=figures["turns", "delay"],  # the median is the last question about a delay
        before=figures["desks with tilt", "before"],
        after=figures["desks with tilt", "after"],
        delay_desks=figures["desks with tilt", "delay"],
        stays=figures["stays good", "demoted"],
    )
