"""The desk as it was known at a cut-off, read into the arrays the domain computes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

import numpy as np
import sqlalchemy as sa

from riskops import config
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import BaseLimit, LivedReduction, Rung
from riskops.sessions import TradingCalendar
from riskops.store.database import Database, statement
from riskops.store.roster import Roster
from riskops.store.tables import UtcDateTime

Schedule = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LastMail:
    """The limits that the last mail of an earlier session named, overrides included.

    `limits` is the limit in cents and the reduction, by trader.
    """

    session: date
    revision: int
    limits: Mapping[str, tuple[int, int]]


class HistoryReader:
    """Builds `DeskHistory` and `TradePaths` from the risk database."""

    def __init__(self, database: Database, calendar: TradingCalendar) -> None:
        self._database = database
        self._calendar = calendar
        self._roster = Roster(database)

    def desk(self, session: date, cut_off: datetime) -> DeskHistory:
        """Return the desk before `session`, with nothing known after `cut_off`.

        Raises
        ------
        SessionError
            If `session`, or a session with results, is none of the calendar.
        """
        on_record, _otherwise = self.readings(session, cut_off)
        return on_record

    def readings(self, session: date, cut_off: datetime) -> tuple[DeskHistory, DeskHistory | None]:
        """Return the desk on record and, where fills and broker disagree, the desk as the fills have it.

        Raises
        ------
        SessionError
            If `session`, or a session with results, is none of the calendar.
        """
        with self._database.reading() as connection:
            results = connection.execute(*_as_of("daily_results_as_of", session, cut_off)).all()
            applied = connection.execute(*_as_of("applied_before", session, cut_off)).all()
        by_trader = {key: list(rows) for key, rows in groupby(results, key=itemgetter(0))}
        roster = self._roster.view(cut_off)
        active = {trader.trader_id for trader in roster.active(session)}
        people = [t for t in roster.traders if t.trader_id in active | by_trader.keys()]
        schedules = self._schedules(roster.base_limits)
        in_force = _applied_by_trader(applied, self._calendar)
        lived = self.lived(session)
        on_record = DeskHistory(
            position=self._calendar.position(session),
            session=session,
            traders=tuple(
                _history(
                    person.trader_id,
                    by_trader.get(person.trader_id, []),
                    schedules.get(person.trader_id, DEFAULT_SCHEDULE),
                    in_force.get(person.trader_id, {}),
                    lived.get(person.trader_id, {}),
                    self._calendar,
                )
                for person in people
            ),
            names={person.trader_id: person.name for person in people},
            base_limits={p.trader_id: schedules.get(p.trader_id, DEFAULT_SCHEDULE) for p in people},
            lived=lived,
            calendar=self._calendar,
            absent=frozenset(p.trader_id for p in people) - active,
        )
        return on_record, _by_the_fills(on_record, by_trader)

    def paths(self, desk: DeskHistory, cut_off: datetime) -> TradePaths:
        """Return the closed trades behind the daily results of `desk`."""
        code = {history.trader_id: i for i, history in enumerate(desk.traders)}
        with self._database.reading() as connection:
            rows = connection.execute(*_as_of("trades_as_of", desk.session, cut_off)).all()
        days = self._calendar.positions([row[1] for row in rows]) if rows else np.zeros(0, np.int64)
        return TradePaths(
            trader=np.fromiter((code[row[0]] for row in rows), np.int64, len(rows)),
            day=days,
            net_cents=np.fromiter((row[2] for row in rows), np.int64, len(rows)),
            notional_cents=np.fromiter((row[3] for row in rows), np.int64, len(rows)),
        )

    def lived(self, session: date) -> dict[str, dict[int, LivedReduction]]:
        """Return what was decided, overrides aside, for the sessions before `session` whose mail left."""
        with self._database.reading() as connection:
            rows = connection.execute(*_as_of("lived_before", session)).all()
        lived: dict[str, dict[int, LivedReduction]] = defaultdict(dict)
        for row in rows:
            position = self._calendar.position(row.session)
            lived[row.trader_id][position] = LivedReduction(
                trader_id=row.trader_id,
                session=row.session,
                reduction=row.reduction,
                limit_cents=row.limit_cents,
                base_limit_cents=row.base_limit_cents,
                rung=Rung(row.rung),
            )
        return dict(lived)

    def mailed_last(self, session: date) -> LastMail | None:
        """Return what the last mail before `session` named, ``None`` where none left."""
        with self._database.reading() as connection:
            rows = connection.execute(*_as_of("mailed_last", session)).all()
        if not rows:
            return None
        in_force = {row.trader_id: (row.limit_cents, row.reduction) for row in rows}
        return LastMail(rows[0].session, rows[0].revision, in_force)

    def base_limits_on(self, session: date, cut_off: datetime) -> dict[str, int]:
        """Return the base limit that `cut_off` knew as scheduled for a session, by trader, in cents."""
        position = np.array([self._calendar.position(session)])
        roster = self._roster.view(cut_off)
        schedules = self._schedules(roster.base_limits)
        people = [trader.trader_id for trader in roster.traders]
        return {t: int(_base_on(position, schedules.get(t, DEFAULT_SCHEDULE))[0]) for t in people}

    def schedule_of(self, trader_id: str, cut_off: datetime) -> Schedule:
        """Return a trader's base limits as `cut_off` knew them: from which position on, how many cents."""
        return self._schedules(self._roster.base_limits(cut_off)).get(trader_id, DEFAULT_SCHEDULE)

    def base_on(self, day: np.ndarray, schedule: Schedule) -> np.ndarray:
        """Return the base limit in cents that a schedule has for each calendar position."""
        return _base_on(day, schedule)

    def _schedules(self, base_limits: Sequence[BaseLimit]) -> dict[str, Schedule]:
        schedules: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for limit in base_limits:
            start = int(np.searchsorted(self._calendar.dates, np.datetime64(limit.effective_from)))
            schedules[limit.trader_id].append((start, limit.base_limit_cents))
        return {trader_id: tuple(steps) for trader_id, steps in schedules.items()}


