"""Draws the charts of the mail as small PNG pictures; the same chart gives the same bytes.

A picture has a light ground of its own, so that it can be read on a dark page too. What it shows is
told by position and in letters, never by colour alone, and no foreign text gets into it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from riskops.money import dollars
from riskops.records import Picture
from riskops.report.charts import BenefitChart, Chart, ResultsChart
from riskops.report.wording import short_date, short_dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 200  # twice what is shown, for sharp screens
INCH = 100  # pixels as shown
COLOURS_KEPT = 48
CLEAR = 0.4  # of the axis: what keeps two labels apart
GROUND, INK, MUTED, LINE = "#f7f9fb", "#16202b", "#4a5563", "#c3cad3"
GAIN, LOSS, LIMIT = "#7fa6c9", "#9a3412", "#16202b"
STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 6.5,
    "text.parse_math": False,
    "figure.facecolor": GROUND,
    "axes.facecolor": GROUND,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
DAMAGE = (ImportError, OSError, RuntimeError, ValueError, ArithmeticError)


def draw(charts: Iterable[Chart]) -> tuple[Picture, ...]:
    """Return a picture of every chart, one where two show the same.

    Raises
    ------
    ImportError, OSError, RuntimeError, ValueError, ArithmeticError
        If a chart cannot be drawn here (`DAMAGE`); the mail is whole without.
    """
    different = {chart.content_id: chart for chart in charts}
    return tuple(Picture(content_id, _png(chart)) for content_id, chart in different.items())


def _png(chart: Chart) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(chart.width / INCH, chart.height / INCH), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        _paint(figure.add_axes((0.125, 0.17, 0.715, 0.76)), chart)
        canvas.draw()
        return _packed(canvas.buffer_rgba())


def _packed(pixels: Any) -> bytes:
    """Return pixels as a PNG of few colours: a third of the size, and no metadata."""
    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    opaque = Image.fromarray(np.ascontiguousarray(np.asarray(pixels)[:, :, :3]))
    opaque.quantize(COLOURS_KEPT).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _paint(axes: Axes, chart: Chart) -> None:
    if isinstance(chart, ResultsChart):
        _results(axes, chart)
    else:
        _benefit(axes, chart)


def _results(axes: Axes, chart: ResultsChart) -> None:
    """Draw results as bars, the limits that were in force as steps, and the new one as a line."""
    nets = [day.net_cents / 100 for day in chart.days]
    at, limit = list(range(len(nets))), -chart.limit_cents / 100
    axes.bar(at, nets, width=0.68, color=[GAIN if net >= 0 else LOSS for net in nets])
    in_force = [-day.limit_cents / 100 for day in chart.days]
    axes.step([*at, len(at)], [*in_force, in_force[-1]], where="post", color=MUTED, linewidth=0.7)
    axes.axhline(limit, color=LIMIT, linewidth=1.3, linestyle=(0, (4, 2)))
    axes.axhline(0, color=LINE, linewidth=0.6)
    label = f"new limit\n{dollars(chart.limit_cents)}"
    axes.annotate(label, (1.01, limit), xycoords=axes.get_yaxis_transform(), va="center", color=INK)
    lowest = min(limit, *nets, *in_force)
    if abs(in_force[-1] - limit) > CLEAR * max(*nets, -lowest):
        where = (1.01, in_force[-1])
        axes.annotate("in force", where, xycoords=axes.get_yaxis_transform(), va="center", color=MUTED)
    axes.set_ylim(1.12 * lowest, 1.12 * max(*nets, -0.25 * lowest))
    axes.set_xlim(-0.6, max(len(at), 10))
    axes.set_xticks(at[:: max(1, len(at) - 1)])
    axes.set_xticklabels([short_date(chart.days[n].session) for n in at[:: max(1, len(at) - 1)]])
    axes.set_yticks([lowest, 0])
    axes.yaxis.set_major_formatter(lambda value, _position: short_dollars(value))


def _benefit(axes: Axes, chart: BenefitChart) -> None:
    """Draw the course of the benefit, with its last value in letters."""
    weeks = list(range(len(chart.course)))
    worth = [usd for _, usd in chart.course]
    axes.fill_between(weeks, worth, color=GAIN, alpha=0.35, linewidth=0)
    axes.plot(weeks, worth, color=INK, linewidth=1.1)
    axes.axhline(0, color=LINE, linewidth=0.6)
    axes.annotate(short_dollars(worth[-1]), (weeks[-1], worth[-1]), (4, 0), textcoords="offset points")
    axes.set_xlim(0, weeks[-1])
    axes.set_xticks([weeks[0], weeks[-1] // 2, weeks[-1]])
    axes.set_xticklabels([f"{chart.course[week][0]:%b %Y}" for week in axes.get_xticks().tolist()])
    axes.set_yticks(sorted({min(0.0, *worth), 0.0, max(0.0, *worth)}))
    axes.yaxis.set_major_formatter(lambda value, _position: short_dollars(value))
