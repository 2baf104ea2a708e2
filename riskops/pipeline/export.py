"""Export the limits of a session into its limits file, as the risk database has them."""

from __future__ import annotations

import logging
from pathlib import Path

from riskops import limits_file, second_channel
from riskops.delivery import LOCKS
from riskops.desk import Desk
from riskops.limits_file import LimitsFile, State
from riskops.pipeline.emergency import keep_reserve
from riskops.pipeline.stage import Receipt, may_mail
from riskops.records import Run
from riskops.second_channel import Entry
from riskops.whole_files import locked

LOCK = "limits_file.lock"
EXPORT_PATIENCE_SECONDS = 10.0  # the mail does not wait for it

log = logging.getLogger(__name__)


def export(desk: Desk, run: Run) -> Receipt:
    """Write the limits file of a session, and let ``current`` name it if the run is a live one.

    Exporting again writes the same bytes. A file that cannot be written is told to on-call and stops
    nothing: the next verb writes it.
    """
    try:
        path = _export(desk, run)
    except OSError as error:
        problem = f"the limits file is not written: {error.strerror} ({error.filename})"
        log.warning("%s", problem)
        if may_mail(desk, run):
            second_channel.tell(desk.settings, f"{run.session}: {problem}.", Entry.LIMITS_FILE)
        return {"limits_file": problem}
    return {} if path is None else {"limits_file": str(path)}


def standing(desk: Desk, run: Run) -> str:
    """Say in words whether the limits file of a session is what the risk database has."""
    wanted = _wanted(desk, run)
    if wanted is None:
        return "none, nothing is decided"
    written = limits_file.found(desk.settings.output, run.session, run.revision)
    if written is None:
        return "MISSING or damaged: the next verb writes it"
    if written != wanted:
        return "BEHIND the database: the next verb writes it"
    where = desk.settings.output / limits_file.folder_name(run.session, run.revision) / limits_file.JSON_NAME
    return f"{written.state.value}, {where}"


def _export(desk: Desk, run: Run) -> Path | None:
    """Read and write under one lock, so that the file ends with what was read last."""
    output = desk.settings.output
    with locked(output / LOCKS / LOCK, patience_seconds=EXPORT_PATIENCE_SECONDS):
        file = _wanted(desk, run)
        if file is None:
            return None
        path = limits_file.write(file, output)
        if may_mail(desk, run) and _stands(file):
            limits_file.make_current(file, output)
            keep_reserve(desk.settings)
    return path


def _stands(file: LimitsFile) -> bool:
    """Say whether nothing else is in force: a correction stands once its mail is out."""
    return not file.revision or file.state is State.SEALED


def _wanted(desk: Desk, run: Run) -> LimitsFile | None:
    """Return the file as it should be: decisions and seal are read in one transaction."""
    decided, is_sealed = desk.store.mornings.decided(run.session, run.revision)
    if decided is None:
        return None
    state = State.SEALED if is_sealed else State.DECIDED
    return limits_file.limits_file(decided, desk.settings.deployment, state)
