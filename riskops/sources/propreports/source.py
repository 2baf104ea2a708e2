"""PropReports as a source: fills and the broker's summaries, session by session.

Every account is asked for a range of dates in one go, long histories in blocks. Dates without a session
belong to the next one, so a range begins on the day after the session before. What fails, fails for the
account and for the sessions it concerns, and says so; it is never a quiet day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from riskops.errors import ConfigurationError, SourceError, SourceRefusedError
from riskops.records import Account, Fill
from riskops.sessions import DESK_ZONE, TradingCalendar
from riskops.sources.mappings import shown
from riskops.sources.propreports.accounts import AccountNames, OwnedAccount, owned_accounts, read_accounts
from riskops.sources.propreports.client import Pages, PropReportsClient, ReportType
from riskops.sources.propreports.fills import FillReading
from riskops.sources.propreports.summaries import DaySummary, broker_day, read_summaries
from riskops.sources.propreports.tables import UnreadableAnswerError, WrongRow
from riskops.sources.source import Fetched

LONGEST_BLOCK = timedelta(days=92)
LONGEST_GAP = timedelta(days=10)  # sessions further apart are not asked for in one go

KnownAt = Callable[[date], datetime]


class PropReports:
    """The back office as a source of transactions.

    Parameters
    ----------
    connect
        Opens a client; called once a fetch.
    calendar
        Labels moments and dates with sessions; its zone has to be New York, by whose dates the back
        office books.
    names
        Remembers which of the back office's accounts are whose.

    Raises
    ------
    ConfigurationError
        If the calendar has another zone.
    """

    def __init__(
        self, connect: Callable[[], PropReportsClient], calendar: TradingCalendar, names: AccountNames
    ) -> None:
        if calendar.zone.key != DESK_ZONE.key:
            raise ConfigurationError(
                f"PropReports books by the dates of {DESK_ZONE.key}, the calendar {calendar.name} "
                f"by those of {calendar.zone.key}: use RISKOPS_CALENDAR=XNYS."
            )
        self._connect = connect
        self._calendar = calendar
        self._names = names

    @property
    def name(self) -> str:
        """The source's name as reports and tables print it."""
        return "propreports"

    @property
    def tells_fills(self) -> bool:
        """Yes: closed trades are matched from them."""
        return True

    @property
    def is_asked_again(self) -> bool:
        """Yes: the back office corrects fills and fees for days."""
        return True

    def fetch(
        self, accounts: Sequence[Account], sessions: Sequence[date], known_at: KnownAt
    ) -> Iterator[Fetched]:
        """Yield one `Fetched` a session, in ascending order of the sessions.

        An account that is not listed, whose answer is incomplete or whose rows are wrong, is a
        failure of the sessions concerned, with the reason. The newest block is asked for first: the
        time and the troubles of a long history are not at the cost of last night.

        Raises
        ------
        SourceRefusedError
            If the login is refused.
        SourceError
            If the back office cannot be reached, or does not list its accounts.
        """
        account_ids = tuple(sorted({account.account_id for account in accounts}))
        wanted = sorted(set(sessions))
        if not (account_ids and wanted):
            yield from (Fetched(trades=(), covered=()) for _ in wanted)
            return
        with self._connect() as client:
            owned = owned_accounts(read_accounts(client.accounts()), self._names, account_ids)
            asking = _Asking(client, self._calendar, owned, known_at)
            *history, newest = _blocks(wanted)
            last = asking.about_all(account_ids, newest)
            for block in history:
                yield from asking.about_all(account_ids, block)
            yield from last


@dataclass
class _Told:
    """What was told of one account over a block of sessions."""

    sessions: Sequence[date]
    fills: dict[date, list[Fill]] = field(default_factory=dict)
    summaries: dict[date, list[DaySummary]] = field(default_factory=dict)
    failures: dict[date, str] = field(default_factory=dict)

    def fail(self, reason: str, session: date | None = None) -> None:
        """Fail one session, or all of them; the first reason is kept."""
        for failed in self.sessions if session is None else [session]:
            self.failures.setdefault(failed, reason)


