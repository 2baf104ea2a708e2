"""Who trades: show it, show how it came to be, and change it by somebody's word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from riskops import config
from riskops.commands.context import base_limit_cents, console, opened_desk, print_receipt
from riskops.desk import Desk
from riskops.errors import InputError
from riskops.money import cents, dollars
from riskops.pipeline import change_roster
from riskops.pipeline.change_roster import Order
from riskops.pipeline.stage import Receipt
from riskops.records import Account, RosterChange, RosterEntry, RosterRecord, RosterState, Trader
from riskops.report.roster_lines import matter
from riskops.roster import RosterView
from riskops.sessions import DESK_ZONE, desk_date, parse_session
from riskops.store.roster import EARLY, NEWEST

app = typer.Typer()
roster = typer.Typer(help="Show who trades, or change it: by whose word, why, and from when on.")
app.add_typer(roster, name="roster")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
TraderArgument = Annotated[str, typer.Argument(help="The trader's id.")]
AccountArgument = Annotated[str, typer.Argument(help="The account's id, as the venue writes it.")]
FromOption = Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first session it is for.")]
ByOption = Annotated[str, typer.Option("--by", help="Whose word it is; recorded.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why; recorded, and told in the mail.")]
CorrectionOption = Annotated[
    bool,
    typer.Option("--correction", help="The record was wrong: the date may lie in the past."),
]


@roster.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    on: Annotated[
        str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="By default today, or the next session.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show who trades on a session, with accounts, base limits and what is planned.

    A session that was decided shows what was known then.
    """
    if context.invoked_subcommand is not None:
        return
    with opened_desk() as desk:
        session = desk.calendar.roll_forward(parse_session(on) if on else desk_date(desk.clock()))
        cut_off = desk.store.mornings.cut_off(session, desk.store.mornings.newest_sealed(session) or 0)
        lines = _lines(desk.store.roster.view(cut_off or NEWEST), session)
        if as_json:
            _echo({"session": session, "known_at": cut_off, "traders": lines})
        else:
            console.print(_table(lines, session, cut_off))


