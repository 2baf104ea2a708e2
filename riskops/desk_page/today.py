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
from riskops.records import Decision, LimitOrigin, Override, Verb
from riskops.report.content import MOST_NAMES, Content, Entry
from riskops.report.wording import counted, desk_moment, listing, long_date, one_line, trader_label
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
    acknowledgements: Table
    may_acknowledge: bool
    overrides: Table
    pending: str
    pending_why: str
    revisions: Table


def today(of: Morning) -> Today:
    """Arrange a morning for the page."""
    mail, session = of.found.mail, of.publication.session
    links = {_label(d): addresses.trader(d.trader_id, session) for d in of.publication.decisions}
    return Today(
        session=session,
        revision=of.publication.revision,
        title=mail.title,
        awaited=awaited(of.place),
        neighbours=neighbours(of.place),
        mail=mail,
        state=_state(of, mail),
        groups=_groups(mail, links),
        changes=table(
            "Limits that changed, the urgent ones first",
            ("Trader", "Was", "Now", "Change"),
            [(Cell(c.trader, links.get(c.trader, "")), c.was, c.now, c.by) for c in mail.changes.rows],
        ),
        everybody=_everybody(of, links),
        mails=mail_table("Mails of this session", of.mails),
        verbs=_verbs(of.found.stages),
        acknowledgements=_acknowledgements(of),
        may_acknowledge=of.place.decided.sealed_at is not None,
        overrides=override_table("Overrides in force", of.overrides, session),
        pending=_pending(of),
        pending_why="; ".join(one.asked.why for one in _not_mailed(of)),
        revisions=_revisions(of),
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


def override_table(caption: str, overrides: Sequence[Override], session: date) -> Table:
    """Return a row an override: whose cut it sets, until when, by whom and why, and how it ended."""
    headings = ("Number", "Trader", "Cut", "Sessions", "By", "Why", "Recorded", "Taken back")
    rows = [
        (
            str(one.number),
            Cell(one_line(one.asked.trader_id), addresses.trader(one.asked.trader_id, session)),
            f"{one.asked.reduction}%",
            f"{one.asked.first_session} to {one.asked.last_session}",
            one_line(one.asked.by),
            one_line(one.asked.why),
            desk_moment(one.recorded_at),
            _taken_back(one),
        )
        for one in overrides
    ]
    return table(caption, headings, rows)


def _taken_back(one: Override) -> str:
    ended = one.taken_back
    if ended is None:
        return ""
    return f"{desk_moment(ended.recorded_at)}, {one_line(ended.by)}: {one_line(ended.why)}"


def _state(of: Morning, mail: Content) -> tuple[Fact, ...]:
    return facts(
        Rung=of.publication.rung_label,
        Limits=mail.headline,
        Mail=_mail_state(of),
        In_force=_in_force(of),
        Read_back=of.read_back.in_words,
        Acknowledged=", ".join(one_line(one.by) for one in of.acknowledgements) or "by nobody yet",
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
    return f"{as_decided} of {counted(len(decisions), 'limit')} as decided"


def _applied_cents(of: Morning, decision: Decision) -> int | None:
    found = of.applied.get(decision.trader_id)
    return None if found is None else found[0]


def _not_mailed(of: Morning) -> list[Override]:
    """Return the overrides in force that the limits of this mail do not contain."""
    contained = {d.trader_id: d.override.number for d in of.publication.decisions if d.override is not None}
    known = {d.trader_id for d in of.publication.decisions}
    newest = {one.asked.trader_id: one for one in of.overrides if one.asked.trader_id in known}
    return [one for key, one in newest.items() if contained.get(key) != one.number]


def _gone(of: Morning) -> list[str]:
    """Return the traders whose override the mail contains, and who have none any more."""
    in_force = {one.asked.trader_id for one in of.overrides}
    overridden = (d for d in of.publication.decisions if d.override is not None)
    return [_label(d) for d in overridden if d.trader_id not in in_force]


def _pending(of: Morning) -> str:
    """Say which overrides the mail that left does not know of; nothing before a mail is out."""
    if of.place.decided.sealed_at is None or of.place.after is not None:
        return ""
    names = {d.trader_id: _label(d) for d in of.publication.decisions}
    told = [f"{names[one.asked.trader_id]} to {one.asked.reduction}%" for one in _not_mailed(of)]
    parts = [f"Not in the mail that left: {listing(told, MOST_NAMES)}."] if told else []
    if gone := _gone(of):
        parts.append(f"Taken back since the mail left: {listing(gone, MOST_NAMES)}.")
    return " ".join(parts)


def _acknowledgements(of: Morning) -> Table:
    rows = [
        (one_line(one.by), desk_moment(one.recorded_at), one_line(one.note)) for one in of.acknowledgements
    ]
    return table("Who has read this mail", ("Who", "When", "Note"), rows)


def _revisions(of: Morning) -> Table:
    rows = [
        (str(one.revision), one_line(one.by), desk_moment(one.recorded_at), one_line(one.why))
        for one in of.revisions
    ]
    return table("Corrections that were asked for", ("Revision", "By", "When", "Why"), rows)


def _groups(mail: Content, links: Mapping[str, str]) -> tuple[Group, ...]:
    groups = (
        (mail.immediate_title, "immediate", mail.immediate),
        (mail.moderate_title, "moderate", mail.moderate),
        ("Everybody else with a remark", "other", mail.others),
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
