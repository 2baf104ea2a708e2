"""The two things one may ask: where the numbers of the desk come from, and those of one trader.

Both are answered from the material the mail is arranged from, so that mail and explanation cannot
disagree. A section has the title of its part of the mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from riskops.records import Decision
from riskops.report.material import Material
from riskops.report.tracing.alerts import alert_numbers
from riskops.report.tracing.entry import (
    confidence_numbers,
    model_numbers,
    reason_numbers,
    result_numbers,
    way_back_numbers,
)
from riskops.report.tracing.evidence import evidence_numbers
from riskops.report.tracing.health import health_numbers
from riskops.report.tracing.limit import limit_numbers
from riskops.report.tracing.morning import (
    all_changes,
    footer_numbers,
    other_numbers,
    subject_numbers,
    summary_numbers,
    tier_numbers,
)
from riskops.report.tracing.signals import signal_numbers
from riskops.report.tracing.traced import Explanation, Traced, section
from riskops.report.wording import trader_label

OF_THE_DESK: dict[str, Callable[[Material], Iterator[Traced]]] = {
    "Subject": subject_numbers,
    "Alerts": alert_numbers,
    "Changes": all_changes,
    "Tiers": tier_numbers,
    "Everybody else": other_numbers,
    "Summary": summary_numbers,
    "Evidence meter": evidence_numbers,
    "Data health": health_numbers,
    "Footer": footer_numbers,
}
OF_A_TRADER: dict[str, Callable[[Material, Decision], Iterator[Traced]]] = {
    "Limit": limit_numbers,
    "Reasons": reason_numbers,
    "Signals": signal_numbers,
    "Confidence and risk": confidence_numbers,
    "Way back": way_back_numbers,
    "Models": model_numbers,
    "Results": result_numbers,
}


def explain_desk(material: Material) -> Explanation:
    """Trace every number of the mail that is of the desk."""
    sections = (section(title, made(material)) for title, made in OF_THE_DESK.items())
    return Explanation(_titled("The desk", material), tuple(s for s in sections if s.numbers))


def explain_trader(material: Material, decision: Decision) -> Explanation:
    """Trace every number of a trader's entry in the mail."""
    sections = (section(title, made(material, decision)) for title, made in OF_A_TRADER.items())
    title = _titled(trader_label(decision.trader_id, decision.name), material)
    return Explanation(title, tuple(s for s in sections if s.numbers))


def _titled(whose: str, material: Material) -> str:
    return f"{whose} on {material.publication.session}, revision {material.publication.revision}"
