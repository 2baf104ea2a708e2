"""What changed: the limits of the mail beside those that were in force before, or that it corrects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from riskops.money import dollars
from riskops.records import Decision, Publication
from riskops.report.wording import counted, short_date, trader_label

NONE_BEFORE = "none"
GONE = "no trading"  # never "no limit": that reads as if there were none to keep
NEW = "new"


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit that a trader had: in cents, after how many percent of a cut, and what he is called."""

    limit_cents: int
    reduction: int
    label: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The limits a mail is compared with, by trader; `since` names them: ``since Fri 13 Mar``.

    They are those of `session`, in a correction those of its `revision` before. Without any nothing was
    mailed before, and the comparison is with the full limits.
    """

    since: str = ""
    limits: Mapping[str, Standing] = field(default_factory=dict)
    session: date | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One trader's change, ready to print: what was, what is now, and by how much."""

    trader: str
    was: str
    now: str
    by: str

    @property
    def in_line(self) -> str:
        """The change as one line of text."""
        by = f", {self.by}" if self.by else ""
        return f"{self.trader}: {self.was} -> {self.now}{by}"


@dataclass(frozen=True, slots=True)
class Changes:
    """The section of the changes: its title, a row for each, and who keeps what he had."""

    title: str
    rows: tuple[Change, ...]
    unchanged: str


def mailed_before(session: date, mailed: Mapping[str, tuple[int, int]], names: Mapping[str, str]) -> Earlier:
    """Return the limits that the mail of an earlier session named.

    Parameters
    ----------
    session
        The last one whose mail left.
    mailed
        Limit in cents and reduction, by trader.
    names
        The traders' names, those who left included.
    """
    limits = {
        key: Standing(*then, trader_label(key, names.get(key, ""))) for key, then in sorted(mailed.items())
    }
    return Earlier(f"since {short_date(session)}", limits, session)


def of_the_mail_before(replaced: Publication) -> Earlier:
    """Return the limits of the mail that a correction replaces."""
    limits = {
        d.trader_id: Standing(d.limit_cents, d.reduction, trader_label(d.trader_id, d.name))
        for d in replaced.decisions
    }
    return Earlier("against the mail before", limits, replaced.session, replaced.revision)


def changes(decisions: Sequence[Decision], earlier: Earlier) -> Changes:
    """Return what changed: first whose limit falls, the largest cut first, then who is new, rises or goes."""
    before = earlier.limits if earlier.since else _full(decisions)
    moved = sorted((d for d in decisions if _differs(d, before)), key=lambda d: _order(d, before))
    gone = before.keys() - {d.trader_id for d in decisions}
    rows = [_change(d, before.get(d.trader_id)) for d in moved]
    rows += [Change(s.label, _in_short(s), GONE, "") for key, s in before.items() if key in gone]
    title = f"Changed {earlier.since}" if earlier.since else "To set: no limits were mailed before"
    return Changes(title, tuple(rows), _unchanged(len(decisions) - len(moved), bool(rows)))


def change_of(decision: Decision, earlier: Earlier) -> str:
    """Return by how much a trader's limit changed, in words; empty where nothing was mailed before."""
    if not earlier.since:
        return ""
    then = earlier.limits.get(decision.trader_id)
    if then is None:
        return NEW
    by = decision.limit_cents - then.limit_cents
    return (
        f"{_signed(by)} {earlier.since}, was {dollars(then.limit_cents)}" if by else f"none {earlier.since}"
    )


def _full(decisions: Sequence[Decision]) -> dict[str, Standing]:
    return {d.trader_id: Standing(d.base_limit_cents, 0, "") for d in decisions}


def _differs(decision: Decision, before: Mapping[str, Standing]) -> bool:
    then = before.get(decision.trader_id)
    return then is None or then.limit_cents != decision.limit_cents


def _order(decision: Decision, before: Mapping[str, Standing]) -> tuple[int, int, int]:
    """Order by what is urgent: falling limits, new traders, rising limits, each by their cut and change."""
    then = before.get(decision.trader_id)
    if then is None:
        return (1, -decision.reduction, 0)
    by = decision.limit_cents - then.limit_cents
    return (0 if by < 0 else 2, -decision.reduction, by)


def _change(decision: Decision, then: Standing | None) -> Change:
    label = trader_label(decision.trader_id, decision.name)
    now = _in_short(Standing(decision.limit_cents, decision.reduction, label))
    if then is None:
        return Change(label, NONE_BEFORE, now, NEW)
    return Change(label, _in_short(then), now, _signed(decision.limit_cents - then.limit_cents))


def _in_short(standing: Standing) -> str:
    return f"{dollars(standing.limit_cents)} (cut {standing.reduction}%)"


def _signed(amount_cents: int) -> str:
    return f"+{dollars(amount_cents)}" if amount_cents > 0 else dollars(amount_cents)


def _unchanged(count: int, anything_changed: bool) -> str:
    if not anything_changed:
        return "No limit changed."
    return f"{counted(count, 'trader')} unchanged" if count else ""
