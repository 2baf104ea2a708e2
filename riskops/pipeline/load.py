"""Load history from a file: all of it, or nothing and a list of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from riskops.desk import Desk
from riskops.errors import InputError
from riskops.pipeline.stage import Receipt
from riskops.records import Trade
from riskops.sources.csv_files import (
    Extent,
    Rejected,
    coverage,
    file_digest,
    read_trades,
    read_with_rejects,
)
from riskops.sources.mappings import ColumnMapping, mapping_named
from riskops.store.transactions import FileLoad, RejectedRow


def load_file(
    desk: Desk,
    path: Path,
    mapping_name: str,
    *,
    quarantine: bool = False,
    through: date | None = None,
) -> Receipt:
    """Load one file of transactions as history.

    Each day counts as known early on the session after it. The file confirms its accounts from
    its first session through its last, or through `through`.

    Raises
    ------
    DuplicateLoadError
        If the same file was loaded before.
    InputError
        If the file is refused; nothing of it is kept. With `quarantine` bad rows are set aside
        and the good ones are loaded.
    """
    mapping = mapping_named(mapping_name)
    load = FileLoad(file_digest(path), mapping.name, path.name, desk.clock())
    history = _History(desk, path, mapping, quarantine=quarantine, through=through)
    new = desk.store.transactions.add(
        history.trades(), history.covered(), mapping.name, load, history.rejected
    )
    return {"file": path.name, "new_trades": new, "rejected": len(history.rejected)}


def load_from_inbox(desk: Desk, name: str, mapping_name: str, *, quarantine: bool = False) -> Receipt:
    """Load one file of the inbox as history; a name that leads out of the inbox is refused."""
    inbox = desk.settings.inbox.resolve()
    path = (inbox / name).resolve()
    if not name or inbox not in path.parents:
        raise InputError(f"{name!r} is no file below the inbox. Put the file there and give its name.")
    return load_file(desk, path, mapping_name, quarantine=quarantine)


class _History:
    """One reading of a file: its trades first, then what it confirms and what was set aside."""

    def __init__(
        self, desk: Desk, path: Path, mapping: ColumnMapping, *, quarantine: bool, through: date | None
    ) -> None:
        self._desk, self._path, self._mapping = desk, path, mapping
        self._quarantine, self._through = quarantine, through
        self._extent = Extent()
        self.rejected: list[RejectedRow] = []

    def trades(self) -> Iterator[Trade]:
        read = read_with_rejects if self._quarantine else read_trades
        accounts = {account.account_id for account in self._desk.store.roster.accounts()}
        arguments = (self._path, self._mapping, self._desk.calendar, accounts)
        known_at = self._desk.calendar.history_known_at
        for row in read(*arguments, self._desk.clock(), known_at):
            self._extent.add(row)
            if isinstance(row, Rejected):
                self.rejected.append(RejectedRow(row.line_number, row.text, row.problem))
            else:
                yield row

    def covered(self) -> Iterator[tuple[str, date, datetime]]:
        known_at = self._desk.calendar.history_known_at
        for account_id, session in coverage(self._extent, self._desk.calendar, through=self._through):
            yield account_id, session, known_at(session)
