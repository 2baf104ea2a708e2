"""Change the roster: who trades, with which accounts and base limit, from when on, by whose word and why.

Every change is one function. It says from when on it acts: what was decided stays decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from riskops import config, roster_changes
from riskops.desk import Desk
from riskops.errors import InputError, SealedError
from riskops.persons import said, tidy
from riskops.pipeline.stage import Receipt
from riskops.records import Entered, RosterChange, Trader
from riskops.report.roster_lines import in_words
from riskops.roster import RosterView
from riskops.roster_changes import Proposed, Records
from riskops.sessions import DESK_ZONE, desk_date, desk_time
from riskops.sources.mappings import UnreadableCellError, read_identifier
from riskops.store.roster import RosterDraft

LONGEST_NAME, LONGEST_REASON = 200, 1_000
STOP_NOW = "Stop the trading itself in the trading platform; where the mail is out, `riskops revise`."


@dataclass(frozen=True, slots=True)
class Order:
    """From when on the roster is to change, by whose word and why.

    A date in the past needs `correction`: the record was wrong. It becomes known now all the same.
    """

    since: date
    by: str
    why: str
    correction: bool = False


def join(
    desk: Desk, trader_id: str, name: str, account_id: str, base_limit_cents: int, order: Order
) -> Receipt:
    """Let a trader come, or come back, with an account that is nobody's and a base limit."""
    for word in (trader_id, account_id):
        refuse_unreadable(word)

    def propose(view: RosterView) -> Records:
        known = {trader.trader_id: trader.name for trader in view.traders}
        trader = Trader(trader_id, tidy_name(name) or known.get(trader_id, trader_id))
        return roster_changes.joining(view, trader, account_id, base_limit_cents, order.since)

    return _change(desk, order, propose)


def leave(desk: Desk, trader_id: str, order: Order) -> Receipt:
    """Let a trader leave: no limit from the date on; his results go on to inform."""
    return _change(desk, order, lambda view: roster_changes.leaving(view, trader_id, order.since))


def suspend(desk: Desk, trader_id: str, order: Order) -> Receipt:
    """Let a trader not trade: no limit from the date on. This is accepted when the mail is out, too."""
    return _change(
        desk, order, lambda view: roster_changes.suspending(view, trader_id, order.since), is_urgent=True
    )


def reinstate(desk: Desk, trader_id: str, order: Order) -> Receipt:
    """Let a suspended trader trade again."""
    return _change(desk, order, lambda view: roster_changes.reinstating(view, trader_id, order.since))


def change_base_limit(desk: Desk, trader_id: str, base_limit_cents: int, order: Order) -> Receipt:
    """Schedule a base limit: a lower one acts at once, a raise once the reduction is 0."""
    return _change(
        desk, order, lambda view: roster_changes.limiting(view, trader_id, base_limit_cents, order.since)
    )


def rename(desk: Desk, trader_id: str, name: str, order: Order) -> Receipt:
    """Give a trader another name; mails that left keep the one they had."""
    trader = Trader(trader_id, tidy_name(name) or trader_id)
    return _change(desk, order, lambda view: roster_changes.renaming(view, trader))


def add_account(desk: Desk, trader_id: str, account_id: str, order: Order) -> Receipt:
    """Let an account that is nobody's belong to a trader."""
    refuse_unreadable(account_id)
    return _change(
        desk, order, lambda view: roster_changes.adding_account(view, trader_id, account_id, order.since)
    )


def end_account(desk: Desk, account_id: str, order: Order) -> Receipt:
    """Let an account be nobody's from the date on."""
    return _change(desk, order, lambda view: roster_changes.ending_account(view, account_id, order.since))


def hand_over_account(desk: Desk, account_id: str, trader_id: str, order: Order) -> Receipt:
    """Hand an account over to another trader; what it earned until then stays where it was earned."""
    return _change(
        desk, order, lambda view: roster_changes.handing_over(view, account_id, trader_id, order.since)
    )


def withdraw(desk: Desk, trader_id: str, order: Order) -> Receipt:
    """Take back whatever was to change for a trader on the order's date."""

    def propose(draft: RosterDraft) -> Proposed:
        ever_made = [change.record for change in draft.history()]
        return roster_changes.withdrawing(draft.view, trader_id, order.since, ever_made)

    return _enter(desk, order, propose)


