"""One screen for the one on call: how the morning stands, what it stands on, and what comes next."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import typer
from rich.table import Table
from rich.text import Text

from riskops import config
from riskops.commands.context import SessionOption, console, newest_run, opened_desk, print_receipt
from riskops.desk import Desk, wall_clock
from riskops.errors import SessionError, StoreError
from riskops.pipeline.backup import last_backup
from riskops.pipeline.export import standing
from riskops.pipeline.read_back import in_force
from riskops.pipeline.stage import roster_known_by
from riskops.records import Revision, Run, Verb
from riskops.sessions import DESK_ZONE, TradingCalendar, desk_date, desk_time, trading_calendar
from riskops.settings import Settings, read_settings
from riskops.store.facts import facts_of
from riskops.store.outbox import Outbox

app = typer.Typer()

NAMED_AT_MOST = 8
MEGABYTE = 1_000_000
TELLS_NOBODY = ("digest", "news", "told", "runbook")  # in receipts; the mail says it in words


@app.command()
def status(session: SessionOption = None) -> None:
    """Show one screen: rung, seal, freshness, database, next run, verbs, deliveries."""
    try:
        with opened_desk() as desk:
            run = newest_run(desk, session)
            print_receipt(f"RiskOps {desk.settings.deployment}, session {run.session}", _standing(desk, run))
            for table in (_sources(desk, run), _verbs(desk, run), _mails(desk, run)):
                console.print(table)
    except typer.Exit as ended:
        if ended.exit_code == StoreError.exit_code:
            _tell_without_database()
        raise


def _tell_without_database() -> None:
    """Print what the settings, the calendar and the output folder know by themselves."""
    settings = read_settings(os.environ)
    facts = {"database": "OUT OF REACH, see the error above", **_around(settings, wall_clock())}
    print_receipt(f"RiskOps {settings.deployment}, without its risk database", facts)


def _standing(desk: Desk, run: Run) -> dict[str, object]:
    publication = desk.store.mornings.publication(run.session, run.revision)
    frozen = desk.store.mornings.is_frozen(run.session, run.revision)
    newest = _fetched_through(desk, run)
    night = desk.calendar.previous(run.session)
    return {
        "rung": "not decided" if publication is None else publication.rung_label,
        "why": "nothing has been run for this session yet" if publication is None else publication.why,
        "mail": "out, the session is sealed" if frozen else "not out",
        "acknowledged by": _acknowledged(desk, run),
        "limits applied": in_force(desk, run.session).in_words,
        "corrections": _corrections(desk, run) or "nobody asked for one",
        "limits file": standing(desk, run),
        "accounts fetched": _counted(newest, night),
        "behind": _behind(newest, night) or "nobody",
        "database": _database(desk),
        **_around(desk.settings, desk.clock()),
    }


def _corrections(desk: Desk, run: Run) -> str:
    """Say of each correction who asked for it, when and why, and how far it got."""
    return "\n".join(
        f"{known.revision}: {_way(desk, known)}. {known.by}, "
        f"{known.recorded_at.astimezone(DESK_ZONE):%H:%M} New York: {known.why}"
        for known in desk.store.revisions.of(run.session)
    )


def _way(desk: Desk, known: Revision) -> str:
    if desk.store.mornings.is_frozen(known.session, known.revision):
        return "out"
    stages = desk.store.mornings.stages(known.session, known.revision)
    problems = [
        stages[verb].detail.get("problem", "") for verb in (Verb.PUBLISH, Verb.SEND) if verb in stages
    ]
    return f"NOT out: {next(filter(None, problems), 'not finished').rstrip('.')}"


def _around(settings: Settings, now: datetime) -> dict[str, object]:
    """Return what does not need the risk database."""
    calendar = trading_calendar(settings.calendar)
    return {
        "next run": _next_run(calendar, now),
        "calendar": _horizon(calendar, desk_date(now)),
        "last backup": _backup(settings, now),
        "delivery": settings.delivery.value,
        "escalation list": _escalation(settings),
        "fault drilled": settings.fault.value,
    }


def _acknowledged(desk: Desk, run: Run) -> str:
    known = desk.store.acknowledgements.of(run.session, run.revision)
    return ", ".join(one.by for one in known) or "nobody"


def _escalation(settings: Settings) -> str:
    count = len(settings.escalation)
    return f"{count} of RISKOPS_ESCALATION" if count else "NONE, RISKOPS_ESCALATION is empty"


# --- freshness --------------------------------------------------------------------------------


def _fetched_through(desk: Desk, run: Run) -> dict[str, date | None]:
    """Return the newest session fetched for each account whose trader gets a limit; ``None``: never."""
    covered = desk.store.transactions.covered_through()
    roster = desk.store.roster.view(roster_known_by(desk, run))
    limited = {trader.trader_id for trader in roster.active(run.session)}
    accounts = [a.account_id for a in roster.accounts_on(run.session) if a.trader_id in limited]
    return {account_id: covered.get(account_id) for account_id in accounts}


def _counted(newest: Mapping[str, date | None], night: date) -> str:
    if not newest:
        return "0 of 0: nobody is enrolled, see `riskops enrol`"
    return f"{sum(day is not None and day >= night for day in newest.values())} of {len(newest)}"


def _behind(newest: Mapping[str, date | None], night: date) -> str:
    late = sorted((day or date.min, account) for account, day in newest.items() if day is None or day < night)
    named = [
        f"{account} ({'never fetched' if day == date.min else day})" for day, account in late[:NAMED_AT_MOST]
    ]
    return ", ".join([*named, f"and {len(late) - NAMED_AT_MOST} more"] if len(late) > len(named) else named)


def _sources(desk: Desk, run: Run) -> Table:
    """Return one row a source: how many accounts it was the last to bring, and how new it is."""
    newest = desk.store.transactions.newest_by_source(through=desk.calendar.previous(run.session))
    accounts = Counter(source for source, _account in newest)
    table = _headed("Sources", "Source", "Accounts", "Newest session")
    for source in sorted(accounts):
        last = max(day for (name, _account), day in newest.items() if name == source)
        table.add_row(Text(source), str(accounts[source]), str(last))
    return table


# --- around the morning -----------------------------------------------------------------------


def _database(desk: Desk) -> str:
    facts = facts_of(desk.store.database)
    size = f"{facts.size_bytes / MEGABYTE:,.1f} MB"
    return f"{facts.kind} {facts.version}, {size}, schema {facts.schema}"


def next_morning(calendar: TradingCalendar, now: datetime) -> datetime:
    """Return when the next morning begins: 06:00 New York of the next session, after `now`."""
    session = calendar.roll_forward(desk_date(now))
    morning = desk_time(session, config.MORNING_AT)
    return morning if morning > now else desk_time(calendar.shift(session, 1), config.MORNING_AT)


def _next_run(calendar: TradingCalendar, now: datetime) -> str:
    try:
        morning = next_morning(calendar, now)
    except (SessionError, IndexError):
        return "no session is known: update exchange-calendars"
    return f"{morning:%a %Y-%m-%d %H:%M} New York, in {_long(morning - now)}"


def _horizon(calendar: TradingCalendar, today: date) -> str:
    """Say how far the sessions are known, and loudly where that ends soon."""
    last: date = calendar.session_at(len(calendar.dates) - 1)
    known = f"{calendar.name}, known through {last}"
    if (last - today).days > config.CALENDAR_ENDS_SOON_DAYS:
        return known
    return f"{known}: THAT IS SOON, update exchange-calendars"


def _backup(settings: Settings, now: datetime) -> str:
    noted = last_backup(settings.output)
    if noted is None:
        return "none known here: `riskops backup DESTINATION`"
    at = noted.made_at.astimezone(DESK_ZONE)
    return f"{at:%Y-%m-%d %H:%M} New York, {_long(now - noted.made_at)} ago: {noted.path}"


def _long(span: timedelta) -> str:
    """Return a span of time as people say it."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


# --- what was left ----------------------------------------------------------------------------


def _verbs(desk: Desk, run: Run) -> Table:
    table = _headed("Verbs", "Verb", "State", "Left")
    stages = desk.store.mornings.stages(run.session, run.revision)
    for verb in Verb:
        past = stages.get(verb)
        left = {} if past is None else past.detail
        table.add_row(verb.value, "-" if past is None else past.state, Text(_left(left)))
    return table


def _left(receipt: Mapping[str, object]) -> str:
    """Return a receipt in one line, its figures short."""
    shown = {name: value for name, value in receipt.items() if name not in TELLS_NOBODY}
    return ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in shown.items())


def _mails(desk: Desk, run: Run) -> Table:
    table = _headed("Mails", "Mail", "Recipient", "State", "Attempts", "Problem")
    for row in Outbox(desk.store.database).rows(run.session, run.revision):
        kind = row.kind.replace("_", " ")
        table.add_row(kind, Text(row.recipient), row.state, str(row.attempts), Text(row.problem))
    return table


def _headed(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
