"""What the verbs of a morning found, and what the mail tells of it: the page says what the mail says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from riskops.records import CheckResult, Comparison, ModelScore, Publication, Signal, Verb
from riskops.report.changes import Earlier, mailed_before, of_the_mail_before
from riskops.report.content import Background, Content, content
from riskops.store.history_reader import LastMail
from riskops.store.mornings import Stage


@dataclass(frozen=True, eq=False)
class Found:
    """What was found and decided, and what had been mailed before; `replaced` is what a revision corrects."""

    publication: Publication
    comparison: Comparison | None
    checks: tuple[CheckResult, ...]
    model_scores: tuple[ModelScore, ...]
    signals: Mapping[str, Sequence[Signal]]
    stages: Mapping[Verb, Stage]
    outcomes: tuple[str, ...]
    mailed_before: LastMail | None
    replaced: Publication | None
    sealed_at: datetime | None

    @cached_property
    def mail(self) -> Content:
        """The view model of the mail."""
        rules = self.stages.get(Verb.SCORE_RULES)
        return content(
            self.publication,
            self.comparison,
            self.checks,
            self.model_scores,
            rules.detail.get("restricted_share") if rules and self.replaced is None else None,
            outcomes=self.outcomes,
            background=Background(self._earlier, self.signals, {}),
            sealed_at=self.sealed_at,
        )

    @property
    def _earlier(self) -> Earlier:
        if self.replaced is not None:
            return of_the_mail_before(self.replaced)
        if self.mailed_before is None:
            return Earlier()
        names = {decision.trader_id: decision.name for decision in self.publication.decisions}
        return mailed_before(self.mailed_before.session, self.mailed_before.limits, names)
