"""An evaluation as a page for risk managers: what it says, in sentences, charts and tables.

Each section says first what follows from its figures, then shows them with their counts. Chance
("95 % by chance") and ignorance ("left open by treated days") are never mixed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from riskops import config, evidence, policies
from riskops.evaluation import (
    DISPLAYED_RISK,
    VOLATILITY,
    Evaluation,
    EvidencePath,
    LevelWorth,
    RuleRecord,
    TraderRecord,
)
from riskops.money import whole_dollars
from riskops.own_models import OwnRecord
from riskops.policies import Figures
from riskops.report import drawing
from riskops.report.drawing import NAMES, rule_label
from riskops.report.evidence_meter import EVIDENCE_NAMES
from riskops.report.wording import LONGEST_ID, LONGEST_NAME, counted, one_line, share

NO_INTERVAL = "too few sessions"
EXACT = "exact"
TREATED = "*"
LEVEL_STEP_SHOWN = 10
LONG_TABLE = 12  # rows; a longer table is folded


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its caption, its headings and rows of cells; the first column names the row."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def is_long(self) -> bool:
        """Whether the table is folded, so that the page can be read through."""
        return len(self.rows) > LONG_TABLE


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture within the page, and what it shows in words."""

    source: str
    shows: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what it says, its chart, its tables and remarks."""

    title: str
    says: tuple[str, ...]
    chart: Chart | None = None
    tables: tuple[Table, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    about: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    foot: str


def page(found: Evaluation, further: Sequence[Section] = ()) -> Page:
    """Return the page of an evaluation; `further` sections (a review's proposals) follow its own."""
    sections = [
        _policies(found),
        *_evidence(found),
        *_displayed_risk(found),
        _levels(found),
        _rules(found),
        _restricted(found),
        _traders(found),
        *_own_models(found),
        *further,
        HOW_TO_READ,
    ]
    return Page(
        title=page_title(found),
        about=_about(found),
        summary=summary(found),
        sections=tuple(sections),
        foot=f"As known on the morning of {found.session}. Specification {found.specification[:12]}.",
    )


def page_title(found: Evaluation) -> str:
    """Return what an evaluation is of."""
    return f"Rules and model, {found.first_session} to {found.last_session}"


def summary(found: Evaluation) -> tuple[str, ...]:
    """Return what an evaluation comes to, in a few sentences."""
    rules = found.policies[policies.RULES]
    return tuple(said for said in (_rules_said(rules), _model_said(found), _treated_said(found)) if said)


def policy_table(found: Evaluation) -> Table:
    """Return the policies with their money: benefit, both intervals, prevented and cost."""
    headings = (
        *("Policy", "Net benefit", "95 % by chance", "Left open by treated days", "Prevented", "Cost"),
        "Days treated / bounded / estimated",
    )
    rows = tuple(
        (_policy_name(name, row), *_money(row), _not_plain(row)) for name, row in found.policies.items()
    )
    return Table(_on_days(next(iter(found.policies.values()))), headings, rows)


def rate_table(found: Evaluation) -> Table:
    """Return the policies with their rates, each with numerator, denominator and interval."""
    headings = (
        "Policy",
        "Hit rate",
        "Precision",
        "False-positive rate",
        "Restricted (20 % or more)",
        "Above 40 %",
    )
    names = ("hit_rate", "precision", "false_positive_rate", "restricted_share", "immediate_share")
    rows = tuple(
        (_policy_name(policy, row), *(rate(row, name) for name in names))
        for policy, row in found.policies.items()
    )
    return Table("Rates with counts and 95 % intervals", headings, rows)


# --- words of figures -----------------------------------------------------------------------
def usd(value: float) -> str:
    """Return an amount of USD in whole dollars."""
    return whole_dollars(100 * value)


def by_chance(figures: Figures, name: str = "benefit") -> str:
    """Return the bootstrap interval of an amount, or that there are too few sessions for one."""
    low, high = figures.get(f"{name}_low_usd"), figures.get(f"{name}_high_usd")
    return NO_INTERVAL if low is None or high is None else f"{usd(low)} to {usd(high)}"


def left_open(figures: Figures) -> str:
    """Return what treated days leave open of a benefit: an interval, or that it is exact."""
    least, most = figures["benefit_least_usd"], figures["benefit_most_usd"]
    if least == most:
        return EXACT
    days = int(figures.get("censored_trader_days", 0))
    return f"{usd(least)} to {usd(most)}" + (f" ({counted(days, 'day')}{TREATED})" if days else TREATED)


def rate(figures: Figures, name: str) -> str:
    """Return a rate with its counts, its interval and, where days are unknown, its bounds."""
    hits, of = int(figures[f"{name}_hits"]), int(figures[f"{name}_of"])
    if name not in figures:
        return f"– ({of} days)"
    told = f"{share(figures[name])} ({hits:,} of {of:,}; {_percents(figures, name, 'low', 'high')})"
    if figures.get(f"{name}_least") == figures.get(f"{name}_most"):
        return told
    return f"{told}; {_percents(figures, name, 'least', 'most')}{TREATED}"


def beyond_chance(figures: Figures, name: str = "benefit") -> bool:
    """Say whether both ends of a bootstrap interval, and of the bounds, lie on the same side of 0."""
    ends = [figures.get(f"{name}_{end}_usd") for end in ("low", "high", "least", "most")]
    known = [end for end in ends if end is not None]
    return f"{name}_low_usd" in figures and (min(known) > 0 or max(known) < 0)


def _percents(figures: Figures, name: str, low: str, high: str) -> str:
    return f"{100 * figures[f'{name}_{low}']:.0f}–{100 * figures[f'{name}_{high}']:.0f}\u00a0%"


def _money(figures: Figures) -> tuple[str, ...]:
    return (
        usd(figures["benefit_usd"]),
        by_chance(figures),
        left_open(figures),
        usd(figures["prevented_usd"]),
        usd(figures["cost_usd"]),
    )


def _policy_name(name: str, figures: Figures) -> str:
    """Return how a policy is called in a table."""
    if name == policies.BEST_CONSTANT:
        return f"best constant ({figures.get('reduction', 0):.0f} %), in hindsight"
    return f"{name}, for information" if name == policies.UNCONSTRAINED else NAMES.get(name, name)


def _on_days(figures: Figures) -> str:
    counts = (("trader_days", "trader-day"), ("desk_days", "session"))
    return " of ".join(counted(int(figures[key]), noun) for key, noun in counts)


def _not_plain(figures: Figures) -> str:
    """Return how many days our own limit stopped, are only bounded, and are estimated."""
    keys = ("treated_trader_days", "censored_trader_days", "estimated_trader_days")
    return " / ".join(f"{int(figures[key]):,}" for key in keys)


# --- the summary ----------------------------------------------------------------------------
def _about(found: Evaluation) -> str:
    n = found.counts
    return (
        f"{counted(n.traders, 'trader')}, {counted(n.sessions, 'session')}, "
        f"{counted(n.trader_days, 'trader-day')}, {counted(n.large_loss_days, 'large-loss day')} "
        f"({share(n.large_loss_days, max(n.trader_days - n.unknown_outcome_days, 1))}). "
        "Every day is decided from earlier days only."
    )


def _rules_said(rules: Figures) -> str:
    return (
        f"The rules' limits were worth {usd(rules['benefit_usd'])} against no restriction "
        f"({_sure(rules)}): they prevented {usd(rules['prevented_usd'])} and cost {usd(rules['cost_usd'])}."
        f"{_rules_rates(rules)}"
    )


def _rules_rates(rules: Figures) -> str:
    if "restricted_share" not in rules or "hit_rate" not in rules:
        return ""
    return (
        f" They restricted {share(rules['restricted_share'])} of the trader-days, among them "
        f"{share(rules['hit_rate'])} of the large-loss days "
        f"({int(rules['hit_rate_hits']):,} of {int(rules['hit_rate_of']):,})."
    )


def _sure(figures: Figures) -> str:
    """Say how sure a benefit is, with its interval."""
    if "benefit_low_usd" not in figures:
        return "too few sessions to say how sure that is"
    told = f"95 % by chance: {by_chance(figures)}"
    return told if beyond_chance(figures) else f"{told}, so it may as well be nothing"


def _model_said(found: Evaluation) -> str:
    if not found.advantage:
        return "There was no model yet: the history is too short to learn from. The rules are shown alone."
    more = found.advantage["benefit_usd"]
    said = f"{usd(more)} more" if more >= 0 else f"{usd(-more)} less"
    return (
        f"The model on top of the rules was worth {said} than the rules alone ({_sure(found.advantage)}). "
        f"{_evidence_said(found)}"
    )


def _evidence_said(found: Evaluation) -> str:
    path = found.evidence
    if path is None:
        return ""
    reached = "reaches" if path.smallest >= path.bar else "does not reach"
    e_value = f"e = {_e_value(path.smallest)} of {path.bar:.0f}"
    return f"Its evidence over this span {reached} the promotion line: {e_value}."


def _e_value(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}" if value < 10_000 else "more than 10,000"


def _treated_said(found: Evaluation) -> str:
    n = found.counts
    said = []
    if n.treated_days:
        said.append(
            f"{counted(n.treated_days, 'trader-day')} ended at a limit of our own: how they would have gone "
            "on is unknown, so figures that depend on it are given as bounds, marked *."
        )
    if n.estimated_days:
        said.append(
            f"Of {counted(n.estimated_days, 'trader-day')} only the daily figure is known: their benefit is "
            "estimated."
        )
    return " ".join(said)


# --- the sections ---------------------------------------------------------------------------
def _chart(svg: bytes, shows: str) -> Chart:
    return Chart(f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}", shows)


def _policies(found: Evaluation) -> Section:
    scenario = ", ".join(
        f"{_policy_name(name, row)} {usd(row['size_scaling_scenario_usd'])}"
        for name, row in found.policies.items()
    )
    says = [
        "What each policy would have been worth against the base limits, caps, easing and rounding included. "
        "The best constant restriction is chosen with hindsight: nobody could have known it.",
    ]
    if found.advantage:
        more = usd(found.advantage["benefit_usd"])
        says.append(f"Model against rules: {more}; {by_chance(found.advantage)} by chance.")
    return Section(
        "Policies compared",
        tuple(says),
        _chart(
            drawing.cumulative(found),
            "Cumulative benefit by policy in USD, session by session; marks at the bottom are days our own "
            "limit stopped, shades what they leave open.",
        ),
        (policy_table(found), rate_table(found)),
        (
            f"Size-scaling scenario, shown because it is asked for and never used to decide: {scenario}. "
            "It takes a loss limit for a position size and charges far too much on good days.",
        ),
    )


def _evidence(found: Evaluation) -> list[Section]:
    path = found.evidence
    if path is None:
        return []
    says = [
        f"{_evidence_said(found)} All four lines have to be above the promotion line on the same day: "
        f"{evidence.pace(path.sessions_to_go)}.",
        "An e-value multiplies with every session that speaks for the model and shrinks with every one that "
        "does not. Whatever the truth, a worthless model ever reaches 20 with a chance of at most 1 in 20, "
        "however often one looks.",
    ]
    if path.smallest_detectable_usd is not None:
        says.append(
            f"An advantage below about {usd(path.smallest_detectable_usd)} a session is unlikely to be seen "
            "on this desk: “not promoted” does not mean “no better”."
        )
    shortfalls = [f"Still missing: {'; '.join(path.missing)}."] if path.missing else []
    return [
        Section(
            "Evidence over time",
            tuple(says),
            _chart(drawing.evidence(path), "The four e-processes on a log axis, with the promotion line."),
            (_evidence_table(path),),
            (
                *shortfalls,
                f"The evidence starts at 1 on {path.sessions[0]}; "
                f"{counted(path.clipped_days, 'session')} of {len(path.sessions):,} had a difference "
                "so large that it was clipped. The gate of the mornings counts from the registration of "
                "the specification.",
            ),
        )
    ]


def _evidence_table(path: EvidencePath) -> Table:
    rows = tuple(
        (name, _e_value(course[-1]), f"{path.bar:.0f}", usd(total))
        for name, course, total in zip(EVIDENCE_NAMES, path.courses, path.sums_usd, strict=True)
    )
    headings = ("The model ...", "e-value", "needed", "sum of the differences, USD")
    return Table(f"After {counted(len(path.sessions), 'session')}", headings, rows)


def _displayed_risk(found: Evaluation) -> list[Section]:
    fit = found.calibration
    if fit is None:
        return []
    rows = tuple(
        (
            f"{100 * b.risk_from:.1f}–{100 * b.risk_to:.1f} %",
            f"{100 * b.mean_risk:.1f} %",
            f"{b.days:,}",
            f"{b.large_losses:,}",
            f"{100 * b.rate:.1f} %",
            f"{100 * b.rate_low:.0f}–{100 * b.rate_high:.0f} %",
        )
        for b in fit.bins
    )
    headings = ("Displayed risk", "On average", "Days", "Large losses", "Happened", "95 % interval")
    return [
        Section(
            "The displayed risk",
            (_calibration_said(found), *_ranking_said(found)),
            _chart(drawing.reliability(found), "Share of days with a large loss against the displayed risk."),
            (Table("Reliability: the days in tenths, lowest risk first", headings, rows), *_areas(found)),
            _left_out(found),
        )
    ]


def _left_out(found: Evaluation) -> tuple[str, ...]:
    days = found.counts.unknown_outcome_days
    return (f"Left out: {counted(days, 'treated day')} of unknown outcome.",) if days else ()


def _calibration_said(found: Evaluation) -> str:
    fit = found.calibration
    if fit is None or fit.slope is None or fit.slope_low is None or fit.slope_high is None:
        return "There are too few different days to tell whether the displayed risk is calibrated."
    low, high = config.CALIBRATED_SLOPE
    verdict = "calibrated" if low <= fit.slope <= high else "exaggerating" if fit.slope < low else "too timid"
    return (
        f"The displayed risk is {verdict}: slope {fit.slope:.2f} (95 % interval {fit.slope_low:.2f} to "
        f"{fit.slope_high:.2f}; {low} to {high} counts as calibrated). It announced {fit.expected:,.0f} "
        f"large losses on {fit.days:,} days; there were {fit.large_losses:,}."
    )


def _ranking_said(found: Evaluation) -> tuple[str, ...]:
    difference = found.areas.get(f"{DISPLAYED_RISK} - {VOLATILITY}")
    if difference is None or difference.low is None or difference.high is None:
        return ()
    if difference.low > 0:
        return ("It ranks days better than plain volatility does: it has learned something of behaviour.",)
    if difference.high < 0:
        return ("It ranks days worse than plain volatility does: look at volatility instead.",)
    return (
        "It ranks days no better than plain volatility does: what it has learned may be volatility alone.",
    )


def _areas(found: Evaluation) -> tuple[Table, ...]:
    if not found.areas:
        return ()
    rows = tuple(
        (
            name if " - " not in name else "difference",
            f"{area.value:.3f}",
            NO_INTERVAL if area.low is None or area.high is None else f"{area.low:.3f} to {area.high:.3f}",
            f"{area.large_losses:,}",
            f"{area.other_days:,}",
        )
        for name, area in found.areas.items()
    )
    headings = ("Score", "Area under the curve", "95 % by chance", "Days with a large loss", "Other days")
    return (Table("Ranking: 0.5 is a coin, 1 is perfect", headings, rows),)


def _levels(found: Evaluation) -> Section:
    return Section(
        "Benefit by reduction level",
        (
            "One constant cut of the base limit, for everybody on every day, and only where a rule had "
            "fired. A level is worth something where its whole interval lies above $0.",
        ),
        _chart(drawing.levels(found), "Benefit of each constant reduction from 0 to 80 %, with intervals."),
        (
            _level_table("Everybody, every day", [(w, w.everybody) for w in found.levels]),
            _level_table(
                "Only days on which a rule fired", [(w, w.where_a_rule_fired) for w in found.levels]
            ),
        ),
    )


def _level_table(caption: str, rows: Sequence[tuple[LevelWorth, Figures]]) -> Table:
    headings = (
        "Reduction",
        "Days cut",
        "Net benefit",
        "95 % by chance",
        "Left open by treated days",
        "Prevented",
        "Cost",
    )
    cells = tuple(
        (f"{w.reduction} %", f"{int(f['cut_trader_days']):,}", *_money(f))
        for w, f in rows
        if w.reduction % LEVEL_STEP_SHOWN == 0
    )
    return Table(f"{caption}: {_on_days(rows[0][1])}", headings, cells)


def _rules(found: Evaluation) -> Section:
    headings = (
        *("Rule", "Days fired", "Alone", "Large losses then", "On other days", "Times as likely"),
        *("Net benefit of its level", "95 % by chance", "Left open by treated days", "Prevented", "Cost"),
    )
    return Section(
        "Each rule's record",
        (
            "What followed when a rule fired, and what a cut to its level on those days alone was worth. "
            "The rules decide together, so these figures do not add up to the rules' own.",
        ),
        _chart(drawing.rules(found), "Share of large losses after each rule, and the benefit of its level."),
        (Table("By rule and level", headings, tuple(map(_rule_row, found.rules))),),
    )


def _rule_row(record: RuleRecord) -> tuple[str, ...]:
    f = record.figures
    lift = f"{f['lift']:.2f}" if "lift" in f else "–"
    if "lift_low" in f:
        lift += f" ({f['lift_low']:.2f} to {f['lift_high']:.2f})"
    counts = (f"{record.fired_days:,}", f"{record.alone_days:,}")
    return (rule_label(record), *counts, rate(f, "large_loss"), rate(f, "elsewhere"), lift, *_money(f))


def _restricted(found: Evaluation) -> Section:
    names = list(found.restricted.months[-1].policies)
    columns = [(name, key) for name in names for key in ("restricted_share", "immediate_share")]
    words = {"restricted_share": "20 % or more", "immediate_share": "above 40 %"}
    rows = tuple(
        (
            f"{month.month:%B %Y}",
            f"{month.sessions:,}",
            f"{month.trader_days:,}",
            *(rate(month.policies[name], key) for name, key in columns),
        )
        for month in found.restricted.months
    )
    headings = (
        "Month",
        "Sessions",
        "Trader-days",
        *(f"{_policy_name(n, {})}: {words[key]}" for n, key in columns),
    )
    return Section(
        "Restricted share over time",
        (_trailing_said(found),),
        _chart(drawing.restricted(found), "Share of restricted trader-days, by month and over 60 sessions."),
        (Table("By month", headings, rows),),
    )


def _trailing_said(found: Evaluation) -> str:
    trailing, warning = found.restricted.trailing[-1], float(config.RESTRICTED_SHARE_WARNING)
    said = (
        f"Over the {config.RESTRICTED_SHARE_WINDOW} sessions up to {found.last_session} the rules restricted "
        f"{share(trailing)} of the trader-days."
    )
    if trailing <= warning:
        return said
    return f"{said} Above {share(warning)} the rules want calibrating to the desk: see `riskops calibrate`."


def _traders(found: Evaluation) -> Section:
    headings = (
        *("Trader", "Policy", "Days", "Net benefit", "95 % by chance", "Left open by treated days"),
        *("Prevented", "Cost", "Hit rate", "Precision", "False-positive rate", "Restricted"),
    )
    rows = tuple(_trader_row(t, name, row) for t in found.traders for name, row in t.policies.items())
    return Section(
        "By trader",
        (
            "A single trader has few large losses: most intervals reach across $0, and a trader at one end "
            "of the list may be there by luck.",
        ),
        _chart(drawing.traders(found), "Benefit of rules and model for each trader, with intervals."),
        (Table("Traders, largest benefit of the rules first", headings, rows),),
    )


def _trader_row(trader: TraderRecord, policy: str, row: Figures) -> tuple[str, ...]:
    label = _trader_label(trader.trader_id, trader.name)
    rates = ("hit_rate", "precision", "false_positive_rate", "restricted_share")
    days = f"{int(row['trader_days']):,}"
    if row["treated_trader_days"]:
        days += f" ({int(row['treated_trader_days']):,}{TREATED})"
    return (label, _policy_name(policy, row), days, *_money(row), *(rate(row, key) for key in rates))


def _own_models(found: Evaluation) -> tuple[Section, ...]:
    if not found.own_models:
        return ()
    names = {trader.trader_id: trader.name for trader in found.traders}
    headings = ("Trader", "Days with a model", "Days tightened", "Gain over the rules", "95 % by chance")
    rows = tuple(_own_model_row(record, names.get(record.trader_id, "")) for record in found.own_models)
    says = (
        "They are the fall-back for mornings on which a promoted model fails, and are never promoted "
        f"themselves. Each learns from its trader's own days only, {config.OWN_MODEL_ACTIVE_DAYS} at least: "
        "most intervals reach across $0.",
    )
    table = Table("Had every morning fallen back to them", headings, rows)
    return (Section("The traders' own models", says, tables=(table,)),)


def _own_model_row(record: OwnRecord, name: str) -> tuple[str, ...]:
    low, high = record.interval_usd or (None, None)
    interval = NO_INTERVAL if low is None or high is None else f"{usd(low)} to {usd(high)}"
    label = _trader_label(record.trader_id, name)
    days = (f"{record.days:,}", f"{record.raised:,}")
    return (label, *days, usd(record.advantage_usd), interval)


def _trader_label(trader_id: str, name: str) -> str:
    trader_id, name = one_line(trader_id, LONGEST_ID), one_line(name, LONGEST_NAME)
    return trader_id if name in ("", trader_id) else f"{trader_id} {name}"


HOW_TO_READ = Section(
    "How to read this",
    (
        "Net benefit: what the desk would have ended with under the policy, less what it would have ended "
        "with under its base limits. Each day is replayed trade by trade; the trade that hits a limit is "
        "kept whole. Prevented and cost are its two sides.",
        "95 % by chance: where the figure would lie had the desk lived other days of the same kind (blocks "
        "of ten sessions drawn again). An interval that reaches across $0 says: this may be luck.",
        "Left open by treated days: a day that our own limit stopped does not tell how it would have gone "
        "on. The figure lies within these bounds; “exact” means that no such day matters. The upper end is "
        "what nine in ten earlier days of the kind stayed below. Bounds are marked *.",
        "Large loss: a day that ends at or below -40 % of the base limit. Hit rate: of these, how many were "
        "restricted by 20 % or more. Precision: of the restricted days, how many brought a large loss. "
        "False-positive rate: of the profitable days, how many were restricted.",
        "All intervals here are for looking once. Who sets the limits is decided by the evidence over time, "
        "which may be looked at every day.",
    ),
)
