"""The mail of a correction: only what differs from the mail before, by whose word and why.

Whoever has the mail before reads what to change; whoever does not finds every limit all the same, for
those that stand are named in one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from riskops.money import dollars
from riskops.records import CheckResult, Decision, Publication, Revision
from riskops.report.content import Content, Correction
from riskops.report.health import failure_line, failures
from riskops.report.wording import counted, desk_moment, listing, notes, one_line, trader_label

SAME_HEALTH = "As in the mail before"


@dataclass(frozen=True, slots=True)
class MailBefore:
    """The mail that a correction corrects: its decisions, and the lines of its data health."""

    publication: Publication
    health: tuple[str, ...] = ()


def changed(publication: Publication, before: Publication) -> tuple[Decision, ...]:
    """Return the decisions of a correction whose limit is another one than in the mail before, or new."""
    sent = {decision.trader_id: decision.limit_cents for decision in before.decisions}
    return tuple(d for d in publication.decisions if sent.get(d.trader_id) != d.limit_cents)


def correction(
    whole: Content,
    entries: Content,
    publication: Publication,
    checks: Sequence[CheckResult],
    asked: Revision,
    before: MailBefore,
) -> Content:
    """Return the mail of a correction.

    Parameters
    ----------
    whole
        The mail of the session as if it were the first.
    entries
        The same of those traders alone whose limit changed.
    """
    names = {decision.trader_id: decision.name for decision in publication.decisions}
    failed = {failure_line(check, names) for check in failures(checks)}
    health = tuple(line for line in whole.health if line in failed or line not in before.health)
    return replace(
        whole,
        immediate=entries.immediate,
        moderate=entries.moderate,
        others=entries.others,
        full_limits=entries.full_limits,
        nearest="",
        counts=(),
        summary=(),
        evidence=(),
        benefit=None,
        changes=replace(whole.changes, unchanged=""),
        health=health or (SAME_HEALTH,),
        correction=Correction(
            asked=_asked(asked),
            told=_told(len(whole.changes.rows), len(_standing(publication, before.publication))),
            stands=_stands(_standing(publication, before.publication)),
            remarks=tuple(_remarks(publication, before.publication)),
        ),
    )


def _asked(asked: Revision) -> tuple[tuple[str, str], ...]:
    return (
        ("Asked for by", one_line(asked.by)),
        ("Why", one_line(asked.why)),
        ("When", desk_moment(asked.recorded_at)),
    )


def _told(changes: int, standing: int) -> str:
    if not changes:
        return f"No limit changes: all {counted(standing, 'limit')} stand as they were mailed before."
    verb = "changes" if changes == 1 else "change"
    return f"{counted(changes, 'limit')} {verb}, {standing} {'stands' if standing == 1 else 'stand'}."


def _standing(publication: Publication, before: Publication) -> tuple[Decision, ...]:
    moved = changed(publication, before)
    return tuple(decision for decision in publication.decisions if decision not in moved)


def _stands(standing: Sequence[Decision]) -> str:
    """Return who keeps which limit, the lowest first."""
    limits = sorted({decision.limit_cents for decision in standing})
    return "; ".join(
        f"{dollars(limit)}: {', '.join(_label(d) for d in standing if d.limit_cents == limit)}"
        for limit in limits
    )


def _remarks(publication: Publication, before: Publication) -> Iterator[str]:
    """Yield what is newly remarked of those whose limit stands."""
    known = {decision.trader_id: notes(decision) for decision in before.decisions}
    for decision in _standing(publication, before):
        news = [note for note in notes(decision) if note not in known.get(decision.trader_id, ())]
        if news:
            yield f"{_label(decision)} ({dollars(decision.limit_cents)}): {listing(news, len(news))}"


def _label(decision: Decision) -> str:
    return trader_label(decision.trader_id, decision.name)