@roster.command()
def history(
    trader: Annotated[str | None, typer.Argument(help="By default everybody.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every change: what, from when on, since when it is known, by whom and why."""
    with opened_desk() as desk:
        changes = _changes_of(desk.store.roster.history(), trader)
        if as_json:
            _echo({"changes": [_in_json(change) for change in changes]})
        else:
            console.print(_history(changes))


@roster.command()
def join(
    trader: TraderArgument,
    account: AccountArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    name: Annotated[str, typer.Option(help="The trader's name.")] = "",
    base_limit: Annotated[str, typer.Option(help="Normal daily loss limit in USD.")] = "5000",
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a trader join, or come back, with an account that is nobody's."""

    def verb(desk: Desk) -> Receipt:
        order = _order(since, by, why, correction)
        return change_roster.join(desk, trader, name, account, base_limit_cents(base_limit), order)

    _tell(verb, as_json)


@roster.command()
def leave(
    trader: TraderArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a trader leave: no limit any more; the accounts stay his until ended or handed over."""
    _tell(lambda desk: change_roster.leave(desk, trader, _order(since, by, why, correction)), as_json)


@roster.command()
def suspend(
    trader: TraderArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a trader not trade: no limit until reinstated. Accepted after the mail, too: read what it says."""
    _tell(lambda desk: change_roster.suspend(desk, trader, _order(since, by, why, correction)), as_json)


@roster.command()
def reinstate(
    trader: TraderArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a suspended trader trade again."""
    _tell(lambda desk: change_roster.reinstate(desk, trader, _order(since, by, why, correction)), as_json)


@roster.command("base-limit")
def base_limit(
    trader: TraderArgument,
    amount: Annotated[str, typer.Argument(help="The new base limit in USD.")],
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change a base limit: a lower one acts at once, a raise once the reduction is 0."""

    def verb(desk: Desk) -> Receipt:
        order = _order(since, by, why, correction)
        return change_roster.change_base_limit(desk, trader, base_limit_cents(amount), order)

    _tell(verb, as_json)


@roster.command()
def rename(
    trader: TraderArgument,
    name: Annotated[str, typer.Argument(help="The trader's name.")],
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a trader another name."""
    _tell(lambda desk: change_roster.rename(desk, trader, name, _order(since, by, why, correction)), as_json)


@roster.command("add-account")
def add_account(
    trader: TraderArgument,
    account: AccountArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let an account that is nobody's belong to a trader."""

    def verb(desk: Desk) -> Receipt:
        return change_roster.add_account(desk, trader, account, _order(since, by, why, correction))

    _tell(verb, as_json)


@roster.command("end-account")
def end_account(
    account: AccountArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let an account be nobody's from a session on."""
    _tell(lambda desk: change_roster.end_account(desk, account, _order(since, by, why, correction)), as_json)


@roster.command("hand-over")
def hand_over(
    account: AccountArgument,
    trader: Annotated[str, typer.Argument(help="The id of the trader who gets it.")],
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hand an account over; what it earned until then stays where it was earned."""

    def verb(desk: Desk) -> Receipt:
        return change_roster.hand_over_account(desk, account, trader, _order(since, by, why, correction))

    _tell(verb, as_json)


@roster.command()
def withdraw(
    trader: TraderArgument,
    since: FromOption,
    by: ByOption,
    why: WhyOption,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take back whatever is to change for a trader on a date."""
    _tell(lambda desk: change_roster.withdraw(desk, trader, _order(since, by, why, correction)), as_json)


def _order(since: str, by: str, why: str, correction: bool) -> Order:
    return Order(parse_session(since), by, why, correction)


def _tell(verb: Callable[[Desk], Receipt], as_json: bool) -> None:
    with opened_desk() as desk:
        receipt = verb(desk)
        if as_json:
            _echo(receipt)
        else:
            print_receipt("Roster", receipt)


def _echo(document: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(document, default=_plain, indent=2))


def _plain(value: date | datetime) -> str:
    return value.isoformat()


# --- who trades ----------------------------------------------------------------------------


def _lines(view: RosterView, session: date) -> list[dict[str, Any]]:
    """Return a line for everybody who is on the roster, or will be."""
    entries = view.entries_on(session)
    lines = [_line(view, session, trader, entries.get(trader.trader_id)) for trader in view.traders]
    return [line for line in lines if line["state"] not in (None, RosterState.LEFT) or line["planned"]]


def _line(view: RosterView, session: date, trader: Trader, entry: RosterEntry | None) -> dict[str, Any]:
    limit = view.base_limits_on(session).get(trader.trader_id)
    accounts = [a.account_id for a in view.accounts_on(session) if a.trader_id == trader.trader_id]
    base = config.DEFAULT_BASE_LIMIT_CENTS if limit is None else limit.base_limit_cents
    return {
        "trader_id": trader.trader_id,
        "name": trader.name,
        "state": None if entry is None else entry.state,
        "state_since": None if entry is None else entry.effective_from,
        "accounts": accounts,
        "base_limit_usd": f"{base // 100}.{base % 100:02d}",
        "base_limit_since": None if limit is None else limit.effective_from,
        "planned": [_planned(record, session) for record in _ahead(view, trader.trader_id, session)],
    }


def _ahead(view: RosterView, trader_id: str, session: date) -> list[RosterRecord]:
    """Return the entries of a trader that act after a session, or end then."""
    records: tuple[RosterRecord, ...] = (*view.entries, *view.base_limits, *view.accounts)
    mine = [record for record in records if record.trader_id == trader_id]
    return [record for record in mine if _acts_after(record, session)]


def _acts_after(record: RosterRecord, session: date) -> bool:
    if isinstance(record, Trader):
        return False
    ends = record.effective_to if isinstance(record, Account) else None
    return record.effective_from > session or (ends is not None and ends > session)


def _planned(record: RosterRecord, session: date) -> str:
    if isinstance(record, Account) and record.effective_from <= session:
        return f"account {record.account_id} until {record.effective_to}"
    return matter(record)


def _table(lines: Sequence[Mapping[str, Any]], session: date, cut_off: datetime | None) -> Table:
    known = "" if cut_off is None else f", as known at {_moment(cut_off)}"
    table = _headed(
        f"Roster for {session}{known}",
        *("Trader", "Name", "State", "Since", "Accounts", "Base limit", "Since", "Planned"),
    )
    for line in lines:
        cells = (
            line["trader_id"],
            line["name"],
            line["state"] or "to come",
            _shown(line["state_since"]),
            ", ".join(line["accounts"]) or "none",
            dollars(cents(Decimal(line["base_limit_usd"]))),
            _shown(line["base_limit_since"]),
            "\n".join(line["planned"]),
        )
        table.add_row(*map(Text, cells))
    return table


# --- how it came to be ---------------------------------------------------------------------


def _changes_of(changes: Iterable[RosterChange], trader_id: str | None) -> list[RosterChange]:
    found = [change for change in changes if trader_id in (None, change.record.trader_id)]
    if trader_id is not None and not found:
        raise InputError(f"Nobody on the roster is called {trader_id!r}. `riskops roster` lists who is.")
    return found


def _effective(record: RosterRecord) -> date | None:
    return None if isinstance(record, Trader) else record.effective_from


def _history(changes: Sequence[RosterChange]) -> Table:
    headings = ("Trader", "Effective", "What", "Known from", "Entered", "Who", "Why")
    table = _headed("Changes of the roster, New York time", *headings)
    for change in changes:
        taken_back = "withdrawn: " if change.withdrawn else ""
        cells = (
            change.record.trader_id,
            _shown(_effective(change.record)),
            taken_back + matter(change.record),
            _moment(change.entered.known_at),
            _moment(change.entered.recorded_at),
            change.entered.by,
            change.entered.why,
        )
        table.add_row(*map(Text, cells))
    return table


def _in_json(change: RosterChange) -> dict[str, Any]:
    return {
        "trader_id": change.record.trader_id,
        "effective_from": _effective(change.record),
        "what": matter(change.record),
        "withdrawn": change.withdrawn,
        "known_at": change.entered.known_at,
        "recorded_at": change.entered.recorded_at,
        "by": change.entered.by,
        "why": change.entered.why,
    }


def _headed(title: str, *headings: str) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _shown(day: date | None) -> str:
    return "-" if day is None else day.isoformat()


def _moment(moment: datetime) -> str:
    """Return a moment in New York; what was there before changes were recorded has none."""
    if moment.astimezone(UTC).date() <= EARLY:
        return "at first"
    return f"{moment.astimezone(DESK_ZONE):%Y-%m-%d %H:%M}"
