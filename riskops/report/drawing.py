"""The charts of an evaluation, each one SVG picture that needs nothing from elsewhere.

Texts stay texts, so names of traders are escaped by the SVG writer, and nothing in them is read as
mathematics. The same evaluation gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from riskops import config, policies
from riskops.evaluation import Course, Evaluation, EvidencePath, LevelWorth, RuleRecord
from riskops.report.evidence_meter import EVIDENCE_NAMES
from riskops.report.wording import one_line, short_dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    policies.RULES: "#0b5fa5",
    policies.OVERLAY: "#d1495b",
    policies.NO_RESTRICTION: "#7b8794",
    policies.BEST_CONSTANT: "#8f6bb3",
    policies.UNCONSTRAINED: "#c98a1b",
}
NAMES = {policies.OVERLAY: "model on top of the rules"}
EVIDENCE_COLOURS = ("#0b5fa5", "#c98a1b", "#2a7f62", "#8f6bb3")
MUTED, LINE = "#5b6673", "#c3cad3"
SMALLEST_SHOWN = 1e-3
WIDE = (10.6, 4.1)
LONGEST_LABEL = 28
LEGEND_COLUMNS = 3
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "riskops",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "grid.color": "#e8ebef",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
WITHOUT = {"Date": None, "Creator": None, "Type": None, "Format": None}  # metadata that names addresses


def cumulative(found: Evaluation) -> bytes:
    """Draw the cumulative benefit of every policy; sessions with treated days are marked below."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for name, course in found.cumulative.policies.items():
            _course(axes, found.cumulative.sessions, name, course)
        _mark_treated(axes, found)
        axes.set_ylabel("cumulative benefit, USD")
        _dollar_axis(axes.yaxis)
        _legend(axes)

    return _svg(paint)


def evidence(path: EvidencePath) -> bytes:
    """Draw the four e-processes on a log axis with the promotion line."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for name, colour, course in zip(EVIDENCE_NAMES, EVIDENCE_COLOURS, path.courses, strict=True):
            shown = [max(value, SMALLEST_SHOWN) for value in course]
            axes.plot(_dates(path.sessions), shown, color=colour, linewidth=1.4, label=name)
        axes.axhline(path.bar, color="#b3261e", linewidth=1.6, label=f"promotion line: {path.bar:.0f}")
        axes.axhline(1, color=MUTED, linewidth=0.9, linestyle=(0, (2, 3)))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _position: f"{value:,g}")
        lowest = min(min(course, default=1.0) for course in path.courses)
        axes.set_ylim(
            max(SMALLEST_SHOWN, min(lowest, 0.5) / 1.5), max(path.bar * 2.5, _highest(path.courses) * 2)
        )
        axes.set_ylabel("e-value (log axis)")
        _legend(axes)

    return _svg(paint)


def reliability(found: Evaluation) -> bytes:
    """Draw what happened against what was shown, with Wilson intervals."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        bins = found.calibration.bins if found.calibration else ()
        x, y = [b.mean_risk for b in bins], [b.rate for b in bins]
        errors = [[b.rate - b.rate_low for b in bins], [b.rate_high - b.rate for b in bins]]
        top = 1.1 * max([*x, *(b.rate_high for b in bins)])
        axes.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle="--", label="shown = happened")
        axes.errorbar(
            x, y, yerr=errors, fmt="o", color="#0b5fa5", capsize=3, linewidth=1.2, label="a tenth of the days"
        )
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="displayed risk", ylabel="share with a large loss")
        for axis in (axes.xaxis, axes.yaxis):
            _percent_axis(axis)
        _legend(axes)

    return _svg(paint, (5.6, 4.2))


def levels(found: Evaluation) -> bytes:
    """Draw the benefit of each constant reduction, 0 to 80 %: for everybody, and where a rule fired."""

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        _level_curve(left, found.levels, "everybody", "everybody, every day")
        _level_curve(right, found.levels, "where_a_rule_fired", "only days on which a rule fired")

    return _svg(paint)


def restricted(found: Evaluation) -> bytes:
    """Draw the rules' restricted share over time, with the line from which they want calibrating."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        share, colour = found.restricted, COLOURS[policies.RULES]
        middle = _dates([month.month.replace(day=15) for month in share.months])
        for key, shade, name in (
            ("restricted_share", "#b9d2e8", "rules: month, 20 % or more"),
            ("immediate_share", colour, "rules: month, above 40 %"),
        ):
            heights = [month.policies[policies.RULES].get(key, 0.0) for month in share.months]
            axes.bar(middle, heights, width=24, color=shade, label=name)
        axes.plot(
            _dates(share.sessions),
            share.trailing,
            color="#1d2a38",
            linewidth=1.3,
            label="rules: trailing 60 sessions",
        )
        warning = float(config.RESTRICTED_SHARE_WARNING)
        axes.axhline(warning, color="#b3261e", linewidth=1.3, label=f"calibrate above {100 * warning:.0f} %")
        axes.set_ylim(0, max(0.55, 1.15 * max(share.trailing, default=0)))
        _percent_axis(axes.yaxis)
        axes.set_ylabel("share of trader-days")
        _legend(axes)

    return _svg(paint)


def traders(found: Evaluation) -> bytes:
    """Draw each trader's benefit under rules and overlay, with bootstrap intervals."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        names = list(found.traders[0].policies)
        for i, policy in enumerate(names):
            rows = [trader.policies[policy] for trader in found.traders]
            at = [row + (i - (len(names) - 1) / 2) * 0.3 for row in range(len(rows))]
            _ranges(axes, at, rows, COLOURS[policy], NAMES.get(policy, policy))
        labels = [_label(trader.trader_id, trader.name) for trader in found.traders]
        _rows(axes, labels, "benefit, USD")
        _legend(axes)

    return _svg(paint, (10.6, 1.4 + 0.38 * len(found.traders)))