class _Asking:
    """Asks for one account after the other; who could not be asked once is not asked again."""

    def __init__(
        self,
        client: PropReportsClient,
        calendar: TradingCalendar,
        owned: Mapping[str, Sequence[OwnedAccount]],
        known_at: KnownAt,
    ) -> None:
        self._client, self._calendar, self._owned, self._known_at = client, calendar, owned, known_at
        self._given_up: dict[str, str] = {}

    def about_all(self, account_ids: Sequence[str], block: Sequence[date]) -> list[Fetched]:
        """Return what is told of all accounts, session by session."""
        told = {account_id: self.about(account_id, block) for account_id in account_ids}
        return [_fetched(session, told, self._known_at) for session in block]

    def about(self, account_id: str, block: Sequence[date]) -> _Told:
        """Return everything about one account over a block of sessions."""
        told = _Told(block)
        if reason := self._given_up.get(account_id) or self._refusal(account_id):
            told.fail(reason)
            return told
        span = self._calendar.previous(block[0]) + timedelta(days=1), block[-1]
        answers = [(account, *self._answers(account, span, told)) for account in self._owned[account_id]]
        known_at = lru_cache(maxsize=None)(self._known_at)  # one moment for all that came together
        for account, fills, summaries in answers:
            try:
                self._read(account, fills, summaries, span, known_at, told)
            except UnreadableAnswerError as error:
                told.fail(_reason(account, error))
        return told

    def _refusal(self, account_id: str) -> str:
        """Say why an account cannot be asked for; nothing if it can."""
        owned = self._owned.get(account_id, ())
        if not owned:
            return (
                f"account {shown(account_id)}: PropReports does not list it for this login. "
                "Check its name there, or what the login may see."
            )
        foreign = next((account for account in owned if account.listed.is_foreign), None)
        if foreign is None:
            return ""
        currency = shown(foreign.listed.currency)
        return f"{_named(foreign)}: it is kept in {currency}. Only accounts in USD get a limit."

    def _answers(self, account: OwnedAccount, span: tuple[date, date], told: _Told) -> tuple[Pages, Pages]:
        number = account.listed.external_id
        if account.account_id in self._given_up:
            return (), ()
        try:
            return (
                self._client.fills(number, *span),
                self._client.report(ReportType.SUMMARY_BY_DATE, number, *span),
            )
        except SourceRefusedError:
            raise
        except SourceError as error:
            reason = self._given_up[account.account_id] = _reason(account, error)
            told.fail(reason)
            return (), ()

    def _read(
        self,
        account: OwnedAccount,
        fills: Pages,
        summaries: Pages,
        span: tuple[date, date],
        known_at: KnownAt,
        told: _Told,
    ) -> None:
        reading = FillReading(
            account.account_id, account.names, account.fill_id_prefix, *span, self._calendar, known_at
        )
        for fill in reading.of(fills):
            if isinstance(fill, WrongRow):
                self._fail(account, fill, span, told)
            else:
                told.fills.setdefault(fill.session, []).append(fill)
        for summary in read_summaries(summaries, ReportType.SUMMARY_BY_DATE):
            if isinstance(summary, WrongRow):
                self._fail(account, summary, span, told)
            elif span[0] <= summary.day <= span[1]:
                told.summaries.setdefault(self._calendar.roll_forward(summary.day), []).append(summary)
            else:
                told.fail(f"{_named(account)}: {summary.place}: {summary.day} was not asked for.")

    def _fail(self, account: OwnedAccount, row: WrongRow, span: tuple[date, date], told: _Told) -> None:
        """Fail the session a wrong row is about, or all of them where that cannot be told."""
        is_dated = row.day is not None and span[0] <= row.day <= span[1]
        session = self._calendar.roll_forward(row.day) if row.day is not None and is_dated else None
        told.fail(f"{_named(account)}: {row.problem}", session)


def _fetched(session: date, told: Mapping[str, _Told], known_at: KnownAt) -> Fetched:
    failures = {
        account_id: reason
        for account_id, own in told.items()
        if (reason := _failure(account_id, own, session))
    }
    good = {account_id: own for account_id, own in told.items() if account_id not in failures}
    fills = [fill for own in good.values() for fill in own.fills.get(session, ())]
    return Fetched(
        trades=(),
        covered=tuple((account_id, session) for account_id in good),
        failures=failures,
        fills=tuple(sorted(fills, key=lambda fill: (fill.account_id, fill.executed_at, fill.fill_id))),
        broker_days=tuple(
            broker_day(account_id, session, own.summaries[session], known_at(session))
            for account_id, own in good.items()
            if session in own.summaries
        ),
    )


def _failure(account_id: str, told: _Told, session: date) -> str:
    """Return why an account's session failed, also where fills are missing that its summary counts."""
    counted = sum(summary.fills for summary in told.summaries.get(session, ()))
    if reason := told.failures.get(session):
        return reason
    if counted and session not in told.fills:
        return (
            f"account {shown(account_id)}: fills: none came for {session}, "
            f"summaryByDate counts {counted}. Ask for them again."
        )
    return ""


def _blocks(sessions: Sequence[date]) -> Iterator[list[date]]:
    """Split ascending sessions into blocks that are asked for in one go."""
    block = [sessions[0]]
    for session in sessions[1:]:
        if session - block[0] > LONGEST_BLOCK or session - block[-1] > LONGEST_GAP:
            yield block
            block = []
        block.append(session)
    yield block


def _named(account: OwnedAccount) -> str:
    return f"account {shown(account.account_id)}, PropReports id {shown(account.listed.external_id)}"


def _reason(account: OwnedAccount, error: SourceError) -> str:
    return f"{_named(account)}: {error}"
