"""Load history from a file: all of it, or nothing and a list of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.stage import Receipt
from riskops.records import Trade
from riskops.sources.csv_files import (
    COUNTED_PROBLEMS,
    TOLERATED_REJECTS,
    Extent,
    Rejected,
    count_lines,
    coverage,
    file_digest,
    listing,
    read_trades,
    read_with_rejects,
    row_texts,
)
from riskops.sources.mappings import ColumnMapping, mapping_named
from riskops.store.contradictions import Contradiction
from riskops.store.roster import NEWEST
from riskops.store.transactions import FileLoad, LoadRecord, RejectedRow

Progress = Callable[[int, int], None]  # lines read, and how many there are to read

SHORTEST_DIGEST = 6  # of a digest written short


def load_file(
    desk: Desk,
    path: Path,
    mapping_name: str,
    *,
    quarantine: bool = False,
    correct: bool = False,
    through: date | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Receipt:
    """Load one file of transactions as history.

    Each day counts as known early on the session after it, but not where the desk has lived past
    that morning: such a day is known from now on, so that nothing late slips into a decision made
    without it. The file confirms its accounts from its first session through its last, or through
    `through`.

    Raises
    ------
    DuplicateLoadError
        If the same file was loaded before.
    InputError
        If the file is refused; nothing of it is kept. With `quarantine` bad rows, and those that
        contradict what is known, are set aside and the others are loaded. With `correct` those that
        have another result for the same session correct what is known, from now on.
    """
    mapping = mapping_named(mapping_name)
    load = FileLoad(file_digest(path), mapping.name, path.name, desk.clock())
    steps = _Steps(path, progress)
    history = _History(desk, path, mapping, load.known_at, quarantine, correct, through, steps.take)
    new = desk.store.transactions.add(
        history.trades(), history.covered(), mapping.name, load, history.rejected, history.decide
    )
    receipt = {"file": path.name, "digest": load.digest, "new_trades": new, "rejected": len(history.rejected)}
    return receipt | ({"corrected": history.corrected} if correct else {})


def load_from_inbox(desk: Desk, name: str, mapping_name: str, *, quarantine: bool = False) -> Receipt:
    """Load one file of the inbox as history; a name that leads out of the inbox is refused."""
    inbox = desk.settings.inbox.absolute()
    path = inbox
    with suppress(OSError, RuntimeError, ValueError):  # a name too long, a loop of links, a NUL
        inbox, path = inbox.resolve(), (inbox / name).resolve()
    if not name or inbox not in path.parents:
        raise InputError(f"{name!r} is no file below the inbox. Put the file there and give its name.")
    return load_file(desk, path, mapping_name, quarantine=quarantine)


def load_named(desk: Desk, asked: str) -> LoadRecord:
    """Return the load of a file, found by its name or by the beginning of its digest.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    found = [record for record in desk.store.transactions.loads() if _is_meant(record.load, asked)]
    if not found:
        raise InputError(f"No file {asked!r} was loaded; `riskops rejected` lists those that were.")
    if len(found) > 1:
        digests = ", ".join(record.load.digest[:12] for record in found)
        raise InputError(f"{asked!r} means {len(found)} loads; name one by its digest: {digests}.")
    return found[0]


def _is_meant(load: FileLoad, asked: str) -> bool:
    return load.file_name == asked or (len(asked) >= SHORTEST_DIGEST and load.digest.startswith(asked))


class _Steps:
    """Counts the lines read, out of all there are."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self._all, self._done, self._progress = count_lines(path), 0, progress

    def take(self, lines: int) -> None:
        """Take note of some more lines."""
        self._done += lines
        self._progress(min(self._done, self._all), self._all)


class _History:
    """One reading of a file: its trades first, then what it confirms and what was set aside."""

    def __init__(
        self,
        desk: Desk,
        path: Path,
        mapping: ColumnMapping,
        now: datetime,
        quarantine: bool,
        correct: bool,
        through: date | None,
        progress: Callable[[int], None],
    ) -> None:
        self._desk, self._path, self._mapping, self._now = desk, path, mapping, now
        self._quarantine, self._correct, self._through = quarantine, correct, through
        self._extent = Extent()
        self._progress = progress
        self._good_rows = 0
        self._contradictions: list[Contradiction] = []
        self.corrected = 0
        self.rejected: list[RejectedRow] = []

    def trades(self) -> Iterator[Trade]:
        read = read_with_rejects if self._quarantine else read_trades
        accounts = {account.account_id for account in self._desk.store.roster.accounts(NEWEST)}
        rows = read(
            *(self._path, self._mapping, self._desk.calendar, accounts, self._now, self._known_at),
            progress=self._progress,
        )
        for row in rows:
            if isinstance(row, Rejected):
                self._reject(row)
                continue
            self._extent.add(row)
            self._good_rows += 1
            yield row

    def decide(self, contradiction: Contradiction) -> datetime | None:
        """Let a trade correct what is known, from now on, where that was asked for; else set it aside."""
        if self._correct and contradiction.is_of_one_session:
            self.corrected += 1
            return self._now
        self._set_aside(contradiction)
        return None

    def _set_aside(self, contradiction: Contradiction) -> None:
        self._contradictions.append(contradiction)
        count = len(self._contradictions)
        if count >= COUNTED_PROBLEMS and not self._quarantine:
            self._refuse()
        if count > max(TOLERATED_REJECTS, self._good_rows // 2):
            raise InputError(
                f"{self._path.name}: {count:,} of the first {self._good_rows:,} good rows contradict "
                "what is known. Check that the file is of this desk and holds whole sessions."
            )

    def covered(self) -> Iterator[tuple[str, date, datetime]]:
        self._settle_contradictions()
        for account_id, session in coverage(self._extent, self._desk.calendar, through=self._through):
            yield account_id, session, self._known_at(session)

    def _settle_contradictions(self) -> None:
        if not self._contradictions:
            return
        if not self._quarantine:
            self._refuse()
        lines = {c.trade.origin.line_number: c for c in self._contradictions if c.trade.origin is not None}
        texts = row_texts(self._path, self._mapping, lines)
        for line, found in lines.items():
            self._reject(Rejected(line, texts.get(line, ""), (found.problem,), found.trade.account_id))

    def _refuse(self) -> None:
        raise InputError(listing(self._path.name, [str(found) for found in self._contradictions]))

    def _reject(self, row: Rejected) -> None:
        self._extent.add(row)
        self.rejected.append(RejectedRow(row.line_number, row.text, row.problem))

    def _known_at(self, session: date) -> datetime:
        """Return when the day of a session counts as known: early on the next one, if that is not decided."""
        following = self._desk.calendar.shift(session, 1)
        if self._decided is not None and self._decided[0] <= following <= self._decided[1]:
            return self._now
        return self._desk.calendar.history_known_at(session)

    @cached_property
    def _decided(self) -> tuple[date, date] | None:
        """The first and the last session with limits, read while the load has its turn to write."""
        return self._desk.store.mornings.decided_stretch()
