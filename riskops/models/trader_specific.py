"""A model of each trader's own: the same policy head, learnt from that trader's days alone.

Noisier than the pooled model by far, so it never competes with it. It is the fall-back for mornings
on which a promoted pooled model is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from riskops import config
from riskops.models.pooled import Examples, PolicyFit, WalkForward


@dataclass(frozen=True, eq=False)
class OwnModels:
    """One policy head a trader, as it stood in any week, in the order of the desk's traders."""

    models: Sequence[WalkForward]

    def policies(self, trader: int, positions: Sequence[int]) -> list[PolicyFit | None]:
        """Return a trader's heads at `positions`; ``None`` where his own history is too short."""
        model = self.models[trader]
        active_days = np.searchsorted(model.examples.day, positions)
        return [
            fit if days >= config.OWN_MODEL_ACTIVE_DAYS else None
            for fit, days in zip(model.policies(positions), active_days, strict=True)
        ]


def learn_own(examples: Examples, trader: np.ndarray, traders: int) -> OwnModels:
    """Set up the own models of a desk.

    Parameters
    ----------
    examples
        Past trader-days of the whole desk.
    trader
        Whose day each of them is: an index below `traders`, shape (n,).
    traders
        How many traders the desk has.
    """
    return OwnModels([WalkForward(_of(examples, trader == index)) for index in range(traders)])


def _of(examples: Examples, rows: np.ndarray) -> Examples:
    return Examples(**{f.name: getattr(examples, f.name)[rows] for f in fields(Examples)})
