"""One command a verb; each does exactly what the task of the same name does."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from riskops.commands.context import (
    DeliverOption,
    RevisionOption,
    SessionOption,
    asked_run,
    console,
    opened_desk,
    print_receipt,
)
from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.limits import limit_cents
from riskops.money import dollars
from riskops.pipeline.choose import choose as choose_verb
from riskops.pipeline.publish import hold_limits, publish_model, publish_rules
from riskops.pipeline.stage import cut_off
from riskops.records import Confidence, RuleScore, Run, Verb
from riskops.report.outcome_lines import outcome_lines
from riskops.sessions import parse_session

app = typer.Typer()

ROUTED = {"publish_rules": publish_rules, "publish_model": publish_model, "hold_limits": hold_limits}


@app.command()
def ingest(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Fetch the night's transactions and fix the cut-off."""
    from riskops.pipeline.ingest import ingest as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Ingest for {run.session}", verb(desk, run))


@app.command("ask-again")
def ask_again(
    first: Annotated[str, typer.Argument(help="From which session on, YYYY-MM-DD.")],
    session: SessionOption = None,
) -> None:
    """Ask the source once more for sessions that are there, and take what it has corrected."""
    from riskops.pipeline.ask_again import ask_again as verb

    with opened_desk() as desk:
        run = asked_run(desk, session)
        print_receipt(f"Asked again from {first} on", verb(desk, parse_session(first), run.session))


@app.command()
def validate(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Check the night's data."""
    from riskops.pipeline.validate import validate as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Data checks for {run.session}", verb(desk, run))


@app.command("score-rules")
def score_rules(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Score every trader by the rules, and print the scores: the rules alone."""
    from riskops.pipeline.score_rules import score_rules as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        verb(desk, run)
        console.print(_scores(desk, run))


@app.command("score-pooled-model")
def score_pooled_model(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Score every trader by the pooled model."""
    from riskops.pipeline.score_model import score_pooled_model as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Pooled model for {run.session}", verb(desk, run))


@app.command()
def compare(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Compare the pooled model with the rules on the whole history."""
    from riskops.pipeline.compare import compare as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Comparison for {run.session}", verb(desk, run))


@app.command("record-outcomes")
def record_outcomes(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Record what became of the days before a session, against the limits they had."""
    from riskops.pipeline.record_outcomes import news_of
    from riskops.pipeline.record_outcomes import record_outcomes as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        receipt = verb(desk, run)
        names = {trader.trader_id: trader.name for trader in desk.store.roster.traders(cut_off(desk, run))}
        told = "\n".join(outcome_lines(news_of(receipt), names)) or "nothing"
        print_receipt(f"Outcomes before {run.session}", {**receipt, "news": told})


@app.command()
def choose(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Choose the rung of the ladder from what the verbs left."""
    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Choice for {run.session}", choose_verb(desk, run))


@app.command()
def publish(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Commit the limits of the chosen rung."""
    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Limits for {run.session}", _publish_chosen(desk, run))


@app.command("compose-report")
def compose_report(session: SessionOption = None, revision: RevisionOption = 0) -> None:
    """Compose the mail of a session and archive it."""
    from riskops.pipeline.compose import compose as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, revision=revision)
        print_receipt(f"Report for {run.session}", verb(desk, run))


@app.command("send-report")
def send_report(
    session: SessionOption = None, deliver: DeliverOption = None, revision: RevisionOption = 0
) -> None:
    """Send the composed mail of a session; who has it already gets no second one."""
    from riskops.pipeline.send import send as verb

    with opened_desk() as desk:
        run = asked_run(desk, session, deliver=deliver, revision=revision)
        print_receipt(f"Mail for {run.session}", verb(desk, run))


def _publish_chosen(desk: Desk, run: Run) -> dict:
    chosen = desk.store.mornings.stages(run.session, run.revision).get(Verb.CHOOSE)
    if chosen is None or not chosen.is_done:
        raise MissingResultError(f"No rung was chosen for {run.session}: run `riskops choose`.")
    return dict(ROUTED[chosen.detail["route"]](desk, run))


def _scores(desk: Desk, run: Run) -> Table:
    table = Table(title=f"Rules for {run.session}", title_justify="left")
    for heading in ("Trader", "Reduction", "New limit", "From", "Confidence", "Signals"):
        table.add_column(
            heading, justify="right" if heading in ("Reduction", "New limit", "From") else "left"
        )
    for score in desk.store.mornings.rule_scores(run.session, run.revision):
        table.add_row(*_score_row(score))
    return table


def _score_row(score: RuleScore) -> tuple[Text, ...]:
    signals = ", ".join(signal.reason for signal in score.signals)
    cells = (
        score.trader_id,
        f"{score.reduction}%",
        dollars(limit_cents(score.base_limit_cents, score.reduction)),
        dollars(score.base_limit_cents),
        _confidence(score),
        signals,
    )
    return tuple(Text(cell) for cell in cells)


def _confidence(score: RuleScore) -> str:
    """Return how well a cut is confirmed; nothing where it only eases, as in the mail."""
    speaks = score.signals or score.probation or score.confidence is Confidence.LOW
    return score.confidence.value if score.reduction and speaks else ""