def entered(desk: Desk, since: date, by: str, why: str) -> Entered:
    """Return from when on a change counts as known; ask while the roster is being changed.

    That is the moment it is made. Where the desk has lived no session since the effective date it is
    early on that date, so that history which is filled later knows its own roster.
    """
    now = desk.clock()
    lived = desk.store.mornings.lived_stretch()
    if lived is not None and desk.calendar.roll_forward(since) <= lived[1]:
        return Entered(now, now, by, why)
    return Entered(min(now, desk_time(since, config.HISTORY_KNOWN_AT)), now, by, why)


def acts_from(desk: Desk, since: date, known_at: datetime) -> date:
    """Return the first session whose cut-off knows a change: the one it is for, or the next to be decided."""
    calendar = desk.calendar
    knows = calendar.roll_forward(desk_date(known_at))
    lived = desk.store.mornings.lived_stretch()
    is_too_late = known_at > desk_time(knows, config.LATEST_CUT_OFF)
    if is_too_late or (lived is not None and lived[0] <= knows <= lived[1]):
        knows = calendar.shift(knows, 1)
    return max(calendar.roll_forward(since), knows)


def refuse_unreadable(word: str) -> None:
    """Refuse an identifier that could not stand in a file of transactions."""
    try:
        read_identifier(word.strip() and word)
    except UnreadableCellError as error:
        raise InputError(f"An identifier is wrong: {error}") from error


def tidy_name(name: str) -> str:
    """Return a person's name in one line."""
    return tidy(name, "name", LONGEST_NAME)


def _change(
    desk: Desk, order: Order, propose: Callable[[RosterView], Records], *, is_urgent: bool = False
) -> Receipt:
    return _enter(desk, order, lambda draft: Proposed(propose(draft.view)), is_urgent=is_urgent)


def _enter(
    desk: Desk, order: Order, propose: Callable[[RosterDraft], Proposed], *, is_urgent: bool = False
) -> Receipt:
    """Enter what is new of a change, all of it or nothing; an urgent one waits for no session."""
    by, why = said(order.by, "who", LONGEST_NAME), said(order.why, "why", LONGEST_REASON)
    with desk.store.roster.changing() as draft:
        found = propose(draft)
        if not any((found.withdrawn, found.records)):
            return {"result": "nothing new: the roster says so already"}
        _refuse_untimely(desk, order, is_urgent=is_urgent)
        written = draft.enter(found.records, entered(desk, order.since, by, why), found.withdrawn)
        return _receipt(desk, order, written, is_urgent=is_urgent)


def _refuse_untimely(desk: Desk, order: Order, *, is_urgent: bool) -> None:
    if order.correction:
        return
    session, today = desk.calendar.roll_forward(order.since), desk_date(desk.clock())
    remedy = (
        "or say that the record was wrong (--correction): that becomes known now, what was decided stays."
    )
    if session < today:
        next_one = desk.calendar.roll_forward(today)
        raise InputError(f"{order.since} lies in the past. Make it effective {next_one} or later, {remedy}")
    if not is_urgent and desk.store.mornings.is_frozen(session, 0):
        next_one = desk.calendar.shift(session, 1)
        raise SealedError(f"The mail for {session} is out. Make it effective {next_one} or later, {remedy}")


def _receipt(desk: Desk, order: Order, written: tuple[RosterChange, ...], *, is_urgent: bool) -> Receipt:
    known_at = written[0].entered.known_at
    session, first = desk.calendar.roll_forward(order.since), acts_from(desk, order.since, known_at)
    receipt = {
        "result": "; ".join(in_words(change) for change in written),
        "known from": f"{known_at.astimezone(DESK_ZONE):%Y-%m-%d %H:%M} New York time",
        "acts from": first.isoformat(),
    }
    if first > session:
        stop = f" {STOP_NOW}" if is_urgent else ""
        receipt["note"] = f"{session} goes by what was known at its cut-off, and its limits stand.{stop}"
    return receipt
