"""What the mail tells beside the decisions: earlier limits, fired rules, recent results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskops.desk import Desk
from riskops.errors import RiskOpsError
from riskops.history import TraderHistory
from riskops.pipeline.revise import mail_before
from riskops.pipeline.stage import cut_off, read_history
from riskops.records import Publication, Run, Signal
from riskops.report.changes import Earlier, mailed_before, of_the_mail_before
from riskops.report.charts import SHOWN_DAYS, Day
from riskops.report.content import Background
from riskops.report.wording import one_line
from riskops.sessions import TradingCalendar
from riskops.store.mornings import Stage


def background(
    desk: Desk, run: Run, publication: Publication, rules: Stage | None
) -> tuple[Background, list[str]]:
    """Return what is told beside the decisions, and in words what of it is missing.

    Results that cannot be read are a reason for a hold, never one for a mail without limits.
    """
    missing = []
    recent: Mapping[str, Sequence[Day]] = {}
    try:
        recent = _recent(desk, run, publication)
    except RiskOpsError as error:
        missing.append(f"No results are shown, they cannot be read: {one_line(str(error))}")
    signals = _signals(desk, run) if rules is not None and rules.is_done else {}
    return Background(_earlier(desk, run), signals, recent), missing


def _earlier(desk: Desk, run: Run) -> Earlier:
    """Return the limits of the mail that this one corrects, else those that were mailed last."""
    before = mail_before(desk, run)
    if before is not None:
        return of_the_mail_before(before)
    last = desk.store.history.mailed_last(run.session)
    if last is None:
        return Earlier()
    traders = desk.store.roster.traders(cut_off(desk, run))
    names = {trader.trader_id: trader.name for trader in traders}
    return mailed_before(last.session, last.limits, names)


def _signals(desk: Desk, run: Run) -> dict[str, tuple[Signal, ...]]:
    scores = desk.store.mornings.rule_scores(run.session, run.revision)
    return {score.trader_id: score.signals for score in scores}


def _recent(desk: Desk, run: Run, publication: Publication) -> dict[str, tuple[Day, ...]]:
    """Return the last active days of everybody who is cut."""
    cut = {decision.trader_id for decision in publication.decisions if decision.reduction}
    if not cut:
        return {}
    history = read_history(desk, run)
    return {t.trader_id: _days(t, history.calendar) for t in history.traders if t.trader_id in cut}


def _days(trader: TraderHistory, calendar: TradingCalendar) -> tuple[Day, ...]:
    last = slice(-SHOWN_DAYS, None)
    shown = (trader.day[last].tolist(), trader.net_cents[last].tolist(), trader.applied_cents[last].tolist())
    return tuple(Day(calendar.session_at(at), net, limit) for at, net, limit in zip(*shown, strict=True))
