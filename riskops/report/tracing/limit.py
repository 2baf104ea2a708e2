"""A trader's limit as arithmetic: the cut, what it comes from, and what it was before."""

from __future__ import annotations

from collections.abc import Iterator

from riskops import config
from riskops.money import dollars
from riskops.records import Decision, Engine, RuleScore, Rung, Signal
from riskops.report.changes import Standing
from riskops.report.material import Material
from riskops.report.tracing.traced import Place, Row, Traced, named, row
from riskops.report.wording import one_line, short_date

RULES, MODEL, OWN = (engine.value for engine in (Engine.RULES, Engine.POOLED_MODEL, Engine.OWN_MODELS))


def decision_row(decision: Decision, column: str) -> Row:
    """Return where something of a decision is on record."""
    return row("decisions", column, trader_id=decision.trader_id)


def limit_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield the limit, the base limit and the cut, and what the limit was before."""
    yield Traced("New limit", dollars(decision.limit_cents), limit_formula(decision), _limit_rows(decision))
    yield Traced(
        "Base limit",
        dollars(decision.base_limit_cents),
        "the schedule of base limits; a lower one acts at once, a raise on the first session without a cut",
        (
            decision_row(decision, "base_limit_cents"),
            row("base_limits", "base_limit_cents", trader_id=decision.trader_id),
        ),
    )
    yield Traced("Cut", f"{decision.reduction}%", _cut_formula(material, decision), _cut_rows(decision))
    yield _rung(material, decision)
    yield from _override(decision)
    yield from since(material, decision.trader_id)
    yield from change_numbers(material, decision)


def limit_formula(decision: Decision) -> str:
    """Return how a limit follows from the base limit and the cut."""
    base = dollars(decision.base_limit_cents)
    exact = dollars(decision.base_limit_cents * (100 - decision.reduction) // 100)
    if decision.reduction == 0:
        return f"no cut: the base limit {base}, not rounded"
    rounded = f"rounded down to {named('LIMIT_STEP_CENTS')}, at least what {named('MAX_REDUCTION')} % leaves"
    held = "; held, so never more dollars than the limit it stands on" if decision.rung >= Rung.HOLD else ""
    return f"{base} x (100 - {decision.reduction}) % = {exact}, {rounded}{held}"


def _limit_rows(decision: Decision) -> tuple[Place, ...]:
    columns = ("limit_cents", "base_limit_cents", "reduction")
    return tuple(decision_row(decision, column) for column in columns)


def _override(decision: Decision) -> Iterator[Traced]:
    """Yield by whose word a limit is another one than was decided, and what had been decided."""
    if (made := decision.override) is None:
        return
    said = row("overrides", "reduction", number=made.number)
    how = f"{one_line(made.by)} said so on record: {one_line(made.why)}"
    yield Traced("Override", f"override {made.number}", how, (said,))
    until = row("overrides", "last_session", number=made.number)
    yield Traced(
        "Override until", short_date(made.last_session), "its last session, then it is over", (until,)
    )
    decided = f"{made.decided_reduction}% ({dollars(made.decided_limit_cents)})"
    at = decision_row(decision, "detail.override.decided_reduction")
    yield Traced("Decided without it", decided, "the limit that would be in force", (at,))


def _rung(material: Material, decision: Decision) -> Traced:
    publication = material.publication
    how = (
        "who decided it: 1 model, 2 rules, 3 held, 4 floor; a trader whose own data failed is held. The "
        f"desk is on rung {publication.rung_label}: {publication.why}"
    )
    at = (decision_row(decision, "rung"), row("publications", "why"))
    return Traced("Rung", f"rung {int(decision.rung)}", how, at)


# --- the cut ----------------------------------------------------------------------------------


def _cut_rows(decision: Decision) -> tuple[Place, ...]:
    found = decision_row(decision, "reduction")
    if decision.engine is None:
        held = decision.held_reduction is not None
        return (found, decision_row(decision, "detail.held_reduction")) if held else (found,)
    engines = dict.fromkeys((RULES, decision.engine.value))
    return found, *(
        row("scores", "reduction", engine=engine, trader_id=decision.trader_id) for engine in engines
    )


def _cut_formula(material: Material, decision: Decision) -> str:
    decided = _decided(material, decision)
    if decision.override is None:
        return decided
    return f"override {decision.override.number}; without it {decision.decided_reduction} %: {decided}"


def _decided(material: Material, decision: Decision) -> str:
    """Return what the decided cut comes from, whatever override stands on it."""
    if decision.rung is Rung.FLOOR:
        return f"there is no earlier limit to hold: {named('FLOOR_REDUCTION')}"
    if decision.engine is None:
        return _held(decision)
    score = material.rule_scores.get(decision.trader_id)
    rules = "what the rules ask for" if score is None else _by_rules(score)
    if decision.engine is Engine.RULES:
        return rules
    asked = f"{_WHOSE[decision.engine]} asks for {decision.decided_reduction} %"
    return f"{asked}, which tightens the rules' cut: {rules}"


_WHOSE = {Engine.POOLED_MODEL: "the pooled model", Engine.OWN_MODELS: "the trader's own model"}


def _held(decision: Decision) -> str:
    step = min(config.HOLD_STEP * decision.held_sessions, config.HOLD_MAX_STEP)
    then = decision.held_reduction
    if then is None or decision.decided_reduction < min(then + step, config.MAX_REDUCTION):
        return "the last limits that were committed, as they were: nothing could be decided"
    more = (
        ""
        if decision.decided_reduction == min(then + step, config.MAX_REDUCTION)
        else ", and no looser than the last"
    )
    return (
        f"{then} % on {decision.held_from} and {step} points: {named('HOLD_STEP')} a held session, "
        f"{named('HOLD_MAX_STEP')} at the most, never above {named('MAX_REDUCTION')}{more}"
    )


def _by_rules(score: RuleScore) -> str:
    asked = f"{_combined(score.signals)}{_probation(score)}: {score.raw_reduction} %"
    if score.easing_from is None:
        return asked
    reduction, session = score.easing_from
    step = f"relief of {named('RELIEF_PER_SESSION')} points a session at the most"
    return f"{asked}; but {reduction} % were in force on {session}, and {step} leaves {score.reduction} %"


def _combined(signals: tuple[Signal, ...]) -> str:
    if not signals:
        return "no rule fired"
    told = f"the highest level of the rules that fired, {max(s.level for s in signals)}"
    if len(signals) == 1:
        return (
            f"{told}; a lone signal counts {named('SINGLE_SIGNAL_CAP')} at the most, but for a deep drawdown"
        )
    if len(signals) < config.EXTRA_SIGNALS_FROM:
        return told
    extra = f"{named('EXTRA_SIGNAL_STEP')} for each from signal {named('EXTRA_SIGNALS_FROM')} on"
    return f"{told}, and {extra}, never above {named('MAX_REDUCTION')}"


def _probation(score: RuleScore) -> str:
    if not score.probation:
        return ""
    return (
        f"; {score.active_days} active days are fewer than {named('PROBATION_DAYS')}: at least "
        f"{named('PROBATION_REDUCTION')}, and no cap"
    )


# --- what it was before -----------------------------------------------------------------------


def since(material: Material, trader_id: str) -> Iterator[Traced]:
    """Yield which limits the mail is compared with."""
    if said := material.background.earlier.since:
        how = "the last session whose mail left; in a correction the mail it replaces"
        yield Traced("Compared with", said, how, (before_row(material, trader_id, "session"),))


def change_numbers(material: Material, decision: Decision) -> Iterator[Traced]:
    """Yield the limit a trader had in the mail before, and by how much it changed."""
    then = _before(material, decision)
    if then is None:
        return
    rows = (before_row(material, decision.trader_id, "limit_cents"), decision_row(decision, "limit_cents"))
    label = material.background.earlier.since or "against the full limit, as nothing was mailed before"
    yield Traced("Limit before", f"{dollars(then.limit_cents)} (cut {then.reduction}%)", label, rows[:1])
    by = decision.limit_cents - then.limit_cents
    sign = "+" if by > 0 else ""
    how = f"{dollars(decision.limit_cents)} - {dollars(then.limit_cents)}, {label}"
    yield Traced("Change", f"{sign}{dollars(by)}", how, rows)


def _before(material: Material, decision: Decision) -> Standing | None:
    earlier = material.background.earlier
    if not earlier.since:
        return Standing(decision.base_limit_cents, 0, "")
    return earlier.limits.get(decision.trader_id)


def before_row(material: Material, trader_id: str, column: str) -> Row:
    """Return where the limits that a mail is compared with are on record."""
    earlier = material.background.earlier
    if earlier.session is None:
        return row("decisions", "base_limit_cents", trader_id=trader_id)
    if earlier.revision is not None:
        return row(
            "decisions", column, session=earlier.session, revision=earlier.revision, trader_id=trader_id
        )
    return row("published_limits", column, session=earlier.session, trader_id=trader_id)
