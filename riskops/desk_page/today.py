"""The page of a morning: the limits and why, what became of the mail, and what is in force.

What it says of limits is what the mail says of them: both are made of the mail's view model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from riskops.desk_page import addresses
from riskops.desk_page.parts import Cell, Fact, Table, facts, table
from riskops.desk_page.reading import Morning, Place
from riskops.money import dollars
from riskops.records import Decision, LimitOrigin, Verb
from riskops.report.changes import Earlier, mailed_before, of_the_mail_before
from riskops.report.content import Background, Content, Entry, content
from riskops.report.wording import counted, desk_moment, long_date, one_line, trader_label
from riskops.store.mornings import Stage
from riskops.store.page_reader import MailState

ORIGINS = {
    LimitOrigin.READ_BACK: "read back",
    LimitOrigin.OVERRIDE: "overridden",
    LimitOrigin.PUBLISHED: "as mailed",
    LimitOrigin.ASSUMED: "assumed",
}
MAIL_STATES = {
    "pending": "not sent yet",
    "sending": "handed over, not confirmed",
    "sent": "delivered to the server",
    "refused": "refused for good",
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A link to another session."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Told:
    """One trader as the mail tells of him, with the page where there is more."""

    entry: Entry
    href: str


@dataclass(frozen=True, slots=True)
class Group:
    """The traders of one tier, under its title; `urgent` where it wants action at once."""

    title: str
    key: str
    traders: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """The whole page."""

    session: date
    revision: int
    title: str
    awaited: str
    neighbours: tuple[Neighbour, ...]
    mail: Content
    state: tuple[Fact, ...]
    groups: tuple[Group, ...]
    changes: Table
    everybody: Table
    mails: Table
    verbs: Table


def today(of: Morning) -> Today:
    """Arrange a morning for the page."""
    told = _content(of)
    session = of.publication.session
    links = {_label(d): addresses.trader(d.trader_id, session) for d in of.publication.decisions}
    return Today(
        session=session,
        revision=of.publication.revision,
        title=told.title,
        awaited=awaited(of.place),
        neighbours=neighbours(of.place),
        mail=told,
        state=_state(of, told),
        groups=_groups(told, links),
        changes=table(
            told.changes.title,
            ("Trader", "Was", "Now", "Change"),
            [(Cell(c.trader, links.get(c.trader, "")), c.was, c.now, c.by) for c in told.changes.rows],
        ),
        everybody=_everybody(of, links),
        mails=mail_table("Mails of this session", of.mails),
        verbs=_verbs(of.stages),
    )


def awaited(at: Place) -> str:
    """Say that today's session has no limits yet, where it has none."""
    if at.awaited is None:
        return ""
    return f"{long_date(at.awaited)} has no limits yet. These are the newest there are."


def neighbours(at: Place) -> tuple[Neighbour, ...]:
    """Return the links to the sessions before and after the one shown."""
    pairs = (("Earlier", at.before), ("Later", at.after))
    return tuple(Neighbour(f"{word}: {day}", addresses.morning(day)) for word, day in pairs if day)


def mail_table(caption: str, mails: Sequence[MailState]) -> Table:
    """Return a row a mail and recipient: how far it got; the link shows the mail."""
    headings = ("Session", "Recipient", "Mail", "State", "Attempts", "Problem")
    rows = [
        (
            f"{mail.session}, revision {mail.revision}" if mail.revision else str(mail.session),
            one_line(mail.recipient),
            Cell(one_line(mail.subject), addresses.mail(mail.key)),
            MAIL_STATES[mail.state],
            str(mail.attempts),
            one_line(mail.problem),
        )
        for mail in mails
    ]
    return table(caption, headings, rows)


def _content(of: Morning) -> Content:
    rules = of.stages.get(Verb.SCORE_RULES)
    return content(
        of.publication,
        of.comparison,
        of.checks,
        of.model_scores,
        rules.detail.get("restricted_share") if rules else None,
        outcomes=of.outcomes,
        background=Background(_earlier(of), of.signals, {}),
        sealed_at=of.place.decided.sealed_at,
    )


def _earlier(of: Morning) -> Earlier:
    if of.replaced is not None:
        return of_the_mail_before(of.replaced)
    names = {decision.trader_id: decision.name for decision in of.publication.decisions}
    return mailed_before({key: {0: lived} for key, lived in of.mailed_before.items()}, names)


def _state(of: Morning, told: Content) -> tuple[Fact, ...]:
    return facts(
        Rung=of.publication.rung_label,
        Limits=told.headline,
        Mail=_mail_state(of),
        In_force=_in_force(of),
    )


def _mail_state(of: Morning) -> str:
    mine = [mail for mail in of.mails if mail.revision == of.publication.revision]
    if not mine:
        return "not mailed"
    sent = sum(mail.state == "sent" for mail in mine)
    sealed = of.place.decided.sealed_at
    at = f"; limits stand since {desk_moment(sealed)}" if sealed else ""
    return f"{sent} of {counted(len(mine), 'mail')} delivered{at}"


def _in_force(of: Morning) -> str:
    if not of.applied:
        return "nothing is known to be in force: no mail has left"
    decisions = of.publication.decisions
    as_decided = sum(_applied_cents(of, d) == d.limit_cents for d in decisions)
    read = sum(origin is LimitOrigin.READ_BACK for _cents, origin in of.applied.values())
    seen = f", {read} read back" if read else ", none read back yet"
    return f"{as_decided} of {counted(len(decisions), 'limit')} as decided{seen}"


def _applied_cents(of: Morning, decision: Decision) -> int | None:
    found = of.applied.get(decision.trader_id)
    return None if found is None else found[0]


def _groups(told: Content, links: Mapping[str, str]) -> tuple[Group, ...]:
    groups = (
        (told.immediate_title, "immediate", told.immediate),
        (told.moderate_title, "moderate", told.moderate),
        ("Everybody else with a remark", "other", told.others),
    )
    return tuple(
        Group(title, key, tuple(Told(entry, links.get(entry.trader, "")) for entry in entries))
        for title, key, entries in groups
    )


def _everybody(of: Morning, links: Mapping[str, str]) -> Table:
    rows = [
        (
            Cell(_label(decision), links[_label(decision)]),
            dollars(decision.limit_cents),
            f"{decision.reduction}%",
            dollars(decision.base_limit_cents),
            *_applied(of, decision),
        )
        for decision in sorted(of.publication.decisions, key=lambda d: (-d.reduction, d.trader_id))
    ]
    headings = ("Trader", "Limit", "Cut", "Base limit", "In force", "Known from")
    return table("All limits of this session", headings, rows)


def _applied(of: Morning, decision: Decision) -> tuple[str, str]:
    found = of.applied.get(decision.trader_id)
    if found is None:
        return "not known", ""
    cents, origin = found
    differs = "" if cents == decision.limit_cents else ", NOT the decided limit"
    return dollars(cents), f"{ORIGINS[origin]}{differs}"


def _verbs(stages: Mapping[Verb, Stage]) -> Table:
    rows = [
        (
            verb.value,
            stages[verb].state if verb in stages else "not begun",
            one_line(str(stages[verb].detail.get("problem", ""))) if verb in stages else "",
        )
        for verb in Verb
    ]
    return table("How far the morning got", ("Verb", "State", "Problem"), rows)


def _label(decision: Decision) -> str:
    return trader_label(decision.trader_id, decision.name)
