"""Feed RiskOps thousands of wrong files, settings and inboxes: ``python -m tests.campaigns.fuzz``.

Whatever comes in, either all that is good of it is stored, to the cent, or a clear error says which
file or setting is wrong and nothing has changed. Every case follows from the seed and its number.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import sqlalchemy as sa

from riskops import second_channel
from riskops.budget import budget
from riskops.desk import Desk, open_desk
from riskops.errors import ConfigurationError, RiskOpsError, SourceError, StoreError
from riskops.pipeline.choose import choose
from riskops.pipeline.compose import compose
from riskops.pipeline.enrol import enrol
from riskops.pipeline.ingest import ingest
from riskops.pipeline.load import load_file
from riskops.pipeline.publish import hold_limits
from riskops.pipeline.send import send
from riskops.records import Verb
from riskops.sources.csv_files import file_digest
from riskops.store.tables import coverage, daily_results, loads, rejected_rows, trades
from tests.builders import CALENDAR, SESSION
from tests.campaigns import second_reading, spoiled_files, spoiled_settings
from tests.campaigns.spoiled_files import LAYOUTS, TRADERS, Layout
from tests.desks import (
    content_of,
    copied,
    environment,
    keep_on_sqlite,
    on_the_morning,
    opened,
    run_for,
    whole_environment,
)
from tests.small_desks import BASE_CENTS, NIGHT, account_of, csv_desk, quiet

RUN = run_for(SESSION)
ON = ("--session", SESSION.isoformat())
CLOCK = on_the_morning(SESSION)
CALENDARS = {"closed_trades": "XNYS", "perp_fills": "24/7"}
MEMORY = Path("/dev/shm")  # noqa: S108 - a temporary folder is made below it
KEPT = Path("fuzz-failures")
COMMAND_SHARE = 0.01
ERROR_CODES = {cls.exit_code for cls in [RiskOpsError, *RiskOpsError.__subclasses__()]} | {13, 21}
NAMES = (
    "trades.csv",
    "trades.csv",
    "[bold].csv",
    "a b%s.csv",
    "naïve.csv",
    "=cmd.csv",
    "bad\udcff.csv",
    "x\ny.csv",
)

Loader = Callable[[Desk, Path, str, bool], None]


class BrokenCaseError(AssertionError):
    """A case that broke the promise; says how."""


class RefusedError(RiskOpsError):
    """A command that ended with the exit code of an error."""


@dataclass(frozen=True, slots=True)
class World:
    """Where the campaign stands: the folders of the template desks, and how files are loaded."""

    templates: Path
    load: Loader


@dataclass(frozen=True, slots=True)
class Result:
    """How one case ended: its kind, what RiskOps did, and what is wrong with that, if anything."""

    kind: str
    outcome: str
    problem: str = ""


# --- the world --------------------------------------------------------------------------------


def by_the_verb(desk: Desk, path: Path, mapping: str, quarantine: bool) -> None:
    """Load a file here and now."""
    load_file(desk, path, mapping, quarantine=quarantine)


def by_the_command(desk: Desk, path: Path, mapping: str, quarantine: bool) -> None:
    """Load a file with the command line, in a process of its own."""
    option = ["--quarantine"] if quarantine else []
    changes = {"RISKOPS_CALENDAR": desk.settings.calendar, "RISKOPS_SOURCE": "csv"}
    environ = whole_environment(desk.settings.output.parent, **changes)
    command("load", str(path), "--mapping", mapping, *option, environ=environ)


def build_world(folder: Path, load: Loader = by_the_verb) -> World:
    """Build the desks that every case starts from, below `folder`."""
    closed_trades, perp_fills = (
        keep_on_sqlite(folder / layout) for layout in ("closed_trades", "perp_fills")
    )
    desk = csv_desk(closed_trades, dict.fromkeys(TRADERS, quiet()[:40]), last=CALENDAR.previous(NIGHT))
    decide(desk)
    desk.store.close()
    with opened(perp_fills, CLOCK, RISKOPS_CALENDAR="24/7", RISKOPS_SOURCE="csv") as desk:
        for trader in TRADERS:
            enrol(desk, trader, "", account_of(trader), BASE_CENTS, SESSION.replace(month=1))
    return World(folder, load)


def decide(desk: Desk) -> None:
    """Hold the limits and compose their mail: the shortest way to something that can be sent."""
    for verb in (choose, hold_limits, compose):
        verb(desk, RUN)


def own_desk(world: World, layout: str, folder: Path, **changes: str) -> Desk:
    """Open a copy of a template desk."""
    copied(world.templates / layout, folder)
    changes = {"RISKOPS_CALENDAR": CALENDARS[layout], "RISKOPS_SOURCE": "csv"} | changes
    return open_desk(environment(folder, **changes), CLOCK)


# --- what has to hold -------------------------------------------------------------------------


def demand(holds: object, otherwise: str) -> None:
    """Break the case off where something does not hold."""
    if not holds:
        raise BrokenCaseError(otherwise)


def is_clear(error: RiskOpsError, *names: str) -> None:
    """Demand that an error can be printed and names the offender."""
    text = str(error)
    demand(_can_be_printed(text), f"the error cannot be printed: {text!r}")
    demand(any(name in text for name in names), f"the error names none of {names}: {text[:500]!r}")


def _can_be_printed(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def stored_sums(desk: Desk) -> second_reading.Sums:
    """Return trades, gross and net by account and session as the database has them."""
    total = [sa.func.sum(trades.c[name]) for name in ("gross_cents", "net_cents")]
    key = (trades.c.account_id, trades.c.session)
    with desk.store.database.reading() as connection:
        rows = connection.execute(sa.select(*key, sa.func.count(), *total).group_by(*key))
        return {(account, session): (n, gross, net) for account, session, n, gross, net in rows}


def added(after: second_reading.Sums, before: second_reading.Sums) -> second_reading.Sums:
    """Return what is in `after` and was not in `before`."""
    zero = (0, 0, 0)
    new = {day: tuple(a - b for a, b in zip(after[day], before.get(day, zero), strict=True)) for day in after}
    return {day: cells for day, cells in new.items() if cells != zero}


def days_add_up(desk: Desk) -> None:
    """Demand that every newest daily result is the sum of its trades."""
    with desk.store.database.reading() as connection:
        versions = connection.execute(sa.select(daily_results).order_by(daily_results.c.known_at)).all()
    days = {(v.account_id, v.session): (v.trades, v.gross_cents, v.net_cents) for v in versions}
    demand(days == stored_sums(desk), "the daily results are not the sums of the trades")


# --- a file of history ------------------------------------------------------------------------


def history_case(world: World, draw: Random, folder: Path) -> str:
    """Load a spoiled file as history; return what became of it."""
    layout = LAYOUTS[draw.choice(sorted(LAYOUTS))]
    quarantine = draw.random() < 0.6
    path = folder / draw.choice(NAMES)
    path.write_bytes(spoiled_files.spoiled(layout, draw))
    with own_desk(world, layout.mapping, folder) as desk:
        before, had = content_of(desk), stored_sums(desk)
        try:
            world.load(desk, path, layout.mapping, quarantine)
        except RiskOpsError as error:
            is_clear(error, path.name, ascii(path.name)[1:-1])
            demand(content_of(desk) == before, "an error left something of the file behind")
            return f"refused: {type(error).__name__}"
        was_loaded(desk, path, layout, added(stored_sums(desk), had), quarantine)
    return "loaded"


def was_loaded(desk: Desk, path: Path, layout: Layout, new: second_reading.Sums, quarantine: bool) -> None:
    """Demand that what is new is what a second reading of the accepted rows gives."""
    data = path.read_bytes()
    with desk.store.database.reading() as connection:
        refused = {row.line: row.text for row in connection.execute(sa.select(rejected_rows))}
        counted = connection.execute(
            sa.select(loads.c.rows).where(loads.c.digest == file_digest(path))
        ).first()
    demand(quarantine or not refused, "a strict load set rows aside")
    accepted = second_reading.rows_of(data, refused)
    expected = second_reading.sums(accepted, layout.mapping)
    demand(new == expected, f"stored {new}, the file says {expected}")
    demand(counted and counted[0] == len(accepted), f"{counted} rows noted, {len(accepted)} accepted")
    days_add_up(desk)
    _good_rows_are_in(data, refused, layout)


def _good_rows_are_in(data: bytes, refused: dict[int, str], layout: Layout) -> None:
    """Demand that no row was refused that is as sound as it was, and stands there once."""
    lines = dict(second_reading.lines_of(data))
    (_, header) = next(iter(lines.items()))
    if header != ",".join(layout.header).encode():
        return
    ids = Counter(cell for line in lines.values() for cell in line.split(b",") if cell.startswith(b"fuzz-"))
    for number in refused:
        line = lines[number]
        twice = any(ids[cell] > 1 for cell in line.split(b","))
        demand(line not in layout.pristine or twice, f"line {number} is sound and was refused: {line!r}")


# --- the night's file -------------------------------------------------------------------------


def night_case(world: World, draw: Random, folder: Path) -> str:
    """Ingest a spoiled night file, or a sound one in an odd inbox; the mail has to leave all the same."""
    layout = spoiled_files.night(LAYOUTS["closed_trades"])
    inbox = folder / "inbox"
    inbox.mkdir()
    if draw.random() < 0.7:
        (inbox / f"night_{NIGHT}.csv").write_bytes(spoiled_files.spoiled(layout, draw))
    else:
        sound = spoiled_files.as_bytes([list(layout.header), *map(list, layout.rows)])
        draw.choice(spoiled_settings.ODD_INBOXES)(inbox, sound)
    with own_desk(world, "closed_trades", folder) as desk:
        outcome = _ingested(desk, inbox)
        decide(desk)
        demand(send(desk, RUN)["delivered"], "no mail left")
        (text,) = {path.read_text(encoding="utf-8") for path in folder.glob("out/*/limits.txt")}
        demand("Total traders: 3" in text, "the mail does not have the traders")
    return outcome


def _ingested(desk: Desk, inbox: Path) -> str:
    had, before = stored_sums(desk), _facts(desk)
    try:
        receipt = ingest(desk, RUN)
    except SourceError as error:
        is_clear(error, "_" + NIGHT.isoformat(), str(NIGHT), "RISKOPS_INBOX")
        demand(_facts(desk) == before, "a failed ingest left something behind")
        return "refused: SourceError"
    demand(_can_be_printed(str(receipt)), f"the receipt cannot be printed: {receipt!r}")
    _night_is_whole(desk, inbox, receipt["failures"], added(stored_sums(desk), had))
    return "partly ingested" if receipt["failures"] else "ingested"


def _facts(desk: Desk) -> dict:
    facts = ("trades", "daily_results", "coverage", "cut_offs")
    return {name: rows for name, rows in content_of(desk).items() if name in facts}


def _night_is_whole(desk: Desk, inbox: Path, failures: dict[str, str], new: second_reading.Sums) -> None:
    """Demand that each account was fetched whole, or has failed and left nothing."""
    accounts = {account_of(trader) for trader in TRADERS}
    (path,) = (path for path in inbox.iterdir() if path.name.lower().endswith(f"_{NIGHT}.csv"))
    lines = list(second_reading.lines_of(path.read_bytes()))
    parsed = _rows_of_accounts(lines, accounts - failures.keys())
    sums = second_reading.sums(parsed, "closed_trades")
    expected = {day: cells for day, cells in sums.items() if day[1] == NIGHT}
    demand(new == expected, f"stored {new}, the file says {expected}")
    with desk.store.database.reading() as connection:
        query = sa.select(coverage.c.account_id).where(coverage.c.session == NIGHT)
        confirmed = set(connection.execute(query).scalars())
    demand(confirmed == accounts - failures.keys(), f"{confirmed} confirmed, {failures} failed")
    days_add_up(desk)


def _rows_of_accounts(lines: list[tuple[int, bytes]], accounts: set[str]) -> list[dict[str, str]]:
    """Return the rows that name one of the accounts; each of them has to be readable."""
    foreign = [n for n, line in lines[1:] if not any(account.encode() in line for account in accounts)]
    rows = second_reading.rows_of(b"\n".join(line for n, line in lines if n not in foreign))
    return [row for row in rows if row["account"] in accounts]


# --- settings ---------------------------------------------------------------------------------


def settings_case(world: World, draw: Random, folder: Path) -> str:
    """Open a desk with spoiled settings, and work with it where it opens."""
    copied(world.templates / "closed_trades", folder)
    (folder / "inbox").mkdir()
    (folder / "file").touch()
    (folder / "loop").symlink_to("loop")
    environ = environment(folder, RISKOPS_SOURCE="csv")
    changed = spoiled_settings.spoiled(environ, draw)
    (folder / "changed.json").write_text(json.dumps(changed))
    with contextlib.chdir(folder), _no_names_served():
        try:
            for verb in Verb:
                budget(verb, environ | changed)
            return _worked_with(environ | changed)
        except ConfigurationError as error:
            is_clear(error, *changed)
        except StoreError as error:
            is_clear(error, *(name for name in ("RISKOPS_DATABASE_URL", *changed) if "DATABASE" in name))
    return "refused"


@contextlib.contextmanager
def _no_names_served() -> Iterator[None]:
    """Let no name be looked up on a network: only this machine answers."""

    def look_up(host, *arguments, **options):
        if host in ("127.0.0.1", "localhost", "::1"):
            return original(host, *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    original, socket.getaddrinfo = socket.getaddrinfo, look_up
    try:
        yield
    finally:
        socket.getaddrinfo = original


def _worked_with(environ: dict[str, str]) -> str:
    """Ingest, mail and tell on-call: only errors of RiskOps may come of it."""
    with open_desk(environ, CLOCK) as desk:
        told = []
        for work in (ingest, send):
            try:
                work(desk, RUN)
            except RiskOpsError as error:
                if isinstance(error, ConfigurationError):
                    raise
                demand(_can_be_printed(str(error)), f"the error cannot be printed: {error!r}")
                told.append(type(error).__name__)
        second_channel.tell(replace(desk.settings), "a trial", second_channel.Entry.WATCHDOG)
        second_channel.ping(desk.settings)
    return "accepted"


# --- the command line -------------------------------------------------------------------------


def command(*arguments: str, environ: dict[str, str]) -> None:
    """Run a command; raise what it says where it ends with the code of an error."""
    done = subprocess.run(
        [sys.executable, "-m", "riskops", *arguments],
        env=environ,
        capture_output=True,
        check=False,
        timeout=120,
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    demand(b"Traceback" not in done.stderr, f"a traceback: {said[-2_000:]}")
    demand(done.returncode in {0, *ERROR_CODES}, f"exit code {done.returncode}: {said[-500:]}")
    if done.returncode:
        raise RefusedError(said)


def load_command_case(world: World, draw: Random, folder: Path) -> str:
    """Load a spoiled file with the command line."""
    return history_case(replace(world, load=by_the_command), draw, folder)


def settings_command_case(world: World, draw: Random, folder: Path) -> str:
    """Ask for the status with spoiled settings."""
    copied(world.templates / "closed_trades", folder)
    changed = spoiled_settings.spoiled(environment(folder), draw)
    changed = {name: text for name, text in changed.items() if "\0" not in text and len(text) < 10_000}
    with contextlib.chdir(folder):
        environ = whole_environment(folder, RISKOPS_SOURCE="csv") | changed
        environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        try:
            command("status", *ON, environ=environ)
        except RefusedError:
            return "refused"
    return "accepted"


# --- the campaign -----------------------------------------------------------------------------

KINDS: dict[str, tuple[Callable[[World, Random, Path], str], float]] = {
    "history file": (history_case, 0.45),
    "night file": (night_case, 0.27),
    "settings": (settings_case, 0.26),
    "load command": (load_command_case, COMMAND_SHARE),
    "status command": (settings_command_case, COMMAND_SHARE),
}


def try_case(world: World, seed: int, number: int, folder: Path, kind: str | None = None) -> Result:
    """Try one case in an empty folder."""
    draw = Random(f"{seed}/{number}")  # noqa: S311 - it draws mistakes, not keys
    weights = [weight for _, weight in KINDS.values()]
    drawn = draw.choices(list(KINDS), weights)[0]
    name = kind or drawn
    folder.mkdir(parents=True)
    try:
        return Result(name, KINDS[name][0](world, draw, folder))
    except Exception as error:  # noqa: BLE001 - whatever is raised here is a finding
        return Result(name, "broken", f"{type(error).__name__}: {error}"[:2_000])


def campaign(world: World, seed: int, numbers: range, work: Path, keep: Path) -> Iterator[Result]:
    """Try cases one after the other; keep the folder of each that is broken."""
    for number in numbers:
        folder = work / str(number)
        result = try_case(world, seed, number, folder)
        if result.problem:
            kept = keep / f"seed-{seed}-case-{number}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept, symlinks=True, ignore=_special)
            (kept / "problem.txt").write_text(f"{result.kind}\n{result.problem}\n", errors="backslashreplace")
        shutil.rmtree(folder)
        yield result


def in_memory() -> Path | None:
    """Return a folder that costs no disk, where the machine has one: cases write and sync much."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def _special(folder: str, names: list[str]) -> list[str]:
    """Return what cannot be copied: pipes."""
    return [name for name in names if (Path(folder) / name).is_fifo()]


