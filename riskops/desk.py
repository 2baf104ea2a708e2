"""The one place that constructs things: settings, calendar, risk database, source and clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from riskops.errors import ConfigurationError
from riskops.sessions import TradingCalendar, desk_date, trading_calendar
from riskops.settings import PROPREPORTS, Settings, read_settings
from riskops.sources.mappings import MAPPINGS
from riskops.sources.source import Source
from riskops.store import schema
from riskops.store.account_names import AccountNames
from riskops.store.database import Database
from riskops.store.risk_store import RiskStore

Clock = Callable[[], datetime]


@dataclass(frozen=True, eq=False)
class Desk:
    """Everything a verb needs; opened by `open_desk`, closed by whoever opened it."""

    settings: Settings
    calendar: TradingCalendar
    store: RiskStore
    clock: Clock

    def source(self) -> Source:
        """Return the source of transactions this deployment names."""
        return _SOURCES[self.settings.source](self)

    def known_at(self, session: date) -> datetime:
        """Return when transactions that come now for `session` count as known.

        History counts as known early on the session after it. What comes on that very morning, or
        where the desk has lived past it, is known from now on: nothing late slips into a decision that
        was made without it. The demo desk's nights are simulated, they arrive early.
        """
        following, now = self.calendar.shift(session, 1), self.clock()
        lived = self.store.mornings.lived_stretch()
        is_history = following < desk_date(now) and not (lived and lived[0] <= following <= lived[1])
        if self.settings.source == "demo" or is_history:
            return self.calendar.history_known_at(session)
        return now

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.store.close()


def wall_clock() -> datetime:
    """Return now, in UTC."""
    return datetime.now(UTC)


def open_desk(environ: Mapping[str, str], clock: Clock = wall_clock, *, migrate: bool = False) -> Desk:
    """Open the desk that the environment describes.

    Raises
    ------
    ConfigurationError
        If a setting is missing or refused, or the risk database is not there or not at the newest
        version; with `migrate` it is made so.
    """
    settings = read_settings(environ)
    _refuse_unknown("RISKOPS_SOURCE", settings.source, _SOURCES)
    _refuse_unknown("RISKOPS_CSV_MAPPING", settings.csv_mapping, MAPPINGS)
    calendar = trading_calendar(settings.calendar)
    database = Database(settings.database_url.reveal())
    if migrate:
        schema.upgrade(database)
    elif not schema.is_current(database):
        raise ConfigurationError(
            "The risk database of RISKOPS_DATABASE_URL is not at the newest version: run `riskops migrate`."
        )
    return Desk(settings, calendar, RiskStore(database, calendar), clock)


def _refuse_unknown(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ConfigurationError(f"{name}={value[:80]!a}: use one of {', '.join(known)}.")


def _demo(desk: Desk) -> Source:
    from riskops.sources.demo import DemoDesk

    return DemoDesk(calendar=desk.calendar)


def _csv_inbox(desk: Desk) -> Source:
    from riskops.sources.csv_inbox import CsvInbox
    from riskops.sources.mappings import mapping_named

    mapping = mapping_named(desk.settings.csv_mapping)
    return CsvInbox(desk.settings.inbox, desk.calendar, desk.clock, mapping)


def _propreports(desk: Desk) -> Source:
    from riskops.sources.propreports.client import PropReportsClient
    from riskops.sources.propreports.patience import Patience
    from riskops.sources.propreports.source import PropReports

    back_office = desk.settings.back_office
    if back_office is None:
        raise ConfigurationError(
            "RISKOPS_SOURCE=propreports: RISKOPS_PROPREPORTS_URL, RISKOPS_PROPREPORTS_USER and "
            "RISKOPS_PROPREPORTS_PASSWORD are not set. See 'Settings' in the README."
        )
    names = AccountNames(desk.store.database, desk.settings.source)
    patience = Patience()  # one for all that is asked of this source: its time runs from now
    return PropReports(lambda: PropReportsClient(back_office, patience), desk.calendar, names)


_SOURCES: dict[str, Callable[[Desk], Source]] = {
    "demo": _demo,
    "csv": _csv_inbox,
    PROPREPORTS: _propreports,
}
