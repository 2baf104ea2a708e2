"""The numbers of the lines at the top of the mail: what is special about the morning."""

from __future__ import annotations

from collections.abc import Iterator

from riskops.records import Verdict
from riskops.report.content import MOST_NAMES
from riskops.report.material import Material
from riskops.report.tracing.health import critical_number, restricted_numbers
from riskops.report.tracing.morning import BY_CHOICE, WHY, revision_number, rung_number
from riskops.report.tracing.traced import Traced, row
from riskops.report.wording import one_line


def alert_numbers(material: Material) -> Iterator[Traced]:
    """Yield the numbers of the lines at the top: what is special about the morning."""
    publication, comparison = material.publication, material.comparison
    yield from revision_number(publication)
    yield rung_number(publication)
    yield Traced("Why this rung", one_line(publication.why), BY_CHOICE, (WHY,))
    if comparison is not None and publication.verdict is Verdict.MODEL_FAILED:
        how = "what the comparison says of the model's failure"
        yield Traced("Model failed", one_line(comparison.reason), how, (row("comparisons", "detail.reason"),))
    for fault in material.faults:
        how = "what a verb, or the source, said of its failure; a drill is set in the environment"
        yield Traced("Fault", one_line(fault), how, (row("stage_outcomes", "detail"),))
    quarantined = sum(d.quarantined for d in publication.decisions)
    if quarantined > MOST_NAMES:
        how = f"{quarantined} are quarantined, {MOST_NAMES} are named"
        yield Traced(
            "Quarantined, not named",
            f"{quarantined - MOST_NAMES} more",
            how,
            (row("decisions", "detail.quarantined"),),
        )
    yield from critical_number(material)
    if material.restricted_share is not None:
        yield from restricted_numbers(material.restricted_share, f"{100 * material.restricted_share:.1f} %")
