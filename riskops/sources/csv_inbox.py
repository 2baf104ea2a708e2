"""A folder into which another system drops one CSV file a session.

A file is called ``<anything>_<YYYY-MM-DD>.csv``: the date is the session it covers, and it covers every
account of the desk for it. A session without a file is not covered, which is not the same as a quiet
day. Whoever writes the files should write them under another name and rename them when complete.
Files that start with ``applied_`` are read back from the trading platform and hold no transactions.

Rows of earlier sessions are left to those sessions' own files; rows of a later session are refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from riskops.errors import InputError, SourceError
from riskops.records import Account, Trade
from riskops.sessions import TradingCalendar
from riskops.sources.csv_files import HOW_TO_ENROL, Rejected, read_with_rejects
from riskops.sources.mappings import CLOSED_TRADES, ColumnMapping, shown
from riskops.sources.read_back_file import DROPPED_AS
from riskops.sources.source import Fetched

_FILE_NAME = re.compile(r".*_([0-9]{4}-[0-9]{2}-[0-9]{2})\.csv", re.IGNORECASE)


class CsvInbox:
    """The inbox folder as a source of transactions.

    Parameters
    ----------
    folder
        Where the files lie; its subfolders are not searched.
    calendar
        Labels closes with sessions.
    clock
        Gives now; read once a fetch.
    mapping
        The layout of the files.
    """

    def __init__(
        self,
        folder: Path,
        calendar: TradingCalendar,
        clock: Callable[[], datetime],
        mapping: ColumnMapping = CLOSED_TRADES,
    ) -> None:
        self._folder = folder
        self._calendar = calendar
        self._clock = clock
        self._mapping = mapping

    @property
    def name(self) -> str:
        """The source's name as reports and tables print it."""
        return "csv"

    @property
    def tells_fills(self) -> bool:
        """No: a row is a closed trade, or carries its realised result."""
        return False

    @property
    def is_asked_again(self) -> bool:
        """Yes: a file that was corrected replaces the earlier one."""
        return True

    def fetch(
        self,
        accounts: Sequence[Account],
        sessions: Sequence[date],
        known_at: Callable[[date], datetime],
    ) -> Iterator[Fetched]:
        """Yield one `Fetched` a session, in ascending order of the sessions.

        A refused row fails the account it names, and only that one; a row that could be anybody's,
        or a file that cannot be read as a whole, fails every account. An account in the file
        that was not asked for is reported as a failure of its own.

        Raises
        ------
        SourceError
            If the folder cannot be listed.
        """
        files = self._files()
        now = self._clock()
        account_ids = tuple(sorted({account.account_id for account in accounts}))
        for session in sorted(sessions):
            yield self._fetched(files.get(session, []), session, account_ids, now, known_at)

    def _files(self) -> Mapping[date, list[Path]]:
        """Return the files of every session in the folder."""
        files: defaultdict[date, list[Path]] = defaultdict(list)
        try:
            for path in sorted(self._folder.iterdir()):
                session = _session_of(path)
                if session is not None:
                    files[session].append(path)
        except OSError as error:
            raise SourceError(
                f"The inbox {self._folder} cannot be listed: {error.strerror}. Check RISKOPS_INBOX."
            ) from error
        return files

    def _fetched(
        self,
        paths: Sequence[Path],
        session: date,
        account_ids: Sequence[str],
        now: datetime,
        known_at: Callable[[date], datetime],
    ) -> Fetched:
        if not paths:
            return Fetched(trades=(), covered=())
        try:
            path = _only(paths, session)
            rows = read_with_rejects(path, self._mapping, self._calendar, account_ids, now, known_at)
            trades, failures = _split(rows, path, session, account_ids)
        except InputError as error:
            return Fetched(trades=(), covered=(), failures=dict.fromkeys(account_ids, str(error)))
        return _without_failed(trades, session, account_ids, failures)


def _session_of(path: Path) -> date | None:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None or path.name.startswith(DROPPED_AS):
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None


def _only(paths: Sequence[Path], session: date) -> Path:
    if len(paths) > 1:
        names = ", ".join(_printable(path.name) for path in paths)
        raise InputError(f"{len(paths)} files claim {session}: {names}. Leave one of them in the inbox.")
    return paths[0]


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _split(
    rows: Iterator[Trade | Rejected], path: Path, session: date, account_ids: Sequence[str]
) -> tuple[list[Trade], dict[str, str]]:
    """Return the session's trades and the first failure of every account."""
    trades: list[Trade] = []
    failures: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Rejected):
            text = f"{path.name}:{row.line_number}: {_told(row)}"
            concerned = account_ids if row.account_id is None else [row.account_id]
            failures = dict.fromkeys(concerned, text) | failures
        elif row.session > session:
            raise InputError(
                f"{path.name}: trade {row.trade_id} of {row.account_id} belongs to {row.session}, after the "
                "session in the file's name. Correct the name or take the row out."
            )
        elif row.session == session:
            trades.append(row)
    return trades, failures


def _told(row: Rejected) -> str:
    if row.is_stranger and row.account_id is not None:
        known = f"account {shown(row.account_id)} belongs to no trader who gets a limit"
        return f"{known}. {HOW_TO_ENROL} or take its rows out."
    return row.problem


def _without_failed(
    trades: Sequence[Trade], session: date, account_ids: Sequence[str], failures: Mapping[str, str]
) -> Fetched:
    kept = (trade for trade in trades if trade.account_id not in failures)
    return Fetched(
        trades=tuple(sorted(kept, key=lambda trade: (trade.account_id, trade.closed_at, trade.trade_id))),
        covered=tuple((account_id, session) for account_id in account_ids if account_id not in failures),
        failures=failures,
    )