def main() -> int:
    """Run the campaign of the command line; return 1 where a case broke the promise."""
    import argparse

    from rich.console import Console
    from rich.progress import track

    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of a single case")
    asked = parser.parse_args()
    numbers = range(asked.cases) if asked.only is None else range(asked.only, asked.only + 1)
    console = Console()
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        world = build_world(Path(folder) / "templates")
        found = campaign(world, asked.seed, numbers, Path(folder) / "cases", KEPT.absolute())
        results = list(track(found, "Fuzzing", total=len(numbers), console=console))
    return _summary(console, results, numbers, asked.seed)


def _summary(console, results: list[Result], numbers: range, seed: int) -> int:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{len(results):,} cases, seed {seed}", title_justify="left")
    for heading in ("Kind", "Outcome", "Cases"):
        table.add_column(heading, justify="right" if heading == "Cases" else "left")
    for (kind, outcome), count in sorted(Counter((r.kind, r.outcome) for r in results).items()):
        table.add_row(kind, outcome, f"{count:,}")
    console.print(table)
    broken = [(number, r) for number, r in zip(numbers, results, strict=True) if r.problem]
    for number, result in broken:
        first = result.problem.encode("ascii", "backslashreplace").decode().splitlines()[0][:300]
        console.print(Text(f"case {number} ({result.kind}): {first}", style="red"), soft_wrap=True)
    if broken:
        console.print(f"{len(broken)} cases are broken; kept in {KEPT}. Again: --seed {seed} --only NUMBER")
    return 1 if broken else 0


if __name__ == "__main__":
    logging.disable()
    os.environ.setdefault("COLUMNS", "140")
    sys.exit(main())
