"""Calibrate the rules' numbers to the desk: look, propose, change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskops.desk import Desk
from riskops.errors import MissingResultError
from riskops.pipeline.evaluate import READING, Told, known
from riskops.records import Run

if TYPE_CHECKING:
    from riskops.calibration import DeskCalibration

REPLAYING = "other numbers"
STEPS = (READING, REPLAYING)


def calibrate(desk: Desk, run: Run, told: Told = lambda _step: None) -> DeskCalibration:
    """Say how much the rules restrict the desk and which numbers would bring that into its bands.

    What was known on the session's morning enters. Nothing is written and nothing is applied.

    Raises
    ------
    MissingResultError
        If nobody has traded yet.
    """
    from riskops import calibration

    told(READING)
    history, paths = known(desk, run)
    if not any(len(trader) for trader in history.traders):
        raise MissingResultError(
            f"Nobody traded before {run.session}: bring history in with `riskops load`, then calibrate."
        )
    told(REPLAYING)
    return calibration.calibrate(history, paths)