def rules(found: Evaluation) -> bytes:
    """Draw what followed each rule, and what a cut to its level was worth."""

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        records = found.rules
        _large_loss_rates(left, records)
        _ranges(
            right,
            range(len(records)),
            [r.figures for r in records],
            COLOURS[policies.RULES],
            "95 % by chance",
        )
        _rows(right, [rule_label(record) for record in records], "benefit of a cut to its level, USD")

    return _svg(paint, (10.6, 1.5 + 0.4 * len(found.rules)))


def rule_label(record: RuleRecord) -> str:
    """Return how a rule's tier is called: ``loss streak, 30 %``."""
    return f"{record.rule.replace('_', ' ')}, {record.level} %"


# --- parts ----------------------------------------------------------------------------------
def _course(axes: Axes, sessions: Sequence[date], name: str, course: Course) -> None:
    colour = COLOURS[name]
    axes.plot(_dates(sessions), course.benefit_usd, color=colour, linewidth=1.5, label=NAMES.get(name, name))
    if course.least_usd != course.most_usd:
        axes.fill_between(
            _dates(sessions), course.least_usd, course.most_usd, color=colour, alpha=0.13, linewidth=0
        )


def _mark_treated(axes: Axes, found: Evaluation) -> None:
    marked = [day for day, n in zip(found.cumulative.sessions, found.cumulative.treated, strict=True) if n]
    if marked:
        axes.plot(
            _dates(marked),
            [0.015] * len(marked),
            "|",
            color="#1d2a38",
            transform=axes.get_xaxis_transform(),
            label="a day our own limit stopped",
        )


def _level_curve(axes: Axes, worths: Sequence[LevelWorth], which: str, title: str) -> None:
    rows = [getattr(worth, which) for worth in worths]
    x = [worth.reduction for worth in worths]
    colour = COLOURS[policies.RULES]
    axes.plot(x, [row["benefit_usd"] for row in rows], "o-", color=colour, markersize=3.5, linewidth=1.4)
    low, high = (
        [row.get(f"benefit_{end}_usd", row["benefit_usd"]) for row in rows] for end in ("low", "high")
    )
    axes.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0, label="95 % by chance")
    axes.axhline(0, color=MUTED, linewidth=0.9)
    axes.set_title(title, fontsize=10, color=MUTED, loc="right")
    axes.set_xlabel("reduction, % of the base limit")
    axes.set_ylabel("benefit, USD")
    _dollar_axis(axes.yaxis)
    _legend(axes)


def _large_loss_rates(axes: Axes, records: Sequence[RuleRecord]) -> None:
    for name, colour, marker in (("elsewhere", MUTED, "s"), ("large_loss", "#b3261e", "o")):
        said = "after it fired" if name == "large_loss" else "on all other days"
        known = [(i, r.figures) for i, r in enumerate(records) if name in r.figures]
        at, rate = [i for i, _ in known], [f[name] for _, f in known]
        errors = [
            [f[name] - f[f"{name}_low"] for _, f in known],
            [f[f"{name}_high"] - f[name] for _, f in known],
        ]
        axes.errorbar(
            rate,
            at,
            xerr=errors,
            fmt=marker,
            color=colour,
            capsize=3,
            linewidth=1.2,
            markersize=5,
            label=said,
        )
    axes.set_xlim(left=0)
    axes.set_xlabel("share of days with a large loss")
    _percent_axis(axes.xaxis)
    _legend(axes)


def _ranges(
    axes: Axes, at: Sequence[float], rows: Sequence[dict[str, float]], colour: str, label: str
) -> None:
    worth = [row["benefit_usd"] for row in rows]
    low = [value - row.get("benefit_low_usd", value) for value, row in zip(worth, rows, strict=True)]
    high = [row.get("benefit_high_usd", value) - value for value, row in zip(worth, rows, strict=True)]
    errors = [[max(end, 0.0) for end in ends] for ends in (low, high)]
    axes.errorbar(
        worth, at, xerr=errors, fmt="o", color=colour, capsize=2.5, linewidth=1.2, markersize=5, label=label
    )


def _rows(axes: Axes, labels: Sequence[str], what: str) -> None:
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    axes.set_xlabel(what)
    _dollar_axis(axes.xaxis)


def _label(trader_id: str, name: str) -> str:
    return one_line(trader_id if name in ("", trader_id) else f"{trader_id} {name}", LONGEST_LABEL)


def _legend(axes: Axes) -> None:
    """Put the legend above the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=LEGEND_COLUMNS, borderaxespad=0.2)


def _dates(sessions: Sequence[date]) -> Any:
    """Return dates for an axis, which takes them although its types do not say so."""
    return list(sessions)


def _highest(courses: Sequence[Sequence[float]]) -> float:
    return max(max(course, default=1.0) for course in courses)


def _dollar_axis(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _position: short_dollars(value))


def _percent_axis(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _position: f"{100 * value:.3g} %")


def _svg(paint: Callable[[Figure], None], size: tuple[float, float] = WIDE) -> bytes:
    """Draw on a figure of so many inches and return the SVG element, without prolog and metadata."""
    import matplotlib as mpl
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's font draws what ours lacks
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        for axes in figure.axes:
            if isinstance(axes.xaxis.get_major_locator(), AutoDateLocator):
                axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata=WITHOUT)
    drawn = out.getvalue()
    return drawn[drawn.index(b"<svg") :]
