"""Ask the record: why a limit is what it is, how the morning stands, what the mail said."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from riskops.commands.context import SessionOption, asked_run, console, opened_desk, print_receipt
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.money import dollars
from riskops.records import Decision, Publication, RuleScore, Run, Verb
from riskops.sessions import DESK_ZONE, parse_session
from riskops.store.mornings import Report
from riskops.store.outbox import Outbox
from riskops.store.seal import LIMITS_MAIL

app = typer.Typer()


@app.command()
def explain(
    trader: Annotated[str, typer.Argument(help="The trader's id.")],
    session: Annotated[str, typer.Argument(help="YYYY-MM-DD.")],
) -> None:
    """Say why a trader's limit was what it was on a session, and what restores it."""
    with opened_desk() as desk:
        run = asked_run(desk, parse_session(session).isoformat())
        publication = _published(desk, run)
        decision = _decision_of(publication, trader)
        print_receipt(f"Trader {trader} on {run.session}", _told(publication, decision))
        scores = {s.trader_id: s for s in desk.store.mornings.rule_scores(run.session, run.revision)}
        if trader in scores:
            console.print(_signals(scores[trader]))


@app.command()
def status(session: SessionOption = None) -> None:
    """Show one screen: rung, seal, freshness, deliveries, what every verb left."""
    with opened_desk() as desk:
        run = asked_run(desk, session)
        print_receipt(f"RiskOps {desk.settings.deployment}, session {run.session}", _standing(desk, run))
        console.print(_verbs(desk, run))
        console.print(_mails(desk, run))


@app.command()
def report(session: SessionOption = None) -> None:
    """Print the composed mail of a session, and say where it went."""
    with opened_desk() as desk:
        run = asked_run(desk, session)
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


def _told(publication: Publication, decision: Decision) -> dict[str, object]:
    flip = decision.flip_distance_cents
    record = decision.track_record
    return {
        "limit": f"{dollars(decision.limit_cents)} (from {dollars(decision.base_limit_cents)})",
        "reduction": f"{decision.reduction}%",
        "rung": f"{int(decision.rung)} {decision.rung.label}",
        "why this rung": publication.why,
        "reasons": list(decision.reasons),
        "confidence": decision.confidence.value,
        "record": ""
        if record is None
        else f"large loss on {record.hits} of {record.days} such days "
        f"(desk: {record.desk_hits} of {record.desk_days})",
        "way back": decision.way_back,
        "flip distance": "no loss would raise the cut" if flip is None else dollars(flip),
        "model would have said": ""
        if decision.challenger_reduction is None
        else f"{decision.challenger_reduction}%",
        "notes": list(decision.notes),
        "cut-off": publication.cut_off.astimezone(DESK_ZONE).strftime("%Y-%m-%d %H:%M New York"),
        "code version": publication.code_version,
    }


def _signals(score: RuleScore) -> Table:
    table = Table(title="Signals and their numbers", title_justify="left")
    for heading in ("Rule", "Level", "Reason", "Numbers"):
        table.add_column(heading)
    for signal in score.signals:
        numbers = "\n".join(f"{name}: {value}" for name, value in signal.numbers.items())
        table.add_row(*(Text(cell) for cell in (signal.rule, str(signal.level), signal.reason, numbers)))
    return table


def _standing(desk: Desk, run: Run) -> dict[str, object]:
    publication = desk.store.mornings.publication(run.session, run.revision)
    covered = desk.store.transactions.covered_through()
    behind = desk.calendar.previous(run.session)
    fetched = sum(day >= behind for day in covered.values())
    last_known: date = desk.calendar.session_at(len(desk.calendar.dates) - 1)
    return {
        "rung": "not decided" if publication is None else f"{int(publication.rung)} {publication.rung.label}",
        "why": "" if publication is None else publication.why,
        "mail": "out, the session is sealed"
        if desk.store.mornings.is_frozen(run.session, run.revision)
        else "not out",
        "accounts fetched through the night": f"{fetched} of {len(covered)}",
        "calendar": f"{desk.calendar.name}, known through {last_known}",
        "delivery": desk.settings.delivery.value,
        "fault drilled": desk.settings.fault.value,
    }


def _verbs(desk: Desk, run: Run) -> Table:
    table = Table(title="Verbs", title_justify="left")
    for heading in ("Verb", "State", "Left"):
        table.add_column(heading)
    stages = desk.store.mornings.stages(run.session, run.revision)
    for verb in Verb:
        past = stages.get(verb)
        left = "" if past is None else ", ".join(f"{k}={v}" for k, v in past.detail.items())
        table.add_row(verb.value, "-" if past is None else past.state, Text(left))
    return table


def _mails(desk: Desk, run: Run) -> Table:
    table = Table(title="Mails", title_justify="left")
    for heading in ("Recipient", "State", "Attempts", "Problem"):
        table.add_column(heading)
    for row in Outbox(desk.store.database).rows(run.session, run.revision):
        table.add_row(Text(row.recipient), row.state, str(row.attempts), Text(row.problem))
    return table


def whereabouts(desk: Desk, run: Run) -> str:
    """Say whether the last call delivered something, and where the mail lies."""
    sent = desk.store.mornings.stages(run.session, run.revision).get(Verb.SEND)
    if sent is None or not sent.is_done:
        return (
            "NOT mailed: only today's session mails by itself. To mail it: `riskops send-report --deliver`."
        )
    calls = [r.state for r in desk.store.journal.of_session(run.session, run.revision) if r.verb == Verb.SEND]
    news = (
        "Nothing new was delivered: the mail of this session is out."
        if calls[-1] == "nothing new"
        else "Delivered."
    )
    return "\n".join([news, *sent.detail["paths"], *(f"to {r}" for r in sent.detail["recipients"])])
