"""Set the demo desk up: its people, and the history that its pinned morning looks back on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

from riskops.desk import Desk
from riskops.errors import ConfigurationError
from riskops.pipeline.stage import Receipt
from riskops.records import Trade
from riskops.sources.demo import PINNED_SESSION, DemoDesk

Progress = Callable[[int, int], None]


def set_up_demo(desk: Desk, progress: Progress) -> Receipt:
    """Enrol the demo desk and load its history; what is there already is not done again.

    Parameters
    ----------
    progress
        Called with (sessions done, sessions in all).

    Raises
    ------
    ConfigurationError
        If this deployment is not the demo, or a test.
    """
    if not desk.settings.is_drill:
        raise ConfigurationError("The demo desk is not for production: set RISKOPS_DEPLOYMENT=demo.")
    demo = DemoDesk(desk.calendar)
    desk.store.roster.enrol(demo.traders(), demo.accounts(), demo.base_limits(), demo.roster())
    missing = _missing(desk, demo)
    history = _History(desk, demo, missing, progress)
    new = desk.store.transactions.add(history.trades(), history.covered(), demo.name)
    return {"session": PINNED_SESSION.isoformat(), "sessions": len(missing), "new_trades": new}


def _missing(desk: Desk, demo: DemoDesk) -> list[date]:
    sessions = demo.sessions()
    missing: set[date] = set()
    for account in demo.accounts():
        span = (account.account_id, sessions[0], sessions[-1])
        missing |= set(sessions) - desk.store.transactions.covered_sessions(*span)
    return sorted(missing)


class _History:
    """The demo's days, handed over session by session."""

    def __init__(self, desk: Desk, demo: DemoDesk, sessions: list[date], progress: Progress) -> None:
        self._desk, self._demo, self._sessions, self._progress = desk, demo, sessions, progress
        self._confirmed: list[tuple[str, date]] = []

    def trades(self) -> Iterator[Trade]:
        known_at = self._desk.calendar.history_known_at
        fetched = self._demo.fetch(self._demo.accounts(), self._sessions, known_at)
        for done, day in enumerate(fetched, start=1):
            self._confirmed += day.covered
            yield from day.trades
            self._progress(done, len(self._sessions))

    def covered(self) -> Iterator[tuple[str, date, datetime]]:
        for account_id, session in self._confirmed:
            yield account_id, session, self._desk.calendar.history_known_at(session)
