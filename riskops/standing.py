"""Who is champion: what the ledger of registrations, promotions and demotions says of a session.

A specification is registered on the first morning it is met. The first one was fixed before it saw
the desk's data, so it may use the history it is first run on; every later one, also one that comes
back, starts from e = 1 on its registration and needs more evidence the more were tried. A promotion
holds until a demotion, or until another specification is registered. After a demotion the rules
decide, and 60 sessions later the evidence starts again from e = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from riskops import config
from riskops.records import Comparison, Engine, LedgerEntry, LedgerKind, Verdict
from riskops.sessions import TradingCalendar

_ONLY_LIVED = "It is not promoted: only a morning that mails, and has its scores, does that."
_ORDER = (LedgerKind.REGISTERED, LedgerKind.DEMOTED, LedgerKind.PROMOTED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the challenger stands on a session.

    `registered` is its registration (``None`` before the first one), `turned` the promotion or
    demotion since then that holds (``None`` where there was none).
    """

    registered: LedgerEntry | None = None
    turned: LedgerEntry | None = None

    @property
    def promoted(self) -> LedgerEntry | None:
        """The promotion that holds; ``None`` while the rules are champion."""
        return self.turned if self._last(LedgerKind.PROMOTED) else None

    @property
    def demoted(self) -> LedgerEntry | None:
        """The demotion that holds; ``None`` without one."""
        return self.turned if self._last(LedgerKind.DEMOTED) else None

    @property
    def champion(self) -> Engine:
        """The engine whose limits the desk gets, if nothing fails."""
        return Engine.RULES if self.promoted is None else Engine.POOLED_MODEL

    @property
    def number(self) -> int:
        """The running number of the specification, from 1."""
        return 1 if self.registered is None else self.registered.number

    def counts_from(self, calendar: TradingCalendar) -> int | None:
        """Return the calendar position from which desk-days are evidence; ``None``: all of them are."""
        if self.demoted is not None:
            return calendar.position(self.demoted.session) + config.COOL_OFF_SESSIONS
        if self.registered is None or self.number == 1:
            return None
        return calendar.position(self.registered.session)

    def _last(self, kind: LedgerKind) -> bool:
        return self.turned is not None and self.turned.kind is kind


UNREGISTERED = Standing()


def standing(entries: Sequence[LedgerEntry], session: date) -> Standing:
    """Return how the challenger stood on a session by the ledger's entries up to it."""
    found = Standing()
    for entry in in_order(entries):
        if entry.session > session:
            break
        registers = entry.kind is LedgerKind.REGISTERED
        found = Standing(entry) if registers else replace(found, turned=entry)
    return found


def in_order(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the entries in the order they hold: by session and specification, a registration first."""
    return sorted(entries, key=lambda entry: (entry.session, entry.number, _ORDER.index(entry.kind)))


def met(before: Standing, session: date, specification: str, text: str) -> Standing:
    """Return the standing of the specification that runs on `session`: registered if it is another one.

    Parameters
    ----------
    before
        How things stand by the ledger.
    specification, text
        Digest and words of the specification that runs.
    """
    if before.registered is not None and before.registered.specification == specification:
        return before
    number = 1 if before.registered is None else before.registered.number + 1
    why = "the first specification" if number == 1 else "another specification runs"
    return Standing(
        LedgerEntry(session, LedgerKind.REGISTERED, specification, number, why, {"specification": text})
    )


def turn(now: Standing, session: date, found: Comparison) -> LedgerEntry | None:
    """Return the promotion or demotion that a morning's evidence asks for, if any."""
    if now.registered is None:
        return None
    specification, number = now.registered.specification, now.number
    if now.promoted is not None:
        if not found.demotion or now.promoted.session >= session:
            return None
        return LedgerEntry(
            session, LedgerKind.DEMOTED, specification, number, found.demotion, evidence_of(found)
        )
    if not found.opens:
        return None
    why = _why_promoted(found)
    return LedgerEntry(session, LedgerKind.PROMOTED, specification, number, why, evidence_of(found))


def _why_promoted(found: Comparison) -> str:
    e_value, bar = min(found.e_values), found.information.get("bar", config.E_VALUE_BAR)
    shown = f"{e_value:.1f}" if e_value < 1_000 else "more than 1,000"
    return f"it beats the rules by more than 10 %, e = {shown} of {bar:.0f} on {found.desk_days:,} desk-days"


def evidence_of(found: Comparison) -> dict[str, object]:
    """Return what the ledger keeps of a comparison."""
    return {
        "e_values": list(found.e_values),
        "bar": found.information.get("bar", config.E_VALUE_BAR),
        "demotion_e": found.demotion_e,
        "challenger_benefit_usd": found.challenger_benefit_usd,
        "rules_benefit_usd": found.rules_benefit_usd,
        "desk_days": found.desk_days,
        "trader_days": found.trader_days,
        "large_loss_days": found.large_loss_days,
        "clipped_days": found.clipped_days,
    }


def settle(found: Comparison, now: Standing, session: date, calendar: TradingCalendar) -> Comparison:
    """Return the comparison with the verdict that the ledger gives it.

    Evidence that suffices decides nothing before it is in the ledger.
    """
    if now.promoted is not None:
        return replace(
            found,
            verdict=Verdict.MODEL_WINS,
            reason=_promoted_words(found, now.promoted, session),
            champion=Engine.POOLED_MODEL,
            champion_since=now.promoted.session,
        )
    if now.demoted is not None and session <= cool_off_ends(now.demoted, calendar):
        reason = _demoted_words(now.demoted, session, calendar)
        return replace(found, verdict=Verdict.RULES_HOLD, reason=reason)
    if found.opens:
        reason = (
            f"{found.reason} It is not promoted: only a morning that mails, and has its scores, does that."
        )
        return replace(found, reason=reason)
    return found


def cool_off_ends(demoted: LedgerEntry, calendar: TradingCalendar) -> date:
    """Return the first session after a demotion that is evidence again."""
    return calendar.session_at(calendar.position(demoted.session) + config.COOL_OFF_SESSIONS)


def _promoted_words(found: Comparison, promoted: LedgerEntry, session: date) -> str:
    if promoted.session == session:
        return f"Promoted: {promoted.why}."
    watched = f"e = {found.demotion_e:.1f} of {config.DEMOTION_E_VALUE:.0f} for a demotion"
    return f"The model decides since {promoted.session}: {promoted.why}; {watched}."


def _demoted_words(demoted: LedgerEntry, session: date, calendar: TradingCalendar) -> str:
    when = "Demoted" if demoted.session == session else f"Demoted on {demoted.session}"
    ends = cool_off_ends(demoted, calendar)
    return f"{when}: {demoted.why}. The rules decide; from {ends} on the evidence starts again from e = 1."
