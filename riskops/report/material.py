"""Everything a mail is made from, gathered once: the mail arranges it, the explanation traces it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from riskops.outcomes import News
from riskops.records import CheckResult, Comparison, Decision, ModelScore, Publication, Revision, RuleScore
from riskops.report.content import NO_BACKGROUND, Background, Content, content
from riskops.report.correction import MailBefore, changed, correction


@dataclass(frozen=True, slots=True)
class Material:
    """What one morning left for its mail; the fields are those of `riskops.report.content.content`.

    `applied` is what was really in force on the session before, by that session; `news` is what `outcomes`
    says in words. `rule_scores` and `own_scores`, by trader, are what the mail rests on without printing it.
    A correction has been `asked` for, and `corrects` the mail before.
    """

    publication: Publication
    comparison: Comparison | None
    checks: Sequence[CheckResult]
    model_scores: Sequence[ModelScore]
    restricted_share: float | None
    faults: Sequence[str] = ()
    roster: Sequence[str] = ()
    overrides: Sequence[str] = ()
    applied: Mapping[date, str] = field(default_factory=dict)
    outcomes: Sequence[str] = ()
    background: Background = NO_BACKGROUND
    sealed_at: datetime | None = None
    what_to_do: str = ""
    news: News = field(default_factory=News)
    rule_scores: Mapping[str, RuleScore] = field(default_factory=dict)
    own_scores: Mapping[str, ModelScore] = field(default_factory=dict)
    asked: Revision | None = None
    corrects: MailBefore | None = None

    def decision_of(self, trader_id: str) -> Decision | None:
        """Return the decision of a trader, ``None`` where there is none."""
        return next((d for d in self.publication.decisions if d.trader_id == trader_id), None)


def arranged(material: Material) -> Content:
    """Return the mail that is made from the material: all of the morning, or what a correction changes."""
    asked, before = material.asked, material.corrects
    whole = _whole(material)
    if asked is None or before is None:
        return whole
    publication = material.publication
    moved = replace(publication, decisions=changed(publication, before.publication))
    entries = _whole(replace(material, publication=moved))
    return correction(whole, entries, publication, material.checks, asked, before)


def _whole(material: Material) -> Content:
    return content(
        material.publication,
        material.comparison,
        material.checks,
        material.model_scores,
        material.restricted_share,
        faults=material.faults,
        roster=material.roster,
        overrides=material.overrides,
        outcomes=[*material.applied.values(), *material.outcomes],
        background=material.background,
        sealed_at=material.sealed_at,
        what_to_do=material.what_to_do,
    )