def _by_the_fills(on_record: DeskHistory, results: Mapping[str, Sequence[sa.Row]]) -> DeskHistory | None:
    """Return the desk with the results that its fills make, ``None`` where these are the broker's."""
    if not any(row.other_net_cents != row.net_cents for rows in results.values() for row in rows):
        return None
    others = (
        replace(trader, net_cents=np.array([int(row.other_net_cents) for row in rows], dtype=np.int64))
        for trader in on_record.traders
        for rows in [results.get(trader.trader_id, [])]
    )
    return replace(on_record, traders=tuple(others))


DEFAULT_SCHEDULE: Schedule = ((0, config.DEFAULT_BASE_LIMIT_CENTS),)


def _as_of(
    name: str, session: date, cut_off: datetime | None = None
) -> tuple[sa.TextualSelect, dict[str, date | datetime]]:
    values: dict[str, date | datetime] = {"session": session}
    query = sa.text(statement(name)).bindparams(sa.bindparam("session", type_=sa.Date))
    if cut_off is not None:
        values["cut_off"] = cut_off
        query = query.bindparams(sa.bindparam("cut_off", type_=UtcDateTime))
    return query.columns(session=sa.Date), values


def _applied_by_trader(rows: Sequence[sa.Row], calendar: TradingCalendar) -> dict[str, dict[int, int]]:
    applied: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        applied[row.trader_id][calendar.position(row.session)] = row.limit_cents
    return dict(applied)


def _history(
    trader_id: str,
    rows: Sequence[sa.Row],
    schedule: Schedule,
    applied: Mapping[int, int],
    lived: Mapping[int, LivedReduction],
    calendar: TradingCalendar,
) -> TraderHistory:
    day = calendar.positions([row[1] for row in rows]) if rows else np.zeros(0, np.int64)
    base = _base_in_force(day, schedule, lived)
    in_force = [applied.get(int(position)) for position in day]
    return TraderHistory(
        trader_id=trader_id,
        day=day,
        net_cents=np.fromiter((int(row[2]) for row in rows), np.int64, len(rows)),
        base_cents=base,
        applied_cents=np.fromiter(
            (b if limit is None else limit for limit, b in zip(in_force, base, strict=True)),
            np.int64,
            len(rows),
        ),
        assumed=np.fromiter((limit is None for limit in in_force), np.bool_, len(rows)),
        trades=np.fromiter((int(row[3]) for row in rows), np.int64, len(rows)),
        volume_cents=np.fromiter((int(row[4]) for row in rows), np.int64, len(rows)),
    )


def _base_in_force(day: np.ndarray, schedule: Schedule, lived: Mapping[int, LivedReduction]) -> np.ndarray:
    """Return the base limit of each day: what was in force where it was lived, else the schedule.

    A raise that waits for a cut to end is scheduled and not in force.
    """
    base = _base_on(day, schedule)
    for row, position in enumerate(day.tolist()):
        if position in lived:
            base[row] = lived[position].base_limit_cents
    return base


def _base_on(day: np.ndarray, schedule: Schedule) -> np.ndarray:
    starts = np.array([start for start, _ in schedule])
    steps = np.array([cents for _, cents in schedule], dtype=np.int64)
    return steps[np.maximum(np.searchsorted(starts, day, side="right") - 1, 0)]
