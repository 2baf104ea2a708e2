"""Record what became of the days that were lived, and find what is to be told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from riskops import config, outcomes
from riskops.desk import Desk
from riskops.history import DeskHistory
from riskops.outcomes import Ended, News, OverrideWorth
from riskops.pipeline.stage import Receipt, cut_off, read_history, settled, stage
from riskops.records import Run, RunType, Verb
from riskops.store.documents import from_document, to_document

NEWS = "news"  # in the receipt: what is to be told this morning
LONGEST_WINDOW = max(config.CALIBRATION_SESSIONS + config.PERSISTS_SESSIONS, config.RESTRICTED_SHARE_WINDOW)


def record_outcomes(desk: Desk, run: Run) -> Receipt:
    """Record the outcome of every lived trader-day that has none yet, or was corrected since.

    Sessions before the run's, as known at its cut-off. Nobody waits for it: a morning without it has
    the same limits, and its mail says that it is missing. A backfill lives nothing, so it records
    nothing.
    """
    if (receipt := settled(desk, run, Verb.RECORD_OUTCOMES)) is not None:
        return receipt
    if run.run_type is RunType.BACKFILL:
        desk.store.journal.note(run, Verb.RECORD_OUTCOMES, "nothing new", desk.clock())
        return {"recorded": 0, "why": "a backfill records no outcomes"}
    with stage(desk, run, Verb.RECORD_OUTCOMES):
        recorded, receipt = _record(desk, run)
        desk.store.mornings.finish(run.session, run.revision, Verb.RECORD_OUTCOMES, receipt)
    return {"recorded": recorded, **receipt}


def known_worths(desk: Desk, first: date, session: date, moment: datetime) -> tuple[OverrideWorth, ...]:
    """Return what overrides were worth on the days from `first` on and before `session`, as known then."""
    worth = desk.store.outcomes.worth_of_overrides(first, session, moment)
    return outcomes.override_worths(worth, desk.store.outcomes.overridden(first, session))


def news_of(receipt: Receipt) -> News:
    """Return what a receipt has to tell."""
    return from_document(News, receipt.get(NEWS, {}))


def _record(desk: Desk, run: Run) -> tuple[int, Receipt]:
    """Record what is new; return how much that was, and a receipt that is the same when run again."""
    first = desk.store.outcomes.first_lived()
    if first is None or first >= run.session:
        return 0, {"outcomes": 0, "waiting": 0}
    moment = cut_off(desk, run)
    history = read_history(desk, run)
    results = desk.store.outcomes.results(first, run.session, moment)
    days = outcomes.ended(history, results, desk.store.outcomes.limits(first, run.session))
    new = outcomes.unrecorded(days, desk.store.outcomes.newest(first, run.session), moment)
    _add(desk, history, new, moment)
    return len(new), _receipt(desk, run, outcomes.waiting(history, results), moment)


def _add(desk: Desk, history: DeskHistory, new: Sequence[Ended], moment: datetime) -> None:
    if not new:
        return
    replayed = outcomes.replay_history(history, desk.store.history.paths(history, moment))
    sessions = {day.session for day in new}
    forecasts = desk.store.outcomes.forecasts(sessions)
    overridden = desk.store.outcomes.overridden(min(sessions), history.session)
    desk.store.outcomes.add(*outcomes.judge(new, forecasts, history, replayed, overridden))


def _receipt(desk: Desk, run: Run, waiting: int, moment: datetime) -> Receipt:
    first = desk.calendar.shift(run.session, -LONGEST_WINDOW)
    known = tuple(desk.store.outcomes.known(first, run.session, moment).values())
    told = desk.store.outcomes.told(
        desk.calendar.shift(run.session, -config.TOLD_AGAIN_SESSIONS), run.session
    )
    worths = known_worths(desk, first, run.session, moment)
    found = outcomes.news(known, told, desk.calendar, run.session, worths)
    night = desk.calendar.previous(run.session)
    return {
        "outcomes": sum(outcome.day.session == night for outcome in known),
        "waiting": waiting,
        "breaches": len(found.breaches),
        "restricted_share": outcomes.restricted_share(known, desk.calendar, run.session),
        NEWS: to_document(found),
    }
