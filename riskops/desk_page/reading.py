"""Read what a page shows from the record of the desk; nothing is written, and nothing decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from riskops import config, outcomes
from riskops.applied import Applied
from riskops.desk import Desk
from riskops.desk_page.found import Found
from riskops.desk_page.kept import Kept
from riskops.errors import MissingResultError, SessionError
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.level_curve import LevelBenefit, level_curve
from riskops.pipeline.read_back import in_force
from riskops.pipeline.record_outcomes import news_of
from riskops.pipeline.stage import cut_off
from riskops.records import (
    Acknowledgement,
    Comparison,
    Decision,
    LedgerEntry,
    LimitOrigin,
    Override,
    Publication,
    Revision,
    Run,
    RunType,
    Signal,
    Verb,
)
from riskops.report.charts import Day
from riskops.report.outcome_lines import outcome_lines
from riskops.sessions import desk_date, parse_session
from riskops.store.history_reader import DEFAULT_SCHEDULE
from riskops.store.mornings import Stage
from riskops.store.page_reader import (
    ArchivedMail,
    Decided,
    DecidedLimit,
    EvidencePoint,
    HealthOf,
    MailState,
)

SHOWN_LIMITS = 40  # sessions of a trader's limits
SHOWN_DAYS = 60  # active days of a trader's results
SHOWN_COMPARISONS = 250
SHOWN_MAILS = 100
SHOWN_HEALTH = 20
LONGEST_KEY = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands: the session it shows, its neighbours, and today's where that has no limits yet."""

    decided: Decided
    before: date | None
    after: date | None
    awaited: date | None


