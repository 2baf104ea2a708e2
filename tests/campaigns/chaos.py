"""The kill campaign: ``python -m tests.campaigns.chaos --mornings 200 --seed 1``.

Plays mornings whose verbs are killed, repeated and doubled at random, on SQLite and PostgreSQL, against a
real mail server, and checks after each what must hold. The first violation ends it with exit code 1, the
seed and the story; ``--only NUMBER`` plays that one story again.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tests.campaigns.invariants import complaints
from tests.campaigns.stories import Story, drawn
from tests.campaigns.theatre import DONE, KILLED, Ending, Evenings, Theatre, theatre
from tests.postgres_server import postgres_server

MOST_THEATRES = 4
MAIL_SERVER_LOGS = ("mail.log", "asyncio")

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Violation:
    """An ending that must not be, and what is wrong with it."""

    ending: Ending
    complaints: list[str]


@dataclass
class Tally:
    """What a campaign has seen so far."""

    mornings: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    emergency_mails: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    mails: int = 0
    second_copies: int = 0
    violations: list[Violation] = field(default_factory=list)

    def count(self, ending: Ending, wrong: list[str]) -> None:
        """Add a morning."""
        self.mornings[ending.story.database] += 1
        self.outages += ending.story.is_outage
        self.emergency_mails += ending.emergency_mails
        self.kills.update(ending.kills)
        self.mails += sum(map(len, ending.mails.values()))
        self.second_copies += sum(len(copies) > 1 for copies in ending.mails.values())
        if wrong:
            self.violations.append(Violation(ending, wrong))


def campaign(
    stories: Sequence[Story], theatres: Sequence[Theatre], report: Callable[[], None] = lambda: None
) -> Tally:
    """Play stories, as many at a time as there are theatres, until one violates what must hold."""
    tally, stopped, free = Tally(), Event(), SimpleQueue()
    for one in theatres:
        free.put(one)
    with ThreadPoolExecutor(len(theatres)) as players:
        for played in players.map(partial(_play, free, stopped), stories):
            if played is not None:
                tally.count(*played)
                report()
    return tally


def _play(free: SimpleQueue, stopped: Event, told: Story) -> tuple[Ending, list[str]] | None:
    if stopped.is_set():
        return None
    mine: Theatre = free.get()
    try:
        ending = mine.play(told)
        wrong = complaints(ending, mine.undisturbed)
        mine.swept()
    finally:
        free.put(mine)
    if wrong:
        stopped.set()
    return ending, wrong


@contextmanager
def opened(number: int) -> Iterator[list[Theatre]]:
    """Open theatres side by side, with desks and a server of PostgreSQL that go with them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riskops-chaos-")))
        evenings = Evenings.made(folder, stack.enter_context(postgres_server(folder)))
        yield [stack.enter_context(theatre(folder / f"theatre_{i}", evenings)) for i in range(number)]


def summary(tally: Tally) -> Table:
    """Return what a campaign has seen as a table."""
    table = Table(title="Kill campaign", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    for database, number in sorted(tally.mornings.items(), reverse=True):
        table.add_row(f"mornings on {database}", str(number))
    table.add_row("of them with an outage of the database", str(tally.outages))
    for moment, number in sorted(tally.kills.items()):
        table.add_row(f"kills {moment}", str(number))
    table.add_row("mails accepted", str(tally.mails))
    table.add_row("of them emergency mails", str(tally.emergency_mails))
    table.add_row("recipients with a second copy, marked", str(tally.second_copies))
    table.add_row("violations", str(len(tally.violations)))
    return table


def as_told(violation: Violation, seed: int) -> str:
    """Return a violation in words: what is wrong, the story, and how to see it again."""
    ending = violation.ending
    number = ending.story.number
    acts = [
        f"  {act}: {', '.join(map(_in_words, statuses))}"
        for act, statuses in zip(ending.story.acts, ending.statuses, strict=True)
    ]
    return "\n".join(
        [
            f"Morning {number} of seed {seed}, on {ending.story.database}:",
            *acts,
            *(f"VIOLATED: {complaint}" for complaint in violation.complaints),
            f"What the verbs said:\n{ending.said}" if ending.said else "",
            f"Again: python -m tests.campaigns.chaos --seed {seed} --only {number}",
        ]
    )


def _in_words(status: int) -> str:
    if status in KILLED:
        return "killed"
    return "done" if status == DONE else f"failed ({status})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign that the command line asks for; return 1 where something was violated."""
    asked = _asked(arguments)
    for name in MAIL_SERVER_LOGS:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a server minds that its callers are killed
    numbers = range(asked.mornings) if asked.only is None else [asked.only]
    stories = [drawn(asked.seed, number) for number in numbers]
    columns = (TextColumn("mornings"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        opened(min(len(stories), asked.side_by_side)) as theatres,
        Progress(*columns, console=console) as bar,
    ):
        task = bar.add_task("", total=len(stories))
        tally = campaign(stories, theatres, lambda: bar.advance(task))
    console.print(summary(tally))
    for violation in tally.violations[:1]:
        console.print(Text(as_told(violation, asked.seed)), soft_wrap=True)
    return 1 if tally.violations else 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill verbs at random through many mornings.")
    parser.add_argument("--mornings", type=int, default=200, help="how many mornings")
    parser.add_argument("--seed", type=int, default=1, help="which stories")
    parser.add_argument("--only", type=int, help="the number of one story to play again")
    usual = min(MOST_THEATRES, os.cpu_count() or 1)
    parser.add_argument("--side-by-side", type=int, default=usual, help="how many mornings at a time")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
