"""The rest of a trader's entry: reasons, confidence, risk, way back, flip distance, model, results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from riskops.money import at_least, dollars, whole_dollars
from riskops.records import Decision, Engine, ModelScore
from riskops.report.charts import SHOWN_DAYS, Day
from riskops.report.material import Material
from riskops.report.tracing.limit import MODEL, OWN, decision_row
from riskops.report.tracing.traced import Traced, named, row
from riskops.report.wording import counted, printable, share, short_date, short_dollars
from riskops.way_back import CLAUSE_BREAK


def reason_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield the reasons and notes that are not those of a fired rule, as they are on record."""
    fired = {signal.reason for signal in material.background.signals.get(decision.trader_id, ())}
    for reason in decision.reasons:
        if reason not in fired:
            yield Traced(
                "Reason",
                printable(reason),
                _why(decision, reason),
                (decision_row(decision, "detail.reasons"),),
            )
    for note in decision.notes:
        yield Traced("Note", printable(note), _why(decision, note), (decision_row(decision, "detail.notes"),))
    if not decision.reasons and decision.held_from is not None:
        stands = f"Held from {decision.held_from}, held session {decision.held_sessions}"
        yield Traced("Reason", stands, _HELD, (decision_row(decision, "detail.held_from"),))


_HELD = "the last session that an engine decided, and how many in a row were held since, this one included"


def _why(decision: Decision, said: str) -> str:
    """Return what a reason in words rests on."""
    for start, how in _TOPICS:
        if said.startswith(start):
            return how()
    if decision.engine in (Engine.POOLED_MODEL, Engine.OWN_MODELS):
        return "what adds most to the gain that the model expects of this cut"
    return "as the rules have it on record"


_TOPICS: tuple[tuple[str, Callable[[], str]], ...] = (
    (
        "Easing from",
        lambda: f"what was in force then; {named('RELIEF_PER_SESSION')} points of it end a session",
    ),
    ("Probation", lambda: f"active days known at the cut-off, fewer than {named('PROBATION_DAYS')}"),
    ("Held from", lambda: _HELD),
    ("Floor of", lambda: f"half the base limit: {named('FLOOR_REDUCTION')}"),
    ("Loss streak", lambda: f"losses in a row, from {named('STREAK_DAYS')} on"),
    ("Extended loss streak", lambda: f"losses in a row, from {named('LONG_STREAK_DAYS')} on"),
)


def confidence_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield the record behind the confidence, and the displayed risk of a large loss."""
    if (record := decision.track_record) is not None:
        rule = record.rule.value.replace("_", " ")
        at = decision_row(decision, "detail.track_record")
        loss = f"at or below -{named('LARGE_LOSS_OF_BASE')} x the base limit"
        yield Traced("Large losses on such days", f"{record.hits}", f"of them brought a loss {loss}", (at,))
        days = f"earlier active days of the trader on which this rule fired: {rule}"
        yield Traced("Such days", counted(record.days, "such day"), days, (at,))
        if record.desk_days:
            how = f"{record.desk_hits:,} of {record.desk_days:,} active days of the whole desk brought one"
            yield Traced("Desk", share(record.desk_hits, record.desk_days), how, (at,))
    if decision.large_loss_probability is not None:
        how = (
            "the pooled model's probability of a large loss on this session, calibrated; shown from "
            f"{named('MIN_LARGE_LOSS_DAYS')} large-loss days on"
        )
        at = decision_row(decision, "detail.large_loss_probability")
        yield Traced("Risk of a large loss", share(decision.large_loss_probability), how, (at,))


def way_back_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield what restores the limit, clause by clause, and what would cut it further."""
    at = (decision_row(decision, "detail.way_back"),)
    for clause in printable(decision.way_back).split(CLAUSE_BREAK):
        if clause:
            yield Traced("Way back", clause, _inverse(clause, decision), at)
    if decision.flip_distance_cents is not None:
        exact = dollars(decision.flip_distance_cents)
        how = (
            f"the smallest extra loss on the last active day that raises the rules' cut, {exact}; printed "
            "rounded up to dollars from $100 on"
        )
        at = (decision_row(decision, "detail.flip_distance_cents"),)
        yield Traced("Flip distance", at_least(decision.flip_distance_cents), how, at)


def _inverse(clause: str, decision: Decision) -> str:
    """Return how a clause of the way back inverts its rule."""
    base = dollars(decision.base_limit_cents)
    for start, how in _INVERSES:
        if clause.lower().startswith(start):
            return how(base)
    return "a hold ends with the first morning that can be decided"


