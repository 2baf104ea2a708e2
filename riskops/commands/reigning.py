"""Who is champion: ask the ledger."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from riskops.commands.context import asked_run, console, opened_desk, print_receipt
from riskops.desk import Desk
from riskops.records import Engine, LedgerEntry
from riskops.standing import Standing, cool_off_ends, in_order, standing

app = typer.Typer()

NAMES = {Engine.RULES: "the rules", Engine.POOLED_MODEL: "the pooled model"}
FIGURES = {
    "e_values": "e-values",
    "bar": "of",
    "demotion_e": "e-value of a demotion",
    "desk_days": "desk-days",
    "trader_days": "trader-days",
    "large_loss_days": "large-loss days",
    "challenger_benefit_usd": "model's benefit $",
    "rules_benefit_usd": "rules' benefit $",
}


@app.command()
def champion(
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="YYYY-MM-DD", help="By default the newest session that has begun."),
    ] = None,
) -> None:
    """Say who was champion on a session, and show the ledger up to it."""
    with opened_desk() as desk:
        session = asked_run(desk, on).session
        entries = [entry for entry in in_order(desk.store.ledger.entries()) if entry.session <= session]
        print_receipt(f"Champion on {session}", _told(desk, standing(entries, session)))
        if entries:
            console.print(_ledger(entries))


def _told(desk: Desk, now: Standing) -> dict[str, object]:
    told = {
        "champion": NAMES[now.champion],
        "since": _since(now),
        "why": _why(now),
        "cool-off": "" if now.demoted is None else f"until {cool_off_ends(now.demoted, desk.calendar)}",
        "specification": "" if now.registered is None else _called(now.registered),
    }
    return {name: value for name, value in told.items() if value}


def _since(now: Standing) -> str:
    return "" if now.turned is None else now.turned.session.isoformat()


def _why(now: Standing) -> str:
    if now.turned is not None:
        return now.turned.why
    return "nothing was registered yet" if now.registered is None else "the model was not promoted"


def _called(entry: LedgerEntry) -> str:
    return f"number {entry.number}, {entry.specification[:12]}, registered {entry.session}"


def _ledger(entries: list[LedgerEntry]) -> Table:
    table = Table(title="Ledger", title_justify="left")
    for heading in ("Session", "What", "Specification", "Why", "Evidence"):
        table.add_column(heading)
    for entry in entries:
        cells = (
            entry.session.isoformat(),
            entry.kind.value,
            f"{entry.number}: {entry.specification[:12]}",
            entry.why,
            _evidence(entry),
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _evidence(entry: LedgerEntry) -> str:
    known = ((words, entry.evidence[name]) for name, words in FIGURES.items() if name in entry.evidence)
    return "\n".join(f"{words} {_shown(value)}" for words, value in known)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
