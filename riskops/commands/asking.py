"""Ask the record: why a limit is what it is, and what the mail said."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from riskops.commands.context import (
    SessionOption,
    asked_run,
    console,
    newest_run,
    opened_desk,
    print_receipt,
)
from riskops.delivery import FILES_RECIPIENT
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.money import dollars
from riskops.records import Decision, Publication, RuleScore, Run, Rung, TrackRecord, Verb
from riskops.report.wording import confidence, overridden
from riskops.sessions import DESK_ZONE, parse_session
from riskops.store.mornings import Report
from riskops.store.seal import LIMITS_MAIL
from riskops.way_back import CLAUSE_BREAK

app = typer.Typer()

NUMBERS = {
    "net_cents": "result",
    "limit_cents": "limit",
    "session": "on",
    "days": "days that count",
    "percent": "drawdown",
    "numerator_cents": "lost from the peak",
    "denominator_cents": "of the drawdown capital",
    "window_days": "over active days",
    "recent_downside_cents": "mean loss, last days",
    "baseline_downside_cents": "mean loss, baseline",
    "baseline_days": "active days in the baseline",
    "base_cents": "base limit",
    "threshold_cents": "unusual below",
}


@app.command()
def explain(
    trader: Annotated[str, typer.Argument(help="The trader's id.", metavar="TRADER")],
    session: Annotated[str, typer.Argument(help="YYYY-MM-DD.", metavar="SESSION")],
) -> None:
    """Say why a trader's limit was what it was on a session, and what restores it."""
    with opened_desk() as desk:
        run = asked_run(desk, parse_session(session).isoformat())
        publication = _published(desk, run)
        decision = _decision_of(publication, trader)
        print_receipt(f"{_called(decision)} on {run.session}", _told(publication, decision))
        scores = {s.trader_id: s for s in desk.store.mornings.rule_scores(run.session, run.revision)}
        if trader in scores and scores[trader].signals:
            console.print(_signals(scores[trader]))


@app.command()
def report(session: SessionOption = None) -> None:
    """Print the composed mail of a session, of its newest correction that is out, and say where it went."""
    with opened_desk() as desk:
        run = newest_run(desk, session)
        composed = _composed(desk, run)
        console.print(Text(composed.text), soft_wrap=True)
        console.print(Text(whereabouts(desk, run)), soft_wrap=True)


def _published(desk: Desk, run: Run) -> Publication:
    publication = desk.store.mornings.publication(run.session, run.revision)
    if publication is None:
        raise MissingResultError(f"No limits were decided for {run.session}: run `riskops morning`.")
    return publication


def _composed(desk: Desk, run: Run) -> Report:
    composed = desk.store.mornings.report(run.session, run.revision, LIMITS_MAIL)
    past = desk.store.mornings.stages(run.session, run.revision).get(Verb.COMPOSE)
    if composed is None or past is None or not past.is_done:
        raise MissingResultError(f"No report was composed for {run.session}: run `riskops morning`.")
    return composed


def _decision_of(publication: Publication, trader_id: str) -> Decision:
    for decision in publication.decisions:
        if decision.trader_id == trader_id:
            return decision
    known = ", ".join(decision.trader_id for decision in publication.decisions)
    raise MissingResultError(f"{trader_id!r} had no limit on {publication.session}; traders: {known}.")


def _called(decision: Decision) -> str:
    named = decision.name not in ("", decision.trader_id)
    return f"Trader {decision.trader_id}, {decision.name}," if named else f"Trader {decision.trader_id}"


def _told(publication: Publication, decision: Decision) -> dict[str, object]:
    told = {
        "limit": f"{dollars(decision.limit_cents)} (from {dollars(decision.base_limit_cents)})",
        "reduction": f"{decision.reduction}%",
        "override": overridden(decision),
        "rung": f"{int(decision.rung)} {decision.rung.label}",
        "why this rung": publication.why,
        "reasons": "\n".join(decision.reasons) or "no rule fired",
        "confidence": _confidence(decision),
        "record": _record(decision.track_record),
        "way back": "\n".join(decision.way_back.split(CLAUSE_BREAK)),
        "flip distance": _flip_distance(decision),
        "model would have said": _challenged(decision),
        "notes": "\n".join(decision.notes),
        "cut-off": publication.cut_off.astimezone(DESK_ZONE).strftime("%Y-%m-%d %H:%M New York"),
        "code version": publication.code_version,
    }
    return {name: value for name, value in told.items() if value}


def _confidence(decision: Decision) -> str:
    if decision.reduction == 0:
        return ""
    return confidence(decision) or "none of its own: the cut only eases"


def _record(record: TrackRecord | None) -> str:
    if record is None:
        return ""
    desk = f"(desk: {record.desk_hits:,} of {record.desk_days:,})"
    return f"large loss on {record.hits} of {record.days} such days {desk}"


def _flip_distance(decision: Decision) -> str:
    if decision.flip_distance_cents is None:
        return "no loss would raise the cut" if decision.rung <= Rung.RULES else ""
    return f"{dollars(decision.flip_distance_cents)} more lost on the last active day would raise the cut"


def _challenged(decision: Decision) -> str:
    return "" if decision.challenger_reduction is None else f"{decision.challenger_reduction}%"


def _signals(score: RuleScore) -> Table:
    table = Table(title="Signals and their numbers", title_justify="left")
    for heading in ("Rule", "Level", "Numbers"):
        table.add_column(heading)
    for signal in score.signals:
        numbers = "\n".join(_in_words(name, value) for name, value in signal.numbers.items())
        table.add_row(*(Text(cell) for cell in (signal.rule.replace("_", " "), f"{signal.level}%", numbers)))
    return table


def _in_words(name: str, value: float | str) -> str:
    """Return a number behind a signal as people read it: amounts in dollars, what it is before it."""
    called = NUMBERS.get(name, name.removesuffix("_cents").replace("_", " "))
    if isinstance(value, str):
        return f"{called}: {value}"
    if name.endswith("_cents"):
        return f"{called}: {dollars(round(value))}"
    return f"{called}: {value:.1f}%" if name == "percent" else f"{called}: {value:g}"


def whereabouts(desk: Desk, run: Run) -> str:
    """Say whether the last call delivered something, and where the mail lies."""
    sent = desk.store.mornings.stages(run.session, run.revision).get(Verb.SEND)
    if sent is None or not sent.is_done:
        revision = f" --revision {run.revision}" if run.revision else ""
        return (
            "NOT mailed: only today's session mails by itself. "
            f"To mail it: `riskops send-report --deliver{revision}`."
        )
    calls = [r.state for r in desk.store.journal.of_session(run.session, run.revision) if r.verb == Verb.SEND]
    news = (
        "Nothing new was delivered: the mail of this session is out."
        if calls[-1] == "nothing new"
        else "Delivered."
    )
    return "\n".join([news, *sent.detail["paths"], *map(_received, sent.detail["recipients"])])


def _received(recipient: str) -> str:
    return "written to files (demo)" if recipient == FILES_RECIPIENT else f"to {recipient}"
