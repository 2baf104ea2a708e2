"""What of a mail an explanation leaves untraced, part by part."""

from __future__ import annotations

from riskops.report.material import Material
from riskops.report.tracing.explanation import explain_desk, explain_trader
from riskops.report.wording import trader_label
from tests.mail_parts import parts_of
from tests.numbers import numbers_of, untraced


def labels_of(material: Material) -> list[str]:
    """Return what the traders are called in a mail, those of the mail before included."""
    now = [trader_label(d.trader_id, d.name) for d in material.publication.decisions]
    before = [then.label for then in material.background.earlier.limits.values() if then.label]
    plain = [f"Trader {d.trader_id}" for d in material.publication.decisions]
    return sorted({*now, *before, *plain}, key=len, reverse=True)


def parts_untraced(material: Material, subject: str, text: str) -> dict[str, list[str]]:
    """Return the numbers that nothing traces, by the part of the mail: a section, or a trader's entry.

    A number within a trader's entry has to be traced by that trader's explanation.
    """
    labels, desk = labels_of(material), explain_desk(material)
    traders = {
        trader_label(d.trader_id, d.name): explain_trader(material, d) for d in material.publication.decisions
    }
    parts = parts_of(text, traders)
    parts["Subject"] = f"{subject}\n{parts.get('Subject', '')}"
    found = {
        part: untraced(told, numbers_of(traders.get(part, desk.section(part))), labels)
        for part, told in parts.items()
    }
    return {part: numbers for part, numbers in found.items() if numbers}
