"""The escalation mail: only who is cut deeply, why, and how to say that it has been read."""

from __future__ import annotations

from dataclasses import dataclass

from riskops import config
from riskops.money import dollars
from riskops.records import Decision, Publication
from riskops.report.render import html_of, text_of
from riskops.report.wording import confidence, counted, long_date, reasons, standing, trader_label

UNACKNOWLEDGED = "UNACKNOWLEDGED"


@dataclass(frozen=True, slots=True)
class DeepCut:
    """One trader as the escalation mail prints him."""

    trader: str
    order: str
    limit: str
    base: str
    remarks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """The whole mail, ready to print; `ask` says what is expected of its readers."""

    title: str
    subject: str
    headline: str
    alert: str
    cuts: tuple[DeepCut, ...]
    ask: str
    command: str
    page: str
    footer: tuple[tuple[str, str], ...]


def escalation(left: Publication, what_to_do: str, *, again: bool) -> Escalation:
    """Arrange the deep cuts of a mail that is out.

    Parameters
    ----------
    what_to_do
        Where the runbook says what to do.
    again
        Whether nobody has acknowledged that mail in time.
    """
    deep = sorted(
        (d for d in left.decisions if d.reduction > config.IMMEDIATE_ABOVE),
        key=lambda decision: -decision.reduction,
    )
    headline = f"{counted(len(deep), 'trader')} cut by more than {config.IMMEDIATE_ABOVE}%"
    return Escalation(
        title=f"Escalation of loss limits for {long_date(left.session)}",
        subject=_subject(left, headline, again),
        headline=headline,
        alert=_alert() if again else "",
        cuts=tuple(_cut(decision) for decision in deep),
        ask="Say that you have read it, in a shell with the desk's settings:",
        command=f'riskops acknowledge --session {left.session} --revision {left.revision} --by "YOUR NAME"',
        page="or on the desk page in the Airflow UI.",
        footer=_footer(left, what_to_do),
    )


def as_text(mail: Escalation) -> str:
    """Return the mail as plain text of at most 78 columns."""
    return text_of("escalation.txt", mail)


def as_html(mail: Escalation) -> str:
    """Return the mail as one HTML page that needs nothing from elsewhere."""
    return html_of("escalation.html", mail)


def _subject(left: Publication, headline: str, again: bool) -> str:
    word = UNACKNOWLEDGED if again else "ESCALATION"
    correction = f"CORRECTION {left.revision}, " if left.revision else ""
    session = f"{left.session:%a} {left.session}"
    return f"{word}: {correction}RiskOps loss limits {session}: {headline} [rung {left.rung_label}]"


def _alert() -> str:
    return (
        f"{UNACKNOWLEDGED}: at {config.ACKNOWLEDGED_BY:%H:%M} New York time nobody has said to have read it."
    )


def _cut(decision: Decision) -> DeepCut:
    decided = decision.override is None
    remarks = (
        ("Stands on", standing(decision)),
        ("Reasons" if decided else "Reasons without the override", reasons(decision)),
        ("Confidence", confidence(decision) if decided else ""),
    )
    return DeepCut(
        trader=trader_label(decision.trader_id, decision.name),
        order=f"REDUCE LIMIT BY {decision.reduction}%",
        limit=dollars(decision.limit_cents),
        base=dollars(decision.base_limit_cents),
        remarks=tuple((label, text) for label, text in remarks if text),
    )


def _footer(left: Publication, what_to_do: str) -> tuple[tuple[str, str], ...]:
    lines = (
        ("Rung", left.rung_label),
        ("Revision", str(left.revision) if left.revision else ""),
        ("Everybody else", "see the mail to the risk managers"),
        ("What to do", what_to_do),
    )
    return tuple((label, value) for label, value in lines if value)
