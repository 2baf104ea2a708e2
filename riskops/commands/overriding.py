"""Override a trader's cut by somebody's word, take it back, and list what is on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from riskops.commands.context import console, opened_desk, print_receipt
from riskops.desk import Desk
from riskops.overrides import Phase, read_cut
from riskops.pipeline.override import Listed, on_record, override, take_back
from riskops.pipeline.stage import Receipt
from riskops.records import AskedOverride
from riskops.report.outcome_lines import worth_in_words
from riskops.report.wording import counted
from riskops.sessions import DESK_ZONE, desk_date, parse_session

app = typer.Typer()
group = typer.Typer(help="Override a limit: by whose word, why and until when; it ends by itself.")
app.add_typer(group, name="override")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
ByOption = Annotated[str, typer.Option("--by", help="Whose word it is, nobody who trades; recorded.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why; recorded, and told in the mail.")]


@group.command("set")
def set_cut(
    trader: Annotated[str, typer.Argument(help="The trader's id.")],
    cut: Annotated[str, typer.Option("--cut", help="Percent of the base limit to take away, 0 to 80.")],
    through: Annotated[str, typer.Option("--through", metavar="YYYY-MM-DD", help="Its last session.")],
    by: ByOption,
    why: WhyOption,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="YYYY-MM-DD", help="By default today, or the next session."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set a trader's cut, whatever is decided, through a session; then the decided limit is back."""

    def verb(desk: Desk) -> Receipt:
        first = parse_session(since) if since else desk.calendar.roll_forward(desk_date(desk.clock()))
        return override(desk, AskedOverride(trader, first, parse_session(through), read_cut(cut), by, why))

    _tell(verb, as_json)


@group.command("take-back")
def end(
    number: Annotated[int, typer.Argument(help="Its number, as the mail has it.")],
    by: ByOption,
    why: WhyOption,
    as_json: JsonOption = False,
) -> None:
    """End an override before its time: the decided limit is back."""
    _tell(lambda desk: take_back(desk, number, by=by, why=why), as_json)


@group.command("list")
def show(
    session: Annotated[
        str | None, typer.Option("--session", metavar="YYYY-MM-DD", help="By default today.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the overrides: in force, coming, over or taken back, and what each was worth in dollars."""
    with opened_desk() as desk:
        found = on_record(desk, parse_session(session) if session else None)
        if as_json:
            _echo({"overrides": [_in_json(one) for one in found]})
        else:
            console.print(_table(found) if found else Text("No override is on record."))


def _tell(verb: Callable[[Desk], Receipt], as_json: bool) -> None:
    with opened_desk() as desk:
        receipt = verb(desk)
        if as_json:
            _echo(receipt)
        else:
            print_receipt("Override", receipt)


def _echo(document: Any) -> None:
    typer.echo(json.dumps(document, default=str, indent=2))


# --- what is on record ---------------------------------------------------------------------


def _table(found: Iterable[Listed]) -> Table:
    title = "Overrides, worth against the decided limits"
    table = Table(title=Text(title), title_justify="left")
    for heading in ("No.", "Trader", "Cut", "From", "Through", "Now", "Who", "Why", "Worth"):
        table.add_column(heading, overflow="fold")
    for one in found:
        asked = one.override.asked
        cells = (
            *(str(one.override.number), asked.trader_id, f"{asked.reduction}%"),
            *(str(asked.first_session), str(asked.last_session), _now(one), asked.by, asked.why, _worth(one)),
        )
        table.add_row(*map(Text, cells))
    return table


def _now(one: Listed) -> str:
    if one.behind is not None:
        return f"{one.phase}, behind {one.behind}"
    ended = one.override.taken_back
    if one.phase is not Phase.TAKEN_BACK or ended is None:
        return one.phase.value
    at = ended.recorded_at.astimezone(DESK_ZONE)
    return f"{one.phase} by {ended.by}, {at:%Y-%m-%d %H:%M}: {ended.why}"


def _worth(one: Listed) -> str:
    if not one.days:
        return "-"
    return f"{worth_in_words(one.low_cents, one.high_cents)} on {counted(one.days, 'day')}"


def _in_json(one: Listed) -> dict[str, Any]:
    asked, ended = one.override.asked, one.override.taken_back
    taken_back = None if ended is None else {"at": ended.recorded_at, "by": ended.by, "why": ended.why}
    return {
        "number": one.override.number,
        "trader_id": asked.trader_id,
        "reduction_percent": asked.reduction,
        "from": asked.first_session,
        "through": asked.last_session,
        "by": asked.by,
        "why": asked.why,
        "recorded_at": one.override.recorded_at,
        "taken_back": taken_back,
        "phase": one.phase,
        "behind": one.behind,
        "days": one.days,
        "worth_usd": [one.low_cents / 100, one.high_cents / 100] if one.days else None,
    }
