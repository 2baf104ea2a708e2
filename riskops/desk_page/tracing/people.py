"""What people said of limits, as the pages print it: overrides, and the mails that left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from riskops import config
from riskops.records import Override
from riskops.report.tracing.traced import Traced, business_number, row
from riskops.report.wording import desk_moment, one_line
from riskops.store.page_reader import MailState


def override_numbers(overrides: Sequence[Override]) -> Iterator[Traced]:
    """Yield each override as it was recorded, and by whose word it ended."""
    for one in overrides:
        asked, label = one.asked, f"Override {one.number}"
        at = row("overrides", "reduction", number=one.number)
        how = f"recorded {desk_moment(one.recorded_at)} by {one_line(asked.by)}: {one_line(asked.why)}"
        yield Traced(f"{label}: number", str(one.number), how, (at,))
        whose = row("overrides", "trader_id", number=one.number)
        yield Traced(f"{label}: trader", one_line(asked.trader_id), "whose cut it sets", (whose,))
        yield Traced(f"{label}: cut", f"{asked.reduction}%", how, (at,))
        through = f"{asked.first_session} to {asked.last_session}"
        yield Traced(
            f"{label}: sessions", through, how, (row("overrides", "last_session", number=one.number),)
        )
        yield Traced(
            f"{label}: recorded", how, "as it was said", (row("overrides", "recorded_at", number=one.number),)
        )
        if one.taken_back is not None:
            ended = one.taken_back
            said = f"{desk_moment(ended.recorded_at)}, {one_line(ended.by)}: {one_line(ended.why)}"
            at = row("overrides_taken_back", "recorded_at", number=one.number)
            yield Traced(f"{label}: taken back", said, "as it was said", (at,))


def mail_numbers(mails: Sequence[MailState], own: date) -> Iterator[Traced]:
    """Yield how far each mail got; what stands in a mail is explained by its own session."""
    for mail in mails:
        key = {"session": mail.session, "revision": mail.revision, "kind": mail.kind}
        key |= {"recipient": mail.recipient}
        label = f"Mail of {mail.session}, revision {mail.revision}, to {one_line(mail.recipient)}"
        subject = row("outbox", "subject", **key)
        when = f"{mail.session}, revision {mail.revision}"
        yield Traced(label, when, "the session and revision whose limits it has", (subject,))
        explained = "" if mail.session == own else f"; `riskops explain {mail.session}` traces its numbers"
        yield Traced(f"{label}: subject", one_line(mail.subject), f"as handed over{explained}", (subject,))
        yield Traced(
            f"{label}: to",
            one_line(mail.recipient),
            "RISKOPS_RECIPIENTS",
            (row("outbox", "recipient", **key),),
        )
        tries = "transactions with the mail server that were begun"
        yield Traced(f"{label}: attempts", str(mail.attempts), tries, (row("outbox", "attempts", **key),))
        if mail.problem:
            said = "what the last attempt met"
            yield Traced(
                f"{label}: problem", one_line(mail.problem), said, (row("outbox", "problem", **key),)
            )


def cuts_to_ask_for() -> Traced:
    """Return the cuts that an override may ask for, as the form names them."""
    cuts = f"0 to {config.MAX_REDUCTION} %"
    return business_number("Cuts to ask for", cuts, "MAX_REDUCTION", "from none to the largest")