@dataclass(frozen=True, slots=True)
class Morning:
    """All that the record knows of one morning: what was found, and what has become of it since."""

    place: Place
    found: Found
    applied: Mapping[str, tuple[int, LimitOrigin]]
    mails: tuple[MailState, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    overrides: tuple[Override, ...]
    revisions: tuple[Revision, ...]
    read_back: Applied

    @property
    def publication(self) -> Publication:
        """What was decided."""
        return self.found.publication


@dataclass(frozen=True, eq=False)
class TraderFound:
    """What a session's limit of one trader stands on; without a limit that day there is no `decision`.

    `limit_known` are the sessions whose limit in force is on record; on the others it was the base limit.
    """

    decided: Decided
    trader_id: str
    name: str
    decision: Decision | None
    signals: tuple[Signal, ...]
    limits: tuple[DecidedLimit, ...]
    days: tuple[Day, ...]
    limit_known: frozenset[date]
    levels: tuple[LevelBenefit, ...]


@dataclass(frozen=True, slots=True)
class TraderRecord:
    """What the record knows of one trader as of a session: what was found, and what people say of it."""

    found: TraderFound
    overrides: tuple[Override, ...]
    first_day: date | None


@dataclass(frozen=True, eq=False)
class EvidenceRecord:
    """The evidence over time, and the ledger."""

    place: Place
    points: tuple[EvidencePoint, ...]
    comparison: Comparison | None
    ledger: tuple[LedgerEntry, ...]


# --- which session ----------------------------------------------------------------------------


def place(desk: Desk, asked: str) -> Place | None:
    """Return where a page stands: the session asked for, else the newest one; ``None`` before the first.

    Raises
    ------
    SessionError
        If what is asked for is no date.
    MissingResultError
        If nothing was decided for the session.
    """
    session = parse_session(asked) if asked else None
    found = desk.store.pages.decided(3, session)
    if session is not None and (not found or found[0].session != session):
        raise MissingResultError(f"No limits were decided for {session}.")
    if not found:
        return None
    shown = found[0]
    after = desk.store.pages.next_decided(shown.session) if session else None
    return Place(shown, _before(desk, found), after, None if after else _awaited(desk, shown.session))


def _before(desk: Desk, found: Sequence[Decided]) -> date | None:
    """Return the session decided before the one shown, whose further revisions are passed over."""
    earlier = [one.session for one in found if one.session < found[0].session]
    if earlier or len(found) < 3:
        return earlier[0] if earlier else None
    older = desk.store.pages.decided(1, found[0].session - timedelta(days=1))
    return older[0].session if older else None


def _awaited(desk: Desk, shown: date) -> date | None:
    """Return the newest session that has begun, where it has no limits yet."""
    try:
        begun = desk.calendar.roll_back(desk_date(desk.clock()))
    except SessionError:
        return None
    return begun if begun > shown else None


def _run(shown: Decided) -> Run:
    return Run(shown.session, RunType.MANUAL, "page", deliver=False, revision=shown.revision)


# --- a morning --------------------------------------------------------------------------------


def morning(desk: Desk, at: Place, kept: Kept) -> Morning:
    """Read one morning.

    What was found is kept once the session is sealed, until another run of a verb has ended.

    Raises
    ------
    MissingResultError
        If its limits are gone.
    """
    shown, now, pages = at.decided, desk.clock(), desk.store.pages
    stages = desk.store.mornings.stages(shown.session, shown.revision)
    key = (desk, shown, pages.runs_ended(shown.session, shown.revision))
    work = partial(_found, desk, at, stages)
    return Morning(
        place=at,
        found=work() if shown.sealed_at is None else kept.of(key, work),
        applied=pages.applied(shown.session),
        mails=pages.mails(shown.session),
        acknowledgements=desk.store.acknowledgements.of(shown.session, shown.revision),
        overrides=desk.store.overrides.known(shown.session, now),
        revisions=desk.store.revisions.of(shown.session),
        read_back=in_force(desk, shown.session),
    )


def _found(desk: Desk, at: Place, stages: Mapping[Verb, Stage]) -> Found:
    session, revision = at.decided.session, at.decided.revision
    mornings, publication = desk.store.mornings, _published(desk, at)
    scored = stages.get(Verb.SCORE_MODEL)
    return Found(
        publication=publication,
        comparison=mornings.comparison(session, revision),
        checks=mornings.quality(session, revision),
        model_scores=mornings.model_scores(session, revision) if scored and scored.is_done else (),
        signals=_signals(desk, at.decided, stages),
        stages=stages,
        outcomes=_outcomes(publication, stages),
        mailed_before=desk.store.history.mailed_last(session),
        replaced=mornings.publication(session, revision - 1) if revision else None,
        sealed_at=at.decided.sealed_at,
    )


def _published(desk: Desk, at: Place) -> Publication:
    found = desk.store.mornings.publication(at.decided.session, at.decided.revision)
    if found is None:
        raise MissingResultError(f"No limits were decided for {at.decided.session}.")
    return found


def _signals(desk: Desk, shown: Decided, stages: Mapping[Verb, Stage]) -> dict[str, tuple[Signal, ...]]:
    rules = stages.get(Verb.SCORE_RULES)
    if rules is None or not rules.is_done:
        return {}
    return desk.store.pages.signals(shown.session, shown.revision)


def _outcomes(publication: Publication, stages: Mapping[Verb, Stage]) -> tuple[str, ...]:
    past = stages.get(Verb.RECORD_OUTCOMES)
    if past is None or not past.is_done:
        return ()
    names = {decision.trader_id: decision.name for decision in publication.decisions}
    return tuple(outcome_lines(news_of(past.detail), names))


# --- a trader ---------------------------------------------------------------------------------


def trader(desk: Desk, at: Place, trader_id: str, kept: Kept) -> TraderRecord:
    """Read what is known of a trader as of a session.

    What was found is kept once the session is sealed, until more is known of earlier limits in force.

    Raises
    ------
    MissingResultError
        If there never was such a trader on the desk.
    """
    shown, first = at.decided, desk.calendar.shift(at.decided.session, -config.LEVELS_SESSIONS)
    key = (desk, shown, trader_id, desk.store.pages.limits_known(trader_id, first, shown.session))
    work = partial(_trader, desk, shown, trader_id, first)
    return TraderRecord(
        found=work() if shown.sealed_at is None else kept.of(key, work),
        overrides=tuple(one for one in desk.store.overrides.all() if one.asked.trader_id == trader_id),
        first_day=_first_day(desk),
    )


def _trader(desk: Desk, shown: Decided, trader_id: str, first: date) -> TraderFound:
    session, known_by, pages = shown.session, cut_off(desk, _run(shown)), desk.store.pages
    decision = pages.decision_of(trader_id, session, shown.revision)
    history = _history(desk, trader_id, first, session, known_by)
    paths = _paths(desk, history, first, known_by)
    return TraderFound(
        decided=shown,
        trader_id=trader_id,
        name=_name(desk, trader_id, session, known_by) if decision is None else decision.name,
        decision=decision,
        signals=pages.signals(session, shown.revision, trader_id).get(trader_id, ()),
        limits=pages.limits_of(trader_id, session, SHOWN_LIMITS),
        days=_days(history),
        limit_known=_limit_known(history),
        levels=level_curve(outcomes.replay_history(history, paths)),
    )


def _days(history: DeskHistory) -> tuple[Day, ...]:
    own = history.traders[0]
    rows = zip(own.day.tolist(), own.net_cents.tolist(), own.applied_cents.tolist(), strict=True)
    shown = list(rows)[-SHOWN_DAYS:]
    return tuple(Day(history.calendar.session_at(day), net, limit) for day, net, limit in shown)


def _limit_known(history: DeskHistory) -> frozenset[date]:
    own = history.traders[0]
    return frozenset(history.calendar.session_at(day) for day in own.day[~own.assumed].tolist())


def _name(desk: Desk, trader_id: str, session: date, known_by: datetime) -> str:
    names = {one.trader_id: one.name for one in desk.store.roster.traders(known_by)}
    if trader_id not in names:
        raise MissingResultError(f"{trader_id[:64]!a} is no trader that this desk knew on {session}.")
    return names[trader_id]


def _first_day(desk: Desk) -> date | None:
    """Return the next session that today's is, or that comes: where an override is likely to begin."""
    try:
        return desk.calendar.roll_forward(desk_date(desk.clock()))
    except SessionError:
        return None


def _history(desk: Desk, trader_id: str, first: date, session: date, known_by: datetime) -> DeskHistory:
    """Return the desk of this trader alone: the active days with the base limits and limits they had."""
    results = desk.store.pages.results_of(trader_id, first, session, known_by)
    in_force = desk.store.pages.in_force_of(trader_id, first, session)
    day = _positions(desk, results.sessions)
    scheduled = DEFAULT_SCHEDULE
    if not in_force.keys() >= set(results.sessions):
        scheduled = desk.store.history.schedule_of(trader_id, known_by)
    otherwise = ((cents, cents) for cents in desk.store.history.base_on(day, scheduled).tolist())
    had = [in_force.get(of, base) for of, base in zip(results.sessions, otherwise, strict=True)]
    own = TraderHistory(
        trader_id=trader_id,
        day=day,
        net_cents=results.net_cents,
        base_cents=np.array([base for _limit, base in had], np.int64),
        applied_cents=np.array([limit for limit, _base in had], np.int64),
        assumed=np.array([of not in in_force for of in results.sessions], bool),
        trades=np.zeros(len(day), np.int64),
        volume_cents=np.zeros(len(day), np.int64),
    )
    return DeskHistory(
        position=desk.calendar.position(session),
        session=session,
        traders=(own,),
        names={trader_id: trader_id},
        base_limits={trader_id: scheduled},
        lived={},
        calendar=desk.calendar,
    )


def _paths(desk: Desk, history: DeskHistory, first: date, known_by: datetime) -> TradePaths:
    """Return the trades of the days; what they moved is not looked at, so it is not read."""
    trader_id = history.traders[0].trader_id
    found = desk.store.pages.trades_of(trader_id, first, history.session, known_by)
    none = np.zeros(len(found.sessions), np.int64)
    return TradePaths(none, _positions(desk, found.sessions), found.net_cents, none)


def _positions(desk: Desk, sessions: Sequence[date]) -> np.ndarray:
    """Return the calendar positions of ascending sessions, each looked up once."""
    where = dict.fromkeys(sessions)
    if not where:
        return np.zeros(0, np.int64)
    positions = dict(zip(where, desk.calendar.positions(tuple(where)).tolist(), strict=True))
    return np.array([positions[session] for session in sessions], np.int64)


# --- the other pages --------------------------------------------------------------------------


def evidence(desk: Desk, at: Place, kept: Kept) -> EvidenceRecord:
    """Read the evidence up to a session; kept once it is sealed, until another comparison has ended."""
    key = (desk, at, desk.store.pages.comparisons_ended(at.decided.session))
    work = partial(_evidence, desk, at)
    return work() if at.decided.sealed_at is None else kept.of(key, work)


def _evidence(desk: Desk, at: Place) -> EvidenceRecord:
    shown = at.decided
    return EvidenceRecord(
        place=at,
        points=desk.store.pages.evidence(shown.session, SHOWN_COMPARISONS),
        comparison=desk.store.mornings.comparison(shown.session, shown.revision),
        ledger=tuple(e for e in desk.store.ledger.entries() if e.session <= shown.session),
    )


def mails(desk: Desk) -> tuple[MailState, ...]:
    """Read how far the newest mails got."""
    return desk.store.pages.newest_mails(SHOWN_MAILS)


def mail(desk: Desk, key: str) -> ArchivedMail:
    """Read one mail.

    Raises
    ------
    MissingResultError
        If there is none with this key.
    """
    found = desk.store.pages.mail(key) if key.isalnum() and len(key) <= LONGEST_KEY else None
    if found is None:
        raise MissingResultError("There is no such mail.")
    return found


def health(desk: Desk, at: Place) -> tuple[HealthOf, ...]:
    """Read the data checks of the last sessions up to one."""
    first = desk.calendar.shift(at.decided.session, -SHOWN_HEALTH + 1)
    return desk.store.pages.health(first, at.decided.session)
