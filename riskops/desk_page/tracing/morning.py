"""The numbers that the page of a morning adds to its mail: what has become of the limits since."""

from __future__ import annotations

from collections.abc import Iterator

from riskops.desk_page.reading import Morning
from riskops.desk_page.tracing.people import mail_numbers, override_numbers
from riskops.money import dollars
from riskops.records import Decision, Verb
from riskops.report.tracing.traced import Row, Traced, row
from riskops.report.wording import counted, desk_moment, long_date, one_line

OF_THE_MAIL = "its section of the mail says how it was computed: `riskops explain {} {}`"


def morning_numbers(of: Morning) -> Iterator[Traced]:
    """Yield every number of the page that its mail does not have."""
    yield from _sessions(of)
    yield from _delivered(of)
    yield from _in_force(of)
    yield from _read_back(of)
    yield from _said(of)
    for decision in of.publication.decisions:
        yield from _limit(of, decision)
    yield from override_numbers(of.overrides)
    yield from mail_numbers(of.mails, of.publication.session)
    yield from _verbs(of)


def _sessions(of: Morning) -> Iterator[Traced]:
    at = row("publications", "session")
    rung = of.publication.rung
    yield Traced(
        "Rung",
        of.publication.rung_label,
        f"who decided the limits: {rung.label}",
        (row("publications", "rung"),),
    )
    if of.place.awaited is not None:
        how = "the newest session that has begun, by the exchange's calendar; no limits are on record for it"
        yield Traced("Awaited", long_date(of.place.awaited), how, (at,))


def _delivered(of: Morning) -> Iterator[Traced]:
    """Yield how many mails of this revision the server accepted, and since when the limits stand."""
    mine = [mail for mail in of.mails if mail.revision == of.publication.revision]
    if not mine:
        return
    sent = [mail for mail in mine if mail.state == "sent"]
    how = f"of the {counted(len(mine), 'mail')} of this revision, those that the mail server accepted"
    yield Traced(
        "Mails delivered", f"{len(sent)} of {counted(len(mine), 'mail')}", how, (row("outbox", "state"),)
    )
    if (sealed := of.place.decided.sealed_at) is not None:
        how = "when the first mail left: from then on the limits stand"
        yield Traced("Limits stand since", desk_moment(sealed), how, (row("seals", "sealed_at"),))


def _in_force(of: Morning) -> Iterator[Traced]:
    if not of.applied:
        return
    decisions = of.publication.decisions
    same = [d for d in decisions if of.applied.get(d.trader_id, (None,))[0] == d.limit_cents]
    how = "traders whose limit in force is the decided one, to the cent"
    value = f"{len(same)} of {counted(len(decisions), 'limit')}"
    yield Traced(
        "In force as decided",
        value,
        how,
        (_decided("limit_cents"), row("applied_limits", "limit_cents", session=of.publication.session)),
    )


def _read_back(of: Morning) -> Iterator[Traced]:
    """Yield what the trading platform had of the limits that were sent."""
    found = of.read_back
    if not found.is_known:
        return
    at = (
        row("read_backs", "limit_cents", session=of.publication.session),
        row("published_limits", "limit_cents"),
    )
    how = "limits sent that the trading platform has, to the cent, in the newest file it wrote"
    yield Traced("Read back", f"{found.applied} of {found.sent} applied", how, at)
    for trader_id in found.missing:
        yield Traced("Read back: missing", trader_id, "was sent a limit and is not in the file", at)
    for one in found.different:
        value = f"{one.trader_id}: {dollars(one.applied_cents)}"
        told = f"{dollars(one.sent_cents)} was sent, by {dollars(one.by_cents)} another one"
        yield Traced("Read back: different", f"{value}; {told}", "sent beside read back, to the cent", at)
    for trader_id, cents in found.unsent:
        how = "has a limit in the file and was sent none: suspended, or gone"
        yield Traced("Read back: sent none", f"{trader_id}: {dollars(cents)}", how, at)


def _said(of: Morning) -> Iterator[Traced]:
    """Yield who acknowledged the mail, and which corrections were asked for."""
    for one in of.acknowledgements:
        at = row("acknowledgements", "recorded_at", recorded_by=one.by)
        value = f"{one_line(one.by)}, {desk_moment(one.recorded_at)}: {one_line(one.note)}"
        yield Traced("Acknowledged", value, "on the page, or by `riskops acknowledge`", (at,))
    for asked in of.revisions:
        at = row("revisions", "recorded_at", session=asked.session, revision=asked.revision)
        said = f"{one_line(asked.by)}, {desk_moment(asked.recorded_at)}: {one_line(asked.why)}"
        value = f"revision {asked.revision}, {said}"
        yield Traced("Correction asked for", value, "on the page, or by `riskops revise`", (at,))


def _limit(of: Morning, decision: Decision) -> Iterator[Traced]:
    """Yield a row of the table of all limits."""
    label = f"Trader {decision.trader_id}"
    how = OF_THE_MAIL.format(decision.trader_id, of.publication.session)
    cut = _decided("reduction", decision)
    yield Traced(f"{label}: limit", dollars(decision.limit_cents), how, (_decided("limit_cents", decision),))
    yield Traced(f"{label}: cut", f"{decision.reduction}%", how, (cut,))
    base = dollars(decision.base_limit_cents)
    yield Traced(f"{label}: base limit", base, how, (_decided("base_limit_cents", decision),))
    if (found := of.applied.get(decision.trader_id)) is not None:
        cents, origin = found
        at = row(
            "applied_limits", "limit_cents", session=of.publication.session, trader_id=decision.trader_id
        )
        how = f"what was read back goes before what left; this is known from: {origin.value}"
        yield Traced(f"{label}: in force", dollars(cents), how, (at,))


def _decided(column: str, decision: Decision | None = None) -> Row:
    return row("decisions", column, **({} if decision is None else {"trader_id": decision.trader_id}))


def _verbs(of: Morning) -> Iterator[Traced]:
    for verb in Verb:
        problem = str(of.found.stages[verb].detail.get("problem", "")) if verb in of.found.stages else ""
        if problem:
            at = row("stage_outcomes", "detail.problem", verb=verb.value)
            yield Traced(
                f"Problem of {verb.value}", one_line(problem), "what the verb said of its failure", (at,)
            )
