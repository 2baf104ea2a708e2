"""Write the golden mails anew: ``python -m tests.golden.regenerate``, then read the difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from riskops.report import escalation
from riskops.report.render import as_html, as_text, subject
from tests.golden.mornings import ESCALATIONS, MORNINGS

FOLDER = Path(__file__).parent


def golden_files() -> Iterator[tuple[Path, str]]:
    """Yield every golden file and what it should hold."""
    for name, morning in MORNINGS.items():
        mail = morning()
        yield FOLDER / f"{name}.txt", f"Subject: {subject(mail)}\n\n{as_text(mail)}"
        yield FOLDER / f"{name}.html", as_html(mail)
    for name, escalated in ESCALATIONS.items():
        short = escalated()
        text = escalation.as_text(short)
        yield FOLDER / f"{name}.txt", f"Subject: {short.subject}\n\n{text}"
        yield FOLDER / f"{name}.html", escalation.as_html(short)


def regenerate() -> None:
    """Write all golden files."""
    for path, wanted in golden_files():
        path.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    regenerate()