_INVERSES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("loss streak", lambda base: f"{named('NOISE_SHARE_OF_BASE')} x the base limit {base}"),
    (
        "drawdown",
        lambda _: (
            f"lost from the peak, less {named('DRAWDOWN_PERCENT')} % of capital and peak, before that "
            f"{named('DEEP_DRAWDOWN_PERCENT')} %; window {named('DRAWDOWN_WINDOW_DAYS')}"
        ),
    ),
    (
        "volatility",
        lambda _: f"{named('VOLATILITY_RATIO')} x the baseline, over {named('VOLATILITY_RECENT_DAYS')} days",
    ),
    ("limit breach", lambda _: f"the first session more than {named('RECENT_SESSIONS')} after that day"),
    ("large loss", lambda _: f"the first session more than {named('RECENT_SESSIONS')} after that day"),
    ("probation", lambda _: f"{named('PROBATION_DAYS')} less the active days known"),
    (
        "easing",
        lambda _: f"the cut less {named('RELIEF_PER_SESSION')} points a session, down to what the rules ask",
    ),
    ("then at most", lambda _: f"relief a session: {named('RELIEF_PER_SESSION')}"),
)


def model_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield what the models said of a trader, whether it decided or not."""
    score = next((s for s in material.model_scores if s.trader_id == decision.trader_id), None)
    if score is not None:
        asked = score.reduction if decision.challenger_reduction is None else decision.challenger_reduction
        yield from _scored(score, asked, "Pooled model", MODEL)
    if (own := material.own_scores.get(decision.trader_id)) is not None:
        yield from _scored(own, own.reduction, "Trader's own model", OWN)


def _scored(score: ModelScore, asked: int, whose: str, engine: str) -> Iterator[Traced]:
    key = {"engine": engine, "trader_id": score.trader_id}
    how = _expected(score)
    yield Traced(f"{whose} would cut by", f"{asked}%", how, (row("scores", "reduction", **key),))
    for reason in score.reasons:
        at = (row("scores", "detail.reasons", **key),)
        yield Traced(
            f"{whose}: reason", printable(reason), "what moves its score most, the largest first", at
        )


def _expected(score: ModelScore) -> str:
    """Say what a model expects of the cut it asks for."""
    if score.gain_usd <= 0:
        return "the rules' own cut: no larger one has a larger expected gain"
    return (
        f"the cut with the largest expected gain over the rules' one, {_usd(score.gain_usd)} with a standard "
        f"error of {_usd(score.gain_se_usd)}; told in the mail where it is more than "
        f"{named('MATERIAL_CENTS_PER_ACTIVE_TRADER')}"
    )


def _usd(usd: float) -> str:
    return whole_dollars(100 * usd)


# --- the results behind the chart -------------------------------------------------------------


def result_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield what the chart of results says in words, and every day of it."""
    days = tuple(material.background.recent.get(decision.trader_id, ()))[-SHOWN_DAYS:]
    if not days or not decision.reduction:
        return
    yield from _summed_up(days)
    yield from _axis(decision, days)
    yield from (
        Traced(
            short_date(day.session),
            whole_dollars(day.net_cents),
            f"{dollars(day.net_cents)}, all accounts together; {dollars(day.limit_cents)} were in force",
            (row("daily_results", "net_cents", session=day.session),),
        )
        for day in days
    )


def _axis(decision: Decision, days: Sequence[Day]) -> Iterator[Traced]:
    """Yield what the picture's axis says: 0, and the lowest of results and limits."""
    lowest = min(-decision.limit_cents, *(day.net_cents for day in days), *(-day.limit_cents for day in days))
    how = f"the lowest of the results, of the limits in force and of the new one, {dollars(lowest)}"
    at = (row("daily_results", "net_cents", session=days[-1].session), decision_row(decision, "limit_cents"))
    yield Traced("Lowest on the chart", short_dollars(lowest / 100), how, at)
    yield Traced("Line on the chart", short_dollars(0), "neither gain nor loss", at)


def _summed_up(days: Sequence[Day]) -> Iterator[Traced]:
    nets = [day.net_cents for day in days]
    worst = min(days, key=lambda day: day.net_cents)
    over = f"of the {len(days)} results below"
    told = (
        ("Days", counted(len(days), "active day"), f"the last active days, {SHOWN_DAYS} at the most"),
        ("First day", short_date(days[0].session), "the oldest of them"),
        ("Last day", short_date(days[-1].session), "the last active day before the session"),
        ("Up", f"{sum(net > 0 for net in nets)} up", f"above 0, {over}"),
        ("Down", f"{sum(net < 0 for net in nets)} down", f"below 0, {over}"),
        ("Sum", whole_dollars(sum(nets)), f"sum {over}, {dollars(sum(nets))}"),
        ("Worst", whole_dollars(worst.net_cents), f"lowest {over}, {dollars(worst.net_cents)}"),
        ("Worst day", short_date(worst.session), "the day of the lowest result"),
    )
    span = (row("daily_results", "net_cents", session=days[-1].session),)
    yield from (Traced(label, value, how, span) for label, value, how in told)
